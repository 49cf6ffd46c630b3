"""An executor that does nothing but say when it was entered, with clock and place."""

import json
import os
import time
from dataclasses import replace

from apps.core.redis import redis_client
from workers.engine import steps
from workers.engine.executor import ClaimedStep, StepControl, StepOutcome

FAN = int(os.environ.get("BENCH_FAN", "1"))  # items of `FanningExecutor`
MOMENTS: list[tuple[str, float]] = []  # (run id, time.time()) of steps executed in this process

if os.environ.get("BENCH_KEPT_STEPS"):
    steps.KEPT_STEPS = int(os.environ["BENCH_KEPT_STEPS"])


class NoopExecutor:
    def execute(self, step: ClaimedStep, control: StepControl) -> StepOutcome:
        MOMENTS.append((step.run_id, time.time()))
        return StepOutcome(succeeded=True, outputs={"out": step.step_id})


class TellingExecutor:
    """Tells through Redis, so that another process can read the moments."""

    def execute(self, step: ClaimedStep, control: StepControl) -> StepOutcome:
        redis_client().rpush(f"bench:{step.run_id}", f"{time.time():.6f}")
        return StepOutcome(succeeded=True, outputs={"out": step.step_id})


class FanningExecutor(TellingExecutor):
    """Its first step names the items of the loop that follows."""

    def execute(self, step: ClaimedStep, control: StepControl) -> StepOutcome:
        outcome = super().execute(step, control)
        if step.step_id != "PLAN":
            return outcome
        return replace(outcome, outputs={"items": json.dumps([str(n) for n in range(FAN)])})
