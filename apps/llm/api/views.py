"""The call log."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api.callers import USERS_AND_SESSIONS
from apps.core.api.pagination import PAGE_PARAMETERS, CursorPage
from apps.core.api.views import ApiView
from apps.llm.api.serializers import (
    LlmCallPageSerializer,
    LlmCallQuery,
    LlmCallSerializer,
    LlmCallTotalsSerializer,
)
from apps.llm.selectors import call_list, call_totals


class LlmCallsView(ApiView):
    callers = USERS_AND_SESSIONS
    scope = "read"
    query = LlmCallQuery
    paged = True

    @extend_schema(operation_id="llm_calls_list", responses=LlmCallPageSerializer)
    def get(self, request: Request) -> Response:
        """Model calls, newest first, with the totals of all that fit the filters."""
        values = self.query_values().items()
        filters = {name: value for name, value in values if name not in PAGE_PARAMETERS}
        calls = call_list(self.caller).filter(**filters)
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
