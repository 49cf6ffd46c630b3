"""Every topic of the websocket and every address that streams, on a real server: who is let in.

A topic or a stream that is new fails here until it has a line of its own.
"""

import asyncio
from typing import Any

import httpx2
import orjson
from websockets.asyncio.client import connect

from apps.core import topics
from tests.apps.core.test_url_table import operations
from tests.security.conftest import bearer
from tests.security.test_odd_requests import url_of
from tests.security.world import World
from tests.support.live import Live, LiveProcess

# Of ada's things: who may listen. `agent` works for ada, `other agent` for bob; root is the owner
# of the instance, vic may only read.
TOPICS = {
    "agents": {"ada", "bob", "vic", "root", "agent", "other agent"},
    "pipelines": {"ada", "bob", "vic", "root", "agent", "other agent"},
    "budgets": {"root"},
    "llm": {"root"},
    "notifications:{user_id}": {"ada"},
    "run:{run_id}": {"ada", "root", "agent"},
    "runs": {"ada", "bob", "vic", "root"},  # each sees frames of their own runs
    "session:{session_id}": {"ada", "root", "agent"},
    "nothing:{run_id}": set[str](),
}
STREAMS = {
    "/v1/containers/logs/stream": {"root"},
    "/v1/containers/{container_id}/logs/stream": {"ada", "root", "agent"},
    "/v1/events/stream": {"ada", "bob", "vic", "root"},
    "/v1/events/stream/{run_id}": {"ada", "root", "agent"},
    "/v1/sessions/{session_id}/stream": {"ada", "root", "agent"},
}


def tokens(world: World) -> dict[str, str]:
    keys = {name: person.key for name, person in world.people.items()}
    agents = {"agent": world["ada"].session_token, "other agent": world["bob"].session_token}
    return {**keys, **agents}


def test_each_topic_and_stream_has_a_line() -> None:
    kinds = {name.format_map(_Ids()).partition(":")[0] for name in TOPICS} - {"nothing"}
    assert {kind.rstrip(":") for kind in topics._kinds} == kinds
    streaming = [o for o in operations() if o.is_stream or "/events/stream" in o.path]
    assert {operation.path for operation in streaming} == set(STREAMS)


class _Ids(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return "id"


async def test_who_may_listen(live: Live, committed_world: World, web_server: LiveProcess) -> None:
    names = {kind: kind.format_map(committed_world["ada"].ids) for kind in TOPICS}
    shown = tokens(committed_world)
    opened = await asyncio.gather(
        *(opened_by(live, token, list(names.values())) for token in shown.values())
    )
    let_in = dict(zip(shown, opened, strict=True))
    for kind, topic in names.items():
        assert {who for who, topics in let_in.items() if topic in topics} == TOPICS[kind], kind


async def opened_by(live: Live, token: str, names: list[str]) -> set[str]:
    """Of these topics, those that the server opens for this caller."""
    opened = set()
    url = live.url.replace("http", "ws") + "/ws/"
    async with connect(url, additional_headers=bearer(token), open_timeout=60) as socket:
        for name in names:
            await socket.send(orjson.dumps({"op": "subscribe", "topic": name}).decode())
        waiting = set(names)
        while waiting:
            frame: dict[str, Any] = orjson.loads(await asyncio.wait_for(socket.recv(), 60))
            if frame["type"] in {"subscribed", "error"} and frame["topic"] in waiting:
                waiting.discard(frame["topic"])
                opened |= {frame["topic"]} if frame["type"] == "subscribed" else set()
    return opened


async def test_who_may_stream(live: Live, committed_world: World, web_server: LiveProcess) -> None:
    every = {operation.path: operation for operation in operations()}
    async with httpx2.AsyncClient(base_url=live.url, timeout=60) as client:
        for path, allowed in STREAMS.items():
            url = url_of(every[path], committed_world["ada"])
            for who, token in tokens(committed_world).items():
                async with client.stream("GET", url, headers=bearer(token)) as answer:
                    assert (answer.status_code == 200) == (who in allowed), (path, who)
                    if who not in allowed:
                        assert answer.status_code in {403, 404}, (path, who)
            async with client.stream("GET", url) as answer:
                assert answer.status_code == 401, path
            async with client.stream("GET", url, params={"ticket": "made-up"}) as answer:
                assert answer.status_code == 401, path
