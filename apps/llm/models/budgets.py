"""Limits on what model calls may spend, what they spent, and what those under way may yet."""

from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from apps.core.ids import new_id
from apps.core.models import TimestampedModel


def new_budget_id() -> str:
    return new_id("bgt")


class BudgetScope(models.TextChoices):
    INSTANCE = "instance"
    USER = "user"
    PROJECT = "project"
    AGENT = "agent"
    RUN = "run"
    SESSION = "session"


class BudgetWindow(models.TextChoices):
    """Windows begin in UTC; `total` never ends."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    TOTAL = "total"


class BudgetAction(models.TextChoices):
    """What happens to a call that does not fit below the hard limit."""

    WARN = "warn"  # it is made, and told
    PAUSE = "pause"  # it is refused; a step waits as a row until there is room
    DOWNGRADE = "downgrade"  # `downgrade_model` answers it


class Budget(TimestampedModel):
    """A limit. Without `ref` it holds for each one of its scope (each run, each user, …) apart;
    with `ref` it takes the place of that one for the thing named. A limit that is null is none."""

    id = models.CharField(max_length=40, primary_key=True, default=new_budget_id, editable=False)
    scope = models.CharField(max_length=8, choices=BudgetScope.choices)
    ref = models.CharField(max_length=128, default="", blank=True)
    window = models.CharField(max_length=5, choices=BudgetWindow.choices)
    soft_micro = models.BigIntegerField(null=True)  # millionths of a US dollar
    hard_micro = models.BigIntegerField(null=True)
    soft_tokens = models.BigIntegerField(null=True)
    hard_tokens = models.BigIntegerField(null=True)
    soft_calls = models.BigIntegerField(null=True)
    hard_calls = models.BigIntegerField(null=True)
    action = models.CharField(
        max_length=9, choices=BudgetAction.choices, default=BudgetAction.PAUSE
    )
    downgrade_model = models.CharField(max_length=264, default="", blank=True)
    enabled = models.BooleanField(default=True)
    version = models.PositiveIntegerField(default=1)
    created_by_id = models.CharField(max_length=40, default="", blank=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["scope", "ref", "window"]
        constraints: ClassVar[list[Any]] = [
            # One answer to "which limit holds for this thing in this window"; found at each call.
            models.UniqueConstraint(fields=["scope", "ref", "window"], name="budget_one_a_window"),
            models.CheckConstraint(
                condition=~Q(action="downgrade") | ~Q(downgrade_model=""),
                name="budget_downgrade_names_a_model",
            ),
            models.CheckConstraint(
                condition=~Q(scope="instance") | Q(ref=""), name="budget_instance_has_no_ref"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.scope} {self.ref or 'each'} a {self.window}"


class BudgetCounter(models.Model):
    """What one thing has spent in one window, and what its calls under way hold. Written by the
    functions of the database alone. It belongs to no budget: a limit that is raised or replaced
    goes on from here."""

    scope = models.CharField(max_length=8, choices=BudgetScope.choices)
    subject = models.CharField(max_length=128, default="")
    window = models.CharField(max_length=5, choices=BudgetWindow.choices)
    window_start = models.DateTimeField()
    spent_micro = models.BigIntegerField(default=0)
    held_micro = models.BigIntegerField(default=0)
    spent_tokens = models.BigIntegerField(default=0)
    held_tokens = models.BigIntegerField(default=0)
    spent_calls = models.BigIntegerField(default=0)
    held_calls = models.BigIntegerField(default=0)
    told_percent = models.PositiveSmallIntegerField(default=0)  # of the soft limit: 0, 80 or 100
    refused_at = models.DateTimeField(null=True)  # the hard limit stands; told once

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["scope", "subject", "window", "window_start"], name="budget_counter_one"
            ),
            models.CheckConstraint(
                condition=Q(held_micro__gte=0, held_tokens__gte=0, held_calls__gte=0),
                name="budget_counter_holds",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.scope} {self.subject} {self.window} {self.window_start:%F %T}"


class BudgetHold(models.Model):
    """The worst case of a call under way. Its process renews the lease; one that died does not, and
    the hold is released. A released row stays a day: a call that ends after all is still booked."""

    call_id = models.CharField(max_length=40, primary_key=True)
    counters = ArrayField(models.BigIntegerField())
    micro = models.BigIntegerField()
    tokens = models.BigIntegerField()
    lease_until = models.DateTimeField()
    released_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes: ClassVar[list[Any]] = [
            # Upkeep: leases that ran out.
            models.Index(
                fields=["lease_until"], name="budget_hold_open", condition=Q(released_at=None)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.call_id} holds {self.micro} µ$"
