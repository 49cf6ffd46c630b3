"""What no client of good will sends: it is refused in our words, and never with a fault of ours."""

import gzip
import io
import json
from collections.abc import Iterable, Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from pytest_django import Settings

from apps.core.api.parsers import JsonParser
from apps.core.errors import TooLarge
from tests.apps.core.test_url_table import Operation, operations
from tests.security.conftest import CALLERS, undone
from tests.security.world import Person, World

pytestmark = pytest.mark.django_db

JSON = "application/json"
DEEP = b"[" * 5_000 + b"]" * 5_000
# What a view gets to see.
BODIES: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", JSON),
    "null": (b"null", JSON),
    "a list": (b'[{"a": 1}, [2]]', JSON),
    "huge numbers": (b'{"version": 123456789012345678901234567890, "limit": -1e300}', JSON),
    "a form": (b"a=1&b=2", "application/x-www-form-urlencoded"),
}
# What is refused before.
NO_JSON: dict[str, tuple[bytes, str]] = {
    "cut off": (b"{", JSON),
    "infinity": (b'{"a": 1e999}', JSON),
    "not a number": (b'{"a": NaN}', JSON),
    "NUL": (b'{"a": ["x\\u0000y"]}', JSON),
    "NUL in a name": (b'{"\\u0000": 1}', JSON),
    "half a pair": (b'{"a": "\\ud800"}', JSON),
    "no UTF-8": (b'{"a": "\xff\xfe"}', JSON),
    "deep lists": (b"[" * 5_000 + b"]" * 5_000, JSON),
    "deep objects": (b'{"a":' * 100 + b"1" + b"}" * 100, JSON),
    "gzip": (gzip.compress(b"{}"), JSON),
    "text": (b"{}", "text/plain"),
    "XML": (b"<a/>", "application/xml"),
    "no such type": (b"{}", "\xe9/;=;"),
    "multipart": (b"--x\r\n\r\n", "multipart/form-data; boundary=x"),
}


class _Ids(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return "none"


def url_of(operation: Operation, person: Person) -> str:
    """With ids of what is theirs."""
    ids = _Ids(person.ids)
    for name in operation.numbered:
        ids.setdefault(name, "1")
    return operation.path.format_map(ids)


def send(world: World, method: str, url: str, body: bytes = b"", kind: str = JSON) -> Any:
    client = Client(raise_request_exception=False)
    headers = CALLERS["admin"](world)
    with undone():
        return client.generic(method, url, body, content_type=kind, headers=headers)


def fault(answer: Any) -> str:
    """What is wrong with an answer. Nothing: it is one of ours."""
    status, text = answer.status_code, answer.getvalue().decode("utf-8", "replace")
    if (status >= 500 and status != 502) or "Traceback" in text:
        return f"{status} {text[:300]}"
    if status < 400:
        return ""
    if answer.get("Content-Type") != "application/problem+json":
        return f"{status} as {answer.get('Content-Type')}"
    told = json.loads(text)
    return "" if told["status"] == status and told["code"] else f"{status} {text[:300]}"


def faults(calls: Iterable[tuple[str, Any]]) -> list[str]:
    return [f"{where}: {wrong}" for where, answer in calls if (wrong := fault(answer))]


def test_odd_bodies(world: World) -> None:
    writes = [o for o in operations() if o.method in ("POST", "PUT", "PATCH")]

    def calls() -> Iterator[tuple[str, Any]]:
        for operation in writes:
            url = url_of(operation, world["root"])
            for name, (body, kind) in BODIES.items():
                yield f"{operation} with {name}", send(world, operation.method, url, body, kind)

    assert not (found := faults(calls())), "\n".join(found)


QUERY_NEEDED = {
    "/v1/agents/{agent_id}/sandbox/file": "?path=a",
    "/v1/runs/{run_id}/search": "?q=word",
    "/v1/sessions/{session_id}/search": "?q=word",
    "/v1/search": "?q=task",
}


def closed_bodies() -> set[tuple[str, str]]:
    """Method and path of what takes the fields that its description names and no other."""
    described = json.loads((Path(settings.BASE_DIR) / "docs/openapi.json").read_text())
    shapes = described["components"]["schemas"]
    found = set()
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            for body in operation.get("requestBody", {}).get("content", {}).values():
                shape = shapes.get(body["schema"].get("$ref", "").rpartition("/")[2], {})
                if shape.get("additionalProperties") is False:
                    found.add((method.upper(), path))
    return found


def test_unknown_fields_are_named(world: World) -> None:
    """At every address that takes a body of ours, whatever else is wrong with the call."""
    closed = closed_bodies()
    assert len(closed) > 50
    unnamed = []
    for operation in operations():
        if (operation.method, operation.path) not in closed:
            continue
        client = Client(raise_request_exception=False)
        caller, whose = (
            ("admin", "root") if operation.callers & {"user", "admin"} else ("agent", "ada")
        )
        with undone():
            answer = client.generic(
                operation.method,
                url_of(operation, world[whose]) + QUERY_NEEDED.get(operation.path, ""),
                b'{"no_such_field": 1}',
                content_type=JSON,
                headers={**CALLERS[caller](world), "Idempotency-Key": "k"},
            )
        told = {wrong["pointer"]: wrong["code"] for wrong in answer.json().get("errors", ())}
        if told.get("/no_such_field") != "unknown_field":
            unnamed.append(f"{operation}: {answer.status_code} {answer.content.decode()[:200]}")
    assert not unnamed, "\n".join(unnamed)


@pytest.mark.parametrize("name", NO_JSON)
def test_what_is_no_json_is_refused(name: str, world: World) -> None:
    body, kind = NO_JSON[name]
    answer = send(world, "POST", "/v1/runs/forecast", body, kind)
    assert not fault(answer)
    assert (answer.status_code, answer.json()["code"]) in {
        (400, "malformed_json"),
        (415, "unsupported_media_type"),
    }


def test_text_that_only_looks_like_a_nul() -> None:
    text = r"a \u0000 in code"
    assert JsonParser().parse(io.BytesIO(json.dumps({"text": text}).encode())) == {"text": text}


ODD_TEXTS = ("%ff%fe%ed%a0%80", "..%2f..%2fetc%2fpasswd", "9" * 40)
ODD_CURSORS = ("W10", "%ff", "WzAsIngiLCJ5Il0", "WzAsMWU0MCwxZTQwXQ", "WzAsIgAiLCJ5Il0", "bnVsbA")


def test_odd_ids(world: World) -> None:
    """In every place of every path, one after the other."""

    def calls() -> Iterator[tuple[str, Any]]:
        for operation in operations():
            if operation.is_stream or "{" not in operation.path:
                continue
            for text in ODD_TEXTS:
                ids = _Ids(dict.fromkeys(operation.parameters, text))
                url = operation.path.format_map(ids)
                yield f"{operation} {text[:20]}", send(world, operation.method, url)

    assert not (found := faults(calls())), "\n".join(found)


def test_odd_queries(world: World) -> None:
    odd = [f"cursor={cursor}" for cursor in ODD_CURSORS]
    odd += ["limit=9999999999999999999999", "limit=%EF%BC%99", "limit=1&limit=x", "a" * 3_000]

    def calls() -> Iterator[tuple[str, Any]]:
        for operation in operations():
            if operation.method != "GET" or not operation.is_paged:
                continue
            url = url_of(operation, world["root"])
            for query in odd:
                yield f"{operation} ?{query[:30]}", send(world, "GET", f"{url}?{query}")

    assert not (found := faults(calls())), "\n".join(found)


@pytest.mark.parametrize("address", ["/v1/runs/a%00b", "/v1/runs?status=%00", "/login/%00/"])
def test_nul_in_an_address(address: str, world: World) -> None:
    answer = send(world, "GET", address)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")


def test_methods_that_are_not_there(world: World) -> None:
    methods = cycle(["OPTIONS", "TRACE", "PROPFIND"])
    for operation in operations():
        if operation.is_async:
            continue
        answer = send(world, next(methods), url_of(operation, world["root"]))
        assert answer.status_code == 405, (str(operation), answer.status_code)
        assert answer["Content-Type"] == "application/problem+json", str(operation)
        assert operation.method in answer["Allow"], str(operation)


def test_head_is_a_get_without_a_body(world: World) -> None:
    for operation in operations():
        if operation.method != "GET" or operation.is_async:
            continue
        url = url_of(operation, world["root"])
        answer = send(world, "HEAD", url)
        assert answer.status_code == send(world, "GET", url).status_code, str(operation)
        assert answer.getvalue() == b"", str(operation)


def test_large_bodies_are_refused(world: World, settings: Settings) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000
    for path in ("/v1/runs", "/v1/agents", "/v1/pipelines/validate", "/v1/auth/invites"):
        answer = send(world, "POST", path, json.dumps({"task": "x" * 2_000}).encode())
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large"), path
        assert answer.json()["limit"] == 1_000


def test_announced_length_does_not_matter(world: World, settings: Settings) -> None:
    """A body sent in pieces has no length that could be checked before."""
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000
    stream = io.BytesIO(json.dumps({"yaml": "x" * 2_000}).encode())
    with pytest.raises(TooLarge):
        JsonParser().parse(stream)
    assert stream.tell() == 1_001, "no more is read than is needed to know"
