"""Messages of any task are dropped, doubled, delayed and reordered; the results are the same."""

import os
import random
import threading

import pytest

from tests.chaos.world import World

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(420)]

SEED = int(os.environ.get("DJINN_SEED", "11"))
RUNS = int(os.environ.get("DJINN_MESSAGE_RUNS", "200"))
STEPS = 3
QUEUES = ("control", "agents", "git")
PAUSE_S = 0.01


class Meddler(threading.Thread):
    """Takes waiting messages from the broker's lists and does one of four things to them."""

    def __init__(self, world: World, seed: int) -> None:
        super().__init__(daemon=True)
        self._redis = world.redis()
        self._random = random.Random(seed)
        self._stop_asked = threading.Event()
        self._held: list[tuple[str, str]] = []
        self.done = dict.fromkeys(("dropped", "doubled", "delayed", "reordered"), 0)

    def run(self) -> None:
        while not self._stop_asked.wait(PAUSE_S):
            queue = self._random.choice(QUEUES)
            message = self._redis.rpop(queue)  # the one that a worker would take next
            if isinstance(message, str):
                self._meddle(queue, message)
            self._release()

    def _meddle(self, queue: str, message: str) -> None:
        what = self._random.choice(tuple(self.done))
        self.done[what] += 1
        if what == "delayed":
            self._held.append((queue, message))
        elif what == "reordered":
            self._redis.lpush(queue, message)  # behind all others
        elif what == "doubled":
            self._redis.rpush(queue, message, message)

    def _release(self) -> None:
        if len(self._held) > 3 or (self._held and self._stop_asked.is_set()):
            self._redis.lpush(*self._held.pop(self._random.randrange(len(self._held))))

    def stop(self) -> None:
        self._stop_asked.set()
        self.join()
        for queue, message in self._held:
            self._redis.lpush(queue, message)
        self._redis.close()


def test_two_hundred_runs_end_alike_whatever_happens_to_their_messages(world: World) -> None:
    pipeline_id = world.add_pipeline("chain3", STEPS)
    world.start_workers()
    meddler = Meddler(world, SEED)
    meddler.start()
    try:
        runs = [world.start_run(pipeline_id) for _ in range(RUNS)]
        ends = world.wait(runs, timeout_s=300)
    finally:
        meddler.stop()

    assert set(ends) == {"completed"}
    assert all(meddler.done.values()), f"not each kind of fault was seen: {meddler.done}"
    for run_id in runs:
        outputs = [
            (row["step_id"], row["visit"], row["outputs"]) for row in world.executions(run_id)
        ]
        assert outputs == [
            (f"S{n}", 1, {f"out_{n}": f"S{n} visit 1 attempt 1"}) for n in range(1, STEPS + 1)
        ]
    entered = [(line["run"], line["step"]) for line in world.executed()]
    assert len(entered) == len(set(entered)) == RUNS * STEPS
