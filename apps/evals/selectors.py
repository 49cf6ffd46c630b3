"""Cases, and how an evaluation went: each case beside the run that was made of it."""

from collections.abc import Collection
from typing import Any

from django.db.models import Prefetch, QuerySet

from apps.core.api.callers import Caller
from apps.evals.errors import CaseNotFound, EvaluationNotFound
from apps.evals.models import Case, Evaluation, EvaluationRun
from apps.llm.models import UsageTotal
from apps.llm.selectors import CallTotals, totals_of
from apps.runs.choices import RUN_TERMINAL
from apps.runs.forecast import run_seconds
from apps.runs.models import Run

Row = dict[str, Any]


def case_list(caller: Caller) -> QuerySet[Case]:
    """An admin sees all, a user their own."""
    cases = Case.objects.order_by("name")
    return cases if caller.is_admin else cases.filter(created_by_id=caller.user.pk)


def case_get(caller: Caller, case_id: str) -> Case:
    """By id or by name."""
    cases = case_list(caller)
    found = cases.filter(id=case_id).first() or cases.filter(name=case_id).first()
    if found is None:
        raise CaseNotFound(case_id)
    return found


def cases_of(caller: Caller, names: Collection[str]) -> list[Case]:
    """The cases of these ids or names; all without any. Raises CaseNotFound."""
    return [case_get(caller, name) for name in names] if names else list(case_list(caller))


def evaluation_list(caller: Caller) -> QuerySet[Evaluation]:
    rows = EvaluationRun.objects.select_related("case", "run").order_by("case__name")
    found = Evaluation.objects.prefetch_related(Prefetch("runs", queryset=rows))
    found = found.order_by("-created_at", "-id")
    return found if caller.is_admin else found.filter(created_by_id=caller.user.pk)


def evaluation_get(caller: Caller, evaluation_id: str) -> Row:
    found = evaluation_list(caller).filter(id=evaluation_id).first()
    if found is None:
        raise EvaluationNotFound(evaluation_id)
    return evaluation_row(found)


def evaluation_row(evaluation: Evaluation) -> Row:
    rows = list(evaluation.runs.all())
    totals = totals_of(UsageTotal.Kind.RUN, [row.run_id for row in rows if row.run_id])
    cases = [_compared(row, totals) for row in rows]
    verdicts = [case["verdict"] for case in cases]
    return {
        "id": evaluation.id,
        "mode": evaluation.mode,
        "pipeline_id": evaluation.pipeline_id,
        "current_pipeline": evaluation.current_pipeline,
        "model_override": evaluation.model_override,
        "created_at": evaluation.created_at,
        "finished": "running" not in verdicts,
        "passed": verdicts.count("pass"),
        "failed": verdicts.count("fail"),
        "running": verdicts.count("running"),
        "cases": cases,
    }


def _compared(row: EvaluationRun, totals: dict[str, CallTotals]) -> Row:
    """`pass`: the run ended as the case did, and left an output under each of its names."""
    case, run = row.case, row.run
    sums = totals.get(run.id) if run else None
    return {
        "case_id": case.id,
        "name": case.name,
        "verdict": _verdict(case, run),
        "run_id": run.id if run else "",
        "status": run.status if run else "",
        "expected_status": case.status,
        "missing_outputs": sorted(set(case.outputs) - set(run.outputs)) if run else [],
        "same_outputs": run is not None and run.outputs == case.outputs,
        "cost_total": sums.cost_total if sums else None,
        "cost_before": case.cost_total,
        "duration_s": run_seconds(run.started_at, run.completed_at) if run else None,
        "duration_before_s": case.duration_s,
        "calls": sums.calls if sums else 0,
        "calls_before": case.calls,
        "error_code": run.error_code if run else "",
        "error": run.error if run else row.problem or "The run was deleted.",
    }


def _verdict(case: Case, run: Run | None) -> str:
    if run is None:
        return "fail"
    if run.status not in RUN_TERMINAL:
        return "running"
    same_end = run.status == case.status and set(case.outputs) <= set(run.outputs)
    return "pass" if same_end else "fail"
