"""Cancelling in each state, and in a race with the end (F28, F29)."""

import time
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from tests.chaos.world import World

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(300)]

RACES = 40
SOON_S = 20  # five where nothing else runs; the steps take longer by far


def cancel(world: World, run_id: str) -> httpx2.Response:
    return world.api.post(f"/v1/runs/{run_id}/cancel", json={"reason": "enough"})


def test_cancelled_while_running(world: World) -> None:
    world.start_workers()
    run_id = world.start_run(world.add_pipeline("chain3", 3), {"S1": {"sleep": 60}})
    world.wait_for_step(run_id, "S1", "running")

    answer = cancel(world, run_id)

    assert answer.status_code in {200, 202}, answer.text
    assert world.wait([run_id], timeout_s=SOON_S, until=("cancelled",)) == ["cancelled"]
    assert cancel(world, run_id).status_code in {200, 202}


def test_cancelled_while_queued(world: World) -> None:
    world.control_worker()
    run_id = world.start_run(world.add_pipeline("chain3", 3))
    world.wait_for_step(run_id, "S1", "queued")

    cancel(world, run_id)

    assert world.wait([run_id], timeout_s=SOON_S, until=("cancelled",)) == ["cancelled"]
    world.live.agents_worker()
    assert world.executed() == []


def test_cancelled_while_pending(world: World) -> None:
    if "worker-control" in world.live.started:
        world["worker-control"].kill()
    run_id = world.start_run(world.add_pipeline("chain3", 3))

    cancel(world, run_id)
    world.start_workers()

    assert world.wait([run_id], timeout_s=SOON_S, until=("cancelled",)) == ["cancelled"]
    assert world.executions(run_id) == []


def test_cancelled_while_paused(world: World) -> None:
    world.start_workers()
    run_id = world.start_run(world.add_pipeline("chain3", 3), {"*": {"sleep": 1}})
    world.wait_for_step(run_id, "S1", "running")
    world.api.post(f"/v1/runs/{run_id}/pause", json={})
    world.wait([run_id], until=("paused",))

    cancel(world, run_id)

    assert world.wait([run_id], timeout_s=SOON_S, until=("cancelled",)) == ["cancelled"]


def test_cancel_and_end_race_to_one_end(world: World) -> None:
    """F29: whoever is first wins, and the end never changes afterwards."""
    world.start_workers()
    pipeline_id = world.add_pipeline("chain1", 1)
    step_s = 0.3

    def race(n: int) -> str:
        run_id = world.start_run(pipeline_id, {"S1": {"sleep": step_s}})
        world.wait_for_step(run_id, "S1", "running")
        time.sleep(step_s * 2 * n / RACES)
        cancel(world, run_id)
        return run_id

    with ThreadPoolExecutor(4) as pool:
        runs = list(pool.map(race, range(RACES)))
    ends = world.wait(runs, timeout_s=60)

    assert set(ends) == {"cancelled", "completed"}, "the race was no race"
    assert world.wait(runs) == ends
