"""A token on its way to a real git server: there, and nowhere else."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from apps.core.errors import DjinnError
from apps.repos import credentials
from apps.repos.credentials import Credentials, credential_provider_register
from apps.repos.merging import workspace_merge, workspace_push
from apps.repos.mirrors import mirror_fetch
from apps.repos.services import workspace_finalize, workspace_prepare
from apps.repos.sources import source_of
from tests.apps.repos.conftest import git
from tests.apps.repos.served import TOKEN, served

pytestmark = pytest.mark.django_db(transaction=True)


def _command_lines_and_environments() -> str:
    """What any process of ours shows to `ps e` while git is at work."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "comm").read_text().startswith("git"):
                found += [
                    (process / "cmdline").read_bytes().decode(errors="replace"),
                    (process / "environ").read_bytes().decode(errors="replace"),
                ]
        except OSError:
            continue
    return "\n".join(found)


@pytest.fixture
def remote(
    repository: Path, tmp_path: Path, settings: Settings
) -> Iterator[tuple[str, Path, list[str]]]:
    root = tmp_path / "served"
    root.mkdir()
    git(tmp_path, "clone", "-q", "--bare", str(repository), str(root / "inventory.git"))
    with served(root, asks=True, watch=_command_lines_and_environments) as server:
        settings.GIT_PRIVATE_HOSTS = [server.url.removeprefix("http://"), "127.0.0.1:1"]
        yield f"{server.url}/inventory.git", root / "inventory.git", server.seen


@pytest.fixture
def token() -> Iterator[None]:
    before = list(credentials._providers)
    credential_provider_register(lambda url: Credentials(username="x-access-token", password=TOKEN))
    yield
    credentials._providers[:] = before


def test_no_token_is_left_anywhere_after_a_hundred_operations(
    remote: tuple[str, Path, list[str]],
    token: None,
    home: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    url, bare, seen = remote
    for number in range(8):  # fetch, commit, push, merge, push of the merge
        workspace = workspace_prepare(run_id=f"run_{number}", repository=url)
        (Path(workspace.path) / "a.txt").write_text(str(number))
        assert workspace_finalize(workspace).pushed
        assert git(bare, "show", f"run/run_{number}:a.txt") == str(number)
        merged = workspace_merge(workspace, "merge")
        assert workspace_push(workspace, branch=merged.branch).commit == merged.commit
    mirror, source = Path(workspace.mirror_path), source_of(url)
    for _ in range(60):
        assert mirror_fetch(mirror, source).commit

    assert len(seen) > 200, "each operation asks the server at least twice"
    assert any("remote-http" in text for text in seen)
    assert not [text for text in seen if TOKEN in text]
    reflogs = git(mirror, "reflog", "show", "--all")
    told = git(mirror, "config", "--list", "--show-origin")
    assert TOKEN not in reflogs + told + git(mirror, "for-each-ref")
    files = [path for path in home.rglob("*") if path.is_file() and not path.is_symlink()]
    assert len(files) > 20
    assert not [path for path in files if TOKEN.encode() in path.read_bytes()]
    assert TOKEN.encode() not in Path("/proc/self/environ").read_bytes()
    assert TOKEN not in "".join(os.environ.values())
    assert TOKEN not in caplog.text
    assert TOKEN not in "".join(capfd.readouterr())


def test_a_wrong_token_and_no_token_are_told_apart_from_a_missing_remote(
    remote: tuple[str, Path, list[str]], home: Path
) -> None:
    url, _, _ = remote
    with pytest.raises(DjinnError) as refused:
        workspace_prepare(run_id="run_1", repository=url)
    assert refused.value.code == "repository_auth_failed"
    with pytest.raises(DjinnError) as away:
        workspace_prepare(run_id="run_2", repository="http://127.0.0.1:1/x.git")
    assert away.value.code == "repository_unreachable"
