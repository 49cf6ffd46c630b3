"""A token on its way to a real git server: there, and nowhere else."""

import base64
import os
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from apps.core.errors import DjinnError
from apps.repos import credentials
from apps.repos.credentials import Credentials, credential_provider_register
from apps.repos.merging import workspace_merge, workspace_push
from apps.repos.mirrors import mirror_fetch
from apps.repos.services import workspace_finalize, workspace_prepare
from apps.repos.sources import source_of
from tests.apps.repos.conftest import git

pytestmark = pytest.mark.django_db(transaction=True)
TOKEN = "s3cret-token-of-the-remote"


class _GitServer(BaseHTTPRequestHandler):
    """`git http-backend` behind a password. Its environment and processes are watched."""

    root: Path
    seen: list[str]

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length) if length else self._chunks()
        self._answer(body)

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _chunks(self) -> bytes:
        parts = []
        while size := int(self.rfile.readline().strip(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _answer(self, body: bytes) -> None:
        self.seen.append(_command_lines_and_environments())
        given = base64.b64encode(f"x-access-token:{TOKEN}".encode()).decode()
        if self.headers.get("Authorization") != f"Basic {given}":
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        path, _, query = self.path.partition("?")
        done = subprocess.run(
            ["git", "http-backend"],
            input=body, capture_output=True, check=True,
            env={
                "PATH": os.environ["PATH"],
                "GIT_PROJECT_ROOT": str(self.root),
                "GIT_HTTP_EXPORT_ALL": "1",
                "REQUEST_METHOD": self.command,
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "REMOTE_USER": "x-access-token",
                "REMOTE_ADDR": "127.0.0.1",
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            },
        )  # fmt: skip
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        self.send_response(int(headers.pop("Status", "200").split()[0]))
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


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
def remote(repository: Path, tmp_path: Path) -> Iterator[tuple[str, Path, list[str]]]:
    root = tmp_path / "served"
    root.mkdir()
    git(tmp_path, "clone", "-q", "--bare", str(repository), str(root / "inventory.git"))
    seen: list[str] = []
    handler = type("Handler", (_GitServer,), {"root": root, "seen": seen})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/inventory.git", root / "inventory.git", seen
    server.shutdown()
    server.server_close()


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
