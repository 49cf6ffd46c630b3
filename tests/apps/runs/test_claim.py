"""Taking, holding and losing a step."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import connection

from apps.core.models import Event
from apps.runs import services
from apps.runs.claims import StepOutcome
from apps.runs.effects import Hold
from apps.runs.models import Run, StepExecution
from apps.runs.services.lost import expired_leases, stale_steps
from tests.support.runs import claim, drive, finish, make_due, make_run, path, start

pytestmark = pytest.mark.django_db
TWO = [{"id": "A", "onComplete": "B"}, {"id": "B"}]


def in_threads(count: int, call: Callable[[int], Any]) -> list[Any]:
    """All at once, each with a connection of its own; results in the order of threads."""
    barrier, results = threading.Barrier(count), [None] * count

    def work(number: int) -> None:
        try:
            barrier.wait(10)
            results[number] = call(number)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return results


def expire(run: Run) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE runs_stepexecution SET lease_until = clock_timestamp() - interval '1 s'"
            " WHERE run_id = %s AND lease_until IS NOT NULL",
            [run.id],
        )


@pytest.mark.django_db(transaction=True)
def test_of_many_claims_at_once_one_wins() -> None:
    run = make_run([{"id": "A"}])
    start(run)
    row = run.executions.get()
    won = in_threads(
        8,
        lambda n: services.step_claim(execution_id=row.pk, attempt=1, owner=f"w{n}"),
    )
    claimed = [step for step in won if step is not None]
    assert len(claimed) == 1
    row.refresh_from_db()
    assert row.fence == claimed[0].fence
    assert row.status == "starting"


def test_ten_deliveries_execute_once() -> None:
    from workers.engine import steps

    run = make_run([{"id": "A"}])
    start(run)
    row = run.executions.get()
    for _ in range(10):
        steps.run_step(row.pk, row.attempt)
    assert path(run) == ["A.1.1 completed"]
    assert Event.objects.filter(run_id=run.id, type="STEP_COMPLETE").count() == 1


def test_a_stale_attempt_that_finishes_late_writes_nothing() -> None:
    run = make_run(TWO)
    start(run)
    zombie = claim(run)
    expire(run)
    assert services.step_lost(run_id=run.id, execution_id=zombie.execution_id)
    successor = claim(run)
    assert (successor.attempt, successor.step_id) == (2, "A")
    assert finish(zombie, x="old").stale
    assert not finish(successor, x="new").stale
    assert run.run_outputs.get(current=True).value == "new"
    assert path(run) == ["A.1.1 lost", "A.1.2 completed", "B.1.1 queued"]


def test_a_worker_that_lost_its_step_hears_it_everywhere() -> None:
    run = make_run(TWO)
    start(run)
    step = claim(run)
    expire(run)
    services.step_lost(run_id=run.id, execution_id=step.execution_id)
    held = {"execution_id": step.execution_id, "fence": step.fence}
    assert not services.step_renew(**held)
    assert services.step_poll(**held) is None
    assert not services.step_running(run_id=run.id, **held)
    assert not services.step_finishing(**held)
    assert not services.step_session_started(**held, session_id="ses_x")
    before = Event.objects.filter(run_id=run.id).count()
    from apps.core.events import NewEvent

    late = [NewEvent(type="STEP_OUTPUT", payload={"chunk": "x"}, lifecycle=False)]
    assert not services.step_events_append(run_id=run.id, **held, events=late)
    assert Event.objects.filter(run_id=run.id).count() == before


def test_a_step_that_kills_its_workers_ends_after_three() -> None:
    run = make_run(TWO)
    start(run)
    for _ in range(3):
        step = claim(run)
        expire(run)
        assert expired_leases() == [(run.id, step.execution_id)]
        services.step_lost(run_id=run.id, execution_id=step.execution_id)
    run.refresh_from_db()
    assert (run.status, run.error_code) == ("failed", "worker_lost")
    assert path(run) == ["A.1.1 lost", "A.1.2 lost", "A.1.3 lost"]


def test_a_lease_that_lives_is_not_taken() -> None:
    run = make_run(TWO)
    start(run)
    step = claim(run)
    assert expired_leases() == []
    assert services.step_lost(run_id=run.id, execution_id=step.execution_id) == ()
    expire(run)
    assert services.step_renew(execution_id=step.execution_id, fence=step.fence)
    assert services.step_lost(run_id=run.id, execution_id=step.execution_id) == ()


def test_handing_over_costs_no_attempt_of_the_three() -> None:
    run = make_run(TWO)
    start(run)
    for _ in range(5):
        step = claim(run)
        queued = services.step_hand_over(
            run_id=run.id, execution_id=step.execution_id, fence=step.fence
        )
        assert [each.delay_s for each in queued] == [0]
    assert run.executions.order_by("-id")[0].lost_count == 0
    assert drive(run).status == "completed"


ROUTED: list[dict[str, Any]] = [
    {"id": "A", "outputs": ["a_result"], "onResult": {"OK": {"goto": "B"}}, "maxRetries": 0},
    {"id": "B"},
]


def test_a_missing_result_is_asked_for_once_after_a_hand_over_too() -> None:
    """Attempts that shutdowns ended are no repairs."""
    run = make_run(ROUTED)
    start(run)
    for _ in range(2):
        step = claim(run)
        services.step_hand_over(run_id=run.id, execution_id=step.execution_id, fence=step.fence)
    finish(claim(run))
    repair = run.executions.order_by("-id")[0]
    assert (repair.attempt, repair.repair, repair.retry_count) == (4, True, 0)
    finish(claim(run), a_result="OK")
    assert run.executions.order_by("-id")[0].step_id == "B"


def test_a_repair_that_was_handed_over_stays_the_only_one() -> None:
    run = make_run(ROUTED)
    start(run)
    finish(claim(run))
    step = claim(run)
    services.step_hand_over(run_id=run.id, execution_id=step.execution_id, fence=step.fence)
    assert run.executions.order_by("-id")[0].repair
    finish(claim(run))
    run.refresh_from_db()
    assert (run.status, run.error_code) == ("failed", "missing_result")


def test_a_lost_worker_grants_no_second_repair() -> None:
    run = make_run([{**ROUTED[0], "maxRetries": 1}, ROUTED[1]])
    start(run)
    finish(claim(run))
    claim(run)
    expire(run)
    lost = run.executions.order_by("-id")[0]
    services.step_lost(run_id=run.id, execution_id=lost.pk)
    for _ in range(2):
        make_due(run)
        finish(claim(run))
    run.refresh_from_db()
    assert [(row.repair, row.retry_count) for row in run.executions.order_by("id")] == [
        (False, 0), (True, 0), (True, 0), (False, 1),
    ]  # fmt: skip
    assert (run.status, run.error_code) == ("failed", "missing_result")


def test_a_step_long_past_its_time_is_ended() -> None:
    run = make_run([{"id": "A", "maxRetries": 0}])
    start(run)
    step = claim(run)
    assert stale_steps(600) == []
    StepExecution.objects.filter(id=step.execution_id).update(timeout_s=0)
    assert stale_steps(-1) == [(run.id, step.execution_id, step.fence)]
    services.step_stale(run_id=run.id, execution_id=step.execution_id, fence=step.fence)
    run.refresh_from_db()
    assert (run.status, run.error_code) == ("failed", "stale")
    assert finish(step).stale


def test_the_worker_that_ends_a_step_may_go_on_with_the_next() -> None:
    run = make_run(TWO)
    start(run)
    first = claim(run)
    ended = finish(first, Hold(owner="me"), x="1")
    assert ended.next_step.step_id == "B"
    assert ended.next_step.variables["x"] == "1"
    assert ended.next_step.fence > first.fence
    assert ended.queued == ()
    row = run.executions.get(step_id="B")
    assert (row.status, row.lease_owner) == ("starting", "me")
    assert not finish(ended.next_step).stale
    run.refresh_from_db()
    assert run.status == "completed"


def test_one_step_of_an_agent_at_a_time_first_come_first_served(settings: LazySettings) -> None:
    settings.MAX_CONCURRENT_STEPS_PER_AGENT = 1
    first, second, third = (make_run(TWO) for _ in range(3))
    for run in (first, second, third):
        start(run)
    held = claim(first)
    assert claim(second) is None
    # The next in line is told when the slot is free, and nobody jumps the queue.
    ended = finish(held, Hold(owner="me"))
    assert ended.next_step is None
    assert ended.wake_run_ids == (second.id,)
    assert claim(third) is None
    assert claim(first) is None
    assert claim(second) is not None


def test_other_agents_do_not_wait(settings: LazySettings) -> None:
    settings.MAX_CONCURRENT_STEPS_PER_AGENT = 1
    one = make_run([{"id": "A", "agent": "dev"}])
    other = make_run([{"id": "A", "agent": "qa"}])
    for run in (one, other):
        start(run)
        assert claim(run) is not None


@pytest.mark.django_db(transaction=True)
def test_slots_hold_under_many_claims_at_once(settings: LazySettings) -> None:
    settings.MAX_CONCURRENT_STEPS_PER_AGENT = 2
    runs = [make_run([{"id": "A"}]) for _ in range(6)]
    for run in runs:
        start(run)
    rows = list(StepExecution.objects.order_by("id"))
    won = in_threads(
        6, lambda n: services.step_claim(execution_id=rows[n].pk, attempt=1, owner="w")
    )
    assert sum(step is not None for step in won) <= 2
    assert StepExecution.objects.filter(status="starting").count() <= 2


def test_deciding_that_fails_loses_no_outcome(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault in our own routing: the result is kept, and routed once that is mended."""
    from apps.runs.services import finish as module

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    run = make_run(TWO)
    start(run)
    step = claim(run)
    with monkeypatch.context() as patched:
        patched.setattr(module, "decide", broken)
        assert not finish(step, x="kept").stale
    row = run.executions.get()
    assert (row.status, row.outputs, row.advanced_at) == ("completed", {"x": "kept"}, None)
    services.run_advance(run.id)
    assert path(run) == ["A.1.1 completed", "B.1.1 queued"]
    services.run_advance(run.id)
    assert path(run) == ["A.1.1 completed", "B.1.1 queued"]


def test_an_error_code_of_no_use_is_not_retried_whatever_the_executor_says() -> None:
    run = make_run([{"id": "A"}])
    start(run)
    step = claim(run)
    outcome = StepOutcome(succeeded=False, error_code="budget_exceeded", retryable=True)
    services.step_finish(
        run_id=run.id, execution_id=step.execution_id, fence=step.fence, outcome=outcome
    )
    assert path(run) == ["A.1.1 failed"]
