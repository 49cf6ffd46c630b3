"""Every event that a stream may carry, with the shape of its `data`.

The description of the API is made from this table (`x-events`), and tests hold every event that
code appends against it. To add an event: append it, add it here, `make schema`.
"""

from dataclasses import dataclass
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


class EventData(BaseModel):
    """What every event may carry: which run, step and session it tells of."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel)

    run_id: str = ""
    step_id: str = ""
    session_id: str = ""


class StepData(EventData):
    visit: int
    attempt: int


# Runs


class RunCreated(EventData):
    pipeline_id: str
    task_description: str
    status: str
    kind: str


class RunUpdated(EventData):
    status: str
    output_key: str = ""
    executor_success: bool | None = None


class RunStatusChanged(EventData):
    status: str
    previous_status: str


class RunComplete(EventData):
    outputs: dict[str, str]


class RunFailed(EventData):
    error: str
    error_code: str


class Reason(EventData):
    reason: str


class RunDeleted(EventData):
    initiated_by: str


class RunsBulkDeleted(EventData):
    count: int
    filters: dict[str, Any]


class RunForecastExceeded(EventData):
    beyond: list[str]
    cost_usd: float | None
    duration_seconds: float


class RunWaiting(EventData):
    reason: str  # storage_low | storage_away | project_quota
    message: str = ""
    free_percent: float | None = None
    bytes: int | None = None
    quota_bytes: int | None = None


class HumanIntervention(EventData):
    action: str
    context: str
    user_id: str


class AgentMessage(EventData):
    from_: str = Field(alias="from")
    to: str
    message: str
    thread_id: str = ""


class ApprovalRequested(StepData):
    approval_id: str
    text: str
    expires_at: str


class ApprovalDecided(EventData):
    approval_id: str
    decision: Literal["approved", "rejected", "expired"]
    user_id: str = ""
    user_name: str = ""
    comment: str = ""


class LoopItemComplete(EventData):
    item_id: str
    item_index: int
    status: str


class LoopItemFailed(EventData):
    item_id: str
    item_index: int
    error: str


class CommitFailed(EventData):
    """`stepId` may be `finalize`."""

    error: str
    visit: int | None = None
    attempt: int | None = None


class WorkspaceRemoved(EventData):
    path: str
    branch: str
    preserved_days: int


# Steps


class StepQueued(StepData):
    agent_id: str


class StepStarted(StepData):
    agent_id: str
    session_id: str = ""


class StepComplete(StepData):
    outputs: dict[str, str]
    summary: str
    commit_hash: str


class StepFailed(StepData):
    error: str
    error_code: str
    retry_count: int


class StepRetrying(StepData):
    feedback: str
    delay_seconds: float


class StepCancelled(StepData):
    reason: str


class StepParked(StepData):
    code: str
    message: str
    until: str | None


class CheckStarted(StepData):
    index: int
    name: str
    command: str
    commit_hash: str


class CheckFinished(StepData):
    index: int
    verdict: str
    exit_code: int | None
    duration_ms: int
    output: str


# Sessions


class Chunk(StepData):
    chunk: str
    seq: int | None = None
    source: Literal["tool"] | None = None


class ToolCallStart(StepData):
    tool_name: str
    tool_call_id: str
    args: str
    via_code: bool = False


class ToolCallEnd(StepData):
    tool_name: str
    tool_call_id: str
    result: str
    is_error: bool
    duration_ms: int | None
    via_code: bool = False


class AgentState(StepData):
    state: Literal["thinking", "streaming", "tool_calling", "idle"]
    tool_name: str = ""


class FileChanged(StepData):
    path: str
    action: Literal["create", "modify", "delete"]
    size: int | None = None


class AgentError(StepData):
    code: str
    message: str


class ContextUsage(StepData):
    used_tokens: int
    context_window: int
    percent: float


class CompactionComplete(StepData):
    summary: str
    tokens_before: int
    tokens_after: int
    compaction_number: int


class TemplateWarning(StepData):
    missing: list[str]


class SecretAccessed(EventData):
    secret_id: str
    env_key: str
    how: Literal["injected", "revealed", "code"]


class Container(StepData):
    """`detail` is the runner; the further facts differ by runner and by what happened."""

    model_config = ConfigDict(extra="allow", alias_generator=to_camel)

    detail: str = ""


class NetworkBlocked(EventData):
    agent_id: str
    host: str
    port: int
    reason: str


class LlmCallEnded(EventData):
    call_id: str
    agent_id: str
    provider: str
    model: str
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    cost_usd: float | None
    duration_ms: int
    error_class: str
    attempt: int
    fallback_of: str | None


class BudgetSoft(EventData):
    budget_id: str | int
    scope: str
    ref: str
    window: str
    percent: float


class BudgetHard(EventData):
    budget_id: str | int
    scope: str
    ref: str
    window: str
    measure: str
    limit: float | None
    used: float
    held: float
    wanted: float
    window_end: str | None
    refused: bool


class BudgetRaised(EventData):
    """With the budget's limits under their own names."""

    model_config = ConfigDict(extra="allow", alias_generator=to_camel)

    budget_id: str | int
    scope: str
    ref: str
    window: str
    enabled: bool


# Libraries, agents, providers


class PipelineChanged(EventData):
    pipeline_id: str
    action: str
    sha256: str


class AgentNamed(EventData):
    agent_id: str


class AgentVersion(EventData):
    agent_id: str
    version: int


class AgentCreated(AgentVersion):
    name: str


class AgentUpdated(AgentVersion):
    files: list[str]


class AgentPaused(AgentNamed):
    reason: str
    until: str | None


class QuotaExceeded(AgentNamed):
    kind: str
    bytes: int
    quota_bytes: int


class ProviderChanged(EventData):
    provider: str
    change: str


class LlmKeyInvalid(EventData):
    provider: str
    key_id: int = Field(alias="key_id")
    scope: str


class NotificationMade(EventData):
    notification_id: str
    kind: str
    level: Literal["info", "warning", "error"]
    title: str
    link: str
    count: int


class NotificationsRead(EventData):
    notification_ids: list[str]


@dataclass(frozen=True, slots=True)
class EventType:
    name: str
    topic: str  # as in `run:{id}`; the feed `runs` repeats what is not of a transcript
    data: type[EventData]


_RUN: Final = "run:{id}"
_TABLE: Final[dict[str, dict[str, type[EventData]]]] = {
    _RUN: {
        "RUN_CREATED": RunCreated,
        "RUN_UPDATED": RunUpdated,
        "RUN_STATUS_CHANGED": RunStatusChanged,
        "RUN_COMPLETE": RunComplete,
        "RUN_FAILED": RunFailed,
        "RUN_CANCELLED": Reason,
        "RUN_FORECAST_EXCEEDED": RunForecastExceeded,
        "RUN_WAITING": RunWaiting,
        "STEP_QUEUED": StepQueued,
        "STEP_STARTED": StepStarted,
        "STEP_COMPLETE": StepComplete,
        "STEP_FAILED": StepFailed,
        "STEP_RETRYING": StepRetrying,
        "STEP_CANCELLED": StepCancelled,
        "STEP_PARKED": StepParked,
        "STEP_OUTPUT": Chunk,
        "STEP_THINKING": Chunk,
        "CHECK_STARTED": CheckStarted,
        "CHECK_FINISHED": CheckFinished,
        "LOOP_ITEM_COMPLETE": LoopItemComplete,
        "LOOP_ITEM_FAILED": LoopItemFailed,
        "HUMAN_INTERVENTION": HumanIntervention,
        "APPROVAL_REQUESTED": ApprovalRequested,
        "APPROVAL_DECIDED": ApprovalDecided,
        "AGENT_MESSAGE": AgentMessage,
        "AGENT_STATE": AgentState,
        "AGENT_ERROR": AgentError,
        "TOOL_CALL_START": ToolCallStart,
        "TOOL_CALL_END": ToolCallEnd,
        "FILE_CHANGED": FileChanged,
        "CONTEXT_USAGE": ContextUsage,
        "COMPACTION_COMPLETE": CompactionComplete,
        "TEMPLATE_WARNING": TemplateWarning,
        "COMMIT_FAILED": CommitFailed,
        "WORKSPACE_REMOVED": WorkspaceRemoved,
        "NETWORK_BLOCKED": NetworkBlocked,
        "SECRET_ACCESSED": SecretAccessed,
        "CONTAINER_CREATED": Container,
        "CONTAINER_STARTING": Container,
        "CONTAINER_READY": Container,
        "CONTAINER_STOPPING": Container,
        "CONTAINER_DESTROYED": Container,
        "CONTAINER_CRASHED": Container,
        "CONTAINER_LIMIT": Container,
        "llm.call.completed": LlmCallEnded,
        "llm.call.failed": LlmCallEnded,
        "budget.soft": BudgetSoft,
        "budget.hard": BudgetHard,
    },
    "runs:deleted": {
        "RUN_DELETED": RunDeleted,
        "RUNS_BULK_DELETED": RunsBulkDeleted,
    },
    "pipelines": {"PIPELINE_CHANGED": PipelineChanged},
    "agents": {
        "AGENT_CREATED": AgentCreated,
        "AGENT_UPDATED": AgentUpdated,
        "AGENT_REMOVED": AgentNamed,
        "AGENT_CONFIG_CHANGED": AgentVersion,
        "AGENT_TOOLS_CHANGED": AgentNamed,
        "AGENT_PAUSED": AgentPaused,
        "AGENT_RESUMED": AgentNamed,
        "QUOTA_EXCEEDED": QuotaExceeded,
        "SANDBOX_RESET": AgentNamed,
    },
    "notifications:{user_id}": {
        "notification.made": NotificationMade,
        "notification.read": NotificationsRead,
    },
    "budgets": {"budget.raised": BudgetRaised},
    "llm": {"provider.changed": ProviderChanged, "llm.key.invalid": LlmKeyInvalid},
}
EVENT_TYPES: Final = {
    name: EventType(name, topic, data)
    for topic, types in _TABLE.items()
    for name, data in types.items()
}


def x_events() -> dict[str, Any]:
    """The part of the API's description that streams need."""
    topics: dict[str, list[str]] = {}
    for event in EVENT_TYPES.values():
        topics.setdefault(event.topic, []).append(event.name)
    return {
        "frame": {
            "type": "object",
            "required": ["id", "topic", "type", "ts", "data"],
            "properties": {
                "id": {"type": "string", "description": "The position to resume from."},
                "topic": {"type": "string"},
                "type": {"type": "string", "enum": sorted(EVENT_TYPES)},
                "ts": {"type": "string", "format": "date-time"},
                "data": {"type": "object", "description": "See `types`, by `type`."},
            },
        },
        "topics": topics,
        "types": {name: event.data.model_json_schema() for name, event in EVENT_TYPES.items()},
    }
