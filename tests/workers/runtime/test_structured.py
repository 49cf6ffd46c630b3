"""One answer that fits a schema: by `response_format`, else by a forced tool, with repairs."""

import json
from typing import Any

import pytest

from tests.support.model_server import Answer, calls, fails, says
from tests.workers.runtime.conftest import Driver, Start
from workers.protocol.messages import OutputSchema, StepEnd, StructuredOutput
from workers.runtime.structured import schema_problems

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "title": {"type": "string", "minLength": 3},
        "tasks": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["title", "tasks"],
    "additionalProperties": False,
}
GOOD = {"title": "Plan", "tasks": ["a"]}


async def ask(driver: Driver, schema: dict[str, Any] = SCHEMA, **fields: Any) -> StepEnd:
    wanted = OutputSchema(name="plan", schema=schema)
    driver.send(
        StructuredOutput(request_id="s1", prompt="Plan it.", output_schema=wanted, **fields)
    )
    return await driver.end_of("s1")


def requests(driver: Driver) -> list[dict[str, Any]]:
    return driver.server.requests  # type: ignore[attr-defined, no-any-return]


async def test_the_answer_comes_by_response_format(start: Start) -> None:
    driver = start([says(json.dumps(GOOD))])
    end = await ask(driver, system_prompt="You plan.")
    assert end.success
    assert json.loads(end.result) == GOOD
    (request,) = requests(driver)
    assert request["response_format"]["type"] == "json_schema"
    assert request["response_format"]["json_schema"]["name"] == "plan"
    assert request["temperature"] == 0.7
    assert 32768 in (request.get("max_tokens"), request.get("max_completion_tokens"))
    assert "tools" not in request
    assert end.usage.requests == 1


async def test_a_provider_without_the_format_is_asked_by_tool(start: Start) -> None:
    refusal = fails(400, "unsupported", "response_format json_schema is not supported")
    driver = start([refusal, calls("submit_plan", **GOOD)])
    end = await ask(driver)
    assert end.success
    assert json.loads(end.result) == GOOD
    second = requests(driver)[1]
    assert [tool["function"]["name"] for tool in second["tools"]] == ["submit_plan"]
    assert second["tool_choice"] != "auto"
    assert "response_format" not in second


async def test_the_tool_can_be_asked_for_at_once(start: Start) -> None:
    driver = start([calls("submit_plan", **GOOD)])
    assert (await ask(driver, output_method="tool_use")).success
    assert len(requests(driver)) == 1


async def test_a_wrong_answer_is_repaired_with_the_validators_words(start: Start) -> None:
    wrong = says(json.dumps({"title": "P", "tasks": "a"}))
    driver = start([wrong, wrong, says(json.dumps(GOOD))])
    end = await ask(driver)
    assert end.success
    last = requests(driver)[-1]["messages"][-1]["content"]
    assert "$.tasks: 'a' is not of type 'array'" in last
    assert "$.title: 'P' is too short" in last


async def test_two_repairs_are_all_there_is(start: Start) -> None:
    driver = start([says(json.dumps({"title": "P"}))] * 5)
    end = await ask(driver)
    assert (end.success, end.error_code) == (False, "bad_output")
    assert "tasks" in end.result
    assert len(requests(driver)) == 3


async def test_text_that_is_no_json_is_bad_output(start: Start) -> None:
    driver = start([says("Sorry, I would rather talk.")] * 5)
    end = await ask(driver)
    assert (end.success, end.error_code) == (False, "bad_output")


async def test_an_answer_cut_at_the_token_limit_says_so(start: Start) -> None:
    driver = start([Answer(text='{"title": "Pl', finish="length")] * 5)
    end = await ask(driver)
    assert (end.success, end.error_code) == (False, "bad_output")
    assert "token limit" in end.result


async def test_a_refusal_is_told_apart(start: Start) -> None:
    driver = start([Answer(text="", finish="content_filter")] * 5)
    end = await ask(driver)
    assert (end.success, end.error_code) == (False, "model_refused")


async def test_the_time_limit_ends_the_wait(start: Start) -> None:
    driver = start([says("{}", delay_s=20)])
    end = await ask(driver, deadline_s=0.5)
    assert (end.success, end.error_code) == (False, "timeout")


async def test_a_schema_that_is_no_object_is_refused(start: Start) -> None:
    driver = start([])
    end = await ask(driver, schema={"type": "array", "items": {"type": "string"}})
    assert (end.success, end.error_code) == (False, "bad_output")
    assert not requests(driver)


@pytest.mark.parametrize(
    ("value", "fits"),
    [
        (GOOD, True),
        ({"title": "Plan", "tasks": []}, True),
        ({"title": "Plan"}, False),
        ([], False),
    ],
)
def test_problems_of_a_value(value: Any, fits: bool) -> None:
    assert (schema_problems(SCHEMA, value) == []) is fits


def test_a_form_with_nothing_in_it_is_no_answer() -> None:
    schema = {"type": "object", "properties": {"tasks": {"type": "array"}}}
    assert "every list is empty" in schema_problems(schema, {"tasks": []})[0]
