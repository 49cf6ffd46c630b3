"""Repositories behind a real git server, over http."""

import base64
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

TOKEN = "s3cret-token-of-the-remote"  # noqa: S105  of no account


class GitServer(BaseHTTPRequestHandler):
    """`git http-backend`, behind a password if it asks. `seen` tells of each call its path and what
    was watched then; `moved` sends paths elsewhere."""

    root: Path
    seen: list[str]
    moved: dict[str, str]
    asks: bool

    def watch(self) -> str:
        return ""

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
        self.seen.append(f"{self.path}\n{self.watch()}")
        if onward := self.moved.get(self.path.partition("?")[0].partition("/info/")[0]):
            self.send_response(302)
            self.send_header("Location", f"{onward}/info/refs?service=git-upload-pack")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        given = base64.b64encode(f"x-access-token:{TOKEN}".encode()).decode()
        if self.asks and self.headers.get("Authorization") != f"Basic {given}":
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


@dataclass
class Served:
    url: str
    seen: list[str] = field(default_factory=list)
    moved: dict[str, str] = field(default_factory=dict)


@contextmanager
def served(
    root: Path, *, asks: bool = False, watch: Callable[[], str] = lambda: ""
) -> Iterator[Served]:
    """The bare repositories below `root`. `asks`: for the token."""
    found = Served("")
    facts = {
        "root": root,
        "seen": found.seen,
        "moved": found.moved,
        "asks": asks,
        "watch": lambda self: watch(),
    }
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (GitServer,), facts))
    found.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
