"""The egress proxy for tests, and a small site behind it that resolves by a name of its own."""

import asyncio
import contextlib
import io
import json
import shutil
import socket
import subprocess
import tarfile
import threading
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from apps.core.addresses import networks_of
from workers.egress.rules import Endpoint, Rules, Unresolved
from workers.egress.server import serve

NAME = "packages.test"  # leads to this machine's loopback, by our resolver only


@dataclass
class Names:
    """A resolver of fixed answers; a list of lists answers differently each time."""

    answers: Mapping[str, Sequence[str]]
    asked: list[str] = field(default_factory=list)

    async def __call__(self, host: str, port: int) -> Sequence[Endpoint]:
        self.asked.append(host)
        if host not in self.answers:
            raise Unresolved(f"{host} does not resolve")
        return [
            Endpoint(address, port, socket.AF_INET6 if ":" in address else socket.AF_INET)
            for address in self.answers[host]
        ]


@contextlib.contextmanager
def egress_served(
    socket_path: Path,
    *,
    names: Names | None = None,
    private: Sequence[str] = ("127.0.0.1/32",),
) -> Iterator[Names]:
    """The real server in a thread, on this test's database."""
    names = names or Names({NAME: ["127.0.0.1"]})
    rules = Rules(private=networks_of(private), resolver=names)
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()
    done = threading.Thread(
        target=loop.run_until_complete, args=(serve(socket_path, stop=stop, rules=rules),)
    )
    done.start()
    try:
        yield names
    finally:
        loop.call_soon_threadsafe(stop.set)
        done.join(30)
        loop.close()


@dataclass(frozen=True)
class Site:
    """Files over HTTP: a page, a Python index, an npm tarball and a git repository."""

    port: int
    requests: list[tuple[str, dict[str, str], bytes]]

    @property
    def place(self) -> str:
        return f"{NAME}:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.place}"


@contextlib.contextmanager
def site_served(directory: Path) -> Iterator[Site]:
    directory.mkdir(parents=True)
    (directory / "hello.txt").write_text("hello\n")
    _python_index(directory / "simple" / "tiny")
    _npm_package(directory / "tiny-1.0.0.tgz")
    _git_repository(directory / "tiny.git")
    requests: list[tuple[str, dict[str, str], bytes]] = []

    class Handler(SimpleHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def parse_request(self) -> bool:
            parsed = super().parse_request()
            if parsed:
                length = int(self.headers.get("content-length") or 0)
                requests.append((self.path, dict(self.headers), self.rfile.read(length)))
            return parsed

        def do_POST(self) -> None:
            body = requests[-1][2]
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(directory)))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield Site(server.server_port, requests)
    finally:
        server.shutdown()
        server.server_close()


def _python_index(directory: Path) -> None:
    directory.mkdir(parents=True)
    name = "tiny-1.0.0-py3-none-any.whl"
    with zipfile.ZipFile(directory / name, "w") as wheel:
        wheel.writestr("tiny.py", "WORD = 'from the index'\n")
        wheel.writestr(
            "tiny-1.0.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0.0\n"
        )
        wheel.writestr(
            "tiny-1.0.0.dist-info/WHEEL",
            "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        wheel.writestr("tiny-1.0.0.dist-info/RECORD", "")
    (directory / "index.html").write_text(f'<a href="{name}">{name}</a>')


def _npm_package(path: Path) -> None:
    files = {
        "package/package.json": json.dumps({"name": "tiny", "version": "1.0.0"}),
        "package/index.js": "module.exports = 'from npm'\n",
    }
    with tarfile.open(path, "w:gz") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))


def _git_repository(path: Path) -> None:
    work = path.with_name("work")
    quiet = {"check": True, "capture_output": True}
    subprocess.run(["git", "init", "-q", "-b", "main", str(work)], **quiet)  # type: ignore[call-overload]
    (work / "README").write_text("from git\n")
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run(["git", "-C", str(work), "add", "."], **quiet)  # type: ignore[call-overload]
    subprocess.run(
        ["git", "-C", str(work), *identity, "commit", "-qm", "Start."],
        **quiet,  # type: ignore[call-overload]
    )
    subprocess.run(["git", "clone", "-q", "--bare", str(work), str(path)], **quiet)  # type: ignore[call-overload]
    subprocess.run(["git", "-C", str(path), "update-server-info"], **quiet)  # type: ignore[call-overload]
    shutil.rmtree(work)
