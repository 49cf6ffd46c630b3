"""Directories kept after a failed push go after two weeks, and never one of an active run."""

import shutil
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.core.events import events_after
from apps.repos.models import Workspace
from apps.repos.services import preserved_remove, workspace_finalize, workspace_prepare
from apps.runs.choices import RUN_TERMINAL, RunStatus
from apps.runs.models import Run
from tests.apps.repos.conftest import git
from tests.support.runs import make_run

pytestmark = pytest.mark.django_db(transaction=True)

Status = Workspace.Status


def run_in(status: str) -> Run:
    run = make_run([{"id": "A"}])
    Run.objects.filter(pk=run.pk).update(status=status)
    return run


def preserve(repository: Path, run: Run) -> Workspace:
    """A workspace with work in it whose push has failed: the remote is gone for the moment."""
    workspace = workspace_prepare(run_id=run.pk, repository=str(repository))
    Path(workspace.path, "work.txt").write_text("kept\n")
    away = repository.with_name("away")
    shutil.move(repository, away)
    assert not workspace_finalize(workspace).done
    shutil.move(away, repository)
    workspace.refresh_from_db()
    assert workspace.status == Status.PRESERVED
    return workspace


def age(workspace: Workspace, days: float) -> None:
    Workspace.objects.filter(pk=workspace.pk).update(updated_at=timezone.now() - timedelta(days))


def command(*arguments: str) -> str:
    out = StringIO()
    call_command("remove_preserved", *arguments, stdout=out)
    return out.getvalue()


def test_it_goes_after_two_weeks_and_its_branch_stays(repository: Path) -> None:
    workspace = preserve(repository, run_in(RunStatus.FAILED))
    age(workspace, 13.9)
    assert preserved_remove() == []
    age(workspace, 14.1)
    Path(workspace.path, "late.txt").write_text("no commit holds it\n")

    gone = preserved_remove()

    assert [(tree.run_id, tree.reason) for tree in gone] == [(workspace.run_id, "")]
    assert gone[0].bytes > 0
    assert not Path(workspace.path).exists()
    workspace.refresh_from_db()
    assert workspace.status == Status.REMOVED
    kept = git(Path(workspace.mirror_path), "ls-tree", "--name-only", workspace.branch)
    assert {"work.txt", "late.txt"} <= set(kept.split())
    told = events_after(f"run:{workspace.run_id}", 0)[-1]
    assert told.type == "WORKSPACE_REMOVED"
    assert told.data["preservedDays"] == 14
    assert preserved_remove() == []


def test_a_dry_run_only_tells(repository: Path) -> None:
    workspace = preserve(repository, run_in(RunStatus.FAILED))
    age(workspace, 20)
    said = command("--dry-run")
    assert f"{workspace.run_id} {workspace.path}" in said
    assert "1 would be removed" in said
    assert Path(workspace.path).is_dir()
    assert "1 were removed" in command()
    assert not Path(workspace.path).exists()


def test_a_damaged_directory_goes_too(repository: Path) -> None:
    workspace = preserve(repository, run_in(RunStatus.CANCELLED))
    age(workspace, 20)
    shutil.rmtree(workspace.path)
    assert [tree.reason for tree in preserved_remove()] == [""]


def test_a_restarted_run_has_its_directory_back(repository: Path) -> None:
    run = run_in(RunStatus.FAILED)
    workspace = preserve(repository, run)
    age(workspace, 20)
    Run.objects.filter(pk=run.pk).update(status=RunStatus.PENDING)
    assert [tree.reason for tree in preserved_remove()] == ["its run is active"]
    again = workspace_prepare(run_id=run.pk, repository=str(repository))
    assert (again.pk, again.status) == (workspace.pk, Status.READY)
    assert Path(again.path, "work.txt").read_text() == "kept\n"
    assert preserved_remove() == []


def test_who_comes_too_late_gets_a_new_directory(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The restart reads the row, the removal takes it, the restart finds it taken."""
    from apps.repos.services import prepare

    run = run_in(RunStatus.FAILED)
    workspace = preserve(repository, run)
    age(workspace, 20)
    first = prepare._row_get_or_create
    removed: list[Any] = []

    def then_removed(**fields: Any) -> Workspace:
        found = first(**fields)
        if not removed:
            removed.extend(preserved_remove())
        return found

    monkeypatch.setattr(prepare, "_row_get_or_create", then_removed)
    again = workspace_prepare(run_id=run.pk, repository=str(repository))
    assert [tree.reason for tree in removed] == [""]
    assert again.pk != workspace.pk
    assert again.status == Status.READY
    assert Path(again.path, "work.txt").is_file(), "the branch held it"


@pytest.fixture
def one_tree(repository: Path) -> Workspace:
    return preserve(repository, run_in(RunStatus.FAILED))


@given(
    run_status=st.sampled_from(list(RunStatus)),
    status=st.sampled_from(list(Status)),
    days=st.floats(min_value=0, max_value=60, allow_nan=False).filter(lambda d: abs(d - 14) > 0.1),
)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_path_of_an_active_run_is_ever_touched(
    one_tree: Workspace, run_status: RunStatus, status: Workspace.Status, days: float
) -> None:
    """Of any state of run and directory, exactly the old ones that nobody needs go."""
    with transaction.atomic():
        Run.objects.filter(pk=one_tree.run_id).update(status=run_status)
        Workspace.objects.filter(pk=one_tree.pk).update(status=status)
        age(one_tree, days)
        told = preserved_remove(dry_run=True)
        goes = run_status in RUN_TERMINAL and status == Status.PRESERVED and days > 14
        assert [tree.run_id for tree in told if not tree.reason] == [one_tree.run_id] * goes
        assert Path(one_tree.path).is_dir()
        transaction.set_rollback(True)
