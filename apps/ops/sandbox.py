"""The home of an agent, which outlives its sessions: look into it, change it, empty it.

An agent wrote what lies there, so no link is ever followed: each part of a path is opened from the
one before.
"""

import base64
import os
import shutil
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

from django.conf import settings

from apps.core.errors import Conflict, Malformed, NotFound
from apps.core.events import NewEvent, events_append
from apps.ops.usage import usage_of_agent
from apps.repos.errors import FileNotFound, PathForbidden
from apps.repos.files import opened, readable
from apps.repos.services import box_user
from apps.sessions.machine import SESSION_LIVE
from apps.sessions.models import AgentSession

PAGE = 1000
FILE_LIMIT_BYTES = 1024 * 1024
_TOOLS = (".local", "bin")

EntryType = Literal["file", "directory", "link", "other"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxEntry:
    name: str
    type: EntryType
    size: int
    modified: datetime
    target: str = ""  # of a link, which is shown and not followed


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxFile:
    """At most the first MiB. `encoding` is `base64` for what is not UTF-8 text."""

    path: str
    size: int
    modified: datetime
    content: str
    encoding: Literal["utf-8", "base64"]
    truncated: bool


def sandbox_root(agent_id: str) -> Path:
    return Path(settings.DATA_ROOT) / "sandboxes" / agent_id


def sandbox_overview(agent_id: str) -> dict[str, Any]:
    """What it takes up, as last measured, the agent's own tools, and its first level."""
    usage = usage_of_agent(agent_id)
    exists = sandbox_root(agent_id).is_dir()
    tree = sandbox_tree(agent_id, "", after="")[0] if exists else []
    return {
        "agent_id": agent_id,
        "exists": exists,
        "used_mb": round(usage.bytes / 2**20, 1) if usage else None,
        "total_mb": settings.SANDBOX_QUOTA_MB or None,
        "over_quota": bool(usage and usage.is_over),
        "files": usage.files if usage else None,
        "directories": usage.directories if usage else None,
        "measured_at": usage.measured_at if usage else None,
        "tools": _tools(agent_id),
        "tree": tree,
    }


def sandbox_tree(
    agent_id: str, path: str, *, after: str, limit: int = PAGE
) -> tuple[list[SandboxEntry], str]:
    """One level, by name: its entries after `after`, and where the next page starts (or empty)."""
    with _directory(agent_id, path_parts(path)) as descriptor:
        names = sorted(os.fsencode(name) for name in os.listdir(descriptor))
        rest = [name for name in names if name > os.fsencode(after)] if after else names
        page = rest[:limit]
        entries = [entry for name in page if (entry := _entry(name, descriptor)) is not None]
    more = len(rest) > limit
    return entries, os.fsdecode(page[-1]) if more else ""


def sandbox_file(agent_id: str, path: str) -> SandboxFile:
    """Raises Malformed for what is not a file, NotFound."""
    parts = path_parts(path, of_file=True)
    with _below(agent_id, parts) as descriptor:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise _not_a("file")
        with os.fdopen(os.dup(descriptor), "rb") as stream:
            data = stream.read(FILE_LIMIT_BYTES)
    content, encoding = _shown(data)
    return SandboxFile(
        path=path,
        size=found.st_size,
        modified=datetime.fromtimestamp(found.st_mtime, tz=UTC),
        content=content,
        encoding=encoding,
        truncated=found.st_size > FILE_LIMIT_BYTES,
    )


def sandbox_write(agent_id: str, path: str, data: bytes) -> None:
    """Put a file there, making the directories above. What was there is replaced at once."""
    parts = path_parts(path, of_file=True)
    root = sandbox_root(agent_id)
    root.mkdir(mode=0o755, parents=True, exist_ok=True)
    for depth in range(1, len(parts)):
        with _directory(agent_id, parts[: depth - 1]) as above:
            _make(parts[depth - 1], above)
    with _directory(agent_id, parts[:-1]) as directory:
        partial = f".{uuid4().hex}.upload"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        try:
            with os.fdopen(os.open(partial, flags, 0o644, dir_fd=directory), "wb") as stream:
                stream.write(data)
            _hand_over(partial, directory)
            os.rename(partial, parts[-1], src_dir_fd=directory, dst_dir_fd=directory)
        except IsADirectoryError as exc:
            raise _not_a("file") from exc
        finally:
            _unlink(partial, directory)


def sandbox_delete(agent_id: str, path: str) -> None:
    """Remove a file, a link, or a directory with all in it."""
    parts = path_parts(path, of_file=True)
    with _directory(agent_id, parts[:-1]) as directory:
        try:
            found = os.stat(parts[-1], dir_fd=directory, follow_symlinks=False)
        except FileNotFoundError as exc:
            raise _absent() from exc
        if stat.S_ISDIR(found.st_mode):
            shutil.rmtree(parts[-1], dir_fd=directory)
        else:
            os.unlink(parts[-1], dir_fd=directory)


def sandbox_reset(agent_id: str) -> None:
    """Empty the home. Raises Conflict while a session of the agent lives."""
    live = AgentSession.objects.filter(agent_id=agent_id, status__in=SESSION_LIVE).count()
    if live:
        raise Conflict(
            f"`{agent_id}` is at work: {live} of its sessions run. Stop them first.",
            code="agent_busy",
            sessions=live,
        )
    root = sandbox_root(agent_id)
    if root.is_dir() and not root.is_symlink():
        # At once, so that a session which starts meanwhile finds an empty home, not half of one.
        gone = root.with_name(f".{agent_id}.gone.{uuid4().hex[:8]}")
        os.rename(root, gone)
        shutil.rmtree(gone, ignore_errors=True)
    event = NewEvent(type="SANDBOX_RESET", payload={"agentId": agent_id})
    events_append("agents", [event])


def path_parts(path: str, *, of_file: bool = False) -> list[str]:
    """Raises Malformed for a path that leads out, and, `of_file`, for the home itself."""
    parts = [part for part in path.split("/") if part not in {"", "."}]
    if path.startswith("/") or ".." in parts or "\0" in path:
        raise Malformed("This path leads out of the agent's home.", code="path_invalid")
    if of_file and not parts:
        raise Malformed("Name a file: `?path=`.", code="path_invalid")
    return parts


def _tools(agent_id: str) -> list[str]:
    try:
        with _directory(agent_id, _TOOLS) as descriptor:
            return sorted(readable(name) for name in os.listdir(descriptor))[:PAGE]
    except (NotFound, Malformed):
        return []


@contextmanager
def _directory(agent_id: str, parts: Sequence[str]) -> Iterator[int]:
    with _below(agent_id, parts) as descriptor:
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise _not_a("directory")
        yield descriptor


@contextmanager
def _below(agent_id: str, parts: Sequence[str]) -> Iterator[int]:
    try:
        opening = opened(sandbox_root(agent_id), parts)
        descriptor = opening.__enter__()
    except PathForbidden as exc:
        raise Malformed(exc.message, code="path_invalid") from exc
    except (FileNotFound, OSError) as exc:
        raise _absent() from exc
    try:
        yield descriptor
    finally:
        opening.__exit__(None, None, None)


def _entry(name: bytes, directory: int) -> SandboxEntry | None:
    try:
        found = os.stat(name, dir_fd=directory, follow_symlinks=False)
        is_link = stat.S_ISLNK(found.st_mode)
        target = os.fsdecode(os.readlink(name, dir_fd=directory)) if is_link else ""
    except OSError:
        return None  # it went while we looked
    return SandboxEntry(
        name=readable(os.fsdecode(name)),
        type=_type(found.st_mode),
        size=found.st_size,
        modified=datetime.fromtimestamp(found.st_mtime, tz=UTC),
        target=readable(target),
    )


def _type(mode: int) -> EntryType:
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISDIR(mode):
        return "directory"
    return "link" if stat.S_ISLNK(mode) else "other"


def _shown(data: bytes) -> tuple[str, Literal["utf-8", "base64"]]:
    """Text as such; a cut in the middle of a letter makes no binary of it."""
    if b"\0" not in data:
        for cut in range(min(4, len(data) + 1)):
            try:
                return data[: len(data) - cut].decode(), "utf-8"
            except UnicodeDecodeError:
                if len(data) < FILE_LIMIT_BYTES:
                    break
    return base64.b64encode(data).decode(), "base64"


def _make(name: str, directory: int) -> None:
    try:
        os.mkdir(name, 0o755, dir_fd=directory)
    except FileExistsError:
        return
    _hand_over(name, directory)


def _hand_over(name: str, directory: int) -> None:
    if os.geteuid() == 0:
        uid, gid = box_user()
        os.chown(name, uid, gid, dir_fd=directory, follow_symlinks=False)


def _unlink(name: str, directory: int) -> None:
    try:
        os.unlink(name, dir_fd=directory)
    except FileNotFoundError:
        return


def _not_a(what: str) -> Malformed:
    return Malformed(f"This path is not a {what}.", code="path_invalid")


def _absent() -> NotFound:
    return NotFound("There is nothing at this path.", code="file_not_found")
