"""Start boxes from one warm interpreter: `python -m workers.runtime.launcher FD`.

Importing the model library takes more than a second; a fork of this process has it already. Each
agents worker holds one launcher and speaks to it over a socket (`workers.protocol.launch`). For
each box there is one keeper process, the parent of everything in the box:

    worker ── launcher ── keeper ─┬─ bubblewrap (namespaces; dies with the keeper)
                                  └─ the runtime, or a command, inside those namespaces

When the worker goes away the socket closes, and the launcher ends every keeper.
"""

import contextlib
import gc
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from types import FrameType

from pydantic import ValidationError

from workers.protocol.launch import (
    BOX_VARIABLE,
    EXIT_START_FAILED,
    Answer,
    Exited,
    Launch,
    Launched,
    LaunchFailed,
)
from workers.runtime.namespaces import die_with_parent, drop_rights, join, limit_resources
from workers.runtime.seccomp import forbid_system_calls

PACKET_BYTES = 128 * 1024
_SANDBOX_TIMEOUT_S = 20
# Its line says that the sandbox stands: bubblewrap starts it last.
_SLEEPER = ("/bin/sh", "-c", "echo; exec sleep infinity")


def main(descriptor: int) -> None:
    """Serve until the worker closes its end."""
    control = socket.socket(fileno=descriptor)
    _warm_up()
    Launcher(control).serve()


def _warm_up() -> None:
    """Import and build now what every box needs; the forks have it then."""
    gc.disable()  # what is loaded stays; looking through it meanwhile takes a tenth of the time
    import workers.runtime.main
    import workers.runtime.watch  # noqa: F401  loaded for the forks
    from workers.runtime.engine import rehearse

    rehearse()
    gc.collect()
    gc.freeze()
    gc.enable()


class Launcher:
    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._keepers: dict[int, str] = {}

    def serve(self) -> None:
        wake_read, wake_write = os.pipe()
        os.set_blocking(wake_write, False)
        os.set_blocking(wake_read, False)
        signal.signal(signal.SIGCHLD, _ignored)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the worker to handle
        with selectors.DefaultSelector() as selector:
            selector.register(self._control, selectors.EVENT_READ)
            selector.register(wake_read, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    if key.fileobj is self._control:
                        if not self._take():
                            self._end()
                            return
                    else:
                        os.read(wake_read, 4096)
                        self._reap()

    def _take(self) -> bool:
        """Handle one request. False: the worker is gone."""
        try:
            packet, descriptors, _, _ = socket.recv_fds(self._control, PACKET_BYTES, 2)
        except OSError:
            return False
        if not packet:
            return False
        try:
            request = Launch.model_validate_json(packet)
        except ValidationError as exc:
            self._say(LaunchFailed(id="", error=str(exc)))
            return True
        launcher = os.getpid()
        try:
            pid = os.fork()
        except OSError as exc:
            self._say(LaunchFailed(id=request.id, error=str(exc)))
        else:
            if pid == 0:
                environment, log = descriptors
                _keep(request, environment, log, self._control, launcher)
            self._keepers[pid] = request.id
            self._say(Launched(id=request.id, pid=pid))
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        return True

    def _reap(self) -> None:
        while self._keepers:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            box = self._keepers.pop(pid, None)
            if box is not None:
                self._say(Exited(id=box, code=_exit_code(status)))

    def _say(self, answer: Launched | Exited | LaunchFailed) -> None:
        try:
            self._control.send(Answer(answer=answer).model_dump_json().encode())
        except OSError:
            return  # the worker is gone; the next read says so

    def _end(self) -> None:
        for pid in self._keepers:
            os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)


def _ignored(_signal: int, _frame: FrameType | None) -> None:
    """A handler, so that the wake-up descriptor is written to."""


def _exit_code(status: int) -> int:
    code = os.waitstatus_to_exitcode(status)
    return 128 - code if code < 0 else code


def _keep(
    request: Launch, environment: int, log: int, control: socket.socket, launcher: int
) -> None:
    """Be the keeper of one box. Never returns."""
    code = EXIT_START_FAILED
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        control.close()
        os.setsid()
        die_with_parent(launcher)
        os.dup2(log, 1)
        os.dup2(log, 2)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        env = _read_environment(environment)
        os.closerange(3, 1024)
        code = _run_box(request, env)
    except BaseException as exc:  # noqa: BLE001  the last frame of this process: say why, then end
        os.write(2, f"the box could not be started: {exc}\n".encode())
    finally:
        os._exit(code)


def _read_environment(descriptor: int) -> dict[str, str]:
    with os.fdopen(os.dup(descriptor), "rb") as file:
        file.seek(0)
        env: dict[str, str] = json.loads(file.read())
    return env


def _run_box(request: Launch, env: dict[str, str]) -> int:
    for cgroup in request.cgroups:
        with open(os.path.join(cgroup, "cgroup.procs"), "w") as file:
            file.write("0")
    if request.sandbox:
        join(_sandbox_start(request.sandbox, env[BOX_VARIABLE]))
    keeper = os.getpid()
    child = os.fork()
    if child == 0:
        _become_box(request, env, keeper)
    signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGTERM))
    while True:
        pid, status = os.waitpid(child, 0)
        if pid == child:
            return _exit_code(status)


def _sandbox_start(command: Sequence[str], box: str) -> int:
    """Make a sandbox that holds nothing but a sleeper; the pid of its init comes back. bubblewrap
    bears the box's name: killed at the wrong moment, it leaves a process that nothing else ends."""
    info_read, info_write = os.pipe()
    holder = subprocess.Popen(
        [
            *command,
            "--info-fd",
            str(info_write),
            "--",
            *_SLEEPER,
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        pass_fds=(info_write,),
        env={"PATH": "/usr/bin:/bin", BOX_VARIABLE: box},
    )
    os.close(info_write)
    assert holder.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(holder.stdout, selectors.EVENT_READ)
        if not selector.select(_SANDBOX_TIMEOUT_S) or not holder.stdout.read(1):
            raise OSError("bubblewrap could not make the sandbox; its reason stands above")
    with os.fdopen(info_read) as file:
        pid: int = json.loads(file.read())["child-pid"]
    return pid


def _become_box(request: Launch, env: dict[str, str], keeper: int) -> None:
    """Turn into the program of the box. Never returns."""
    code = EXIT_START_FAILED
    try:
        os.setsid()
        die_with_parent(keeper)
        limit_resources(processes=request.max_processes, file_bytes=request.max_file_bytes)
        if request.sandbox:
            drop_rights(request.uid, request.gid)
            die_with_parent(keeper)  # forgotten with the change of user
            forbid_system_calls()
        os.umask(0o022)
        os.environ.clear()
        os.environ.update(env)
        os.chdir(request.workdir)
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, signal.SIG_DFL)
        if request.command:
            os.execvpe(request.command[0], request.command, env)  # noqa: S606  that is its purpose
        from workers.runtime.main import run

        code = run(env)
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException as exc:  # noqa: BLE001  the last frame of this process: say why, then end
        os.write(2, f"the box could not be started: {exc!r}\n".encode())
    finally:
        os._exit(code)


if __name__ == "__main__":
    main(int(sys.argv[1]))
