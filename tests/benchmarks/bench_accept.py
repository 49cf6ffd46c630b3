"""From the start of `POST /v1/runs` to the entry into its first step.

Usage: python -m tests.benchmarks accept
"""

import time

from tests.benchmarks.harness import Samples, in_ms, percentile, report
from tests.benchmarks.place import platform
from tests.chaos.world import World

ROUNDS = 60


def main() -> None:
    telling = "tests.benchmarks.executor.TellingExecutor"
    with platform({"DJINNBOT_STEP_EXECUTOR": telling}) as world:
        world.start_workers()
        pipeline_id = world.add_pipeline("bench", 1)
        for _ in range(5):
            _one(world, pipeline_id)
        whole, answered = [], []
        for _ in range(ROUNDS):
            answer_s, entered_s = _one(world, pipeline_id)
            answered.append(answer_s)
            whole.append(entered_s)
        report("accept to first step", "request sent -> answer", **in_ms(answered))
        report("accept to first step", "request sent -> step entered", **in_ms(whole))
        after: Samples = [entered - answer for entered, answer in zip(whole, answered, strict=True)]
        report(
            "accept to first step",
            "answer -> step entered",
            **in_ms(after),
            entered_before_answer=sum(1 for gap in after if gap < 0),
            p50_share=round(percentile(after, 0.5) / percentile(whole, 0.5), 2),
        )


def _one(world: World, pipeline_id: str) -> tuple[float, float]:
    began = time.time()
    run_id = world.start_run(pipeline_id)
    answered = time.time()
    with world.redis() as client:
        entered = client.blpop([f"bench:{run_id}"], timeout=30)
    assert entered is not None, "the step was never entered"
    world.wait([run_id])
    return answered - began, float(entered[1]) - began


if __name__ == "__main__":
    main()
