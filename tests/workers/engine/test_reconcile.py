"""Every finding of the reconciler, made by hand, and what it does about it."""

import threading
from typing import Any

import pytest
import redis
from django.db import connection
from django_celery_beat.models import PeriodicTask

from apps.core.dispatch import QUEUE_OF, Queue, TaskName
from apps.core.schedule import beat_schedule_sync
from apps.runs import services
from apps.runs.models import Run, StepExecution
from tests.support.runs import claim, drive, finish, make_run, path, start
from workers.engine import reconcile as module
from workers.engine.reconcile import reconcile

pytestmark = pytest.mark.django_db(transaction=True)
TWO: list[dict[str, Any]] = [{"id": "A", "onComplete": "B"}, {"id": "B"}]


@pytest.fixture(autouse=True)
def _quick(redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SECOND_LOOK_S", 0.05)


def age(run: Run, seconds: int, *columns: str) -> None:
    """Let columns of the run, or `e.` ones of its executions, lie further back."""
    for column in columns:
        of_execution = column.startswith("e.")
        table, key = ("runs_stepexecution", "run_id") if of_execution else ("runs_run", "id")
        name = column.removeprefix("e.")
        with connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE {table} SET {name} = {name} - make_interval(secs => %s) WHERE {key} = %s",  # noqa: S608
                [seconds, run.id],
            )


def sent(client: redis.Redis, task: TaskName) -> int:
    """Messages of a task that wait in its queue."""
    messages: Any = client.lrange(str(QUEUE_OF[task]), 0, -1)
    return sum(f'"task": "{task}"' in str(message) for message in messages)


def status(run: Run) -> str:
    run.refresh_from_db()
    return run.status


def test_nothing_to_do_is_nothing_done() -> None:
    run = make_run(TWO)
    start(run)
    claim(run)
    drive(make_run(TWO))
    assert reconcile() == {}


def test_queued_and_unclaimed_is_sent_again(redis_client: redis.Redis) -> None:
    run = make_run(TWO)
    start(run)
    redis_client.flushdb()
    assert reconcile() == {}
    age(run, 6, "e.dispatched_at")
    assert reconcile() == {"unclaimed": 1}
    assert sent(redis_client, TaskName.EXECUTE_STEP) == 1
    assert reconcile() == {}
    # While the queue holds messages the next try waits longer.
    age(run, 6, "e.dispatched_at")
    assert reconcile() == {}
    age(run, 6, "e.dispatched_at")
    assert reconcile() == {"unclaimed": 1}


def test_what_may_not_be_claimed_is_not_sent(redis_client: redis.Redis, settings: Any) -> None:
    settings.MAX_CONCURRENT_STEPS_PER_AGENT = 1
    held, waiting, paused, later = (make_run(TWO) for _ in range(4))
    for run in (held, waiting, paused, later):
        start(run)
        age(run, 60, "e.dispatched_at")
    claim(held)
    services.run_pause(run_id=paused.id)
    StepExecution.objects.filter(run=later).update(due_at="2999-01-01T00:00Z")
    redis_client.flushdb()
    assert reconcile() == {}


def test_a_lost_worker_is_noticed_and_a_living_one_is_spared() -> None:
    lost, living = make_run(TWO), make_run(TWO)
    for run in (lost, living):
        start(run)
        claim(run)
    age(lost, 60, "e.lease_until")
    assert reconcile() == {"lost": 1}
    assert path(lost) == ["A.1.1 lost", "A.1.2 queued"]
    assert path(living) == ["A.1.1 starting"]


def test_after_an_outage_the_living_renew_first(monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run(TWO)
    start(run)
    step = claim(run)
    age(run, 60, "e.lease_until")

    def thaw(_: float) -> None:
        services.step_renew(execution_id=step.execution_id, fence=step.fence)

    monkeypatch.setattr("workers.engine.reconcile.time.sleep", thaw)
    reconcile()
    assert path(run) == ["A.1.1 starting"]


def test_an_outcome_without_a_decision_is_decided() -> None:
    run = make_run(TWO)
    start(run)
    step = claim(run)
    finish(step)
    StepExecution.objects.filter(run=run, step_id="B").delete()
    StepExecution.objects.filter(run=run).update(advanced_at=None)
    assert reconcile() == {}
    age(run, 6, "e.finished_at")
    assert reconcile() == {"not_advanced": 1}
    assert path(run) == ["A.1.1 completed", "B.1.1 queued"]


def test_a_run_in_which_nothing_is_active_goes_on_or_fails() -> None:
    run = make_run(TWO)
    start(run)
    finish(claim(run))
    StepExecution.objects.filter(run=run, step_id="B").delete()
    age(run, 11, "updated_at")
    assert reconcile()["stalled"] == 1
    assert path(run) == ["A.1.1 completed", "B.1.1 queued"]


def test_a_decision_that_always_breaks_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    from apps.runs.services import finish as finish_module

    run = make_run(TWO)
    start(run)
    step = claim(run)

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(finish_module, "decide", broken)
    finish(step)
    age(run, 6, "e.finished_at")
    reconcile()
    assert status(run) == "failed"
    assert run.error_code == "internal_error"


def test_a_run_whose_start_was_lost(redis_client: redis.Redis) -> None:
    plain, with_files = make_run(TWO), make_run(TWO, workspace_type="git_worktree")
    redis_client.flushdb()
    assert reconcile() == {}
    age(plain, 11, "updated_at")
    age(with_files, 11, "updated_at")
    assert reconcile() == {"not_started": 2}
    assert sent(redis_client, TaskName.START_RUN) == 1
    assert sent(redis_client, TaskName.PREPARE_WORKSPACE) == 1
    assert reconcile() == {}


def test_a_cancelled_run_whose_worker_never_confirms() -> None:
    run = make_run(TWO)
    start(run)
    claim(run)
    services.run_cancel(run_id=run.id)
    assert reconcile() == {}
    age(run, 61, "cancel_requested_at")
    assert reconcile() == {"cancelling": 1}
    assert status(run) == "cancelled"


def test_an_approval_nobody_gave() -> None:
    run = drive(make_run([{"id": "A", "approval": True}]))
    assert reconcile() == {}
    with connection.cursor() as cursor:
        cursor.execute("UPDATE runs_approval SET expires_at = clock_timestamp()")
    assert reconcile() == {"approvals": 1}
    assert status(run) == "failed"


def test_an_ended_run_that_was_not_tidied(redis_client: redis.Redis) -> None:
    run = drive(make_run(TWO))
    Run.objects.filter(id=run.id).update(finalized_at=None)  # as of one that has a directory
    redis_client.flushdb()
    age(run, 31, "updated_at")
    assert reconcile() == {"not_finalized": 1}
    assert sent(redis_client, TaskName.FINALIZE_RUN) == 1
    services.run_finalized(run_id=run.id)
    age(run, 31, "updated_at")
    assert reconcile() == {}


def test_a_step_that_outlived_its_limit() -> None:
    run = make_run([{"id": "A", "maxRetries": 0}])
    start(run)
    claim(run)
    assert reconcile() == {}
    age(run, 4000, "e.queued_at")
    assert reconcile() == {"stale": 1}
    assert status(run) == "failed"


def test_two_at_once_do_not_work_twice() -> None:
    runs = [make_run(TWO) for _ in range(10)]
    for run in runs:
        start(run)
        claim(run)
        age(run, 60, "e.lease_until")
    barrier, done = threading.Barrier(3), []

    def pass_once() -> None:
        barrier.wait(10)
        done.append(reconcile())
        connection.close()

    threads = [threading.Thread(target=pass_once) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sum(each.get("lost", 0) for each in done) == 10
    for run in runs:
        assert path(run) == ["A.1.1 lost", "A.1.2 queued"]


def test_one_broken_run_does_not_keep_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    bad, good = make_run(TWO), make_run(TWO)
    for run in (bad, good):
        start(run)
        claim(run)
        age(run, 60, "e.lease_until")
    real = services.step_lost

    def broken(*, run_id: str, execution_id: int) -> Any:
        if run_id == bad.id:
            raise ZeroDivisionError
        return real(run_id=run_id, execution_id=execution_id)

    monkeypatch.setattr(services, "step_lost", broken)
    reconcile()
    assert path(good) == ["A.1.1 lost", "A.1.2 queued"]


def test_the_schedule_is_written_once_and_kept_as_an_operator_sets_it() -> None:
    beat_schedule_sync()
    tasks = {task.name: task for task in PeriodicTask.objects.exclude(task__startswith="celery.")}
    assert {task.task for task in tasks.values()} == {
        "upkeep.reconcile",
        "upkeep.relay_events",
        "upkeep.reap_boxes",
        "upkeep.retention",
        "upkeep.sync_libraries",
        "upkeep.clean_storage",
        "upkeep.measure_storage",
        "upkeep.roll_up_usage",
        "upkeep.sweep_budgets",
        "upkeep.watch_storage",
        "notifications.deliver",
        "notifications.follow_feed",
    }
    assert tasks["upkeep.reconcile"].queue == str(Queue.MAINTENANCE)
    PeriodicTask.objects.filter(name="upkeep.retention").update(enabled=False)
    beat_schedule_sync()
    assert not PeriodicTask.objects.get(name="upkeep.retention").enabled
