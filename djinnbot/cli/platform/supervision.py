"""supervisord: its configuration, its start, and talking to it over its Unix socket."""

import contextlib
import os
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from djinnbot.cli.errors import CliError
from djinnbot.cli.platform.config import SOURCE_ROOT, Platform
from djinnbot.cli.platform.programs import Process, processes

_LOG_BYTES = "10MB"
_LOG_BACKUPS = 3
_SHUTDOWN_S = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What supervisord says of one process."""

    name: str
    status: str  # RUNNING, STARTING, BACKOFF, STOPPED, EXITED, FATAL, …
    pid: int
    uptime_s: int
    note: str

    @property
    def is_up(self) -> bool:
        return self.status == "RUNNING"


class Supervisor:
    """The supervisor of one home, running or not."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform

    @property
    def configuration(self) -> Path:
        return self.platform.run_dir / "supervisord.conf"

    def is_running(self) -> bool:
        try:
            with self._rpc() as rpc:
                return bool(rpc.supervisor.getState())
        except OSError:
            return False

    def start(self) -> subprocess.Popen[bytes]:
        """Start supervisord with no program running yet, and wait until it listens."""
        self.platform.logs.mkdir(mode=0o700, exist_ok=True)
        _write(self.configuration, configuration_text(self.platform))
        self.platform.control_socket.unlink(missing_ok=True)
        command = [sys.executable, "-m", "supervisor.supervisord", "-n", "-s"]
        with (self.platform.logs / "supervisor.out.log").open("wb") as output:
            process = subprocess.Popen(
                [*command, "-c", str(self.configuration)],
                cwd=SOURCE_ROOT,
                env=self.platform.program_environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C in the terminal is for us to translate
            )
        deadline = time.monotonic() + 20
        while not self.is_running():
            if process.poll() is not None or time.monotonic() > deadline:
                reason = (self.platform.logs / "supervisor.out.log").read_text().strip()
                raise CliError(f"The supervisor did not start: {reason or 'no reason given'}")
            time.sleep(0.03)
        return process

    def start_processes(self, chosen: list[Process]) -> None:
        """Tell supervisord to start these; it does not wait until they are up."""
        with self._rpc() as rpc:
            for process in chosen:
                rpc.supervisor.startProcess(process.name, False)

    def states(self) -> list[State]:
        with self._rpc() as rpc:
            found = cast("list[dict[str, Any]]", rpc.supervisor.getAllProcessInfo())
        return [_state(info) for info in found]

    def state(self, name: str) -> State:
        return next(state for state in self.states() if state.name == name)

    def pid(self) -> int:
        with self._rpc() as rpc:
            return int(cast("int", rpc.supervisor.getPID()))

    def restart(self, name: str) -> None:
        with self._rpc() as rpc:
            with contextlib.suppress(xmlrpc.client.Fault):  # it was not running
                rpc.supervisor.stopProcess(name)
            rpc.supervisor.startProcess(name)

    def shut_down(self) -> None:
        """Stop the application, then its servers, then supervisord; returns when all have ended.

        supervisord alone would stop them one after the other.
        """
        try:
            pid = self.pid()
        except OSError:
            return  # it is not running
        everything = processes(self.platform)
        with contextlib.suppress(OSError):  # it ended meanwhile
            self._stop([process for process in everything if not process.is_server])
            self._stop([process for process in everything if process.is_server])
            with self._rpc() as rpc:
                rpc.supervisor.shutdown()
        deadline = time.monotonic() + _SHUTDOWN_S
        while _alive(pid):
            if time.monotonic() > deadline:
                raise CliError(f"The supervisor (process {pid}) did not stop.")
            time.sleep(0.02)

    def _stop(self, chosen: list[Process]) -> None:
        """Stop these at once and wait; supervisord kills what exceeds its time."""
        names = {process.name for process in chosen}
        with self._rpc() as rpc:
            for name in names:
                with contextlib.suppress(xmlrpc.client.Fault):  # not running
                    rpc.supervisor.stopProcess(name, False)
        longest = max((process.stop_wait_s for process in chosen), default=0)
        deadline = time.monotonic() + longest + _SHUTDOWN_S
        while any(state.pid for state in self.states() if state.name in names):
            if time.monotonic() > deadline:
                raise CliError(f"Not all of {', '.join(sorted(names))} stopped.")
            time.sleep(0.05)  # each question also makes supervisord look after its children

    @contextlib.contextmanager
    def _rpc(self) -> Iterator[xmlrpc.client.ServerProxy]:
        from supervisor.xmlrpc import SupervisorTransport

        transport = SupervisorTransport(
            None, None, serverurl=f"unix://{self.platform.control_socket}"
        )
        with xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport) as proxy:
            yield proxy


def configuration_text(platform: Platform) -> str:
    """supervisord's file. Secrets are not in it: programs inherit the environment."""
    logs, run = platform.logs, platform.run_dir
    head = f"""\
[supervisord]
logfile = {logs}/supervisor.log
logfile_maxbytes = {_LOG_BYTES}
logfile_backups = {_LOG_BACKUPS}
pidfile = {run}/supervisord.pid
childlogdir = {logs}
user = {"root" if os.geteuid() == 0 else _user_name()}
minfds = 1024

[unix_http_server]
file = {platform.control_socket}
chmod = 0700

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
"""
    return _escaped(head) + "".join(_section(platform, process) for process in processes(platform))


def _section(platform: Platform, process: Process) -> str:
    command = " ".join(_quoted(part) for part in process.argv)
    return _escaped(f"""
[program:{process.name}]
command = {command}
directory = {SOURCE_ROOT}
priority = {process.priority}
autostart = false
autorestart = true
startsecs = 1
startretries = 1000000
stopsignal = {process.stop_signal}
stopwaitsecs = {process.stop_wait_s}
killasgroup = true
stdout_logfile = {log_file(platform, process.name)}
stdout_logfile_maxbytes = {_LOG_BYTES}
stdout_logfile_backups = {_LOG_BACKUPS}
redirect_stderr = true
""")


def log_file(platform: Platform, name: str) -> Path:
    return platform.logs / f"{name}.log"


def _escaped(text: str) -> str:
    return text.replace("%", "%%")  # supervisord expands %(name)s


def _quoted(part: str) -> str:
    escaped = part.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"' if set(part) & set(" \\\"';") else part


def _user_name() -> str:
    import pwd

    return pwd.getpwuid(os.geteuid()).pw_name


def _state(info: dict[str, Any]) -> State:
    up = info["now"] - info["start"] if info["statename"] == "RUNNING" else 0
    return State(
        name=info["name"],
        status=info["statename"],
        pid=info["pid"],
        uptime_s=max(0, up),
        note=info["spawnerr"] or "",
    )


def _alive(pid: int) -> bool:
    """Whether the process runs; one of our own children that has ended is reaped."""
    with contextlib.suppress(ChildProcessError):
        if os.waitpid(pid, os.WNOHANG)[0] == pid:
            return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _write(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text(text)
