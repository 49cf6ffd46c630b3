"""Searching in what was written: over chunks, in parts, and by session."""

from typing import Any

import pytest

from apps.core import transcripts
from apps.core.events import NewEvent, events_append
from apps.core.transcripts import transcript_search, transcript_text

pytestmark = pytest.mark.django_db
TOPIC = "run:run_searched"


def say(*chunks: str, session: str = "ses_1", type: str = "STEP_OUTPUT", **more: Any) -> None:
    events_append(
        TOPIC,
        [
            NewEvent(type=type, payload={"chunk": chunk, **more}, session_id=session)
            for chunk in chunks
        ],
    )


def found(query: str, **more: Any) -> list[tuple[str, str, str]]:
    page = transcript_search(TOPIC, query, **more)
    return [(hit.event, hit.kind, hit.match) for hit in page.items]


def test_a_match_over_chunks_is_where_it_begins() -> None:
    say("The na", "me is ", "not clear")
    assert found("NAME is not") == [("1", "text", "name is not")]
    assert found("clear") == [("3", "text", "clear")]
    assert found("nowhere") == []


def test_chunks_of_two_kinds_or_sessions_are_not_one_text() -> None:
    say("one ")
    say("one ", type="STEP_THINKING")
    say("one ", session="ses_2")
    say("two")
    assert found("one two") == [("1", "text", "one two")]
    say("three")
    say("four", source="tool")
    assert found("threefour") == []


def test_what_tools_were_given_and_gave() -> None:
    call = {"toolName": "bash", "args": '{"command": "say \\"hi\\" there"}'}
    events_append(TOPIC, [NewEvent(type="TOOL_CALL_START", payload=call, session_id="ses_1")])
    result = {"result": "a line\nanother Line", "toolCallId": "another"}
    events_append(TOPIC, [NewEvent(type="TOOL_CALL_END", payload=result, session_id="ses_1")])
    assert found('"HI" there') == [("1", "call", '"hi" there')]
    assert found("another") == [("2", "result", "another")]


def test_arguments_may_go_as_deep_as_json_does() -> None:
    deep = '{"a":' + "[" * 1000 + '"needle"' + "]" * 1000 + "}"
    call = {"toolName": "bash", "args": deep}
    events_append(TOPIC, [NewEvent(type="TOOL_CALL_START", payload=call, session_id="ses_1")])
    assert found("needle") == [("1", "call", "needle")]
    assert "needle" in "".join(transcript_text(TOPIC, "A run"))


def test_signs_of_patterns_are_taken_as_they_are() -> None:
    say("a.*b (c) [d] 100%")
    assert found(".*b (c) [d]")
    assert found("a.b") == []


def test_pages_go_on_where_they_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transcripts, "SCAN", 10)
    say(*(f"needle {number} and {number}. " for number in range(40)))
    hits: list[str] = []
    after, pages = 0, 0
    while True:
        page = transcript_search(TOPIC, "needle", after=after, limit=3)
        hits += [hit.event for hit in page.items]
        pages += 1
        if page.next is None:
            break
        after = int(page.next)
    assert hits == [str(number) for number in range(1, 41)]
    assert pages > 3


def test_text_is_read_in_order_and_by_session() -> None:
    say("Hel", "lo")
    events_append(
        TOPIC,
        [
            NewEvent(
                type="TOOL_CALL_START", session_id="ses_1",
                payload={"toolName": "bash", "args": '{"command": "ls -l"}'},
            ),
            NewEvent(type="AGENT_STATE", payload={"state": "thinking"}, session_id="ses_1"),
        ],
    )  # fmt: skip
    say("of another", session="ses_2")
    text = "".join(transcript_text(TOPIC, "Run x", session_id="ses_1"))
    assert text.startswith("Run x\n")
    assert "Hello" in text
    assert text.index("Hello") < text.index("bash\nls -l")
    assert "agent state" not in text
    assert "of another" not in text
