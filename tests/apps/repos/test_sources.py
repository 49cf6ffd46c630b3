"""What can be wrong with a repository, said plainly; and what of the user's is never touched."""

import os
import subprocess
from pathlib import Path

import pytest
from pytest_django import Settings

from apps.core.errors import DjinnError
from apps.repos.git import mask
from apps.repos.models import Workspace
from apps.repos.services import workspace_finalize, workspace_prepare
from tests.apps.repos.conftest import git, make_repository

pytestmark = pytest.mark.django_db(transaction=True)


def refusal(repository: str, run_id: str = "run_1") -> DjinnError:
    with pytest.raises(DjinnError) as refused:
        workspace_prepare(run_id=run_id, repository=repository)
    return refused.value


@pytest.mark.parametrize(
    ("repository", "code"),
    [
        ("relative/path", "repository_invalid"),
        ("-oProxyCommand=evil", "repository_invalid"),
        ("ext::sh -c evil", "repository_invalid"),
        ("ftp://host/x", "repository_invalid"),
        ("https://user:secret@host/x.git", "repository_invalid"),
        ("https://-evil/x", "repository_invalid"),
        ("https://host", "repository_invalid"),
        ("/no/such/directory", "repository_not_found"),
        ("file:///no/such/directory", "repository_not_found"),
    ],
)
def test_addresses_that_name_no_repository(home: Path, repository: str, code: str) -> None:
    refused = refusal(repository)
    assert refused.code == code
    assert "secret" not in refused.message


def test_a_directory_without_git(home: Path, tmp_path: Path) -> None:
    refused = refusal(str(tmp_path))
    assert refused.code == "repository_not_git"
    assert "git init" in refused.message


def test_a_repository_without_a_commit(home: Path, tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    refused = refusal(str(tmp_path))
    assert refused.code == "repository_empty"
    assert Workspace.objects.get().last_error == refused.message


def test_a_directory_that_the_operator_keeps_closed(repository: Path, settings: Settings) -> None:
    settings.LOCAL_REPOSITORY_ROOTS = ["/srv/repositories"]
    assert refusal(str(repository)).code == "repository_not_allowed"


def test_a_link_out_of_the_open_directories(
    repository: Path, tmp_path: Path, settings: Settings
) -> None:
    open_root = tmp_path / "open"
    open_root.mkdir()
    (open_root / "link").symlink_to(repository)
    settings.LOCAL_REPOSITORY_ROOTS = [str(open_root)]
    assert refusal(str(open_root / "link")).code == "repository_not_allowed"


def test_our_own_mirrors_are_no_source(repository: Path, home: Path) -> None:
    workspace = workspace_prepare(run_id="run_1", repository=str(repository))
    assert refusal(workspace.mirror_path, "run_2").code == "repository_not_allowed"


def test_no_free_disk(repository: Path, settings: Settings) -> None:
    settings.MIN_FREE_DISK_MB = 10**9
    refused = refusal(str(repository))
    assert refused.code == "disk_full"
    assert "MB" in refused.message


def test_a_branch_wants_a_repository(home: Path) -> None:
    with pytest.raises(DjinnError) as refused:
        workspace_prepare(run_id="run_1", branch="feat/x")
    assert refused.value.code == "branch_needs_remote"


def test_uncommitted_changes_stay_with_the_user_and_are_told(repository: Path) -> None:
    (repository / "README.md").write_text("# Changed\n")
    (repository / "new.txt").write_text("new")
    git(repository, "add", "new.txt")

    workspace = workspace_prepare(run_id="run_1", repository=str(repository))
    (Path(workspace.path) / "README.md").write_text("# From the agent\n")
    workspace_finalize(workspace)

    assert workspace.warnings == [
        "2 files have uncommitted changes in the repository; the run starts from the last commit."
    ]
    assert (repository / "README.md").read_text() == "# Changed\n"
    assert git(repository, "status", "--porcelain") == " M README.md\nA  new.txt"
    assert git(repository, "show", "run/run_1:README.md") == "# From the agent"


def test_hooks_of_the_users_repository_do_not_run(repository: Path, tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    hooks = repository / ".git" / "hooks"
    for name in ("pre-receive", "update", "post-receive", "post-update", "reference-transaction"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {witness}\n")
        (hooks / name).chmod(0o755)

    workspace = workspace_prepare(run_id="run_1", repository=str(repository))
    (Path(workspace.path) / "a.txt").write_text("a")
    assert workspace_finalize(workspace).pushed

    assert not witness.exists()


def test_a_branch_that_the_user_has_checked_out_is_not_moved(repository: Path) -> None:
    workspace = workspace_prepare(run_id="run_1", repository=str(repository))
    (Path(workspace.path) / "a.txt").write_text("a")
    git(repository, "checkout", "-q", "-b", "run/run_1")
    git(repository, "config", "receive.denyCurrentBranch", "updateInstead")

    done = workspace_finalize(workspace)

    assert not done.done
    assert done.error_code == "push_rejected"
    assert workspace.status == "preserved"
    assert not (repository / "a.txt").exists()

    git(repository, "checkout", "-q", "main")
    assert not workspace_finalize(workspace).done  # the user's branch is not replaced either
    git(repository, "branch", "-D", "run/run_1")
    assert workspace_finalize(workspace).pushed
    assert git(repository, "show", "run/run_1:a.txt") == "a"


def test_a_source_that_is_away_keeps_the_work_until_it_is_back(repository: Path) -> None:
    workspace = workspace_prepare(run_id="run_1", repository=str(repository))
    (Path(workspace.path) / "a.txt").write_text("a")
    repository.rename(repository.with_name("away"))

    assert not workspace_finalize(workspace).done
    assert workspace.status == "preserved"
    repository.with_name("away").rename(repository)

    assert workspace_finalize(workspace).pushed


def test_bare_repositories_linked_worktrees_and_detached_heads_work(
    repository: Path, tmp_path: Path
) -> None:
    bare = tmp_path / "bare.git"
    git(tmp_path, "clone", "-q", "--bare", str(repository), str(bare))
    linked = tmp_path / "linked"
    git(repository, "worktree", "add", "-q", "--detach", str(linked))

    for number, source in enumerate((bare, linked)):
        workspace = workspace_prepare(run_id=f"run_{number}", repository=str(source))
        (Path(workspace.path) / "a.txt").write_text("a")
        assert workspace_finalize(workspace).pushed
        assert git(source, "show", f"run/run_{number}:a.txt") == "a"


def test_a_run_without_repository_starts_its_own(home: Path) -> None:
    workspace = workspace_prepare(run_id="run_1")
    (Path(workspace.path) / "a.txt").write_text("a")
    done = workspace_finalize(workspace)
    assert (done.done, done.pushed) == (True, False)
    assert git(Path(workspace.mirror_path), "show", "run/run_1:a.txt") == "a"


def test_a_finished_run_that_goes_on_has_its_commits(repository: Path) -> None:
    workspace = workspace_prepare(run_id="run_1", repository=str(repository))
    (Path(workspace.path) / "a.txt").write_text("a")
    workspace_finalize(workspace)

    again = workspace_prepare(run_id="run_1", repository=str(repository))
    assert (Path(again.path) / "a.txt").exists()
    assert again.base_commit == workspace.base_commit

    fresh = workspace_prepare(run_id="run_1", repository=str(repository), fresh=True)
    assert not (Path(fresh.path) / "a.txt").exists()
    (Path(fresh.path) / "b.txt").write_text("b")
    assert workspace_finalize(fresh).pushed
    assert git(repository, "diff", "--name-only", "main", "run/run_1") == "b.txt"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root acts for other users")
def test_a_users_repository_stays_the_users(home: Path, tmp_path: Path) -> None:
    """A root platform leaves no file of root behind in somebody's repository."""
    repository = make_repository(tmp_path / "theirs")
    for directory in list(tmp_path.parents)[:-2] + [tmp_path]:
        directory.chmod(0o755)
    subprocess.run(["chown", "-R", "1234:1234", str(repository)], check=True)

    workspace = workspace_prepare(run_id="run_1", repository=str(repository))
    (Path(workspace.path) / "a.txt").write_text("a")
    assert workspace_finalize(workspace).pushed

    owners = {path.lstat().st_uid for path in [repository, *repository.rglob("*")]}
    assert owners == {1234}


@pytest.mark.parametrize(
    "text",
    [
        "fatal: unable to access 'https://x-access-token:s3cret@github.com/o/r/'",
        "Authorization: Basic s3cret=",
        "token ghp_abcdefghijs3cret0123456789",
    ],
)
def test_messages_carry_no_secret(text: str) -> None:
    assert "s3cret" not in mask(text, "s3cret")
    assert "s3cret" not in mask(text)
