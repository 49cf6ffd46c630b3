"""git goes over http(s) to the internet; into a private network only where an operator says so."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from apps.core.errors import DjinnError
from apps.repos import reach
from apps.repos.checks import git_hosts_can_be_read
from apps.repos.credentials import Credentials
from apps.repos.mirrors import mirror_ensure, mirror_fetch
from apps.repos.reach import reach_of
from apps.repos.sources import source_of
from tests.apps.repos.conftest import git
from tests.apps.repos.served import Served, served


@pytest.fixture
def remote(repository: Path, tmp_path: Path) -> Iterator[Served]:
    root = tmp_path / "served"
    root.mkdir()
    git(tmp_path, "clone", "-q", "--bare", str(repository), str(root / "inventory.git"))
    reach._known.clear()
    with served(root) as server:
        yield server


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    path = tmp_path / "mirror.git"
    mirror_ensure(path)
    return path


def host_of(server: Served, name: str = "127.0.0.1") -> str:
    return f"{name}:{server.url.rpartition(':')[2]}"


def refused(mirror: Path, url: str) -> str:
    with pytest.raises(DjinnError) as told:
        mirror_fetch(mirror, source_of(url))
    return told.value.code


def test_a_private_host_is_asked_only_if_it_is_listed(
    remote: Served, mirror: Path, settings: Settings
) -> None:
    url = f"{remote.url}/inventory.git"
    assert refused(mirror, url) == "repository_not_allowed"
    settings.GIT_PRIVATE_HOSTS = ["127.0.0.1"]
    assert refused(mirror, url) == "repository_not_allowed", "of the web's ports alone"
    assert remote.seen == [], "nothing was asked there"
    settings.GIT_PRIVATE_HOSTS = [host_of(remote)]
    assert mirror_fetch(mirror, source_of(url)).branch == "main"
    assert remote.seen


@pytest.mark.parametrize(
    "host",
    ["localhost", "10.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "2130706433", "0177.0.0.1"],
)
def test_every_way_to_write_it_is_refused(mirror: Path, host: str) -> None:
    assert refused(mirror, f"http://{host}:8080/x.git") == "repository_not_allowed"


def test_no_setting_opens_metadata(mirror: Path, settings: Settings) -> None:
    settings.GIT_PRIVATE_HOSTS = ["169.254.169.254"]
    assert refused(mirror, "http://169.254.169.254/latest.git") == "repository_not_allowed"


def test_a_name_cannot_change_its_mind(
    remote: Served, mirror: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """git is held to the address that was checked: here, of a name that nobody else resolves."""
    asked: list[str] = []
    resolve = socket.getaddrinfo

    def resolved(host: Any, *args: Any, **kwargs: Any) -> Any:
        asked.append(str(host))
        return resolve("127.0.0.1" if host == "git.corp.example" else host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    url = f"http://{host_of(remote, 'git.corp.example')}/inventory.git"
    assert refused(mirror, url) == "repository_not_allowed"
    settings.GIT_PRIVATE_HOSTS = [host_of(remote, "*.corp.example")]
    assert mirror_fetch(mirror, source_of(url)).commit
    assert "git.corp.example" in asked


def test_a_redirect_is_followed_where_one_may_go(
    remote: Served, mirror: Path, settings: Settings
) -> None:
    settings.GIT_PRIVATE_HOSTS = [host_of(remote)]
    remote.moved["/old"] = f"{remote.url}/inventory.git"
    assert mirror_fetch(mirror, source_of(f"{remote.url}/old")).commit
    remote.moved["/round"] = f"{remote.url}/round"
    assert refused(mirror, f"{remote.url}/round") == "repository_unreachable"


@pytest.mark.parametrize("target", ["http://127.0.0.1:1/x.git", "http://169.254.169.254/x.git"])
def test_a_redirect_into_the_private_network_is_not_followed(
    remote: Served, mirror: Path, settings: Settings, target: str
) -> None:
    settings.GIT_PRIVATE_HOSTS = [host_of(remote)]
    remote.moved["/old"] = target
    assert refused(mirror, f"{remote.url}/old") == "repository_not_allowed"


def test_a_redirect_that_comes_later_is_not_followed(
    remote: Served, mirror: Path, settings: Settings
) -> None:
    """git itself follows none: here one that was not there a moment before."""
    settings.GIT_PRIVATE_HOSTS = [host_of(remote)]
    url = f"{remote.url}/late.git"
    reach._known[url] = (float("inf"), url)
    remote.moved["/late.git"] = f"{remote.url}/inventory.git"
    with pytest.raises(DjinnError):
        mirror_fetch(mirror, source_of(url))
    assert not [path for path in remote.seen if path.startswith("/inventory.git")]


def test_a_token_is_for_the_place_that_it_ends_at(
    remote: Served, settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings.GIT_PRIVATE_HOSTS = [host_of(remote)]
    remote.moved["/old"] = f"{remote.url}/inventory.git"
    asked: list[str] = []

    def token(url: str) -> Credentials | None:
        asked.append(url)
        return None

    monkeypatch.setattr("apps.repos.credentials._providers", [token])
    source_of(f"{remote.url}/old").git(tmp_path)
    assert asked == [f"{remote.url}/inventory.git"]


def test_a_proxy_of_the_operator_resolves_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    found = reach_of("https://git.invalid/x.git")
    assert not [item for item in found.config if "curloptResolve" in item]
    with pytest.raises(DjinnError) as told:
        reach_of("https://127.0.0.1/x.git")
    assert told.value.code == "repository_not_allowed"


def test_a_setting_that_cannot_be_read_stops_the_start(settings: Settings) -> None:
    assert git_hosts_can_be_read(None) == []
    settings.GIT_PRIVATE_HOSTS = ["http://git.lan/"]
    assert [found.id for found in git_hosts_can_be_read(None)] == ["djinnbot.E008"]
