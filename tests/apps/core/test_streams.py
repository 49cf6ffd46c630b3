"""Websocket and event streams of a real server: nothing lost or doubled, from any position."""

import asyncio
import random
import signal
from collections.abc import AsyncIterator
from typing import Any, cast

import httpx2
import orjson
import pytest
import redis
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from apps.accounts.models import User
from apps.accounts.services import api_key_create
from apps.core.aio import in_thread
from apps.core.events import NewEvent, events_after, events_append, topic_delete
from apps.core.models import Event
from tests.support.live import Live, LiveProcess

TOPIC = "pipelines"
RESUMES = 100


@pytest.fixture
def owner(transactional_db: None) -> User:
    return User.objects.create_superuser("owner")


@pytest.fixture
def key(owner: User) -> str:
    return api_key_create(owner, "test", ["read", "write"])


def append(count: int, topic: str = TOPIC) -> None:
    for number in range(count):
        events_append(topic, [NewEvent(type="PIPELINE_UPDATED", payload={"n": number, "t": "é\n"})])


async def write_on(topic: str, count: int, type: str) -> None:
    """Write `count` events in many small transactions."""
    dice = random.Random(count)
    numbers = list(range(count))
    while numbers:
        some = dice.randint(1, 5)
        batch = [NewEvent(type=type, payload={"chunk": f"{n} é\n"}) for n in numbers[:some]]
        numbers = numbers[some:]
        await in_thread(events_append, topic, batch)
        await asyncio.sleep(0.004)


def written(topic: str = TOPIC) -> list[str]:
    return [frame.text for frame in events_after(topic, 0, 100_000)]


def socket_of(live: Live, key: str = "", *, query: str = "", **headers: str) -> connect:
    if key:
        headers["Authorization"] = f"Bearer {key}"
    url = live.url.replace("http", "ws") + "/ws/" + query
    return connect(url, additional_headers=headers, open_timeout=30, max_size=None)


async def say(socket: ClientConnection, **message: Any) -> None:
    await socket.send(orjson.dumps(message).decode())


async def events_of(socket: ClientConnection) -> AsyncIterator[tuple[str, str]]:
    """`(id, raw text)` of the events. An error of the server fails the test."""
    while True:
        text = str(await asyncio.wait_for(socket.recv(), 20))
        frame = orjson.loads(text)
        if frame["type"] not in {"subscribed", "heartbeat"}:
            assert frame["type"] not in {"error", "reset"}, frame
            yield frame["id"], text


async def answer(socket: ClientConnection) -> dict[str, Any]:
    frame = orjson.loads(await asyncio.wait_for(socket.recv(), 20))
    return cast(dict[str, Any], frame)


async def texts_until(socket: ClientConnection, last_id: str) -> list[str]:
    texts = []
    async for event_id, text in events_of(socket):
        texts.append(text)
        if event_id == last_id:
            return texts
    raise AssertionError


async def test_history_then_live_in_order(live: Live, web_server: LiveProcess, key: str) -> None:
    await in_thread(append, 30)
    async with socket_of(live, key) as socket:
        await say(socket, op="subscribe", topic=TOPIC, last_event_id="10")
        await in_thread(append, 30)
        texts = await texts_until(socket, "60")
    assert texts == (await in_thread(written))[10:]


async def test_websocket_cut_at_random_frames_gives_the_same_bytes(
    live: Live, web_server: LiveProcess, key: str
) -> None:
    dice = random.Random(35)
    writer = asyncio.create_task(write_on(TOPIC, RESUMES * 8, "PIPELINE_UPDATED"))
    got: list[str] = []
    last = "0"
    for cut in range(RESUMES + 1):
        async with socket_of(live, key) as socket:
            await say(socket, op="subscribe", topic=TOPIC, last_event_id=last)
            take = dice.randint(1, 8) if cut < RESUMES else 100_000
            async for event_id, text in events_of(socket):
                got.append(text)
                last, take = event_id, take - 1
                if not take or last == str(RESUMES * 8):
                    break
            socket.transport.abort()  # a cut, not a farewell
    await writer
    assert got == await in_thread(written)


async def test_event_stream_cut_at_random_frames_gives_the_same_bytes(
    live: Live, web_server: LiveProcess, key: str, owner: User
) -> None:
    run_id = await in_thread(_run_of, owner)
    topic = f"run:{run_id}"
    dice = random.Random(36)
    writer = asyncio.create_task(write_on(topic, RESUMES * 6, "STEP_OUTPUT"))
    got: list[str] = []
    last = ""
    async with httpx2.AsyncClient(
        base_url=live.url, headers={"Authorization": f"Bearer {key}"}, timeout=30
    ) as client:
        for cut in range(RESUMES + 1):
            take = dice.randint(1, 6) if cut < RESUMES else 100_000
            headers = {"Last-Event-ID": last} if last else {}
            async with client.stream(
                "GET", f"/v1/events/stream/{run_id}", params={"since": "0"}, headers=headers
            ) as response:
                assert response.status_code == 200, await response.aread()
                async for line in response.aiter_lines():
                    if line.startswith("id: "):
                        last = line[4:]
                    elif line.startswith("data: "):
                        got.append(line[6:])
                        take -= 1
                        if not take or len(got) == RESUMES * 6:
                            break
    await writer
    assert got == await in_thread(written, topic)


def _run_of(owner: User) -> str:
    from apps.pipelines.models import PipelineSnapshot
    from apps.runs.models import Run

    snapshot = PipelineSnapshot.objects.create(pipeline_id="p", sha256="0" * 64, yaml="", parsed={})
    run = Run.objects.create(
        pipeline_id="p", snapshot=snapshot, task_description="t", initiated_by=owner
    )
    return str(run.id)


async def test_redis_wiped_under_a_stream_loses_nothing(
    live: Live, web_server: LiveProcess, key: str, redis_client: redis.Redis
) -> None:
    async with socket_of(live, key) as socket:
        await say(socket, op="subscribe", topic=TOPIC, last_event_id="0")
        await in_thread(append, 20)
        texts = await texts_until(socket, "20")
        await in_thread(append, 10)
        redis_client.flushall()
        await in_thread(append, 10)
        texts += await texts_until(socket, "40")
    assert texts == await in_thread(written)


async def test_an_event_that_redis_never_got_comes_by_the_poll(
    live: Live, web_server: LiveProcess, key: str, redis_client: redis.Redis
) -> None:
    async with socket_of(live, key) as socket:
        await say(socket, op="subscribe", topic=TOPIC, last_event_id="0")
        await in_thread(append, 1)
        await texts_until(socket, "1")
        await in_thread(_append_unpublished)
        assert await texts_until(socket, "2") == (await in_thread(written))[1:]


def _append_unpublished() -> None:
    """As a writer that dies between its commit and its XADD."""
    from apps.core import events

    publish, events._publish = events._publish, lambda *_: None
    try:
        append(1)
    finally:
        events._publish = publish


async def test_position_that_is_gone_is_told(live: Live, web_server: LiveProcess, key: str) -> None:
    await in_thread(append, 10)
    await in_thread(Event.objects.filter(topic=TOPIC, seq__lte=6).delete)
    async with socket_of(live, key) as socket:
        await say(socket, op="subscribe", topic=TOPIC, last_event_id="3")
        assert (await answer(socket))["type"] == "subscribed"
        reset = await answer(socket)
        assert (reset["type"], reset["id"]) == ("reset", "10")
        assert reset["data"] == {"snapshot": "/v1/pipelines"}
        await in_thread(append, 1)
        assert (await answer(socket))["id"] == "11"


async def test_topic_deleted_under_a_listener_is_told(
    live: Live, web_server: LiveProcess, key: str
) -> None:
    await in_thread(append, 5)
    async with socket_of(live, key) as socket:
        await say(socket, op="subscribe", topic=TOPIC)
        await answer(socket)
        await in_thread(topic_delete, TOPIC)
        assert (await answer(socket))["type"] == "reset"
        await in_thread(append, 1)
        assert (await answer(socket))["id"] == "1"


async def test_stranger_is_refused_at_the_handshake(
    live: Live, web_server: LiveProcess, owner: User
) -> None:
    for key in ("", "djb_aaaaaaaa.bbbb", "dst_made_up"):
        with pytest.raises(InvalidStatus) as refused:
            async with socket_of(live, key):
                pass
        assert refused.value.response.status_code == 403


async def test_cookie_needs_our_own_origin(
    live: Live, web_server: LiveProcess, owner: User
) -> None:
    cookie = await in_thread(_signed_in, owner)
    foreign = {"Cookie": cookie, "Origin": "https://evil.example"}
    with pytest.raises(InvalidStatus):
        async with socket_of(live, **foreign):
            pass
    async with socket_of(live, Cookie=cookie, Origin=live.url) as socket:
        await say(socket, op="ping")
        assert (await answer(socket))["type"] == "pong"


def _signed_in(user: User) -> str:
    from django.conf import settings
    from django.test import Client

    client = Client()
    client.force_login(user)
    return f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"


async def test_ticket_opens_one_stream_and_only_its_topics(
    live: Live, web_server: LiveProcess, key: str
) -> None:
    async with httpx2.AsyncClient(
        base_url=live.url, headers={"Authorization": f"Bearer {key}"}, timeout=30
    ) as client:
        made = await client.post("/v1/auth/stream-ticket", json={"topics": [TOPIC]})
        assert made.status_code == 201, made.text
    query = f"?ticket={made.json()['ticket']}"
    async with socket_of(live, query=query) as socket:
        await say(socket, op="subscribe", topic="agents")
        assert (await answer(socket))["data"]["code"] == "permission_denied"
        await say(socket, op="subscribe", topic=TOPIC)
        assert (await answer(socket))["type"] == "subscribed"
    with pytest.raises(InvalidStatus):
        async with socket_of(live, query=query):
            pass


async def test_nonsense_is_answered_and_the_stream_lives(
    live: Live, web_server: LiveProcess, key: str
) -> None:
    async with socket_of(live, key) as socket:
        for text in ("", "{", "[]", '{"op": "fly"}', '{"op": "ping", "x": 1}', "x" * 5000):
            await socket.send(text)
            assert (await answer(socket))["data"]["code"] == "malformed_json"
        await socket.send(b"\x00")
        assert (await answer(socket))["data"]["code"] == "malformed_json"
        await say(socket, op="subscribe", topic=TOPIC, last_event_id="soon")
        assert (await answer(socket))["data"]["code"] == "bad_cursor"
        await say(socket, op="subscribe", topic="nothing:1")
        assert (await answer(socket))["data"]["code"] == "permission_denied"
        await say(socket, op="ping")
        assert (await answer(socket))["type"] == "pong"


async def test_streams_of_one_user_are_limited(
    live: Live, web_server: LiveProcess, key: str
) -> None:
    held = [await socket_of(live, key) for _ in range(20)]
    try:
        async with socket_of(live, key) as one_more:
            with pytest.raises(ConnectionClosed):
                await asyncio.wait_for(one_more.recv(), 20)
            assert one_more.close_code == 4429
    finally:
        await asyncio.gather(*(socket.close() for socket in held))
    async with socket_of(live, key) as socket:
        await say(socket, op="ping")
        assert (await answer(socket))["type"] == "pong"


async def test_client_that_does_not_read_is_closed_and_can_resume(
    live: Live, web_server: LiveProcess, key: str
) -> None:
    big = "x" * 20_000
    async with connect(
        live.url.replace("http", "ws") + "/ws/",
        additional_headers={"Authorization": f"Bearer {key}"},
        max_queue=1,
        max_size=None,
    ) as lazy:
        await say(lazy, op="subscribe", topic=TOPIC)
        await answer(lazy)
        for _ in range(5):
            event = NewEvent(type="PIPELINE_UPDATED", payload={"big": big})
            await in_thread(events_append, TOPIC, [event] * 400)
        ended = False
        last = "0"
        try:
            while True:
                await asyncio.sleep(0.005)
                last = orjson.loads(await asyncio.wait_for(lazy.recv(), 30))["id"] or last
        except ConnectionClosed:
            ended = True
    assert ended
    # 1006 when it was so slow that it did not even read our goodbye in time.
    assert lazy.close_code in {4408, 1006}
    assert "its client is too slow" in web_server.log
    assert int(last) < 2000
    async with socket_of(live, key) as socket:
        await say(socket, op="subscribe", topic=TOPIC, last_event_id=last)
        texts = await texts_until(socket, "2000")
    assert texts == (await in_thread(written))[int(last) :]


async def test_server_that_stops_tells_its_clients_to_come_again(
    live: Live, web_server: LiveProcess, key: str
) -> None:
    async with socket_of(live, key) as socket:
        await say(socket, op="subscribe", topic=TOPIC)
        assert (await answer(socket))["type"] == "subscribed"
        web_server.signal(signal.SIGTERM)
        with pytest.raises(ConnectionClosed) as closed:  # noqa: PT012  until it is closed
            while True:
                await asyncio.wait_for(socket.recv(), 20)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1012
