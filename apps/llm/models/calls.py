"""One row a model call."""

from typing import Any, ClassVar

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
        INSTANCE = "instance"
        NONE = "none"  # the scripted model, a local server

    id = models.CharField(max_length=40, primary_key=True, default=new_call_id)
    session_id = models.CharField(max_length=64, default="")
    run_id = models.CharField(max_length=64, default="")
    step_execution_id = models.BigIntegerField(null=True)
    step_id = models.CharField(max_length=128, default="")
    agent_id = models.CharField(max_length=128, default="")
    user_id = models.CharField(max_length=40, default="")
    provider = models.CharField(max_length=64)
    model = models.CharField(max_length=200)
    dialect = models.CharField(max_length=16)  # openai | anthropic
    key_source = models.CharField(
        max_length=16, choices=KeySource.choices, default=KeySource.INSTANCE
    )
    key_masked = models.CharField(max_length=32, default="")
    input_tokens = models.PositiveIntegerField(default=0)
    output_tokens = models.PositiveIntegerField(default=0)
    cache_read_tokens = models.PositiveIntegerField(default=0)
    cache_write_tokens = models.PositiveIntegerField(default=0)
    cost_input = models.DecimalField(max_digits=18, decimal_places=10, null=True)
    cost_output = models.DecimalField(max_digits=18, decimal_places=10, null=True)
    cost_total = models.DecimalField(max_digits=18, decimal_places=10, null=True)
    cost_approximate = models.BooleanField(default=False)
    duration_ms = models.PositiveIntegerField(default=0)
    ttft_ms = models.PositiveIntegerField(null=True)
    tries = models.PositiveSmallIntegerField(default=1)  # requests that the gateway sent for it
    tool_call_count = models.PositiveSmallIntegerField(default=0)
    has_thinking = models.BooleanField(default=False)
    stop_reason = models.CharField(max_length=32, default="")
    http_status = models.PositiveSmallIntegerField(null=True)  # null: the client left
    error_class = models.CharField(max_length=64, default="")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering: ClassVar[list[str]] = ["-created_at", "-id"]
        indexes: ClassVar[list[Any]] = [
            # The log, newest first.
            models.Index(fields=["-created_at", "-id"], name="llmcall_newest"),
            # Cost of a run; calls of a session, and its failures since the last answer.
            models.Index(fields=["run_id", "created_at"], name="llmcall_run"),
            models.Index(fields=["session_id", "created_at"], name="llmcall_session"),
        ]

    def __str__(self) -> str:
        return f"{self.provider}/{self.model} {self.id}"
