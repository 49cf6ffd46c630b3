"""The library on disk and its rows: found, read, merged, stored.

A read asks `agents_sync_if_changed` first, so a new directory is a new agent at once: a look at
sizes and times of the files costs about a millisecond, and only a change, or 60 s, costs a reading.
"""

import hashlib
import os
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog
from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from apps.agents.config import FILE as CONFIG_FILE
from apps.agents.directory import (
    IDENTITY_FILE,
    AgentDirectory,
    agent_directories,
    read_directory,
)
from apps.agents.layers import EffectiveAgent, LayerName, Overrides, merge
from apps.agents.models import Agent, AgentFileVersion
from apps.core.events import NewEvent, events_append

log = structlog.get_logger(__name__)

LIBRARY = Path(__file__).parent / "library"
TOPIC = "agents"
FULL_SYNC_S = 60
VERSIONS_KEPT = 50
_SYNC_LOCK = 0x646A_0101  # advisory lock: one sync at a time in the whole install

Layers = list[tuple[LayerName, AgentDirectory]]
StatKey = tuple[Any, ...]


@dataclass(slots=True)
class SyncReport:
    created: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)  # {agent id: why}


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """Who changed a file, for its version rows."""

    kind: str = AgentFileVersion.Author.SYNC
    user_id: str | None = None


class _Memory:
    """What this process last saw on disk. Only ever set after the rows were committed."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.key: StatKey | None = None
        self.at = 0.0
        self.live = 0

    def is_current(self, key: StatKey) -> bool:
        with self.lock:
            return key == self.key and time.monotonic() - self.at < FULL_SYNC_S

    def remember(self, key: StatKey, live: int) -> None:
        with self.lock:
            self.key, self.at, self.live = key, time.monotonic(), live


_memory = _Memory()


def agents_sync_if_changed() -> None:
    """Sync when a file of the library looks different from last time, or 60 s have passed.

    Inside a transaction that may hold locks of its own it never waits for another sync: the rows
    as they are serve this read, and the next one tries again.
    """
    if not _memory.is_current(_stat_key()):
        agents_sync(wait=not connection.in_atomic_block)


def agents_sync(*, wait: bool = True) -> SyncReport:
    """Read every agent directory and store what changed. A broken agent never stops the others.

    Without `wait` nothing is done while another sync runs.
    """
    key = _stat_key()  # before reading: what changes meanwhile looks different next time
    report = SyncReport()
    with transaction.atomic():
        if not sync_lock(wait=wait):
            return report
        rows = {row.id: row for row in Agent.objects.select_for_update()}
        for agent_id in _ids(rows):
            _sync_one(agent_id, rows.get(agent_id), report)
        live = len(report.created) + len(report.updated) + len(report.unchanged)
        transaction.on_commit(lambda: _memory.remember(key, live))
    return report


def live_count_expected() -> int:
    """How many agents this process last stored: fewer rows mean that somebody emptied the table."""
    return _memory.live


def agent_refresh(row: Agent, author: Author) -> bool:
    """Read one agent again after a change to its layers, and say whether anything changed.

    The caller holds the row's lock.
    """
    layers = read_layers(row.id)
    effective = merge(row.id, layers, _overrides(row), row.file_config)
    if effective is None:
        return _remove(row)
    return _store(row, effective, layers, author)


def read_layers(agent_id: str) -> Layers:
    """The directories of an agent that hold anything, lowest layer first."""
    read = [(name, read_directory(root / agent_id, os.environ)) for name, root in _roots()]
    return [(name, directory) for name, directory in read if not directory.is_empty]


def is_builtin(agent_id: str) -> bool:
    return (LIBRARY / agent_id / IDENTITY_FILE).is_file()


def data_directory(agent_id: str) -> Path:
    return Path(settings.AGENTS_DIR) / agent_id


def template_text(name: str) -> str:
    """A text of `_templates`, from the data directory when it has one; empty when none has."""
    for _, root in reversed(_roots()):
        path = root / "_templates" / name
        if path.is_file():
            return path.read_text(encoding="utf-8", errors="replace")
    return ""


# -- one agent ---------------------------------------------------------------------------------


def _sync_one(agent_id: str, row: Agent | None, report: SyncReport) -> None:
    try:
        with transaction.atomic():
            _sync_row(agent_id, row, report)
    except (OSError, ValueError, RecursionError, DatabaseError) as exc:
        report.failed[agent_id] = f"{type(exc).__name__}: {exc}"
        log.warning("An agent could not be synced", agent=agent_id, error=str(exc))


def _sync_row(agent_id: str, row: Agent | None, report: SyncReport) -> None:
    layers = read_layers(agent_id)
    overrides = Overrides() if row is None else _overrides(row)
    effective = merge(agent_id, layers, overrides, {} if row is None else row.file_config)
    if effective is None:
        if row is not None and _remove(row):
            report.removed.append(agent_id)
    elif row is None:
        _store(Agent(id=agent_id, version=0), effective, layers, Author())
        report.created.append(agent_id)
    elif _store(row, effective, layers, Author()):
        report.updated.append(agent_id)
    else:
        report.unchanged.append(agent_id)


def _store(row: Agent, new: EffectiveAgent, layers: Layers, author: Author) -> bool:
    content_hash = new.content_hash
    if row.content_hash == content_hash and row.removed_at is None:
        return False
    is_new = row.version == 0
    old_files, old_config, old_own = row.files, row.config, row.file_config.get("data_dir")
    _fill(row, new, content_hash)
    row.save(force_insert=is_new)
    changed = sorted(
        name
        for name in {*old_files, *new.files}
        if not is_new and old_files.get(name) != new.files.get(name)
    )
    for name in changed:
        version_add(row, name, old=old_files.get(name), new=new.files.get(name), author=author)
    if not is_new and new.file_config.get("data_dir") != old_own:
        text = next((item.config_text for name, item in layers if name == "data_dir"), None)
        version_add(row, CONFIG_FILE, old=None, new=text, author=author)
    _tell(row, is_new=is_new, files=changed, config_changed=old_config != row.config)
    return True


def _fill(row: Agent, new: EffectiveAgent, content_hash: str) -> None:
    row.name = new.identity.name
    row.role = new.identity.role
    row.abbreviation = new.identity.abbreviation
    row.origin = new.identity.origin
    row.emoji = new.identity.emoji
    row.description = new.identity.description
    row.stages = list(new.identity.stages)
    row.source = new.source
    row.content_hash = content_hash
    row.files = dict(new.files)
    row.extra_files = list(new.extra_files)
    row.channels = dict(new.channels)
    row.config = dict(new.config)
    row.file_config = dict(new.file_config)
    row.warnings = [finding.as_dict() for finding in new.findings]
    row.timezone = new.config.get("timezone")
    row.removed_at = None
    row.version += 1
    row.updated_at = timezone.now()


def _remove(row: Agent) -> bool:
    """Hide an agent whose directories are gone. Its history waits in case they come back."""
    if row.removed_at is not None:
        return False
    row.removed_at = timezone.now()
    row.version += 1
    row.save(update_fields=["removed_at", "version"])
    events_append(TOPIC, [NewEvent(type="AGENT_REMOVED", payload={"agentId": row.id})])
    return True


def _tell(row: Agent, *, is_new: bool, files: list[str], config_changed: bool) -> None:
    payload = {"agentId": row.id, "version": row.version}
    if is_new:
        events = [NewEvent(type="AGENT_CREATED", payload={**payload, "name": row.name})]
    else:
        events = [NewEvent(type="AGENT_UPDATED", payload={**payload, "files": files})]
        if config_changed:
            events.append(NewEvent(type="AGENT_CONFIG_CHANGED", payload=payload))
    events_append(TOPIC, events)


def version_add(
    row: Agent, filename: str, *, old: str | None, new: str | None, author: Author
) -> None:
    """Keep what a file holds now, and what it held before when nothing remembers that yet."""
    kept = AgentFileVersion.objects.filter(agent=row, filename=filename)
    newest = kept.order_by("-id").values_list("sha256", flat=True).first()
    rows = []
    if newest is None and old is not None:
        rows.append(_version(row, filename, old, Author()))
        newest = rows[0].sha256
    if new is not None and sha256(new) != newest:
        rows.append(_version(row, filename, new, author))
    AgentFileVersion.objects.bulk_create(rows)
    surplus = list(kept.order_by("-id").values_list("id", flat=True)[VERSIONS_KEPT:])
    if surplus:
        AgentFileVersion.objects.filter(id__in=surplus).delete()


def _version(row: Agent, filename: str, content: str, author: Author) -> AgentFileVersion:
    return AgentFileVersion(
        agent=row,
        filename=filename,
        content=content,
        sha256=sha256(content),
        author=author.kind,
        user_id=author.user_id,
    )


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


# -- the roots ---------------------------------------------------------------------------------


def _roots() -> list[tuple[LayerName, Path]]:
    return [("builtin", LIBRARY), ("data_dir", Path(settings.AGENTS_DIR))]


def _ids(rows: Mapping[str, Agent]) -> list[str]:
    on_disk = {path.name for _, root in _roots() for path in agent_directories(root)}
    return sorted(on_disk | set(rows))


def _overrides(row: Agent) -> Overrides:
    return Overrides(files=row.file_overrides, config=row.config_overrides)


def sync_lock(*, wait: bool = True) -> bool:
    """One sync, and one creation of an agent, at a time; held until the transaction ends."""
    with connection.cursor() as cursor:
        if wait:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_SYNC_LOCK])
            return True
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_SYNC_LOCK])
        return bool(cursor.fetchone()[0])


def _stat_key() -> StatKey:
    return tuple(
        (str(root), tuple(_stats(path) for path in agent_directories(root))) for _, root in _roots()
    )


def _stats(path: Path) -> StatKey:
    return (path.name, *sorted(_file_stats(path)))


def _file_stats(path: Path) -> Iterator[tuple[str, int, int, int]]:
    try:
        entries = list(os.scandir(path))
    except OSError:
        return
    for entry in entries:
        try:
            found = entry.stat()
        except OSError:
            continue  # gone between the listing and the look
        yield entry.name, found.st_mtime_ns, found.st_size, found.st_ino
