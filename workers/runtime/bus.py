"""The session's Redis streams, seen from the box. Nothing is lost while Redis is away."""

import asyncio
import logging
import random
import time
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass

from redis.asyncio import Redis
from redis.exceptions import RedisError

from workers.protocol.keys import MAXLEN, StreamKeys
from workers.protocol.messages import Message
from workers.protocol.wire import MalformedMessage, UnknownMessage, decode, encode
from workers.runtime.endings import tasks_ended

logger = logging.getLogger(__name__)

BUFFER_LIMIT_BYTES = 50 * 1024 * 1024
BATCH = 200
_BACKOFF_S = (0.1, 2.0)
_BLOCK_MS = 5_000
# The client's own timeout is `asyncio.wait_for`, which before Python 3.12 forgets that it was
# cancelled when what it waits for ends at the same moment: the task would then never end.
_ANSWER_S = 20.0
_CLOSE_S = 5.0


@dataclass(slots=True)
class _Entry:
    key: str
    fields: dict[str, str]
    size: int


class Bus:
    """Publishes in order, at least once; an entry leaves the buffer when Redis has taken it.

    Entries of both streams share one counter, `seq`, by which the reader drops repeats.
    """

    def __init__(self, redis_url: str, session_id: str) -> None:
        self.keys = StreamKeys(session_id)
        self._redis_url = redis_url
        self._pending: deque[_Entry] = deque()
        self._pending_bytes = 0
        self._seq = 0
        self._wake = asyncio.Event()
        self._taken = asyncio.Condition()
        self._sender: asyncio.Task[None] | None = None
        self._away_since: float | None = None
        self._writer = self._connect()
        self._reader = self._connect()

    def _connect(self) -> Redis:
        return Redis.from_url(
            self._redis_url,
            socket_timeout=None,  # `_ANSWER_S` stands around each command instead, see there
            socket_connect_timeout=5,
            single_connection_client=False,
            max_connections=2,
        )

    @property
    def away_s(self) -> float:
        """For how many seconds Redis has taken nothing from us although we tried."""
        return 0 if self._away_since is None else time.monotonic() - self._away_since

    def start(self) -> None:
        self._sender = asyncio.create_task(self._send_forever(), name="bus-sender")

    def publish(self, message: Message) -> None:
        self._seq += 1
        fields = encode(message, seq=self._seq, ts=time.time_ns() // 1_000_000)
        size = sum(len(value) for value in fields.values())
        key = self.keys.out if message.stream == "out" else self.keys.evt
        self._pending.append(_Entry(key, fields, size))
        self._pending_bytes += size
        self._wake.set()

    async def room(self) -> None:
        """Wait while the buffer is full, so that a long outage slows the agent, not kills it."""
        async with self._taken:
            await self._taken.wait_for(lambda: self._pending_bytes < BUFFER_LIMIT_BYTES)

    async def flushed(self, timeout_s: float) -> bool:
        """Wait until Redis has everything. False: it has not, in that time."""
        try:
            async with asyncio.timeout(timeout_s), self._taken:
                await self._taken.wait_for(lambda: not self._pending)
        except TimeoutError:
            return False
        return True

    async def commands(self) -> AsyncIterator[Message | MalformedMessage]:
        """Commands from the start of the stream, once each, through any outage."""
        last_id, pause_s = b"0", _BACKOFF_S[0]
        while True:
            try:
                async with asyncio.timeout(_ANSWER_S):
                    found = await self._reader.xread(
                        {self.keys.cmd: last_id}, count=50, block=_BLOCK_MS
                    )
            except (RedisError, OSError) as exc:
                logger.warning("reading commands failed: %s", type(exc).__name__)
                pause_s = await _back_off(pause_s)
                continue
            pause_s = _BACKOFF_S[0]
            for entry_id, fields in _entries(found):
                last_id = entry_id
                try:
                    yield decode(fields, stream="cmd").message
                except UnknownMessage as exc:
                    logger.info("skipped a command of unknown type %s", exc)
                except MalformedMessage as exc:
                    yield exc

    async def close(self) -> None:
        """Send nothing more, and let go of the connections. Again: nothing."""
        await tasks_ended([self._sender], within_s=_CLOSE_S)
        for client in (self._writer, self._reader):
            try:
                async with asyncio.timeout(_CLOSE_S):
                    await client.aclose()
            except (RedisError, OSError) as exc:
                logger.warning("a connection was not closed: %s", type(exc).__name__)

    async def _send_forever(self) -> None:
        pause_s = _BACKOFF_S[0]
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._pending:
                try:
                    await self._send_batch()
                    self._away_since = None
                    pause_s = _BACKOFF_S[0]
                except (RedisError, OSError) as exc:
                    logger.warning("publishing failed: %s", type(exc).__name__)
                    if self._away_since is None:
                        self._away_since = time.monotonic()
                    pause_s = await _back_off(pause_s)

    async def _send_batch(self) -> None:
        batch = list(self._pending)[:BATCH] if len(self._pending) > BATCH else list(self._pending)
        async with self._writer.pipeline(transaction=False) as pipe:
            for entry in batch:
                pipe.xadd(entry.key, entry.fields, maxlen=MAXLEN, approximate=True)  # type: ignore[arg-type]
            async with asyncio.timeout(_ANSWER_S):
                replies = await pipe.execute(raise_on_error=False)
        for reply in replies:
            if isinstance(reply, Exception):
                raise reply
            self._pending_bytes -= self._pending.popleft().size
        async with self._taken:
            self._taken.notify_all()


async def _back_off(pause_s: float) -> float:
    await asyncio.sleep(pause_s * random.uniform(0.5, 1))  # noqa: S311  jitter
    return min(pause_s * 2, _BACKOFF_S[1])


def _entries(found: object) -> list[tuple[bytes, dict[bytes, bytes]]]:
    """The entries of one stream in a reply of XREAD, which RESP2 gives as list and RESP3 as map."""
    if not found:
        return []
    if isinstance(found, dict):
        batches = next(iter(found.values()))
        return [entry for batch in batches for entry in batch]
    assert isinstance(found, list)
    return list(found[0][1])
