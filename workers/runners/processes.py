"""What runs on this host, read from /proc at most twice a second for all who ask."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from workers.protocol.launch import BOX_VARIABLE

_MAX_AGE_S = 0.5
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class ProcessInfo:
    pid: int
    parent: int
    rss_bytes: int


def start_time(pid: int) -> str:
    """When a process began, in ticks since boot; with the pid it names one process for good."""
    try:
        return _stat(pid)[19]
    except (OSError, IndexError):
        return ""


def is_alive(pid: int, started: str) -> bool:
    """Whether that very process lives (a zombie does not)."""
    try:
        fields = _stat(pid)
    except (OSError, IndexError):
        return False
    return fields[19] == started and fields[0] != "Z"


class ProcessTable:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._read_at = 0.0
        self._children: dict[int, list[ProcessInfo]] = {}

    def descendants(self, pid: int) -> list[ProcessInfo]:
        """The process and all below it."""
        with self._lock:
            if time.monotonic() - self._read_at > _MAX_AGE_S:
                self._children = _children()
                self._read_at = time.monotonic()
            children = self._children
        found = [info for infos in children.values() for info in infos if info.pid == pid]
        queue = [pid]
        while queue:
            below = children.get(queue.pop(), [])
            found += below
            queue += [info.pid for info in below]
        return found


def marked(name: str) -> list[int]:
    """Processes whose environment says that they belong to box `name`, wherever they went."""
    mark = f"{BOX_VARIABLE}={name}".encode()
    found = []
    for pid in _pids():
        with suppress(OSError):
            if mark in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
                found.append(pid)
    return found


def _children() -> dict[int, list[ProcessInfo]]:
    table: dict[int, list[ProcessInfo]] = {}
    for pid in _pids():
        with suppress(OSError, IndexError, ValueError):
            fields = _stat(pid)
            info = ProcessInfo(pid, int(fields[1]), int(fields[21]) * _PAGE)
            table.setdefault(info.parent, []).append(info)
    return table


def _pids() -> Iterator[int]:
    try:
        names = os.listdir("/proc")
    except OSError:  # not Linux
        return
    yield from (int(name) for name in names if name.isdigit())


def _stat(pid: int) -> list[str]:
    """Fields of /proc/PID/stat from the state on; the name before it may hold anything."""
    text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    return text.rpartition(")")[2].split()
