"""Every message between worker and box, by stream.

    cmd   worker → box   agentStep structuredOutput tool abort shutdown changeModel
                         getContextUsage compactSession steer refreshGrants
    out   box → worker   stdout stderr
    evt   box → worker   stepStart stepEnd toolStart toolEnd fileChange thinking message
                         agentMessage wakeAgent slackDm contextUsage compactionComplete
                         and the status: ready idle busy error exiting heartbeat

Names on the wire are camelCase. Unknown fields are ignored, so that either side may be newer.
"""

from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue
from pydantic.alias_generators import to_camel

ThinkingLevel = Literal["off", "minimal", "low", "medium", "high", "xhigh"]
SessionKind = Literal["pipeline", "executor", "pulse", "chat", "onboarding"]


class Message(BaseModel):
    # Built at first use: a box says that it is ready before it needs most of them.
    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="ignore",
        frozen=True,
        defer_build=True,
    )

    stream: ClassVar[Literal["cmd", "out", "evt"]]
    type: str


class Command(Message):
    stream = "cmd"


class Attachment(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="ignore", frozen=True
    )

    id: str
    filename: str
    mime_type: str
    size_bytes: int
    is_image: bool = False
    estimated_tokens: int | None = None
    path: str = ""  # where the file lies in the box; empty: it is asked of the API


class Said(BaseModel):
    """One message of an earlier conversation, as text."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    role: Literal["user", "assistant"]
    content: str


class AgentStep(Command):
    type: Literal["agentStep"] = "agentStep"
    request_id: str
    prompt: str
    tools: list[str] = Field(default_factory=list)  # of the workspace tools; empty: all
    tools_mode: Literal["filter", "strict"] = "filter"
    max_steps: int = Field(default=999, ge=1)
    attachments: list[Attachment] = Field(default_factory=list)
    model: str = ""
    fallback_models: list[str] = Field(default_factory=list)  # tried in order when `model` fails
    # What was said before this process: seeds a conversation that is still empty.
    history: list[Said] = Field(default_factory=list)
    system_prompt: str = ""
    outputs: list[str] = Field(default_factory=list)
    deadline_s: float | None = Field(default=None, gt=0)  # seconds from the receipt of the command
    wrap_up_s: float = Field(default=15, ge=0)
    thinking_level: ThinkingLevel = "off"
    temperature: float | None = None
    max_output_tokens: int | None = Field(default=None, ge=1)
    max_equal_calls: int = Field(default=5, ge=0)  # of one tool call, to no new effect; 0: no limit
    exec_code: bool = True  # code may call the tools, where the box allows it at all


class OutputSchema(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    name: str
    json_schema: dict[str, JsonValue] = Field(alias="schema")
    strict: bool = True


class StructuredOutput(Command):
    type: Literal["structuredOutput"] = "structuredOutput"
    request_id: str
    prompt: str
    system_prompt: str = ""
    output_schema: OutputSchema
    output_method: Literal["response_format", "tool_use"] = "response_format"
    temperature: float = 0.7
    max_output_tokens: int = Field(default=32_768, ge=1)
    model: str = ""
    deadline_s: float | None = Field(default=None, gt=0)


class ToolCommand(Command):
    type: Literal["tool"] = "tool"
    request_id: str
    tool_name: str
    args: dict[str, JsonValue] = Field(default_factory=dict)


class Abort(Command):
    type: Literal["abort"] = "abort"
    request_id: str


class Shutdown(Command):
    type: Literal["shutdown"] = "shutdown"
    request_id: str = ""
    graceful: bool = True


class ChangeModel(Command):
    type: Literal["changeModel"] = "changeModel"
    request_id: str = ""
    model: str


class GetContextUsage(Command):
    type: Literal["getContextUsage"] = "getContextUsage"
    request_id: str


class CompactSession(Command):
    type: Literal["compactSession"] = "compactSession"
    request_id: str
    instructions: str = ""


class Steer(Command):
    type: Literal["steer"] = "steer"
    request_id: str
    message: str


class RefreshGrants(Command):
    type: Literal["refreshGrants"] = "refreshGrants"
    request_id: str = ""
    what: str = ""


class Output(Message):
    stream = "out"
    request_id: str = ""
    data: str
    source: Literal["assistant", "tool"] = "assistant"


class Stdout(Output):
    type: Literal["stdout"] = "stdout"


class Stderr(Output):
    type: Literal["stderr"] = "stderr"


class Event(Message):
    stream = "evt"


class Usage(BaseModel):
    """Tokens of one step, all its model calls together."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="ignore", frozen=True
    )

    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    tool_calls: int = 0


class StepStart(Event):
    type: Literal["stepStart"] = "stepStart"
    request_id: str
    step_number: int


class StepEnd(Event):
    type: Literal["stepEnd"] = "stepEnd"
    request_id: str
    step_number: int
    result: str
    success: bool
    explicit_completion: bool = False
    outputs: dict[str, str] = Field(default_factory=dict)
    summary: str = ""
    error_code: str = ""
    recoverable: bool = True
    usage: Usage = Field(default_factory=Usage)
    model: str = ""
    turns: int = 0


class ToolStart(Event):
    type: Literal["toolStart"] = "toolStart"
    request_id: str
    tool_name: str
    args: str  # JSON text
    tool_call_id: str = ""
    via_code: bool = False


class ToolEnd(Event):
    type: Literal["toolEnd"] = "toolEnd"
    request_id: str
    tool_name: str
    result: str
    success: bool
    duration_ms: int | None = None
    tool_call_id: str = ""
    via_code: bool = False


class FileChange(Event):
    type: Literal["fileChange"] = "fileChange"
    request_id: str = ""
    path: str
    change_type: Literal["create", "modify", "delete"]
    size: int | None = None
    diff: str | None = None


class Thinking(Event):
    type: Literal["thinking"] = "thinking"
    request_id: str
    thinking: str


class Text(Event):
    type: Literal["message"] = "message"
    request_id: str
    role: str
    content: str


class AgentMessage(Event):
    type: Literal["agentMessage"] = "agentMessage"
    request_id: str
    to: str
    message: str
    priority: Literal["low", "normal", "high", "urgent"] = "normal"
    message_type: Literal["info", "review_request", "help_request", "unblock"] = "info"


class WakeAgent(Event):
    type: Literal["wakeAgent"] = "wakeAgent"
    request_id: str
    to: str
    message: str
    reason: Literal["user_request", "blocker", "critical_finding"]


class SlackDm(Event):
    type: Literal["slackDm"] = "slackDm"
    request_id: str
    message: str
    urgent: bool = False


class ContextUsage(Event):
    type: Literal["contextUsage"] = "contextUsage"
    request_id: str
    used_tokens: int
    context_window: int
    percent: float
    model: str = ""


class CompactionComplete(Event):
    type: Literal["compactionComplete"] = "compactionComplete"
    request_id: str
    summary: str
    tokens_before: int
    tokens_after: int
    tail_message_count: int
    compaction_number: int


class Ready(Event):
    type: Literal["ready"] = "ready"
    run_id: str = ""


class Idle(Event):
    type: Literal["idle"] = "idle"
    run_id: str = ""


class Busy(Event):
    type: Literal["busy"] = "busy"
    run_id: str = ""
    request_id: str


class Error(Event):
    """Something went wrong that does not end the session by itself."""

    type: Literal["error"] = "error"
    run_id: str = ""
    message: str
    code: str = ""


class Exiting(Event):
    type: Literal["exiting"] = "exiting"
    run_id: str = ""
    code: int = 0


class Heartbeat(Event):
    type: Literal["heartbeat"] = "heartbeat"
    rss: int = 0  # bytes
    cpu: float = 0  # seconds of CPU used so far
    turn: int = 0
    tokens: int = 0


MESSAGES: dict[str, type[Message]] = {
    kind.model_fields["type"].default: kind
    for kind in (
        AgentStep,
        StructuredOutput,
        ToolCommand,
        Abort,
        Shutdown,
        ChangeModel,
        GetContextUsage,
        CompactSession,
        Steer,
        RefreshGrants,
        Stdout,
        Stderr,
        StepStart,
        StepEnd,
        ToolStart,
        ToolEnd,
        FileChange,
        Thinking,
        Text,
        AgentMessage,
        WakeAgent,
        SlackDm,
        ContextUsage,
        CompactionComplete,
        Ready,
        Idle,
        Busy,
        Error,
        Exiting,
        Heartbeat,
    )
}
