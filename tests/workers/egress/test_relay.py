"""Boxes keep no network where Redis and the API are reached over TCP."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import redis
from django.conf import LazySettings

from djinnbot.embedded.layout import layout_of
from tests.support.boxes import ISOLATED
from tests.support.cut_proxy import CutProxy
from tests.support.egress import egress_served
from tests.support.live import eventually
from tests.support.model_server import calls
from tests.workers.agent.conftest import Start
from workers.egress.relay import Server, api_server, redis_server
from workers.protocol.sockets import REDIS_SOCKET


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("unix://:pw@/run/redis.sock?db=0", None),
        ("redis://:pw@redis.internal/0", Server("redis.internal", 6379)),
        ("rediss://user:pw@[2001:db8::1]:6380/0", Server("2001:db8::1", 6380, tls=True)),
    ],
)
def test_where_redis_is(url: str, server: Server | None) -> None:
    assert redis_server(url) == server


def test_where_the_api_is() -> None:
    assert api_server("http://127.0.0.1:8000") == Server("127.0.0.1", 8000)
    assert api_server("https://djinnbot.example.org") == Server("djinnbot.example.org", 443)


@pytest.fixture
def front(settings: LazySettings) -> Iterator[CutProxy]:
    """Redis, and the platform's settings say it is on TCP."""
    parts = urlsplit(settings.REDIS_URL)
    made = CutProxy(None, parts.path)
    settings.REDIS_URL = f"redis://:{parts.password}@127.0.0.1:{made.port}/0"
    yield made
    made.close()


@pytest.fixture
def egress(
    transactional_db: None, settings: LazySettings, front: CutProxy, tmp_path: Path
) -> Iterator[Path]:
    path = layout_of(Path(settings.DJINNBOT_HOME)).egress_socket
    settings.AGENTS_DIR = tmp_path / "agents"
    settings.EGRESS_SOCKET = str(path)
    with egress_served(path):
        yield path


def test_socket_leads_to_redis_and_back_after_an_outage(
    egress: Path, front: CutProxy, settings: LazySettings
) -> None:
    password = urlsplit(settings.REDIS_URL).password
    client = redis.Redis(unix_socket_path=str(egress.with_name(REDIS_SOCKET)), password=password)
    payload = "x" * 300_000  # more than one read
    client.set("relayed", payload)
    assert client.get("relayed") == payload.encode()
    front.cut()
    with pytest.raises(redis.ConnectionError):
        client.ping()
    front.mend()
    eventually(lambda: client.ping() is True)


@pytest.mark.parametrize("backend", ISOLATED)
def test_box_works_without_a_network(
    world: Start, egress: Path, front: CutProxy, backend: str
) -> None:
    connect = f"socket.create_connection(('127.0.0.1', {front.port}), 5)"
    here = world(
        backend,
        [
            calls("bash", command=f'python3 -c "import socket; {connect}" 2>&1 | tail -n 1'),
            calls("complete", outputs={}, summary="Done"),
        ],
    )
    run = here.run(workspace=False)
    outcome = here.execute(run)
    assert outcome.succeeded, outcome.error
    (tried,) = (e["result"] for e in here.events(run, "TOOL_CALL_END")[:1])
    assert "Connection refused" in tried
