"""Shapes of requests, and of answers for the schema."""

from typing import Any

from rest_framework import serializers

from apps.runs.choices import (
    RUN_ORDERS,
    ApprovalStatus,
    CheckVerdict,
    LoopItemKind,
    LoopItemStatus,
    RunKind,
    RunStatus,
    StepStatus,
)
from apps.runs.services.create import WORKSPACE_TYPES

MAX_TEXT = 200_000
MAX_HINT = 20_000
NAME = r"^[A-Za-z0-9_]{1,128}$"


def _text(limit: int = MAX_TEXT, **kwargs: Any) -> serializers.CharField:
    return serializers.CharField(max_length=limit, trim_whitespace=False, **kwargs)


def _named(values: dict[str, str]) -> dict[str, str]:
    """Values by template name."""
    bad = [name for name in values if not name.isascii() or not name.replace("_", "a").isalnum()]
    if bad or len(values) > 200:
        raise serializers.ValidationError("At most 200 names of letters, digits and underscores.")
    return values


# What comes in


class RunCreateSerializer(serializers.Serializer[Any]):
    pipeline_id = serializers.CharField(max_length=128)
    task = _text()
    context = _text(required=False, default="", allow_blank=True)  # type: ignore[assignment]  # a field
    project_id = serializers.CharField(
        max_length=64, required=False, default="", allow_blank=True, allow_null=True
    )
    task_id = serializers.CharField(
        max_length=64, required=False, default="", allow_blank=True, allow_null=True
    )
    variables = serializers.DictField(
        child=_text(allow_blank=True),
        required=False,
        help_text="Template variables by name: letters, digits and underscores.",
    )
    model_override = serializers.CharField(
        max_length=264, required=False, default="", allow_blank=True
    )
    key_user_id = serializers.CharField(max_length=40, required=False, default="", allow_blank=True)
    repository = serializers.CharField(
        max_length=2000,
        required=False,
        default="",
        allow_blank=True,
        help_text="A directory of the server, or a URL. Empty: a new repository.",
    )
    workspace_type = serializers.ChoiceField(
        choices=WORKSPACE_TYPES, required=False, default="git_worktree"
    )
    branch = serializers.CharField(max_length=200, required=False, default="", allow_blank=True)
    record = serializers.BooleanField(
        required=False, default=False, help_text="Keep what models answer, to freeze it as a case."
    )

    def validate_variables(self, value: dict[str, str]) -> dict[str, str]:
        return _named(value)


class RunForecastAskSerializer(serializers.Serializer[Any]):
    pipeline_id = serializers.CharField(max_length=128)
    model_override = serializers.CharField(
        max_length=264, required=False, default="", allow_blank=True
    )


class RangeSerializer(serializers.Serializer[Any]):
    """Nine of ten runs lie above `p10`, one of ten above `p90`."""

    p10 = serializers.FloatField()
    p50 = serializers.FloatField()
    p90 = serializers.FloatField()


class RunForecastSerializer(serializers.Serializer[Any]):
    basis = serializers.ChoiceField(choices=("same_model", "same_pipeline", "none"))
    runs = serializers.IntegerField(help_text="How many runs it is told from.")
    cost_usd = RangeSerializer(allow_null=True)
    duration_s = RangeSerializer(allow_null=True)
    note = serializers.CharField()


class AcceptedCostQuery(serializers.Serializer[Any]):
    since = serializers.DateTimeField(required=False, help_text="30 days ago unless given.")


class AcceptedCostSerializer(serializers.Serializer[Any]):
    pipeline_id = serializers.CharField()
    runs = serializers.IntegerField(help_text="All that ended, whatever the end.")
    accepted = serializers.IntegerField(help_text="Those that completed.")
    cost_total = serializers.FloatField(allow_null=True)
    cost_unknown_calls = serializers.IntegerField()
    cost_per_accepted = serializers.FloatField(allow_null=True)
    cost_median = serializers.FloatField(
        allow_null=True, help_text="Of completed runs all of whose calls have a known price."
    )
    duration_median_s = serializers.FloatField(allow_null=True, help_text="Of completed runs.")
    last_ended_at = serializers.DateTimeField()


class DensityQuery(serializers.Serializer[Any]):
    parts = serializers.IntegerField(min_value=1, max_value=500, required=False, default=120)


class DensityPartSerializer(serializers.Serializer[Any]):
    at = serializers.DateTimeField(help_text="Where the part begins.")
    events = serializers.IntegerField()
    problems = serializers.IntegerField()
    last_event = serializers.CharField(help_text="The last one of this part or before.")
    cost = serializers.FloatField(help_text="Of all calls until the end of the part, as known.")


class DensitySerializer(serializers.Serializer[Any]):
    start = serializers.DateTimeField(allow_null=True, help_text="Null: nothing happened yet.")
    end = serializers.DateTimeField(allow_null=True)
    parts = DensityPartSerializer(many=True)


class RunFilterSerializer(serializers.Serializer[Any]):
    pipeline_id = serializers.CharField(required=False)
    status = serializers.ChoiceField(
        choices=[*RunStatus.values, "terminal"],
        required=False,
        help_text="`running` takes in every state that still moves, `terminal` every end.",
    )
    project_id = serializers.CharField(required=False)
    task_id = serializers.CharField(required=False)
    kind = serializers.ChoiceField(choices=RunKind.choices, required=False)
    since = serializers.DateTimeField(required=False, help_text="Created at or after.")
    ended_since = serializers.DateTimeField(required=False, help_text="Ended at or after.")
    search = serializers.CharField(
        required=False, max_length=200, help_text="A part of the task, or the start of the id."
    )
    agent_id = serializers.CharField(required=False, help_text="It took part.")
    sort = serializers.ChoiceField(
        choices=RUN_ORDERS,
        required=False,
        default="-created_at",
        help_text="A minus: the highest first.",
    )


class RunsDeleteSerializer(serializers.Serializer[Any]):
    status = serializers.ChoiceField(
        choices=["completed", "failed", "cancelled"], required=False, default=""
    )
    before = serializers.DateTimeField(required=False, default=None)
    pipeline_id = serializers.CharField(required=False, default="")


class RunDeleteSerializer(serializers.Serializer[Any]):
    force = serializers.BooleanField(required=False, default=False)


class RunChangeSerializer(serializers.Serializer[Any]):
    human_context = _text(required=False, allow_blank=True)
    model_override = serializers.CharField(max_length=264, required=False, allow_blank=True)


class CancelSerializer(serializers.Serializer[Any]):
    reason = _text(MAX_HINT, required=False, default="", allow_blank=True)


class PauseSerializer(serializers.Serializer[Any]):
    now = serializers.BooleanField(
        required=False, default=False, help_text="Abort the step that runs; it is repeated later."
    )


class RunRestartSerializer(serializers.Serializer[Any]):
    context = _text(MAX_HINT, required=False, default="", allow_blank=True)  # type: ignore[assignment]  # a field
    keep_snapshot = serializers.BooleanField(required=False, default=False)
    fresh_workspace = serializers.BooleanField(required=False, default=False)


class StepRestartSerializer(serializers.Serializer[Any]):
    context = _text(MAX_HINT, required=False, default="", allow_blank=True)  # type: ignore[assignment]  # a field
    reset_workspace = serializers.BooleanField(required=False, default=False)


class InjectSerializer(serializers.Serializer[Any]):
    context = _text(MAX_HINT)  # type: ignore[assignment]  # a field


class ForkSerializer(serializers.Serializer[Any]):
    step_id = serializers.CharField(max_length=128)
    visit = serializers.IntegerField(min_value=1, required=False, allow_null=True, default=None)
    model_override = serializers.CharField(
        max_length=264, required=False, default="", allow_blank=True
    )
    context = _text(MAX_HINT, required=False, default="", allow_blank=True)  # type: ignore[assignment]  # a field
    task = _text(required=False, default="", allow_blank=True)


class ApprovalDecideSerializer(serializers.Serializer[Any]):
    decision = serializers.ChoiceField(choices=["approve", "approved", "reject", "rejected"])
    comment = _text(MAX_HINT, required=False, default="", allow_blank=True)


class OutputPutSerializer(serializers.Serializer[Any]):
    key = serializers.RegexField(NAME)
    value = _text(1_000_000, allow_blank=True)
    step_id = serializers.CharField(max_length=128, required=False, default="", allow_blank=True)


class ExecutorResultSerializer(serializers.Serializer[Any]):
    run_id = serializers.CharField(max_length=64)
    success = serializers.BooleanField()
    outputs = serializers.DictField(child=_text(1_000_000, allow_blank=True), required=False)
    error = _text(MAX_HINT, required=False, default="", allow_blank=True)

    def validate_outputs(self, value: dict[str, str]) -> dict[str, str]:
        return _named(value)


class KnowledgeAddSerializer(serializers.Serializer[Any]):
    category = serializers.ChoiceField(choices=["pattern", "decision", "issue", "convention"])
    content = _text(MAX_HINT)
    importance = serializers.ChoiceField(
        choices=["low", "medium", "high", "critical"], required=False, default="medium"
    )


class ExecutorRunsQuery(serializers.Serializer[Any]):
    limit = serializers.IntegerField(required=False, default=10, min_value=1, max_value=100)


class LogFilterSerializer(serializers.Serializer[Any]):
    since = serializers.IntegerField(min_value=0, required=False, default=0)
    types = serializers.CharField(required=False, default="", help_text="Names, by commas.")
    limit = serializers.IntegerField(min_value=1, max_value=1000, required=False, default=200)


class RunLogFilterSerializer(LogFilterSerializer):
    tail = serializers.BooleanField(
        required=False, default=False, help_text="The last events instead of the first ones."
    )
    before = serializers.IntegerField(
        min_value=1,
        required=False,
        allow_null=True,
        help_text="With `tail`: the last ones before this id.",
    )


class StepFilterSerializer(serializers.Serializer[Any]):
    status = serializers.ChoiceField(choices=StepStatus.choices, required=False, default="")


class HistoryFilterSerializer(serializers.Serializer[Any]):
    project_id = serializers.CharField(required=False, default="")
    task_id = serializers.CharField(required=False, default="")
    agent_id = serializers.CharField(required=False, default="")
    status = serializers.ChoiceField(
        choices=[*RunStatus.values, "terminal"], required=False, default=""
    )
    since = serializers.DateTimeField(required=False, default=None)
    limit = serializers.IntegerField(min_value=1, max_value=50, required=False, default=10)
    include_steps = serializers.BooleanField(required=False, default=False)


class QueueCancelSerializer(serializers.Serializer[Any]):
    item_id = serializers.IntegerField()


class QueueClearSerializer(serializers.Serializer[Any]):
    confirm = serializers.BooleanField()

    def validate_confirm(self, value: bool) -> bool:
        if not value:
            raise serializers.ValidationError("Say `true` to cancel all that waits.")
        return value


# What goes out


class RunSerializer(serializers.Serializer[Any]):
    id = serializers.CharField()
    kind = serializers.ChoiceField(choices=RunKind.choices)
    pipeline_id = serializers.CharField()
    project_id = serializers.CharField(allow_blank=True)
    task_id = serializers.CharField(allow_blank=True)
    task = serializers.CharField()
    status = serializers.ChoiceField(choices=RunStatus.choices)
    generation = serializers.IntegerField(help_text="Raised by each restart of the run.")
    current_step = serializers.CharField(allow_blank=True)
    outputs = serializers.DictField(child=serializers.CharField())
    human_context = serializers.CharField(allow_blank=True)
    key_resolution = serializers.DictField()
    initiated_by_user_id = serializers.CharField(allow_null=True)
    parent_run_id = serializers.CharField(allow_null=True)
    error_code = serializers.CharField(allow_blank=True)
    error = serializers.CharField(allow_blank=True)
    cost_total = serializers.DecimalField(max_digits=18, decimal_places=10, allow_null=True)
    tokens_total = serializers.IntegerField()
    forecast = serializers.DictField(
        help_text="What was foretold soon after the start, as `runs/forecast` answers; or empty."
    )
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    completed_at = serializers.DateTimeField(allow_null=True)


class RunProgressSerializer(serializers.Serializer[Any]):
    step_id = serializers.CharField()
    agent_id = serializers.CharField(allow_blank=True)
    status = serializers.ChoiceField(
        choices=StepStatus.choices, allow_null=True, help_text="Null: no route has come to it yet."
    )


class RunListedSerializer(RunSerializer):
    progress = RunProgressSerializer(
        many=True, help_text="The steps of its pipeline, each with its newest visit."
    )


class ItemRefSerializer(serializers.Serializer[Any]):
    step_id = serializers.CharField()
    index = serializers.IntegerField()


class CheckSerializer(serializers.Serializer[Any]):
    """What the server found when it checked an attempt."""

    index = serializers.IntegerField()
    name = serializers.CharField()
    verdict = serializers.ChoiceField(choices=CheckVerdict.choices)
    expected_exit = serializers.IntegerField()
    exit_code = serializers.IntegerField(allow_null=True)
    duration_ms = serializers.IntegerField(allow_null=True)
    commit_hash = serializers.CharField(allow_blank=True)
    started_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)


class CheckDetailSerializer(CheckSerializer):
    step_id = serializers.CharField()
    visit = serializers.IntegerField()
    attempt = serializers.IntegerField()
    command = serializers.CharField()
    output = serializers.CharField(allow_blank=True, help_text="The end of what it wrote.")


class CheckFilterSerializer(serializers.Serializer[Any]):
    visit = serializers.IntegerField(min_value=1, required=False, default=None)
    attempt = serializers.IntegerField(min_value=1, required=False, default=None)


class ExecutionSerializer(serializers.Serializer[Any]):
    """One attempt at one visit of a step."""

    id = serializers.IntegerField(allow_null=True)
    generation = serializers.IntegerField(allow_null=True)
    step_id = serializers.CharField()
    visit = serializers.IntegerField()
    attempt = serializers.IntegerField()
    agent_id = serializers.CharField()
    status = serializers.ChoiceField(choices=StepStatus.choices)
    session_id = serializers.CharField(allow_null=True)
    inputs = serializers.DictField()
    outputs = serializers.DictField(child=serializers.CharField())
    result_key = serializers.CharField(allow_null=True, allow_blank=True)
    error = serializers.CharField(allow_blank=True)
    error_code = serializers.CharField(allow_blank=True)
    remedy = serializers.CharField(allow_blank=True, help_text="What a person can do about it.")
    checks = CheckSerializer(many=True)
    retry_count = serializers.IntegerField(allow_null=True)
    lost_count = serializers.IntegerField(allow_null=True)
    max_retries = serializers.IntegerField(allow_null=True)
    repair = serializers.BooleanField(allow_null=True)
    human_context = serializers.CharField(allow_null=True, allow_blank=True)
    model_used = serializers.CharField(allow_null=True, allow_blank=True)
    commit_hash = serializers.CharField(allow_null=True, allow_blank=True)
    base_commit = serializers.CharField(allow_null=True, allow_blank=True)
    loop_item_id = serializers.IntegerField(allow_null=True)
    loop_item = ItemRefSerializer(allow_null=True)
    superseded = serializers.BooleanField(allow_null=True)
    timeout_s = serializers.IntegerField(allow_null=True)
    queued_after_id = serializers.IntegerField(allow_null=True)
    due_at = serializers.DateTimeField(allow_null=True)
    parked_code = serializers.CharField(
        allow_null=True, help_text="Why it waits, or last waited, for money or a provider."
    )
    parked_message = serializers.CharField(allow_null=True)
    queued_at = serializers.DateTimeField(allow_null=True)
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)


class StepSerializer(ExecutionSerializer):
    """A step of the pipeline with its newest visit; `visit` 0: no route has reached it."""

    description = serializers.CharField(allow_blank=True)


class StepDetailSerializer(StepSerializer):
    visits = ExecutionSerializer(many=True)


class LoopItemSerializer(serializers.Serializer[Any]):
    id = serializers.CharField()
    index = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=LoopItemKind.choices)
    data = serializers.CharField()  # type: ignore[assignment]  # a field
    status = serializers.ChoiceField(choices=LoopItemStatus.choices)
    output = serializers.DictField(child=serializers.CharField())
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)


class LoopSerializer(serializers.Serializer[Any]):
    step_id = serializers.CharField()
    generation = serializers.IntegerField()
    current_index = serializers.IntegerField()
    is_open = serializers.BooleanField()
    opened_at = serializers.DateTimeField()
    closed_at = serializers.DateTimeField(allow_null=True)
    items = LoopItemSerializer(many=True)


class LoopDetailSerializer(LoopSerializer):
    generations = serializers.IntegerField()


class ApprovalSerializer(serializers.Serializer[Any]):
    id = serializers.CharField()
    step_id = serializers.CharField()
    visit = serializers.IntegerField()
    text = serializers.CharField()
    status = serializers.ChoiceField(choices=ApprovalStatus.choices)
    comment = serializers.CharField(allow_blank=True)
    decided_by_user_id = serializers.CharField(allow_null=True)
    decided_at = serializers.DateTimeField(allow_null=True)
    expires_at = serializers.DateTimeField()
    created_at = serializers.DateTimeField()


class RunCostSerializer(serializers.Serializer[Any]):
    total = serializers.DecimalField(max_digits=18, decimal_places=10, allow_null=True)
    unknown_calls = serializers.IntegerField(help_text="Answered calls of unknown price.")
    calls = serializers.IntegerField()
    tokens = serializers.IntegerField()
    input_tokens = serializers.IntegerField()
    output_tokens = serializers.IntegerField()


class ExecutorOutcomeSerializer(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    error = serializers.CharField(allow_blank=True)


class ExecutorRunSerializer(RunSerializer):
    executor_result = ExecutorOutcomeSerializer(
        allow_null=True, help_text="What its agent said at the end; null: nothing yet."
    )


class RunDetailSerializer(RunSerializer):
    repository = serializers.CharField(allow_blank=True)
    workspace_type = serializers.CharField()
    workspace_exists = serializers.BooleanField()
    workspace_has_git = serializers.BooleanField()
    workspace_error = serializers.CharField(
        allow_blank=True, help_text="Why the branch could not be made or pushed."
    )
    workspace_warnings = serializers.ListField(child=serializers.CharField())
    task_branch = serializers.CharField(allow_blank=True)
    base_commit = serializers.CharField(allow_null=True)
    head_commit = serializers.CharField(allow_null=True)
    model_override = serializers.CharField(allow_blank=True)
    recorded_as = serializers.CharField(allow_blank=True)
    replay_of = serializers.CharField(allow_blank=True, help_text="Answered as this case was.")
    key_user_id = serializers.CharField(allow_null=True)
    variables = serializers.DictField(child=serializers.CharField())
    context = serializers.CharField(allow_blank=True)  # type: ignore[assignment]  # a field
    remedy = serializers.CharField(allow_blank=True)
    cancel_requested_at = serializers.DateTimeField(allow_null=True)
    cancel_reason = serializers.CharField(allow_blank=True)
    pause_requested_at = serializers.DateTimeField(allow_null=True)
    paused_at = serializers.DateTimeField(allow_null=True)
    finalized_at = serializers.DateTimeField(
        allow_null=True, help_text="When the branch was pushed and the directory removed."
    )
    deadline_at = serializers.DateTimeField(allow_null=True)
    executor_result = ExecutorOutcomeSerializer(allow_null=True)
    forked_from_execution_id = serializers.IntegerField(allow_null=True)
    steps = StepSerializer(many=True)
    executions = ExecutionSerializer(many=True)
    loops = LoopSerializer(many=True)
    approvals = ApprovalSerializer(many=True)
    cost = RunCostSerializer()
    drift = serializers.ListField(
        child=serializers.ChoiceField(choices=("cost", "duration")),
        help_text="What is above what was foretold by now.",
    )


class RunStateSerializer(serializers.Serializer[Any]):
    id = serializers.CharField()
    status = serializers.ChoiceField(choices=RunStatus.choices)


class RunDeletedSerializer(serializers.Serializer[Any]):
    status = serializers.CharField()
    id = serializers.CharField()


class RunsDeletedSerializer(serializers.Serializer[Any]):
    status = serializers.CharField()
    count = serializers.IntegerField()


class HintSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    step_id = serializers.CharField()
    context = serializers.CharField()  # type: ignore[assignment]  # a field


class OutputSerializer(serializers.Serializer[Any]):
    key = serializers.CharField()
    value = serializers.CharField(allow_blank=True)
    step_id = serializers.CharField(allow_blank=True)


class KnowledgeSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    agent_id = serializers.CharField(allow_blank=True)
    category = serializers.CharField()
    content = serializers.CharField()
    importance = serializers.CharField()
    created_at = serializers.DateTimeField()


class EventSerializer(serializers.Serializer[Any]):
    id = serializers.CharField()
    topic = serializers.CharField()
    type = serializers.CharField()
    ts = serializers.DateTimeField()
    data = serializers.DictField()  # type: ignore[assignment]  # a field


class LogSerializer(serializers.Serializer[Any]):
    items = EventSerializer(many=True)
    next = serializers.CharField(allow_null=True, help_text="Give it as `since` to go on.")
    prev = serializers.CharField(
        allow_null=True, required=False, help_text="Of a tail: give it as `before` to go back."
    )


class GraphNodeSerializer(serializers.Serializer[Any]):
    step_id = serializers.CharField()
    agent_id = serializers.CharField()
    status = serializers.ChoiceField(choices=StepStatus.choices)
    visit = serializers.IntegerField()
    attempt = serializers.IntegerField()


class GraphEdgeSerializer(serializers.Serializer[Any]):
    source = serializers.CharField()  # type: ignore[assignment]  # a field
    target = serializers.CharField()
    kind = serializers.CharField()


class GraphMoveSerializer(serializers.Serializer[Any]):
    source = serializers.IntegerField()  # type: ignore[assignment]  # a field
    target = serializers.IntegerField()
    result = serializers.CharField(allow_blank=True)


class RunGraphSerializer(serializers.Serializer[Any]):
    nodes = GraphNodeSerializer(many=True)
    edges = GraphEdgeSerializer(many=True)
    executions = ExecutionSerializer(many=True)
    path = GraphMoveSerializer(many=True)


class HistoryStepSerializer(serializers.Serializer[Any]):
    step_id = serializers.CharField()
    visit = serializers.IntegerField()
    attempt = serializers.IntegerField()
    agent_id = serializers.CharField()
    status = serializers.ChoiceField(choices=StepStatus.choices)
    outputs = serializers.DictField(child=serializers.CharField())
    error = serializers.CharField(allow_blank=True)
    error_code = serializers.CharField(allow_blank=True)
    commit_hash = serializers.CharField(allow_blank=True)
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)


class HistoryRunSerializer(RunSerializer):
    branch = serializers.CharField(allow_null=True)
    duration_s = serializers.FloatField(allow_null=True)
    steps = HistoryStepSerializer(many=True, required=False)


class HistorySerializer(serializers.Serializer[Any]):
    runs = HistoryRunSerializer(many=True)
    total = serializers.IntegerField()


class QueueItemSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    run_id = serializers.CharField()
    step_id = serializers.CharField()
    visit = serializers.IntegerField()
    attempt = serializers.IntegerField()
    status = serializers.ChoiceField(choices=StepStatus.choices)
    queued_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)


class QueueClearedSerializer(serializers.Serializer[Any]):
    cancelled = serializers.ListField(child=serializers.CharField())
