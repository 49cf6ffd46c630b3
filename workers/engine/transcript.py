"""What a box says, as events of the run: names and payloads of the product's history."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from workers.protocol.masking import MaskedStream, Masker
from workers.protocol.messages import (
    CompactionComplete,
    ContextUsage,
    Error,
    FileChange,
    Message,
    Output,
    StepEnd,
    StepStart,
    Thinking,
    ToolEnd,
    ToolStart,
)
from workers.protocol.wire import Envelope

RESULT_CHARS = 10_000


class EventSink(Protocol):
    def event(self, type: str, payload: Mapping[str, object]) -> None: ...


class Transcript:
    """Tells the run what happens. Secrets of the session are masked wherever they turn up.

    Of streamed text the end is kept back while it may be the beginning of a secret. A worker that
    dies at that moment takes these few characters with it.
    """

    def __init__(self, sink: EventSink, masker: Masker) -> None:
        self._sink = sink
        self._masker = masker
        self._state = ""
        self._text = MaskedStream(masker)
        self._text_kind = ""  # assistant | tool | thinking
        self._text_seq = 0

    def tell(self, envelope: Envelope) -> None:
        message = envelope.message
        if isinstance(message, StepStart | ToolStart | ToolEnd | StepEnd):
            self.release()  # what was said comes before what was done
        match message:
            case StepStart():
                self._agent_state("thinking")
            case Output():
                self._agent_state("streaming" if message.source == "assistant" else "")
                self._said(message.source, message.data, envelope.seq)
            case Thinking():
                self._agent_state("thinking")
                self._said("thinking", message.thinking, envelope.seq)
            case ToolStart() | ToolEnd():
                self._tool(message)
            case FileChange():
                self._file(message)
            case StepEnd():
                self._agent_state("idle")
            case _:
                self._other(message)

    def box(self, what: str, **facts: object) -> None:
        """`CONTAINER_<WHAT>`."""
        self._event(f"CONTAINER_{what}", **facts)

    def commit_failed(self, error: str) -> None:
        self._event("COMMIT_FAILED", error=self._clean(error))

    def secrets_withheld(self, harness: str, names: Sequence[str]) -> None:
        message = (
            f"{harness} can use no secrets, so {', '.join(names)} stays out of this step. "
            "A step that needs it is for DjinnBot's own runtime (`harness: djinnbot`)."
        )
        self._event("AGENT_ERROR", code="secrets_not_supported", message=message)

    def malformed(self, count: int) -> None:
        message = f"{count} messages of the box could not be understood and were left out."
        self._event("AGENT_ERROR", code="protocol_error", message=message)

    def template_warning(self, missing: Iterable[str]) -> None:
        self._event("TEMPLATE_WARNING", missing=list(missing))

    def masked(self, text: str) -> str:
        return self._clean(text)

    def release(self) -> None:
        """Tell what was kept back of streamed text: nothing more comes of it."""
        self._tell_text(self._text.flush())

    def _said(self, kind: str, text: str, seq: int) -> None:
        if kind != self._text_kind:
            self.release()
            self._text_kind = kind
        self._text_seq = seq
        self._tell_text(self._text.feed(text))

    def _tell_text(self, text: str) -> None:
        if not text:
            return
        facts: dict[str, object] = {"chunk": text, "seq": self._text_seq}
        if self._text_kind == "thinking":
            self._event("STEP_THINKING", **facts)
            return
        if self._text_kind == "tool":
            facts["source"] = "tool"
        self._event("STEP_OUTPUT", **facts)

    def _tool(self, message: ToolStart | ToolEnd) -> None:
        facts: dict[str, object] = {
            "toolName": message.tool_name,
            "toolCallId": message.tool_call_id,
        }
        if message.via_code:
            facts["viaCode"] = True
        if isinstance(message, ToolStart):
            self._agent_state("tool_calling", message.tool_name)
            self._event("TOOL_CALL_START", **facts, args=self._clean(message.args))
            return
        facts["result"] = self._clean(message.result)[:RESULT_CHARS]
        facts["isError"] = not message.success
        self._event("TOOL_CALL_END", **facts, durationMs=message.duration_ms)
        self._agent_state("thinking")

    def _file(self, message: FileChange) -> None:
        path = self._clean(message.path)
        facts: dict[str, object] = {"path": path, "action": message.change_type}
        if message.size is not None:
            facts["size"] = message.size
        self._event("FILE_CHANGED", **facts)

    def _other(self, message: Message) -> None:
        if isinstance(message, Error):
            self._event(
                "AGENT_ERROR", code=message.code, message=self._clean(message.message)[:2000]
            )
        elif isinstance(message, ContextUsage):
            self._event(
                "CONTEXT_USAGE",
                usedTokens=message.used_tokens,
                contextWindow=message.context_window,
                percent=message.percent,
            )
        elif isinstance(message, CompactionComplete):
            self._event(
                "COMPACTION_COMPLETE",
                summary=self._clean(message.summary),
                tokensBefore=message.tokens_before,
                tokensAfter=message.tokens_after,
                compactionNumber=message.compaction_number,
            )

    def _agent_state(self, state: str, tool: str = "") -> None:
        """Only changes are told: a stream of text is one state."""
        if not state or f"{state}:{tool}" == self._state:
            return
        self._state = f"{state}:{tool}"
        self._event("AGENT_STATE", state=state, **({"toolName": tool} if tool else {}))

    def _event(self, type: str, **facts: object) -> None:
        self._sink.event(type, facts)

    def _clean(self, text: str) -> str:
        return self._masker.masked(text)
