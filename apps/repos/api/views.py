"""Workspaces of runs: files, history, differences; merge and push for those who may."""

from dataclasses import asdict

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api.callers import USERS, USERS_AND_SESSIONS
from apps.core.api.input import parsed
from apps.core.api.views import ApiView
from apps.repos.access import access_project_workspace, access_workspace
from apps.repos.api.serializers import (
    CommitSerializer,
    DiffSerializer,
    FileEntrySerializer,
    FileHistoryQuery,
    GitStatusSerializer,
    HistoryQuery,
    MergedSerializer,
    MergeSerializer,
    PushedSerializer,
    PushSerializer,
    WorkspaceFileSerializer,
)
from apps.repos.merging import workspace_merge, workspace_push
from apps.repos.models import Workspace
from apps.repos.selectors import (
    commit_diff,
    file_at_commit,
    file_history,
    workspace_diff,
    workspace_file,
    workspace_files,
    workspace_history,
    workspace_status,
)


class _WorkspaceView(ApiView):
    callers = USERS_AND_SESSIONS
    scope = "read"

    def workspace(self) -> Workspace:
        return access_workspace(self.caller, self.kwargs["run_id"])


class WorkspaceFilesView(_WorkspaceView):
    @extend_schema(operation_id="workspace_files", responses=FileEntrySerializer(many=True))
    def get(self, request: Request, run_id: str) -> Response:
        """Files of the run's directory, or of its branch when the directory is gone."""
        return Response(FileEntrySerializer(workspace_files(self.workspace()), many=True).data)


class WorkspaceFileView(_WorkspaceView):
    @extend_schema(operation_id="workspace_file", responses=WorkspaceFileSerializer)
    def get(self, request: Request, run_id: str, path: str) -> Response:
        """Text of at most 1 MB. Answers 403 for a path that leads out, 413, and 415 for binary."""
        return Response({"path": path, "content": workspace_file(self.workspace(), path)})


class GitStatusView(_WorkspaceView):
    @extend_schema(operation_id="workspace_git_status", responses=GitStatusSerializer)
    def get(self, request: Request, run_id: str) -> Response:
        return Response(GitStatusSerializer(workspace_status(self.workspace())).data)


class GitHistoryView(_WorkspaceView):
    query = HistoryQuery

    @extend_schema(operation_id="workspace_git_history", responses=CommitSerializer(many=True))
    def get(self, request: Request, run_id: str) -> Response:
        """Commits, newest first; step, agent and summary are read from the subject."""
        commits = workspace_history(self.workspace(), **self.query_values())
        return Response(CommitSerializer(commits, many=True).data)


class GitShowView(_WorkspaceView):
    @extend_schema(operation_id="workspace_git_show", responses=WorkspaceFileSerializer)
    def get(self, request: Request, run_id: str, commit: str, path: str) -> Response:
        content = file_at_commit(self.workspace(), commit, path)
        return Response({"path": path, "content": content})


class GitFileHistoryView(_WorkspaceView):
    query = FileHistoryQuery

    @extend_schema(operation_id="workspace_git_file_history", responses=CommitSerializer(many=True))
    def get(self, request: Request, run_id: str, path: str) -> Response:
        commits = file_history(self.workspace(), path, **self.query_values())
        return Response(CommitSerializer(commits, many=True).data)


class GitDiffView(_WorkspaceView):
    @extend_schema(operation_id="workspace_git_diff", responses=DiffSerializer)
    def get(self, request: Request, run_id: str) -> Response:
        """What all commits of the run changed together."""
        return Response(DiffSerializer(workspace_diff(self.workspace())).data)


class GitCommitDiffView(_WorkspaceView):
    @extend_schema(operation_id="workspace_git_commit_diff", responses=DiffSerializer)
    def get(self, request: Request, run_id: str, commit: str) -> Response:
        return Response(DiffSerializer(commit_diff(self.workspace(), commit)).data)


class GitMergeView(ApiView):
    callers = USERS
    scope = "runs"

    @extend_schema(
        operation_id="workspace_git_merge", request=MergeSerializer, responses=MergedSerializer
    )
    def post(self, request: Request, run_id: str) -> Response:
        """Try a merge into the default branch. The result is a branch `merge/<run>` here."""
        workspace = access_workspace(self.caller, run_id, change=True)
        merged = workspace_merge(workspace, parsed(MergeSerializer, request)["strategy"])
        return Response(asdict(merged))


class GitPushView(ApiView):
    callers = USERS
    scope = "runs"

    @extend_schema(
        operation_id="workspace_git_push", request=PushSerializer, responses=PushedSerializer
    )
    def post(self, request: Request, run_id: str) -> Response:
        """Push the run's branch or its merge. `force` replaces only the run's own branches."""
        workspace = access_workspace(self.caller, run_id, change=True)
        return Response(asdict(workspace_push(workspace, **parsed(PushSerializer, request))))


class ProjectPushView(ApiView):
    callers = USERS
    scope = "runs"

    @extend_schema(
        operation_id="workspace_project_push", request=PushSerializer, responses=PushedSerializer
    )
    def post(self, request: Request, project_id: str) -> Response:
        """Push a branch of the project's mirror; without a name that of its newest workspace."""
        body = parsed(PushSerializer, request)
        workspace = access_project_workspace(self.caller, project_id, body["branch"])
        return Response(asdict(workspace_push(workspace, **body)))
