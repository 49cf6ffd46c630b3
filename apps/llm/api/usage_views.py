"""Usage and budgets."""

from typing import Any

from django.http import StreamingHttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api.callers import ADMINS, USERS
from apps.core.api.csv import CSV, csv_response
from apps.core.api.input import parsed
from apps.core.api.views import ApiView
from apps.llm.api.usage_serializers import (
    USAGE_COLUMNS,
    BudgetChangeSerializer,
    BudgetSerializer,
    BudgetStatusQuery,
    BudgetStatusSerializer,
    UsageMeSerializer,
    UsageQuery,
    UsageRowSerializer,
)
from apps.llm.budgets.book import budget_change, budget_create, budget_delete
from apps.llm.budgets.standing import budget_standing
from apps.llm.models import Budget
from apps.llm.selectors import budget_get, budget_list
from apps.llm.usage.series import usage_of_user, usage_series


class UsageView(ApiView):
    callers = USERS
    scope = "usage:read"
    query = UsageQuery

    @extend_schema(operation_id="llm_usage", responses=UsageRowSerializer(many=True))
    def get(self, request: Request) -> Response:
        """Sums by time and by one other dimension. They lag behind the log by a minute at most."""
        rows = usage_series(self.caller, **self.query_values())
        return Response(UsageRowSerializer(rows, many=True).data)


class UsageExportView(ApiView):
    callers = USERS
    scope = "usage:read"
    query = UsageQuery

    @extend_schema(operation_id="llm_usage_export", responses={(200, "text/csv"): CSV})
    def get(self, request: Request) -> StreamingHttpResponse:
        """The same as CSV."""
        rows = usage_series(self.caller, **self.query_values())
        return csv_response(rows.iterator(chunk_size=500), USAGE_COLUMNS, name="usage")


class UsageMeView(ApiView):
    callers = USERS
    scope = "usage:read"

    @extend_schema(operation_id="usage_me", responses=UsageMeSerializer)
    def get(self, request: Request) -> Response:
        """What the caller used today and this month, by model, and how their budgets stand."""
        own = usage_of_user(str(self.caller.user.pk))
        body: dict[str, Any] = {**own, "budgets": budget_standing(self.caller)}
        return Response(UsageMeSerializer(body).data)


class BudgetsView(ApiView):
    callers = {"GET": USERS, "POST": ADMINS}
    scope = {"GET": "usage:read", "POST": "admin"}

    @extend_schema(operation_id="llm_budgets_list", responses=BudgetSerializer(many=True))
    def get(self, request: Request) -> Response:
        """Every budget to an admin; to others those that hold for all, and their own."""
        return Response(BudgetSerializer(budget_list(self.caller), many=True).data)

    @extend_schema(
        operation_id="llm_budgets_create",
        request=BudgetSerializer,
        responses={201: BudgetSerializer},
    )
    def post(self, request: Request) -> Response:
        """Set a limit. Without `ref` it holds for each one of the scope apart; with it, it takes
        the place of that one for the thing named."""
        fields = parsed(BudgetSerializer, request)
        budget = budget_create(by=str(self.caller.user.pk), **fields)
        budget.refresh_from_db()
        return Response(BudgetSerializer(budget).data, status=201)


class BudgetView(ApiView):
    callers = {"GET": USERS, "PATCH": ADMINS, "DELETE": ADMINS}
    scope = {"GET": "usage:read", "PATCH": "admin", "DELETE": "admin"}

    @extend_schema(operation_id="llm_budgets_get", responses=BudgetSerializer)
    def get(self, request: Request, budget_id: str) -> Response:
        """One budget."""
        return Response(BudgetSerializer(budget_get(self.caller, budget_id)).data)

    @extend_schema(
        operation_id="llm_budgets_change",
        request=BudgetChangeSerializer,
        responses=BudgetSerializer,
    )
    def patch(self, request: Request, budget_id: str) -> Response:
        """Change limits or action; null takes a limit away. Steps that wait for room go on soon
        after there is some."""
        changes = dict(parsed(BudgetChangeSerializer, request, instance=Budget(), partial=True))
        version = changes.pop("version", None)
        budget = budget_change(budget_id=budget_id, changes=changes, version=version)
        return Response(BudgetSerializer(budget).data)

    @extend_schema(operation_id="llm_budgets_delete", responses={204: None})
    def delete(self, request: Request, budget_id: str) -> Response:
        """Take a limit away."""
        budget_delete(budget_id=budget_id)
        return Response(status=204)


class BudgetStatusView(ApiView):
    callers = USERS
    scope = "usage:read"
    query = BudgetStatusQuery

    @extend_schema(operation_id="llm_budgets_status", responses=BudgetStatusSerializer(many=True))
    def get(self, request: Request) -> Response:
        """What is spent and held under each budget in its present window, the most first."""
        rows = budget_standing(self.caller, **self.query_values())
        return Response(BudgetStatusSerializer(rows, many=True).data)
