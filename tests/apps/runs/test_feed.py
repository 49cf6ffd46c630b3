"""The feed over all topics: an administrator follows everything, others their own runs."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from channels.testing import WebsocketCommunicator

from apps.accounts.models import User
from apps.accounts.services import api_key_create, session_token_create
from apps.core.aio import in_thread
from apps.core.events import FEED, NewEvent, events_append
from apps.core.live import consumer
from apps.core.live.hub import hub
from apps.runs.models import Run
from apps.runs.services import run_delete
from tests.support.runs import drive, make_run

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
async def _hub_ends(redis_client: Any) -> AsyncIterator[None]:
    yield
    await hub().close()


async def follow(key: str, since: str | None = None) -> WebsocketCommunicator:
    headers = [(b"authorization", f"Bearer {key}".encode()), (b"host", b"testserver")]
    socket = WebsocketCommunicator(consumer.StreamConsumer.as_asgi(), "/ws/", headers=headers)
    connected, _ = await socket.connect(timeout=20)
    assert connected
    await socket.send_json_to({"op": "subscribe", "topic": FEED, "last_event_id": since})
    return socket


async def subscribed(key: str, since: str | None = None) -> WebsocketCommunicator:
    socket = await follow(key, since)
    assert (await socket.receive_json_from(20))["type"] == "subscribed"
    return socket


async def until(socket: WebsocketCommunicator, last: str) -> list[tuple[str, str]]:
    """`(run, type)` of all frames up to one whose type is `last`."""
    seen: list[tuple[str, str]] = []
    while not seen or seen[-1][1] != last:
        frame = orjson.loads((await socket.receive_output(20))["text"])
        if frame["type"] != "heartbeat":
            seen.append((frame["data"].get("runId", ""), frame["type"]))
    return seen


def someone(name: str, **fields: Any) -> tuple[User, str]:
    user = User.objects.create_user(name, **fields)
    scopes = ["read", "admin"] if user.is_staff else ["read"]
    return user, api_key_create(user, "test", scopes)


def run_of(user: User) -> Run:
    return drive(make_run([{"id": "A"}], user=user))


def mark(run: Run) -> None:
    events_append(f"run:{run.pk}", [NewEvent(type="MARK")], run_id=run.pk)


async def test_each_sees_their_own_runs_and_the_admin_all() -> None:
    ada, ada_key = await in_thread(someone, "ada")
    bob, bob_key = await in_thread(someone, "bob")
    _, root_key = await in_thread(lambda: someone("root", is_staff=True))
    sockets = [await subscribed(key) for key in (ada_key, bob_key, root_key)]
    first, second, third = [await in_thread(run_of, user) for user in (ada, bob, ada)]
    for run in (second, first, third):
        await in_thread(mark, run)

    seen_by_ada = await until(sockets[0], "MARK") + await until(sockets[0], "MARK")
    seen_by_bob = await until(sockets[1], "MARK")
    assert {run for run, _ in seen_by_ada} == {first.pk, third.pk}
    assert {run for run, _ in seen_by_bob} == {second.pk}
    assert [kind for _, kind in seen_by_bob][0] == "RUN_CREATED"
    seen_by_root = [await until(sockets[2], "MARK") for _ in range(3)]
    assert {run for part in seen_by_root for run, _ in part} == {first.pk, second.pk, third.pk}
    for socket in sockets:
        await socket.disconnect()


async def test_order_and_number_are_those_of_the_feed() -> None:
    """Strange runs between one's own ones, live and as history: the same frames, in order."""
    ada, key = await in_thread(someone, "ada")
    bob, _ = await in_thread(someone, "bob")
    live = await subscribed(key, "0")
    for _ in range(4):
        await in_thread(run_of, bob)
        await in_thread(run_of, ada)
    last = await in_thread(run_of, ada)
    await in_thread(mark, last)
    history = await subscribed(key, "0")
    seen = await until(live, "MARK")
    assert seen == await until(history, "MARK")
    assert len({run for run, _ in seen}) == 5
    await live.disconnect()
    await history.disconnect()


async def test_a_deleted_run_is_told_to_its_owner_only() -> None:
    ada, ada_key = await in_thread(someone, "ada")
    bob, bob_key = await in_thread(someone, "bob")
    run, other = await in_thread(run_of, ada), await in_thread(run_of, bob)
    by_ada, by_bob = await subscribed(ada_key), await subscribed(bob_key)
    await in_thread(lambda: run_delete(run_id=run.pk))
    await in_thread(mark, other)
    assert await until(by_ada, "RUN_DELETED") == [(run.pk, "RUN_DELETED")]
    assert await until(by_bob, "MARK") == [(other.pk, "MARK")]
    await by_ada.disconnect()
    await by_bob.disconnect()


async def test_a_session_follows_its_own_run_and_not_the_feed() -> None:
    ada, _ = await in_thread(someone, "ada")
    run = await in_thread(run_of, ada)
    token = await in_thread(lambda: session_token_create("ses_1", "finn", run_id=run.pk, user=ada))
    socket = await follow(token)
    refused = await socket.receive_json_from(20)
    assert (refused["type"], refused["data"]["code"]) == ("error", "permission_denied")
    await socket.disconnect()


async def test_who_is_admin_no_more_subscribes_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumer, "RECHECK_S", 0.1)
    user, key = await in_thread(lambda: someone("root", is_staff=True))
    socket = await subscribed(key)
    await in_thread(User.objects.filter(pk=user.pk).update, role="member")
    told = await socket.receive_json_from(20)
    assert (told["topic"], told["data"]["code"]) == (FEED, "permission_denied")
    other, _ = await in_thread(someone, "bob")
    await in_thread(run_of, other)
    await socket.send_json_to({"op": "subscribe", "topic": FEED, "last_event_id": "0"})
    assert (await socket.receive_json_from(20))["type"] == "subscribed"
    mine = await in_thread(run_of, user)
    await in_thread(mark, mine)
    assert {run for run, _ in await until(socket, "MARK")} == {mine.pk}
    await socket.disconnect()


async def test_a_client_whose_frames_cannot_be_chosen_is_closed() -> None:
    """The database is away: nothing is shown that may be another's, nor lost in silence."""
    from apps.core.live.outbox import Outbox
    from apps.core.live.sieve import SievedOutbox

    def broken(frames: Any) -> Any:
        raise ConnectionError("away")

    outbox = Outbox()
    await hub().subscribe(FEED, "$", SievedOutbox(outbox, broken))
    ada, _ = await in_thread(someone, "ada")
    await in_thread(run_of, ada)
    await asyncio.wait_for(outbox.overflowed.wait(), 20)
