"""PostgreSQL and Valkey of one pytest process, in a directory that goes with it.

A server of PostgreSQL starts from a copied cluster. In it is `TABLES`, a database with all tables
and no rows but those of migrations; the databases of tests are copies of that. One copy is there
already, under the name that an installation gives its database.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg

from djinnbot.embedded.layout import Layout, layout_of
from djinnbot.embedded.postgres import DATABASE, Postgres, version
from djinnbot.embedded.process import pid_alive, wait_until
from djinnbot.embedded.valkey import Valkey

REPOSITORY = Path(__file__).resolve().parents[2]
CLUSTERS = REPOSITORY / ".cache" / "postgres"
TABLES = "djinnbot_tables"
PASSWORD = "for-tests-only"
# What decides how the tables look.
_TABLES_COME_FROM = (
    "apps/*/migrations/*.py",
    "djinnbot/settings/base.py",
    "requirements/base.txt",
)
_RECIPE = Path(__file__).read_bytes()  # as this process has read it: it may be edited meanwhile


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
    copy_cluster(layout.postgres_data)
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
    up = wait_until(lambda: process.poll() is not None or bool(ready()), timeout_s=90)
    if not up or process.poll() is not None:
        raise RuntimeError(f"a test server did not start:\n{log.read_text()}")


def copy_cluster(data: Path) -> None:
    """Start from a cluster made once: making one and its tables takes six seconds of a core."""
    CLUSTERS.mkdir(parents=True, exist_ok=True)
    with (CLUSTERS / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        cluster = CLUSTERS / _fingerprint()
        if not cluster.exists():
            _make_cluster(cluster)
        data.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cp", "-a", str(cluster), str(data)], check=True)


def _fingerprint() -> str:
    found = hashlib.sha256(version().encode() + _RECIPE)
    for pattern in _TABLES_COME_FROM:
        for file in sorted(REPOSITORY.glob(pattern)):
            found.update(f"{file.relative_to(REPOSITORY)}\n".encode() + file.read_bytes())
    return found.hexdigest()[:16]


def _make_cluster(cluster: Path) -> None:
    """Older ones are of no use any more."""
    for old in cluster.parent.iterdir():
        if old.is_dir():
            shutil.rmtree(old)
    home = Path(f"/tmp/djinnbot-cluster-{os.getpid()}")
    home.mkdir(mode=0o711)
    layout = layout_of(home)
    server = Postgres.of(layout)
    try:
        with _running("postgres", layout, signal.SIGINT) as process:
            _await(process, server.is_ready, home / "postgres.log")
            with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE {TABLES}")
            _migrate(server.url(TABLES))
            with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE {DATABASE} TEMPLATE {TABLES}")
        partial = cluster.with_name(f"{cluster.name}.partial")
        subprocess.run(["cp", "-a", str(layout.postgres_data), str(partial)], check=True)
        partial.rename(cluster)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _migrate(database_url: str) -> None:
    environment = {
        "REDIS_URL": "redis://127.0.0.1:1/0",  # benchmarks have none yet; tables need none
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "djinnbot.settings.test",
        "DJINNBOT_TEST_SERVERS": "given",
        "DATABASE_URL": database_url,
    }
    command = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
    subprocess.run(command, cwd=REPOSITORY, env=environment, check=True, timeout=240)


def _remove_leftovers(ours: Path) -> None:
    """Directories of pytest processes that were killed; their servers ended with them."""
    for directory in Path("/tmp").glob("djinnbot-test-*"):
        pid = directory.name.rpartition("-")[2]
        if directory != ours and pid.isdigit() and not pid_alive(int(pid)):
            shutil.rmtree(directory, ignore_errors=True)
