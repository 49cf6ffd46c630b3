"""Running a server in the foreground of this process, and watching it from another."""

import contextlib
import ctypes
import fcntl
import os
import pwd
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from djinnbot.embedded.errors import EmbeddedError

_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What to execute, as whom, and the signal that stops it cleanly."""

    argv: Sequence[str]
    cwd: Path
    stop_signal: signal.Signals
    account: pwd.struct_passwd | None = None
    environment: Mapping[str, str] = field(default_factory=dict)


def become(program: Program, *, die_with_parent: bool) -> NoReturn:
    """Replace this process by the program."""
    environment = {**os.environ, **program.environment}
    os.chdir(program.cwd)
    if program.account is not None:
        os.setgroups([])
        os.setgid(program.account.pw_gid)
        os.setuid(program.account.pw_uid)
        environment["HOME"] = program.account.pw_dir
    if die_with_parent:  # after setuid, which clears it
        stop_with_parent(program.stop_signal)
    os.execve(program.argv[0], list(program.argv), environment)  # noqa: S606  no shell is wanted


def stop_with_parent(stop_signal: signal.Signals) -> None:
    """Have the kernel send us a signal when the process that started us ends, however it ends."""
    parent = os.getppid()
    with contextlib.suppress(OSError, AttributeError):  # Linux only; elsewhere the lock protects
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, stop_signal)
    if os.getppid() != parent:
        raise SystemExit(1)


def hold_lock(path: Path, *, wait_s: float, busy: str) -> None:
    """Take an exclusive lock that the program and its children keep until the last has ended.

    `busy` is the sentence for a lock that stays taken.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    os.set_inheritable(descriptor, True)
    deadline = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise EmbeddedError(busy) from None
            time.sleep(0.05)
        else:
            return


def wait_until(ready: Callable[[], bool], *, timeout_s: float, step_s: float = 0.02) -> bool:
    deadline = time.monotonic() + timeout_s
    while not ready():
        if time.monotonic() > deadline:
            return False
        time.sleep(step_s)
    return True


def pid_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
