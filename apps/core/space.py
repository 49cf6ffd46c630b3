"""The data root's file system: is it there, and how much room has it left.

It may be shared (JuiceFS, NFS). Such a file system can go, and its calls then fail or never come
back, so they are made in a thread that is left behind when it does not answer.
"""

import contextlib
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NoAnswer
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from django.conf import settings

SpaceState = Literal["ok", "low", "critical"]
ANSWER_S = 5.0
_LOOK_S = 1.0
_MOUNTS = Path("/proc/self/mounts")
_JUICEFS = "fuse.juicefs"
_REMOTE = frozenset({"9p", "afs", "ceph", "cifs", "glusterfs", "lustre", "nfs", "nfs4", "smb3"})


class StorageAway(OSError):
    """The data root cannot be used: nothing is mounted there, or it does not answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """Of the file system that holds the data root. Inodes are 0 where it does not count them."""

    total_bytes: int
    free_bytes: int
    total_inodes: int
    free_inodes: int
    filesystem: str  # "ext4", "fuse.juicefs", …; empty where the system does not say
    volume: str  # what is mounted there
    mount_age_s: float | None  # for how long JuiceFS has been mounted; None: not told

    @property
    def is_juicefs(self) -> bool:
        return self.filesystem == _JUICEFS

    @property
    def free_percent(self) -> float:
        """Of bytes or of inodes, whichever is scarcer."""
        shares = [
            100 * free / total
            for free, total in (
                (self.free_bytes, self.total_bytes),
                (self.free_inodes, self.total_inodes),
            )
            if total
        ]
        return round(min(shares, default=0.0), 1)

    @property
    def state(self) -> SpaceState:
        """`low`: an operator should know. `critical`: new runs wait."""
        if self.free_percent < settings.CRITICAL_SPACE_PERCENT:
            return "critical"
        return "low" if self.free_percent < settings.LOW_SPACE_PERCENT else "ok"


@dataclass(frozen=True, slots=True)
class _Mount:
    place: str = ""
    filesystem: str = ""
    device: str = ""

    @property
    def is_remote(self) -> bool:
        return self.filesystem.startswith("fuse") or self.filesystem in _REMOTE


def space() -> Space:
    """As it is now. Raises StorageAway, for shared storage after `ANSWER_S` at the latest."""
    root = Path(settings.DATA_ROOT)
    mount = _mount_of(root)
    _check_mounted(mount)
    try:
        return _probe.ask(root, mount) if mount.is_remote else _look(root, mount)
    except StorageAway:
        raise
    except OSError as exc:
        raise StorageAway(f"The data directory cannot be read: {exc.strerror}.") from exc


def storage_away() -> str:
    """Why the data root cannot be used, as a sentence; empty while it can. Cheap: it looks once a
    second for all who ask."""
    return _last_look.answer()


def _check_mounted(mount: _Mount) -> None:
    """A mount that went leaves an empty directory of the local disk, which must not be taken for
    the storage."""
    wanted = settings.STORAGE_MOUNT
    if wanted and not Path(mount.place).is_relative_to(wanted):
        raise StorageAway("Nothing is mounted at DJINNBOT_STORAGE_MOUNT.")


def _look(root: Path, mount: _Mount) -> Space:
    found = os.statvfs(root)
    return Space(
        total_bytes=found.f_blocks * found.f_frsize,
        free_bytes=found.f_bavail * found.f_frsize,
        total_inodes=found.f_files,
        free_inodes=found.f_favail,
        filesystem=mount.filesystem,
        volume=mount.device,
        mount_age_s=_juicefs_age_s(mount) if mount.filesystem == _JUICEFS else None,
    )


class _Probe:
    """One thread at a time, so that a file system that hangs for hours costs one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked: Future[Space] | None = None

    def ask(self, root: Path, mount: _Mount) -> Space:
        with self._lock:
            if self._asked is None or self._asked.done():
                self._asked = Future()
                threading.Thread(
                    target=_answer,
                    args=(self._asked, lambda: _look(root, mount)),
                    name="storage",
                    daemon=True,
                ).start()
            asked = self._asked
        try:
            return asked.result(ANSWER_S)
        except NoAnswer as exc:
            raise StorageAway(
                f"The data directory has not answered for {ANSWER_S:g} seconds."
            ) from exc


def _answer(asked: "Future[Space]", look: Callable[[], Space]) -> None:
    try:
        asked.set_result(look())
    except OSError as exc:
        asked.set_exception(exc)


class _LastLook:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._about: tuple[str, str] = ("", "")
        self._at = float("-inf")
        self._said = ""

    def answer(self) -> str:
        about = (str(settings.DATA_ROOT), settings.STORAGE_MOUNT)
        with self._lock:
            if about == self._about and time.monotonic() - self._at < _LOOK_S:
                return self._said
        try:
            space()
            said = ""
        except StorageAway as exc:
            said = str(exc)
        with self._lock:
            self._about, self._at, self._said = about, time.monotonic(), said
        return said


_probe = _Probe()
_last_look = _LastLook()


def _juicefs_age_s(mount: _Mount) -> float | None:
    """By its own account, a file at the root of the mount."""
    with contextlib.suppress(OSError, ValueError):
        for line in Path(mount.place, ".stats").read_text(errors="replace").splitlines():
            name, _, value = line.partition(" ")
            if name == "juicefs_uptime":
                return round(float(value), 1)
    return None


def _mount_of(root: Path) -> _Mount:
    """The innermost mount above `root`."""
    try:
        lines = _MOUNTS.read_text().splitlines()
    except OSError:
        return _Mount()
    best = _Mount()
    for line in lines:
        device, place, kind, *_ = line.split(" ")
        place = place.replace("\\040", " ")
        if root.is_relative_to(place) and len(place) >= len(best.place):
            best = _Mount(place, kind, device)
    return best
