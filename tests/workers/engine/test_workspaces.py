"""The directory of a run, made and dealt with by the engine, on a real repository."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from apps.repos.models import Workspace
from apps.repos.services import agent_person, workspace_commit
from apps.runs import services
from apps.runs.models import Run
from tests.support.runs import claim, finish, make_run, make_user, path
from workers.engine.parallel import own_workspace, workspace_merged
from workers.engine.workspaces import run_files_delete, run_finalize, run_prepare

pytestmark = pytest.mark.django_db(transaction=True)
TWO: list[dict[str, Any]] = [{"id": "A", "onComplete": "B"}, {"id": "B"}]


def git(directory: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=directory, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    path = tmp_path / "project"
    path.mkdir()
    git(path, "init", "--quiet", "--initial-branch=main")
    (path / "README").write_text("hello\n")
    git(path, "add", ".")
    git(path, "-c", "user.name=t", "-c", "user.email=t@t", "commit", "--quiet", "-m", "first")
    return path


def make(repository: Path, steps: list[dict[str, Any]] = TWO) -> Run:
    return make_run(steps, workspace_type="git_worktree", repository=str(repository))


def work(step: Any, name: str) -> str:
    """What an agent does: a file, and the commit of its step."""
    workspace = Workspace.objects.get(pk=step.workspace_id)
    (Path(workspace.path) / name).write_text(f"by {step.step_id}\n")
    commit = workspace_commit(workspace, f"step/{step.step_id} (dev): {name}", agent_person("dev"))
    assert commit is not None
    return commit


def test_a_run_works_on_its_branch_and_gives_it_back(repository: Path) -> None:
    run = make(repository)
    assert services.run_start(run_id=run.id) == ()  # no directory yet
    (queued,) = run_prepare(run.id)
    assert run_prepare(run.id) == services.run_queued(run.id)
    first = claim(run)
    assert first.execution_id == queued.execution_id
    assert (Path(first.workspace_path) / "README").read_text() == "hello\n"
    base = git(repository, "rev-parse", "main")
    assert run.executions.get().base_commit == base
    commit = work(first, "one.txt")
    finish(first)
    second = claim(run)
    assert run.executions.get(step_id="B").base_commit == commit
    work(second, "two.txt")
    finish(second)
    run_finalize(run.id)
    run.refresh_from_db()
    assert run.finalized_at is not None
    assert not Path(second.workspace_path).exists()
    log = git(repository, "log", "--format=%s", f"main..run/{run.id}").splitlines()
    assert log == ["step/B (dev): two.txt", "step/A (dev): one.txt"]
    run_finalize(run.id)


def test_a_repository_that_vanished_fails_the_run_with_its_reason(repository: Path) -> None:
    run = make(repository)
    repository.rename(repository.with_name("moved"))
    assert run_prepare(run.id) == []
    run.refresh_from_db()
    assert run.status == "failed"
    assert run.error_code == "repository_not_found"
    assert str(repository) in run.error


def test_no_directory_for_a_run_that_was_cancelled(repository: Path) -> None:
    run = make(repository)
    services.run_cancel(run_id=run.id)
    assert run_prepare(run.id) == []
    assert not Workspace.objects.filter(run_id=run.id).exists()


def test_restart_with_reset_goes_back_to_the_commit_before_the_step(repository: Path) -> None:
    run = make(repository)
    run_prepare(run.id)
    first = claim(run)
    commit = work(first, "one.txt")
    finish(first)
    second = claim(run)
    work(second, "two.txt")
    finish(second)
    run_finalize(run.id)
    services.step_restart(run_id=run.id, step_id="B", reset_workspace=True)
    assert [line for line in path(run) if "queued" in line] == ["B.2.1 queued"]
    row = run.executions.get(step_id="B", visit=2)
    held = services.step_claim(execution_id=row.pk, attempt=1, owner="early")
    assert held is None  # the directory is not there yet
    (queued,) = run_prepare(run.id)
    again = claim(run)
    assert queued.execution_id == row.pk
    directory = Path(again.workspace_path)
    assert (directory / "one.txt").exists()
    assert not (directory / "two.txt").exists()
    assert git(directory, "rev-parse", "HEAD") == commit


def test_restart_of_the_run_with_a_fresh_directory(repository: Path) -> None:
    run = make(repository)
    run_prepare(run.id)
    first = claim(run)
    work(first, "one.txt")
    finish(first)
    services.run_cancel(run_id=run.id)
    run_finalize(run.id)
    services.run_restart(run_id=run.id, keep_snapshot=True, fresh_workspace=True)
    run_prepare(run.id)
    again = claim(run)
    assert again.visit == 1
    assert sorted(p.name for p in Path(again.workspace_path).iterdir()) == [".git", "README"]


def test_a_fork_starts_from_the_commit_before_its_step(repository: Path) -> None:
    run = make(repository)
    run_prepare(run.id)
    first = claim(run)
    commit = work(first, "one.txt")
    finish(first)
    second = claim(run)
    work(second, "two.txt")
    finish(second)
    run_finalize(run.id)
    fork = services.run_fork(run_id=run.id, step_id="B", user=make_user("forker"))
    (queued,) = run_prepare(fork.id)
    step = claim(fork)
    assert step.execution_id == queued.execution_id
    directory = Path(step.workspace_path)
    assert git(directory, "rev-parse", "HEAD") == commit
    assert not (directory / "two.txt").exists()
    work(step, "other.txt")
    finish(step)
    run_finalize(fork.id)
    log = git(repository, "log", "--format=%s", f"main..run/{fork.id}").splitlines()
    assert log == ["step/B (dev): other.txt", "step/A (dev): one.txt"]


def test_a_failed_run_is_tidied_too(repository: Path) -> None:
    run = make(repository)
    run_prepare(run.id)
    step = claim(run)
    run_finalize(run.id)  # not yet
    assert Path(step.workspace_path).exists()
    services.run_cancel(run_id=run.id)
    run_finalize(run.id)  # its box may still write
    assert Path(step.workspace_path).exists()
    services.step_aborted(run_id=run.id, execution_id=step.execution_id, fence=step.fence)
    run_finalize(run.id)
    assert not Path(step.workspace_path).exists()


def test_delete_takes_directory_and_branch(repository: Path) -> None:
    run = make(repository)
    run_prepare(run.id)
    step = claim(run)
    services.run_delete(run_id=run.id, force=True)
    run_files_delete(run.id)
    assert not Path(step.workspace_path).exists()
    assert not Workspace.objects.filter(run_id=run.id).exists()


def test_items_side_by_side_have_a_directory_each_and_are_merged(repository: Path) -> None:
    run = make(
        repository,
        [
            {"id": "PLAN", "onComplete": "WORK", "outputs": ["items"]},
            {"id": "WORK", "loop": {"over": "items", "maxParallel": 2, "onAllComplete": "END"}},
            {"id": "END"},
        ],
    )
    run_prepare(run.id)
    finish(claim(run), items='["a", "b"]')
    one, two = claim(run), claim(run)
    placed = [own_workspace(step) for step in (one, two)]
    assert len({each.workspace_path for each in placed} | {one.workspace_path}) == 3
    for step, place, name in zip((one, two), placed, ("a", "b"), strict=True):
        work(place, f"{name}.txt")
        workspace_merged(step, place)
        finish(step)
    end = claim(run)
    assert own_workspace(end) is end
    names = {p.name for p in Path(end.workspace_path).iterdir()}
    assert {"a.txt", "b.txt"} <= names
