"""Sums over the call log. They outlive its rows."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q


class Sums(models.Model):
    """`cost_total` sums what is known; `cost_unknown_calls` answered calls are not in it."""

    calls = models.BigIntegerField(default=0)
    failed_calls = models.BigIntegerField(default=0)
    input_tokens = models.BigIntegerField(default=0)
    output_tokens = models.BigIntegerField(default=0)
    cache_read_tokens = models.BigIntegerField(default=0)
    cache_write_tokens = models.BigIntegerField(default=0)
    cost_total = models.DecimalField(max_digits=20, decimal_places=10, null=True)
    cost_unknown_calls = models.BigIntegerField(default=0)
    tool_calls = models.BigIntegerField(default=0)
    duration_ms = models.BigIntegerField(default=0)

    class Meta:
        abstract = True


class UsageTotal(Sums):
    """All calls of one run, step execution or session, written with each call."""

    class Kind(models.TextChoices):
        RUN = "run"
        STEP = "step"  # `ref` is the id of the step execution
        SESSION = "session"

    kind = models.CharField(max_length=8, choices=Kind.choices)
    ref = models.CharField(max_length=64)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["kind", "ref"], name="usage_total_one"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.ref}"


class UsageBucket(Sums):
    """All calls that began in one hour or one day (UTC) and agree in the other columns."""

    class Grain(models.TextChoices):
        HOUR = "hour"
        DAY = "day"

    grain = models.CharField(max_length=4, choices=Grain.choices)
    starts_at = models.DateTimeField()
    user_id = models.CharField(max_length=40, default="")
    agent_id = models.CharField(max_length=128, default="")
    project_id = models.CharField(max_length=64, default="")
    run_id = models.CharField(max_length=64, default="")
    kind = models.CharField(max_length=12, default="")
    provider = models.CharField(max_length=64)
    model = models.CharField(max_length=200)
    key_source = models.CharField(max_length=16)

    class Meta:
        ordering: ClassVar[list[str]] = ["-starts_at", "id"]
        indexes: ClassVar[list[Any]] = [
            # A span of time of everybody, and of one user.
            models.Index(fields=["grain", "starts_at"], name="usage_bucket_time"),
            models.Index(
                fields=["user_id", "grain", "starts_at"],
                name="usage_bucket_user",
                condition=~Q(user_id=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.grain} {self.starts_at:%F %T} {self.provider}/{self.model}"
