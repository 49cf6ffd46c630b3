"""Many runs on one repository, and many steps in one run."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.db import connection

from apps.repos.errors import BranchInUse, MergeConflict, WorkspaceBusy
from apps.repos.models import Workspace
from apps.repos.services import (
    workspace_commit,
    workspace_finalize,
    workspace_fork,
    workspace_join,
    workspace_prepare,
)
from tests.apps.repos.conftest import AGENT, git

pytestmark = pytest.mark.django_db(transaction=True)


def whole_run(repository: Path, number: int) -> str:
    try:
        workspace = workspace_prepare(run_id=f"run_{number:012d}", repository=str(repository))
        tree = Path(workspace.path)
        (tree / "src" / "stock.py").write_text(f"def count() -> int:\n    return {number + 100}\n")
        (tree / f"only{number}.txt").write_text(str(number))
        workspace_commit(workspace, f"step/CODE (yukihiro): Number {number}", AGENT)
        assert workspace_finalize(workspace).pushed
        return workspace.branch
    finally:
        connection.close()


def test_eight_runs_at_once_end_as_eight_clean_branches(repository: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        branches = list(pool.map(lambda number: whole_run(repository, number), range(8)))

    for number, branch in enumerate(branches):
        files = git(repository, "diff", "--name-only", "main", branch).split()
        assert files == [f"only{number}.txt", "src/stock.py"]
        assert git(repository, "show", f"{branch}:src/stock.py").endswith(f"return {number + 100}")
        assert git(repository, "rev-list", "--count", f"main..{branch}") == "1"
    assert git(repository, "fsck", "--strict") == ""


def test_a_task_branch_serves_one_run_at_a_time(repository: Path) -> None:
    first = workspace_prepare(run_id="run_1", repository=str(repository), branch="feat/7-stock")
    with pytest.raises(BranchInUse) as refused:
        workspace_prepare(run_id="run_2", repository=str(repository), branch="feat/7-stock")
    assert refused.value.extra["holder"] == "run_1"

    (Path(first.path) / "a.txt").write_text("a")
    workspace_finalize(first)
    second = workspace_prepare(run_id="run_2", repository=str(repository), branch="feat/7-stock")

    assert (Path(second.path) / "a.txt").exists()
    assert second.base_commit == git(repository, "rev-parse", "main")


def test_a_directory_without_git_serves_one_run_at_a_time(home: Path) -> None:
    def prepare(run_id: str) -> Workspace:
        return workspace_prepare(
            run_id=run_id, project_id="prj_1", workspace_type="persistent_directory"
        )

    first = prepare("run_1")
    (Path(first.path) / "kept.txt").write_text("kept")
    with pytest.raises(WorkspaceBusy):
        prepare("run_2")

    workspace_finalize(first)
    second = prepare("run_2")

    assert (Path(second.path) / "kept.txt").read_text() == "kept"
    assert workspace_commit(second, "no git here", AGENT) is None


def test_parallel_steps_are_merged_in_order(repository: Path) -> None:
    workspace = workspace_prepare(run_id="run_1", repository=str(repository))
    forks = [workspace_fork(workspace, name) for name in ("FRONT", "BACK")]
    for fork in forks:
        (Path(fork.path) / f"{fork.name}.txt").write_text(fork.name)
        workspace_commit(fork, f"step/{fork.name} (a): done", AGENT)

    for fork in forks:
        workspace_join(workspace, fork, AGENT)

    tree = Path(workspace.path)
    assert sorted(path.name for path in tree.glob("*.txt")) == ["BACK.txt", "FRONT.txt"]
    assert git(tree, "status", "--porcelain") == ""
    assert not any(Path(fork.path).exists() for fork in forks)


def test_a_conflict_of_parallel_steps_is_told_and_loses_nothing(repository: Path) -> None:
    workspace = workspace_prepare(run_id="run_1", repository=str(repository))
    forks = [workspace_fork(workspace, name) for name in ("FRONT", "BACK")]
    for fork in forks:
        (Path(fork.path) / "README.md").write_text(f"# {fork.name}\n")
        workspace_commit(fork, fork.name, AGENT)
    workspace_join(workspace, forks[0], AGENT)

    with pytest.raises(MergeConflict) as conflict:
        workspace_join(workspace, forks[1], AGENT)

    assert conflict.value.extra["conflicts"] == ["README.md"]
    assert (Path(workspace.path) / "README.md").read_text() == "# FRONT\n"
    assert git(Path(workspace.path), "status", "--porcelain") == ""
    assert (Path(forks[1].path) / "README.md").read_text() == "# BACK\n"
