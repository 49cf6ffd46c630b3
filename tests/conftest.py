"""Servers, processes and clients that tests share.

Each pytest process (each xdist worker too) has a PostgreSQL and a Valkey of its own, in its own
directory under /tmp; `djinnbot/settings/test.py` chose their addresses before Django was loaded.

    redis_client     an empty Redis
    api_client       `api_client(user)`: a DRF client signed in with a key of that user
    live             processes on this test's committed database: `live.worker()`, …
    celery_worker    `celery_worker("control,events")`: one worker process, ready
    web_server       a web process with TCP and Unix socket
    stack            the whole platform with database, Redis and home of its own, and an API client
"""

import contextlib
import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
import redis
from django.conf import settings
from django.db import connection
from django.test import TransactionTestCase

from tests.support.emptying import empty_database
from tests.support.live import (
    Live,
    LiveProcess,
    live_at,
    live_environment,
    own_database,
    own_home,
    own_redis,
)
from tests.support.servers import TABLES, private_servers
from tests.support.stack import Stack, running_stack

if TYPE_CHECKING:
    from rest_framework.test import APIClient

    from apps.accounts.models import User

pytest_plugins = ["tests.support.capabilities", "tests.support.hangs"]

# A shell starts background jobs with Ctrl-C ignored, and programs under test would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)


# Side by side, what takes longest begins first: no process is left alone with it at the end.
_LONG_FIRST = (
    *("dashboard/test_pages", "cli/test_up", "security/test_fuzz.py", "system/test_demo"),
    *("dashboard/", "chaos/", "system/", "cli/", "workers/", "security/", "embedded/", ""),
)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):
        items.sort(key=_rank)  # stable: within a rank as collected, the same in each process


def _rank(item: pytest.Item) -> int:
    name = item.nodeid.removeprefix("tests/")
    return next(rank for rank, start in enumerate(_LONG_FIRST) if name.startswith(start))


@pytest.fixture(scope="session", autouse=True)
def _servers() -> Iterator[None]:
    """Up before the first database or Redis connection, down after the last."""
    if not _are_private():
        yield
        return
    with private_servers(Path(settings.DJINNBOT_HOME)):
        yield


def _are_private() -> bool:
    return os.environ.get("DJINNBOT_TEST_SERVERS") == "private"


@pytest.fixture(scope="session")
def django_db_modify_db_settings(_servers: None) -> Iterator[None]:
    """The test database is a copy on the server above, and is emptied without much ado."""
    if not _are_private():
        yield
        return
    connection.settings_dict["TEST"]["TEMPLATE"] = TABLES
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", empty_database)
        yield


@pytest.fixture
def redis_client(_servers: None) -> Iterator[redis.Redis]:
    """An empty Redis. Emptied before and not after, so that a failed test can be looked into."""
    with redis.Redis.from_url(settings.REDIS_URL, decode_responses=True) as client:
        client.flushdb()
        yield client


@pytest.fixture
def api_client() -> "Callable[..., APIClient]":
    """A client of the API with a key of the given user, with every scope that user may have."""
    from rest_framework.test import APIClient

    from apps.accounts.services import api_key_create

    def signed_in(user: "User", scopes: Sequence[str] | None = None) -> APIClient:
        every = sorted(user.scope_ceiling)
        key = api_key_create(user, "test", every if scopes is None else scopes)
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
        return client

    return signed_in


@pytest.fixture
def live(transactional_db: None, redis_client: redis.Redis, tmp_path: Path) -> Iterator[Live]:
    """Real processes on the database of this test, which is committed and emptied afterwards."""
    made = live_at(
        live_environment(
            home=Path(settings.DJINNBOT_HOME),
            database_url=database_url(str(connection.settings_dict["NAME"])),
            redis_url=settings.REDIS_URL,
            extra={"SECRET_KEY": settings.SECRET_KEY},
        ),
        tmp_path / "logs",
    )
    with contextlib.closing(made):
        yield made


@pytest.fixture
def celery_worker(live: Live) -> Callable[..., LiveProcess]:
    """`celery_worker("agents", pool="threads", concurrency=8, environment={…})`."""
    return live.worker


@pytest.fixture
def web_server(live: Live) -> LiveProcess:
    """A web process on the database of this test; its address is `live.url`."""
    return live.web()


@pytest.fixture
def stack(_servers: None, tmp_path: Path) -> Iterator[Stack]:
    """The whole platform as `djinn up` makes it, apart from every other test."""
    with own_stack(tmp_path / "logs") as started:
        yield started


@contextlib.contextmanager
def own_stack(log_dir: Path, extra: Mapping[str, str] | None = None) -> Iterator[Stack]:
    """The same for a module's own fixture, with settings of its own."""
    with (
        own_home() as home,
        own_database(database_url("postgres")) as database,
        own_redis(home) as redis_url,
        running_stack(
            live_at(
                live_environment(
                    home=home,
                    database_url=database_url(database),
                    redis_url=redis_url,
                    extra=extra,
                ),
                log_dir,
            )
        ) as started,
    ):
        yield started


def database_url(name: str) -> str:
    """The address of another database on the server of the tests."""
    options = settings.DATABASES["default"]
    host = options["OPTIONS"].get("host") or options["HOST"]
    user = quote(options["USER"], safe="")
    password = f":{quote(options['PASSWORD'], safe='')}" if options["PASSWORD"] else ""
    if host.startswith("/"):
        return f"postgres://{user}{password}@/{name}?host={host}"
    port = f":{options['PORT']}" if options["PORT"] else ""
    return f"postgres://{user}{password}@{host}{port}/{name}"
