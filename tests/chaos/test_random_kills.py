"""Workers die at random while many runs are under way (F07)."""

import os
import random
import threading

import pytest

from tests.chaos.world import World

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(400)]

SEED = int(os.environ.get("DJINN_SEED", "7"))
RUNS = int(os.environ.get("DJINN_CHAOS_RUNS", "50"))
KILL_EVERY_S = 3.0
STEPS_BETWEEN_KILLS = 5  # on a slow machine nothing would ever end otherwise


class Assassin(threading.Thread):
    """Kills one of two workers every few seconds and starts it again, until told to stop."""

    def __init__(self, world: World, names: list[str], seed: int) -> None:
        super().__init__(daemon=True)
        self._world = world
        self._names = names
        self._random = random.Random(seed)
        self._stop_asked = threading.Event()
        self._steps_before = 0
        self.kills = 0

    def run(self) -> None:
        while not self._stop_asked.wait(KILL_EVERY_S):
            # On a slow machine a start takes longer than the pause: work must be possible at all.
            up = [name for name in self._names if self._world[name].is_ready]
            steps = len(self._world.executed())
            if not up or steps < self._steps_before + STEPS_BETWEEN_KILLS:
                continue
            self._steps_before = steps
            victim = self._world[self._random.choice(up)]
            victim.kill()
            self.kills += 1
            victim.start(wait=False)

    def stop(self) -> None:
        self._stop_asked.set()
        self.join()


def test_fifty_runs_survive_a_kill_every_three_seconds(world: World) -> None:
    world.control_worker()
    for name in ("worker-one", "worker-two"):
        world.live.worker("agents", pool="threads", concurrency=8, name=name)
    pipeline_id = world.add_pipeline("chain10", 10)
    assassin = Assassin(world, ["worker-one", "worker-two"], SEED)
    assassin.start()
    try:
        runs = [world.start_run(pipeline_id, {"*": {"sleep": 0.4}}) for _ in range(RUNS)]
        world.wait(runs, timeout_s=300)
    finally:
        assassin.stop()

    assert assassin.kills > 0
    assert set(world.wait(runs)) <= {"completed", "failed"}
    failed = [run_id for run_id in runs if world.status(run_id) == "failed"]
    for run_id in failed:  # a step may be hit at each of its three attempts: that is its own reason
        lost = [row for row in world.executions(run_id) if row["status"] == "lost"]
        assert len(lost) >= 3
