"""The worker's end of a session's streams, and the account by which its box gets in."""

import pytest
import redis

from workers.engine.channel import SessionChannel


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
