"""Frozen runs, and the runs that were made of them to compare."""

from typing import Any, ClassVar

from django.db import models
from django.db.models.functions import Now

from apps.core.ids import new_id


def new_case_id() -> str:
    return new_id("case")


def new_evaluation_id() -> str:
    return new_id("eval")


class Case(models.Model):
    """All that a run was made of, how it ended, and what its model calls were answered: the answers
    stand in the directory of cassettes named by `id`."""

    id = models.CharField(max_length=40, primary_key=True, default=new_case_id, editable=False)
    name = models.CharField(max_length=120, unique=True)
    source_run_id = models.CharField(max_length=40)
    pipeline_id = models.CharField(max_length=128)
    snapshot = models.ForeignKey("pipelines.PipelineSnapshot", on_delete=models.PROTECT)
    task_description = models.TextField()
    context = models.TextField(default="", blank=True)
    variables = models.JSONField(default=dict)
    human_context = models.TextField(default="", blank=True)
    model_override = models.CharField(max_length=264, default="", blank=True)
    repository = models.TextField(default="", blank=True)
    base_commit = models.CharField(max_length=64, default="", blank=True)
    workspace_type = models.CharField(max_length=24)
    status = models.CharField(max_length=16)  # how the run ended
    outputs = models.JSONField(default=dict)
    cost_total = models.DecimalField(max_digits=20, decimal_places=10, null=True)
    duration_s = models.FloatField(null=True)
    calls = models.PositiveIntegerField(default=0)
    created_by_id = models.CharField(max_length=40, default="", blank=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering: ClassVar[list[str]] = ["name"]

    def __str__(self) -> str:
        return self.name


class Evaluation(models.Model):
    """Some cases, run again at one time and in one way."""

    class Mode(models.TextChoices):
        REPLAY = "replay"  # answers come from the cassettes: no cost, no network
        LIVE = "live"  # models are asked

    id = models.CharField(
        max_length=40, primary_key=True, default=new_evaluation_id, editable=False
    )
    mode = models.CharField(max_length=6, choices=Mode.choices)
    pipeline_id = models.CharField(max_length=128, default="", blank=True)  # in place of each own
    current_pipeline = models.BooleanField(default=False)  # as the library has it now
    model_override = models.CharField(max_length=264, default="", blank=True)
    created_by_id = models.CharField(max_length=40, default="", blank=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering: ClassVar[list[str]] = ["-created_at", "-id"]

    def __str__(self) -> str:
        return f"{self.id} ({self.mode})"


class EvaluationRun(models.Model):
    evaluation = models.ForeignKey(Evaluation, on_delete=models.CASCADE, related_name="runs")
    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="evaluation_runs")
    run = models.ForeignKey("runs.Run", on_delete=models.SET_NULL, null=True)
    problem = models.TextField(default="", blank=True)  # why no run could be made

    class Meta:
        ordering: ClassVar[list[str]] = ["id"]
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["evaluation", "case"], name="evaluation_case_once"),
        ]

    def __str__(self) -> str:
        return f"{self.evaluation_id} {self.case_id}"
