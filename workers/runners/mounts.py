"""Put directories into a container that runs already. Linux 5.12 or newer, and root's rights.

Docker fixes a container's mounts when it is made. A tree that this process opens as a detached
mount can still be moved into the container's mount namespace; it ends with that namespace, so
nothing of it is ever to be seen, or left, on the host.
"""

import ctypes
import os
import struct
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

from workers.runners.base import Mount

_OPEN_TREE, _MOVE_MOUNT, _OPENAT2, _MOUNT_SETATTR = 428, 429, 437, 442  # on every architecture
_AT_FDCWD = -100
_AT_EMPTY_PATH = 0x1000
_OPEN_TREE_CLONE = 1
_MOVE_FROM_AND_TO_DESCRIPTORS = 0x04 | 0x40
_RESOLVE_NO_SYMLINKS = 0x04
_CLONE_FS = 0x200
_CLONE_NEWNS = 0x2_0000
_MS_PRIVATE = 1 << 18
_READ_ONLY, _NO_SUID, _NO_DEV = 0x1, 0x2, 0x4

_libc = ctypes.CDLL(None, use_errno=True)


def mounting_unavailable() -> str:
    """Why this process cannot mount into containers, as a sentence; empty when it can."""
    if os.geteuid() != 0:
        return "Only root can mount into a container that runs."
    try:
        os.close(_open_tree(Path("/")))
    except OSError as exc:
        return f"This process may not mount: {exc.strerror}."
    return ""


def mount_into(namespace: int, mounts: Sequence[Mount]) -> None:
    """Mount the sources of this host at their targets there; `namespace` is an open `ns/mnt`.

    Nothing that the box's user controls may run there yet. Raises OSError; then some may be
    mounted and some not.
    """
    with ExitStack() as opened:
        trees: list[tuple[int, str]] = []
        for mount in sorted(mounts, key=lambda mount: len(Path(mount.target).parts)):
            tree = _open_tree(mount.source)
            opened.callback(os.close, tree)
            _set_attributes(tree, "", read_only=mount.read_only)
            trees.append((tree, mount.target))
        _in_thread(lambda: _attach(namespace, trees))


def _in_thread(work: Callable[[], None]) -> None:
    """A thread that changes its namespace cannot come back, so it ends."""
    errors: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as exc:  # noqa: BLE001  raised again in the caller's thread
            errors.append(exc)

    thread = threading.Thread(target=run, name="mount")
    thread.start()
    thread.join()
    if errors:
        raise errors[0]


def _attach(namespace: int, trees: Sequence[tuple[int, str]]) -> None:
    _checked(_libc.unshare(_CLONE_FS))
    _checked(_libc.setns(namespace, _CLONE_NEWNS))
    for tree, target in trees:
        place = _place(target)
        try:
            _call(_MOVE_MOUNT, tree, b"", place, b"", _MOVE_FROM_AND_TO_DESCRIPTORS)
        finally:
            os.close(place)


def _place(target: str) -> int:
    """The directory to mount on, made where it is missing, reached through no link."""
    with suppress(FileNotFoundError):
        return _open_directory(target)
    _set_attributes(_AT_FDCWD, "/", read_only=False)
    try:
        os.makedirs(target, mode=0o755, exist_ok=True)
    finally:
        _set_attributes(_AT_FDCWD, "/", read_only=True)
    return _open_directory(target)


def _open_directory(path: str) -> int:
    flags = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
    how = struct.pack("=QQQ", flags, 0, _RESOLVE_NO_SYMLINKS)
    return _call(_OPENAT2, _AT_FDCWD, path.encode(), how, len(how))


def _open_tree(source: Path) -> int:
    return _call(_OPEN_TREE, _AT_FDCWD, os.fsencode(source), _OPEN_TREE_CLONE | os.O_CLOEXEC)


def _set_attributes(directory: int, path: str, *, read_only: bool) -> None:
    """Of a detached tree (its descriptor and no path), or of the mount at a path."""
    always = 0 if path else _NO_SUID | _NO_DEV
    setting, clearing = (_READ_ONLY, 0) if read_only else (0, _READ_ONLY)
    change = struct.pack("=QQQQ", always | setting, clearing, _MS_PRIVATE, 0)
    flags = 0 if path else _AT_EMPTY_PATH
    _call(_MOUNT_SETATTR, directory, path.encode(), flags, change, len(change))


def _call(number: int, *arguments: int | bytes) -> int:
    found = [
        ctypes.c_char_p(value) if isinstance(value, bytes) else ctypes.c_long(value)
        for value in arguments
    ]
    return _checked(int(_libc.syscall(ctypes.c_long(number), *found)))


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
