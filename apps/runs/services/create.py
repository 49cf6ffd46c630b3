"""A new run: all that can be refused is refused here, before a row is written."""

from collections.abc import Collection, Mapping
from typing import Any

from django.db import transaction

from apps.agents.selectors import agent_ids, agent_models
from apps.core.errors import DjinnError, Invalid
from apps.core.faults import fault_point
from apps.llm.defaults import working_model
from apps.llm.providers import SCRIPTED
from apps.llm.registry import Registry, registry
from apps.llm.resolution import models_of
from apps.pipelines import resolve
from apps.pipelines.definition import Pipeline
from apps.pipelines.selectors import definition_get
from apps.pipelines.services import snapshot_get_or_create
from apps.repos.names import branch_name
from apps.repos.sources import source_of
from apps.runs.choices import RunKind, RunStatus
from apps.runs.events import run_event, run_events_append
from apps.runs.models import Run
from apps.runs.services.start import run_send_start
from apps.runs.snapshots import pipeline_of

WORKSPACE_TYPES = ("git_worktree", "persistent_directory", "none")


def run_create(
    *,
    pipeline_id: str,
    task: str,
    user: Any = None,
    kind: str = RunKind.PIPELINE,
    context: str = "",
    project_id: str = "",
    task_id: str = "",
    variables: Mapping[str, str] | None = None,
    model_override: str = "",
    key_user: Any = None,
    repository: str = "",
    branch: str = "",
    workspace_type: str = "git_worktree",
    parent_run_id: str | None = None,
    record: bool = False,
) -> Run:
    """Create a run and ask for its start.

    Raises NotFound for the pipeline, Invalid for its problems, an unknown agent (P016), a step
    without a model, a malformed model, and a workspace that cannot be.
    """
    definition = definition_get(pipeline_id)
    snapshot = snapshot_get_or_create(definition)
    pipeline = pipeline_of(snapshot.pk)
    agents = agent_models()
    check_agents(pipeline, agents)
    check_models(pipeline, model_override, agents)
    _check_workspace(workspace_type, repository, branch)
    with transaction.atomic():
        run = Run(
            kind=kind,
            pipeline_id=pipeline_id,
            snapshot=snapshot,
            project_id=project_id,
            task_id=task_id,
            task_description=task,
            context=context,
            variables=dict(variables or {}),
            model_override=model_override,
            initiated_by=user,
            key_user=key_user or user,
            repository=repository,
            task_branch=branch,
            workspace_type=workspace_type,
            parent_run_id=parent_run_id,
        )
        if record:
            run.recorded_as = run.id
        run.save(force_insert=True)
        created(run)
    fault_point("run.after_create")
    del run.created_at  # the database's: loaded when somebody asks for it
    return run


def created(run: Run) -> None:
    """Tell of a new run and ask for its start, in the transaction that writes it."""
    run_events_append(
        run.id,
        [
            run_event(
                "RUN_CREATED",
                pipelineId=run.pipeline_id,
                taskDescription=run.task_description,
                status=RunStatus.PENDING,
                kind=run.kind,
            )
        ],
    )
    run_send_start(run.id, run.workspace_type)


def check_agents(pipeline: Pipeline, known: Collection[str] | None = None) -> None:
    """The library has them all; `known`: the ids of those it has, where that was just asked."""
    found = agent_ids() if known is None else known
    missing = sorted({step.agent for step in pipeline.steps}.difference(found))
    if missing:
        raise Invalid(
            f"The agent library has no {', '.join(missing)}.",
            code="agent_unknown",
            problems=[
                {
                    "code": "P016",
                    "path": "agents",
                    "line": 0,
                    "message": f"Agent {agent!r} is not in the agent library.",
                }
                for agent in missing
            ],
        )


def check_models(
    pipeline: Pipeline, model_override: str, agents: Mapping[str, str] | None = None
) -> None:
    """Each step has a model, and each model a provider that we know. `agents`: their own models,
    where that was just asked."""
    configured = agent_models() if agents is None else agents
    known = registry()  # asked once: each asking looks whether it has changed
    default = working_model(known)
    for step in pipeline.steps:
        model = resolve.model(
            pipeline,
            step,
            run_override=model_override,
            agent_config=configured.get(step.agent, ""),
            instance_default=default,
        )
        if not model:
            raise Invalid(
                f"Step {step.id} has no model: name one in the pipeline, or set the"
                " instance's working model or DJINNBOT_MODEL.",
                code="no_model",
                step_id=step.id,
            )
        _check_model(known, model, step.id)


def _check_model(known: Registry, model: str, step_id: str) -> None:
    try:
        for provider, _ in models_of(known, model).models:
            if provider != SCRIPTED:
                known.provider(provider)
    except DjinnError as exc:
        raise Invalid(exc.message, code=exc.code, step_id=step_id, model=model) from exc


def _check_workspace(workspace_type: str, repository: str, branch: str) -> None:
    if workspace_type not in WORKSPACE_TYPES:
        raise Invalid(
            f"A workspace is one of: {', '.join(WORKSPACE_TYPES)}.", code="workspace_type_unknown"
        )
    if workspace_type == "none" and (repository or branch):
        raise Invalid("A run without a workspace has no repository.", code="workspace_unusable")
    if repository:
        source_of(repository)
    if branch:
        branch_name(branch)
