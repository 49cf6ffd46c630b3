"""One Redis reader a process, and fan-out in memory.

The hub keeps, for each topic that somebody here listens to, the position up to which it has told
its listeners. The reader task takes new frames from the Redis streams; a frame that does not follow
the last one, or the poll of every few seconds, makes the hub read PostgreSQL from its position. So
Redis may lose, double or delay whatever it likes: listeners get every event once and in order.

A new listener is registered first, then reads history from its own position, and goes live in the
moment at which it has caught up with the hub. All of it runs on one event loop: between two
`await`s nothing else happens, which is what makes that moment exact.
"""

import asyncio
import contextlib
import secrets
import weakref
from collections.abc import Coroutine
from typing import Any, cast

import orjson
import redis
import redis.asyncio
import structlog

from apps.core.aio import in_thread
from apps.core.events import FEED_STREAM, STREAM_PREFIX, Frame, events_positions, now_timestamp
from apps.core.live.access import ACCESS_STREAM
from apps.core.live.outbox import FrameSink
from apps.core.live.sources import Page, Position, Source
from apps.core.redis import blocking_client
from apps.core.topics import topic_snapshot

log = structlog.get_logger(__name__)

POLL_S = 5.0
READ_BLOCK_MS = 5_000
READ_COUNT = 500
RECONNECT_S = (0.1, 0.2, 0.5, 1.0, 2.0)
UNSETTLED_WAIT_S = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
UNSETTLED_TRIES = 40  # then the poll goes on asking

Entries = list[tuple[bytes, dict[bytes, bytes]]]


class Subscription:
    """One client's place in one topic."""

    def __init__(self, channel: "Channel", outbox: FrameSink) -> None:
        self.channel = channel
        self.outbox = outbox
        self.position = Position()
        self.live = False
        self.replay: asyncio.Task[None] | None = None

    @property
    def topic(self) -> str:
        return self.channel.source.topic

    def offer(self, frame: Frame, position: Position) -> None:
        """A live frame. While history is read it is left out: history will bring it."""
        if self.live and position > self.position:
            self.position = position
            self.outbox.put(frame)


class Channel:
    """One topic with listeners here."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.position = Position()
        self.read_id = ""  # where XREAD goes on; empty until the channel is open
        self.subscriptions: set[Subscription] = set()
        self.wanted = Position()  # PostgreSQL is read until here
        self.filler: asyncio.Task[None] | None = None
        self.opened = asyncio.Event()

    def deliver(self, frame: Frame) -> bool:
        """Give a frame to the listeners unless they have it. False: something is missing before."""
        position = self.source.of(frame)
        if position <= self.position:
            return True
        if not self.source.follows(frame, self.position):
            return False
        self.advance(frame, position)
        return True

    def advance(self, frame: Frame, position: Position) -> None:
        self.position = position
        for subscription in tuple(self.subscriptions):
            subscription.offer(frame, position)


class Hub:
    """Use `hub()`, not this: there is one for each event loop, so one a process."""

    def __init__(self) -> None:
        self._channels: dict[str, Channel] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._client: redis.asyncio.Redis | None = None
        self._wake_stream = f"{STREAM_PREFIX}wake:{secrets.token_hex(6)}"
        self._wake_id = "0"
        self._access_id = "$"
        self._access_changed = asyncio.Event()
        self._running = False

    # Listening

    async def subscribe(
        self, topic: str, since: str | None, outbox: FrameSink, *, announce: bool = False
    ) -> Subscription:
        """Listen to a topic from a position on: `None` or `$` for what is new, `0` for all.

        `announce`: first say `subscribed`, with the position at which it starts.
        Raises Malformed for a position that is none, and what the database raises.
        """
        self._start()
        source = Source(topic)
        start = None if since in (None, "$") else source.parse(str(since))
        channel = self._channels.get(topic)
        if channel is None:
            channel = self._channels[topic] = Channel(source)
        subscription = Subscription(channel, outbox)
        channel.subscriptions.add(subscription)
        try:
            await self._open(channel)
        except BaseException:
            self.unsubscribe(subscription)
            raise
        subscription.position = channel.position if start is None else start
        if announce:
            start_id = source.write(subscription.position)
            outbox.put_notice(notice("subscribed", topic, start_id))
        subscription.replay = self._spawn(self._replay(subscription))
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        channel = subscription.channel
        subscription.live = False
        subscription.outbox.leave()
        if subscription.replay is not None:
            subscription.replay.cancel()
        channel.subscriptions.discard(subscription)
        if not channel.subscriptions and self._channels.get(channel.source.topic) is channel:
            del self._channels[channel.source.topic]
            if channel.filler is not None:
                channel.filler.cancel()

    async def access_change(self, timeout_s: float) -> None:
        """Wait until somebody's access may have changed, or until the time is up."""
        self._start()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._access_changed.wait()

    def _tell_access_changed(self) -> None:
        """All who wait go on; who comes later waits for the next change."""
        self._access_changed.set()
        self._access_changed = asyncio.Event()

    async def _open(self, channel: Channel) -> None:
        """Find where the topic stands now, once, and let the reader take it up."""
        if not channel.read_id:
            end = await in_thread(channel.source.end)
            if not channel.read_id:
                channel.position = max(channel.position, end)
                channel.read_id = (
                    await self._hint_id()
                    if channel.source.is_feed
                    else f"{channel.position.major}-0"
                )
                channel.opened.set()
                self._spawn(self._wake())
        await channel.opened.wait()

    async def _access_position(self) -> str:
        """Where to go on in the stream of changes: at first its end, and a place from then on, so
        that nothing is missed between two reads."""
        if self._access_id == "$":
            assert self._client is not None
            newest = await self._client.xrevrange(ACCESS_STREAM, count=1)
            self._access_id = cast(bytes, newest[0][0]).decode() if newest else "0-0"
        return self._access_id

    async def _hint_id(self) -> str:
        assert self._client is not None
        try:
            newest = await self._client.xrevrange(FEED_STREAM, count=1)
        except redis.RedisError:
            return "$"
        return cast(bytes, newest[0][0]).decode() if newest else "0-0"

    async def _replay(self, subscription: Subscription) -> None:
        """Bring a listener from its own position to the hub's, then make it live."""
        source, channel = subscription.channel.source, subscription.channel
        if await in_thread(source.is_gone, subscription.position):
            self._reset(subscription)
        while subscription.position < channel.position:
            page = await self._page(source, subscription.position)
            for frame in page.frames:
                await subscription.outbox.put_history(frame)
            subscription.position = page.position
            if source.is_feed and not page.full and channel.position <= page.covered:
                break  # there are no rows between
            if not source.is_feed and not page.frames:
                self._reset(subscription)  # the rows went while we read
        subscription.live = True

    def _reset(self, subscription: Subscription) -> None:
        """Tell a listener that events after its position are gone, and go on from the present."""
        channel = subscription.channel
        subscription.position = channel.position
        subscription.outbox.put_notice(reset_frame(channel.source, channel.position))

    async def _page(self, source: Source, position: Position) -> Page:
        return await in_thread(source.after, position)

    # Reading Redis

    def _start(self) -> None:
        if self._running:
            return
        self._running = True
        self._client = blocking_client()
        self._spawn(self._read_forever())
        self._spawn(self._poll_forever())

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("A task of the hub failed", exc_info=task.exception())

    async def _wake(self) -> None:
        """Make a blocked XREAD return, so that it reads the new channel's stream too."""
        assert self._client is not None
        with contextlib.suppress(redis.RedisError):
            await self._client.xadd(self._wake_stream, {"w": "1"}, maxlen=1, approximate=False)
            await self._client.expire(self._wake_stream, 3600)

    async def _read_forever(self) -> None:
        failures = 0
        while True:
            try:
                await self._read_once()
                failures = 0
            except redis.RedisError as exc:
                if not failures:
                    log.warning("The reader lost Redis; the poll goes on", error=str(exc))
                await asyncio.sleep(RECONNECT_S[min(failures, len(RECONNECT_S) - 1)])
                failures += 1

    async def _read_once(self) -> None:
        assert self._client is not None
        open_channels = {c.source.stream: c for c in self._channels.values() if c.read_id}
        streams: dict[Any, Any] = {stream: c.read_id for stream, c in open_channels.items()}
        streams[self._wake_stream] = self._wake_id
        streams[ACCESS_STREAM] = await self._access_position()
        reply = await self._client.xread(streams, count=READ_COUNT, block=READ_BLOCK_MS)
        for raw, entries in cast(list[tuple[bytes, Entries]], reply or []):
            stream = raw.decode()
            if stream == self._wake_stream:
                self._wake_id = entries[-1][0].decode()
                continue
            if stream == ACCESS_STREAM:
                self._access_id = entries[-1][0].decode()
                self._tell_access_changed()
                continue
            self._take(open_channels[stream], entries)
        await asyncio.sleep(0)  # let the writers out

    def _take(self, channel: Channel, entries: Entries) -> None:
        if self._channels.get(channel.source.topic) is not channel:
            return  # nobody listens any more
        channel.read_id = entries[-1][0].decode()
        if channel.source.is_feed:
            newest = max(int(fields[b"x"]) for _, fields in entries)
            self._fill(channel, Position(newest, 0))
            return
        for entry_id, fields in entries:
            seq = entry_id.partition(b"-")[0].decode()
            frame = Frame(channel.source.topic, seq, fields[b"y"].decode(), fields[b"f"].decode())
            if not channel.deliver(frame):
                self._fill(channel, Position(int(seq), 0))

    # Reading PostgreSQL

    async def _poll_forever(self) -> None:
        while True:
            await asyncio.sleep(POLL_S)
            try:
                await self._poll_once()
            except Exception as exc:  # noqa: BLE001  the database is away: next time
                log.warning("The poll for missed events failed", error=str(exc))

    async def _poll_once(self) -> None:
        channels = {c.source.topic: (c, c.position) for c in self._channels.values() if c.read_id}
        counted = [topic for topic, (c, _) in channels.items() if not c.source.is_feed]
        ends = await in_thread(events_positions, counted) if counted else {}
        for topic, (channel, before) in channels.items():
            if channel.source.is_feed:
                self._fill(channel, Position())
            elif ends.get(topic, 0) > channel.position.major:
                self._fill(channel, Position(ends[topic], 0))
            elif ends.get(topic, 0) < before.major:
                self._rewind(channel, Position(ends.get(topic, 0), 0))

    def _rewind(self, channel: Channel, end: Position) -> None:
        """The log stands before us: the topic was deleted, or the database restored."""
        channel.position = end
        channel.read_id = f"{end.major}-0"
        for subscription in tuple(channel.subscriptions):
            if subscription.live:
                self._reset(subscription)
        self._spawn(self._wake())

    def _fill(self, channel: Channel, wanted: Position) -> None:
        channel.wanted = max(channel.wanted, wanted)
        if channel.filler is None or channel.filler.done():
            channel.filler = self._spawn(self._fill_until_there(channel))

    async def _fill_until_there(self, channel: Channel) -> None:
        tries = 0
        while tries < UNSETTLED_TRIES:
            try:
                page = await self._page(channel.source, channel.position)
            except Exception as exc:  # noqa: BLE001  the database is away: the listeners wait
                log.warning("Missed events could not be read yet", error=str(exc))
                await asyncio.sleep(RECONNECT_S[-1])
                tries += 1
                continue
            for frame in page.frames:
                position = channel.source.of(frame)
                if position > channel.position:
                    channel.advance(frame, position)
            if page.full:
                continue
            if self._is_there(channel, page):
                return
            await asyncio.sleep(UNSETTLED_WAIT_S[min(tries, len(UNSETTLED_WAIT_S) - 1)])
            tries += 1

    @staticmethod
    def _is_there(channel: Channel, page: Page) -> bool:
        if channel.source.is_feed:
            return page.covered > channel.wanted
        return channel.position >= channel.wanted

    async def close(self) -> None:
        """Stop all tasks (tests and shutdown)."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._client is not None:
            await self._client.aclose()
        self._running = False


def reset_frame(source: Source, position: Position) -> Frame:
    """“Some events are gone: read the present state, then go on from this id.”"""
    return notice(
        "reset", source.topic, source.write(position), snapshot=topic_snapshot(source.topic)
    )


def notice(type: str, topic: str = "", id: str = "", **data: Any) -> Frame:
    """A frame that is no event: an answer of the server, a heartbeat, a reset."""
    body = {"id": id, "topic": topic, "type": type, "ts": now_timestamp(), "data": data}
    return Frame(topic, id, type, orjson.dumps(body).decode())


_hubs: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Hub]" = weakref.WeakKeyDictionary()


def hub() -> Hub:
    """The hub of this event loop."""
    loop = asyncio.get_running_loop()
    found = _hubs.get(loop)
    if found is None:
        found = _hubs[loop] = Hub()
    return found
