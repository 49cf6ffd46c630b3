"""Named places where tests make a process die, fail or wait. Free when no fault is asked for.

    DJINN_FAULT="step.after_claim:kill"      kill -9 at every passing
    DJINN_FAULT="run.before_dispatch:raise@3,step.running:sleep=2"

`@n` fires at the n-th passing in this process only. With `DJINN_FAULT_ONCE` naming a file, the
first process that can create it fires and no other: a killed worker's successor lives.
"""

import os
import signal
import time
from collections import Counter
from dataclasses import dataclass


class InjectedFault(Exception):
    """Raised at a fault point on demand of a test."""


@dataclass(frozen=True, slots=True)
class _Fault:
    action: str
    seconds: float
    at: int  # 0: every passing


def _parse(text: str) -> dict[str, _Fault]:
    faults = {}
    for entry in filter(None, (part.strip() for part in text.split(","))):
        name, _, what = entry.partition(":")
        what, _, at = what.partition("@")
        action, _, seconds = what.partition("=")
        if action not in {"kill", "raise", "sleep"}:
            raise ValueError(f"DJINN_FAULT: {entry!r} is not name:kill|raise|sleep=SECONDS[@n]")
        faults[name] = _Fault(action, float(seconds or 0), int(at or 0))
    return faults


_faults = _parse(os.environ.get("DJINN_FAULT", ""))
_passings: Counter[str] = Counter()


def fault_point(name: str) -> None:
    if _faults:
        _pass(name)


def _pass(name: str) -> None:
    fault = _faults.get(name)
    if fault is None:
        return
    _passings[name] += 1
    if fault.at and _passings[name] != fault.at:
        return
    if not _first():
        return
    if fault.action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if fault.action == "sleep":
        time.sleep(fault.seconds)
        return
    raise InjectedFault(name)


def _first() -> bool:
    marker = os.environ.get("DJINN_FAULT_ONCE", "")
    if not marker:
        return True
    try:
        os.close(os.open(marker, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True
