"""Brakes on guessing what is not a password: set-up tokens and invites. allauth brakes the rest."""

import redis
from django.core.cache import cache
from django.http import HttpRequest

from apps.core.errors import LimitReached, Unavailable

TRIES = 10
WINDOW_S = 60


def brake(what: str, request: HttpRequest) -> None:
    """Count a try of this address. Raises LimitReached when there were too many, and Unavailable
    without Redis: closed, not open."""
    key = f"brake:{what}:{request.META.get('REMOTE_ADDR') or 'socket'}"
    try:
        cache.add(key, 0, WINDOW_S)
        tries = cache.incr(key)
    except ValueError:  # it ran out between the two
        return
    except redis.RedisError as exc:
        raise Unavailable("This is not possible right now. Try again soon.") from exc
    if tries > TRIES:
        raise LimitReached("Too many tries. Wait a minute.", retry_after=WINDOW_S)
