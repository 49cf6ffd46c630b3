"""How much boxes write: one thread that measures the directories of all boxes of this process.

A walk through a big directory is dear, so it looks at the free space of the file system first: a
box cannot have grown by more than its limit unless that much has gone.
"""

import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

_LOOK_S = 1.0
_WALK_S = 60.0  # at the latest
_WALK_SHARE = 10  # a walk that took 1 s is not repeated for 10 s


@dataclass
class _Watched:
    directories: Sequence[Path]
    limit_bytes: int
    before_bytes: int = -1  # what was there when the box started; -1: not measured yet
    added_bytes: int = 0
    free_bytes: int = 0  # at the last walk
    next_walk: float = 0
    may_walk: float = 0
    is_over: bool = False


@dataclass
class DiskWatch:
    """Safe to use from any thread."""

    _boxes: dict[str, _Watched] = field(default_factory=dict)
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _thread: threading.Thread | None = None

    def add(self, name: str, directories: Sequence[Path], *, limit_bytes: int) -> None:
        with self._changed:
            self._boxes[name] = _Watched(directories, limit_bytes)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="disk-watch", daemon=True)
                self._thread.start()
            self._changed.notify()

    def forget(self, name: str) -> None:
        with self._changed:
            self._boxes.pop(name, None)

    def is_over(self, name: str) -> bool:
        """Whether the box has written more than it may. Known within seconds of its doing so."""
        watched = self._boxes.get(name)
        return watched is not None and watched.is_over

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._boxes)
                found = list(self._boxes.values())
            for watched in found:
                with suppress(OSError):  # its directories are going away
                    _look(watched, time.monotonic())
            time.sleep(_LOOK_S)


def _look(watched: _Watched, now: float) -> None:
    free = min((_free_bytes(place) for place in watched.directories), default=0)
    room = watched.limit_bytes - watched.added_bytes
    could_be_over = watched.free_bytes - free >= room
    if now < watched.may_walk or (now < watched.next_walk and not could_be_over):
        return
    size = sum(_size_bytes(place) for place in watched.directories)
    took = time.monotonic() - now
    watched.next_walk = now + _WALK_S
    watched.may_walk = now + took * (1 + _WALK_SHARE)
    watched.free_bytes = free
    if watched.before_bytes < 0:
        watched.before_bytes = size
        return
    watched.added_bytes = size - watched.before_bytes
    watched.is_over = watched.added_bytes > watched.limit_bytes


def _free_bytes(place: Path) -> int:
    found = os.statvfs(place)
    return found.f_bfree * found.f_frsize


def _size_bytes(place: Path) -> int:
    """What a directory takes on its disk; a file with several names counts once."""
    seen: set[int] = set()
    total = 0
    for status in _statuses(os.fspath(place)):
        if status.st_nlink > 1:
            if status.st_ino in seen:
                continue
            seen.add(status.st_ino)
        total += status.st_blocks * 512
    return total


def _statuses(place: str) -> Iterator[os.stat_result]:
    waiting = [place]
    while waiting:
        with suppress(OSError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                with suppress(OSError):
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    else:
                        yield entry.stat(follow_symlinks=False)


def writable(mounts: Sequence[tuple[Path, bool]]) -> list[Path]:
    """Sources that a box may write to, none inside another: each is measured once."""
    sources = sorted({source for source, read_only in mounts if not read_only})
    return [
        source
        for source in sources
        if not any(source != other and source.is_relative_to(other) for other in sources)
    ]


disk_watch = DiskWatch()
