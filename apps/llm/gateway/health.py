"""Who answers badly lately, shared by all processes through Redis.

A provider that fails again and again is left alone for a while (a circuit), and so is a pair of key
and model that is over its limit. Redis is asked at most once a second for one thing; without Redis
each process knows only what it has seen itself.
"""

import asyncio
import hashlib
import time
import weakref
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import redis.asyncio
import structlog
from django.conf import settings
from redis import RedisError

from apps.core.redis import Circuit
from apps.llm.keys import UsableKey

log = structlog.get_logger(__name__)

PREFIX = "djinnbot:llm:"
FRESH_S = 1.0
COUNT_TTL_S = 1800
CIRCUIT_FIRST_S = 15.0
CIRCUIT_LONGEST_S = 300.0
COOL_FIRST_S = 60.0
COOL_LONGEST_S = 900.0
_KEPT = 5_000
# What is blocked and for how many more milliseconds, in the order of the keys.
_LEFT = """
local said = {}
for _, key in ipairs(KEYS) do
  said[#said + 1] = redis.call('GET', key) or ''
  said[#said + 1] = redis.call('PTTL', key)
end
return said
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Not before `until`, on this process's monotonic clock: hosts need not agree on the time."""

    until: float
    code: str

    @property
    def left_s(self) -> float:
        return self.until - time.monotonic()


def provider_thing(provider_id: str) -> str:
    return f"provider:{provider_id}"


def pair_thing(provider_id: str, model: str, key: UsableKey | None) -> str:
    """A key and a model. The key is named by its hash, so that a new one starts afresh."""
    name = hashlib.sha256(key.value.encode()).hexdigest()[:12] if key else "none"
    return f"pair:{provider_id}/{model}:{name}"


async def blocks(things: Iterable[str]) -> Mapping[str, Block]:
    """Which of these are to be left alone now."""
    wanted = list(things)
    stale = [thing for thing in wanted if time.monotonic() - _asked.get(thing, -FRESH_S) >= FRESH_S]
    if stale:
        await _refresh(stale)
    known = {thing: block for thing in wanted if (block := _known.get(thing))}
    return {thing: block for thing, block in known.items() if block.left_s > 0}


async def cool_down(thing: str, code: str, asked_s: float | None) -> Block:
    """Leave a pair alone: as long as its provider says, else a minute, doubling."""
    count = await _count(thing)
    own_s = min(COOL_FIRST_S * 2 ** (count - 1), COOL_LONGEST_S)
    return await _block(thing, code, own_s if asked_s is None else max(asked_s, 1.0))


async def failed(thing: str, code: str) -> None:
    """Count a failure of a provider; after some in a row it is left alone."""
    count = await _count(thing)
    over = count - settings.LLM_CIRCUIT_FAILURES
    if over >= 0:
        await _block(thing, code, min(CIRCUIT_FIRST_S * 2**over, CIRCUIT_LONGEST_S))


async def answered(things: Iterable[str]) -> None:
    """What answers is well. Costs nothing where nothing was wrong."""
    ill = [thing for thing in things if thing in _counts or thing in _known]
    if not ill:
        return
    for thing in ill:
        _counts.pop(thing, None)
        _known.pop(thing, None)
    names = [f"{PREFIX}{kind}:{thing}" for thing in ill for kind in ("block", "count")]
    await _told("delete", *names)


def forget() -> None:
    """Know nothing, as a process that has just begun."""
    _known.clear()
    _asked.clear()
    _counts.clear()


async def _block(thing: str, code: str, seconds: float) -> Block:
    block = Block(until=time.monotonic() + seconds, code=code)
    _remember(thing, block)
    log.warning("A provider is left alone for a while.", what=thing, code=code, seconds=seconds)
    await _told("set", f"{PREFIX}block:{thing}", code, px=max(1, round(seconds * 1000)))
    return block


async def _count(thing: str) -> int:
    _counts[thing] = _counts.get(thing, 0) + 1
    name = f"{PREFIX}count:{thing}"
    shared = await _told("incr", name)
    await _told("expire", name, COUNT_TTL_S)
    return max(_counts[thing], shared if isinstance(shared, int) else 0)


async def _refresh(things: list[str]) -> None:
    names = [f"{PREFIX}block:{thing}" for thing in things]
    said = await _told("eval", _LEFT, len(names), *names)
    now = time.monotonic()
    for number, thing in enumerate(things):
        _asked[thing] = now
        if not isinstance(said, list):
            continue
        code, left_ms = said[2 * number], said[2 * number + 1]
        if code:
            _remember(thing, Block(until=now + max(0, left_ms) / 1000, code=code.decode()))
        else:
            _known.pop(thing, None)  # another process has seen it answer
    while len(_asked) > _KEPT:
        _asked.pop(next(iter(_asked)))


def _remember(thing: str, block: Block) -> None:
    while len(_known) >= _KEPT:
        _known.pop(next(iter(_known)))
    _known[thing] = block


async def _told(command: str, *args: object, **options: object) -> object:
    """The answer of Redis; None when it is away."""
    if _away.is_open:
        return None
    try:
        async with asyncio.timeout(1.0):
            return await getattr(_client(), command)(*args, **options)
    except (RedisError, OSError, TimeoutError):
        if _away.trip():
            log.warning("Redis is away; providers' states are this process's own.")
        return None


def _client() -> "redis.asyncio.Redis":
    loop = asyncio.get_running_loop()
    client = _clients.get(loop)
    if client is None:
        client = _clients[loop] = redis.asyncio.Redis.from_url(
            settings.REDIS_URL, protocol=2, socket_timeout=1.0, socket_connect_timeout=0.5
        )
    return client


_known: dict[str, Block] = {}
_asked: dict[str, float] = {}
_counts: dict[str, int] = {}
_away = Circuit(pause_s=3.0)
_clients: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, "redis.asyncio.Redis"] = (
    weakref.WeakKeyDictionary()
)
