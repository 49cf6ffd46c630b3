"""Redis and PostgreSQL die, are emptied or restarted while runs are under way (F13, F14, F17)."""

import signal
import time

import pytest

from tests.chaos.world import World

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(240)]


def runs_under_way(world: World) -> list[str]:
    world.start_workers()
    pipeline_id = world.add_pipeline("chain6", 6)
    runs = [world.start_run(pipeline_id, {"*": {"sleep": 0.5}}) for _ in range(8)]
    world.wait_for_step(runs[0], "S2", "running")
    return runs


def test_redis_emptied_in_mid_run(world: World) -> None:
    """F13."""
    runs = runs_under_way(world)

    with world.redis() as client:
        client.flushall()

    assert set(world.wait(runs, timeout_s=90, supervised=True)) == {"completed"}


def test_redis_killed_and_back_empty_after_ten_seconds(world: World) -> None:
    """F14: without its append-only file, nothing of the broker is left."""
    runs = runs_under_way(world)

    world.valkey.kill()
    for file in (world.home / "valkey").rglob("*"):
        if file.is_file() and file.name != "password":
            file.unlink()
    time.sleep(10)
    world.valkey.start()

    assert set(world.wait(runs, timeout_s=120, supervised=True)) == {"completed"}


def test_redis_away_for_a_minute(world: World) -> None:
    """An outage shorter than the grace fails nothing: what waits, waits in the rows."""
    runs = runs_under_way(world)

    world.valkey.kill()
    time.sleep(60)
    world.valkey.start()

    assert set(world.wait(runs, timeout_s=120, supervised=True)) == {"completed"}


def test_postgresql_stopped_at_once_and_restarted(world: World) -> None:
    """F17: an immediate stop is a crash; what was committed is there again."""
    runs = runs_under_way(world)

    world.postgres.signal(signal.SIGQUIT)
    world.postgres.restart()

    assert set(world.wait(runs, timeout_s=90, supervised=True)) == {"completed"}


def test_runs_are_accepted_again_after_redis_was_away(world: World) -> None:
    """A run accepted while the broker is away is in the database, and starts when it is back."""
    world.start_workers()
    pipeline_id = world.add_pipeline("chain2", 2)
    world.valkey.kill()
    try:
        answer = world.api.post(
            "/v1/runs",
            json={"pipeline_id": pipeline_id, "task": "later", "workspace_type": "none"},
        )
    finally:
        world.valkey.start()

    assert answer.status_code in {201, 503}, answer.text
    if answer.status_code == 201:
        run_id = str(answer.json()["id"])
        world.accepted.append(run_id)
        assert world.wait([run_id], timeout_s=60, supervised=True) == ["completed"]
