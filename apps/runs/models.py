"""The durable state of runs. `status` columns are written by `machine.py` and nothing else."""

from typing import Any, ClassVar, Final

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector
from django.db import models
from django.db.models import Q
from django.db.models.functions import Left, Now

from apps.core.ids import new_id, new_run_id
from apps.core.models import TimestampedModel
from apps.runs.choices import (
    AbortReason,
    ApprovalStatus,
    CheckVerdict,
    LoopItemKind,
    LoopItemStatus,
    RunKind,
    RunStatus,
    StepStatus,
)

# What the search looks into. A task may be longer than an index takes.
TASK_WORDS: Final = SearchVector(Left("task_description", 4000), config="simple")


def new_approval_id() -> str:
    return new_id("apr")


class Run(TimestampedModel):
    id = models.CharField(max_length=40, primary_key=True, default=new_run_id, editable=False)
    kind = models.CharField(max_length=12, choices=RunKind.choices, default=RunKind.PIPELINE)
    pipeline_id = models.CharField(max_length=128)
    snapshot = models.ForeignKey("pipelines.PipelineSnapshot", on_delete=models.PROTECT)
    project_id = models.CharField(max_length=64, default="")
    task_id = models.CharField(max_length=64, default="")
    task_description = models.TextField()
    status = models.CharField(max_length=16, choices=RunStatus.choices, default=RunStatus.PENDING)
    generation = models.PositiveIntegerField(default=1)  # raised by a restart of the run
    # Raised whenever the row is locked: what was read under an earlier lock is still true if it
    # is what it was.
    version = models.BigIntegerField(default=0)
    current_step_id = models.CharField(max_length=128, default="")
    outputs = models.JSONField(default=dict)  # merged copy, written at the end
    # What an executor's agent said at its end: {"success", "error"}; its outputs are the run's.
    executor_result = models.JSONField(null=True)
    human_context = models.TextField(default="")
    variables = models.JSONField(default=dict)
    context = models.TextField(default="")  # as given; a JSON object also gives variables
    repository = models.TextField(default="")  # path or URL the workspace is made from
    workspace_type = models.CharField(max_length=24, default="git_worktree")
    task_branch = models.CharField(max_length=250, default="")
    workspace = models.ForeignKey("repos.Workspace", on_delete=models.SET_NULL, null=True)
    # A commit that the workspace must be put back to before a step starts; `base`: its first.
    reset_to = models.CharField(max_length=64, default="")
    initiated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="runs",
        db_index=False,  # `run_of_user`
    )
    key_user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    key_resolution = models.JSONField(default=dict)
    model_override = models.CharField(max_length=264, default="")
    parent_run = models.ForeignKey("self", on_delete=models.SET_NULL, null=True)
    forked_from_execution_id = models.BigIntegerField(null=True)
    error_code = models.CharField(max_length=64, default="")
    error = models.TextField(default="")
    cancel_requested_at = models.DateTimeField(null=True)
    cancel_reason = models.TextField(default="")
    pause_requested_at = models.DateTimeField(null=True)
    paused_at = models.DateTimeField(null=True)
    finalized_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    completed_at = models.DateTimeField(null=True)
    deadline_at = models.DateTimeField(null=True)
    # What was foretold at the start (`apps.runs.forecast`), and when it turned out too low.
    forecast = models.JSONField(db_default={}, blank=True)
    forecast_exceeded_at = models.DateTimeField(null=True)
    # Model calls are recorded below this directory of cassettes, or answered from it.
    recorded_as = models.CharField(max_length=64, db_default="", blank=True)
    replay_of = models.CharField(max_length=64, db_default="", blank=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["-created_at", "-id"]
        indexes: ClassVar[list[Any]] = [
            # The run list, newest first, and the same of one pipeline or status.
            models.Index(fields=["-created_at", "-id"], name="run_newest"),
            models.Index(fields=["pipeline_id", "-created_at", "-id"], name="run_of_pipeline"),
            # The list of what one person started.
            models.Index(fields=["initiated_by", "-created_at", "-id"], name="run_of_user"),
            GinIndex(TASK_WORDS, name="run_task_words"),
            # What has ended since somebody last looked.
            models.Index(
                fields=["-completed_at"], name="run_ended", condition=Q(completed_at__isnull=False)
            ),
            # The reconciler: what still moves.
            models.Index(
                fields=["status"],  # without the time: each step writes that, and no index with it
                name="run_active",
                condition=~Q(status__in=["completed", "failed", "cancelled"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.id} {self.pipeline_id} ({self.status})"


class StepExecution(models.Model):
    """One attempt at one visit of one step. History is rows, never overwritten."""

    run = models.ForeignKey(
        Run, on_delete=models.CASCADE, related_name="executions", db_index=False
    )  # `execution_one_per_attempt`
    generation = models.PositiveIntegerField(default=1)
    step_id = models.CharField(max_length=128)
    visit = models.PositiveIntegerField(default=1)
    attempt = models.PositiveIntegerField(default=1)
    agent_id = models.CharField(max_length=128)
    status = models.CharField(max_length=10, choices=StepStatus.choices, default=StepStatus.QUEUED)
    session = models.ForeignKey(
        "agent_sessions.AgentSession", on_delete=models.SET_NULL, null=True, db_index=False
    )
    inputs = models.JSONField(default=dict)  # {prompt_sha, missing, missing_outputs}
    outputs = models.JSONField(default=dict)
    result_key = models.CharField(max_length=200, default="")
    error = models.TextField(default="")
    error_code = models.CharField(max_length=64, default="")
    retry_count = models.PositiveIntegerField(default=0)  # charged retries before this attempt
    lost_count = models.PositiveIntegerField(default=0)  # attempts of this visit that were lost
    result_retries = models.PositiveIntegerField(default=0)  # `retry: true` moves taken so far
    repair = models.BooleanField(default=False)  # this attempt only asks for a missing output
    # Loop step that is entered after this attempt, when it repairs the list the loop runs over.
    repair_for = models.CharField(max_length=128, default="")
    max_retries = models.PositiveIntegerField(default=3)
    human_context = models.TextField(default="")
    model_used = models.CharField(max_length=264, default="")
    commit_hash = models.CharField(max_length=64, default="")
    base_commit = models.CharField(max_length=64, default="")  # head before the step
    loop_item = models.ForeignKey(
        "runs.LoopItem", on_delete=models.SET_NULL, null=True, db_index=False
    )
    # The execution whose outcome queued this one; null at the start and after a restart.
    queued_after_id = models.BigIntegerField(null=True)
    superseded = models.BooleanField(default=False)  # a restart took another path
    # Why its worker must stop it, in words of `AbortReason`; empty: it need not.
    abort_reason = models.CharField(max_length=8, choices=AbortReason.choices, default="")
    timeout_s = models.PositiveIntegerField(default=300)
    due_at = models.DateTimeField(db_default=Now())  # not before: back-off, or parked
    parked_code = models.CharField(max_length=64, db_default="", blank=True)  # why it last waited
    parked_message = models.TextField(db_default="", blank=True)
    queued_at = models.DateTimeField(db_default=Now())
    dispatched_at = models.DateTimeField(null=True)
    dispatch_count = models.PositiveIntegerField(default=0)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    advanced_at = models.DateTimeField(null=True)  # the outcome has been decided upon
    lease_owner = models.CharField(max_length=200, default="")
    lease_until = models.DateTimeField(null=True)
    fence = models.BigIntegerField(default=0)
    stream_position = models.CharField(max_length=40, default="0")  # last event read from the box

    class Meta:
        ordering: ClassVar[list[str]] = ["id"]
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["run", "generation", "step_id", "visit", "attempt"],
                name="execution_one_per_attempt",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            # The reconciler: queued and unclaimed, held and expired, ended and not advanced.
            models.Index(
                fields=["status", "due_at"],
                name="execution_active",
                condition=Q(status__in=["pending", "queued", "starting", "running", "finishing"]),
            ),
            models.Index(
                fields=["finished_at"],
                name="execution_not_advanced",
                condition=Q(advanced_at=None),
            ),
            # The claim: who of this agent is busy and who waits before me.
            models.Index(
                fields=["agent_id", "status"],
                name="execution_agent_active",
                condition=Q(status__in=["queued", "starting", "running", "finishing"]),
            ),
            # Each transition writes two rows here: only what is set costs an index entry.
            models.Index(
                fields=["session"],
                name="execution_of_session",
                condition=Q(session__isnull=False),
            ),
            models.Index(
                fields=["loop_item"],
                name="execution_of_item",
                condition=Q(loop_item__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.run_id} {self.step_id} {self.visit}.{self.attempt} ({self.status})"


class StepClaim(models.Model):
    """What an attempt's agent says it has done, kept while the server checks it.

    A worker that takes over an attempt with a claim goes on with its checks; the agent is not
    asked again. The fields are those of `StepOutcome`.
    """

    step_execution = models.OneToOneField(
        StepExecution, on_delete=models.CASCADE, primary_key=True, related_name="claim"
    )
    outputs = models.JSONField(default=dict)
    summary = models.TextField(default="")
    missing_outputs = models.JSONField(default=list)
    commit_hash = models.CharField(max_length=64, default="")
    model_used = models.CharField(max_length=264, default="")
    checks_s = models.PositiveIntegerField(default=0)  # what the checks may take at most
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"claim of {self.step_execution_id}"


class StepCheck(models.Model):
    """One check of one attempt, as the server saw it. Of the agent's claim nothing stands here."""

    step_execution = models.ForeignKey(
        StepExecution, on_delete=models.CASCADE, related_name="checks"
    )
    index = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=80)
    command = models.TextField()
    verdict = models.CharField(
        max_length=9, choices=CheckVerdict.choices, default=CheckVerdict.RUNNING
    )
    expected_exit = models.PositiveSmallIntegerField(default=0)
    exit_code = models.IntegerField(null=True)
    duration_ms = models.PositiveIntegerField(null=True)
    output = models.TextField(default="")  # the end of it
    commit_hash = models.CharField(max_length=64, default="")
    started_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["step_execution_id", "index"]
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["step_execution", "index"], name="check_one_per_attempt"
            ),
        ]

    def __str__(self) -> str:
        return f"check {self.index} of {self.step_execution_id} ({self.verdict})"


class LoopState(models.Model):
    """One pass over the items of a loop step. Open until `closed_at`."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="loops")
    run_generation = models.PositiveIntegerField(default=1)
    step_id = models.CharField(max_length=128)
    generation = models.PositiveIntegerField(default=1)
    # The open item of an outer loop in which this one was opened.
    parent_item = models.ForeignKey(
        "runs.LoopItem", on_delete=models.SET_NULL, null=True, related_name="inner_loops"
    )
    current_index = models.IntegerField(default=0)
    superseded = models.BooleanField(default=False)
    # Executions whose outcome opened and closed the loop: what a restart has to take back.
    opened_after_id = models.BigIntegerField(default=0)
    closed_after_id = models.BigIntegerField(null=True)
    opened_at = models.DateTimeField(db_default=Now())
    closed_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["id"]
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["run", "run_generation", "step_id", "generation"],
                name="loop_one_per_generation",
                condition=Q(superseded=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.run_id} {self.step_id} loop {self.generation}"


class LoopItem(models.Model):
    loop = models.ForeignKey(LoopState, on_delete=models.CASCADE, related_name="items")
    index = models.PositiveIntegerField()
    kind = models.CharField(max_length=8, choices=LoopItemKind.choices, default=LoopItemKind.ITEM)
    data = models.TextField()  # a string item as it is, anything else as JSON text
    status = models.CharField(
        max_length=10, choices=LoopItemStatus.choices, default=LoopItemStatus.PENDING
    )
    retry_count = models.PositiveIntegerField(default=0)
    output = models.JSONField(default=dict)  # outputs produced while the item was open
    started_after_id = models.BigIntegerField(null=True)
    ended_after_id = models.BigIntegerField(null=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["loop_id", "index"]
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["loop", "index"], name="loop_item_index"),
        ]

    def __str__(self) -> str:
        return f"{self.loop_id}[{self.index}] ({self.status})"


class RunOutput(models.Model):
    """An output value. `current` rows are the variable space of the run; the others are history."""

    class Scope(models.TextChoices):
        RUN = "run"
        LOOP_ITEM = "loop_item"

    run = models.ForeignKey(
        Run, on_delete=models.CASCADE, related_name="run_outputs", db_index=False
    )
    generation = models.PositiveIntegerField(default=1)
    key = models.CharField(max_length=128)
    value = models.TextField()
    step_execution = models.ForeignKey(StepExecution, on_delete=models.CASCADE, null=True)
    scope = models.CharField(max_length=10, choices=Scope.choices, default=Scope.RUN)
    loop_item = models.ForeignKey(LoopItem, on_delete=models.SET_NULL, null=True, db_index=False)
    current = models.BooleanField(default=True)
    retired_after_id = models.BigIntegerField(null=True)  # the outcome that ended its loop item
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering: ClassVar[list[str]] = ["id"]
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["run", "key"], name="run_output_current", condition=Q(current=True)
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["run"], name="run_output_of_run"),  # history too
            models.Index(
                fields=["loop_item"],
                name="run_output_of_item",
                condition=Q(loop_item__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.run_id} {self.key}"


class RunKnowledge(models.Model):
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="knowledge")
    agent_id = models.CharField(max_length=128)
    category = models.CharField(max_length=12)  # pattern | decision | issue | convention
    content = models.TextField()
    importance = models.CharField(max_length=8, default="medium")
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"{self.run_id} {self.category}"


class Approval(models.Model):
    """A human gate before a step. It is a row: while it waits, no worker and no box is held."""

    id = models.CharField(max_length=40, primary_key=True, default=new_approval_id)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="approvals")
    step_execution = models.ForeignKey(StepExecution, on_delete=models.CASCADE)
    text = models.TextField()
    status = models.CharField(
        max_length=10, choices=ApprovalStatus.choices, default=ApprovalStatus.PENDING
    )
    comment = models.TextField(default="")
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["step_execution"],
                name="approval_one_open",
                condition=Q(status="pending"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.id} ({self.status})"


class StepHint(models.Model):
    """A word of a person to a running step; its worker hands it to the agent between two turns."""

    step_execution = models.ForeignKey(
        StepExecution, on_delete=models.CASCADE, related_name="hints"
    )
    text = models.TextField()
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    delivered_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes: ClassVar[list[Any]] = [
            # The worker's look for new hints, once a second.
            models.Index(
                fields=["step_execution", "id"],
                name="hint_undelivered",
                condition=Q(delivered_at=None),
            ),
        ]

    def __str__(self) -> str:
        return f"hint {self.pk} to {self.step_execution_id}"


class AgentNote(models.Model):
    """A `notify` of a pipeline: a message to an agent of the run, shown in its next prompt."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="notes")
    from_agent_id = models.CharField(max_length=128, default="")
    to_agent_id = models.CharField(max_length=128)
    message = models.TextField()
    read_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"{self.run_id} → {self.to_agent_id}"
