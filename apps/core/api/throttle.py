"""How often a caller may call: a bucket for each, in Redis, shared by all web processes.

A bucket lets `burst` calls through at once and fills again at `per_minute`. Without Redis every
call goes through, as a limit is no reason to refuse work; only signing in is closed then
(`apps.accounts.brake`, and allauth's own limits).
"""

from dataclasses import dataclass
from functools import cache
from math import ceil
from typing import Any, Final

import redis
import structlog
from django.conf import settings

from apps.core.api.callers import Caller
from apps.core.errors import LimitReached
from apps.core.redis import Circuit, redis_client

log = structlog.get_logger(__name__)

_circuit = Circuit(pause_s=3.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    name: str
    per_minute: int
    burst: int

    @property
    def interval_us(self) -> int:
        return 60_000_000 // self.per_minute


ANONYMOUS: Final = Bucket(name="anonymous", per_minute=30, burst=30)
USER: Final = Bucket(name="user", per_minute=600, burst=100)
API_KEY: Final = Bucket(name="key", per_minute=300, burst=100)
SESSION: Final = Bucket(name="session", per_minute=1200, burst=200)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """Where a caller stands. `wait_s`: until the next call is let through, 0 when this one was;
    `reset_s`: until the bucket is full again."""

    limit: int
    remaining: int
    reset_s: int
    wait_s: float = 0

    def check(self) -> None:
        """Raises LimitReached when this call is one too many."""
        if self.wait_s:
            raise LimitReached(
                f"Only {self.limit} calls a minute are yours.",
                limit=self.limit,
                retry_after=self.wait_s,
            )

    @property
    def headers(self) -> dict[str, str]:
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset_s),
        }


# The key holds the moment at which the bucket will be full (µs, on Redis' clock).
_TAKE = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local interval, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local full = tonumber(redis.call('GET', KEYS[1]) or now)
if full < now then full = now end
local after = full + interval
local wait = after - interval * burst - now
if wait > 0 then return {0, math.ceil(wait / 1000), math.ceil((full - now) / 1000)} end
redis.call('SET', KEYS[1], string.format('%.0f', after), 'PX', math.ceil((after - now) / 1000))
return {math.floor(-wait / interval), 0, math.ceil((after - now) / 1000)}
"""


def rate_take(bucket: Bucket, who: str) -> Rate | None:
    """Take one call from a bucket. None: nobody counts now."""
    if not settings.RATE_LIMITS or _circuit.is_open:
        return None
    key = f"djinnbot:rate:{bucket.name}:{who}"
    try:
        left, wait_ms, reset_ms = _script()(
            keys=[key], args=[bucket.interval_us, bucket.burst], client=redis_client()
        )
    except redis.RedisError as exc:
        if _circuit.trip():
            log.warning("Redis does not count calls; all go through", error=str(exc))
        return None
    return Rate(
        limit=bucket.per_minute,
        remaining=left,
        reset_s=ceil(reset_ms / 1000),
        wait_s=wait_ms / 1000,
    )


def bucket_of(caller: Caller, address: str) -> tuple[Bucket, str]:
    """Whose calls are counted together: an address, a person, a key, a session."""
    if not caller.is_known:
        return ANONYMOUS, address
    if "session" in caller.kinds:
        return SESSION, caller.principal
    if caller.credential is None:
        return USER, caller.principal
    return _bucket_of_key(caller.credential), f"{caller.principal}:{_key_id(caller)}"


def _key_id(caller: Caller) -> str:
    return str(getattr(caller.credential, "pk", ""))


def _bucket_of_key(credential: object) -> Bucket:
    """As for all keys, or at the key's own pace: a third of a minute's calls may come at once."""
    pace: int | None = getattr(credential, "rate_per_minute", None)
    if pace is None:
        return API_KEY
    return Bucket(name=f"{API_KEY.name}:{pace}", per_minute=pace, burst=max(1, pace // 3))


@cache
def _script() -> Any:
    return redis_client().register_script(_TAKE)
