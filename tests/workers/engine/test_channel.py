"""The worker's end of a session's streams, and the account by which its box gets in."""

import socket

import pytest
import redis
from django.conf import LazySettings

from apps.core.errors import TransientError
from workers.engine import channel
from workers.engine.channel import SessionChannel
from workers.protocol.messages import Shutdown


def test_a_box_that_was_adopted_is_let_in_again_by_the_password_it_has(
    redis_client: redis.Redis,
) -> None:
    """Redis loses its accounts with its memory; the box cannot be told another password."""
    first = SessionChannel("ses_adopted")
    first.open_account()
    box = redis.Redis.from_url(first.box_url())
    assert box.ping()
    redis_client.acl_deluser(first.keys.username)
    box.close()
    with pytest.raises(redis.AuthenticationError):
        box.ping()

    adopted = SessionChannel("ses_adopted", password=first.password)
    adopted.open_account()
    assert box.ping()
    for made in (first, adopted):
        made.close()
    box.close()
    with pytest.raises(redis.AuthenticationError):
        box.ping()


def test_a_redis_that_is_frozen_is_waited_for_like_one_that_is_gone(
    settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes the connection and says nothing: a timeout, and no error of the connection."""
    monkeypatch.setattr(channel, "_SOCKET_TIMEOUT_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as frozen:
        settings.REDIS_URL = f"redis://127.0.0.1:{frozen.getsockname()[1]}/0"
        session = SessionChannel("ses_frozen")
        session.send(Shutdown())
        assert session.read(block_ms=10) == []
        assert session.is_away
        with pytest.raises(TransientError):
            session.open_account()
        settings.REDIS_OUTAGE_GRACE_S = 0
        with pytest.raises(TransientError):
            session.read(block_ms=10)


def test_a_redis_that_is_full_is_waited_for(redis_client: redis.Redis) -> None:
    session = SessionChannel("ses_full")
    redis_client.config_set("maxmemory", 1)
    try:
        session.send(Shutdown())
        assert session.read(block_ms=10) == []
        assert session.is_away
    finally:
        redis_client.config_set("maxmemory", 0)
    session.read(block_ms=10)
    assert not session.is_away
    assert session.reconnected
    assert redis_client.xlen(session.keys.cmd) == 1
    session.close()
