"""The schema for editors says what the parser takes."""

from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from rest_framework.test import APIClient

from apps.pipelines.files import LIBRARY
from apps.pipelines.json_schema import pipeline_schema
from apps.pipelines.parse import parse_pipeline


@pytest.mark.django_db
def test_it_is_a_schema_and_served(reader: APIClient) -> None:
    Draft202012Validator.check_schema(pipeline_schema())
    answer = reader.get("/v1/pipeline-schema")
    assert answer.status_code == 200
    assert answer.json()["required"] == ["id", "name", "agents", "steps"]


@pytest.mark.parametrize("path", sorted(LIBRARY.glob("*.yml")), ids=lambda path: path.stem)
def test_every_built_in_pipeline_passes(path: Any) -> None:
    Draft202012Validator(pipeline_schema()).validate(yaml.safe_load(path.read_text()))


def _value(schema: dict[str, Any]) -> Any:
    """The least that a schema of ours takes, with every key it names."""
    if "anyOf" in schema:
        return _value(schema["anyOf"][-1])
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema["type"][0] if isinstance(schema["type"], list) else schema["type"]
    if kind == "object":
        found = {key: _value(inner) for key, inner in schema.get("properties", {}).items()}
        more = schema.get("additionalProperties")
        return {**found, "DONE": _value(more)} if more else found
    if kind == "array":
        return [_value(schema["items"])]
    return {"string": "A", "boolean": True, "integer": schema.get("minimum"), "number": 1}[kind]


def _unknown(text: str) -> Iterator[str]:
    for problem in parse_pipeline(text.encode()).problems:
        if problem.code == "W01" and "type is" not in problem.message:
            yield problem.path


def test_the_parser_knows_every_key_of_it() -> None:
    everything = _value(pipeline_schema())
    everything["steps"][0]["type"] = "loop"
    assert list(_unknown(yaml.safe_dump(everything))) == []
    everything["steps"][0]["colour"] = "red"
    assert list(_unknown(yaml.safe_dump(everything))) == ["steps.0.colour"]
