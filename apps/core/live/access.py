"""Streams ask again who they serve as soon as somebody's access has changed."""

import contextlib

import redis
from django.db import transaction

from apps.core.redis import redis_client

ACCESS_STREAM = "djinnbot:access"
_KEPT = 10


def access_changed() -> None:
    """Tell every stream of every process, once the surrounding transaction has committed.

    Redis away: they find out at their next look, within a minute.
    """
    transaction.on_commit(_tell, robust=True)


def _tell() -> None:
    with contextlib.suppress(redis.RedisError):
        redis_client().xadd(ACCESS_STREAM, {"c": "1"}, maxlen=_KEPT)
