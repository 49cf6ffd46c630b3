"""A worker dies at each point of a step's way (F01-F06, F09, F10)."""

import os
import signal
import time
from pathlib import Path

import httpx2
import pytest

from tests.chaos.world import World
from tests.support.live import LiveProcess, eventually

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(180)]

LEASE_AND_RECONCILER_S = 15


def agents_worker_dying_at(world: World, fault: str, marker: Path) -> LiveProcess:
    environment = {"DJINN_FAULT": f"{fault}:kill", "DJINN_FAULT_ONCE": str(marker)}
    return world.live.agents_worker(environment)


def wait_for_death(process: LiveProcess, timeout_s: float = 30) -> None:
    eventually(lambda: not process.is_alive, timeout_s=timeout_s)


def attempts(world: World, run_id: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for execution in world.executions(run_id):
        found.setdefault(execution["step_id"], []).append(execution["status"])
    return found


@pytest.mark.parametrize(
    ("fault", "tries_of_first_step", "entered"),
    [
        pytest.param("step.before_claim", ["completed"], 1, id="F01-before-claim"),
        pytest.param("step.after_claim", ["lost", "completed"], 1, id="F02-after-claim"),
        pytest.param("step.running", ["lost", "completed"], 2, id="F03-while-it-runs"),
        pytest.param("step.before_finish", ["lost", "completed"], 2, id="F03-before-the-result"),
        pytest.param("step.after_finish", ["completed"], 1, id="F04-after-the-result"),
    ],
)
def test_killed_worker_loses_and_doubles_nothing(
    world: World, tmp_path: Path, fault: str, tries_of_first_step: list[str], entered: int
) -> None:
    world.control_worker()
    doomed = agents_worker_dying_at(world, fault, tmp_path / "fired")
    run_id = world.start_run(world.add_pipeline("chain3", 3))

    wait_for_death(doomed)
    doomed.start()

    assert world.wait([run_id], timeout_s=LEASE_AND_RECONCILER_S + 15) == ["completed"]
    assert attempts(world, run_id)["S1"] == tries_of_first_step
    assert len([line for line in world.executed() if line["step"] == "S1"]) == entered


def test_control_worker_killed_between_commit_and_message(world: World, tmp_path: Path) -> None:
    """F05: the next step is in the database, its message was never sent."""
    doomed = world.control_worker(
        {"DJINN_FAULT": "run.before_dispatch:kill", "DJINN_FAULT_ONCE": str(tmp_path / "fired")}
    )
    world.live.agents_worker()

    run_id = world.start_run(world.add_pipeline("chain3", 3))

    assert world.wait([run_id], timeout_s=40) == ["completed"]
    assert (tmp_path / "fired").exists()
    assert doomed.is_alive, "a pool child died, its parent goes on"
    assert attempts(world, run_id) == {f"S{n}": ["completed"] for n in (1, 2, 3)}


def test_web_process_killed_after_it_stored_a_run(world: World, tmp_path: Path) -> None:
    """The caller saw a broken connection; asked again with the same key, there is one run."""
    world.start_workers()
    web = world["web"]
    web.kill()
    environment = web.environment
    web.environment = {
        **environment,
        "DJINN_FAULT": "run.after_create:kill",
        "DJINN_FAULT_ONCE": str(tmp_path / "fired"),
    }
    web.start()
    pipeline_id = world.add_pipeline("chain3", 3)
    body = {
        "pipeline_id": pipeline_id,
        "task": "once",
        "workspace_type": "none",
        "variables": {"behaviour": "{}"},
    }

    with pytest.raises(httpx2.TransportError):
        world.api.post("/v1/runs", json=body)
    wait_for_death(web)
    web.environment = environment
    web.start()

    answer = world.api.get("/v1/runs", params={"pipeline_id": pipeline_id, "limit": 200})
    runs = [run for run in answer.json()["items"] if run["task"] == "once"]
    world.wait([run["id"] for run in runs], timeout_s=40)
    assert len(runs) <= 1


def test_whole_worker_group_killed_and_a_second_one_takes_over(world: World) -> None:
    """F06."""
    world.control_worker()
    first = world.live.agents_worker()
    pipeline_id = world.add_pipeline("chain5", 5)
    runs = [world.start_run(pipeline_id, {"*": {"sleep": 0.4}}) for _ in range(6)]
    world.wait_for_step(runs[0], "S2", "running")

    first.kill()
    first.start()

    assert set(world.wait(runs, timeout_s=60)) == {"completed"}


def test_poison_step_ends_its_run_and_holds_up_no_other(world: World) -> None:
    """F09: each attempt kills its worker; the fourth is never made."""
    world.control_worker()
    worker = world.live.agents_worker()
    pipeline_id = world.add_pipeline("chain3", 3)
    poison = world.start_run(pipeline_id, {"S1": {"kill_attempts": 99}})

    deadline = time.monotonic() + 90
    while world.status(poison) not in {"failed", "completed"}:
        assert time.monotonic() < deadline, world.describe([poison])
        if not worker.is_alive:
            worker.start()
        time.sleep(0.1)
    if not worker.is_alive:
        worker.start()
    healthy = world.start_run(pipeline_id)

    assert world.wait([poison, healthy]) == ["failed", "completed"]
    tried = world.executions(poison)
    assert [row["status"] for row in tried] == ["lost"] * 3 or tried[-1]["status"] == "failed"
    assert len(tried) == 3
    with world.database() as connection:
        row = connection.execute(
            "SELECT error_code FROM runs_run WHERE id = %s", (poison,)
        ).fetchone()
    assert row == ("worker_lost",)


def test_deploy_ends_or_hands_over_the_running_step(world: World) -> None:
    """F10: SIGTERM in mid-step fails no run."""
    world.control_worker()
    worker = world.live.agents_worker()
    run_id = world.start_run(world.add_pipeline("chain3", 3), {"S1": {"sleep": 3}})
    world.wait_for_step(run_id, "S1", "running")

    worker.signal(signal.SIGTERM)
    wait_for_death(worker)
    worker.start()

    assert world.wait([run_id], timeout_s=40) == ["completed"]
    assert not [row for row in world.executions(run_id) if row["status"] == "failed"]


def test_frozen_worker_wakes_as_a_zombie_and_is_refused(world: World) -> None:
    """F08: the lease runs out while the worker is stopped; its late result is not accepted."""
    world.control_worker()
    first = world.live.agents_worker()
    run_id = world.start_run(world.add_pipeline("chain3", 3), {"S2": {"frozen_sleep": 1}})
    world.wait_for_step(run_id, "S2", "running")

    first.freeze()
    second = world.live.worker("agents", pool="threads", concurrency=4, name="worker-second")
    try:
        assert world.wait([run_id], timeout_s=40) == ["completed"]
    finally:
        os.killpg(first.pid, signal.SIGCONT)
    eventually(lambda: "another" in first.log or "too late" in first.log, timeout_s=40)

    assert second.is_alive
    tries = [row for row in world.executions(run_id) if row["step_id"] == "S2"]
    assert [row["status"] for row in tries] == ["lost", "completed"]
    assert tries[1]["outputs"] == {"out_2": "S2 visit 1 attempt 2"}
