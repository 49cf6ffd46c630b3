"""Runs: create, list, look, steer. Parse, call a service, answer with what the rows say now."""

from typing import Any

from django.db.models import Q
from django.http import StreamingHttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.models import User
from apps.core.api.callers import SESSIONS, USERS, USERS_AND_SESSIONS
from apps.core.api.input import parsed
from apps.core.api.pagination import CursorPage
from apps.core.api.transcripts import (
    TRANSCRIPT_RESPONSES,
    HitPageSerializer,
    TranscriptQuery,
    TranscriptSearchQuery,
    transcript_response,
)
from apps.core.api.views import ApiView
from apps.core.dispatch import TaskName, enqueue
from apps.core.errors import Forbidden, Invalid, NotFound
from apps.core.transcripts import transcript_search
from apps.runs import selectors, services
from apps.runs.access import access_run, related_runs, visible_runs
from apps.runs.api import serializers as shapes
from apps.runs.choices import RUN_TERMINAL
from apps.runs.density import run_density
from apps.runs.errors import IllegalMove
from apps.runs.events import run_topic
from apps.runs.models import Run

_READ_OR_RUN = {"GET": "read", "*": "runs"}
_ALL_READ_USERS_RUN = {"GET": USERS_AND_SESSIONS, "*": USERS}


class _RunsView(ApiView):
    callers = _ALL_READ_USERS_RUN
    scope = _READ_OR_RUN

    @property
    def visible(self) -> Q:
        return visible_runs(self.caller)

    @property
    def by(self) -> str:
        return str(getattr(self.caller.user, "pk", None) or self.caller.principal)

    @property
    def user_id(self) -> str | None:
        return getattr(self.caller.user, "pk", None)


class _OneRunView(_RunsView):
    """Paths under one run. Whoever may not see it learns nothing of it."""

    def run(self) -> str:
        return access_run(self.caller, self.kwargs["run_id"])

    def state(self, status: str, code: int = 200) -> Response:
        return Response({"id": self.kwargs["run_id"], "status": status}, status=code)


class RunsView(_RunsView):
    query = {"GET": shapes.RunFilterSerializer, "DELETE": shapes.RunsDeleteSerializer}
    paged = {"GET": True}

    @extend_schema(operation_id="runs_list", responses=shapes.RunListedSerializer(many=True))
    def get(self, request: Request) -> Response:
        """Runs that the caller may see, newest first."""
        page = CursorPage()
        rows = selectors.run_list(self.visible, **self.query_values())
        shown = page.paginate_queryset(rows, request, self)
        return page.get_paginated_response(selectors.with_progress(shown))

    @extend_schema(
        operation_id="runs_create",
        request=shapes.RunCreateSerializer,
        responses={201: shapes.RunSerializer},
    )
    def post(self, request: Request) -> Response:
        """Start a run. The answer comes at once; the first step follows."""
        body = parsed(shapes.RunCreateSerializer, request)
        key_user = self._key_user(body.pop("key_user_id"))
        user = self.caller.user if self.user_id else None
        run = services.run_create(
            user=user,
            key_user=key_user,
            project_id=body.pop("project_id") or "",
            task_id=body.pop("task_id") or "",
            **body,
        )
        return Response(selectors.run_row(run.id), status=201)

    def _key_user(self, user_id: str) -> User | None:
        if not user_id or user_id == self.user_id:
            return None
        if not self.caller.is_admin:
            raise Forbidden("Only an admin may let a run use another person's keys.")
        found = User.objects.filter(pk=user_id, is_active=True).first()
        if found is None:
            raise Invalid("There is no such user.", code="key_user_unknown", key_user_id=user_id)
        return found

    @extend_schema(operation_id="runs_delete_many", responses={200: shapes.RunsDeletedSerializer})
    def delete(self, request: Request) -> Response:
        """Delete ended runs that match every filter given; at least one is needed."""
        count = services.runs_delete(visible=self.visible, **self.query_values())
        return Response({"status": "deleted", "count": count})


class RunView(_OneRunView):
    query = {"DELETE": shapes.RunDeleteSerializer}

    @extend_schema(operation_id="runs_retrieve", responses=shapes.RunDetailSerializer)
    def get(self, request: Request, run_id: str) -> Response:
        """A run with its steps, executions, loops, approvals and cost."""
        return Response(selectors.run_get(self.run()))

    @extend_schema(
        operation_id="runs_update",
        request=shapes.RunChangeSerializer,
        responses=shapes.RunDetailSerializer,
    )
    def patch(self, request: Request, run_id: str) -> Response:
        """Change what later steps are told, or their model. The engine owns all else."""
        self.run()
        given = request.data if isinstance(request.data, dict) else {}
        owned = sorted(
            (set(given) & set(shapes.RunDetailSerializer().fields))
            - set(shapes.RunChangeSerializer().fields)
        )
        if owned:
            raise Forbidden(f"Only the engine changes {', '.join(owned)} of a run.", fields=owned)
        body = parsed(shapes.RunChangeSerializer, request)
        services.run_change(run_id=run_id, **body)
        return Response(selectors.run_get(run_id))

    @extend_schema(operation_id="runs_delete", responses={200: shapes.RunDeletedSerializer})
    def delete(self, request: Request, run_id: str) -> Response:
        """Delete a run and all that belongs to it; what it cost stays in the call log."""
        services.run_delete(run_id=self.run(), force=self.query_values()["force"])
        return Response({"status": "deleted", "id": run_id})


class RunCancelView(_OneRunView):
    @extend_schema(
        operation_id="runs_cancel",
        request=shapes.CancelSerializer,
        responses=shapes.RunStateSerializer,
    )
    def post(self, request: Request, run_id: str) -> Response:
        """Ask a run to stop. Asked again, it answers the same again."""
        body = parsed(shapes.CancelSerializer, request)
        return self.state(services.run_cancel(run_id=self.run(), by=self.by, reason=body["reason"]))


class RunPauseView(_OneRunView):
    @extend_schema(
        operation_id="runs_pause",
        request=shapes.PauseSerializer,
        responses=shapes.RunStateSerializer,
    )
    def post(self, request: Request, run_id: str) -> Response:
        """Let the active step end, then wait. With `now` it is aborted, and repeated later."""
        body = parsed(shapes.PauseSerializer, request)
        return self.state(services.run_pause(run_id=self.run(), by=self.by, now=body["now"]))


class RunResumeView(_OneRunView):
    @extend_schema(operation_id="runs_resume", request=None, responses=shapes.RunStateSerializer)
    def post(self, request: Request, run_id: str) -> Response:
        return self.state(services.run_resume(run_id=self.run(), by=self.by))


class RunRestartView(_OneRunView):
    @extend_schema(
        operation_id="runs_restart",
        request=shapes.RunRestartSerializer,
        responses=shapes.RunStateSerializer,
    )
    def post(self, request: Request, run_id: str) -> Response:
        """Run the whole pipeline again under the same id, as a new generation."""
        body = parsed(shapes.RunRestartSerializer, request)
        return self.state(services.run_restart(run_id=self.run(), by=self.by, **body))


class RunForkView(_OneRunView):
    @extend_schema(
        operation_id="runs_fork",
        request=shapes.ForkSerializer,
        responses={201: shapes.RunSerializer},
    )
    def post(self, request: Request, run_id: str) -> Response:
        """A new run that equals this one up to a step, and goes another way from there."""
        body = parsed(shapes.ForkSerializer, request)
        user = self.caller.user if self.user_id else None
        fork = services.run_fork(run_id=self.run(), user=user, **body)
        return Response(selectors.run_row(fork.id), status=201)


class RunFinalizeView(_OneRunView):
    @extend_schema(
        operation_id="runs_finalize", request=None, responses={202: shapes.RunStateSerializer}
    )
    def post(self, request: Request, run_id: str) -> Response:
        """Try the push of an ended run again. Done already: nothing happens."""
        status = Run.objects.values_list("status", flat=True).get(id=self.run())
        if status not in RUN_TERMINAL:
            raise IllegalMove("be finalised", status, run_id=run_id)
        enqueue(TaskName.FINALIZE_RUN, run_id)
        return self.state(status, 202)


class RunStepsView(_OneRunView):
    query = shapes.StepFilterSerializer

    @extend_schema(operation_id="runs_steps", responses=shapes.StepSerializer(many=True))
    def get(self, request: Request, run_id: str) -> Response:
        """The pipeline's steps in file order, each with its newest visit."""
        return Response(selectors.step_list(self.run(), **self.query_values()))


class StepView(_OneRunView):
    @extend_schema(operation_id="steps_retrieve", responses=shapes.StepDetailSerializer)
    def get(self, request: Request, run_id: str, step_id: str) -> Response:
        """A step with all its visits and attempts."""
        return Response(selectors.step_get(self.run(), step_id))


class StepChecksView(_OneRunView):
    query = shapes.CheckFilterSerializer

    @extend_schema(
        operation_id="runs_step_checks", responses=shapes.CheckDetailSerializer(many=True)
    )
    def get(self, request: Request, run_id: str, step_id: str) -> Response:
        """What the server found when it checked an attempt; by default the newest."""
        return Response(selectors.check_list(self.run(), step_id, **self.query_values()))


class StepLogsView(_OneRunView):
    query = shapes.LogFilterSerializer

    @extend_schema(operation_id="steps_logs", responses=shapes.LogSerializer)
    def get(self, request: Request, run_id: str, step_id: str) -> Response:
        return Response(_log(self.run(), self.query_values(), step_id))


class StepRestartView(_OneRunView):
    @extend_schema(
        request=shapes.StepRestartSerializer,
        responses=shapes.RunStateSerializer,
    )
    def post(self, request: Request, run_id: str, step_id: str) -> Response:
        """Start a step anew, with a hint. What came after it is superseded."""
        body = parsed(shapes.StepRestartSerializer, request)
        return self.state(
            services.step_restart(run_id=self.run(), step_id=step_id, by=self.by, **body)
        )


class StepInjectView(_OneRunView):
    @extend_schema(
        operation_id="runs_step_inject",
        request=shapes.InjectSerializer,
        responses={202: shapes.HintSerializer},
    )
    def post(self, request: Request, run_id: str, step_id: str) -> Response:
        """Give the active step a hint; its agent gets it between two turns."""
        body = parsed(shapes.InjectSerializer, request)
        hint = services.step_inject(
            run_id=self.run(), step_id=step_id, text=body["context"], by=self.user_id
        )
        answer = {"id": hint.pk, "step_id": step_id, "context": hint.text}
        return Response(answer, status=202)


class ApprovalsView(_OneRunView):
    @extend_schema(operation_id="runs_approvals", responses=shapes.ApprovalSerializer(many=True))
    def get(self, request: Request, run_id: str) -> Response:
        return Response(selectors.approval_list(self.run()))


class ApprovalView(_OneRunView):
    @extend_schema(
        operation_id="runs_approval_decide",
        request=shapes.ApprovalDecideSerializer,
        responses=shapes.RunStateSerializer,
    )
    def post(self, request: Request, run_id: str, approval_id: str) -> Response:
        """Answer the gate before a step. The first answer counts."""
        body = parsed(shapes.ApprovalDecideSerializer, request)
        status = services.approval_decide(
            run_id=self.run(),
            approval_id=approval_id,
            approve=body["decision"].startswith("approve"),
            comment=body["comment"],
            by=self.user_id,
        )
        return self.state(status)


class RunLogsView(_OneRunView):
    query = shapes.RunLogFilterSerializer

    @extend_schema(operation_id="runs_logs", responses=shapes.LogSerializer)
    def get(self, request: Request, run_id: str) -> Response:
        """The run's events after a position, or the last ones with `tail`."""
        query = self.query_values()
        before = query.pop("before", None)
        if query.pop("tail"):
            if query["types"] or query["since"]:
                raise Invalid("A tail takes neither types nor since.", code="tail_is_whole")
            return Response(selectors.run_log_tail(self.run(), before=before, limit=query["limit"]))
        return Response(_log(self.run(), query))


class RunSearchView(_OneRunView):
    query = TranscriptSearchQuery

    @extend_schema(operation_id="runs_search", responses=HitPageSerializer)
    def get(self, request: Request, run_id: str) -> Response:
        """Where a text stands in all that was written in the run, oldest first."""
        asked = self.query_values()
        found = transcript_search(run_topic(self.run()), asked.pop("q"), **asked)
        return Response(HitPageSerializer(found.as_json()).data)


class RunTranscriptView(_OneRunView):
    query = TranscriptQuery

    @extend_schema(operation_id="runs_transcript", responses=TRANSCRIPT_RESPONSES)
    def get(self, request: Request, run_id: str) -> StreamingHttpResponse:
        """All that was written in the run, as plain text or as its events."""
        row = selectors.run_row(self.run())
        return transcript_response(
            run_topic(run_id),
            form=self.query_values()["as"],
            name=run_id,
            title=f"Run {run_id} of {row['pipeline_id']}\n{row['task']}",
        )


class RunDensityView(_OneRunView):
    query = shapes.DensityQuery

    @extend_schema(operation_id="runs_density", responses=shapes.DensitySerializer)
    def get(self, request: Request, run_id: str) -> Response:
        """How much happened when, in equal parts of the run's time, and what it had cost."""
        return Response(run_density(self.run(), **self.query_values()))


class RunOutputsView(_OneRunView):
    callers = {"*": USERS_AND_SESSIONS}
    scope = {"GET": "read", "PUT": "write"}

    @extend_schema(
        operation_id="runs_outputs",
        responses={200: {"type": "object", "additionalProperties": True}},
    )
    def get(self, request: Request, run_id: str) -> Response:
        """The current values by name."""
        return Response(selectors.run_outputs(self.run()))

    @extend_schema(
        operation_id="runs_output_put",
        request=shapes.OutputPutSerializer,
        responses=shapes.OutputSerializer,
    )
    def put(self, request: Request, run_id: str) -> Response:
        """Set one value. Steps that run later see it."""
        body = parsed(shapes.OutputPutSerializer, request)
        services.run_output_put(run_id=self.run(), **body)
        return Response(body)


class RunKnowledgeView(_OneRunView):
    callers = {"*": USERS_AND_SESSIONS}
    scope = {"GET": "read", "POST": "write"}

    @extend_schema(operation_id="runs_knowledge", responses=shapes.KnowledgeSerializer(many=True))
    def get(self, request: Request, run_id: str) -> Response:
        """What agents of this run told those who come after them."""
        return Response(selectors.knowledge_list(self.run()))

    @extend_schema(
        operation_id="runs_knowledge_add",
        request=shapes.KnowledgeAddSerializer,
        responses={201: shapes.KnowledgeSerializer},
    )
    def post(self, request: Request, run_id: str) -> Response:
        body = parsed(shapes.KnowledgeAddSerializer, request)
        credential = self.caller.credential
        note = services.run_knowledge_add(
            run_id=self.run(),
            agent_id=str(getattr(credential, "agent_id", "")),
            session_id=str(getattr(credential, "session_id", "")),
            **body,
        )
        return Response(selectors.knowledge_get(note.pk), status=201)


class LoopStateView(_OneRunView):
    @extend_schema(operation_id="runs_loop_state", responses=shapes.LoopDetailSerializer)
    def get(self, request: Request, run_id: str, step_id: str) -> Response:
        """The newest pass of a loop step over its items."""
        return Response(selectors.loop_state(self.run(), step_id))


class RunGraphView(_OneRunView):
    @extend_schema(operation_id="runs_graph", responses=shapes.RunGraphSerializer)
    def get(self, request: Request, run_id: str) -> Response:
        """Steps and routes of the pipeline, and which execution led to which."""
        return Response(selectors.run_graph(self.run()))


class RunHistoryView(_RunsView):
    query = shapes.HistoryFilterSerializer

    @extend_schema(operation_id="run_history", responses=shapes.HistorySerializer)
    def get(self, request: Request) -> Response:
        """Past runs, for an agent that wants to learn from them."""
        return Response(selectors.run_history(related_runs(self.caller), **self.query_values()))


class ExecutorResultView(_RunsView):
    callers = {"*": SESSIONS}
    scope = {"*": "write"}

    @extend_schema(
        operation_id="executor_result",
        request=shapes.ExecutorResultSerializer,
        responses=shapes.RunStateSerializer,
    )
    def post(self, request: Request) -> Response:
        """How an executor's agent ended. Its outputs become the run's; the status stays."""
        body = parsed(shapes.ExecutorResultSerializer, request)
        run_id = access_run(self.caller, body["run_id"])
        services.executor_result_put(**{"outputs": {}, **body})
        row = selectors.run_row(run_id)
        return Response({"id": run_id, "status": row["status"]})


class ExecutorRunsView(_RunsView):
    query = shapes.ExecutorRunsQuery

    @extend_schema(operation_id="executor_runs", responses=shapes.ExecutorRunSerializer(many=True))
    def get(self, request: Request, project_id: str, task_id: str) -> Response:
        """The newest runs of solo agents on a task, with what each reported."""
        rows = selectors.executor_runs(
            related_runs(self.caller),
            project_id=project_id,
            task_id=task_id,
            **self.query_values(),
        )
        return Response(rows)


class AgentQueueView(_RunsView):
    @extend_schema(operation_id="agents_queue", responses=shapes.QueueItemSerializer(many=True))
    def get(self, request: Request, agent_id: str) -> Response:
        """What an agent works on and what waits for it, in the order of its turn."""
        return Response(selectors.agent_queue(self.visible, agent_id))


class AgentQueueCancelView(_RunsView):
    @extend_schema(
        operation_id="agents_queue_cancel",
        request=shapes.QueueCancelSerializer,
        responses=shapes.QueueClearedSerializer,
    )
    def post(self, request: Request, agent_id: str) -> Response:
        """Cancel the run of one item in the queue."""
        wanted = parsed(shapes.QueueCancelSerializer, request)["item_id"]
        items = selectors.agent_queue(self.visible, agent_id)
        runs = [item["run_id"] for item in items if item["id"] == wanted]
        if not runs:
            raise NotFound("This item is not in the agent's queue.", item_id=wanted)
        return Response({"cancelled": self._cancel(runs)})

    def _cancel(self, run_ids: list[str]) -> list[str]:
        unique = list(dict.fromkeys(run_ids))
        for run_id in unique:
            services.run_cancel(run_id=run_id, by=self.by, reason="taken out of the queue")
        return unique


class AgentQueueClearView(AgentQueueCancelView):
    @extend_schema(
        operation_id="agents_queue_clear",
        request=shapes.QueueClearSerializer,
        responses=shapes.QueueClearedSerializer,
    )
    def post(self, request: Request, agent_id: str) -> Response:
        """Cancel the runs of all steps that wait for this agent; what it works on goes on."""
        parsed(shapes.QueueClearSerializer, request)
        items = selectors.agent_queue(self.visible, agent_id)
        waiting = [item["run_id"] for item in items if item["status"] == "queued"]
        return Response({"cancelled": self._cancel(waiting)})


def _log(run_id: str, query: dict[str, Any], step_id: str = "") -> dict[str, Any]:
    types = [name for name in query.pop("types").split(",") if name]
    return selectors.run_log(run_id, types=types, step_id=step_id, **query)
