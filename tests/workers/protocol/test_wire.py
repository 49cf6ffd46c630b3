"""A message survives the wire; whatever else arrives is told apart, and raises nothing else."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workers.protocol.keys import StreamKeys
from workers.protocol.messages import MESSAGES, AgentStep, Message, OutputSchema, StepEnd, ToolEnd
from workers.protocol.wire import MalformedMessage, UnknownMessage, decode, encode

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
JSON_OBJECT = st.dictionaries(st.text(), JSON, max_size=3)
TEXT = st.text(st.characters(exclude_categories=["Cs"]))


def as_redis_gives_it(entry: dict[str, str]) -> dict[bytes, bytes]:
    return {key.encode(): value.encode() for key, value in entry.items()}


def values_of(kind: type[Message]) -> st.SearchStrategy[dict[str, Any]]:
    """Arguments for a message, made from the types of its fields."""
    special: dict[Any, st.SearchStrategy[Any]] = {
        "args": TEXT if kind.__name__ == "ToolStart" else JSON_OBJECT,
        "output_schema": st.builds(OutputSchema, name=TEXT, schema=JSON_OBJECT),
        **dict.fromkeys(("temperature", "percent", "cpu"), st.floats(0, 1e6)),
        "attachments": st.just([]),
        "usage": st.just({}),
        **dict.fromkeys(
            ("max_steps", "max_output_tokens", "step_number", "max_equal_calls"),
            st.integers(1, 10**6),
        ),
        **dict.fromkeys(("deadline_s", "wrap_up_s"), st.floats(0.1, 1e6)),
    }
    fields = {
        name: special[name] if name in special else _typed(field.annotation)
        for name, field in kind.model_fields.items()
        if name != "type"
    }
    return st.fixed_dictionaries(fields)


def _typed(annotation: Any) -> st.SearchStrategy[Any]:
    return TEXT if annotation is str else st.from_type(annotation)


QUICK = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize("name", sorted(MESSAGES))
@QUICK
@given(data=st.data())
def test_every_message_survives_the_wire(name: str, data: st.DataObject) -> None:
    kind = MESSAGES[name]
    message = kind(**data.draw(values_of(kind)))
    entry = as_redis_gives_it(encode(message, seq=7, ts=1_700_000_000_000))
    envelope = decode(entry, stream=kind.stream)
    assert envelope.message == message
    assert (envelope.seq, envelope.ts) == (7, 1_700_000_000_000)


@given(
    st.dictionaries(
        st.sampled_from([b"seq", b"type", b"requestId", b"ts", b"data", b"more"]) | st.binary(),
        st.binary()
        | st.sampled_from([b"stepEnd", b"toolEnd", b"{}", b"[]", b'{"data": 3}', b"1", b"-1"]),
    )
)
def test_any_entry_is_read_or_refused_by_name(fields: dict[bytes, bytes]) -> None:
    for stream in ("cmd", "out", "evt"):
        try:
            envelope = decode(fields, stream=stream)
        except (MalformedMessage, UnknownMessage):
            continue
        assert envelope.message.stream == stream


def test_a_type_of_tomorrow_is_unknown_and_not_malformed() -> None:
    with pytest.raises(UnknownMessage, match="stepPause"):
        decode({b"type": b"stepPause", b"seq": b"1", b"ts": b"1", b"data": b"{}"}, stream="evt")


def test_a_message_on_the_wrong_stream_is_unknown() -> None:
    entry = as_redis_gives_it(encode(AgentStep(request_id="r", prompt="p"), seq=1, ts=1))
    with pytest.raises(UnknownMessage):
        decode(entry, stream="evt")


def test_a_field_of_tomorrow_is_ignored() -> None:
    end = StepEnd(request_id="r", step_number=1, result="done", success=True)
    entry = encode(end, seq=1, ts=1)
    entry["data"] = json.dumps({**json.loads(entry["data"]), "mood": "good"})
    assert decode(as_redis_gives_it(entry), stream="evt").message == end


def test_a_problem_names_the_field_and_not_what_it_held() -> None:
    entry = encode(
        ToolEnd(request_id="r", tool_name="bash", result="secret", success=True), seq=1, ts=1
    )
    entry["data"] = json.dumps({"toolName": ["hunter2"], "result": "x", "success": True})
    with pytest.raises(MalformedMessage, match="toolName") as caught:
        decode(as_redis_gives_it(entry), stream="evt")
    assert "hunter2" not in str(caught.value)


def test_names_on_the_wire_are_those_of_the_protocol() -> None:
    end = StepEnd(
        request_id="r1", step_number=2, result="ok", success=True, explicit_completion=True
    )
    entry = encode(end, seq=3, ts=4)
    assert set(entry) == {"seq", "type", "requestId", "ts", "data"}
    assert (entry["type"], entry["requestId"]) == ("stepEnd", "r1")
    data = json.loads(entry["data"])
    assert data["stepNumber"] == 2
    assert data["explicitCompletion"] is True


def test_a_session_uses_three_streams_below_one_prefix() -> None:
    keys = StreamKeys("ses_1")
    assert keys.all == ("djinnbot:s:ses_1:cmd", "djinnbot:s:ses_1:out", "djinnbot:s:ses_1:evt")
