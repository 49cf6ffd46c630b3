"""Many sessions begin and end, and some are killed: nothing of any of them is left."""

import random
from pathlib import Path

import pytest

from apps.accounts.models import SessionToken
from apps.runs.models import StepExecution
from apps.sessions.models import AgentSession
from tests.support.boxes import (
    BACKENDS,
    accounts_of,
    cgroups_of,
    kept_by_launcher,
    mounts_of,
    processes_of,
)
from tests.support.live import eventually
from tests.support.runs import claim
from tests.workers.agent.conftest import Start, World
from tests.workers.agent.test_faults import kill_box
from workers.engine.boxes import chosen, instance
from workers.engine.control import Control
from workers.engine.reaper import reap_boxes
from workers.engine.session import HeldSession
from workers.runners.base import APP, LABEL_APP, LABEL_INSTANCE
from workers.runners.launcher import shared_launcher

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(400)]

# 50 and 20 in all; a container takes ten times as long as a sandbox.
CYCLES = {"docker": 8, "bubblewrap": 21, "process": 21}
KILLS = {"docker": 5, "bubblewrap": 9, "process": 6}
every = pytest.mark.parametrize("backend", BACKENDS)


def begin(here: World) -> HeldSession:
    """A session whose box has been started."""
    step = claim(here.run(workspace=False))
    held = HeldSession(step, Control(step))
    held.open(None)
    return held


def over(held: HeldSession) -> None:
    """The step goes no further; its agent may begin another."""
    StepExecution.objects.filter(session_id=held.id).update(status="lost")


def temporary_files() -> set[str]:
    return {path.name for path in Path("/tmp").glob("*djinnbot-ses_*")}  # noqa: S108


def nothing_is_left(here: World) -> None:
    runner = chosen().runner
    assert runner.list({LABEL_APP: APP, LABEL_INSTANCE: instance()}) == []
    assert not list((here.home / "boxes").glob("*"))
    assert not accounts_of(here.redis, "ses_")
    assert not SessionToken.objects.filter(revoked_at=None).exists()
    assert not temporary_files()
    for session_id in AgentSession.objects.values_list("id", flat=True):
        left = [*processes_of(session_id), *mounts_of(session_id), *cgroups_of(session_id)]
        assert left == [], session_id
    eventually(lambda: not kept_by_launcher())


@every
def test_sessions_that_begin_and_end_leave_nothing(world: Start, backend: str) -> None:
    here = world(backend, [], CANCEL_GRACE_S=1)
    for number in range(CYCLES[backend]):
        held = begin(here)
        if number % 7 == 0:
            held.stop_agent()
        held.close()
        over(held)
    nothing_is_left(here)


def kill_launcher(held: HeldSession) -> None:
    if shared_launcher._process is not None:
        shared_launcher._process.kill()


def lose_worker(held: HeldSession) -> None:
    """Its launcher sees the worker's end; nobody closes the session, and no other takes it over."""
    shared_launcher.close()
    over(held)
    AgentSession.objects.filter(id=held.id).update(created_at="2000-01-01T00:00:00Z")
    assert reap_boxes() == 1


@every
def test_sessions_that_are_killed_anywhere_leave_nothing(world: Start, backend: str) -> None:
    here = world(backend, [], CANCEL_GRACE_S=1)
    chance = random.Random(7)  # noqa: S311
    for _ in range(KILLS[backend]):
        held = begin(here)
        victim = chance.choice(["box", "launcher", "worker"])
        if victim == "worker":
            lose_worker(held)
            continue
        if victim == "box":
            kill_box(AgentSession.objects.get(id=held.id))
        else:
            kill_launcher(held)
        held.close()
        over(held)
    nothing_is_left(here)
