import pytest
from django.conf import LazySettings

from djinnbot import celery  # noqa: F401  tasks are sent through the configured app
from tests.support.events import _events_are_as_described  # noqa: F401  a fixture
from workers.engine import steps


@pytest.fixture(autouse=True)
def _scripted(settings: LazySettings) -> None:
    settings.STEP_EXECUTOR = "tests.support.scripted_executor.ScriptedExecutor"
    settings.MAX_CONCURRENT_STEPS_PER_AGENT = 0
    steps.executor.cache_clear()
