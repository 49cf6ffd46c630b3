"""Servers, processes and clients that tests share.

Each pytest process (each xdist worker too) has a PostgreSQL and a Valkey of its own, in its own
directory under /tmp; `djinnbot/settings/test.py` chose their addresses before Django was loaded.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from django.conf import settings

from tests.support.servers import private_servers

pytest_plugins = ["tests.support.capabilities"]


@pytest.fixture(scope="session", autouse=True)
def _servers() -> Iterator[None]:
    """Up before the first database or Redis connection, down after the last."""
    if os.environ.get("DJINNBOT_TEST_SERVERS") != "private":
        yield
        return
    with private_servers(Path(settings.DJINNBOT_HOME)):
        yield


@pytest.fixture(scope="session")
def django_db_modify_db_settings(_servers: None) -> None:
    """Order only: the test database is made on the server above."""


@pytest.fixture
def redis_client(_servers: None) -> Iterator[redis.Redis]:
    """An empty Redis. Emptied before and not after, so that a failed test can be looked into."""
    with redis.Redis.from_url(settings.REDIS_URL, decode_responses=True) as client:
        client.flushdb()
        yield client
