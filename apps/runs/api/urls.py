from apps.core.api.urls import route
from apps.runs.api import decisions, forecast_views, team, views

_RUN = "runs/<str:run_id>"
_STEP = "steps/<str:run_id>/<str:step_id>"
_AGENT = "agents/<str:agent_id>"
_QUEUE = f"{_AGENT}/queue"

urlpatterns = [
    route("decisions", decisions.DecisionsView.as_view(), name="decisions"),
    route("runs", views.RunsView.as_view(), name="runs"),
    route("runs/forecast", forecast_views.RunForecastView.as_view(), name="run-forecast"),
    route("runs/costs", forecast_views.AcceptedCostView.as_view(), name="run-costs"),
    route(_RUN, views.RunView.as_view(), name="run"),
    route(f"{_RUN}/cancel", views.RunCancelView.as_view(), name="run-cancel"),
    route(f"{_RUN}/pause", views.RunPauseView.as_view(), name="run-pause"),
    route(f"{_RUN}/resume", views.RunResumeView.as_view(), name="run-resume"),
    route(f"{_RUN}/restart", views.RunRestartView.as_view(), name="run-restart"),
    route(f"{_RUN}/fork", views.RunForkView.as_view(), name="run-fork"),
    route(f"{_RUN}/finalize", views.RunFinalizeView.as_view(), name="run-finalize"),
    route(f"{_RUN}/logs", views.RunLogsView.as_view(), name="run-logs"),
    route(f"{_RUN}/search", views.RunSearchView.as_view(), name="run-search"),
    route(f"{_RUN}/transcript", views.RunTranscriptView.as_view(), name="run-transcript"),
    route(f"{_RUN}/density", views.RunDensityView.as_view(), name="run-density"),
    route(f"{_RUN}/outputs", views.RunOutputsView.as_view(), name="run-outputs"),
    route(f"{_RUN}/knowledge", views.RunKnowledgeView.as_view(), name="run-knowledge"),
    route(f"{_RUN}/graph", views.RunGraphView.as_view(), name="run-graph"),
    route(f"{_RUN}/steps", views.RunStepsView.as_view(), name="run-steps"),
    route(
        f"{_RUN}/steps/<str:step_id>/restart",
        views.StepRestartView.as_view(),
        name="run-step-restart",
    ),
    route(f"{_RUN}/steps/<str:step_id>/inject", views.StepInjectView.as_view(), name="run-inject"),
    route(f"{_RUN}/steps/<str:step_id>/checks", views.StepChecksView.as_view(), name="run-checks"),
    route(f"{_RUN}/loop-state/<str:step_id>", views.LoopStateView.as_view(), name="run-loop-state"),
    route(f"{_RUN}/approvals", views.ApprovalsView.as_view(), name="run-approvals"),
    route(f"{_RUN}/approvals/<str:approval_id>", views.ApprovalView.as_view(), name="run-approval"),
    route(_STEP, views.StepView.as_view(), name="step"),
    route(f"{_STEP}/logs", views.StepLogsView.as_view(), name="step-logs"),
    route(f"{_STEP}/restart", views.StepRestartView.as_view(), name="step-restart"),
    route("internal/run-history", views.RunHistoryView.as_view(), name="run-history"),
    route("internal/executor-result", views.ExecutorResultView.as_view(), name="executor-result"),
    route(
        "projects/<str:project_id>/tasks/<str:task_id>/executor-runs",
        views.ExecutorRunsView.as_view(),
        name="executor-runs",
    ),
    route("agents/status", team.TeamStatusView.as_view(), name="agents-status"),
    route(f"{_AGENT}/lifecycle", team.AgentLifecycleView.as_view(), name="agent-lifecycle"),
    route(f"{_AGENT}/activity", team.AgentActivityView.as_view(), name="agent-activity"),
    route(f"{_AGENT}/activity/stats", team.AgentStatsView.as_view(), name="agent-activity-stats"),
    route(f"{_AGENT}/runs", team.AgentRunsView.as_view(), name="agent-runs"),
    route(_QUEUE, views.AgentQueueView.as_view(), name="agent-queue"),
    route(f"{_QUEUE}/cancel", views.AgentQueueCancelView.as_view(), name="agent-queue-cancel"),
    route(f"{_QUEUE}/clear", views.AgentQueueClearView.as_view(), name="agent-queue-clear"),
]
