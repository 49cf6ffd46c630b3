"""One row a model call."""

from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from apps.core.ids import new_id


def new_call_id() -> str:
    return new_id("llm")


class LlmCall(models.Model):
    """One round trip to a model, as a session asked for it. No prompt and no answer text is kept.

    The four token columns do not overlap. A cost of None means that it is not known; it is never
    written as 0.
    """

    class KeySource(models.TextChoices):
        PERSONAL = "personal"
        ADMIN_SHARED = "admin_shared"
        PROJECT = "project"
        INSTANCE = "instance"
        NONE = "none"  # the scripted model, a local server

    id = models.CharField(max_length=40, primary_key=True, default=new_call_id)
    # One request of a client, all its attempts; `fallback_of` is the call that failed before.
    request_id = models.CharField(max_length=64, default="")
    attempt = models.PositiveSmallIntegerField(default=1)
    fallback_of = models.CharField(max_length=40, default="")
    session_id = models.CharField(max_length=64, default="")
    run_id = models.CharField(max_length=64, default="")
    step_execution_id = models.BigIntegerField(null=True)
    step_id = models.CharField(max_length=128, default="")
    agent_id = models.CharField(max_length=128, default="")
    user_id = models.CharField(max_length=40, default="")
    project_id = models.CharField(max_length=64, default="")
    kind = models.CharField(max_length=12, default="step")  # step, chat, pulse, swarm, embed, …
    provider = models.CharField(max_length=64)
    model = models.CharField(max_length=200)
    requested_model = models.CharField(max_length=264, default="")  # as the client wrote it
    dialect = models.CharField(max_length=16)  # openai | anthropic
    endpoint = models.CharField(max_length=16, default="chat")
    stream = models.BooleanField(default=False)
    thinking_level = models.CharField(max_length=12, default="")
    key_source = models.CharField(
        max_length=16, choices=KeySource.choices, default=KeySource.INSTANCE
    )
    key_id = models.BigIntegerField(null=True)
    key_masked = models.CharField(max_length=32, default="")
    share_id = models.BigIntegerField(null=True)
    input_tokens = models.PositiveIntegerField(default=0)
    output_tokens = models.PositiveIntegerField(default=0)
    cache_read_tokens = models.PositiveIntegerField(default=0)
    cache_write_tokens = models.PositiveIntegerField(default=0)
    cost_input = models.DecimalField(max_digits=18, decimal_places=10, null=True)
    cost_output = models.DecimalField(max_digits=18, decimal_places=10, null=True)
    cost_total = models.DecimalField(max_digits=18, decimal_places=10, null=True)
    cost_approximate = models.BooleanField(default=False)
    price_version = models.CharField(max_length=64, default="")
    context_window = models.PositiveIntegerField(null=True)
    # The worst case that was held for it, and the budgets that counted.
    reserved_micro = models.BigIntegerField(default=0)
    reserved_tokens = models.BigIntegerField(default=0)
    budget_ids = ArrayField(models.CharField(max_length=40), default=list)
    duration_ms = models.PositiveIntegerField(default=0)
    ttft_ms = models.PositiveIntegerField(null=True)
    tries = models.PositiveSmallIntegerField(default=1)  # requests that the gateway sent for it
    tool_call_count = models.PositiveSmallIntegerField(default=0)
    has_thinking = models.BooleanField(default=False)
    stop_reason = models.CharField(max_length=32, default="")
    http_status = models.PositiveSmallIntegerField(null=True)  # null: the client left
    error_class = models.CharField(max_length=64, default="")
    retry_at = models.DateTimeField(null=True)  # not before: a provider's or a budget's word
    created_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True)  # null: under way
    rolled_at = models.DateTimeField(null=True)  # null: not yet in the sums by hour

    class Meta:
        ordering: ClassVar[list[str]] = ["-created_at", "-id"]
        indexes: ClassVar[list[Any]] = [
            # The log, newest first.
            models.Index(fields=["-created_at", "-id"], name="llmcall_newest"),
            # Cost of a run; calls of a session, and its failures since the last answer.
            models.Index(fields=["run_id", "created_at"], name="llmcall_run"),
            models.Index(fields=["session_id", "created_at"], name="llmcall_session"),
            # Own calls; what a budget of an agent or a project starts from.
            models.Index(fields=["user_id", "-created_at", "-id"], name="llmcall_user"),
            models.Index(fields=["agent_id", "created_at"], name="llmcall_agent"),
            models.Index(
                fields=["project_id", "created_at"],
                name="llmcall_project",
                condition=~models.Q(project_id=""),
            ),
            # Limits of a shared key: its calls of a day.
            models.Index(
                fields=["share_id", "created_at"],
                name="llmcall_share",
                condition=~models.Q(share_id=None),
            ),
            # What the sums by hour still lack.
            models.Index(
                fields=["created_at"],
                name="llmcall_not_rolled",
                condition=models.Q(rolled_at=None) & ~models.Q(ended_at=None),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.provider}/{self.model} {self.id}"

    @property
    def status(self) -> str:
        if self.ended_at is None:
            return "started"
        return "failed" if self.error_class else "completed"
