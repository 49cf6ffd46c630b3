"""Real processes for tests: they read a committed database and end with the test."""

import contextlib
import http.client
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import psycopg
from psycopg import conninfo, sql

from djinnbot.cli.platform.config import Platform, platform_of
from djinnbot.cli.platform.programs import (
    CONTROL_QUEUES,
    agents_worker_command,
    beat_command,
    control_worker_command,
    egress_command,
    web_command,
    worker_command,
)
from djinnbot.embedded.process import stop_with_parent, wait_until
from tests.support.boxes import remove_boxes_of
from tests.support.nursery import Child, Nursery
from tests.support.servers import REPOSITORY, TABLES, valkey_server

START_TIMEOUT_S = 90
NURSERY = Nursery()
_WAITING_TRANSACTIONS = """
SELECT FROM pg_stat_activity
WHERE datname = current_database() AND state LIKE 'idle in transaction%'
"""
_FROM_NURSERY = {"celery", "djinnbot.cli.platform.web", "workers.egress"}


@dataclass(slots=True)
class LiveProcess:
    """A started process: may be killed, frozen, and started again with the same command."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log_path: Path
    ready: Callable[["LiveProcess"], bool]
    _process: subprocess.Popen[bytes] | Child | None = None
    _mark: int = 0

    @property
    def pid(self) -> int:
        assert self._process is not None, f"{self.name} was not started"
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def is_ready(self) -> bool:
        return self.is_alive and self.ready(self)

    @property
    def log(self) -> str:
        """What it has written since its last start."""
        with self.log_path.open("rb") as file:
            file.seek(self._mark)
            return file.read().decode(errors="replace")

    def start(self, *, wait: bool = True) -> "LiveProcess":
        with self.log_path.open("ab") as log:
            self._mark = log.tell()
            self._process = _born(self.command, self.environment, log.fileno())
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self) -> None:
        wait_until(lambda: not self.is_alive or self.ready(self), timeout_s=START_TIMEOUT_S)
        if not self.is_alive or not self.ready(self):
            raise RuntimeError(f"{self.name} did not start:\n{self.log}")

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def kill(self) -> None:
        """kill -9 of the process and of its children, at once."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._reap()

    def freeze(self) -> None:
        """Where it is, but not in a transaction: the others would wait for its locks for ever."""
        for _ in range(100):
            os.killpg(self.pid, signal.SIGSTOP)
            if not self._holds_transaction():
                return
            self.thaw()
            time.sleep(0.02)
        raise AssertionError(f"{self.name} was in a transaction each time that it was frozen")

    def _holds_transaction(self) -> bool:
        """Whether one stays open that waits for its client; those of other processes go on."""
        with psycopg.connect(self.environment["DATABASE_URL"], autocommit=True) as connection:
            return not wait_until(
                lambda: connection.execute(_WAITING_TRANSACTIONS).rowcount == 0, timeout_s=1
            )

    def thaw(self) -> None:
        os.killpg(self.pid, signal.SIGCONT)

    def stop(self, *, timeout_s: float = 20) -> None:
        """As the supervisor stops it; killed when it does not listen."""
        if not self.is_alive:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGCONT)
            os.kill(self.pid, signal.SIGTERM)
        try:
            assert self._process is not None
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()

    def restart(self) -> None:
        self.stop()
        self.start()

    def _reap(self) -> None:
        if self._process is not None:
            self._process.wait(30)


def _born(
    command: Sequence[str], environment: Mapping[str, str], log: int
) -> subprocess.Popen[bytes] | Child:
    """In a session of its own, in the repository."""
    python, option, module = command[:3]
    # Where Python looks for modules is settled before the nursery's children begin.
    same_path = environment.get("PYTHONPATH") == os.environ.get("PYTHONPATH")
    if (python, option) == (sys.executable, "-m") and module in _FROM_NURSERY and same_path:
        return NURSERY.bear(command[2:], environment, log, log)
    return subprocess.Popen(
        list(command),
        cwd=REPOSITORY,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,
        preexec_fn=_end_with_pytest,  # noqa: PLW1509  no threads yet, and one system call
    )


def _end_with_pytest() -> None:
    stop_with_parent(signal.SIGKILL)


_PORTS = range(20_000, 30_000)  # below those that the kernel hands out by itself
_held_ports: list[socket.socket] = []


def free_port() -> int:
    """A loopback port that no other test process of this machine is given while this one lives.

    Programs under test bind it later, and again after a restart: until then a name in the abstract
    socket name space, which goes with this process, holds its place.
    """
    for _ in _PORTS:
        port = secrets.choice(_PORTS)
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0djinnbot-test-port-{port}")
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:
            claim.close()
            continue
        _held_ports.append(claim)
        return port
    raise AssertionError("no port is free")


def _worker_ready(process: LiveProcess) -> bool:
    return " ready." in process.log


def _whole(file: IO[str]) -> str:
    file.seek(0)
    return file.read()


def _always(process: LiveProcess) -> bool:
    return True


def _listens_at(port: int) -> Callable[[LiveProcess], bool]:
    """It answers: a socket that takes connections may belong to a process that is not there yet."""

    def listens(process: LiveProcess) -> bool:
        asked = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            asked.request("HEAD", "/v1/health")
            asked.getresponse()
        except (OSError, http.client.HTTPException):
            return False
        finally:
            asked.close()
        return True

    return listens


@dataclass(slots=True)
class Live:
    """Makes processes of one platform (home, database, Redis) and ends them all."""

    platform: Platform
    log_dir: Path
    started: dict[str, LiveProcess] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return self.platform.url

    @property
    def environment(self) -> dict[str, str]:
        return self.platform.program_environment()

    def worker(
        self,
        queues: str = CONTROL_QUEUES,
        *,
        pool: str = "prefork",
        concurrency: int = 1,
        name: str = "",
        environment: Mapping[str, str] | None = None,
    ) -> LiveProcess:
        name = name or f"worker-{queues.partition(',')[0]}-{len(self.started)}"
        command = worker_command(name, queues, pool=pool, concurrency=concurrency)
        return self._start(name, command, _worker_ready, environment)

    def control_worker(self, environment: Mapping[str, str] | None = None) -> LiveProcess:
        return self._start("worker-control", control_worker_command(), _worker_ready, environment)

    def agents_worker(self, environment: Mapping[str, str] | None = None) -> LiveProcess:
        command = agents_worker_command(self.environment)
        return self._start("worker-agents", command, _worker_ready, environment)

    def web(self, environment: Mapping[str, str] | None = None) -> LiveProcess:
        ready = _listens_at(self.platform.port)
        return self._start("web", web_command(self.platform), ready, environment)

    def egress(self, environment: Mapping[str, str] | None = None) -> LiveProcess:
        return self._start("egress", egress_command(), _worker_ready, environment)

    def beat(self, environment: Mapping[str, str] | None = None) -> LiveProcess:
        return self._start("beat", beat_command(), _always, environment)

    def manage(self, *arguments: str, timeout_s: float = 120) -> str:
        """Run a management command and give back what it printed."""
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
            child = NURSERY.bear(
                ["manage", *arguments], self.environment, out.fileno(), err.fileno()
            )
            try:
                code = child.wait(timeout_s)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait(10)
                raise
            printed, errors = _whole(out), _whole(err)
        assert code == 0, printed + errors
        return printed

    def close(self) -> None:
        for process in self.started.values():
            process.kill()

    def _start(
        self,
        name: str,
        command: Sequence[str],
        ready: Callable[[LiveProcess], bool],
        environment: Mapping[str, str] | None,
    ) -> LiveProcess:
        """One process a name: an older one would go on unseen, and take work from the new one."""
        if name in self.started:
            self.started[name].kill()
        process = LiveProcess(
            name=name,
            command=command,
            environment={**self.environment, **(environment or {})},
            log_path=self.log_dir / f"{name}.log",
            ready=ready,
        )
        self.started[name] = process
        return process.start()


def live_environment(
    *, home: Path, database_url: str, redis_url: str, extra: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The environment of a process outside pytest: nothing of the test settings leaks into it."""
    dropped = ("DJINNBOT_TEST", "PYTEST", "DJANGO_SETTINGS_MODULE")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    return {
        **kept,
        "DJINNBOT_HOME": str(home),
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "DJINNBOT_CRITICAL_SPACE_PERCENT": "0",  # runs do not wait for this machine's disk
        **(extra or {}),
    }


def live_at(environment: Mapping[str, str], log_dir: Path) -> Live:
    log_dir.mkdir(parents=True, exist_ok=True)
    return Live(platform_of(port=free_port(), environment=environment), log_dir)


@contextlib.contextmanager
def own_database(server_url: str, *, tables: bool = True) -> Iterator[str]:
    """A database of its own on the server of the tests, with all tables where it can have them."""
    name = f"live_{secrets.token_hex(6)}"
    create_database(server_url, name, tables=tables)
    try:
        yield name
    finally:
        with _maintenance(server_url) as connection:
            drop = sql.SQL("DROP DATABASE {} WITH (FORCE)")
            connection.execute(drop.format(sql.Identifier(name)))


def create_database(server_url: str, name: str, *, tables: bool = True) -> None:
    """On a server that was given to the tests there are no tables to copy."""
    create = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
    with _maintenance(server_url) as connection:
        found = connection.execute("SELECT FROM pg_database WHERE datname = %s", [TABLES])
        if tables and found.rowcount:
            create += sql.SQL(" TEMPLATE {} STRATEGY file_copy").format(sql.Identifier(TABLES))
        connection.execute(create)


def _maintenance(server_url: str) -> psycopg.Connection[Any]:
    return psycopg.connect(conninfo.make_conninfo(server_url, dbname="postgres"), autocommit=True)


@contextlib.contextmanager
def own_home() -> Iterator[Path]:
    """A data root near the file system's root: socket paths must be short."""
    home = Path(f"/tmp/djinnbot-live-{os.getpid()}-{secrets.token_hex(3)}")
    home.mkdir(mode=0o711)
    try:
        yield home
    finally:
        remove_boxes_of(home)
        shutil.rmtree(home, ignore_errors=True)


@contextlib.contextmanager
def own_redis(home: Path) -> Iterator[str]:
    from djinnbot.embedded.layout import layout_of

    with valkey_server(layout_of(home)) as server:
        yield server.url()


def eventually(
    condition: Callable[[], object], *, timeout_s: float = 30, step_s: float = 0.05
) -> object:
    """The first true value of `condition`; fails with its last value otherwise."""
    deadline = time.monotonic() + timeout_s
    while not (value := condition()):
        assert time.monotonic() < deadline, f"still {value!r} after {timeout_s} s"
        time.sleep(step_s)
    return value
