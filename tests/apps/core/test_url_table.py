"""Every address under /v1: who may call it, and that the description knows it."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import httpx2
import pytest
from django.urls import URLPattern, URLResolver, get_resolver
from drf_spectacular.generators import SchemaGenerator
from rest_framework.test import APIClient

from apps.accounts.models import User
from apps.accounts.services import session_token_create
from apps.core.aio import in_thread
from apps.core.api.callers import SCOPES, CallerKind
from apps.core.api.permissions import declared
from apps.core.api.views import ApiMixin, AsyncApiView, UnknownPath
from apps.core.async_sql import sql_pool_close
from apps.llm.gateway.table import CALLERS, ROUTES
from djinnbot.asgi import application

METHODS = ("get", "post", "put", "patch", "delete")
KINDS: set[CallerKind] = {"user", "session", "anonymous", "admin"}
# Writes in form only: they compute an answer and change nothing, or open a stream of what one sees.
HARMLESS = {
    *("pipeline-draft", "pipeline-validate", "pipeline-rehearsal", "run-forecast"),
    "auth-stream-ticket",
}


@dataclass(frozen=True)
class Operation:
    name: str
    path: str  # as in the description: /v1/runs/{run_id}
    method: str
    callers: frozenset[str]
    scope: str
    in_schema: bool

    is_async: bool = False  # asks the database in threads of its own
    is_paged: bool = False
    asks_again: bool = False  # a session must have shown lately who is there
    numbered: frozenset[str] = frozenset()  # path parameters that are numbers

    @property
    def url(self) -> str:
        """With made-up ids."""
        return re.sub(
            r"\{(\w+)\}", lambda found: "0" if found[1] in self.numbered else "none", self.path
        )

    @property
    def parameters(self) -> list[str]:
        return re.findall(r"\{(\w+)\}", self.path)

    @property
    def is_stream(self) -> bool:
        return self.path.endswith("/stream")

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def routes(resolver: URLResolver, prefix: str = "/") -> Iterator[tuple[str, URLPattern]]:
    for entry in resolver.url_patterns:
        path = prefix + str(entry.pattern).lstrip("^")
        if isinstance(entry, URLResolver):
            yield from routes(entry, path)
        else:
            yield path, entry


# allauth's own flows: they have their own description, and answer who is not signed in with a list
# of ways to sign in. `tests/apps/accounts/test_headless.py` walks them.
NOT_OURS = ("/v1/auth/browser/", "/v1/auth/app/")


def api_routes() -> list[tuple[str, URLPattern]]:
    found = routes(get_resolver())
    return [
        (path, route)
        for path, route in found
        if path.startswith("/v1") and not path.startswith(NOT_OURS)
    ]


@cache
def operations() -> list[Operation]:
    found = []
    for path, route in api_routes():
        view: Any = getattr(route.callback, "cls", None)
        if view is UnknownPath:
            continue
        assert view is not None, f"{path} is no API view"
        assert issubclass(view, ApiMixin), f"{path} does not derive from ApiMixin"
        actions = getattr(route.callback, "actions", None) or dict.fromkeys(METHODS)
        for method, action in actions.items():
            if action is None and not hasattr(view, method):
                continue
            instance = view()
            instance.action = action
            found.append(
                Operation(
                    name=str(route.name),
                    path=re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", path),
                    method=method.upper(),
                    callers=frozenset(declared(instance, "callers", method.upper()) or ()),
                    scope=declared(instance, "scope", method.upper()) or "",
                    in_schema=view.schema is not None,
                    is_async=issubclass(view, AsyncApiView),
                    is_paged=bool(declared(instance, "paged", method.upper())),
                    asks_again=bool(declared(instance, "reauthentication", method.upper())),
                    numbered=frozenset(re.findall(r"<int:(\w+)>", path)),
                )
            )
    return found


def below_django() -> list[Operation]:
    """What the web process answers before Django sees it: the model gateway's own table."""
    return [
        Operation(
            name=route.name,
            path=route.path,
            method=route.method,
            callers=frozenset(CALLERS),
            scope=route.scope,
            in_schema=True,
        )
        for route in ROUTES
    ]


def described() -> list[Operation]:
    return [operation for operation in operations() if operation.in_schema]


def every(select: Callable[[Operation], bool] = lambda _: True) -> pytest.MarkDecorator:
    chosen = [operation for operation in operations() if select(operation)]
    return pytest.mark.parametrize("operation", chosen, ids=str)


@every()
def test_says_who_may_call_it(operation: Operation) -> None:
    assert operation.callers
    assert operation.callers <= KINDS
    assert operation.scope in SCOPES


@pytest.mark.parametrize("operation", below_django(), ids=str)
def test_gateway_says_who_may_call_it(operation: Operation) -> None:
    assert operation.callers == {"session"}
    assert operation.scope in SCOPES


def test_table_is_not_empty() -> None:
    assert len(operations()) > 40
    assert len(below_django()) >= 3


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    generator: Any = SchemaGenerator  # untyped
    return dict(generator().get_schema(request=None, public=True))


def test_description_has_each_address_with_its_problems(schema: dict[str, Any]) -> None:
    for operation in described():
        told = schema["paths"].get(operation.path, {}).get(operation.method.lower())
        assert told is not None, f"{operation} is not described"
        assert set(told["x-callers"]) == operation.callers, str(operation)
        assert told["x-scope"] == operation.scope, str(operation)
        assert told.get("x-reauthentication", False) == operation.asks_again, str(operation)
        problems = {
            status
            for status, response in told["responses"].items()
            if "application/problem+json" in response.get("content", {})
        }
        assert problems, f"{operation} tells of no problem"
        assert "anonymous" in operation.callers or {"401", "403"} <= problems, str(operation)


@pytest.mark.parametrize("operation", below_django(), ids=str)
def test_description_has_the_gateway(operation: Operation, schema: dict[str, Any]) -> None:
    told = schema["paths"][operation.path][operation.method.lower()]
    assert set(told["x-callers"]) == operation.callers
    assert told["x-scope"] == operation.scope
    assert {"401", "403"} <= set(told["responses"])


def test_description_has_nothing_else(schema: dict[str, Any]) -> None:
    real = {(o.path, o.method.lower()) for o in [*described(), *below_django()]}
    for path, methods in schema["paths"].items():
        for method in methods:
            assert (path, method) in real, f"{method} {path} does not exist"


def call(client: APIClient, operation: Operation) -> Any:
    client.raise_request_exception = False
    return getattr(client, operation.method.lower())(operation.url, data={}, format="json")


@every(lambda operation: "anonymous" not in operation.callers)
@pytest.mark.django_db
def test_nobody_is_let_in(operation: Operation) -> None:
    answer = call(APIClient(), operation)
    assert answer.status_code == 401, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert answer.json()["code"] == "not_authenticated"


@every(lambda operation: operation.name != "health")  # it asks nobody, as it must always answer
@pytest.mark.django_db
def test_made_up_bearer_is_refused(operation: Operation) -> None:
    for token in ("djb_abcdefgh.made-up", "dst_made-up", "made-up", "a b", "é"):
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
        answer = call(client, operation)
        assert answer.status_code == 401, (token, answer.content)


async def call_below_django(operation: Operation, headers: dict[bytes, bytes]) -> httpx2.Response:
    transport = httpx2.ASGITransport(app=application)
    try:
        async with httpx2.AsyncClient(transport=transport, base_url="http://testserver") as client:
            return await client.request(
                operation.method, operation.path, headers=headers, content=b"{}"
            )
    finally:
        await sql_pool_close()  # it would outlive this event loop, and the test's database


@pytest.mark.parametrize("operation", below_django(), ids=str)
@pytest.mark.django_db(transaction=True)
async def test_gateway_lets_nobody_in(operation: Operation) -> None:
    bearers = ("", "djb_abcdefgh.made-up", "dst_made-up", "made-up", "a b", "é")
    shown = [{b"Authorization": f"Bearer {token}".encode("latin-1")} for token in bearers]
    for headers in [{}, *shown, {b"x-api-key": b"dst_made-up"}]:
        answer = await call_below_django(operation, headers)
        assert answer.status_code == 401, (headers, answer.text)
        assert answer.json()["error"]["code"] == "not_authenticated"


@pytest.mark.parametrize("operation", below_django(), ids=str)
@pytest.mark.django_db(transaction=True)
async def test_gateway_wants_its_scope(operation: Operation) -> None:
    token = await in_thread(
        partial(session_token_create, "ses_1", "finn", grants={"scopes": ["runs"], "models": ["*"]})
    )
    answer = await call_below_django(operation, {b"Authorization": f"Bearer {token}".encode()})
    assert answer.status_code == 403, answer.text
    assert answer.json()["error"]["code"] == "missing_scope"


def is_more_than_reading(operation: Operation) -> bool:
    return operation.scope != "read" and "anonymous" not in operation.callers


@every(lambda operation: is_more_than_reading(operation) and not operation.is_stream)
@pytest.mark.django_db
def test_key_that_may_read_cannot_write(
    operation: Operation, api_client: Callable[..., APIClient]
) -> None:
    refused_to_a_reading_key(operation, api_client)


@every(lambda operation: is_more_than_reading(operation) and operation.is_stream)
@pytest.mark.django_db(transaction=True)  # a stream asks the database in a thread of its own
def test_key_that_may_read_opens_no_other_stream(
    operation: Operation, api_client: Callable[..., APIClient]
) -> None:
    refused_to_a_reading_key(operation, api_client)


def refused_to_a_reading_key(operation: Operation, api_client: Callable[..., APIClient]) -> None:
    owner = User.objects.create_superuser("owner")
    answer = call(api_client(owner, ["read"]), operation)
    assert answer.status_code == 403, answer.content
    # A narrow key of an administrator is no administrator.
    other_kinds = "admin" in operation.callers or "user" not in operation.callers
    expected = {"missing_scope"} | ({"permission_denied"} if other_kinds else set())
    assert answer.json()["code"] in expected
    if answer.json()["code"] == "missing_scope":
        assert answer.json()["missing_scope"] == operation.scope


def test_reading_scope_changes_nothing() -> None:
    for operation in operations():
        if operation.method != "GET" and operation.scope == "read":
            assert operation.name in HARMLESS, str(operation)
