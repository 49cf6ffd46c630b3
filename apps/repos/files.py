"""Read files below a directory that an agent has written, without following any link."""

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from apps.repos.errors import FileNotFound, FileNotText, FileTooLarge, PathForbidden
from apps.repos.names import is_git_dir_name

MAX_FILE_BYTES = 1_000_000
MAX_FILES = 10_000
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEntry:
    path: str
    size: int
    modified: datetime | None


@contextmanager
def opened(root: Path, parts: Sequence[str]) -> Iterator[int]:
    """A descriptor of the file. Each part is opened from the one before, so a link met on the way
    is seen as one, and nothing can be swapped between check and use."""
    descriptor = os.open(root, _DIRECTORY)
    try:
        for index, part in enumerate(parts):
            flags = _FILE if index == len(parts) - 1 else _DIRECTORY
            found = _open_part(part, flags, descriptor)
            os.close(descriptor)
            descriptor = found
        yield descriptor
    finally:
        os.close(descriptor)


def _open_part(part: str, flags: int, directory: int) -> int:
    try:
        status = os.stat(part, dir_fd=directory, follow_symlinks=False)
        if stat.S_ISLNK(status.st_mode):
            raise PathForbidden("This path leads through a link, which is not followed.")
        return os.open(part, flags, dir_fd=directory)
    except OSError as exc:
        raise FileNotFound("There is no such file in the workspace.") from exc


def file_text(root: Path, parts: Sequence[str]) -> str:
    """The text of a file. Raises PathForbidden, FileNotFound, FileTooLarge, FileNotText."""
    with opened(root, parts) as descriptor:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise FileNotFound("This path is not a file.")
        if status.st_size > MAX_FILE_BYTES:
            raise too_large(status.st_size)
        with os.fdopen(os.dup(descriptor), "rb") as stream:
            return text_of(stream.read(MAX_FILE_BYTES + 1))


def text_of(data: bytes) -> str:
    if len(data) > MAX_FILE_BYTES:
        raise too_large(len(data))
    if b"\x00" in data:
        raise FileNotText("This file is not text.")
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise FileNotText("This file is not UTF-8 text.") from None


def too_large(size: int) -> FileTooLarge:
    return FileTooLarge(
        f"The file has {size} bytes; at most {MAX_FILE_BYTES} are shown.", size_bytes=size
    )


def files_below(root: Path) -> list[FileEntry]:
    """Regular files, at most `MAX_FILES`, by path. No link is followed, `.git` is left out."""
    found: list[FileEntry] = []
    for directory, directories, names, descriptor in os.fwalk(root, follow_symlinks=False):
        directories[:] = sorted(name for name in directories if not is_git_dir_name(name))
        for name in sorted(names):
            entry = _entry(os.path.relpath(os.path.join(directory, name), root), name, descriptor)
            if entry is not None:
                found.append(entry)
        if len(found) >= MAX_FILES:
            break
    return sorted(found[:MAX_FILES], key=lambda entry: entry.path)


def _entry(path: str, name: str, directory: int) -> FileEntry | None:
    if is_git_dir_name(name):
        return None
    try:
        status = os.stat(name, dir_fd=directory, follow_symlinks=False)
    except OSError:
        return None  # went away meanwhile
    if not stat.S_ISREG(status.st_mode):
        return None
    modified = datetime.fromtimestamp(status.st_mtime, tz=UTC)
    return FileEntry(path=readable(path), size=status.st_size, modified=modified)


def readable(path: str) -> str:
    """A path that JSON can carry: bytes that are not UTF-8 become the replacement character."""
    return path.encode(errors="surrogateescape").decode(errors="replace")
