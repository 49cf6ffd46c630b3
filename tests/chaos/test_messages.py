"""Messages come twice, late, or again while the step still runs (F11, F12)."""

import pytest
from celery import Celery

from djinnbot.embedded.valkey import Valkey
from tests.chaos.world import World

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(180)]


def broker(world: World) -> Celery:
    url = Valkey.of(world.layout).url()
    scheme = url.replace("unix://", "redis+socket://")
    address = scheme if url.startswith("unix") else url
    return Celery("tests", broker=address, set_as_current=False)  # others send through ours


def test_ten_deliveries_of_one_message_make_one_execution(world: World) -> None:
    """F12."""
    world.control_worker()
    run_id = world.start_run(world.add_pipeline("chain3", 3), {"*": {"sleep": 0.3}})
    world.wait_for_step(run_id, "S1", "queued")
    with world.database() as connection:
        row = connection.execute(
            "SELECT id, attempt FROM runs_stepexecution WHERE run_id = %s", (run_id,)
        ).fetchone()
    assert row is not None
    for _ in range(10):
        broker(world).send_task("runs.execute_step", args=list(row), queue="agents")

    world.live.agents_worker()

    assert world.wait([run_id], timeout_s=40) == ["completed"]
    assert len([line for line in world.executed() if line["step"] == "S1"]) == 1


def test_step_longer_than_the_visibility_timeout_runs_once(world: World) -> None:
    """F11: Redis delivers again in mid-step; the second delivery ends at the claim."""
    short = {"CELERY_VISIBILITY_TIMEOUT_S": "3"}
    world.start_workers(short)
    world.live.worker("agents", pool="threads", name="worker-second", environment=short)

    run_id = world.start_run(world.add_pipeline("chain2", 2), {"S1": {"sleep": 12}})

    assert world.wait([run_id], timeout_s=60) == ["completed"]
    assert len([line for line in world.executed() if line["step"] == "S1"]) == 1
