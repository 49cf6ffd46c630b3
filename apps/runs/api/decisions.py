"""The inbox: what waits for a person."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api.callers import USERS
from apps.core.api.views import ApiView
from apps.runs.access import visible_runs
from apps.runs.choices import RunStatus
from apps.runs.decisions import KINDS, decision_list


class DecisionQuery(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=KINDS, required=False, default="")


class DecisionSerializer(serializers.Serializer[Any]):
    id = serializers.CharField(help_text="Of an approval its id; else the step's or the run's.")
    kind = serializers.ChoiceField(
        choices=KINDS,
        help_text="`budget` and `parked`: a step waits for money, or for a provider.",
    )
    run_id = serializers.CharField()
    run_status = serializers.ChoiceField(choices=RunStatus.choices)
    pipeline_id = serializers.CharField()
    project_id = serializers.CharField(allow_blank=True)
    task = serializers.CharField()
    step_id = serializers.CharField(allow_blank=True)
    visit = serializers.IntegerField()
    agent_id = serializers.CharField(allow_blank=True)
    text = serializers.CharField(help_text="What is asked, or what went wrong.")
    code = serializers.CharField(allow_blank=True)
    remedy = serializers.CharField(allow_blank=True)
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True, help_text="Of an approval.")
    goes_on_at = serializers.DateTimeField(
        allow_null=True, help_text="When a parked step tries again by itself."
    )


class DecisionsView(ApiView):
    callers = USERS
    scope = "read"
    query = DecisionQuery

    @extend_schema(operation_id="decisions_list", responses=DecisionSerializer(many=True))
    def get(self, request: Request) -> Response:
        """What waits for a person, oldest first; at most 200 of each kind."""
        rows = decision_list(visible_runs(self.caller), **self.query_values())
        return Response(DecisionSerializer(rows, many=True).data)
