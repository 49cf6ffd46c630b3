"""Of a topic that tells of everybody's things, each client gets the frames of its own."""

import asyncio
from collections import OrderedDict

import structlog

from apps.core.aio import in_thread
from apps.core.api.callers import Caller
from apps.core.events import Frame
from apps.core.live.outbox import LIMIT, FrameSink, Outbox
from apps.core.topics import FrameSieve, topic_sieve

log = structlog.get_logger(__name__)

REMEMBERED = 10_000  # runs of which it is known whether they are the client's


class SievedOutbox:
    """Stands between the hub and a client's outbox. Frames keep their order.

    Whose a run is does not change, so it is asked once for each run. While it is asked for one
    frame, those after it wait.
    """

    def __init__(self, outbox: Outbox, sieve: FrameSieve) -> None:
        self._out = outbox
        self._sieve = sieve
        self._known: OrderedDict[str, bool] = OrderedDict()
        self._waiting: list[Frame] = []
        self._asking: asyncio.Task[None] | None = None

    def put(self, frame: Frame) -> None:
        mine = None if self._waiting else self._known_of(frame)
        if mine is None:
            self._wait_for(frame)
        elif mine:
            self._out.put(frame)

    async def put_history(self, frame: Frame) -> None:
        mine = self._known_of(frame)
        if mine is None:
            (mine,) = await self._ask([frame])
        if mine:
            await self._out.put_history(frame)

    def put_notice(self, frame: Frame) -> None:
        self._out.put_notice(frame)

    def leave(self) -> None:
        self._waiting.clear()
        if self._asking is not None:
            self._asking.cancel()

    def _wait_for(self, frame: Frame) -> None:
        if len(self._waiting) >= LIMIT:
            self._out.overflowed.set()
            return
        self._waiting.append(frame)
        if self._asking is None or self._asking.done():
            self._asking = asyncio.get_running_loop().create_task(self._ask_all())

    async def _ask_all(self) -> None:
        while self._waiting:
            batch = list(self._waiting)
            try:
                mine = await self._ask(batch)
            except Exception as exc:  # noqa: BLE001  the database is away: the client comes again
                log.warning("A client's frames could not be chosen", error=str(exc))
                self._waiting.clear()
                self._out.overflowed.set()
                return
            for frame, is_mine in zip(batch, mine, strict=True):
                if is_mine:
                    self._out.put(frame)
            del self._waiting[: len(batch)]

    async def _ask(self, frames: list[Frame]) -> list[bool]:
        mine = list(await in_thread(self._sieve, frames))
        for frame, is_mine in zip(frames, mine, strict=True):
            self._remember(str(frame.data.get("runId") or ""), is_mine)
        return mine

    def _known_of(self, frame: Frame) -> bool | None:
        """None: it must be asked."""
        run_id = frame.data.get("runId")
        return self._known.get(run_id) if run_id else None

    def _remember(self, run_id: str, is_mine: bool) -> None:
        if run_id:
            self._known[run_id] = is_mine
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)


def sieved(caller: Caller, topic: str, outbox: Outbox) -> FrameSink:
    """The outbox for a caller's frames of a topic: the very same where all of them are."""
    sieve = topic_sieve(caller, topic)
    return outbox if sieve is None else SievedOutbox(outbox, sieve)
