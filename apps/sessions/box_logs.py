"""What boxes write to stdout and stderr, live: Redis streams that exist only while somebody looks.

A reader raises a flag; workers that see it send on what their boxes write. The end of a box's log
stands in its row, so nothing here needs to last.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import redis
import redis.asyncio

from apps.core.redis import redis_client

Level = Literal["info", "warning", "error"]
_Entry = tuple[bytes, dict[bytes, bytes]]
_Sent = dict[bytes | bytearray | memoryview | str | int | float, Any]

WATCHED = "djinnbot:boxlogs:watched"
WATCHED_S = 20
MERGED = "djinnbot:boxlogs"
LENGTH = 5_000
MERGED_LENGTH = 10_000
TTL_S = 150
LINE_LIMIT = 4_000

_ERROR = re.compile(r"\b(error|critical|fatal|exception|traceback)\b", re.IGNORECASE)
_WARNING = re.compile(r"\bwarn(ing)?\b", re.IGNORECASE)
_HEAD = re.compile(r"^\S+ \S+ (DEBUG|INFO|WARNING|ERROR|CRITICAL) ")


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    id: str  # a position to go on from
    container_id: int
    level: Level
    text: str


def stream_of(container_id: int) -> str:
    return f"{MERGED}:{container_id}"


def level_of(text: str) -> Level:
    """By the word that our own runtime puts first; else guessed by words."""
    said = _HEAD.match(text)
    if said is not None:
        return {"WARNING": "warning", "ERROR": "error", "CRITICAL": "error"}.get(said[1], "info")  # type: ignore[return-value]
    if _ERROR.search(text):
        return "error"
    return "warning" if _WARNING.search(text) else "info"


def is_watched() -> bool:
    """Whether anybody looks at any box. Redis away: nobody does."""
    try:
        return bool(redis_client().exists(WATCHED))
    except redis.RedisError:
        return False


def watch() -> None:
    redis_client().set(WATCHED, "1", ex=WATCHED_S)


def lines_publish(container_id: int, lines: Sequence[str]) -> None:
    """Best effort: a Redis that is away loses them."""
    stream = stream_of(container_id)
    try:
        with redis_client().pipeline(transaction=False) as pipe:
            for line in lines:
                text = line[:LINE_LIMIT]
                fields: _Sent = {"container": container_id, "level": level_of(text), "text": text}
                pipe.xadd(stream, fields, maxlen=LENGTH, approximate=True)
                pipe.xadd(MERGED, fields, maxlen=MERGED_LENGTH, approximate=True)
            pipe.expire(stream, TTL_S)
            pipe.expire(MERGED, TTL_S)
            pipe.execute()
    except redis.RedisError:
        return


def lines_of(container_id: int, *, tail: int) -> list[LogLine]:
    """The last lines that were sent on. Raises redis.RedisError."""
    found = cast("list[_Entry]", redis_client().xrevrange(stream_of(container_id), count=tail))
    return [_line(entry) for entry in reversed(found)]


async def lines_after(
    client: "redis.asyncio.Redis", stream: str, position: str, *, wait_ms: int
) -> list[LogLine]:
    """What follows a position, as soon as there is something; empty after the wait."""
    answer = await client.xread({stream: position}, count=500, block=wait_ms)
    found = cast("list[tuple[bytes, list[_Entry]]]", answer or [])
    return [_line(entry) for _, entries in found for entry in entries]


def _line(entry: _Entry) -> LogLine:
    entry_id, fields = entry
    return LogLine(
        id=entry_id.decode(),
        container_id=int(fields[b"container"]),
        level=cast(Level, fields[b"level"].decode()),
        text=fields[b"text"].decode(errors="replace"),
    )
