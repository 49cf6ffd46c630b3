"""Server-sent events: one topic a response, resumed by `Last-Event-ID` or `since`."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack
from typing import Any

from django.http import StreamingHttpResponse

from apps.core.aio import in_thread
from apps.core.api.callers import Caller, caller_reloaded
from apps.core.errors import Gone, NotFound
from apps.core.live.hub import hub
from apps.core.live.limits import stream_slot
from apps.core.live.outbox import Outbox, Overflow
from apps.core.live.sieve import sieved
from apps.core.live.sources import Source
from apps.core.topics import topic_access, topic_snapshot

HEARTBEAT_S = 15.0
RECHECK_S = 60.0
RETRY_MS = 1_000


async def event_stream(
    caller: Caller, topic: str, since: str, *, session_id: str = ""
) -> StreamingHttpResponse:
    """Stream a topic, or of it only what belongs to one session. Raises NotFound, Malformed,
    LimitReached, and Gone when events after `since` are no longer kept: the client reads the
    present state and comes again with a later id."""
    if not await in_thread(topic_access, caller, topic):
        raise NotFound("There is no such stream, or not for you.")
    source = Source(topic)
    if since != "$" and await in_thread(source.is_gone, source.parse(since)):
        raise Gone("Events after this id are no longer kept.", snapshot=topic_snapshot(topic))
    stream = _Stream(caller, topic, since, session_id)
    response = StreamingHttpResponse(stream, content_type="text/event-stream")
    response["Cache-Control"] = "no-store"
    response["X-Accel-Buffering"] = "no"  # proxies must not hold frames back
    return response


class _Stream:
    """The body of a response. Django calls `close` at its end, however that comes."""

    def __init__(self, caller: Caller, topic: str, since: str, session_id: str) -> None:
        self._caller, self._topic, self._since = caller, topic, since
        # Part of every frame of that session: ids are encoded without spaces (`core.events`).
        self._mark = f'"sessionId":"{session_id}"' if session_id else ""
        self._held = ExitStack()
        self._held.enter_context(stream_slot(caller))

    def close(self) -> None:
        self._held.close()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        outbox = Outbox()
        chosen = sieved(self._caller, self._topic, outbox)
        subscription = await hub().subscribe(self._topic, self._since, chosen)
        try:
            yield f"retry: {RETRY_MS}\n\n".encode()
            async for line in _frames(self._caller, self._topic, outbox, self._mark):
                yield line
        except Overflow:
            return  # the client comes back with its last id
        finally:
            hub().unsubscribe(subscription)
            outbox.close()


async def _frames(caller: Caller, topic: str, outbox: Outbox, mark: str) -> AsyncIterator[bytes]:
    frames = aiter(outbox.texts())
    waiting: asyncio.Future[tuple[str, str]] | None = None
    change: asyncio.Future[None] | None = None
    clock = asyncio.get_running_loop().time
    heartbeat_at = clock() + HEARTBEAT_S
    try:
        while True:
            waiting = waiting or asyncio.ensure_future(anext(frames))
            change = change or asyncio.ensure_future(hub().access_change(RECHECK_S))
            both: set[asyncio.Future[Any]] = {waiting, change}
            quiet_s = max(0.0, heartbeat_at - clock())
            done, _ = await asyncio.wait(both, timeout=quiet_s, return_when=asyncio.FIRST_COMPLETED)
            if change in done:
                change = None
                if not await in_thread(_may_go_on, caller, topic):
                    return
            if waiting not in done:
                if clock() >= heartbeat_at:  # also when only access changes came meanwhile
                    yield b": heartbeat\n\n"
                    heartbeat_at = clock() + HEARTBEAT_S
                continue
            try:
                event_id, text = waiting.result()
            except StopAsyncIteration:
                return
            waiting = None
            if mark in text:
                yield _line(event_id, text)
                heartbeat_at = clock() + HEARTBEAT_S
    finally:
        for task in (waiting, change):
            if task is not None:
                task.cancel()


def _line(event_id: str, text: str) -> bytes:
    """JSON has no raw line breaks, so one `data:` line carries it."""
    head = f"id: {event_id}\n" if event_id else ""
    return f"{head}data: {text}\n\n".encode()


def _may_go_on(caller: Caller, topic: str) -> bool:
    now = caller_reloaded(caller)
    return now is not None and now.kinds == caller.kinds and topic_access(now, topic)
