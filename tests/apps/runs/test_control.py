"""What people ask of a run: stop, wait, go on, approve, steer. In every state it may be in."""

import random
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from apps.core.models import Event
from apps.runs import services
from apps.runs.effects import Hold
from apps.runs.errors import ApprovalClosed, IllegalMove, StepNotFound
from apps.runs.models import Approval, Run
from tests.apps.runs.test_flow import LOOP
from tests.support.runs import claim, drive, finish, make_run, path, start

pytestmark = pytest.mark.django_db
TWO: list[dict[str, Any]] = [{"id": "A", "onComplete": "B"}, {"id": "B"}]
GATED: list[dict[str, Any]] = [{"id": "A", "onComplete": "B"}, {"id": "B", "approval": True}]


def status(run: Run) -> str:
    run.refresh_from_db()
    return run.status


def aborted(step: object) -> bool:
    return services.step_aborted(
        run_id=step.run_id,  # type: ignore[attr-defined]
        execution_id=step.execution_id,  # type: ignore[attr-defined]
        fence=step.fence,  # type: ignore[attr-defined]
    )


def poll(step: object) -> tuple[str | None, bool] | None:
    return services.step_poll(
        execution_id=step.execution_id,  # type: ignore[attr-defined]
        fence=step.fence,  # type: ignore[attr-defined]
    )


# Cancel


def pending(run: Run) -> None:
    pass


def queued(run: Run) -> None:
    start(run)


def waiting_human(run: Run) -> None:
    start(run)
    finish(claim(run))
    assert status(run) == "waiting_human"


def paused(run: Run) -> None:
    start(run)
    services.run_pause(run_id=run.id)


def in_a_loop(run: Run) -> None:
    start(run)
    finish(claim(run), items='["one", "two"]')
    finish(claim(run))


@pytest.mark.parametrize("reach", [pending, queued, waiting_human, paused, in_a_loop])
def test_cancel_where_nothing_runs_ends_at_once(reach: Callable[[Run], None]) -> None:
    run = make_run(GATED if reach is waiting_human else LOOP if reach is in_a_loop else TWO)
    reach(run)
    assert services.run_cancel(run_id=run.id, reason="enough") == "cancelled"
    assert services.run_cancel(run_id=run.id) == "cancelled"
    assert status(run) == "cancelled"
    assert run.completed_at is not None
    assert not run.executions.filter(status__in=["pending", "queued"]).exists()
    assert Event.objects.filter(run_id=run.id, type="RUN_CANCELLED").count() == 1
    if reach is in_a_loop:
        assert set(run.loops.get().items.values_list("status", flat=True)) == {"skipped"}
    services.run_start(run_id=run.id)
    assert status(run) == "cancelled"


@pytest.mark.parametrize("stage", ["starting", "running", "finishing"])
def test_cancel_waits_for_the_box_to_be_gone(stage: str) -> None:
    run = make_run(TWO)
    start(run)
    step = claim(run)
    held = {"execution_id": step.execution_id, "fence": step.fence}
    if stage != "starting":
        services.step_running(run_id=run.id, **held)
    if stage == "finishing":
        services.step_finishing(**held)
    assert services.run_cancel(run_id=run.id) == "cancelling"
    assert poll(step) == ("cancel", False)
    assert aborted(step)
    assert status(run) == "cancelled"
    assert not aborted(step)
    assert path(run) == ["A.1.1 cancelled"]


def test_a_worker_that_never_confirms_does_not_keep_a_run_cancelling() -> None:
    run = make_run(TWO)
    start(run)
    step = claim(run)
    services.run_cancel(run_id=run.id)
    services.run_cancel_overdue(run_id=run.id)
    assert status(run) == "cancelled"
    assert poll(step) is None


def test_a_run_that_ended_is_not_cancelled() -> None:
    run = drive(make_run(TWO))
    with pytest.raises(IllegalMove):
        services.run_cancel(run_id=run.id)


@pytest.mark.django_db(transaction=True)
def test_cancel_and_finish_race_to_one_end() -> None:
    """Two hundred times at once: one end, and nothing that is not what that end says."""
    ends = set()
    for number in range(200):
        run = make_run([{"id": "A"}])
        start(run)
        step = claim(run)
        # Either side may get a head start, so that both ends happen on any machine.
        early, late = random.Random(number).choice([(0, 0), (0, 0.03), (0.03, 0), (0, 0.002)])
        barrier = threading.Barrier(2)
        told: list[object] = []

        def cancel(
            run: Run = run,
            told: list[object] = told,
            barrier: threading.Barrier = barrier,
            wait: float = early,
        ) -> None:
            try:
                connection.ensure_connection()
                barrier.wait(10)
                time.sleep(wait)
                told.append(services.run_cancel(run_id=run.id))
            except IllegalMove as exc:
                told.append(exc)
            finally:
                connection.close()

        thread = threading.Thread(target=cancel)
        thread.start()
        barrier.wait(10)
        time.sleep(late)
        finish(step, x="1")
        thread.join(20)
        row = run.executions.get()
        end = status(run)
        ends.add(end)
        if end == "completed":
            assert isinstance(told[0], IllegalMove)
            assert row.status == "completed"
        else:
            assert (end, row.status) == ("cancelled", "cancelled")
            assert run.outputs == {}
        last = Event.objects.filter(run_id=run.id, type__in=["RUN_COMPLETE", "RUN_CANCELLED"])
        assert last.count() == 1
    assert ends == {"completed", "cancelled"}


# Pause


def test_pause_lets_the_active_step_end_and_starts_no_other() -> None:
    run = make_run(TWO)
    start(run)
    step = claim(run)
    assert services.run_pause(run_id=run.id) == "pausing"
    assert poll(step) == (None, False)
    ended = finish(step, Hold(owner="me"))
    assert (ended.next_step, ended.queued) == (None, ())
    assert status(run) == "paused"
    assert path(run) == ["A.1.1 completed", "B.1.1 queued"]
    assert claim(run) is None
    assert services.run_resume(run_id=run.id) == "running"
    assert drive(run).status == "completed"


def test_pause_now_stops_the_step_and_resume_repeats_it() -> None:
    run = make_run(TWO)
    start(run)
    step = claim(run)
    assert services.run_pause(run_id=run.id, now=True) == "pausing"
    assert poll(step) == ("pause", False)
    aborted(step)
    assert status(run) == "paused"
    services.run_resume(run_id=run.id)
    assert drive(run).status == "completed"
    assert path(run) == ["A.1.1 cancelled", "A.1.2 completed", "B.1.1 completed"]


def test_a_draining_run_may_end() -> None:
    run = make_run([{"id": "A"}])
    start(run)
    step = claim(run)
    services.run_pause(run_id=run.id)
    finish(step)
    assert status(run) == "completed"


def test_pause_of_what_waits_is_at_once_and_twice_is_once() -> None:
    run = make_run(TWO)
    start(run)
    assert services.run_pause(run_id=run.id) == "paused"
    assert services.run_pause(run_id=run.id) == "paused"
    with pytest.raises(IllegalMove):
        services.run_resume(run_id=drive(make_run(TWO)).id)
    with pytest.raises(IllegalMove):
        services.run_pause(run_id=make_run(TWO).id)


# Approval


def gated() -> tuple[Run, Approval]:
    run = make_run(GATED)
    drive(run)
    assert status(run) == "waiting_human"
    return run, run.approvals.get()


def test_an_approval_opens_the_gate_once() -> None:
    run, approval = gated()
    assert path(run) == ["A.1.1 completed", "B.1.1 pending"]
    opened = services.approval_decide(
        run_id=run.id, approval_id=approval.id, approve=True, comment="mind the gap"
    )
    assert opened == "running"
    with pytest.raises(ApprovalClosed):
        services.approval_decide(run_id=run.id, approval_id=approval.id, approve=False)
    assert drive(run).status == "completed"
    assert run.executions.get(step_id="B").human_context == "mind the gap"


def test_a_rejection_fails_the_run() -> None:
    run, approval = gated()
    services.approval_decide(run_id=run.id, approval_id=approval.id, approve=False, comment="no")
    assert status(run) == "failed"
    assert (run.error_code, run.error) == ("approval_rejected", "no")
    assert path(run)[-1] == "B.1.1 failed"


def test_nobody_answers() -> None:
    run, approval = gated()
    services.approval_expire(run_id=run.id, approval_id=approval.id)
    assert status(run) == "waiting_human"
    with connection.cursor() as cursor:
        cursor.execute("UPDATE runs_approval SET expires_at = clock_timestamp()")
    services.approval_expire(run_id=run.id, approval_id=approval.id)
    assert status(run) == "failed"
    assert run.error_code == "approval_expired"


def test_an_approval_may_come_while_paused() -> None:
    run, approval = gated()
    services.run_pause(run_id=run.id)
    assert status(run) == "paused"
    services.approval_decide(run_id=run.id, approval_id=approval.id, approve=True)
    assert status(run) == "paused"
    services.run_resume(run_id=run.id)
    assert drive(run).status == "completed"


def test_resume_of_a_gated_run_waits_for_the_human_again() -> None:
    run, _ = gated()
    services.run_pause(run_id=run.id)
    assert services.run_resume(run_id=run.id) == "waiting_human"


# Hints


def test_a_hint_is_given_once_and_in_order() -> None:
    run = make_run(TWO)
    start(run)
    services.step_inject(run_id=run.id, step_id="A", text="one")
    step = claim(run)
    services.step_inject(run_id=run.id, step_id="A", text="two")
    assert poll(step) == (None, True)
    assert services.step_hints_take(execution_id=step.execution_id) == ["one", "two"]
    assert services.step_hints_take(execution_id=step.execution_id) == []
    assert poll(step) == (None, False)


def test_a_hint_needs_an_active_step() -> None:
    run = make_run(TWO)
    start(run)
    with pytest.raises(StepNotFound):
        services.step_inject(run_id=run.id, step_id="B", text="x")
    finish(claim(run))
    with pytest.raises(IllegalMove):
        services.step_inject(run_id=run.id, step_id="A", text="x")
