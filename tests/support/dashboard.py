"""A platform for the dashboard's journeys."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

from tests.conftest import database_url
from tests.support.live import live_at, live_environment, own_database, own_home, own_redis
from tests.support.servers import REPOSITORY
from tests.support.stack import Stack, running_stack

FIXTURES = REPOSITORY / "tests" / "dashboard" / "fixtures"
MODEL = "scripted/gated"  # plays fixtures/gated-script.yml
BASE = "/app"


@contextlib.contextmanager
def dashboard_platform(log_dir: Path) -> Iterator[Stack]:
    """The whole platform with the pipeline `gated`: work that takes a while, a gate, a way to
    fail."""
    assert Path(settings.DASHBOARD_INDEX).is_file(), "not built: run `make setup-dev`"
    with (
        own_home() as home,
        own_database(database_url("postgres")) as database,
        own_redis(home) as redis_url,
    ):
        for folder, source in (("pipelines", "gated.yml"), ("scripts", "gated-script.yml")):
            (home / folder).mkdir()
            shutil.copyfile(FIXTURES / source, home / folder / "gated.yml")
        environment = live_environment(
            home=home, database_url=database_url(database), redis_url=redis_url
        )
        with running_stack(live_at(environment, log_dir)) as started:
            yield started


def start_gated(platform: Stack, repository: Path, task: str = "Write the note.") -> str:
    return platform.start_run("gated", task, repository=str(repository), model_override=MODEL)
