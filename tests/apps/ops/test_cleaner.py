"""The daily cleaner takes what nobody needs, says what it took, and never touches an active run."""

import os
import shutil
import time
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.management import call_command
from django.db import connection
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from apps.ops.cleaner import Deletion, storage_clean
from apps.ops.usage import size_of
from apps.repos.models import Workspace
from apps.repos.selectors import workspace_files
from apps.repos.services import workspace_finalize, workspace_prepare
from apps.runs.choices import RUN_TERMINAL, RunStatus
from apps.runs.models import Run
from apps.sessions.models import AgentSession, ContainerInstance
from apps.sessions.services import box_create, session_create
from tests.apps.repos.conftest import git, make_repository
from tests.support.runs import make_run

pytestmark = pytest.mark.django_db(transaction=True)

OLD_S = 40 * 24 * 3600


@pytest.fixture(autouse=True)
def root(settings: LazySettings, tmp_path: Path) -> Path:
    settings.DATA_ROOT = tmp_path / "data"
    settings.DATA_ROOT.mkdir()
    return Path(settings.DATA_ROOT)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return make_repository(tmp_path / "inventory")


def run_in(status: str) -> Run:
    run = make_run([{"id": "A"}])
    Run.objects.filter(pk=run.pk).update(status=status)
    return run


def old(path: Path, text: str = "x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        path.write_text(text)
    then = time.time() - OLD_S
    os.utime(path, (then, then), follow_symlinks=False)
    return path


def old_directory(path: Path) -> Path:
    (path / "src").mkdir(parents=True)
    (path / "src" / "big.txt").write_text("x" * 10_000)
    return old(path)


def kinds(deletions: list[Deletion]) -> list[str]:
    return sorted(deletion.kind for deletion in deletions)


def everything(root: Path) -> set[str]:
    return {str(path) for path in root.rglob("*")}


def test_a_dry_run_says_what_a_real_one_does_and_touches_nothing(
    root: Path, repository: Path
) -> None:
    over = run_in(RunStatus.COMPLETED)
    old_directory(root / "runs" / over.pk)
    old_directory(root / "runs" / f"{over.pk}.aside")
    old_directory(root / "runs" / "run_01deleted")
    old(root / "workspaces" / "shop" / ".djinnbot" / "outputs" / "plan")
    old(root / "logs" / "web.log.2")
    (root / "logs" / "web.log").write_text("now")
    before = everything(root)
    said = storage_clean(dry_run=True)
    assert everything(root) == before
    assert kinds(said) == ["log", "overflow", "run_directory", "run_directory", "run_directory"]
    assert all(deletion.reason for deletion in said)
    assert sum(d.bytes for d in said if d.kind == "run_directory") >= 30_000

    assert storage_clean(dry_run=False) == said
    assert not list((root / "runs").iterdir())
    assert [path.name for path in (root / "logs").iterdir()] == ["web.log"]
    assert storage_clean(dry_run=False) == []


def test_the_command_reports_each_deletion_and_the_log_has_it(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    gone = old_directory(root / "runs" / "run_01deleted")
    out = StringIO()
    call_command("clean_storage", "--dry-run", stdout=out)
    assert str(gone) in out.getvalue()
    assert "1 things would go." in out.getvalue()
    assert gone.exists()
    call_command("clean_storage", stdout=StringIO())
    assert not gone.exists()
    logged = [record.msg for record in caplog.records if record.name == "apps.ops.cleaner"]
    assert [entry["path"] for entry in logged if isinstance(entry, dict)] == [str(gone)]


def test_what_is_young_or_not_ours_stays(root: Path) -> None:
    young = root / "runs" / "run_01young"
    young.mkdir(parents=True)
    mine = old_directory(root / "runs" / "notes-of-the-operator")
    link = root / "runs" / "run_01link"
    outside = old_directory(root.parent / "outside")
    link.symlink_to(outside)
    old(link)
    storage_clean(dry_run=False)
    assert young.exists()
    assert mine.exists()
    assert (outside / "src" / "big.txt").exists()
    assert not link.is_symlink()


def test_merged_branches_go_and_their_runs_still_show_their_files(
    root: Path, repository: Path
) -> None:
    merged, open_ = run_in(RunStatus.RUNNING), run_in(RunStatus.RUNNING)
    spaces = {}
    for run in (merged, open_):
        workspace = workspace_prepare(run_id=run.pk, repository=str(repository))
        Path(workspace.path, f"{run.pk}.txt").write_text("work\n")
        assert workspace_finalize(workspace).done
        workspace.refresh_from_db()
        spaces[run.pk] = workspace
    Run.objects.update(status=RunStatus.COMPLETED)
    git(repository, "merge", "--quiet", f"run/{merged.pk}")
    # The next run brings the news.
    workspace_prepare(run_id=run_in(RunStatus.RUNNING).pk, repository=str(repository))
    mirror = Path(spaces[merged.pk].mirror_path)

    done = [d for d in storage_clean(dry_run=False) if d.kind == "branch"]
    assert [d.path for d in done] == [f"{mirror}:run/{merged.pk}"]
    heads = git(repository, "--git-dir", str(mirror), "branch", "--list", "run/*")
    assert merged.pk not in heads
    assert open_.pk in heads
    assert f"{merged.pk}.txt" in [f.path for f in workspace_files(spaces[merged.pk])]


def test_git_directories_of_vanished_worktrees_go(root: Path, repository: Path) -> None:
    workspace = workspace_prepare(run_id=run_in(RunStatus.RUNNING).pk, repository=str(repository))
    shutil.rmtree(workspace.path)
    admin = Path(workspace.mirror_path, "worktrees", Path(workspace.path).name)
    old(admin / "index")  # by whose age git judges
    assert kinds(storage_clean(dry_run=True)) == ["worktree"]
    assert admin.exists()
    assert kinds(storage_clean(dry_run=False)) == ["worktree"]
    assert not admin.exists()


def test_old_last_lines_of_boxes_go(root: Path) -> None:
    session = session_create(source=AgentSession.Source.API, agent_id="a")
    for days in (1, 31):
        box = box_create(
            session_id=session.pk, backend="docker", name=f"b{days}", attempt=1, image="", node="",
            limits={},
        )  # fmt: skip
        stopped = timezone.now() - timedelta(days=days)
        ContainerInstance.objects.filter(pk=box.pk).update(stopped_at=stopped, log_tail="end")
    assert kinds(storage_clean(dry_run=False)) == ["log_tail"]
    tails = ContainerInstance.objects.order_by("name").values_list("name", "log_tail")
    assert list(tails) == [("b1", "end"), ("b31", "")]


def test_a_run_that_becomes_active_meanwhile_keeps_its_directory(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_in(RunStatus.FAILED)
    path = old_directory(root / "runs" / run.pk)

    def restarted(place: Path) -> Any:
        Run.objects.filter(pk=run.pk).update(status=RunStatus.RUNNING)
        return size_of(place)

    monkeypatch.setattr("apps.ops.cleaner.size_of", restarted)
    assert storage_clean(dry_run=False) == []
    assert path.exists()


_NAMES = (
    "{}",
    "{}.git",
    "{}.aside",
    "{}.saved",
    "{}-at-ITEM",
    "merge-{}-0a1b",
    ".{}.gone.0a1b",
)
_WORKSPACES = (None, *Workspace.Status)


@hypothesis_settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(list(RunStatus)),
            st.sampled_from(_WORKSPACES),
            st.sampled_from(_NAMES),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_no_path_of_an_active_run_is_ever_touched(
    root: Path, state: list[tuple[str, str | None, str]]
) -> None:
    """Whatever lies about, in whatever state run and workspace are."""
    for table in ("runs_run", "repos_workspace"):
        with connection.cursor() as cursor:
            cursor.execute(f"TRUNCATE {table} CASCADE")  # noqa: S608  our own tables
    shutil.rmtree(root / "runs", ignore_errors=True)
    kept: set[str] = set()
    gone: set[str] = set()
    for status, workspace, name in state:
        run = run_in(status)
        path = old_directory(root / "runs" / name.format(run.pk))
        if workspace is not None:
            Workspace.objects.create(
                kind=Workspace.Kind.PERSISTENT_DIRECTORY,
                run_id=run.pk,
                path=str(root / "runs" / run.pk),
                status=workspace,
            )
        alive = status not in RUN_TERMINAL
        held = workspace not in (None, Workspace.Status.REMOVED, Workspace.Status.PRESERVED)
        preserved = workspace == Workspace.Status.PRESERVED
        (kept if alive or held or preserved else gone).add(str(path))
    told = {deletion.path for deletion in storage_clean(dry_run=False)}
    assert all((Path(path) / "src" / "big.txt").exists() for path in kept)
    assert not any(Path(path).exists() for path in gone)
    assert told == gone
