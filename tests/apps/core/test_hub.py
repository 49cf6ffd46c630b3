"""The hub in this process: Redis that stops and starts, and rights that end."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import Any

import orjson
import pytest
from channels.testing import WebsocketCommunicator
from django.test import Client

from apps.accounts.models import ApiKey, User
from apps.accounts.services import api_key_create, api_key_revoke, user_create
from apps.accounts.sessions import browser_session_end, browser_session_list
from apps.core import events
from apps.core.aio import in_thread
from apps.core.api.callers import caller_from
from apps.core.events import FEED, NewEvent, events_append
from apps.core.live import consumer, sse
from apps.core.live.hub import hub
from apps.core.live.outbox import Outbox
from apps.core.redis import redis_client as shared_client
from djinnbot.embedded.layout import Layout, layout_of
from tests.support.live import own_home
from tests.support.servers import valkey_server

pytestmark = pytest.mark.django_db(transaction=True)
PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
async def _hub_ends() -> AsyncIterator[None]:
    yield
    await hub().close()


@pytest.fixture
def own_valkey(settings: Any) -> Iterator[Layout]:
    """The place of a Redis that the test starts and stops itself."""
    from djinnbot.embedded.valkey import Valkey

    with own_home() as home:
        layout = layout_of(home)
        layout.valkey_data.mkdir(parents=True, mode=0o700)
        (layout.valkey_data / "password").write_text("for-tests-only")
        settings.REDIS_URL = Valkey.of(layout).url()
        shared_client.cache_clear()
        events._circuit._open_until = 0.0
        yield layout
    shared_client.cache_clear()
    events._circuit._open_until = 0.0


def append(count: int, topic: str = "pipelines") -> None:
    for _ in range(count):
        events_append(topic, [NewEvent(type="E")])


async def ids_until(outbox: Outbox, last: str) -> list[str]:
    found: list[str] = []
    async for event_id, text in outbox.texts():
        if orjson.loads(text)["type"] == "E":
            found.append(event_id)
            if event_id == last:
                return found
    raise AssertionError


async def test_redis_stopped_and_started_again_loses_nothing(own_valkey: Layout) -> None:
    outbox = Outbox()
    with valkey_server(own_valkey):
        await hub().subscribe("pipelines", "0", outbox)
        await in_thread(append, 5)
        assert await asyncio.wait_for(ids_until(outbox, "5"), 20) == ["1", "2", "3", "4", "5"]
    await in_thread(append, 5)
    seen = await asyncio.wait_for(ids_until(outbox, "10"), 20)
    with valkey_server(own_valkey):
        await in_thread(append, 5)
        seen += await asyncio.wait_for(ids_until(outbox, "15"), 20)
    assert seen == [str(number) for number in range(6, 16)]


async def test_subscribing_works_while_redis_is_away(own_valkey: Layout) -> None:
    await in_thread(append, 3)
    outbox = Outbox()
    await hub().subscribe("pipelines", "0", outbox)
    assert await asyncio.wait_for(ids_until(outbox, "3"), 20) == ["1", "2", "3"]


async def test_feed_tells_all_listeners_of_all_topics(redis_client: Any) -> None:
    outboxes = [Outbox() for _ in range(3)]
    for outbox in outboxes:
        await hub().subscribe(FEED, "$", outbox)
    await in_thread(append, 2, "run:a")
    await in_thread(append, 2, "run:b")
    texts = []
    for outbox in outboxes:
        stream = outbox.texts()
        texts.append([await asyncio.wait_for(anext(stream), 20) for _ in range(4)])
    assert texts[0] == texts[1] == texts[2]
    assert [orjson.loads(text)["topic"] for _, text in texts[0]] == [FEED] * 4


async def test_feed_resumes_where_it_was(redis_client: Any) -> None:
    await in_thread(append, 5, "run:a")
    first = Outbox()
    await hub().subscribe(FEED, "0", first)
    stream = first.texts()
    seen = [await asyncio.wait_for(anext(stream), 20) for _ in range(5)]
    second = Outbox()
    await hub().subscribe(FEED, seen[1][0], second)
    await in_thread(append, 1, "run:b")
    stream = second.texts()
    rest = [await asyncio.wait_for(anext(stream), 20) for _ in range(4)]
    assert rest[:3] == seen[2:]


async def _socket(key: str) -> WebsocketCommunicator:
    return await _opened((b"authorization", f"Bearer {key}".encode()))


async def _opened(*shown: tuple[bytes, bytes]) -> WebsocketCommunicator:
    headers = [*shown, (b"host", b"testserver")]
    socket = WebsocketCommunicator(consumer.StreamConsumer.as_asgi(), "/ws/", headers=headers)
    connected, _ = await socket.connect(timeout=20)
    assert connected
    return socket


async def test_socket_ends_with_its_key(redis_client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumer, "RECHECK_S", 0.1)
    user = await in_thread(User.objects.create_user, "member")
    socket = await _socket(await in_thread(api_key_create, user, "test", ["read"]))
    await socket.send_json_to({"op": "ping"})
    assert (await socket.receive_json_from(20))["type"] == "pong"
    await in_thread(ApiKey.objects.update, revoked=True)
    closed = await socket.receive_output(20)
    assert (closed["type"], closed["code"]) == ("websocket.close", 4401)
    await socket.disconnect()


async def test_socket_ends_at_once_when_its_key_is_revoked(redis_client: Any) -> None:
    """Nobody waits for the minute at which it would look again by itself."""
    user = await in_thread(User.objects.create_user, "member")
    socket = await _socket(await in_thread(api_key_create, user, "test", ["read"]))
    await socket.send_json_to({"op": "subscribe", "topic": FEED})
    assert (await socket.receive_json_from(20))["type"] == "subscribed"
    keys = await in_thread(list, ApiKey.objects.all())
    await in_thread(partial(api_key_revoke, keys=keys, by=user))
    closed = await socket.receive_output(30)
    assert (closed["type"], closed["code"]) == ("websocket.close", 4401)
    await socket.disconnect()


def _browser(user: User) -> str:
    client = Client()
    body = {"email": user.email, "password": PASSWORD}
    answer = client.post("/v1/auth/browser/v1/auth/login", body, "application/json")
    assert answer.status_code == 200, answer.content
    return client.cookies["sessionid"].value


async def test_socket_ends_at_once_when_its_session_is_ended(redis_client: Any) -> None:
    """Ended from another browser: a page that was left open somewhere hears nothing more."""
    user = await in_thread(
        partial(user_create, email="ada@example.org", by=None, role="member", password=PASSWORD)
    )
    session = await in_thread(_browser, user)
    cookie = (b"cookie", f"sessionid={session}".encode())
    socket = await _opened(cookie, (b"origin", b"http://testserver"))
    await socket.send_json_to({"op": "ping"})
    assert (await socket.receive_json_from(20))["type"] == "pong"
    (row,) = await in_thread(browser_session_list, user)
    await in_thread(browser_session_end, user, str(row.pk))
    closed = await socket.receive_output(30)
    assert (closed["type"], closed["code"]) == ("websocket.close", 4401)
    await socket.disconnect()


async def test_topic_ends_with_the_right_to_it(
    redis_client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer, "RECHECK_S", 0.1)
    user = await in_thread(User.objects.create_superuser, "owner")
    scopes = ["read", "admin"]
    socket = await _socket(await in_thread(api_key_create, user, "test", scopes))
    await socket.send_json_to({"op": "subscribe", "topic": FEED})
    assert (await socket.receive_json_from(20))["type"] == "subscribed"
    await in_thread(User.objects.update, role="member")
    told = await socket.receive_json_from(20)
    assert (told["topic"], told["data"]["code"]) == (FEED, "permission_denied")
    await socket.disconnect()


async def test_event_stream_ends_with_its_key(
    redis_client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sse, "RECHECK_S", 0.05)
    monkeypatch.setattr(sse, "HEARTBEAT_S", 0.1)
    user = await in_thread(User.objects.create_user, "member")
    await in_thread(api_key_create, user, "test", ["read"])
    key = await in_thread(ApiKey.objects.select_related("user").get)
    response = await sse.event_stream(caller_from(user, key), "pipelines", "$")
    lines = aiter(response)
    assert (await anext(lines)).startswith(b"retry:")
    assert await anext(lines) == b": heartbeat\n\n"
    await in_thread(ApiKey.objects.update, revoked=True)
    assert b"data" not in b"".join([line async for line in lines])  # and it ends
    response.close()
