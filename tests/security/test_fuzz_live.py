"""The part of the API that a real server must answer: the model gateway, and streams that do not
end. With `test_fuzz` that is every address of the description (the first test holds it).
"""

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx2
import hypothesis
import pytest
from django.conf import settings
from hypothesis import HealthCheck
from hypothesis import strategies as st

from apps.llm.gateway.table import ROUTES, GatewayRoute
from apps.llm.providers import Dialect
from tests.apps.core.test_url_table import Operation, described
from tests.security.conftest import CALLERS, Headers, forbidden_to
from tests.security.test_fuzz import EXAMPLES, SEED, is_elsewhere, leaked
from tests.security.test_fuzz import operations as fuzzed
from tests.security.test_live_streams import STREAMS
from tests.security.test_odd_requests import url_of
from tests.security.world import World
from tests.support.live import Live, LiveProcess

# Its callers are agents; the others get no further than the door.
OF_CALLER = {"agent": EXAMPLES * 8, "anonymous": 1, "member": 1, "viewer": 1, "admin": 1}
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=40),
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=12), inner, max_size=4)
    ),
    max_leaves=12,
)
MODELS = st.sampled_from(
    ["scripted/auto", "scripted/auto", "openai/gpt-4o", "none/none", "", "scripted/", "a" * 999]
)
MESSAGE = {"role": "user", "content": "Say something."}
ASKED: dict[str, Any] = {"messages": [MESSAGE], "input": "Say something.", "max_tokens": 5}
NAMES = st.sampled_from(
    [
        *("model", "messages", "input", "stream", "max_tokens", "tools", "tool_choice", "system"),
        *("temperature", "n", "stop", "response_format", "metadata", "stream_options", "reasoning"),
    ]
)


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """A good request with some of its parts replaced by anything, or anything at all."""
    kind = draw(st.sampled_from(["near", "near", "near", "json", "bytes"]))
    if kind == "bytes":
        return draw(st.binary(max_size=200))
    if kind == "json":
        return json.dumps(draw(JSON)).encode()
    body = {**ASKED, "model": draw(MODELS)}
    for name in draw(st.sets(NAMES, max_size=3)):
        body[name] = draw(st.one_of(JSON, st.just([MESSAGE]), st.booleans()))
    return json.dumps(body).encode()


TEXT = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=30)
PLACES = st.one_of(TEXT, st.sampled_from(["0-0", "1-0", "$", "-1", "9" * 30, "run:1:2", "0-0x"]))


def statuses_of(path: str, method: str) -> set[int]:
    """Which the committed description names."""
    told = json.loads((settings.BASE_DIR / "docs" / "openapi.json").read_text())
    return {int(status) for status in told["paths"][path][method.lower()]["responses"]}


Check = Callable[..., None]


def checking(examples: int) -> Callable[[Check], Check]:
    chosen = hypothesis.settings(
        max_examples=examples,
        derandomize=not SEED,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[hypothesis.Phase.generate],
    )

    def made(check: Check) -> Check:
        return hypothesis.seed(int(SEED))(chosen(check)) if SEED else chosen(check)

    return made


def test_between_them_they_call_every_address() -> None:
    here = {(route.method, route.path) for route in ROUTES} | {("GET", path) for path in STREAMS}
    there = {(operation.method.upper(), operation.path) for operation in fuzzed()}
    every = {(operation.method, operation.path) for operation in described()}
    assert here | there == every | {(route.method, route.path) for route in ROUTES}
    assert not here & there
    assert all(is_elsewhere(path) for _, path in here)


@pytest.fixture
def server(live: Live, committed_world: World, web_server: LiveProcess) -> httpx2.Client:
    return httpx2.Client(base_url=live.url, timeout=60)


def told_of(answer: httpx2.Response, limit: int = 200_000) -> str:
    """What it says, up to a size: an answer that streams ends by itself or is left."""
    text = b""
    for piece in answer.iter_bytes():
        text += piece
        if len(text) > limit:
            break
    return text.decode("utf-8", "replace")


def test_gateway(server: httpx2.Client, committed_world: World) -> None:
    answers: Counter[int] = Counter()
    for caller, examples in OF_CALLER.items():
        headers = CALLERS[caller](committed_world)
        forbidden = forbidden_to(caller, committed_world)
        for route in ROUTES:
            gateway_checked(server, route, headers, forbidden, examples, answers)
    assert answers[200] >= 5, f"it answers to somebody: {answers}"
    assert answers[400] >= 5, f"and refuses: {answers}"


def gateway_checked(
    server: httpx2.Client,
    route: GatewayRoute,
    headers: Headers,
    forbidden: frozenset[str],
    examples: int,
    answers: Counter[int],
) -> None:
    known = statuses_of(route.path, route.method)

    @checking(examples)
    @hypothesis.given(bodies())
    def check(body: bytes) -> None:
        content = body if route.method != "GET" else None
        shown = {**headers, "Content-Type": "application/json"}
        with server.stream(route.method, route.path, headers=shown, content=content) as answer:
            text = told_of(answer)
        answers[answer.status_code] += 1
        where = f"{route.method} {route.path} {body!r}: {answer.status_code} {text[:300]}"
        assert answer.status_code in known, where
        assert "Traceback" not in text, where
        assert not leaked(text, body.decode("utf-8", "replace"), forbidden), where
        if answer.status_code != 200:
            assert_shaped(json.loads(text), route, where)

    check()


def assert_shaped(told: Any, route: GatewayRoute, where: str) -> None:
    """As the description says errors of this dialect look."""
    error = told["error"]
    assert {"message", "type", "code"} <= set(error), where
    assert all(isinstance(error[name], str) for name in ("message", "type", "code")), where
    if route.dialect == Dialect.ANTHROPIC:
        assert told["type"] == "error", where


def test_streams(server: httpx2.Client, committed_world: World) -> None:
    every = {operation.path: operation for operation in described()}
    for caller in CALLERS:
        for path in STREAMS:
            stream_checked(server, every[path], caller, committed_world)


def stream_checked(server: httpx2.Client, operation: Operation, caller: str, world: World) -> None:
    headers = CALLERS[caller](world)
    forbidden = forbidden_to(caller, world)
    owners = st.sampled_from([world[name] for name in ("ada", "bob", "root")])
    names = st.sampled_from(["since", "ticket", "topics", "last_event_id"])
    known = statuses_of(operation.path, "GET")

    @checking(EXAMPLES)
    @hypothesis.given(owners, st.dictionaries(names, PLACES, max_size=2), st.none() | PLACES)
    def check(owner: Any, query: dict[str, str], last: str | None) -> None:
        url = url_of(operation, owner)
        shown = {**headers, **({"Last-Event-ID": last} if last is not None else {})}
        with server.stream("GET", url, params=query, headers=shown) as answer:
            kind = answer.headers["content-type"]
            where = f"{url} {query} {last!r} by {caller}: {answer.status_code} {kind}"
            if answer.status_code == 200:
                assert kind.startswith("text/event-stream"), where
                return
            text = told_of(answer)
        assert answer.status_code in known, where
        assert kind == "application/problem+json", where
        assert json.loads(text)["code"], where
        assert not leaked(text, f"{url}{query}{last}", forbidden), where

    check()
