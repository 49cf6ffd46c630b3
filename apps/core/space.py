"""How much room the data root has left."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from django.conf import settings

SpaceState = Literal["ok", "low", "critical"]
_MOUNTS = Path("/proc/self/mounts")


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """Of the file system that holds the data root. Inodes are 0 where it does not count them."""

    total_bytes: int
    free_bytes: int
    total_inodes: int
    free_inodes: int
    filesystem: str  # "ext4", "fuse.juicefs", …; empty where the system does not say
    volume: str  # what is mounted there

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


def space() -> Space:
    """As it is now: one system call. Raises OSError when the data root is away."""
    root = Path(settings.DATA_ROOT)
    found = os.statvfs(root)
    filesystem, volume = _mount_of(root)
    return Space(
        total_bytes=found.f_blocks * found.f_frsize,
        free_bytes=found.f_bavail * found.f_frsize,
        total_inodes=found.f_files,
        free_inodes=found.f_favail,
        filesystem=filesystem,
        volume=volume,
    )


def _mount_of(root: Path) -> tuple[str, str]:
    """(type, device) of the innermost mount above `root`."""
    try:
        lines = _MOUNTS.read_text().splitlines()
    except OSError:
        return "", ""
    best = ("", "", "")
    for line in lines:
        device, place, kind, *_ = line.split(" ")
        place = place.replace("\\040", " ")
        if root.is_relative_to(place) and len(place) >= len(best[0]):
            best = (place, kind, device)
    return best[1], best[2]
