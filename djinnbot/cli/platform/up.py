"""Start and stop: check, servers, set-up, then the rest. What fails is undone."""

import contextlib
import fcntl
import subprocess
import time
from collections.abc import Callable, Iterator

from djinnbot.cli.errors import CliError, Exit
from djinnbot.cli.platform import preflight
from djinnbot.cli.platform.config import Platform
from djinnbot.cli.platform.instance import set_up
from djinnbot.cli.platform.logs import last_lines
from djinnbot.cli.platform.programs import Process, processes
from djinnbot.cli.platform.reach import database_problem, redis_problem
from djinnbot.cli.platform.supervision import Supervisor, log_file

Say = Callable[[str], None]

_SERVER_TIMEOUT_S = 60
_WEB_TIMEOUT_S = 120  # what fails says so at once; a busy machine needs this long


def bring_up(platform: Platform, say: Say) -> subprocess.Popen[bytes] | None:
    """Start the platform; None when it already runs.

    Raises CliError with everything stopped again when one part does not come up.
    """
    with _one_at_a_time(platform):
        supervisor = Supervisor(platform)
        if supervisor.is_running():
            return None
        preflight.check(platform)
        handle = supervisor.start()
        try:
            _start_servers(supervisor, say)
            say("Preparing the instance …")
            set_up(platform)
            _start_application(supervisor, say)
        except BaseException:
            supervisor.shut_down()
            raise
        return handle


def bring_down(platform: Platform) -> bool:
    """Stop the platform; False when it was not running."""
    with _one_at_a_time(platform):
        supervisor = Supervisor(platform)
        if not supervisor.is_running():
            return False
        supervisor.shut_down()
        return True


@contextlib.contextmanager
def _one_at_a_time(platform: Platform) -> Iterator[None]:
    with (platform.home / "up.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CliError(
                "Another `djinn up` or `djinn down` is at work here. Wait for it to end.",
                Exit.CONFLICT,
            ) from None
        yield


def _start_servers(supervisor: Supervisor, say: Say) -> None:
    platform = supervisor.platform
    servers = [process for process in processes(platform) if process.is_server]
    if servers:
        say(f"Starting {' and '.join(process.name for process in servers)} …")
        supervisor.start_processes(servers)
    _await(supervisor, servers, lambda: _servers_answer(platform), _SERVER_TIMEOUT_S)


def _servers_answer(platform: Platform) -> bool:
    return not (
        database_problem(platform.database_url, create=True) or redis_problem(platform.redis_url)
    )


def _start_application(supervisor: Supervisor, say: Say) -> None:
    platform = supervisor.platform
    rest = [process for process in processes(platform) if not process.is_server]
    say(f"Starting {', '.join(process.name for process in rest)} …")
    marks = {process.name: _size(platform, process.name) for process in rest}
    supervisor.start_processes(rest)
    _await(supervisor, rest, lambda: _application_ready(platform, marks), _WEB_TIMEOUT_S)


def _application_ready(platform: Platform, marks: dict[str, int]) -> bool:
    return _answers_http(platform) and all(
        b" ready." in _written_since(platform, name, mark)
        for name, mark in marks.items()
        if name.startswith("worker-") or name == "egress"
    )


def _answers_http(platform: Platform) -> bool:
    import http.client

    connection = http.client.HTTPConnection(platform.host, platform.port, timeout=5)
    try:
        connection.request("GET", "/v1/status")
        return connection.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _size(platform: Platform, name: str) -> int:
    try:
        return log_file(platform, name).stat().st_size
    except FileNotFoundError:
        return 0


def _written_since(platform: Platform, name: str, mark: int) -> bytes:
    try:
        with log_file(platform, name).open("rb") as file:
            file.seek(mark)
            return file.read()
    except FileNotFoundError:
        return b""


def _await(
    supervisor: Supervisor, started: list[Process], ready: Callable[[], bool], timeout_s: float
) -> None:
    deadline = time.monotonic() + timeout_s
    while not ready():
        _raise_if_failing(supervisor, started)
        if time.monotonic() > deadline:
            names = ", ".join(process.name for process in started) or "the servers"
            raise CliError(
                f"{names} did not become ready in {timeout_s:.0f} s. Look into "
                f"{supervisor.platform.logs}.",
                Exit.TIMEOUT,
            )
        time.sleep(0.05)


def _raise_if_failing(supervisor: Supervisor, started: list[Process]) -> None:
    names = {process.name for process in started}
    for state in supervisor.states():
        if state.name in names and state.status in {"BACKOFF", "FATAL", "EXITED"}:
            lines = last_lines(log_file(supervisor.platform, state.name), 1)
            reason = lines[0] if lines else state.note or "it gave no reason"
            raise CliError(f"{state.name} does not start: {reason}")
