"""What a box says becomes events, without the session's secrets, however its text is cut."""

from collections.abc import Mapping
from typing import Any

from workers.engine.transcript import Transcript
from workers.protocol.masking import Masker
from workers.protocol.messages import FileChange, Message, Stdout, Thinking, ToolEnd, ToolStart
from workers.protocol.wire import Envelope

VALUE = "marker-Zq7wRt41-0f9c2d"


class Sink:
    def __init__(self) -> None:
        self.told: list[tuple[str, Mapping[str, Any]]] = []

    def event(self, type: str, payload: Mapping[str, object]) -> None:
        self.told.append((type, payload))

    def of(self, type: str) -> list[Mapping[str, Any]]:
        return [payload for kind, payload in self.told if kind == type]


def told(*messages: Message, masker: Masker | None = None) -> Sink:
    sink = Sink()
    transcript = Transcript(sink, Masker([VALUE]) if masker is None else masker)
    for seq, message in enumerate(messages, start=1):
        transcript.tell(Envelope(seq=seq, ts=seq, message=message))
    transcript.release()
    return sink


def out(data: str, source: Any = "tool") -> Stdout:
    return Stdout(request_id="r", data=data, source=source)


def test_a_value_split_over_chunks_is_masked() -> None:
    sink = told(out(f"a {VALUE[:7]}"), out(VALUE[7:15]), out(f"{VALUE[15:]} b"), out("c"))
    chunks = [event["chunk"] for event in sink.of("STEP_OUTPUT")]
    assert "".join(chunks) == "a *** bc"
    assert chunks[0] == "a "
    assert [event["seq"] for event in sink.of("STEP_OUTPUT")] == [1, 3, 4]
    assert all(event["source"] == "tool" for event in sink.of("STEP_OUTPUT"))


def test_what_was_kept_back_is_told_before_what_follows() -> None:
    sink = told(
        out(f"begins {VALUE[:9]}"),
        ToolEnd(request_id="r", tool_name="bash", result=VALUE, success=True, tool_call_id="c"),
        out("more"),
    )
    kinds = [kind for kind, _ in sink.told if kind in {"STEP_OUTPUT", "TOOL_CALL_END"}]
    assert kinds == ["STEP_OUTPUT", "STEP_OUTPUT", "TOOL_CALL_END", "STEP_OUTPUT"]
    assert "".join(e["chunk"] for e in sink.of("STEP_OUTPUT")) == f"begins {VALUE[:9]}more"
    assert sink.of("TOOL_CALL_END")[0]["result"] == "***"


def test_each_kind_of_text_is_a_stream_of_its_own() -> None:
    thought = Thinking(request_id="r", thinking=f"{VALUE} it is")
    sink = told(out(VALUE[:9], "assistant"), thought, out(VALUE[9:], "assistant"))
    assert [event["chunk"] for event in sink.of("STEP_THINKING")] == ["*** it is"]
    said = [event["chunk"] for event in sink.of("STEP_OUTPUT")]
    assert said == [VALUE[:9], VALUE[9:]]  # the model did not say it in one piece either


def test_arguments_and_paths_are_masked() -> None:
    sink = told(
        ToolStart(request_id="r", tool_name="bash", args=f'{{"command": "{VALUE}"}}'),
        FileChange(path=f"src/{VALUE}.txt", change_type="create"),
    )
    assert sink.of("TOOL_CALL_START")[0]["args"] == '{"command": "***"}'
    assert sink.of("FILE_CHANGED")[0]["path"] == "src/***.txt"


def test_text_is_told_as_it_comes_where_nothing_is_secret() -> None:
    sink = told(out("a"), out("b"), masker=Masker())
    assert [event["chunk"] for event in sink.of("STEP_OUTPUT")] == ["a", "b"]
