"""While a box works, its supervisor tells what it takes up, and what it writes to who looks."""

from collections.abc import Callable

import pytest
import redis

from apps.sessions import box_logs
from apps.sessions.models import AgentSession
from apps.sessions.services import box_create, session_create
from tests.support.boxes import BACKENDS
from tests.workers.runners.conftest import Yard
from workers.engine.box_watch import BoxWatch


@pytest.mark.django_db
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_box_is_measured_and_its_log_sent_on(
    yard: Callable[[str], Yard], redis_client: redis.Redis, backend: str
) -> None:
    here = yard(backend)
    box = here.box("sh", "-c", "echo the word is sesame; sleep 60")
    here.shows(box, "sesame")
    session = session_create(source=AgentSession.Source.API, agent_id="a")
    row = box_create(
        session_id=session.pk, backend=backend, name=box.name, attempt=1, image="", node="",
        limits={},
    )  # fmt: skip

    watch = BoxWatch(here.runner, lambda text: text.replace("sesame", "***"))
    watch.look(box, row.pk)
    row.refresh_from_db()
    assert row.stats["memory_bytes"] > 0
    assert row.stats["processes"] > 0
    assert box_logs.lines_of(row.pk, tail=5) == []  # nobody looks

    box_logs.watch()
    for _ in range(2):
        watch._logs_at = 0.0  # two seconds later
        watch.look(box, row.pk)
    assert [line.text for line in box_logs.lines_of(row.pk, tail=5)] == ["the word is ***"]
