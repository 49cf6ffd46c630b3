"""Going back: a step again, a run again, another way from the same point."""

from typing import Any

import pytest

from apps.runs import services
from apps.runs.errors import IllegalMove, StepNotFound
from apps.runs.models import Run, RunOutput
from tests.apps.runs.test_flow import LOOP
from tests.support.runs import claim, drive, finish, make_run, path, start

pytestmark = pytest.mark.django_db
THREE = [{"id": "A", "onComplete": "B"}, {"id": "B", "onComplete": "C"}, {"id": "C"}]
OUTPUTS = {
    "A": [{"outputs": {"x": "a", "shared": "from a"}}],
    "B": [{"outputs": {"y": "b", "shared": "from b"}}, {"outputs": {"y": "b again"}}],
    "C": [{"outputs": {"z": "c"}}],
}


def kept(run: Run) -> list[str]:
    rows = run.executions.filter(superseded=False).order_by("id")
    return [f"{row.step_id}.{row.visit} {row.status}" for row in rows]


def test_a_step_and_its_successors_run_again_exactly_once() -> None:
    run = drive(make_run(THREE, OUTPUTS))
    assert services.step_restart(run_id=run.id, step_id="B", context="look twice") == "running"
    values = dict(run.run_outputs.filter(current=True).values_list("key", "value"))
    # What B and C made is gone, and what B had replaced is back.
    assert values == {"x": "a", "shared": "from a"}
    drive(run)
    assert run.status == "completed"
    assert kept(run) == ["A.1 completed", "B.2 completed", "C.2 completed"]
    assert path(run) == [
        "A.1.1 completed",
        "B.1.1 completed",
        "C.1.1 completed",
        "B.2.1 completed",
        "C.2.1 completed",
    ]
    assert run.outputs == {"x": "a", "shared": "from a", "y": "b again", "z": "c"}
    assert run.executions.get(step_id="B", visit=2).human_context == "look twice"


def test_restart_of_a_step_that_runs_waits_for_its_box() -> None:
    run = make_run(THREE, OUTPUTS)
    start(run)
    first = claim(run)
    services.step_restart(run_id=run.id, step_id="A")
    held = {"execution_id": first.execution_id, "fence": first.fence}
    assert services.step_poll(**held) == ("restart", False)
    assert claim(run) is None  # the old box may still write
    assert finish(first, x="too late").stale
    services.step_aborted(run_id=run.id, **held)
    assert drive(run).status == "completed"
    assert kept(run) == ["A.2 completed", "B.1 completed", "C.1 completed"]


def test_the_superseded_worker_dying_does_not_block_the_restart() -> None:
    from tests.apps.runs.test_claim import expire

    run = make_run(THREE, OUTPUTS)
    start(run)
    first = claim(run)
    services.step_restart(run_id=run.id, step_id="A")
    expire(run)
    services.step_lost(run_id=run.id, execution_id=first.execution_id)
    assert drive(run).status == "completed"


def test_a_failed_run_goes_on_from_its_failed_step() -> None:
    run = drive(make_run(THREE, {"B": [{"fail": "no_provider_key"}, {}]}))
    assert run.status == "failed"
    services.step_restart(run_id=run.id, step_id="B")
    drive(run)
    assert (run.status, run.error_code, run.error) == ("completed", "", "")


def test_restart_inside_a_loop_puts_the_items_back() -> None:
    run = drive(
        make_run(
            LOOP,
            {
                "PLAN": [{"outputs": {"items": '["one", "two", "three"]'}}],
                "CHECK": [{"outputs": {"check_result": "OK"}}],
            },
        )
    )
    assert run.status == "completed"
    second = run.executions.get(step_id="BUILD", visit=2)
    run.executions.filter(step_id="BUILD", visit=3).update(superseded=False)
    # Back to the loop step's newest visit: the third item, the two before it stay done.
    services.step_restart(run_id=run.id, step_id="BUILD")
    loop = run.loops.get()
    assert loop.closed_at is None
    assert list(loop.items.values_list("status", flat=True)) == [
        "completed",
        "completed",
        "running",
    ]
    drive(run)
    assert run.status == "completed", run.error
    assert run.executions.get(pk=second.pk).superseded is False
    assert [line.split(".")[0] for line in kept(run)] == [
        *("PLAN", "BUILD", "CHECK", "BUILD", "CHECK", "BUILD", "CHECK", "SHIP")
    ]


def test_restart_before_a_loop_opens_a_new_one() -> None:
    run = drive(
        make_run(
            LOOP,
            {
                "PLAN": [
                    {"outputs": {"items": '["one", "two"]'}},
                    {"outputs": {"items": '["three"]'}},
                ],
                "CHECK": [{"outputs": {"check_result": "OK"}}],
            },
        )
    )
    services.step_restart(run_id=run.id, step_id="PLAN")
    drive(run)
    assert run.status == "completed", run.error
    open_loops = run.loops.filter(superseded=False)
    assert [list(loop.items.values_list("data", flat=True)) for loop in open_loops] == [["three"]]


def test_with_dependencies_only_what_leans_on_the_step_runs_again() -> None:
    steps: list[dict[str, Any]] = [
        {"id": "D", "dependsOn": ["B", "C"]},
        {"id": "A"},
        {"id": "B", "dependsOn": ["A"]},
        {"id": "C", "dependsOn": ["A"]},
    ]
    run = drive(make_run(steps))
    services.step_restart(run_id=run.id, step_id="B")
    drive(run)
    assert run.status == "completed"
    visits = {row.step_id: row.visit for row in run.executions.filter(superseded=False)}
    assert visits == {"A": 1, "B": 2, "C": 1, "D": 2}


def test_a_gate_is_not_asked_again_by_who_restarts() -> None:
    run = drive(make_run([{"id": "A", "onComplete": "B"}, {"id": "B", "approval": True}]))
    assert run.status == "waiting_human"
    services.step_restart(run_id=run.id, step_id="A")
    assert run.approvals.get().status == "expired"
    drive(run)
    assert run.status == "waiting_human"
    services.step_restart(run_id=run.id, step_id="B")
    assert drive(run).status == "completed"


def test_refusals() -> None:
    pending = make_run(THREE)
    with pytest.raises(IllegalMove):
        services.step_restart(run_id=pending.id, step_id="A")
    start(pending)
    with pytest.raises(StepNotFound):
        services.step_restart(run_id=pending.id, step_id="C")
    with pytest.raises(IllegalMove):
        services.run_restart(run_id=pending.id, keep_snapshot=True)


def test_the_whole_run_again_is_a_new_generation() -> None:
    run = drive(make_run(THREE, OUTPUTS))
    services.run_restart(run_id=run.id, keep_snapshot=True, context="again please")
    run.refresh_from_db()
    assert (run.status, run.generation, run.outputs) == ("pending", 2, {})
    assert not run.run_outputs.filter(current=True).exists()
    drive(run)
    assert run.status == "completed"
    assert path(run) == ["A.1.1 completed", "B.1.1 completed", "C.1.1 completed"]
    assert run.executions.count() == 6
    assert run.human_context == "again please"
    assert run.outputs == {"x": "a", "shared": "from b", "y": "b", "z": "c"}


def test_a_fork_equals_its_source_up_to_the_fork() -> None:
    run = drive(
        make_run(
            LOOP,
            {
                "PLAN": [{"outputs": {"items": '["one", "two"]', "plan": "p"}}],
                "BUILD": [{"outputs": {"made": "m"}}],
                "CHECK": [{"outputs": {"check_result": "OK"}}],
            },
        )
    )
    fork = services.run_fork(
        run_id=run.id, step_id="BUILD", visit=2, model_override="scripted/other", context="hm"
    )
    assert fork.parent_run_id == run.id
    copied = [line for line in path(fork) if not line.startswith("BUILD.2")]
    assert (
        copied
        == path(run)[: len(copied)]
        == [
            "PLAN.1.1 completed",
            "BUILD.1.1 completed",
            "CHECK.1.1 completed",
        ]
    )
    assert fork.executions.get(step_id="BUILD", visit=2).status == "queued"
    assert list(fork.loops.get().items.values_list("data", "status")) == [
        ("one", "completed"),
        ("two", "running"),
    ]
    values = dict(fork.run_outputs.filter(current=True).values_list("key", "value"))
    assert values == {"items": '["one", "two"]', "plan": "p"}
    before = RunOutput.objects.filter(run=run).count()
    drive(fork)
    assert fork.status == "completed", fork.error
    assert [line.split()[0] for line in path(fork)] == [line.split()[0] for line in path(run)]
    assert fork.outputs == run.outputs
    assert RunOutput.objects.filter(run=run).count() == before
    # A fork can be rewound as its source could.
    services.step_restart(run_id=fork.id, step_id="PLAN")
    assert drive(fork).status == "completed"
