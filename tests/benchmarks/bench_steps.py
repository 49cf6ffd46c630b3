"""A durable step transition: ours kept by one worker, ours handed over by a message, and DBOS.

A transition is the time from entering one no-op step to entering the next one of the same chain,
all of it stored in PostgreSQL (fsync on) in between. Usage: python -m tests.benchmarks steps
"""

import os
import time
from collections.abc import Callable

from tests.benchmarks.harness import Interleaved, Samples, gaps, percentile, report
from tests.benchmarks.place import peer_database, platform
from tests.chaos.world import World

CHAIN = 20  # the longest way one worker keeps a run
ROUNDS = 8
RUNS = 50


def main() -> None:
    telling = "tests.benchmarks.executor.TellingExecutor"
    with platform({"DJINNBOT_STEP_EXECUTOR": telling, "BENCH_KEPT_STEPS": "1"}) as world:
        pipeline_id = world.add_pipeline("bench", CHAIN)
        peer = _Dbos(world)
        world.live.control_worker()
        race = Interleaved("step transition")
        race.add("DBOS step", peer.chain)
        race.add("ours, kept by the worker", lambda: _kept(pipeline_id))
        world.live.agents_worker()  # hands over after every step
        race.add("ours, a message each step", lambda: _handed_over(world, pipeline_id))
        race.run(ROUNDS)
        world["worker-agents"].kill()
        _throughput(world, pipeline_id, peer)
        peer.close()


def _kept(pipeline_id: str) -> Samples:
    """This process takes the first message's place and keeps the run to its end."""
    from tests.benchmarks.executor import MOMENTS, NoopExecutor
    from workers.engine import steps

    steps.KEPT_STEPS = CHAIN
    steps.executor = _always(NoopExecutor())  # type: ignore[assignment]
    execution_id = _start_here(pipeline_id)
    MOMENTS.clear()
    steps.run_step(execution_id, 1)
    assert len(MOMENTS) == CHAIN, MOMENTS
    return gaps([moment for _, moment in MOMENTS])


def _always(made: object) -> Callable[[], object]:
    return lambda: made


def _start_here(pipeline_id: str) -> int:
    """A run whose first step waits for this process: created and started, its message dropped."""
    from apps.runs.models import Run
    from apps.runs.services import run_create, run_start

    template = Run.objects.filter(pipeline_id=pipeline_id).first()
    if template is None:
        template = run_create(pipeline_id=pipeline_id, task="bench", workspace_type="none")
    run = Run.objects.create(
        pipeline_id=pipeline_id,
        snapshot_id=template.snapshot_id,
        task_description="bench",
        workspace_type="none",
    )
    (queued,) = run_start(run_id=run.id)
    return queued.execution_id


def _handed_over(world: World, pipeline_id: str) -> Samples:
    run_id = world.start_run(pipeline_id)
    return gaps(_moments(world, run_id))


def _moments(world: World, run_id: str) -> list[float]:
    with world.redis() as client:
        while True:
            moments = client.lrange(f"bench:{run_id}", 0, -1)
            if len(moments) == CHAIN:
                return [float(moment) for moment in moments]
            time.sleep(0.02)


def _throughput(world: World, pipeline_id: str, peer: "_Dbos") -> None:
    """50 runs of 20 steps: two worker processes of ours, and DBOS in this one."""
    for name in ("worker-one", "worker-two"):
        world.live.worker(
            "agents",
            pool="threads",
            concurrency=8,
            name=name,
            environment={"BENCH_KEPT_STEPS": str(CHAIN)},
        )
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(3):
        ours.append(_runs_at_once(world, pipeline_id))
        theirs.append(peer.workflows_at_once())
    for name, rates in (("DBOS, 50 workflows x 20", theirs), ("ours, 50 runs x 20", ours)):
        report(
            "steps per second",
            name,
            steps_s=round(percentile(rates, 0.5), 1),
            ratio_to_dbos=round(percentile(rates, 0.5) / percentile(theirs, 0.5), 2),
        )


def _runs_at_once(world: World, pipeline_id: str) -> float:
    """From the first step entered to the last one. The workers stand still until all runs wait."""
    workers = [world["worker-one"], world["worker-two"]]
    for worker in workers:
        worker.freeze()
    runs = [world.start_run(pipeline_id) for _ in range(RUNS)]
    for run_id in runs:
        world.wait_for_step(run_id, "S1", "queued", timeout_s=120)
    for worker in workers:
        worker.thaw()
    world.wait(runs, timeout_s=300)
    moments = [moment for run_id in runs for moment in _moments(world, run_id)]
    return len(moments) / (max(moments) - min(moments))


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
        def workflow(steps: int) -> list[float]:
            return [step() for _ in range(steps)]

        DBOS.launch()
        self._dbos = DBOS
        self._workflow = workflow

    def chain(self) -> Samples:
        return gaps(self._workflow(CHAIN))

    def workflows_at_once(self) -> float:
        handles = [self._dbos.start_workflow(self._workflow, CHAIN) for _ in range(RUNS)]
        moments = [moment for handle in handles for moment in handle.get_result()]
        return len(moments) / (max(moments) - min(moments))

    def close(self) -> None:
        self._dbos.destroy()


if __name__ == "__main__":
    main()
    os._exit(0)
