"""A step executor whose answers stand in the run: no box, no model, everything else is real.

The run variable `script` is JSON: {step id: [answer of visit 1, of visit 2, …]}, the last one again
for every later visit. An answer is an object, or a list of objects, one an attempt:

    outputs {name: value}   fail "error_code"   error "text"   retryable bool
    sleep_s                 before the answer, listening to stop signs all the while
    events N                transcript events to write
    kill true               the worker process dies here, by SIGKILL
    steer true              wait for a hint and give it back as output `hint`
    crash true              a fault of ours: an exception nobody expects

Steps without a script succeed without outputs. Each execution appends a line to the file named by
DJINN_TEST_LOG.
"""

import json
import os
import signal
import time
from typing import Any

from workers.engine.executor import ClaimedStep, StepControl, StepOutcome

TICK_S = 0.02


class ScriptedExecutor:
    def execute(self, step: ClaimedStep, control: StepControl) -> StepOutcome:
        _note("begin", step)
        answer = _answer(step)
        if answer.get("quick"):
            return _outcome(answer)
        control.running()
        if answer.get("kill"):
            os.kill(os.getpid(), signal.SIGKILL)
        if answer.get("crash"):
            raise ZeroDivisionError("a fault of ours")
        for number in range(answer.get("events", 0)):
            control.event("STEP_OUTPUT", {"chunk": f"{number} ", "seq": number})
        _sleep(answer.get("sleep_s", 0.0), control)
        outputs = dict(answer.get("outputs", {}))
        if answer.get("steer"):
            outputs["hint"] = _hint(control)
        control.finishing()
        _note("end", step)
        return _outcome({**answer, "outputs": outputs})


def _answer(step: ClaimedStep) -> dict[str, Any]:
    script = json.loads(step.variables.get("script", "{}"))
    visits = script.get(step.step_id) or [{}]
    answer = visits[min(step.visit, len(visits)) - 1]
    if isinstance(answer, list):
        return dict(answer[min(step.attempt, len(answer)) - 1])
    return dict(answer)


def _outcome(answer: dict[str, Any]) -> StepOutcome:
    code = answer.get("fail", "")
    return StepOutcome(
        succeeded=not code,
        outputs=answer.get("outputs", {}),
        error_code=code,
        error=answer.get("error", "It was told to fail.") if code else "",
        retryable=answer.get("retryable", True),
        commit_hash=answer.get("commit", ""),
    )


def _sleep(seconds: float, control: StepControl) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        control.check()
        time.sleep(TICK_S)


def _hint(control: StepControl) -> str:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        control.check()
        if hints := control.hints():
            return "; ".join(hints)
        time.sleep(TICK_S)
    return ""


def _note(what: str, step: ClaimedStep) -> None:
    path = os.environ.get("DJINN_TEST_LOG")
    if path:
        line = f"{what} {step.run_id} {step.step_id} {step.visit} {step.attempt} {os.getpid()}\n"
        descriptor = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY)
        os.write(descriptor, line.encode())
        os.close(descriptor)
