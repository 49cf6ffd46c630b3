"""The websocket `/ws/`: any number of topics on one connection, each resumed from an event id.

The client sends `{"op": "subscribe", "topic", "last_event_id"}`, and `unsubscribe`, `ack`, `ping`.
The server sends frames `{id, topic, type, ts, data}`: events, and under the types `subscribed`,
`unsubscribed`, `pong`, `heartbeat`, `reset` and `error` its own words. Close codes: 1012 the server
stops, 4401 nobody known any more, 4408 too slow, 4429 too many streams.
"""

import asyncio
from contextlib import ExitStack, suppress
from typing import Any, Literal

import structlog
from channels.generic.websocket import AsyncWebsocketConsumer
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from apps.core.aio import in_thread
from apps.core.api.callers import Caller, caller_reloaded
from apps.core.api.errors import error_from
from apps.core.errors import DjinnError, Forbidden, LimitReached, Malformed
from apps.core.live.farewell import farewell_join, farewell_leave
from apps.core.live.handshake import handshake_caller
from apps.core.live.hub import Subscription, hub, notice
from apps.core.live.limits import TOPICS_A_STREAM, stream_slot
from apps.core.live.outbox import Outbox, Overflow
from apps.core.live.sieve import sieved
from apps.core.topics import topic_access

log = structlog.get_logger(__name__)

HEARTBEAT_S = 20.0
RECHECK_S = 60.0
MESSAGE_LIMIT = 4_096

NOBODY = 4401
TOO_SLOW = 4408
TOO_MANY = 4429


class ClientMessage(BaseModel):
    model_config = ConfigDict(extra="forbid")

    op: Literal["subscribe", "unsubscribe", "ack", "ping"]
    topic: str = Field(default="", max_length=128)
    last_event_id: str | int | None = None


class StreamConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]  # the package is untyped
    channel_layer_alias = ""  # none: frames come from the hub

    async def connect(self) -> None:
        self.tasks: list[asyncio.Task[None]] = []
        self.subscriptions: dict[str, Subscription] = {}
        self.held = ExitStack()
        self.outbox = Outbox()
        caller = await in_thread(handshake_caller, self.scope)
        if caller is None:
            await self.close(NOBODY)  # before accept: the handshake answers 403
            return
        self.caller: Caller = caller
        await self.accept()
        farewell_join(self)
        try:
            self.held.enter_context(stream_slot(caller))
        except LimitReached:
            await self.close(TOO_MANY)
            return
        loop = asyncio.get_running_loop()
        for work in (self._write(), self._guard(), self._beat(), self._recheck()):
            self.tasks.append(loop.create_task(work))

    async def disconnect(self, code: int) -> None:
        farewell_leave(self)
        for topic in list(self.subscriptions):
            self._leave(topic)
        self.outbox.close()
        for task in self.tasks:
            task.cancel()
        self.held.close()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        topic = ""
        try:
            message = _parsed(text_data)
            topic = message.topic
            await self._obey(message)
        except Exception as exc:  # noqa: BLE001  the edge: told to the client, with its trace logged
            error = error_from(exc)
            if error.status >= 500:
                log.error("A message on a stream failed", topic=topic, exc_info=exc)
            self._say("error", topic, code=error.code, detail=_told(error))

    async def _obey(self, message: ClientMessage) -> None:
        if message.op == "ping":
            self._say("pong")
        elif message.op == "subscribe":
            await self._join(message.topic, message.last_event_id)
        elif message.op == "unsubscribe":
            self._leave(message.topic)
            self._say("unsubscribed", message.topic)
        # An `ack` needs no answer: positions are the client's, and come back at the next subscribe.

    async def _join(self, topic: str, since: str | int | None) -> None:
        if len(self.subscriptions) >= TOPICS_A_STREAM and topic not in self.subscriptions:
            raise LimitReached(f"A stream carries {TOPICS_A_STREAM} topics.", limit=TOPICS_A_STREAM)
        if not await in_thread(topic_access, self.caller, topic):
            raise Forbidden("There is no such topic, or not for you.")
        self._leave(topic)
        position = None if since is None else str(since)
        outbox = sieved(self.caller, topic, self.outbox)
        subscription = await hub().subscribe(topic, position, outbox, announce=True)
        self.subscriptions[topic] = subscription

    def _leave(self, topic: str) -> None:
        subscription = self.subscriptions.pop(topic, None)
        if subscription is not None:
            hub().unsubscribe(subscription)

    def _say(self, type: str, topic: str = "", **data: Any) -> None:
        self.outbox.put_notice(notice(type, topic, **data))

    async def _write(self) -> None:
        with suppress(Overflow):
            async for _, text in self.outbox.texts():
                await self.send(text_data=text)

    async def _guard(self) -> None:
        """Close on a client that does not read: the writer may be waiting for it."""
        await self.outbox.overflowed.wait()
        log.warning("A stream was closed: its client is too slow", caller=self.caller.principal)
        await self.close(TOO_SLOW)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            self._say("heartbeat")

    async def _recheck(self) -> None:
        """What a caller may see can change while it looks."""
        while True:
            await hub().access_change(RECHECK_S)
            try:
                caller = await in_thread(caller_reloaded, self.caller)
                if caller is None:
                    await self.close(NOBODY)
                    return
                before, self.caller = self.caller, caller
                await self._recheck_topics(caller, same=caller.kinds == before.kinds)
            except Exception as exc:  # noqa: BLE001  the database is away: asked again in a minute
                log.warning("A stream's rights could not be checked", error=str(exc))

    async def _recheck_topics(self, caller: Caller, *, same: bool) -> None:
        """A caller of another kind than before subscribes anew: other frames are for it now."""
        for topic in list(self.subscriptions):
            if not (same and await in_thread(topic_access, caller, topic)):
                self._leave(topic)
                self._say("error", topic, code="permission_denied", detail="This topic was closed.")


def _parsed(text: str | None) -> ClientMessage:
    if text is None or len(text) > MESSAGE_LIMIT:
        raise Malformed("Send a short JSON text.", code="malformed_json")
    try:
        return ClientMessage.model_validate_json(text)
    except ValidationError as exc:
        raise Malformed("This is no message of a stream.", code="malformed_json") from exc


def _told(error: DjinnError) -> str:
    return error.message
