"""The engine on a real Celery worker: messages, chords, retries, kills."""

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
import redis

from apps.core.dispatch import QUEUE_OF, TaskName
from apps.core.models import Event
from apps.runs import services
from apps.runs.models import Run
from djinnbot.celery import app
from tests.support.live import Live, LiveProcess, eventually
from tests.support.runs import is_over, make_run, path
from workers.engine.reconcile import reconcile

pytestmark = pytest.mark.django_db(transaction=True)

ENVIRONMENT = {
    "DJINNBOT_STEP_EXECUTOR": "tests.support.scripted_executor.ScriptedExecutor",
    "DJINNBOT_MAX_CONCURRENT_STEPS_PER_AGENT": "0",
}
ALL = "control,events,maintenance,git,agents"
THREE = [{"id": "A", "onComplete": "B"}, {"id": "B", "onComplete": "C"}, {"id": "C"}]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "executions.log"


@pytest.fixture
def worker(live: Live, log: Path) -> Callable[..., LiveProcess]:
    def started(**environment: str) -> LiveProcess:
        return live.worker(
            ALL,
            pool="threads",
            concurrency=8,
            environment={**ENVIRONMENT, "DJINN_TEST_LOG": str(log), **environment},
        )

    return started


def begun(log: Path) -> list[str]:
    lines = log.read_text().splitlines() if log.exists() else []
    return [" ".join(line.split()[2:5]) for line in lines if line.startswith("begin")]


def moment(value: datetime | None) -> datetime:
    assert value is not None
    return value


def ended(run: Run, *, by: float = 30) -> Run:
    eventually(lambda: is_over(run), timeout_s=by)
    return run


def test_every_task_is_registered_on_the_queue_it_is_sent_to() -> None:
    app.loader.import_default_modules()
    ours = {name for name in app.tasks if not name.startswith("celery.")}
    assert ours == {str(name) for name in TaskName}
    assert set(QUEUE_OF) == set(TaskName)


def test_a_run_goes_from_its_message_to_its_end(
    worker: Callable[..., LiveProcess], log: Path
) -> None:
    worker()
    run = ended(make_run(THREE))
    assert run.status == "completed", run.error
    assert begun(log) == ["A 1 1", "B 1 1", "C 1 1"]
    types = list(Event.objects.filter(run_id=run.id).order_by("seq").values_list("type", flat=True))
    assert types[0] == "RUN_CREATED"
    assert types[-1] == "RUN_COMPLETE"
    assert types.count("STEP_COMPLETE") == 3


def test_items_side_by_side_overlap_and_join(worker: Callable[..., LiveProcess], log: Path) -> None:
    worker()
    run = make_run(
        [
            {"id": "PLAN", "onComplete": "WORK", "outputs": ["items"]},
            {"id": "WORK", "loop": {"over": "items", "maxParallel": 4, "onAllComplete": "END"}},
            {"id": "END"},
        ],
        {
            "PLAN": [{"outputs": {"items": json.dumps(list(range(8)))}}],
            "WORK": [{"sleep_s": 0.3}],
        },
    )
    ended(run)
    assert run.status == "completed", run.error
    rows = list(run.executions.filter(step_id="WORK"))
    assert len(rows) == 8
    overlapping = [
        (one.pk, two.pk)
        for one in rows
        for two in rows
        if one.pk < two.pk and moment(two.started_at) < moment(one.finished_at)
    ]
    assert overlapping
    assert begun(log).count("END 1 1") == 1


def test_a_retry_waits_for_its_back_off(worker: Callable[..., LiveProcess]) -> None:
    worker()
    run = ended(make_run([{"id": "A"}], {"A": [[{"fail": "agent_failed"}, {}]]}))
    assert run.status == "completed"
    first, second = run.executions.order_by("id")
    waited = moment(second.started_at) - moment(first.finished_at)
    assert 4.5 <= waited.total_seconds() <= 12


def test_the_same_message_ten_times_executes_once(
    worker: Callable[..., LiveProcess], log: Path
) -> None:
    run = make_run([{"id": "A"}], {"A": [{"sleep_s": 0.5}]})
    services.run_start(run_id=run.id)
    row = run.executions.get()
    for _ in range(10):
        app.send_task(str(TaskName.EXECUTE_STEP), args=(row.pk, 1), queue="agents")
    worker()
    ended(run)
    assert begun(log) == ["A 1 1"]
    assert Event.objects.filter(run_id=run.id, type="STEP_COMPLETE").count() == 1


def test_lost_messages_are_sent_again(
    worker: Callable[..., LiveProcess], redis_client: redis.Redis
) -> None:
    run = make_run(THREE)
    services.run_start(run_id=run.id)
    redis_client.flushdb()
    worker()
    eventually(lambda: reconcile() or is_over(run), timeout_s=60)
    assert ended(run).status == "completed"


@pytest.mark.parametrize("point", ["step.after_claim", "step.running", "step.before_finish"])
def test_a_worker_that_dies_in_mid_step_costs_one_attempt(
    worker: Callable[..., LiveProcess], tmp_path: Path, point: str
) -> None:
    once = str(tmp_path / "died")
    lease = {"DJINNBOT_LEASE_S": "1.5", "DJINNBOT_LEASE_RENEW_S": "0.5"}
    first = worker(DJINN_FAULT=f"{point}:kill", DJINN_FAULT_ONCE=once, **lease)
    run = make_run(THREE)
    eventually(lambda: not first.is_alive)
    worker(**lease)
    eventually(lambda: (reconcile(), is_over(run))[1], timeout_s=40)
    assert run.status == "completed", run.error
    assert path(run) == ["A.1.1 lost", "A.1.2 completed", "B.1.1 completed", "C.1.1 completed"]


def test_a_worker_that_dies_after_the_outcome_repeats_nothing(
    worker: Callable[..., LiveProcess], tmp_path: Path, log: Path
) -> None:
    once = str(tmp_path / "died")
    lease = {"DJINNBOT_LEASE_S": "1.5", "DJINNBOT_LEASE_RENEW_S": "0.5"}
    first = worker(DJINN_FAULT="step.after_finish:kill", DJINN_FAULT_ONCE=once, **lease)
    run = make_run(THREE)
    eventually(lambda: not first.is_alive)
    worker(**lease)
    eventually(lambda: (reconcile(), is_over(run))[1], timeout_s=40)
    assert run.status == "completed", run.error
    assert begun(log).count("A 1 1") == 1
    assert run.executions.get(step_id="A").status == "completed"


def dead(worker: LiveProcess) -> None:
    eventually(lambda: (reconcile(), not worker.is_alive)[1], timeout_s=40)


def test_a_poison_step_fails_its_run_and_no_other(
    worker: Callable[..., LiveProcess], live: Live
) -> None:
    lease = {"DJINNBOT_LEASE_S": "1.5", "DJINNBOT_LEASE_RENEW_S": "0.5"}
    poison = make_run([{"id": "A"}], {"A": [{"kill": True}]})
    for _ in range(3):
        dead(worker(**lease))
    eventually(lambda: (reconcile(), is_over(poison))[1], timeout_s=40)
    assert (poison.status, poison.error_code) == ("failed", "worker_lost")
    worker(**lease)
    assert ended(make_run(THREE)).status == "completed"


def test_a_shutdown_hands_the_step_over(worker: Callable[..., LiveProcess], log: Path) -> None:
    first = worker(DJINNBOT_SHUTDOWN_GRACE_S="0.3")
    run = make_run([{"id": "A"}], {"A": [[{"sleep_s": 60}, {}]]})
    eventually(lambda: begun(log))
    first.stop()
    assert path(run) == ["A.1.1 lost", "A.1.2 queued"]
    assert run.executions.get(attempt=2).lost_count == 0
    worker()
    eventually(lambda: (reconcile(), is_over(run))[1], timeout_s=30)
    assert run.status == "completed"


def test_a_frozen_worker_that_thaws_writes_nothing(
    worker: Callable[..., LiveProcess], log: Path
) -> None:
    lease = {"DJINNBOT_LEASE_S": "1.5", "DJINNBOT_LEASE_RENEW_S": "0.5"}
    zombie = worker(**lease)
    run = make_run(
        [{"id": "A"}],
        {"A": [[{"sleep_s": 4, "outputs": {"by": "1"}}, {"sleep_s": 1, "outputs": {"by": "2"}}]]},
    )
    eventually(lambda: begun(log))
    zombie.freeze()
    worker(**lease)
    eventually(lambda: (reconcile(), len(begun(log)) == 2)[1], timeout_s=30)
    zombie.thaw()
    ended(run)
    assert run.outputs == {"by": "2"}
    eventually(lambda: "taken by another worker" in zombie.log)
    assert path(run) == ["A.1.1 lost", "A.1.2 completed"]
