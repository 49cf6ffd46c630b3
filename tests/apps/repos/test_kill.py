"""`kill -9` in the middle of git's work, and the same call again: nothing lost, nothing twice."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.db import connection

from apps.repos.models import Workspace
from apps.repos.services import workspace_commit, workspace_finalize, workspace_prepare
from tests.apps.repos.conftest import AGENT, git

pytestmark = pytest.mark.django_db(transaction=True)
RUN = "run_00000000dead"
KILLED = -signal.SIGKILL


def start(home: Path, *args: str, fault: str = "") -> "subprocess.Popen[bytes]":
    server = urlsplit(os.environ["DATABASE_URL"])
    database = server._replace(path=f"/{connection.settings_dict['NAME']}").geturl()
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "djinnbot.settings.test",
        "DJINNBOT_TEST_SERVERS": "given",
        "DATABASE_URL": database,
        "DJINNBOT_HOME": str(home),
        "DJINN_FAULT": fault,
    }
    return subprocess.Popen([sys.executable, "-m", "tests.apps.repos.act", *args], env=environment)


def act(home: Path, *args: str, fault: str = "") -> int:
    return start(home, *args, fault=fault).wait(60)


@pytest.mark.parametrize("point", ["workspace.before_add", "workspace.after_add"])
def test_prepare_killed_is_prepared_by_the_next(point: str, repository: Path, home: Path) -> None:
    assert act(home, "prepare", RUN, str(repository), fault=f"{point}:kill") == KILLED

    workspace = workspace_prepare(run_id=RUN, repository=str(repository))

    assert workspace.status == "ready"
    assert Workspace.objects.count() == 1
    assert git(Path(workspace.path), "status", "--porcelain") == ""
    assert not list((home / "runs").glob(".*"))


@pytest.mark.parametrize("point", ["commit.before", "commit.after"])
def test_commit_killed_is_made_once(point: str, repository: Path, home: Path) -> None:
    workspace = workspace_prepare(run_id=RUN, repository=str(repository))
    (Path(workspace.path) / "new.txt").write_text("work")
    assert act(home, "commit", RUN, fault=f"{point}:kill") == KILLED

    workspace.refresh_from_db()
    commit = workspace_commit(workspace, "step/CODE (yukihiro): Work", AGENT)

    assert commit == workspace.head_commit != workspace.base_commit
    assert workspace_commit(workspace, "again", AGENT) is None
    log = git(Path(workspace.path), "log", "--format=%s", f"{workspace.base_commit}..")
    assert log == "step/CODE (yukihiro): Work"


@pytest.mark.parametrize("point", ["finalize.before_push", "finalize.after_push"])
def test_push_killed_ends_as_one_branch(point: str, repository: Path, home: Path) -> None:
    workspace = workspace_prepare(run_id=RUN, repository=str(repository))
    (Path(workspace.path) / "new.txt").write_text("work")
    assert act(home, "finalize", RUN, fault=f"{point}:kill") == KILLED

    done = workspace_finalize(workspace)

    assert done.done
    assert done.pushed
    assert git(repository, "rev-parse", f"run/{RUN}") == done.commit
    assert git(repository, "rev-list", "--count", f"main..run/{RUN}") == "1"
    assert not Path(workspace.path).exists()


@pytest.mark.parametrize("after_s", [0.25, 0.4, 0.5, 0.6, 0.7, 0.8])
def test_a_whole_life_killed_at_any_moment_goes_on(
    after_s: float, repository: Path, home: Path
) -> None:
    """Timed kills reach what no fault point names: git itself in the middle of its work."""
    for number in range(300):
        (repository / f"file{number}.txt").write_text("x" * 2000)
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "Many files.")
    process = start(home, "prepare", RUN, str(repository))
    time.sleep(after_s)
    process.kill()
    process.wait()

    workspace = workspace_prepare(run_id=RUN, repository=str(repository))
    (Path(workspace.path) / "file7.txt").write_text("changed")
    process = start(home, "finalize", RUN)
    time.sleep(after_s)
    process.kill()
    process.wait()
    done = workspace_finalize(workspace)

    assert done.done
    assert git(repository, "diff", "--name-only", "main", f"run/{RUN}") == "file7.txt"
    assert git(repository, "fsck", "--strict") == ""


def test_index_lock_of_a_dead_git_is_removed(repository: Path) -> None:
    workspace = workspace_prepare(run_id=RUN, repository=str(repository))
    lock = Path(workspace.mirror_path) / "worktrees" / RUN / "index.lock"
    lock.write_bytes(b"")
    (Path(workspace.path) / "new.txt").write_text("work")

    assert workspace_commit(workspace, "work", AGENT)
    assert not lock.exists()
