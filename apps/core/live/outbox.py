"""The frames that wait for one client, bounded: text melts together, state is never dropped."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Protocol

import orjson

from apps.core.events import Frame

LIMIT = 1000
MELT_FROM = 100  # a client with so many frames before it is slow: text deltas are joined
MELTED_CHARACTERS = 64_000  # of one joined frame
DELTAS = frozenset({"STEP_OUTPUT", "STEP_THINKING"})


class FrameSink(Protocol):
    """Where the hub puts the frames of a topic. The calls do not block, but for history."""

    def put(self, frame: Frame) -> None: ...

    async def put_history(self, frame: Frame) -> None: ...

    def put_notice(self, frame: Frame) -> None: ...

    def leave(self) -> None:
        """The hub puts nothing more of this topic in."""


class Overflow(Exception):
    """The client reads too slowly, even with its text deltas joined."""


class _Waiting:
    """A frame in the queue, or several text deltas that go out as one."""

    __slots__ = ("frames", "characters")

    def __init__(self, frame: Frame) -> None:
        self.frames = [frame]
        self.characters = len(frame.text)

    def takes(self, frame: Frame) -> bool:
        last = self.frames[-1]
        return (
            last.type == frame.type
            and self.characters < MELTED_CHARACTERS
            and _speaker(last) == _speaker(frame)
        )

    def add(self, frame: Frame) -> None:
        self.frames.append(frame)
        self.characters += len(frame.text)

    def text(self) -> str:
        if len(self.frames) == 1:
            return self.frames[0].text
        newest = orjson.loads(self.frames[-1].text)
        newest["data"]["chunk"] = "".join(str(f.data.get("chunk", "")) for f in self.frames)
        return orjson.dumps(newest).decode()


def _speaker(frame: Frame) -> tuple[object, object]:
    return frame.data.get("stepId"), frame.data.get("sessionId")


class Outbox:
    """Filled by the hub, emptied by one connection's writer; both on one event loop."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._queue: deque[_Waiting] = deque()
        self._last_of: dict[str, _Waiting] = {}
        self._filled = asyncio.Event()
        self._emptied = asyncio.Event()
        self.overflowed = asyncio.Event()
        self._closed = False

    def put(self, frame: Frame) -> None:
        """Queue a frame. It never blocks; a queue too long ends the connection."""
        if self.overflowed.is_set() or self._closed:
            return
        if len(self._queue) >= MELT_FROM and frame.type in DELTAS and self._melt(frame):
            return
        if len(self._queue) >= self._limit:
            self.overflowed.set()
        else:
            self._append(frame)
        self._filled.set()

    async def put_history(self, frame: Frame) -> None:
        """Queue an old frame when there is room: history waits for its reader."""
        while len(self._queue) >= self._limit // 2 and not self._closed:
            self._emptied.clear()
            await self._emptied.wait()
        self._append(frame)
        self._filled.set()

    def put_notice(self, frame: Frame) -> None:
        """Queue a frame of ours (an answer, a heartbeat), which has no place in a topic's order."""
        if not self.overflowed.is_set() and len(self._queue) < 2 * self._limit:
            self._append(frame)
            self._filled.set()

    def _append(self, frame: Frame) -> None:
        waiting = _Waiting(frame)
        self._queue.append(waiting)
        self._last_of[frame.topic] = waiting

    def _melt(self, frame: Frame) -> bool:
        last = self._last_of.get(frame.topic)
        if last is None or not last.takes(frame):
            return False
        last.add(frame)
        return True

    async def texts(self) -> AsyncIterator[tuple[str, str]]:
        """`(id, text)` of the frames as they come. Raises Overflow, ends on `close()`."""
        while True:
            while self._queue and not self.overflowed.is_set():
                waiting = self._queue.popleft()
                newest = waiting.frames[-1]
                if self._last_of.get(newest.topic) is waiting:
                    del self._last_of[newest.topic]
                self._emptied.set()
                yield newest.id, waiting.text()
            if self.overflowed.is_set():
                raise Overflow
            if self._closed:
                return
            self._filled.clear()
            await self._filled.wait()

    def leave(self) -> None:
        pass  # other topics may go on

    def close(self) -> None:
        self._closed = True
        self._filled.set()
        self._emptied.set()
