"""Bare mirrors: one a repository. Branches of runs are its heads, those of the remote lie apart.

refs/heads/<branch>             branches of runs and tasks: ours
refs/remotes/origin/<branch>    what the remote had at the last fetch or push
refs/djinnbot/kept/…            tips that a reset or a restart left behind
"""

import os
import shutil
from pathlib import Path
from uuid import uuid4

from apps.core.errors import DjinnError
from apps.repos.git import CLONE_TIMEOUT_S, COMMITTER, PUSH_TIMEOUT_S, Git, commit_tree
from apps.repos.layout import directory_create
from apps.repos.sources import Head, Source, head_of

# Our own files in a workspace: progress, overflow of outputs. They are no work of the agent.
EXCLUDED = "/.djinnbot/\n"


def mirror_ensure(mirror: Path) -> None:
    """Create an empty mirror. It appears whole or not at all."""
    if (mirror / "HEAD").exists():
        return
    directory_create(mirror.parent)
    new = mirror.with_name(f".{mirror.name}.{uuid4().hex[:8]}")
    try:
        Git().text("init", "--quiet", "--bare", "--initial-branch=main", "--", str(new))
        (new / "info").mkdir(exist_ok=True)
        (new / "info" / "exclude").write_text(EXCLUDED)
        # A box with another user reads the objects.
        Git(git_dir=new).text("config", "core.sharedRepository", "0644")
        os.rename(new, mirror)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def mirror_fetch(mirror: Path, source: Source) -> Head:
    """Bring `refs/remotes/origin/*` up to date and answer where the source's HEAD is."""
    head = head_of(source, mirror)
    source.git(mirror).text(
        "fetch", "--quiet", "--prune", "--no-tags", "--no-write-fetch-head", "--force",
        *source.reading(), "--", source.address,
        "+refs/heads/*:refs/remotes/origin/*", "+HEAD:refs/djinnbot/head",
        timeout_s=CLONE_TIMEOUT_S,
    )  # fmt: skip
    # The source may have moved between the two calls: what we hold is the truth.
    commit = Git(git_dir=mirror).commit_of("refs/djinnbot/head")
    return Head(commit=commit or head.commit, branch=head.branch)


def mirror_first_commit(mirror: Path) -> Head:
    """The one empty commit of a repository that starts with us."""
    git = Git(git_dir=mirror)
    commit = git.commit_of("refs/heads/main")
    if not commit:
        tree = git.text("mktree")
        commit = commit_tree(
            git, tree=tree, parents=(), message="Start an empty repository.", author=COMMITTER
        )
        git.text("update-ref", "refs/heads/main", commit)
    return Head(commit=commit, branch="main")


def branch_push(mirror: Path, source: Source, branch: str, *, ephemeral: bool) -> str:
    """Push `branch` and answer the commit that the remote now has. Pushed already: no work.

    An ephemeral branch is our own (`run/…`): it may be replaced, if the remote still has what we
    last saw there.
    """
    git = Git(git_dir=mirror)
    commit = git.commit_of(f"refs/heads/{branch}")
    seen = git.commit_of(f"refs/remotes/origin/{branch}")
    lease = [f"--force-with-lease=refs/heads/{branch}:{seen}"] if ephemeral else []
    try:
        _push(mirror, source, branch, lease)
    except DjinnError:
        # A push that was cut off after the remote had taken it leaves our view behind.
        if remote_commit(mirror, source, branch) != commit:
            raise
    git.text("update-ref", f"refs/remotes/origin/{branch}", commit)
    return commit


def _push(mirror: Path, source: Source, branch: str, lease: list[str]) -> None:
    source.git(mirror).text(
        "push", "--quiet", "--no-verify", "--no-follow-tags", "--recurse-submodules=no", *lease,
        *source.writing(), "--", source.address, f"refs/heads/{branch}:refs/heads/{branch}",
        timeout_s=PUSH_TIMEOUT_S,
    )  # fmt: skip


def remote_commit(mirror: Path, source: Source, branch: str) -> str:
    answer = source.git(mirror).text(
        "ls-remote", *source.reading(), "--", source.address, f"refs/heads/{branch}",
        timeout_s=PUSH_TIMEOUT_S,
    )  # fmt: skip
    return answer.partition("\t")[0]


def tip_keep(mirror: Path, branch: str, commit: str) -> None:
    """Hold on to a commit that its branch is about to leave."""
    Git(git_dir=mirror).text("update-ref", f"refs/djinnbot/kept/{branch}/{commit[:12]}", commit)
