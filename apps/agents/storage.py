"""Writing into the data directory: whole files, atomically, or not at all."""

import errno
import os
import secrets
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings

from apps.agents.directory import MAX_FILE_BYTES, is_agent_name, read_text
from apps.agents.sync import data_directory
from apps.core.errors import Conflict, Unavailable

_READ_ONLY = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})


class DataDirectoryReadOnly(Exception):
    """The data directory takes no writes: the change belongs into the database layer."""


def file_write(agent_id: str, name: str, text: str) -> None:
    """Replace a file of an agent. Raises DataDirectoryReadOnly, Unavailable."""
    directory = data_directory(agent_id)
    assert is_agent_name(agent_id), agent_id
    assert "/" not in name, name
    temporary = directory / f".{name}.{secrets.token_hex(6)}.tmp"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        _write(temporary, text)
        os.replace(temporary, directory / name)
    except OSError as exc:
        temporary.unlink(missing_ok=True)
        raise _translated(exc) from exc


def file_text(agent_id: str, name: str) -> str | None:
    """What the data directory itself holds, or None. Raises Conflict when it cannot be read."""
    path = data_directory(agent_id) / name
    if not path.exists():
        return None
    text, findings = read_text(path, MAX_FILE_BYTES)
    if text is None:
        raise Conflict(f"{findings[0].message} Mend it on disk first.", code="file_unreadable")
    return text


def file_remove(agent_id: str, name: str) -> None:
    """Drop a file of the overlay, and the directory when nothing else is in it."""
    directory = data_directory(agent_id)
    try:
        (directory / name).unlink(missing_ok=True)
        if directory.is_dir() and not any(directory.iterdir()):
            directory.rmdir()
    except OSError as exc:
        raise _translated(exc) from exc


def directory_set_aside(agent_id: str) -> Path | None:
    """Move an agent's directory to `.deleted/`, so that a deletion can be undone by hand."""
    directory = data_directory(agent_id)
    if not directory.is_dir():
        return None
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")
    target = Path(settings.AGENTS_DIR) / ".deleted" / f"{agent_id}-{stamp}"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        directory.rename(target)
    except OSError as exc:
        raise _translated(exc) from exc
    return target


def _write(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())


def _translated(exc: OSError) -> Exception:
    if exc.errno in _READ_ONLY:
        return DataDirectoryReadOnly(exc.strerror)
    reason = exc.strerror or type(exc).__name__
    return Unavailable(f"The agents' data directory cannot be written: {reason}.")
