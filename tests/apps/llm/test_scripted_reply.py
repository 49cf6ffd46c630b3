"""The scripted model's answers, read by the gateway's own observers and by the automatic script."""

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.llm.facts import SessionFacts
from apps.llm.gateway.observe import observer_for
from apps.llm.gateway.sse import SseSplitter
from apps.llm.providers import Dialect
from apps.llm.scripted.auto import auto_turn
from apps.llm.scripted.conversation import Conversation, conversation_of
from apps.llm.scripted.reply import Reply, reply_of, stream, whole
from apps.llm.scripted.sample import sample
from apps.llm.scripted.script import Call, Turn

DIALECTS = pytest.mark.parametrize("dialect", list(Dialect))


def reply(turn: Turn, conversation: Conversation | None = None, chunk_chars: int = 5) -> Reply:
    return reply_of(
        turn,
        seed="s",
        model="m",
        conversation=conversation or Conversation(),
        chunk_chars=chunk_chars,
    )


@given(
    dialect=st.sampled_from(list(Dialect)),
    say=st.text(max_size=60),
    think=st.text(max_size=30),
    args=st.lists(st.dictionaries(st.text(max_size=5), st.text(max_size=20)), max_size=3),
    cut=st.integers(1, 50),
)
def test_stream_and_whole_answer_say_the_same(
    dialect: Dialect, say: str, think: str, args: list[dict[str, str]], cut: int
) -> None:
    turn = Turn(say=say, think=think, call=[Call(tool="t", args=arg) for arg in args])
    answer = reply(turn)
    streamed, at_once = observer_for(dialect), observer_for(dialect)
    data = b"".join(stream(dialect, answer))
    splitter = SseSplitter()
    for start in range(0, len(data), cut):  # the network cuts where it likes
        for event in splitter.feed(data[start : start + cut]):
            streamed.event(event)
    at_once.message(whole(dialect, answer))
    assert splitter.rest == b""
    for seen in (streamed.seen, at_once.seen):
        assert seen.complete
        assert not seen.malformed
        assert seen.tool_call_count == len(args)
        assert seen.has_thinking == bool(think)
        assert seen.tokens == answer.tokens
    assert streamed.seen.stop_reason == at_once.seen.stop_reason


@DIALECTS
def test_a_structured_answer_is_text_or_a_forced_call(dialect: Dialect) -> None:
    turn = Turn(output={"tasks": []})
    assert json.loads(reply(turn).text) == {"tasks": []}
    forced = reply(turn, Conversation(forced_tool="submit_plan"))
    assert (forced.calls[0].name, json.loads(forced.calls[0].arguments)) == (
        "submit_plan",
        {"tasks": []},
    )


def test_a_required_tool_is_forced_when_it_is_the_only_one() -> None:
    tool = {"type": "function", "function": {"name": "submit", "parameters": {}}}
    body: dict[str, Any] = {"messages": [], "tools": [tool], "tool_choice": "required"}
    assert conversation_of(Dialect.OPENAI, body).forced_tool == "submit"
    assert (
        conversation_of(
            Dialect.OPENAI, {**body, "tools": [tool, tool | {"function": {"name": "x"}}]}
        ).forced_tool
        == ""
    )
    body = {"messages": [], "tools": [{"name": "submit"}], "tool_choice": {"type": "any"}}
    assert conversation_of(Dialect.ANTHROPIC, body).forced_tool == "submit"


def test_ids_differ_between_turns_and_are_equal_in_a_repetition() -> None:
    turn = Turn(call=[Call(tool="a"), Call(tool="b")])
    first = reply_of(turn, seed="run:0", model="m", conversation=Conversation(), chunk_chars=5)
    again = reply_of(turn, seed="run:0", model="m", conversation=Conversation(), chunk_chars=5)
    later = reply_of(turn, seed="run:1", model="m", conversation=Conversation(), chunk_chars=5)
    assert first == again
    assert len({call.id for call in first.calls + later.calls}) == 4


SCHEMA = {
    "type": "object",
    "required": ["tasks", "mood"],
    "additionalProperties": False,
    "$defs": {"hours": {"type": "number", "minimum": 2}},
    "properties": {
        "tasks": {
            "type": "array",
            "minItems": 2,
            "items": {
                "type": "object",
                "required": ["title", "hours"],
                "properties": {
                    "title": {"type": "string", "minLength": 12},
                    "hours": {"$ref": "#/$defs/hours"},
                    "priority": {"enum": ["P0", "P1"]},
                    "note": {"anyOf": [{"type": "null"}, {"type": "string"}]},
                    "done": {"type": "boolean"},
                },
            },
        },
        "mood": {"const": "good"},
    },
}


def test_the_automatic_answer_fits_its_schema() -> None:
    jsonschema.validate(sample(SCHEMA), SCHEMA)
    turn = auto_turn(SessionFacts(), Conversation(schema=SCHEMA))
    jsonschema.validate(turn.output, SCHEMA)


_SELF = {"$ref": "#"}


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "required": ["a", "b"], "properties": {"a": _SELF, "b": _SELF}},
        {"$defs": {"x": {"$ref": "#/$defs/x"}}, "$ref": "#/$defs/x"},
        {"type": "array", "minItems": 10**12, "items": {"type": "array", "minItems": 10**12}},
        {"type": "string", "minLength": 10**12},
        {"type": "object", "properties": {"a": True, "b": False}},
    ],
)
def test_an_automatic_answer_is_small_whatever_is_asked_for(schema: dict[str, Any]) -> None:
    assert len(json.dumps(sample(schema))) < 100_000


def test_the_automatic_script_completes_with_every_declared_output() -> None:
    facts = SessionFacts(
        step="REVIEW",
        outputs=("notes", "review_result", "task_breakdown_json"),
        results=("APPROVED", "CHANGES_REQUESTED"),
        loop_names=("task_breakdown_json",),
    )
    conversation = Conversation(tools={"complete": {}, "bash": {}})
    call = auto_turn(facts, conversation).call[0]
    outputs = call.args["outputs"]
    assert (call.tool, set(outputs)) == ("complete", set(facts.outputs))
    assert outputs["review_result"] == "APPROVED"
    assert len(json.loads(outputs["task_breakdown_json"])) == 2
    assert outputs["notes"]


def test_the_automatic_script_stops_after_completion() -> None:
    after = Conversation(tools={"complete": {}}, rounds=(("The step is complete.",),))
    assert not auto_turn(SessionFacts(), after).call
