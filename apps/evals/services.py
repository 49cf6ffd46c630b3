"""Freezing a finished run as a case, and running cases again.

A case keeps the inputs of its run, the commit it began from, the pipeline as it was, and a copy of
what the models answered. Run again in `replay` it asks no model: a request that was not made then
fails the run with `cassette_miss`, and the message names the first difference.
"""

import shutil
from collections.abc import Sequence

from django.db import IntegrityError, transaction

from apps.core.errors import DjinnError, Invalid
from apps.evals.errors import CaseExists, NotEnded, NotRecorded
from apps.evals.models import Case, Evaluation, EvaluationRun
from apps.llm.recording import recording_directory
from apps.llm.selectors import run_totals
from apps.pipelines.models import PipelineSnapshot
from apps.pipelines.selectors import definition_get
from apps.pipelines.services import snapshot_get_or_create
from apps.runs.choices import RUN_TERMINAL
from apps.runs.models import Run
from apps.runs.services.create import check_agents, check_models, created
from apps.runs.snapshots import pipeline_of


def case_freeze(*, run_id: str, name: str, by: str) -> Case:
    """Raises NotEnded, NotRecorded, CaseExists."""
    run = Run.objects.select_related("workspace").get(id=run_id)
    if run.status not in RUN_TERMINAL:
        raise NotEnded(run_id, run.status)
    recorded = recording_directory(run.recorded_as) if run.recorded_as else None
    if recorded is None or not recorded.is_dir():
        raise NotRecorded(run_id)
    totals = run_totals(run_id)
    case = Case(
        name=name,
        source_run_id=run.id,
        pipeline_id=run.pipeline_id,
        snapshot_id=run.snapshot_id,
        task_description=run.task_description,
        context=run.context,
        variables=run.variables,
        human_context=run.human_context,
        model_override=run.model_override,
        repository=run.repository,
        base_commit=run.workspace.base_commit if run.workspace and run.repository else "",
        workspace_type=run.workspace_type,
        status=run.status,
        outputs=run.outputs,
        cost_total=totals.cost_total,
        calls=totals.calls,
        duration_s=_seconds(run),
        created_by_id=by,
    )
    try:
        with transaction.atomic():
            case.save(force_insert=True)
            shutil.copytree(recorded, recording_directory(case.id))
    except IntegrityError as exc:
        raise CaseExists(name) from exc
    return case


def case_delete(case: Case) -> None:
    """Forget a case and its cassettes. Runs that were made of it stay."""
    recorded = recording_directory(case.id)
    case.delete()
    shutil.rmtree(recorded, ignore_errors=True)


def evaluation_start(
    *,
    cases: Sequence[Case],
    mode: str,
    by: str,
    pipeline_id: str = "",
    current_pipeline: bool = False,
    model_override: str = "",
) -> Evaluation:
    """Start a run of each case. What cannot be started is a row with its problem, not an error:
    the other cases still run."""
    if not cases:
        raise Invalid("There is no case to run.", code="no_cases")
    if mode == Evaluation.Mode.REPLAY and model_override:
        raise Invalid(
            "Another model gives other answers: run it with `live`.", code="replay_of_other_model"
        )
    evaluation = Evaluation.objects.create(
        mode=mode,
        pipeline_id=pipeline_id,
        current_pipeline=current_pipeline,
        model_override=model_override,
        created_by_id=by,
    )
    for case in cases:
        row = EvaluationRun(evaluation=evaluation, case=case)
        try:
            with transaction.atomic():
                row.run = _run_again(evaluation, case, by)
        except DjinnError as exc:
            row.problem = exc.message
        row.save()
    return evaluation


def _run_again(evaluation: Evaluation, case: Case, by: str) -> Run:
    snapshot = _snapshot(evaluation, case)
    model = evaluation.model_override or case.model_override
    pipeline = pipeline_of(snapshot.pk)
    check_agents(pipeline)
    check_models(pipeline, model)
    run = Run.objects.create(
        pipeline_id=snapshot.pipeline_id,
        snapshot=snapshot,
        task_description=case.task_description,
        context=case.context,
        variables=case.variables,
        human_context=case.human_context,
        model_override=model,
        repository=case.repository,
        workspace_type=case.workspace_type,
        reset_to=case.base_commit if case.workspace_type == "git_worktree" else "",
        initiated_by_id=by or None,
        key_user_id=by or None,
        replay_of=case.id if evaluation.mode == Evaluation.Mode.REPLAY else "",
    )
    created(run)
    return run


def _snapshot(evaluation: Evaluation, case: Case) -> PipelineSnapshot:
    if evaluation.pipeline_id or evaluation.current_pipeline:
        definition = definition_get(evaluation.pipeline_id or case.pipeline_id)
        return snapshot_get_or_create(definition)
    return case.snapshot


def _seconds(run: Run) -> float | None:
    if run.started_at is None or run.completed_at is None:
        return None
    return (run.completed_at - run.started_at).total_seconds()
