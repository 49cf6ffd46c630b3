"""What can go wrong with a repository or a workspace, each with a sentence that says what to do."""

from typing import ClassVar

from apps.core.errors import (
    AppError,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    TooLarge,
    TransientError,
    Unavailable,
    UserError,
)


class RepositoryInvalid(Invalid):
    """The value of `repository` is neither a path nor a URL we can use."""

    default_code = "repository_invalid"


class RepositoryNotFound(Invalid):
    default_code = "repository_not_found"


class RepositoryNotGit(Invalid):
    default_code = "repository_not_git"


class RepositoryEmpty(Invalid):
    default_code = "repository_empty"


class RepositoryNotAllowed(Forbidden):
    default_code = "repository_not_allowed"


class RepositoryAuthFailed(UserError):
    status = 422
    default_code = "repository_auth_failed"


class RepositoryUnreachable(TransientError):
    default_code = "repository_unreachable"


class NameInvalid(Invalid):
    """A branch, commit or run id that git or a file system could misread."""

    default_code = "git_name_invalid"


class CommitInvalid(UserError):
    status = 400
    default_code = "git_commit_invalid"


class BranchInUse(Conflict):
    default_code = "branch_in_use"


class BranchNeedsRemote(Invalid):
    default_code = "branch_needs_remote"


class PushRejected(Conflict):
    default_code = "push_rejected"


class MergeConflict(Conflict):
    default_code = "merge_conflict"


class WorkspaceBusy(TransientError):
    """Another run holds the directory. Try again when it has ended."""

    default_code = "workspace_busy"


class WorkspaceLocked(TransientError):
    """Another process works on the same repository for longer than we wait."""

    default_code = "workspace_locked"


class WorkspaceCorrupt(AppError):
    default_code = "workspace_corrupt"


class WorkspaceNotFound(NotFound):
    default_code = "workspace_not_found"


class DiskFull(Unavailable):
    default_code = "disk_full"


class GitMissing(Unavailable):
    default_code = "git_missing"


class GitTimeout(TransientError):
    default_code = "git_timeout"


class GitFailed(AppError):
    """git refused for a reason we do not know better. `extra["exit_code"]`, masked message."""

    status: ClassVar[int] = 502
    default_code = "git_failed"


class PathForbidden(Forbidden):
    default_code = "path_forbidden"


class FileNotFound(NotFound):
    default_code = "file_not_found"


class FileTooLarge(TooLarge):
    default_code = "file_too_large"


class FileNotText(UserError):
    status = 415
    default_code = "file_not_text"
