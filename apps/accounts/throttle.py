"""A brake on guessing passwords. Without Redis nobody signs in by password: closed, not open."""

import hashlib

import redis

from apps.core.errors import LimitReached, Unavailable
from apps.core.redis import redis_client

TRIES_AN_ADDRESS = 10
ADDRESS_WINDOW_S = 60
FAILURES_AN_ACCOUNT = 5
ACCOUNT_WINDOW_S = 300


def login_check(address: str, username: str) -> None:
    """Count a try. Raises LimitReached when there were too many, Unavailable without Redis."""
    try:
        tries = _count(_key("ip", address), ADDRESS_WINDOW_S)
        failures = int(redis_client().get(_key("account", username)) or 0)
    except redis.RedisError as exc:
        raise Unavailable("Signing in is not possible right now. Try again soon.") from exc
    if tries > TRIES_AN_ADDRESS or failures >= FAILURES_AN_ACCOUNT:
        raise LimitReached("Too many tries. Wait a few minutes.", retry_after=ACCOUNT_WINDOW_S)


def login_failed(username: str) -> None:
    try:
        _count(_key("account", username), ACCOUNT_WINDOW_S)
    except redis.RedisError as exc:
        raise Unavailable("Signing in is not possible right now. Try again soon.") from exc


def _count(key: str, window_s: int) -> int:
    pipeline = redis_client().pipeline()
    pipeline.incr(key)
    pipeline.expire(key, window_s, nx=True)
    return int(pipeline.execute()[0])


def _key(kind: str, value: str) -> str:
    digest = hashlib.sha256(value.strip().lower().encode()).hexdigest()[:32]
    return f"djinnbot:login:{kind}:{digest}"
