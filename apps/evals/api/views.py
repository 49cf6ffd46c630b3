"""Cases and evaluations."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api.callers import USERS
from apps.core.api.input import parsed
from apps.core.api.pagination import CursorPage
from apps.core.api.views import ApiView
from apps.evals import selectors, services
from apps.evals.api.serializers import (
    CaseFreezeSerializer,
    CaseSerializer,
    EvaluationSerializer,
    EvaluationStartSerializer,
)
from apps.runs.access import access_run


class CasesView(ApiView):
    callers = USERS
    scope = {"GET": "read", "POST": "runs"}

    @extend_schema(operation_id="eval_cases_list", responses=CaseSerializer(many=True))
    def get(self, request: Request) -> Response:
        """Frozen runs, by name."""
        return Response(CaseSerializer(selectors.case_list(self.caller), many=True).data)

    @extend_schema(
        operation_id="eval_cases_freeze",
        request=CaseFreezeSerializer,
        responses={201: CaseSerializer},
    )
    def post(self, request: Request) -> Response:
        """Freeze a recorded run that has ended: its inputs, commit, pipeline and answers."""
        body = parsed(CaseFreezeSerializer, request)
        run_id = access_run(self.caller, body["run_id"])
        case = services.case_freeze(run_id=run_id, name=body["name"], by=str(self.caller.user.pk))
        case.refresh_from_db()
        return Response(CaseSerializer(case).data, status=201)


class CaseView(ApiView):
    callers = USERS
    scope = {"GET": "read", "DELETE": "runs"}

    @extend_schema(operation_id="eval_cases_get", responses=CaseSerializer)
    def get(self, request: Request, case_id: str) -> Response:
        """One case, by id or name."""
        return Response(CaseSerializer(selectors.case_get(self.caller, case_id)).data)

    @extend_schema(operation_id="eval_cases_delete", responses={204: None})
    def delete(self, request: Request, case_id: str) -> Response:
        """Forget a case and what was recorded for it."""
        services.case_delete(selectors.case_get(self.caller, case_id))
        return Response(status=204)


class EvaluationsView(ApiView):
    callers = USERS
    scope = {"GET": "read", "POST": "runs"}
    paged = {"GET": True}

    @extend_schema(operation_id="evals_list", responses=EvaluationSerializer(many=True))
    def get(self, request: Request) -> Response:
        """Evaluations, newest first."""
        page = CursorPage()
        found = page.paginate_queryset(selectors.evaluation_list(self.caller), request, self)
        rows = [selectors.evaluation_row(evaluation) for evaluation in found]
        return page.get_paginated_response(EvaluationSerializer(rows, many=True).data)

    @extend_schema(
        operation_id="evals_start",
        request=EvaluationStartSerializer,
        responses={201: EvaluationSerializer},
    )
    def post(self, request: Request) -> Response:
        """Run cases again, offline from their recordings or live, and compare. The answer comes at
        once; ask for it again until `finished`."""
        body = parsed(EvaluationStartSerializer, request)
        cases = selectors.cases_of(self.caller, body.pop("cases"))
        started = services.evaluation_start(cases=cases, by=str(self.caller.user.pk), **body)
        return Response(
            EvaluationSerializer(selectors.evaluation_get(self.caller, started.id)).data, status=201
        )


class EvaluationView(ApiView):
    callers = USERS
    scope = "read"

    @extend_schema(operation_id="evals_get", responses=EvaluationSerializer)
    def get(self, request: Request, evaluation_id: str) -> Response:
        """How it went: each case beside its run, with verdict, cost and time."""
        row = selectors.evaluation_get(self.caller, evaluation_id)
        return Response(EvaluationSerializer(row).data)
