"""The table of events knows what code appends, and clients are told of nothing else."""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from drf_spectacular.generators import SchemaGenerator
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from apps.core.event_types import EVENT_TYPES

# (name of the function, place or keyword of the type)
APPENDING = {"NewEvent": "type", "run_event": 0, "step_event": 0, "_event": 0}


def appended() -> Iterator[tuple[str, str]]:
    """`(type, where)` of every event that code names."""
    for room in ("apps", "workers"):
        for path in (Path(settings.BASE_DIR) / room).rglob("*.py"):
            for call in ast.walk(ast.parse(path.read_text())):
                if isinstance(call, ast.Call):
                    for value in _types(call):
                        yield value, f"{path}:{call.lineno}"


def _types(call: ast.Call) -> list[str]:
    name = getattr(call.func, "id", getattr(call.func, "attr", ""))
    if name == "box":
        return [f"CONTAINER_{word}" for word in _words(call.args[:1])]
    place = APPENDING.get(name)
    if isinstance(place, str):
        return _words([keyword.value for keyword in call.keywords if keyword.arg == place])
    return _words(call.args[:1]) if place == 0 else []


def _words(nodes: Iterable[ast.expr]) -> list[str]:
    written = [node for node in nodes if not isinstance(node, ast.JoinedStr)]
    constants = [part for node in written for part in ast.walk(node)]
    return [
        part.value
        for part in constants
        if isinstance(part, ast.Constant) and isinstance(part.value, str) and part.value
    ]


def test_every_event_that_code_names_is_in_the_table() -> None:
    named = dict(appended())
    assert len(named) > 30
    missing = {name: where for name, where in named.items() if name not in EVENT_TYPES}
    assert not missing, f"add to apps/core/event_types.py: {missing}"


def test_the_description_tells_of_each_with_a_valid_schema() -> None:
    generator: Any = SchemaGenerator  # untyped
    told = generator().get_schema(request=None, public=True)["x-events"]
    assert set(told["types"]) == set(EVENT_TYPES)
    assert {name for names in told["topics"].values() for name in names} == set(EVENT_TYPES)
    for schema in told["types"].values():
        Draft202012Validator.check_schema(schema)
    started = Draft202012Validator(told["types"]["STEP_STARTED"])
    good = {"runId": "r", "stepId": "A", "visit": 1, "attempt": 1, "agentId": "finn"}
    assert started.is_valid(good)
    assert not started.is_valid({**good, "visit": "one"})
    assert not started.is_valid({**good, "more": 1})


def test_a_wrong_payload_is_refused() -> None:
    with pytest.raises(ValidationError):
        EVENT_TYPES["RUN_FAILED"].data.model_validate({"error": "x"})
