"""PostgreSQL and Valkey of one pytest process, in a directory that goes with it."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from djinnbot.embedded.account import database_account
from djinnbot.embedded.layout import Layout, layout_of
from djinnbot.embedded.postgres import Postgres, version
from djinnbot.embedded.process import pid_alive, wait_until
from djinnbot.embedded.valkey import Valkey

REPOSITORY = Path(__file__).resolve().parents[2]
TEMPLATES = REPOSITORY / ".cache" / "postgres"
PASSWORD = "for-tests-only"


@contextlib.contextmanager
def private_servers(home: Path) -> Iterator[Layout]:
    """Both servers up, with data under `home`; stopped and removed afterwards."""
    _remove_leftovers(home.parent)
    home.parent.mkdir(mode=0o711, exist_ok=True)
    home.mkdir(mode=0o711, exist_ok=True)
    layout = layout_of(home)
    try:
        with postgres_server(layout), valkey_server(layout):
            yield layout
    finally:
        shutil.rmtree(home, ignore_errors=True)
        with contextlib.suppress(OSError):
            home.parent.rmdir()


@contextlib.contextmanager
def postgres_server(layout: Layout) -> Iterator[Postgres]:
    server = Postgres.of(layout)
    _copy_template(layout.postgres_data)
    with _running("postgres", layout, signal.SIGQUIT) as process:
        _await(process, server.is_ready, layout.home / "postgres.log")
        yield server


@contextlib.contextmanager
def valkey_server(layout: Layout) -> Iterator[Valkey]:
    server = Valkey.of(layout)
    layout.valkey_data.mkdir(mode=0o700, exist_ok=True)
    (layout.valkey_data / "password").write_text(PASSWORD)
    with _running("valkey", layout, signal.SIGKILL) as process:
        _await(process, server.is_ready, layout.home / "valkey.log")
        yield server


@contextlib.contextmanager
def _running(
    name: str, layout: Layout, stop_signal: signal.Signals
) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "djinnbot.embedded", name, "--home", str(layout.home)]
    with (layout.home / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            [*command, "--die-with-parent", "--throwaway"],
            stdout=log,
            stderr=log,
            cwd=REPOSITORY,
        )
    try:
        yield process
    finally:
        process.send_signal(stop_signal)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await(process: subprocess.Popen[bytes], ready: object, log: Path) -> None:
    assert callable(ready)
    up = wait_until(lambda: process.poll() is not None or bool(ready()), timeout_s=30)
    if not up or process.poll() is not None:
        raise RuntimeError(f"a test server did not start:\n{log.read_text()}")


def _copy_template(data: Path) -> None:
    """Start from a cluster made once, which saves a second at each start."""
    template = TEMPLATES / version()
    if not template.exists():
        _make_template(template)
    subprocess.run(["cp", "-a", str(template), str(data)], check=True)


def _make_template(template: Path) -> None:
    from djinnbot.embedded.postgres import initialise

    template.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(f"/tmp/djinnbot-template-{os.getpid()}")
    scratch.mkdir(mode=0o711)
    try:
        initialise(scratch / "data", database_account())
        partial = template.with_name(f"{template.name}.{os.getpid()}")
        subprocess.run(["cp", "-a", str(scratch / "data"), str(partial)], check=True)
        with contextlib.suppress(OSError):  # another process was first
            partial.rename(template)
        shutil.rmtree(partial, ignore_errors=True)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _remove_leftovers(ours: Path) -> None:
    """Directories of pytest processes that were killed; their servers ended with them."""
    for directory in Path("/tmp").glob("djinnbot-test-*"):
        pid = directory.name.rpartition("-")[2]
        if directory != ours and pid.isdigit() and not pid_alive(int(pid)):
            shutil.rmtree(directory, ignore_errors=True)
