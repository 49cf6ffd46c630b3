"""A web process and the socket that the one before it may have left behind."""

import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from djinnbot.cli.platform.web import remove_dead_socket
from tests.support.live import LiveProcess


@pytest.fixture
def path() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="djinnbot-web-") as directory:
        yield Path(directory) / "api.sock"  # pytest's own directories are too long for a socket


def test_a_socket_nobody_listens_at_is_removed(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
        left.listen()
    remove_dead_socket(path)
    assert not path.exists()


def test_a_socket_in_use_stays(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        remove_dead_socket(path)
        assert path.is_socket()


def test_another_file_stays(path: Path) -> None:
    remove_dead_socket(path)
    path.write_text("not a socket")
    remove_dead_socket(path)
    assert path.read_text() == "not a socket"


@pytest.mark.system
def test_a_killed_web_process_comes_back(web_server: LiveProcess) -> None:
    web_server.kill()
    web_server.start()
    assert web_server.is_ready
