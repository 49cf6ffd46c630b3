"""An executor's hand on its row: what is written when, and what stops it."""

import threading
from datetime import datetime
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import OperationalError

from apps.core.models import Event
from apps.runs import services
from apps.runs.claims import ClaimedStep
from apps.runs.models import StepExecution
from djinnbot.embedded.process import wait_until
from tests.support.runs import claim, make_run, path, start
from workers.engine import control as module
from workers.engine.control import Control, HandedOver
from workers.engine.executor import Cancelled, LeaseLost
from workers.engine.shutdown import Shutdown

pytestmark = pytest.mark.django_db


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> "Clock":
    clock = Clock()
    monkeypatch.setattr("workers.engine.control.time.monotonic", lambda: clock.value)
    return clock


class Clock:
    value = 1000.0

    def pass_by(self, seconds: float) -> None:
        self.value += seconds


@pytest.fixture
def step() -> ClaimedStep:
    run = make_run([{"id": "A"}])
    start(run)
    claimed: ClaimedStep = claim(run)
    return claimed


def transcript(step: ClaimedStep) -> list[Any]:
    rows = Event.objects.filter(run_id=step.run_id, lifecycle=False).order_by("seq")
    return [(row.type, row.payload) for row in rows]


def test_chunks_gather_for_a_quarter_of_a_second(step: ClaimedStep, now: Clock) -> None:
    control = Control(step)
    control.event("STEP_OUTPUT", {"chunk": "Hel", "seq": 1})
    control.event("STEP_OUTPUT", {"chunk": "lo", "seq": 2})
    control.event("STEP_THINKING", {"chunk": "hm", "seq": 3})
    control.check()
    assert transcript(step) == []
    now.pass_by(0.3)
    control.check()
    place = {"visit": 1, "attempt": 1}
    assert transcript(step) == [
        ("STEP_OUTPUT", {**place, "chunk": "Hello", "seq": 2}),
        ("STEP_THINKING", {**place, "chunk": "hm", "seq": 3}),
    ]


def test_four_kilobytes_do_not_wait(step: ClaimedStep, now: Clock) -> None:
    control = Control(step)
    control.event("STEP_OUTPUT", {"chunk": "x" * 5000, "seq": 1})
    assert len(transcript(step)) == 1


def test_other_events_are_not_merged(step: ClaimedStep, now: Clock) -> None:
    control = Control(step)
    for number in range(2):
        control.event("TOOL_CALL_START", {"toolName": "read", "toolCallId": str(number)})
    control.event("STEP_OUTPUT", {"chunk": "a", "source": "tool"})
    control.event("STEP_OUTPUT", {"chunk": "b", "source": "assistant"})
    control.flush()
    assert [name for name, _ in transcript(step)] == ["TOOL_CALL_START"] * 2 + ["STEP_OUTPUT"] * 2


def test_the_position_is_written_with_the_events_before_it(step: ClaimedStep, now: Clock) -> None:
    control = Control(step)
    control.event("STEP_OUTPUT", {"chunk": "a", "seq": 1})
    control.position("17-0")
    control.flush()
    assert StepExecution.objects.get(pk=step.execution_id).stream_position == "17-0"


def test_the_lease_is_renewed_in_time_and_stop_signs_are_seen(
    step: ClaimedStep, now: Clock, settings: LazySettings
) -> None:
    control = Control(step)
    before = StepExecution.objects.get(pk=step.execution_id).lease_until
    control.check()
    assert StepExecution.objects.get(pk=step.execution_id).lease_until == before
    now.pass_by(settings.LEASE_RENEW_S + 0.1)
    control.check()
    after = StepExecution.objects.get(pk=step.execution_id).lease_until
    assert after is not None
    assert before is not None
    assert after > before
    services.run_cancel(run_id=step.run_id)
    control.check()  # looked a moment ago
    now.pass_by(1.1)
    with pytest.raises(Cancelled, match="cancel"):
        control.check()


@pytest.mark.django_db(transaction=True)
def test_the_lease_is_kept_while_something_else_blocks(
    step: ClaimedStep, settings: LazySettings
) -> None:
    settings.LEASE_RENEW_S = 0.05

    def lease_until() -> datetime:
        until = StepExecution.objects.get(pk=step.execution_id).lease_until
        assert until is not None
        return until

    control = Control(step)
    with control.holding():
        first = lease_until()
        assert wait_until(lambda: lease_until() > first, timeout_s=30)
    last = lease_until()
    assert "lease" not in [thread.name for thread in threading.enumerate()]
    assert lease_until() == last
    services.run_delete(run_id=step.run_id, force=True)
    with control.holding():  # whose step is lost is told at the next write
        assert wait_until(
            lambda: "lease" not in [thread.name for thread in threading.enumerate()], timeout_s=30
        )


def test_hints_come_once(step: ClaimedStep, now: Clock) -> None:
    control = Control(step)
    assert control.hints() == []
    services.step_inject(run_id=step.run_id, step_id="A", text="left")
    now.pass_by(1.1)
    control.check()
    assert control.hints() == ["left"]
    assert control.hints() == []


def test_a_row_that_is_gone_stops_everything(step: ClaimedStep, now: Clock) -> None:
    control = Control(step)
    services.run_delete(run_id=step.run_id, force=True)
    now.pass_by(1.1)
    with pytest.raises(LeaseLost):
        control.check()
    with pytest.raises(LeaseLost):
        control.running()
    control.event("STEP_OUTPUT", {"chunk": "x"})
    with pytest.raises(LeaseLost):
        control.flush()


def test_a_database_that_is_away_stops_nobody_for_ten_minutes(
    step: ClaimedStep, now: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    control = Control(step)
    control.event("STEP_OUTPUT", {"chunk": "kept", "seq": 1})

    def away(**_: object) -> bool:
        raise OperationalError("gone fishing")

    with monkeypatch.context() as patched:
        for name in ("step_events_append", "step_renew", "step_poll"):
            patched.setattr(services, name, away)
        for _ in range(5):
            now.pass_by(60)
            control.check()
    now.pass_by(1.1)
    control.check()
    assert [payload["chunk"] for _, payload in transcript(step)] == ["kept"]
    with monkeypatch.context() as patched:
        for name in ("step_events_append", "step_renew", "step_poll"):
            patched.setattr(services, name, away)
        now.pass_by(601)
        with pytest.raises(LeaseLost):
            control.check()


def test_a_worker_that_must_stop_hands_over_after_its_grace(
    step: ClaimedStep, now: Clock, settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutdown = Shutdown()
    monkeypatch.setattr(module, "shutting_down", shutdown)
    control = Control(step)
    shutdown.ask()
    control.check()
    now.pass_by(settings.SHUTDOWN_GRACE_S + 1)
    with pytest.raises(HandedOver):
        control.check()


def test_facts_of_the_input_add_up(step: ClaimedStep) -> None:
    control = Control(step)
    control.note({"prompt_sha": "abc"})
    control.note({"missing": ["colour"]})
    inputs = StepExecution.objects.get(pk=step.execution_id).inputs
    assert inputs == {"prompt_sha": "abc", "missing": ["colour"]}


def test_started_is_told_once(step: ClaimedStep) -> None:
    control = Control(step)
    assert not control.is_running
    control.running()
    assert control.is_running
    assert Event.objects.filter(run_id=step.run_id, type="STEP_STARTED").count() == 1
    from apps.runs.models import Run

    assert path(Run.objects.get(id=step.run_id)) == ["A.1.1 running"]
