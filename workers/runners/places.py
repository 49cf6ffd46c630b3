"""Mount points inside directories that agents may write, where nothing is what it seems.

An agent's home outlives its boxes. What one of them left there, a link to `/etc` say, must not lead
the platform, which may be root, astray.
"""

import os
import stat
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from workers.runners.base import Mount

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def make_mount_points(mounts: Sequence[Mount], *, uid: int, gid: int) -> None:
    """Make the place for each mount that lies inside another one, as the box's user."""
    for mount in mounts:
        for outer in mounts:
            if outer is not mount and Path(mount.target).is_relative_to(outer.target):
                if not outer.read_only:
                    _make(outer.source, Path(mount.target).relative_to(outer.target), uid, gid)


def _make(root: Path, inner: Path, uid: int, gid: int) -> None:
    """Step by step, never through a link: what is no directory goes."""
    descriptor = os.open(root, _DIRECTORY)
    try:
        for name in inner.parts:
            below = _enter(descriptor, name, uid, gid)
            os.close(descriptor)
            descriptor = below
    finally:
        os.close(descriptor)


def _enter(parent: int, name: str, uid: int, gid: int) -> int:
    with suppress(FileNotFoundError):
        if not stat.S_ISDIR(os.lstat(name, dir_fd=parent).st_mode):
            os.unlink(name, dir_fd=parent)
    with suppress(FileExistsError):
        os.mkdir(name, 0o755, dir_fd=parent)
    descriptor = os.open(name, _DIRECTORY, dir_fd=parent)
    if os.geteuid() == 0 and os.fstat(descriptor).st_uid != uid:
        os.fchown(descriptor, uid, gid)
    return descriptor
