"""`djinn up` refuses a start that would fail half-way, and starts nothing."""

import shutil
import socket
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from django.conf import settings

from djinnbot.cli.errors import CliError
from djinnbot.cli.platform import preflight
from djinnbot.cli.platform.config import platform_of
from tests.support.cli import djinn
from tests.support.live import free_port, own_home


@pytest.fixture
def home() -> Iterator[Path]:
    with own_home() as made:
        yield made


def refused(home: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> str:
    answer = djinn("up", "--detach", *arguments, home=home, environment=environment)
    assert answer.code in {1, 2}, answer
    assert "Traceback" not in answer.err
    assert not list(home.glob("**/supervisord.pid")), "something was started"
    return answer.err


def test_a_taken_port_names_another(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert f"--port {port + 1}" in refused(home, "--port", str(port))
    assert not (home / "postgres").exists()


def test_an_address_of_another_machine(home: Path) -> None:
    assert "Choose an address of this machine" in refused(home, "--host", "192.0.2.1")


@pytest.mark.parametrize("url", ["mysql://u@h/db", "nonsense", "http://localhost"])
def test_a_database_url_of_another_kind(home: Path, url: str) -> None:
    text = refused(home, environment={"DATABASE_URL": url})
    assert "DATABASE_URL" in text
    assert "postgres://" in text


def test_a_database_that_does_not_answer_hides_the_password(home: Path) -> None:
    url = f"postgres://user:hunter2@127.0.0.1:{free_port()}/db"
    text = refused(home, "--port", str(free_port()), environment={"DATABASE_URL": url})
    assert "Cannot use the database" in text
    assert "hunter2" not in text


def test_a_redis_that_does_not_answer_hides_the_password(home: Path) -> None:
    url = f"redis://:hunter2@127.0.0.1:{free_port()}/0"
    text = refused(home, "--port", str(free_port()), environment={"REDIS_URL": url})
    assert "Cannot use Redis" in text
    assert "hunter2" not in text


def test_a_wrong_redis_password_is_said(home: Path, redis_client: object) -> None:
    url = settings.REDIS_URL.replace("for-tests-only", "wrong")
    text = refused(home, "--port", str(free_port()), environment={"REDIS_URL": url})
    assert "password" in text


def test_a_home_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    answer = djinn("up", "--detach", home=tmp_path / "home")
    assert answer.code == 1
    assert "is a file" in answer.err


def test_a_secret_file_that_is_missing(home: Path) -> None:
    text = refused(home, environment={"DATABASE_URL_FILE": "/no/such/file"})
    assert "DATABASE_URL_FILE" in text


def test_a_full_disk(home: Path) -> None:
    """On a real file system of 32 MB."""
    mounted = Path(tempfile.mkdtemp(dir=home))
    import subprocess

    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=32m", "none", str(mounted)],
        check=False,
        capture_output=True,
    )
    if done.returncode != 0:
        pytest.skip("this user may not mount")
    try:
        text = refused(mounted / "home", "--port", str(free_port()))
        assert "MB are free" in text
    finally:
        subprocess.run(["umount", "-l", str(mounted)], check=True)
        shutil.rmtree(mounted, ignore_errors=True)


def test_too_little_space_is_said_by_every_user(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preflight, "_MIN_FREE_BYTES", 2**62)
    platform = platform_of(port=free_port(), environment={"DJINNBOT_HOME": str(home)})
    with pytest.raises(CliError, match="MB are free"):
        preflight.check(platform)
