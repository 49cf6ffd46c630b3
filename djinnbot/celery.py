"""The Celery application. Workers register tasks under the names of `apps.core.dispatch`."""

import logging
import os
from typing import Any

import structlog
from celery import Celery, Task
from celery.signals import (
    after_setup_logger,
    after_setup_task_logger,
    beat_init,
    celeryd_init,
    task_postrun,
    task_prerun,
)
from django.core.exceptions import ImproperlyConfigured

from apps.core.log_masking import handlers_masked

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "djinnbot.settings.local")
# All checks would load every view into each worker; `refuse_unsafe_start` runs those that matter.
os.environ.setdefault("CELERY_SKIP_CHECKS", "1")

app = Celery("djinnbot")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["workers"], related_name="tasks")


@celeryd_init.connect
@beat_init.connect
def refuse_unsafe_settings(**_: Any) -> None:
    from apps.core.safety import refuse_unsafe_start  # it needs the apps to be set up

    try:
        refuse_unsafe_start()
    except ImproperlyConfigured as exc:
        raise SystemExit(str(exc)) from exc  # a signal swallows any lesser exception


@after_setup_logger.connect
@after_setup_task_logger.connect
def mask_logs(logger: logging.Logger, **_: Any) -> None:
    """Celery puts handlers of its own in the place of ours."""
    handlers_masked(logger)


@task_prerun.connect
def name_in_logs(task_id: str, task: Task[Any, Any], **_: Any) -> None:
    """Log lines of a task carry its name, and the id of the request that sent it."""
    structlog.contextvars.clear_contextvars()
    facts = {"task": task.name}
    if request_id := (task.request.headers or {}).get("djinnbot_request_id"):
        facts["request_id"] = request_id
    structlog.contextvars.bind_contextvars(**facts)


@task_postrun.connect
def forget_in_logs(**_: Any) -> None:
    structlog.contextvars.clear_contextvars()
