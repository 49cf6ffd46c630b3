"""A run's directory from a user's repository and back."""

from pathlib import Path

import pytest

from apps.repos.models import Workspace
from apps.repos.names import step_subject
from apps.repos.services import (
    workspace_commit,
    workspace_finalize,
    workspace_prepare,
    workspace_reset,
)
from tests.apps.repos.conftest import AGENT, git

pytestmark = pytest.mark.django_db(transaction=True)


def prepare(repository: Path, run_id: str = "run_000000000001") -> Workspace:
    return workspace_prepare(run_id=run_id, repository=str(repository))


def test_run_starts_on_its_own_branch_of_the_last_commit(repository: Path) -> None:
    workspace = prepare(repository)

    tree = Path(workspace.path)
    assert workspace.status == "ready"
    assert workspace.branch == "run/run_000000000001"
    assert workspace.base_commit == workspace.head_commit == git(repository, "rev-parse", "HEAD")
    assert (tree / "src" / "stock.py").read_text().startswith("def count")
    assert git(tree, "status", "--porcelain") == ""
    assert git(tree, "branch", "--show-current") == "run/run_000000000001"


def test_steps_become_commits_on_a_branch_of_the_users_repository(repository: Path) -> None:
    workspace = prepare(repository)
    tree = Path(workspace.path)
    (tree / "src" / "stock.py").write_text("def count() -> int:\n    return 2\n")
    (tree / "notes.txt").write_text("why\n")
    (tree / ".djinnbot").mkdir()
    (tree / ".djinnbot" / "progress.md").write_text("half\n")

    commit = workspace_commit(workspace, step_subject("CODE", "yukihiro", "Count two"), AGENT)
    again = workspace_commit(workspace, step_subject("CODE", "yukihiro", "Nothing"), AGENT)
    done = workspace_finalize(workspace)

    assert commit is not None
    assert again is None
    assert done.done
    assert done.pushed
    assert git(repository, "log", "--format=%an %s", "main..run/run_000000000001") == (
        "Yukihiro step/CODE (yukihiro): Count two"
    )
    assert git(repository, "log", "-1", "--format=%cn", "run/run_000000000001") == "djinnbot"
    assert git(repository, "diff", "--name-only", "main", "run/run_000000000001").split() == [
        "notes.txt",
        "src/stock.py",
    ]
    assert git(repository, "branch", "--show-current") == "main"
    assert git(repository, "status", "--porcelain") == ""
    assert not tree.exists()


def test_reset_takes_a_step_back(repository: Path) -> None:
    workspace = prepare(repository)
    tree = Path(workspace.path)
    (tree / "a.txt").write_text("1")
    first = workspace_commit(workspace, "one", AGENT)
    assert first is not None
    (tree / "b.txt").write_text("2")
    workspace_commit(workspace, "two", AGENT)
    (tree / "c.txt").write_text("3")

    workspace_reset(workspace, first)

    assert sorted(entry.name for entry in tree.iterdir()) == [".git", "README.md", "a.txt", "src"]
    assert git(tree, "log", "-1", "--format=%s") == "one"
    assert git(tree, "status", "--porcelain") == ""
