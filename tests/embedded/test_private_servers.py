"""What every other test stands on."""

import pytest
import redis
from django.conf import settings
from django.db import connection


def test_the_redis_of_this_process_answers_and_is_empty(redis_client: redis.Redis) -> None:
    assert redis_client.dbsize() == 0
    assert redis_client.set("key", "value")
    assert redis_client.get("key") == "value"


def test_the_redis_socket_refuses_a_caller_without_password(redis_client: redis.Redis) -> None:
    path = redis_client.connection_pool.connection_kwargs["path"]
    with redis.Redis(unix_socket_path=path) as stranger, pytest.raises(redis.AuthenticationError):
        stranger.ping()


@pytest.mark.django_db
def test_the_database_is_of_this_process() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SHOW unix_socket_directories")
        assert cursor.fetchone() == (f"{settings.DJINNBOT_HOME}/run/postgres",)
