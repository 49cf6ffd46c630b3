"""Before a run: what it will likely cost. Afterwards: what a finished one costs."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api.callers import USERS
from apps.core.api.input import parsed
from apps.core.api.views import ApiView
from apps.pipelines.selectors import definition_get
from apps.runs.access import visible_runs
from apps.runs.api import serializers as shapes
from apps.runs.forecast import cost_per_accepted, run_forecast


class RunForecastView(ApiView):
    callers = USERS
    scope = "read"
    idempotency = "off"

    @extend_schema(
        operation_id="runs_forecast",
        request=shapes.RunForecastAskSerializer,
        responses=shapes.RunForecastSerializer,
    )
    def post(self, request: Request) -> Response:
        """The likely range of cost and time of a run, from completed runs like it that the caller
        may see. Nothing is started. Without such runs both are null, and the note says so."""
        body = parsed(shapes.RunForecastAskSerializer, request)
        definition_get(body["pipeline_id"])
        told = run_forecast(visible_runs(self.caller), **body)
        return Response(told.as_json())


class AcceptedCostView(ApiView):
    callers = USERS
    scope = "read"
    query = shapes.AcceptedCostQuery

    @extend_schema(operation_id="runs_costs", responses=shapes.AcceptedCostSerializer(many=True))
    def get(self, request: Request) -> Response:
        """What a completed run costs, by pipeline, failed tries included."""
        rows = cost_per_accepted(visible_runs(self.caller), **self.query_values())
        return Response(shapes.AcceptedCostSerializer(rows, many=True).data)
