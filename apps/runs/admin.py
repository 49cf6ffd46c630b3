"""Runs in Django's admin: everything shown, nothing edited; actions call the services."""

from collections.abc import Callable
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from apps.core.admin import ReadOnlyAdmin, ReadOnlyInline
from apps.core.errors import DjinnError
from apps.runs import services
from apps.runs.models import (
    AgentNote,
    Approval,
    LoopItem,
    LoopState,
    Run,
    RunKnowledge,
    RunOutput,
    StepCheck,
    StepClaim,
    StepExecution,
    StepHint,
)


class ExecutionInline(ReadOnlyInline):
    model = StepExecution
    fields = (
        *("step_id", "visit", "attempt", "agent_id", "status", "error_code", "result_key"),
        *("started_at", "finished_at", "lease_owner"),
    )
    ordering = ("id",)
    show_change_link = True


@admin.register(Run)
class RunAdmin(ReadOnlyAdmin):
    list_display = (
        *("id", "pipeline_id", "status", "current_step_id", "initiated_by", "error_code"),
        *("created_at", "completed_at"),
    )
    list_filter = ("status", "kind", "pipeline_id")
    list_select_related = ("initiated_by",)
    search_fields = ("id", "task_description", "repository", "error")
    date_hierarchy = "created_at"
    show_full_result_count = False
    actions = ("cancel", "pause", "resume", "restart", "delete_for_good")
    inlines: ClassVar[list[Any]] = [ExecutionInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Run]:
        runs: QuerySet[Run] = super().get_queryset(request)
        if request.resolver_match and request.resolver_match.url_name == "runs_run_changelist":
            return runs.defer("outputs", "context", "variables", "human_context", "error")
        return runs

    @admin.action(description="Cancel")
    def cancel(self, request: HttpRequest, queryset: QuerySet[Run]) -> None:
        by = str(request.user.pk)
        _each(request, queryset, lambda run_id: services.run_cancel(run_id=run_id, by=by))

    @admin.action(description="Pause")
    def pause(self, request: HttpRequest, queryset: QuerySet[Run]) -> None:
        by = str(request.user.pk)
        _each(request, queryset, lambda run_id: services.run_pause(run_id=run_id, by=by))

    @admin.action(description="Resume")
    def resume(self, request: HttpRequest, queryset: QuerySet[Run]) -> None:
        by = str(request.user.pk)
        _each(request, queryset, lambda run_id: services.run_resume(run_id=run_id, by=by))

    @admin.action(description="Restart from the beginning")
    def restart(self, request: HttpRequest, queryset: QuerySet[Run]) -> None:
        by = str(request.user.pk)
        _each(request, queryset, lambda run_id: services.run_restart(run_id=run_id, by=by))

    @admin.action(description="Delete with events, directory and branch")
    def delete_for_good(self, request: HttpRequest, queryset: QuerySet[Run]) -> None:
        _each(request, queryset, lambda run_id: services.run_delete(run_id=run_id))


def _each(request: HttpRequest, runs: QuerySet[Run], act: Callable[[str], object]) -> None:
    done = 0
    for run_id in list(runs.values_list("id", flat=True)):
        try:
            act(run_id)
        except DjinnError as exc:
            messages.error(request, f"{run_id}: {exc.message}")
        else:
            done += 1
    if done:
        messages.success(request, f"Done for {done} of them.")


@admin.register(StepExecution)
class StepExecutionAdmin(ReadOnlyAdmin):
    list_display = (
        *("id", "run_id", "step_id", "visit", "attempt", "agent_id", "status", "error_code"),
        *("queued_at", "started_at", "finished_at", "lease_owner", "lease_until"),
    )
    list_filter = ("status", "agent_id", "error_code")
    search_fields = ("run__id", "step_id", "error")
    show_full_result_count = False
    actions = ("restart",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[StepExecution]:
        rows: QuerySet[StepExecution] = super().get_queryset(request)
        match = request.resolver_match
        if match and match.url_name == "runs_stepexecution_changelist":
            return rows.defer("inputs", "outputs", "error", "human_context")
        return rows

    @admin.action(description="Restart the step")
    def restart(self, request: HttpRequest, queryset: QuerySet[StepExecution]) -> None:
        by = str(request.user.pk)
        for run_id, step_id in queryset.values_list("run_id", "step_id"):
            try:
                services.step_restart(run_id=run_id, step_id=step_id, by=by)
            except DjinnError as exc:
                messages.error(request, f"{run_id} {step_id}: {exc.message}")


@admin.register(StepCheck)
class StepCheckAdmin(ReadOnlyAdmin):
    list_display = (
        *("id", "step_execution", "index", "name", "verdict", "exit_code", "duration_ms"),
        *("commit_hash", "started_at"),
    )
    list_filter = ("verdict",)
    list_select_related = ("step_execution",)
    search_fields = ("step_execution__run__id", "name", "command")
    show_full_result_count = False


@admin.register(StepClaim)
class StepClaimAdmin(ReadOnlyAdmin):
    list_display = ("step_execution", "summary", "commit_hash", "model_used", "created_at")
    list_select_related = ("step_execution",)
    search_fields = ("step_execution__run__id",)
    show_full_result_count = False


@admin.register(Approval)
class ApprovalAdmin(ReadOnlyAdmin):
    list_display = ("id", "run_id", "text", "status", "decided_by", "expires_at")
    list_filter = ("status",)
    list_select_related = ("decided_by",)
    search_fields = ("id", "run__id")
    actions = ("approve", "reject")

    @admin.action(description="Approve")
    def approve(self, request: HttpRequest, queryset: QuerySet[Approval]) -> None:
        _answer(request, queryset, approve=True)

    @admin.action(description="Reject")
    def reject(self, request: HttpRequest, queryset: QuerySet[Approval]) -> None:
        _answer(request, queryset, approve=False)


def _answer(request: HttpRequest, approvals: QuerySet[Approval], *, approve: bool) -> None:
    for approval_id, run_id in approvals.values_list("id", "run_id"):
        try:
            services.approval_decide(
                run_id=run_id, approval_id=approval_id, approve=approve, by=str(request.user.pk)
            )
        except DjinnError as exc:
            messages.error(request, f"{approval_id}: {exc.message}")


class LoopItemInline(ReadOnlyInline):
    model = LoopItem
    fields = ("index", "kind", "status", "data", "started_at", "finished_at")


@admin.register(LoopState)
class LoopStateAdmin(ReadOnlyAdmin):
    list_display = ("run_id", "step_id", "generation", "current_index", "opened_at", "closed_at")
    search_fields = ("run__id", "step_id")
    inlines: ClassVar[list[Any]] = [LoopItemInline]


@admin.register(RunOutput)
class RunOutputAdmin(ReadOnlyAdmin):
    list_display = ("run_id", "key", "scope", "current", "created_at")
    list_filter = ("current", "scope")
    search_fields = ("run__id", "key")


@admin.register(RunKnowledge)
class RunKnowledgeAdmin(ReadOnlyAdmin):
    list_display = ("run_id", "agent_id", "category", "importance", "created_at")
    list_filter = ("category", "importance")
    search_fields = ("run__id", "content")


@admin.register(StepHint)
class StepHintAdmin(ReadOnlyAdmin):
    list_display = ("id", "step_execution_id", "created_by", "delivered_at", "created_at")
    list_select_related = ("created_by",)


@admin.register(AgentNote)
class AgentNoteAdmin(ReadOnlyAdmin):
    list_display = ("run_id", "from_agent_id", "to_agent_id", "read_at", "created_at")
    search_fields = ("run__id", "message")
