"""Tasks that beat sends: looking after what others left."""

import redis
from celery import shared_task

from apps.accounts.services import accounts_prune
from apps.agents.sync import agents_sync_if_changed
from apps.core.api.idempotency import idempotency_prune
from apps.core.dispatch import TaskName
from apps.core.events import relay_unpublished
from apps.llm.budgets.keeper import holds_sweep
from apps.llm.usage.rollup import calls_prune, usage_roll_up
from apps.notifications.services import notifications_prune
from apps.ops.cleaner import storage_clean
from apps.ops.cleanings import cleaning_run
from apps.ops.usage import storage_measure
from apps.pipelines.library import library_sync_if_changed
from apps.runs import services
from apps.secrets.services import secrets_due_tell, secrets_prune
from workers.engine import reaper
from workers.engine.checks import reap_checks
from workers.engine.reconcile import reconcile as reconcile_once
from workers.engine.room import storage_told


@shared_task(name=TaskName.RECONCILE)
def reconcile() -> None:
    reconcile_once()


@shared_task(name=TaskName.RELAY_EVENTS, throws=(redis.RedisError,))
def relay_events() -> None:
    relay_unpublished()


@shared_task(name=TaskName.REAP_BOXES)
def reap_boxes() -> None:
    """Boxes, accounts and streams whose session is over, and what is left of checks."""
    reaper.reap_boxes()
    reap_checks()


@shared_task(name=TaskName.RETENTION)
def retention() -> None:
    services.runs_prune()
    idempotency_prune()
    accounts_prune()
    secrets_prune()
    secrets_due_tell()
    notifications_prune()
    usage_roll_up()
    calls_prune()


@shared_task(name=TaskName.SWEEP_BUDGETS)
def sweep_budgets() -> None:
    """What processes held that are gone; steps that waited for room and have some now; runs that
    cost or take more than was foretold."""
    holds_sweep()
    services.steps_unpark()
    services.runs_foretell()
    services.runs_drift()


@shared_task(name=TaskName.ROLL_UP_USAGE)
def roll_up_usage() -> None:
    usage_roll_up()


@shared_task(name=TaskName.MEASURE_STORAGE)
def measure_storage() -> None:
    storage_measure()


@shared_task(name=TaskName.CLEAN_STORAGE)
def clean_storage() -> None:
    storage_clean(dry_run=False)


@shared_task(name=TaskName.WATCH_STORAGE)
def watch_storage() -> None:
    storage_told()


@shared_task(name=TaskName.RUN_CLEANING)
def run_cleaning(cleaning_id: str, *_: object, **__: object) -> None:
    """A cleaning that somebody asked for. Delivered twice, it is done once."""
    cleaning_run(cleaning_id)


@shared_task(name=TaskName.SYNC_LIBRARIES)
def sync_libraries() -> None:
    """Tell of files that changed while nobody was reading. A look at unchanged files is cheap."""
    library_sync_if_changed()
    agents_sync_if_changed()
