"""The worker's end of its launcher process (`workers.runtime.launcher`)."""

import atexit
import contextlib
import itertools
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

from workers.protocol.launch import Answer, Exited, Launch, Launched, LaunchFailed
from workers.runners.base import BoxStartFailed

CODE_ROOT = Path(__file__).resolve().parents[2]
_ANSWER_TIMEOUT_S = 60
_PACKET_BYTES = 64 * 1024


class LauncherProcess:
    """One launcher, started at first use and again if it died. Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answered = threading.Condition()
        self._started: dict[str, Launched | LaunchFailed] = {}
        self._exits: dict[str, int] = {}
        self._asked: dict[str, socket.socket] = {}
        self._numbers = itertools.count(1)
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    def warm(self) -> None:
        """Start the process, so that it is ready when the first box is wanted."""
        with self._lock:
            self._running()

    def launch(self, request: Launch, *, env: Mapping[str, str], log: Path) -> tuple[str, int]:
        """Start a box; its ticket (for `exit_code`) and its keeper's pid come back."""
        ticket = f"{os.getpid()}-{next(self._numbers)}-{request.id}"
        packet = request.model_copy(update={"id": ticket}).model_dump_json().encode()
        with _sealed(env) as environment, log.open("ab") as output:
            with self._lock:
                control = self._running()
                self._asked[ticket] = control
                try:
                    socket.send_fds(control, [packet], [environment.fileno(), output.fileno()])
                except OSError as exc:
                    raise BoxStartFailed(f"The launcher does not answer: {exc}.") from exc
            answer = self._answer(ticket)
        if isinstance(answer, LaunchFailed):
            raise BoxStartFailed(f"The box's process could not be made: {answer.error}.")
        return ticket, answer.pid

    def exit_code(self, ticket: str, *, wait_s: float) -> int | None:
        """How a box of this worker ended. The news may come a moment after the end itself."""
        if not ticket:
            return None
        with self._answered:
            self._answered.wait_for(lambda: ticket in self._exits, wait_s)
            return self._exits.get(ticket)

    def forget(self, ticket: str) -> None:
        self._exits.pop(ticket, None)

    def close(self) -> None:
        """End the launcher and with it every box it keeps."""
        with self._lock:
            if self._control is not None:
                self._control.close()
                self._control = None
            if self._process is not None:
                try:
                    self._process.wait(5)
                except subprocess.TimeoutExpired:
                    self._process.kill()
                    self._process.wait()
                self._process = None

    def _answer(self, ticket: str) -> Launched | LaunchFailed:
        with self._answered:
            if not self._answered.wait_for(lambda: ticket in self._started, _ANSWER_TIMEOUT_S):
                self._asked.pop(ticket, None)
                raise BoxStartFailed("The launcher did not start the box in time.", retryable=True)
            self._asked.pop(ticket, None)
            return self._started.pop(ticket)

    def _running(self) -> socket.socket:
        if self._process is not None and self._process.poll() is None and self._control is not None:
            return self._control
        if self._control is not None:
            self._control.close()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "workers.runtime.launcher", str(theirs.fileno())],
                cwd=CODE_ROOT,
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                # Nothing of the platform's own environment: every box inherits this one.
                env={"PATH": os.defpath, "PYTHONPATH": str(CODE_ROOT), "LANG": "C.UTF-8"},
            )
        self._control = ours
        threading.Thread(target=self._listen, args=(ours,), daemon=True, name="launcher").start()
        return ours

    def _listen(self, control: socket.socket) -> None:
        while True:
            try:
                packet = control.recv(_PACKET_BYTES)
            except OSError:
                packet = b""
            if not packet:
                self._lost(control)
                return
            answer = Answer.model_validate_json(packet).answer
            with self._answered:
                if isinstance(answer, Exited):
                    self._exits[answer.id] = answer.code
                else:
                    self._started[answer.id] = answer
                self._answered.notify_all()

    def _lost(self, control: socket.socket) -> None:
        """That launcher has ended: whoever waits for its answer need not."""
        with self._answered:
            for ticket, asked in self._asked.items():
                if asked is control:
                    error = "the launcher ended; its reason stands in the worker's log"
                    self._started.setdefault(ticket, LaunchFailed(id=ticket, error=error))
            self._answered.notify_all()


@contextlib.contextmanager
def _sealed(env: Mapping[str, str]) -> Iterator[IO[bytes]]:
    """The environment in a file without a name, closed when the block ends."""
    with os.fdopen(os.memfd_create("environment", os.MFD_CLOEXEC), "wb+") as file:
        file.write(json.dumps(dict(env)).encode())
        file.flush()
        yield file


shared_launcher = LauncherProcess()
atexit.register(shared_launcher.close)
