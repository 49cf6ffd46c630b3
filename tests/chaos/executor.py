"""A step executor that does as the run's `behaviour` variable says: no box, real engine.

behaviour: {"S3": {"sleep": 2, "kill_attempts": 1, "fail_attempts": 1, "frozen_sleep": 2}}
"""

import json
import os
import signal
import time
from typing import Any

from workers.engine.executor import ClaimedStep, StepControl, StepOutcome


class ChaosExecutor:
    def execute(self, step: ClaimedStep, control: StepControl) -> StepOutcome:
        behaviour = self._behaviour(step)
        _journal(step)
        control.running()
        if step.attempt <= behaviour.get("kill_attempts", 0):
            os.kill(os.getpid(), signal.SIGKILL)
        self._work(float(behaviour.get("sleep", 0)), control)
        # Nobody looks at the lease here: a zombie that wakes up only notices at the end.
        time.sleep(float(behaviour.get("frozen_sleep", 0)))
        if step.attempt <= behaviour.get("fail_attempts", 0):
            return StepOutcome(succeeded=False, error_code="agent_failed", error="as asked")
        value = f"{step.step_id} visit {step.visit} attempt {step.attempt}"
        return StepOutcome(succeeded=True, outputs=dict.fromkeys(step.step.outputs, value))

    def _behaviour(self, step: ClaimedStep) -> dict[str, Any]:
        everything = json.loads(step.variables.get("behaviour", "{}"))
        return dict(everything.get(step.step_id, everything.get("*", {})))

    def _work(self, seconds: float, control: StepControl) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            control.check()
            time.sleep(min(left, 0.05))


def _journal(step: ClaimedStep) -> None:
    """One line, one write: the lines of many processes never mix."""
    line = json.dumps(
        {
            "run": step.run_id,
            "step": step.step_id,
            "visit": step.visit,
            "attempt": step.attempt,
            "fence": step.fence,
            "pid": os.getpid(),
        }
    )
    descriptor = os.open(os.environ["CHAOS_JOURNAL"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, (line + "\n").encode())
    finally:
        os.close(descriptor)
