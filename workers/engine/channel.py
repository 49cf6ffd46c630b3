"""The worker's end of one session's Redis streams, and the account by which its box uses them.

A Redis that is away stops no session: reads come back empty, commands wait, and when it answers
again the account is made anew (a Redis that lost its memory has lost the account too).
"""

import secrets
import time
from collections.abc import Sequence
from typing import cast
from urllib.parse import quote, urlsplit

import redis
import structlog
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

from apps.core.errors import TransientError
from workers.protocol.keys import MAXLEN, TTL_AFTER_END_S, StreamKeys
from workers.protocol.messages import Command
from workers.protocol.wire import (
    Envelope,
    MalformedMessage,
    StreamName,
    UnknownMessage,
    decode,
    encode,
)

log = structlog.get_logger(__name__)

# What a box may do, on its own three streams and nothing else.
_COMMANDS = ("+xadd", "+xread", "+xack", "+ping", "+client|setinfo", "+client|setname")
_SOCKET_TIMEOUT_S = 10.0
_RETRY_S = 0.5
_COUNT = 500
# It does not answer (a timeout is no ConnectionError here), or it is full and takes nothing.
_AWAY = (redis.ConnectionError, redis.TimeoutError, redis.OutOfMemoryError)
ACCOUNT_PREFIX = StreamKeys("").username


class SeqFilter:
    """Tells entries seen before from new ones; the sender repeats what it is not sure of."""

    def __init__(self) -> None:
        self._below = 0  # everything up to here was seen
        self._above: set[int] = set()

    def is_new(self, seq: int) -> bool:
        if seq <= self._below or seq in self._above:
            return False
        if self._below == 0 and not self._above:
            self._below = seq - 1  # the first one; an adopted session begins in the middle
        self._above.add(seq)
        while self._below + 1 in self._above:
            self._below += 1
            self._above.remove(self._below)
        return True


class SessionChannel:
    def __init__(self, session_id: str, *, position: str = "0", password: str = "") -> None:
        """`password`: of the account that the box has already; a new one is made without it."""
        self.keys = StreamKeys(session_id)
        self.malformed = 0
        self.reconnected = False  # set when Redis came back; the reader of it resets it
        self.password = password or secrets.token_urlsafe(24)
        self._client = redis.Redis.from_url(
            settings.REDIS_URL,
            socket_timeout=_SOCKET_TIMEOUT_S,
            socket_connect_timeout=2,
            retry=Retry(NoBackoff(), 0),  # who reads asks again, and looks at its lease between
        )
        evt, _, out = position.partition(",")
        self._last = {self.keys.evt: evt or "0", self.keys.out: out or "0"}
        self._filter = SeqFilter()
        self._waiting: list[Command] = []
        self._away_since: float | None = None
        self._sent = 0

    @property
    def position(self) -> str:
        """How far both streams have been read; a later owner goes on from here."""
        return f"{self._last[self.keys.evt]},{self._last[self.keys.out]}"

    @property
    def is_away(self) -> bool:
        """Redis does not answer at present."""
        return self._away_since is not None

    # Account

    def open_account(self) -> None:
        """Let the box in. Raises TransientError while Redis is away."""
        try:
            self._set_account()
        except _AWAY as exc:
            raise TransientError("Redis does not answer.", code="runner_unavailable") from exc

    def box_url(self, socket: str = "") -> str:
        """The address for the box; `socket` is the path at which it sees Redis' Unix socket."""
        user = f"{quote(self.keys.username)}:{quote(self.password)}"
        parts = urlsplit(settings.REDIS_URL)
        if socket:
            return f"unix://{user}@{socket}?{parts.query}"
        host = parts.netloc.rpartition("@")[2]
        return f"{parts.scheme}://{user}@{host}{parts.path}?{parts.query}"

    def close_account(self) -> None:
        """Shut the box out at once. Redis away: the reaper does it later."""
        try:
            self._client.acl_deluser(self.keys.username)
        except redis.RedisError as exc:
            log.warning("a session's Redis account is left to the reaper", error=str(exc))

    def close(self) -> None:
        """Shut the box out and let the streams expire."""
        self.close_account()
        try:
            with self._client.pipeline(transaction=False) as pipe:
                for key in self.keys.all:
                    pipe.expire(key, TTL_AFTER_END_S)
                pipe.execute()
        except redis.RedisError:
            log.warning("a session's streams are left to the reaper")
        self._client.close()

    def _set_account(self) -> None:
        keys = self.keys
        precise = (f"%R~{keys.cmd}", f"%W~{keys.out}", f"%W~{keys.evt}")
        try:
            self._set_user(precise)
        except redis.ResponseError:  # a server older than key permissions
            self._set_user((f"~{keys.prefix}*",))

    def _set_user(self, patterns: Sequence[str]) -> None:
        self._client.execute_command(  # type: ignore[no-untyped-call]
            "ACL", "SETUSER", self.keys.username, "reset", "on", f">{self.password}",
            "resetchannels", *patterns, "-@all", *_COMMANDS,
        )  # fmt: skip

    # Commands and messages

    def send(self, command: Command) -> None:
        """Send now, or as soon as Redis is back."""
        self._waiting.append(command)
        try:
            self._flush()
        except _AWAY:
            self._went_away()

    def read(self, *, block_ms: int) -> list[Envelope]:
        """New messages in the order in which they were sent; empty when there are none.

        Raises TransientError when Redis has been away for longer than sessions wait for it.
        """
        try:
            if self._away_since is not None:
                self._client.ping()
                self._set_account()
            self._flush()
            self._came_back()
            found = self._client.xread(dict(self._last), count=_COUNT, block=block_ms)  # type: ignore[arg-type]
        except _AWAY:
            self._went_away()
            return []
        return self._decoded(cast(object, found))

    def _decoded(self, found: object) -> list[Envelope]:
        if isinstance(found, dict):  # RESP3
            streams = [(key, [e for batch in value for e in batch]) for key, value in found.items()]
        else:
            streams = list(cast(list[tuple[bytes, list[tuple[bytes, dict[bytes, bytes]]]]], found))
        envelopes = []
        for key, entries in streams:
            name: StreamName = "evt" if key.decode() == self.keys.evt else "out"
            for entry_id, fields in entries:
                self._last[key.decode()] = entry_id.decode()
                envelope = self._decode(fields, name)
                if envelope is not None and self._filter.is_new(envelope.seq):
                    envelopes.append(envelope)
        return sorted(envelopes, key=lambda envelope: envelope.seq)

    def _decode(self, fields: dict[bytes, bytes], name: StreamName) -> Envelope | None:
        try:
            return decode(fields, stream=name)
        except UnknownMessage as exc:
            log.info("skipped a message of unknown type", type=str(exc))
        except MalformedMessage as exc:
            self.malformed += 1
            log.warning("skipped a malformed message", problem=str(exc))
        return None

    def _flush(self) -> None:
        while self._waiting:
            command = self._waiting[0]
            entry = encode(command, seq=self._sent + 1, ts=time.time_ns() // 1_000_000)
            self._client.xadd(self.keys.cmd, entry, maxlen=MAXLEN)  # type: ignore[arg-type]
            self._sent += 1
            self._waiting.pop(0)

    def _went_away(self) -> None:
        now = time.monotonic()
        if self._away_since is None:
            log.warning("Redis is away; the session goes on")
            self._away_since = now
        if now - self._away_since > settings.REDIS_OUTAGE_GRACE_S:
            raise TransientError(
                f"Redis was away for more than {settings.REDIS_OUTAGE_GRACE_S:g} seconds.",
                code="runner_unavailable",
            )
        time.sleep(_RETRY_S)

    def _came_back(self) -> None:
        if self._away_since is None:
            return
        self._away_since = None
        self.reconnected = True
        log.info("Redis is back")
