"""Brakes on guessing what is not a password, and on what sends mail. allauth brakes the rest."""

import hashlib

import redis
from django.core.cache import cache
from django.http import HttpRequest

from apps.core.errors import LimitReached, Unavailable

TRIES = 10
WINDOW_S = 60
HOUR_S = 3600


def brake(
    what: str, request: HttpRequest, *, tries: int = TRIES, window_s: int = WINDOW_S, of: str = ""
) -> None:
    """Count a try of this address, or one about `of`. Raises LimitReached when there were too many,
    and Unavailable without Redis: closed, not open."""
    who = hashlib.sha256(of.encode()).hexdigest() if of else request.META.get("REMOTE_ADDR")
    key = f"brake:{what}:{who or 'socket'}"
    try:
        cache.add(key, 0, window_s)
        made = cache.incr(key)
    except ValueError:  # it ran out between the two
        return
    except redis.RedisError as exc:
        raise Unavailable("This is not possible right now. Try again soon.") from exc
    if made > tries:
        wait = "a minute" if window_s == WINDOW_S else "an hour"
        raise LimitReached(f"Too many tries. Wait {wait}.", retry_after=window_s)
