"""Measuring the data root, part by part."""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import structlog
from django.conf import settings
from django.utils import timezone

from apps.core.events import NewEvent, events_append
from apps.core.space import storage_away
from apps.ops.models import StorageUsage

log = structlog.get_logger(__name__)

MEASURE_FOR_S = 60.0  # a firing; what is left is first the next time
_BLOCK = 512
Kind = StorageUsage.Kind


@dataclass(frozen=True, slots=True)
class Size:
    bytes: int = 0
    files: int = 0
    directories: int = 0


@dataclass(frozen=True, slots=True)
class _Part:
    kind: Kind
    name: str
    path: Path
    quota_bytes: int | None = None


def size_of(path: Path) -> Size:
    """What a directory takes on the disk. Follows no link, counts hard links once, and leaves out
    what goes while it looks."""
    taken = files = directories = 0
    seen: set[tuple[int, int]] = set()
    waiting = [path]
    while waiting:
        try:
            entries = list(os.scandir(waiting.pop()))
        except OSError:
            continue
        for entry in entries:
            try:
                found = entry.stat(follow_symlinks=False)
                if entry.is_dir(follow_symlinks=False):
                    directories += 1
                    waiting.append(Path(entry.path))
                else:
                    files += 1
            except OSError:
                continue
            identity = (found.st_dev, found.st_ino)
            if found.st_nlink > 1 and not entry.is_dir(follow_symlinks=False):
                if identity in seen:
                    continue
                seen.add(identity)
            taken += found.st_blocks * _BLOCK
    return Size(taken, files, directories)


def storage_measure(*, for_s: float = MEASURE_FOR_S) -> int:
    """Measure all parts, those that were measured longest ago first; how many were.

    Rows of parts that are gone go too.
    """
    if storage_away():
        return 0
    parts = _parts(Path(settings.DATA_ROOT))
    _forget_others(parts)
    known = {
        (kind, name): measured
        for kind, name, measured in StorageUsage.objects.values_list("kind", "name", "measured_at")
    }
    never = timezone.now() - timedelta(days=36_500)
    parts.sort(key=lambda part: known.get((part.kind, part.name), never))
    ends = time.monotonic() + for_s
    done = 0
    for part in parts:
        _store(part, size_of(part.path))
        done += 1
        if time.monotonic() > ends:
            log.info("measuring goes on the next time", measured=done, parts=len(parts))
            break
    return done


def _parts(root: Path) -> list[_Part]:
    """Sections, and in them the homes of agents and the directories of projects."""
    agents = settings.SANDBOX_QUOTA_MB * 2**20 or None
    projects = settings.PROJECT_QUOTA_MB * 2**20 or None
    return [
        *(_Part(Kind.SECTION, path.name, path) for path in _directories(root)),
        *(_Part(Kind.AGENT, p.name, p, agents) for p in _directories(root / "sandboxes")),
        *(_Part(Kind.PROJECT, p.name, p, projects) for p in _directories(root / "workspaces")),
    ]


def _directories(path: Path) -> Sequence[Path]:
    try:
        entries = sorted(os.scandir(path), key=lambda entry: entry.name)
    except OSError:
        return []
    return [
        Path(entry.path)
        for entry in entries
        if entry.is_dir(follow_symlinks=False) and not entry.name.startswith(".")
    ]


def _forget_others(parts: Sequence[_Part]) -> None:
    for kind in Kind:
        names = [part.name for part in parts if part.kind == kind]
        StorageUsage.objects.filter(kind=kind).exclude(name__in=names).delete()


def _store(part: _Part, size: Size) -> None:
    before = StorageUsage.objects.filter(kind=part.kind, name=part.name).first()
    row, _ = StorageUsage.objects.update_or_create(
        kind=part.kind,
        name=part.name,
        defaults={
            "bytes": size.bytes,
            "files": size.files,
            "directories": size.directories,
            "quota_bytes": part.quota_bytes,
            "measured_at": timezone.now(),
        },
    )
    if row.is_over and not (before is not None and before.is_over):
        _tell(row)


def _tell(row: StorageUsage) -> None:
    log.warning(
        "over its quota",
        kind=row.kind,
        name=row.name,
        bytes=row.bytes,
        quota_bytes=row.quota_bytes,
    )
    payload = {"kind": row.kind, "bytes": row.bytes, "quotaBytes": row.quota_bytes}
    if row.kind == Kind.AGENT:
        payload["agentId"] = row.name
        events_append("agents", [NewEvent(type="QUOTA_EXCEEDED", payload=payload)])


def usage_list() -> Sequence[StorageUsage]:
    return list(StorageUsage.objects.all())


def usage_of_project(name: str) -> StorageUsage | None:
    """`name`: of its directory in `workspaces/`. None: not measured yet, or not there."""
    return StorageUsage.objects.filter(kind=Kind.PROJECT, name=name).first()


def usage_of_agent(agent_id: str) -> StorageUsage | None:
    """None: not measured yet, or it has no home."""
    return StorageUsage.objects.filter(kind=Kind.AGENT, name=agent_id).first()
