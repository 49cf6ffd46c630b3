"""The loop breaker: tells an agent that goes round in circles from one that works.

A call brings something new when this result of this call was not seen before. An agent may repeat
itself between new things as often as it likes: an edit, then the same tests again, is work.
"""

import hashlib
import json
import re
from collections import Counter
from dataclasses import dataclass

# What differs from run to run without meaning anything: durations, clock times, addresses.
_NOISE = re.compile(
    r"\d+(?:\.\d+)?\s?(?:ms|µs|us|ns|s|sec|seconds)\b"
    r"|\d{4}-\d\d-\d\d|\d{1,2}:\d\d(?::\d\d(?:\.\d+)?)?|0x[0-9a-fA-F]+|bash-output-[\d-]+"
)
CHANGING_FACTOR = 3  # equal calls in a row whose results differ: a poll, tolerated for longer
IDLE_FACTOR = 6  # calls of any kind in a row that brought nothing new


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """What was found, in words for people."""

    reason: str


class LoopBreaker:
    """Asked before each call, told after it. `limit` 0 switches it off."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._seen: set[str] = set()
        self._stale: Counter[str] = Counter()  # calls since the last new thing
        self._open: Counter[str] = Counter()  # calls whose result is not there yet
        self._row_key = ""
        self._row = 0

    def forget(self) -> None:
        """The agent's memory was shortened: looking at things again is no sign of a loop."""
        self._seen.clear()
        self._stale.clear()

    def call(self, tool: str, args: str) -> Loop | None:
        """The loop that this call would close, which then should not be made."""
        if not self._limit:
            return None
        key = _key(tool, args)
        self._row = self._row + 1 if key == self._row_key else 1
        self._row_key = key
        if self._stale[key] + self._open[key] + 1 >= self._limit:
            return Loop(
                reason=f"The agent called {tool} {self._limit} times with equal arguments, and "
                f"nothing new came of it: {_short(args)}"
            )
        if self._row >= CHANGING_FACTOR * self._limit:
            return Loop(
                reason=f"The agent called {tool} {self._row} times in a row with equal "
                f"arguments: {_short(args)}"
            )
        if self._stale.total() >= IDLE_FACTOR * self._limit:
            return Loop(
                reason=f"The last {self._stale.total()} tool calls brought nothing that the agent "
                "had not seen before."
            )
        self._open[key] += 1
        return None

    def result(self, tool: str, args: str, result: str) -> bool:
        """Note what a call brought. True: the agent should be told that it repeats itself."""
        if not self._limit:
            return False
        key = _key(tool, args)
        self._open[key] = max(0, self._open[key] - 1)
        outcome = f"{key} {hashlib.sha256(_NOISE.sub('#', result).encode()).hexdigest()}"
        if outcome in self._seen:
            self._stale[key] += 1
        else:
            self._seen.add(outcome)
            self._stale.clear()
            self._stale[key] = 1
        return self._stale[key] + 2 == self._limit


def _key(tool: str, args: str) -> str:
    """One text for calls that differ only in the order or spacing of their arguments."""
    try:
        args = json.dumps(json.loads(args or "{}"), sort_keys=True)
    except (ValueError, RecursionError):
        pass
    return f"{tool} {hashlib.sha256(args.encode()).hexdigest()}"


def _short(args: str) -> str:
    return args if len(args) <= 200 else f"{args[:200]}…"
