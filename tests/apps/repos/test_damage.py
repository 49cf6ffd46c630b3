"""What an agent can do to its tree, and what must come of it: nothing, beyond its own files."""

import os
import subprocess
from pathlib import Path

import pytest

from apps.repos.errors import WorkspaceNotFound
from apps.repos.models import Workspace
from apps.repos.services import (
    box_user,
    workspace_commit,
    workspace_finalize,
    workspace_hand_over,
    workspace_prepare,
    workspace_reset,
    workspace_save_wip,
)
from tests.apps.repos.conftest import AGENT, git

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def workspace(repository: Path) -> Workspace:
    return workspace_prepare(run_id="run_1", repository=str(repository))


def in_mirror(workspace: Workspace, *args: str) -> str:
    return git(Path(workspace.mirror_path), *args)


def poison(git_dir: Path, witness: Path) -> None:
    """Configuration that starts a program at nearly every git command."""
    program = git_dir / "evil.sh"
    program.write_text(f"#!/bin/sh\ntouch {witness}\n")
    program.chmod(0o755)
    with (git_dir / "config").open("a") as config:
        config.write(
            f"[core]\n\tfsmonitor = {program}\n\thooksPath = {git_dir}\n\tpager = {program}\n"
            f'[filter "evil"]\n\tclean = {program}\n\tsmudge = {program}\n'
            f'[diff "evil"]\n\tcommand = {program}\n\ttextconv = {program}\n'
            f"[alias]\n\tstatus = !{program}\n"
        )
    for hook in ("pre-commit", "post-commit", "post-checkout", "reference-transaction"):
        (git_dir / hook).write_text(program.read_text())
        (git_dir / hook).chmod(0o755)


def test_git_init_by_the_agent_loses_no_file_and_runs_nothing(
    workspace: Workspace, tmp_path: Path
) -> None:
    tree, witness = Path(workspace.path), tmp_path / "witness"
    (tree / ".git").unlink()
    git(tree, "init", "-q")
    poison(tree / ".git", witness)
    (tree / ".gitattributes").write_text("* filter=evil diff=evil\n")
    (tree / "work.txt").write_text("work")

    commit = workspace_commit(workspace, "step/CODE (a): Work", AGENT)

    assert commit
    assert not witness.exists()
    assert in_mirror(workspace, "show", f"{commit}:work.txt") == "work"
    assert in_mirror(workspace, "rev-list", "--count", f"{workspace.base_commit}..{commit}") == "1"
    assert "moved aside" in workspace.warnings[0]
    assert git(tree, "status", "--porcelain") == ""


def test_poisoned_repository_of_the_agent_runs_nothing_and_is_replaced(
    workspace: Workspace, tmp_path: Path
) -> None:
    tree, witness = Path(workspace.path), tmp_path / "witness"
    poison(tree.with_name("run_1.git"), witness)
    (tree / ".gitattributes").write_text("* filter=evil diff=evil\n")

    commit = workspace_commit(workspace, "step/CODE (a): Work", AGENT)
    assert commit
    workspace_save_wip(workspace, "1", AGENT)
    workspace_reset(workspace, workspace.base_commit)
    workspace_finalize(workspace)

    assert not witness.exists()


def test_nested_repository_becomes_plain_files(workspace: Workspace, tmp_path: Path) -> None:
    tree, witness = Path(workspace.path), tmp_path / "witness"
    app = tree / "packages" / "app"
    app.mkdir(parents=True)
    git(app, "init", "-q")
    (app / "main.py").write_text("print()\n")
    git(app, "add", "-A")
    git(app, "commit", "-qm", "inner")
    poison(app / ".git", witness)

    commit = workspace_commit(workspace, "step/CODE (a): Work", AGENT)

    assert in_mirror(workspace, "show", f"{commit}:packages/app/main.py") == "print()"
    assert not witness.exists()
    assert any("packages/app/" in warning for warning in workspace.warnings)


def test_links_in_the_agents_repository_are_not_written_through(
    workspace: Workspace, tmp_path: Path
) -> None:
    """A root platform that wrote through them would overwrite any file of the host."""
    victim = tmp_path / "victim"
    victim.write_text("precious")
    agent_git = Path(workspace.path).with_name("run_1.git")
    for name in ("index", "HEAD", "packed-refs", "config"):
        (agent_git / name).unlink()
        (agent_git / name).symlink_to(victim)
    (Path(workspace.path) / "work.txt").write_text("work")

    assert workspace_commit(workspace, "step/CODE (a): Work", AGENT)
    assert victim.read_text() == "precious"
    assert git(Path(workspace.path), "status", "--porcelain") == ""


def test_marker_as_a_link_is_not_followed(workspace: Workspace, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    marker = Path(workspace.path) / ".git"
    marker.unlink()
    marker.symlink_to(victim)

    workspace_commit(workspace, "step/CODE (a): Nothing", AGENT)

    assert victim.read_text() == "precious"
    assert not marker.is_symlink()


def test_commits_of_the_agent_itself_end_in_the_commit_of_the_step(workspace: Workspace) -> None:
    tree = Path(workspace.path)
    (tree / "a.txt").write_text("a")
    git(tree, "add", "-A")
    git(tree, "commit", "-qm", "my own")
    git(tree, "checkout", "-q", "-b", "elsewhere")
    (tree / "b.txt").write_text("b")

    commit = workspace_commit(workspace, "step/CODE (a): Both", AGENT)

    assert in_mirror(workspace, "log", "--format=%s", f"{workspace.base_commit}..{commit}") == (
        "step/CODE (a): Both"
    )
    assert git(tree, "log", "-1", "--format=%s") == "step/CODE (a): Both"
    assert git(tree, "branch", "--show-current") == "run/run_1"


def test_a_lost_directory_is_rebuilt_from_the_branch(workspace: Workspace) -> None:
    tree = Path(workspace.path)
    (tree / "a.txt").write_text("a")
    workspace_commit(workspace, "step/CODE (a): Work", AGENT)
    subprocess.run(["rm", "-rf", str(tree)], check=True)

    again = workspace_prepare(run_id="run_1", repository=workspace.repository)

    assert again.pk == workspace.pk
    assert again.status == "ready"
    assert (tree / "a.txt").read_text() == "a"


def test_lost_git_directory_is_rebuilt_and_files_are_kept(workspace: Workspace) -> None:
    tree = Path(workspace.path)
    (tree / "unsaved.txt").write_text("unsaved")
    (tree / "README.md").unlink()
    subprocess.run(
        ["rm", "-rf", str(Path(workspace.mirror_path) / "worktrees" / "run_1")], check=True
    )

    commit = workspace_commit(workspace, "step/CODE (a): Work", AGENT)

    assert in_mirror(workspace, "diff", "--name-status", workspace.base_commit, str(commit)) == (
        "D\tREADME.md\nA\tunsaved.txt"
    )


def test_damaged_index_is_made_anew(workspace: Workspace) -> None:
    (Path(workspace.mirror_path) / "worktrees" / "run_1" / "index").write_bytes(b"garbage")
    (Path(workspace.path) / "a.txt").write_text("a")

    commit = workspace_commit(workspace, "step/CODE (a): Work", AGENT)

    assert in_mirror(workspace, "diff", "--name-only", workspace.base_commit, str(commit)) == (
        "a.txt"
    )


def test_unfinished_work_is_kept_apart_and_the_next_attempt_starts_clean(
    workspace: Workspace,
) -> None:
    tree = Path(workspace.path)
    (tree / "half.txt").write_text("half")

    kept = workspace_save_wip(workspace, "1", AGENT)
    workspace_reset(workspace, workspace.head_commit)

    assert in_mirror(workspace, "rev-parse", "wip/run_1-1") == kept
    assert in_mirror(workspace, "show", "wip/run_1-1:half.txt") == "half"
    assert not (tree / "half.txt").exists()
    assert in_mirror(workspace, "rev-parse", "run/run_1") == workspace.base_commit


def test_ignored_files_survive_a_reset_and_stay_out_of_commits(workspace: Workspace) -> None:
    tree = Path(workspace.path)
    (tree / ".gitignore").write_text("cache/\n")
    (tree / "cache").mkdir()
    (tree / "cache" / "big").write_text("x")
    commit = workspace_commit(workspace, "one", AGENT)
    assert commit
    assert in_mirror(workspace, "ls-tree", "-r", "--name-only", commit).split() == [
        ".gitignore", "README.md", "src/stock.py",
    ]  # fmt: skip

    workspace_reset(workspace, commit)

    assert (tree / "cache" / "big").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_the_box_user_owns_the_tree_and_can_use_git_there(workspace: Workspace) -> None:
    uid, gid = box_user()
    tree = Path(workspace.path)
    outside = tree.parent.parent / "outside"
    outside.write_text("root's")
    (tree / "link").symlink_to(outside)

    workspace_hand_over(workspace, uid, gid)

    assert (tree / "README.md").stat().st_uid == uid == 1000
    assert (tree / "link").lstat().st_uid == uid
    assert outside.stat().st_uid == 0
    for directory in list(tree.parents)[1:-2]:  # above the data root
        directory.chmod(0o711)
    done = subprocess.run(
        ["setpriv", "--reuid", "1000", "--regid", "1000", "--clear-groups", "--", "sh", "-c",
         "cd $0 && echo x > x.txt && git add -A && git -c user.name=a -c user.email=a@b "
         "commit -qm mine && git status --porcelain && git log -1 --format=%s",
         str(tree)],
        capture_output=True, text=True, check=False, env={"PATH": os.environ["PATH"]},
    )  # fmt: skip
    assert done.stdout == "mine\n", done.stderr
    assert workspace_commit(workspace, "step/CODE (a): Work", AGENT)


def test_a_run_that_is_gone_says_so(workspace: Workspace) -> None:
    workspace_finalize(workspace)
    with pytest.raises(WorkspaceNotFound):
        workspace_commit(workspace, "late", AGENT)
