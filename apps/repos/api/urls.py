from apps.core.api.urls import route
from apps.repos.api import views

_ONE = "workspaces/<str:run_id>"
_GIT = f"{_ONE}/git"

urlpatterns = [
    route(
        "workspaces/projects/<str:project_id>/git/push",
        views.ProjectPushView.as_view(),
        name="workspace-project-push",
    ),
    route(_ONE, views.WorkspaceFilesView.as_view(), name="workspace"),
    route(f"{_GIT}/status", views.GitStatusView.as_view(), name="workspace-status"),
    route(f"{_GIT}/history", views.GitHistoryView.as_view(), name="workspace-history"),
    route(
        f"{_GIT}/file-history/<path:path>",
        views.GitFileHistoryView.as_view(),
        name="workspace-file-history",
    ),
    route(
        f"{_GIT}/show/<str:commit>/<path:path>", views.GitShowView.as_view(), name="workspace-show"
    ),
    route(f"{_GIT}/diff", views.GitDiffView.as_view(), name="workspace-diff"),
    route(
        f"{_GIT}/diff/<str:commit>", views.GitCommitDiffView.as_view(), name="workspace-commit-diff"
    ),
    route(f"{_GIT}/merge", views.GitMergeView.as_view(), name="workspace-merge"),
    route(f"{_GIT}/push", views.GitPushView.as_view(), name="workspace-push"),
    # Last: a file may be called `git/…` only below another directory.
    route(f"{_ONE}/<path:path>", views.WorkspaceFileView.as_view(), name="workspace-file"),
]
