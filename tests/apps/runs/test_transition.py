"""The short way of a transition writes what the long way writes."""

from collections.abc import Mapping
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.core.models import Event
from apps.runs import services
from apps.runs.claims import StepOutcome
from apps.runs.effects import Hold
from apps.runs.models import Run
from apps.runs.services import finish as finish_module
from apps.runs.services.claim import Claim
from tests.apps.runs.test_flow import LOOP
from tests.support.runs import drive, make_run, path, start

pytestmark = pytest.mark.django_db
THREE = [{"id": "A", "onComplete": "B"}, {"id": "B", "onComplete": "C"}, {"id": "C"}]
LOOP_SCRIPT: dict[str, Any] = {
    "PLAN": [{"outputs": {"items": '["one", "two"]', "odd": "nul \x00 and \ud800"}}],
    "BUILD": [{"outputs": {"made": "first"}}, {"outputs": {"made": "second"}}],
    "CHECK": [
        {"outputs": {"check_result": "BAD", "made": "third"}},
        {"outputs": {"check_result": "OK"}},
    ],
}


def take(run: Run) -> Claim:
    row = run.executions.get(status="queued")
    claim = services.step_take(execution_id=row.pk, attempt=row.attempt, owner="me")
    assert claim is not None
    return claim


def end(claim: Claim, hold: Hold | None = None, **outputs: str) -> Any:
    return services.step_finish(
        run_id=claim.step.run_id,
        execution_id=claim.step.execution_id,
        fence=claim.step.fence,
        outcome=StepOutcome(succeeded=True, outputs=outputs, commit_hash="c0ffee"),
        hold=hold,
        kept=claim.state,
    )


def written(run: Run) -> dict[str, Any]:
    """All that a run has left in the database, without ids, times and fences."""
    left_out = {"id", "run_id", "fence", "session_id", "lease_owner", "step_execution_id"}

    def plain(row: Mapping[str, Any]) -> dict[str, Any]:
        return {
            name: value is not None if name.endswith(("_at", "_until", "_id")) else value
            for name, value in row.items()
            if name not in left_out or name == "step_id"
        }

    return {
        "run": (run.status, run.outputs, run.error),
        "executions": [plain(row) for row in run.executions.order_by("id").values()],
        "outputs": [plain(row) for row in run.run_outputs.order_by("id").values()],
        "events": list(
            Event.objects.filter(run_id=run.id)
            .order_by("seq")
            .values_list("type", "step_id", "lifecycle", "payload__visit", "payload__outputs")
        ),
    }


@pytest.mark.parametrize("slots", [0, 1])
@pytest.mark.parametrize(("steps", "script"), [(THREE, {}), (LOOP, LOOP_SCRIPT)])
def test_both_ways_write_the_same(
    steps: list[dict[str, Any]],
    script: dict[str, Any],
    slots: int,
    settings: LazySettings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.MAX_CONCURRENT_STEPS_PER_AGENT = slots
    short = drive(make_run(steps, script))
    monkeypatch.setattr(finish_module, "is_usual", lambda state: False)
    long = drive(make_run(steps, script))
    assert short.status == "completed", short.error
    assert written(short) == written(long)


def test_the_short_way_asks_nothing_before_its_one_statement() -> None:
    run = make_run(THREE)
    start(run)
    claim = take(run)
    with CaptureQueriesContext(connection) as captured:  # does not see the prepared one
        ended = end(claim, Hold(owner="me"), x="1")
        last = end(Claim(ended.next_step, ended.state))
    assert [query["sql"] for query in captured] == []
    assert [each.attempt for each in last.queued] == [1]
    assert path(run) == ["A.1.1 completed", "B.1.1 completed", "C.1.1 queued"]


def test_the_end_of_a_run_is_one_statement_too() -> None:
    run = make_run([{"id": "A"}])
    start(run)
    claim = take(run)
    with CaptureQueriesContext(connection) as captured:  # does not see the prepared one
        end(claim, x="1")
    assert [query["sql"] for query in captured] == []
    run.refresh_from_db()
    assert (run.status, run.outputs) == ("completed", {"x": "1"})
    assert run.completed_at is not None
    assert run.finalized_at is not None  # it has no directory that somebody must deal with


def test_a_zombie_completes_nothing() -> None:
    """Not even where the run itself looks as it was left."""
    run = make_run([{"id": "A"}])
    start(run)
    zombie = take(run)
    run.executions.update(fence=zombie.step.fence + 1)
    assert end(zombie, x="old").stale
    run.refresh_from_db()
    assert (run.status, run.outputs) == ("running", {})
    assert path(run) == ["A.1.1 starting"]


def test_whoever_was_there_meanwhile_is_seen() -> None:
    """A value set by a person between claim and end is in the next step's name space."""
    run = make_run(THREE)
    start(run)
    claim = take(run)
    services.run_output_put(run_id=run.id, key="said", value="by a person")
    ended = end(claim, Hold(owner="me"), x="1")
    assert ended.next_step.variables["said"] == "by a person"


@pytest.mark.parametrize("action", ["cancel", "pause", "restart"])
def test_a_person_was_first(action: str) -> None:
    run = make_run(THREE)
    start(run)
    claim = take(run)
    if action == "cancel":
        services.run_cancel(run_id=run.id)
    elif action == "pause":
        services.run_pause(run_id=run.id)
    else:
        services.step_restart(run_id=run.id, step_id="A")
    ended = end(claim, Hold(owner="me"), x="1")
    assert ended.next_step is None
    run.refresh_from_db()
    assert run.status == {"cancel": "cancelled", "pause": "paused", "restart": "running"}[action]
    assert run.executions.filter(step_id="B").exists() == (action == "pause")


def test_a_zombie_with_a_state_writes_nothing() -> None:
    from tests.apps.runs.test_claim import expire

    run = make_run(THREE)
    start(run)
    zombie = take(run)
    expire(run)
    services.step_lost(run_id=run.id, execution_id=zombie.step.execution_id)
    assert end(zombie, Hold(owner="me"), x="old").stale
    assert path(run) == ["A.1.1 lost", "A.1.2 queued"]


def test_nobody_is_kept_waiting_by_a_kept_run(settings: LazySettings) -> None:
    settings.MAX_CONCURRENT_STEPS_PER_AGENT = 1
    first, second = make_run(THREE), make_run(THREE)
    start(first)
    claim = take(first)
    start(second)
    ended = end(claim, Hold(owner="me"))
    assert ended.next_step is None
    assert ended.wake_run_ids == (second.id,)


def test_each_statement_is_planned_once_a_connection() -> None:
    drive(make_run(THREE))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT generic_plans + custom_plans FROM pg_prepared_statements"
            " WHERE statement LIKE '%%runs_run SET version = version + 1%%'"
        )
        rows = cursor.fetchall()
    assert sorted(rows) == [(1,), (2,)]  # the end of the run, and the steps before it


def test_a_run_is_kept_while_all_who_wait_would_find_a_slot(settings: LazySettings) -> None:
    settings.MAX_CONCURRENT_STEPS_PER_AGENT = 2
    first, second, third = make_run(THREE), make_run(THREE), make_run(THREE)
    start(first)
    claim = take(first)
    start(second)
    ended = end(claim, Hold(owner="me"))
    assert ended.next_step is not None
    start(third)
    ended = end(Claim(ended.next_step, ended.state), Hold(owner="me"))
    assert ended.next_step is None
