"""What the API says of cases and evaluations."""

from typing import Any

from rest_framework import serializers

from apps.evals.models import Case, Evaluation


class CaseSerializer(serializers.ModelSerializer[Case]):
    cost_total = serializers.FloatField(allow_null=True)
    task = serializers.CharField(source="task_description")
    outputs = serializers.DictField(child=serializers.CharField())

    class Meta:
        model = Case
        fields = (
            *("id", "name", "source_run_id", "pipeline_id", "task", "model_override"),
            *("repository", "base_commit", "workspace_type", "status", "outputs", "cost_total"),
            *("duration_s", "calls", "created_at"),
        )


class CaseFreezeSerializer(serializers.Serializer[Any]):
    run_id = serializers.CharField(max_length=40)
    name = serializers.RegexField(
        r"^[\w][\w .-]*$", max_length=120, help_text="Letters, digits, spaces, dots and hyphens."
    )


class EvaluationStartSerializer(serializers.Serializer[Any]):
    cases = serializers.ListField(
        child=serializers.CharField(max_length=120),
        required=False,
        default=list,
        help_text="Ids or names; empty: all that you have.",
    )
    mode = serializers.ChoiceField(choices=Evaluation.Mode.choices, default=Evaluation.Mode.REPLAY)
    pipeline_id = serializers.CharField(
        max_length=128,
        required=False,
        default="",
        allow_blank=True,
        help_text="Run this pipeline in place of each case's own.",
    )
    current_pipeline = serializers.BooleanField(
        default=False, help_text="Run each pipeline as it is now, not as it was frozen."
    )
    model_override = serializers.CharField(
        max_length=264, required=False, default="", allow_blank=True, help_text="With `live` only."
    )


class ComparedSerializer(serializers.Serializer[Any]):
    """A case beside the run that was made of it."""

    case_id = serializers.CharField()
    name = serializers.CharField()
    verdict = serializers.ChoiceField(choices=("pass", "fail", "running"))
    run_id = serializers.CharField(allow_blank=True)
    status = serializers.CharField(allow_blank=True)
    expected_status = serializers.CharField()
    missing_outputs = serializers.ListField(child=serializers.CharField())
    same_outputs = serializers.BooleanField()
    cost_total = serializers.FloatField(allow_null=True)
    cost_before = serializers.FloatField(allow_null=True)
    duration_s = serializers.FloatField(allow_null=True)
    duration_before_s = serializers.FloatField(allow_null=True)
    calls = serializers.IntegerField()
    calls_before = serializers.IntegerField()
    error_code = serializers.CharField(allow_blank=True)
    error = serializers.CharField(allow_blank=True)


class EvaluationSerializer(serializers.Serializer[Any]):
    id = serializers.CharField()
    mode = serializers.ChoiceField(choices=Evaluation.Mode.choices)
    pipeline_id = serializers.CharField(allow_blank=True)
    current_pipeline = serializers.BooleanField()
    model_override = serializers.CharField(allow_blank=True)
    created_at = serializers.DateTimeField()
    finished = serializers.BooleanField()
    passed = serializers.IntegerField()
    failed = serializers.IntegerField()
    running = serializers.IntegerField()
    cases = ComparedSerializer(many=True)
