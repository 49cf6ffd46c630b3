"""A hundred items side by side and the step that joins them: ours, and DBOS.

From the entry into the step before to the entry into the step after; every item and the join are
stored in PostgreSQL (fsync on). Usage: python -m tests.benchmarks fanout
"""

import os
import time

from tests.benchmarks.harness import Interleaved, Samples
from tests.benchmarks.place import peer_database, platform
from tests.chaos.world import World

FAN = 100
ROUNDS = 5
PIPELINE = f"""
id: fan
name: Fan
version: 1
defaults: {{model: scripted/auto}}
agents: [{{id: yukihiro, name: Yukihiro}}]
steps:
  - {{id: PLAN, agent: yukihiro, input: plan, outputs: [items], onComplete: BUILD}}
  - id: BUILD
    agent: yukihiro
    input: build {{{{current_item}}}}
    loop: {{over: items, maxParallel: {FAN}, onAllComplete: JOIN}}
  - {{id: JOIN, agent: yukihiro, input: join}}
"""


def main() -> None:
    fanning = "tests.benchmarks.executor.FanningExecutor"
    with platform({"DJINNBOT_STEP_EXECUTOR": fanning, "BENCH_FAN": str(FAN)}) as world:
        directory = world.home / "pipelines"
        directory.mkdir(exist_ok=True)
        (directory / "fan.yml").write_text(PIPELINE)
        world.start_workers()
        peer = _Dbos(world)
        race = Interleaved(f"fan-out of {FAN} and join")
        race.add("DBOS", peer.fan)
        race.add("ours", lambda: _ours(world))
        race.run(ROUNDS)
        peer.close()


def _ours(world: World) -> Samples:
    run_id = world.start_run("fan")
    assert world.wait([run_id], timeout_s=120) == ["completed"]
    with world.redis() as client:
        moments = sorted(float(moment) for moment in client.lrange(f"bench:{run_id}", 0, -1))
    assert len(moments) == FAN + 2, len(moments)
    return [moments[-1] - moments[0]]


class _Dbos:
    """The peer, in this process, on a database of the same server."""

    def __init__(self, world: World) -> None:
        from dbos import DBOS

        url = peer_database(world, "dbos_bench")
        DBOS(config={"name": "bench", "system_database_url": url, "log_level": "ERROR"})

        @DBOS.step()
        def step() -> float:
            return time.time()

        @DBOS.workflow()
        def item() -> float:
            return step()

        @DBOS.workflow()
        def fan() -> float:
            began = step()
            handles = [DBOS.start_workflow(item) for _ in range(FAN)]
            for handle in handles:
                handle.get_result()
            return step() - began

        DBOS.launch()
        self._dbos = DBOS
        self._fan = fan

    def fan(self) -> Samples:
        return [self._fan()]

    def close(self) -> None:
        self._dbos.destroy()


if __name__ == "__main__":
    main()
    os._exit(0)
