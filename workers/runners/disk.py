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

from workers.runners.base import BoxSpec, DiskLimit, Mount

_LOOK_S = 1.0
_WALK_S = 60.0  # at the latest
_WALK_SHARE = 10  # a walk that took 1 s is not repeated for 10 s


@dataclass
class _Watched:
    places: Sequence[Mount]
    limit_bytes: int
    before_bytes: int = -1  # what was there when the box started; -1: not measured yet
    left_bytes: int = 0  # at the last walk: how much more any place may take
    free_bytes: int = 0  # at the last walk
    next_walk: float = 0
    may_walk: float = 0
    over: DiskLimit = ""


@dataclass
class DiskWatch:
    """Safe to use from any thread."""

    _boxes: dict[str, _Watched] = field(default_factory=dict)
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _thread: threading.Thread | None = None

    def add(self, spec: BoxSpec) -> None:
        watched = _Watched(writable(spec.mounts), spec.limits.disk_mb * 2**20)
        with self._changed:
            self._boxes[spec.name] = watched
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="disk-watch", daemon=True)
                self._thread.start()
            self._changed.notify()

    def forget(self, name: str) -> None:
        with self._changed:
            self._boxes.pop(name, None)

    def over(self, name: str) -> DiskLimit:
        """Which limit the box has passed by what it wrote. Known within seconds of its doing so;
        where its places were over a quota before, at its start."""
        watched = self._boxes.get(name)
        return "" if watched is None else watched.over

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
    free = min((_free_bytes(place.source) for place in watched.places), default=0)
    could_be_over = watched.free_bytes - free >= watched.left_bytes
    if now < watched.may_walk or (now < watched.next_walk and not could_be_over):
        return
    sizes = [_size_bytes(place.source) for place in watched.places]
    took = time.monotonic() - now
    watched.next_walk = now + _WALK_S
    watched.may_walk = now + took * (1 + _WALK_SHARE)
    watched.free_bytes = free
    if watched.before_bytes < 0:
        watched.before_bytes = sum(sizes)
    added = sum(sizes) - watched.before_bytes
    quotas = [
        place.quota_bytes - size
        for place, size in zip(watched.places, sizes, strict=True)
        if place.quota_bytes is not None
    ]
    watched.left_bytes = min(watched.limit_bytes - added, *quotas, watched.limit_bytes)
    if any(left < 0 for left in quotas):
        watched.over = "quota"
    elif added > watched.limit_bytes:
        watched.over = "disk"


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


def writable(mounts: Sequence[Mount]) -> list[Mount]:
    """Mounts that a box may write to, none inside another: each is measured once."""
    open_ = sorted((mount for mount in mounts if not mount.read_only), key=lambda m: m.source)
    return [
        mount
        for mount in open_
        if not any(
            mount.source != other.source and mount.source.is_relative_to(other.source)
            for other in open_
        )
    ]


disk_watch = DiskWatch()
