"""The call log."""

from typing import Any

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api.callers import USERS, USERS_AND_SESSIONS
from apps.core.api.csv import CSV, csv_response
from apps.core.api.pagination import PAGE_PARAMETERS, CursorPage
from apps.core.api.views import ApiView
from apps.llm.api.serializers import (
    LlmCallPageSerializer,
    LlmCallQuery,
    LlmCallSerializer,
    LlmCallTotalsSerializer,
)
from apps.llm.models import LlmCall
from apps.llm.selectors import call_get, call_list, call_totals

_STATUS: dict[str, dict[str, Any]] = {
    "started": {"ended_at": None},
    "completed": {"ended_at__isnull": False, "error_class": ""},
    "failed": {"ended_at__isnull": False, "error_class__gt": ""},
}
_SPAN = {"created_after": "created_at__gte", "created_before": "created_at__lt"}
_CSV_COLUMNS = (
    *("id", "created_at", "ended_at", "user_id", "project_id", "run_id", "step_id"),
    *("session_id", "agent_id", "kind", "provider", "model", "requested_model", "key_source"),
    *("key_masked", "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens"),
    *("cost_input", "cost_output", "cost_total", "cost_approximate", "price_version"),
    *("duration_ms", "ttft_ms", "tries", "attempt", "fallback_of", "tool_call_count"),
    *("stop_reason", "http_status", "error_class"),
)


class LlmCallsView(ApiView):
    callers = USERS_AND_SESSIONS
    scope = "read"
    query = LlmCallQuery
    paged = True

    @extend_schema(operation_id="llm_calls_list", responses=LlmCallPageSerializer)
    def get(self, request: Request) -> Response:
        """Model calls, newest first, with the totals of all that fit the filters."""
        calls = _filtered(self)
        paginator = CursorPage()
        page = paginator.paginate_queryset(calls, request, self)
        body = paginator.body(LlmCallSerializer(page, many=True).data)
        body["totals"] = LlmCallTotalsSerializer(call_totals(calls)).data
        return Response(body)


class LlmCallsAliasView(LlmCallsView):
    """The same under its older path."""

    @extend_schema(
        operation_id="llm_calls_alias_list", responses=LlmCallPageSerializer, deprecated=True
    )
    def get(self, request: Request) -> Response:
        """See `/v1/llm/calls`."""
        return super().get(request)


class LlmCallsExportView(ApiView):
    callers = USERS
    scope = "read"
    query = LlmCallQuery

    @extend_schema(
        operation_id="llm_calls_export",
        responses={(200, "text/csv"): CSV},
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        """The log as CSV, newest first, whatever its size."""
        rows = _filtered(self).values(*_CSV_COLUMNS).iterator(chunk_size=500)
        return csv_response(rows, _CSV_COLUMNS, name="llm-calls")


class LlmCallView(ApiView):
    callers = USERS_AND_SESSIONS
    scope = "read"

    @extend_schema(operation_id="llm_calls_get", responses=LlmCallSerializer)
    def get(self, request: Request, call_id: str) -> Response:
        """One model call."""
        return Response(LlmCallSerializer(call_get(self.caller, call_id)).data)


def _filtered(view: ApiView) -> QuerySet[LlmCall]:
    values = {
        name: value for name, value in view.query_values().items() if name not in PAGE_PARAMETERS
    }
    status = _STATUS.get(values.pop("status", ""), {})
    named = {_SPAN.get(name, name): value for name, value in values.items()}
    return call_list(view.caller).filter(**named, **status)
