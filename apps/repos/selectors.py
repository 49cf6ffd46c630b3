"""What a workspace holds: files, status, history, differences.

While its directory exists, files and status come from there; afterwards from the branch in the
mirror. Only commits of the workspace's own branch are shown: a mirror also holds other runs.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from apps.repos.errors import FileNotFound, GitFailed, PathForbidden, WorkspaceNotFound
from apps.repos.files import (
    MAX_FILE_BYTES,
    MAX_FILES,
    FileEntry,
    file_text,
    files_below,
    readable,
    text_of,
    too_large,
)
from apps.repos.git import Git
from apps.repos.layout import tree_of
from apps.repos.models import Workspace
from apps.repos.names import commit_name, is_git_dir_name, parse_subject, tree_path
from apps.repos.trees import git_of, tree_is_sound

MAX_PATCH_BYTES = 1_000_000
_STATUS_CHANGES = 10
_CONTEXT_COMMITS = 10
_LOG_FORMAT = "%x00%H%x00%an%x00%ae%x00%aI%x00%s%x00"
_LOG_FIELDS = 6
_KINDS = {"A": "added", "M": "modified", "D": "deleted", "R": "renamed", "C": "copied"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    hash: str
    author: str
    email: str
    date: datetime
    subject: str
    step: str
    agent: str
    summary: str
    files_changed: int
    additions: int
    deletions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A file that differs. Counts are None for a binary file."""

    path: str
    old_path: str
    status: str
    additions: int | None
    deletions: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Diff:
    """`truncated`: the patch is longer than we show; the list of files is whole."""

    base: str
    hash: str
    files: tuple[Change, ...]
    patch: str
    truncated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GitStatus:
    """`tracking` is the remote branch that a push goes to, empty before the first push."""

    branch: str
    tracking: str
    clean: bool
    ahead: int
    behind: int
    changes: tuple[Change, ...]
    change_count: int
    last_commit: Commit | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GitContext:
    """What a prompt says about the repository."""

    branch: str
    base: str
    commits: tuple[str, ...]  # `<short hash> <subject>`, newest first


def workspace_for_run(run_id: str) -> Workspace | None:
    return Workspace.objects.filter(run_id=run_id, parent=None).order_by("-id").first()


def has_directory(workspace: Workspace) -> bool:
    if workspace.status == Workspace.Status.REMOVED:
        return False
    if workspace.kind != Workspace.Kind.GIT_WORKTREE:
        return Path(workspace.path).is_dir()
    return tree_is_sound(tree_of(workspace))


def has_git(workspace: Workspace) -> bool:
    return workspace.kind == Workspace.Kind.GIT_WORKTREE


# Files


def workspace_files(workspace: Workspace) -> list[FileEntry]:
    if has_directory(workspace):
        return files_below(Path(workspace.path))
    git, tip = _branch(workspace)
    modified = _log(git, tip, "--max-count=1")[0].date
    entries = []
    for line in git.lines("ls-tree", "-r", "-l", "-z", tip)[:MAX_FILES]:
        facts, _, path = line.partition("\t")
        mode, _, _, size = facts.split()
        if mode in {"100644", "100755"}:
            entries.append(FileEntry(path=readable(path), size=int(size), modified=modified))
    return entries


def workspace_file(workspace: Workspace, path: str) -> str:
    """The text of a file. Raises PathForbidden, FileNotFound, FileTooLarge or FileNotText."""
    parts = tree_path(path)
    if has_directory(workspace):
        return file_text(Path(workspace.path), parts)
    git, tip = _branch(workspace)
    return _blob_text(git, tip, parts)


def file_at_commit(workspace: Workspace, commit: str, path: str) -> str:
    parts = tree_path(path)
    git, tip = _branch(workspace)
    return _blob_text(git, _own_commit(git, tip, commit), parts)


def _blob_text(git: Git, commit: str, parts: Sequence[str]) -> str:
    for depth in range(1, len(parts) + 1):
        mode, kind, name, size = _tree_entry(git, commit, "/".join(parts[:depth]))
        if mode == "120000":
            raise PathForbidden("This path leads through a link, which is not followed.")
        if kind == "blob" and depth == len(parts):
            if int(size) > MAX_FILE_BYTES:
                raise too_large(int(size))
            return text_of(git.bytes("cat-file", "blob", name))
        if kind != "tree":
            break
    raise FileNotFound("There is no such file in the workspace.")


def _tree_entry(git: Git, commit: str, path: str) -> tuple[str, str, str, str]:
    found = git.lines("--literal-pathspecs", "ls-tree", "-l", "-z", commit, "--", path)
    if not found:
        raise FileNotFound("There is no such file in the workspace.")
    mode, kind, name, size = found[0].partition("\t")[0].split()
    return mode, kind, name, size


# History


def workspace_history(
    workspace: Workspace, *, limit: int = 50, offset: int = 0, own: bool = False
) -> list[Commit]:
    """Commits of the branch, newest first. `own`: only those made in this workspace."""
    git, tip = _branch(workspace)
    since = [f"^{workspace.base_commit}"] if own and workspace.base_commit else []
    return _log(git, tip, *since, f"--max-count={limit}", f"--skip={offset}")


def file_history(workspace: Workspace, path: str, *, limit: int = 20) -> list[Commit]:
    parts = tree_path(path)
    git, tip = _branch(workspace)
    commits = _log(git, tip, f"--max-count={limit}", "--", f":(literal,top){'/'.join(parts)}")
    if not commits:
        raise FileNotFound("No commit of this branch has touched such a file.")
    return commits


def git_context(workspace: Workspace) -> GitContext:
    git, tip = _branch(workspace)
    listed = git.text("log", "--format=%h %s", f"--max-count={_CONTEXT_COMMITS}", tip, "--")
    return GitContext(
        branch=workspace.branch,
        base=workspace.base_commit,
        commits=tuple(readable(line) for line in listed.splitlines()),
    )


def _log(git: Git, tip: str, *args: str) -> list[Commit]:
    options = [arg for arg in args if arg.startswith("--") and arg != "--"]
    rest = [arg for arg in args if arg not in options]
    revisions = [arg for arg in rest if arg.startswith("^")]
    paths = [arg for arg in rest if not arg.startswith("^") and arg != "--"]
    output = git.text(
        "log", "--numstat", "--no-renames", "--no-ext-diff", "--no-textconv",
        f"--format={_LOG_FORMAT}", *options, tip, *revisions, "--", *paths,
    )  # fmt: skip
    return list(_commits(readable(output).split("\0")[1:]))


def _commits(tokens: Sequence[str]) -> Iterator[Commit]:
    for start in range(0, len(tokens) - _LOG_FIELDS + 1, _LOG_FIELDS):
        name, author, email, date, subject, numbers = tokens[start : start + _LOG_FIELDS]
        step, agent, summary = parse_subject(subject)
        counts = [line.split("\t")[:2] for line in numbers.splitlines() if line.count("\t") >= 2]
        yield Commit(
            hash=name,
            author=author,
            email=email,
            date=datetime.fromisoformat(date),
            subject=subject,
            step=step,
            agent=agent,
            summary=summary,
            files_changed=len(counts),
            additions=sum(int(added) for added, _ in counts if added.isdigit()),
            deletions=sum(int(deleted) for _, deleted in counts if deleted.isdigit()),
        )


# Differences


def commit_diff(workspace: Workspace, commit: str) -> Diff:
    """What a commit changed against its first parent."""
    git, tip = _branch(workspace)
    full = _own_commit(git, tip, commit)
    return _diff(git, git.commit_of(f"{full}^") or _empty_tree(git), full)


def workspace_diff(workspace: Workspace) -> Diff:
    """All that this workspace's commits changed together."""
    git, tip = _branch(workspace)
    return _diff(git, workspace.base_commit or _empty_tree(git), tip)


def _diff(git: Git, base: str, commit: str) -> Diff:
    plain = ("--no-ext-diff", "--no-textconv", "--find-renames")
    patch = git.bytes("diff", *plain, base, commit, "--", limit=MAX_PATCH_BYTES + 1)
    return Diff(
        base=base,
        hash=commit,
        files=_changes(
            git.lines("diff", *plain, "--name-status", "-z", base, commit, "--"),
            git.lines("diff", *plain, "--numstat", "-z", base, commit, "--"),
        ),
        patch=patch[:MAX_PATCH_BYTES].decode(errors="replace"),
        truncated=len(patch) > MAX_PATCH_BYTES,
    )


def _empty_tree(git: Git) -> str:
    return git.text("mktree")


def _changes(statuses: Sequence[str], numbers: Sequence[str]) -> tuple[Change, ...]:
    counts = _counts(numbers)
    changes = []
    tokens = iter(statuses)
    for letter in tokens:
        moved = letter[0] in "RC"
        old = next(tokens) if moved else ""
        path = next(tokens)
        additions, deletions = counts.get(path, (None, None))
        changes.append(
            Change(
                path=readable(path),
                old_path=readable(old),
                status=_KINDS.get(letter[0], "modified"),
                additions=additions,
                deletions=deletions,
            )
        )
    return tuple(changes)


def _counts(numbers: Sequence[str]) -> dict[str, tuple[int | None, int | None]]:
    """`--numstat -z`: `added TAB deleted TAB path`, or an empty path, then the old and new one."""
    counts: dict[str, tuple[int | None, int | None]] = {}
    tokens = iter(numbers)
    for token in tokens:
        added, deleted, path = token.split("\t", 2)
        if not path:
            next(tokens)
            path = next(tokens)
        counts[path] = (_number(added), _number(deleted))
    return counts


def _number(text: str) -> int | None:
    return int(text) if text.isdigit() else None


# Status


def workspace_status(workspace: Workspace) -> GitStatus:
    git, tip = _branch(workspace)
    changes = _uncommitted(workspace)
    remote = f"refs/remotes/origin/{workspace.branch}"
    pushed = git.commit_of(remote)
    base = pushed or workspace.base_commit
    behind, ahead = (
        git.text("rev-list", "--left-right", "--count", f"{base}...{tip}").split()
        if base
        else ("0", "0")
    )
    last = _log(git, tip, "--max-count=1")
    return GitStatus(
        branch=workspace.branch,
        tracking=f"origin/{workspace.branch}" if pushed else "",
        clean=not changes,
        ahead=int(ahead),
        behind=int(behind),
        changes=changes[:_STATUS_CHANGES],
        change_count=len(changes),
        last_commit=last[0] if last else None,
    )


def _uncommitted(workspace: Workspace) -> tuple[Change, ...]:
    if not has_directory(workspace):
        return ()
    tree = tree_of(workspace)
    try:
        lines = git_of(tree).lines(
            "status", "--porcelain", "-z", "--untracked-files=all", "--no-renames",
            "--ignore-submodules=all",
        )  # fmt: skip
    except GitFailed:
        if tree_is_sound(tree):
            raise
        return ()  # its run has ended: it is being taken away under git
    return tuple(
        Change(
            path=readable(line[3:]),
            old_path="",
            status="added" if "?" in line[:2] else _KINDS.get(line[:2].strip()[0], "modified"),
            additions=None,
            deletions=None,
        )
        for line in lines
        if not any(is_git_dir_name(part) for part in line[3:].split("/"))
    )


def _branch(workspace: Workspace) -> tuple[Git, str]:
    """The mirror and the tip of the workspace's branch in it."""
    if workspace.kind != Workspace.Kind.GIT_WORKTREE:
        raise WorkspaceNotFound("This workspace is a plain directory without git.")
    mirror = Path(workspace.mirror_path)
    git = Git(git_dir=mirror)
    tip = ""
    if mirror.is_dir():
        # A merged branch is cleaned up in the end; its commits stay.
        branch = git.commit_of(f"refs/heads/{workspace.branch}")
        tip = branch or (workspace.head_commit and git.commit_of(workspace.head_commit))
    if not tip:
        raise WorkspaceNotFound("The branch of this run is not on the server any more.")
    return git, tip


def _own_commit(git: Git, tip: str, name: str) -> str:
    """The full hash of a commit of the branch. Raises CommitInvalid, FileNotFound."""
    asked = commit_name(name)
    full = tip if asked == "HEAD" else git.commit_of(asked)
    if not full or not git.succeeds("merge-base", "--is-ancestor", full, tip):
        raise FileNotFound("This branch has no such commit.", code="commit_not_found")
    return full
