"""The files and their rows: found, parsed, stored.

A read asks `library_sync_if_changed` first, so that a file dropped into the data directory is
listed at once: the look at names, sizes and times costs a fraction of a millisecond, and only a
change, or 60 s, costs a reading. Files of the data layer win over built-in ones of the same id.
"""

import re
import threading
import time
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from apps.core.events import NewEvent, events_append
from apps.pipelines.files import PipelineFile, read_files, stat_key
from apps.pipelines.models import PipelineDefinition
from apps.pipelines.parse import PIPELINE_ID, ParseResult, parse_pipeline
from apps.pipelines.problems import Problem
from apps.pipelines.versions import versions_keep

TOPIC = "pipelines"
FULL_SYNC_S = 60
_SYNC_LOCK = 0x646A_0201  # advisory lock: one sync at a time in the whole install
_WRITTEN_ID = re.compile(rb"^id:[ \t]*[\"']?([A-Za-z0-9._-]{1,128})[\"']?[ \t]*(?:#.*)?$", re.M)
_FIELDS = (
    "pipeline_id", "layer", "sha256", "mtime_ns", "name", "version", "description",
    "valid", "shadowed", "problems", "parsed", "yaml",
)  # fmt: skip


class _Memory:
    """What this process last saw on disk. Only ever set after the rows were committed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._key: tuple[object, ...] | None = None
        self._at = 0.0
        self.count = 0

    def is_current(self, key: tuple[object, ...]) -> bool:
        with self._lock:
            return key == self._key and time.monotonic() - self._at < FULL_SYNC_S

    def remember(self, key: tuple[object, ...], count: int) -> None:
        with self._lock:
            self._key, self._at, self.count = key, time.monotonic(), count


_memory = _Memory()


def library_sync_if_changed() -> None:
    if not _memory.is_current(stat_key()):
        library_sync()


def rows_expected() -> int:
    """How many rows this process last stored: fewer mean that somebody emptied the table."""
    return _memory.count


def library_lock() -> None:
    """One writer of files and rows at a time, until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_SYNC_LOCK])


def library_sync(*, user_id: str | None = None) -> list[dict[str, str]]:
    """Bring the rows to what is on disk and tell what changed: [{pipelineId, action, sha256}].

    `user_id`: who has just written the change; None: it was found.
    """
    key = stat_key()  # before reading: what changes meanwhile looks different next time
    with transaction.atomic():
        library_lock()
        before = {row.path: row for row in PipelineDefinition.objects.all()}
        after = _rows(read_files(), before)
        _store(after, before)
        versions_keep(before.values(), after, user_id=user_id)
        changes = _changes(before.values(), after)
        events_append(
            TOPIC, [NewEvent(type="PIPELINE_CHANGED", payload=change) for change in changes]
        )
        transaction.on_commit(lambda: _memory.remember(key, len(after)))
    return changes


@lru_cache(maxsize=256)
def parse_file(data: bytes) -> ParseResult:
    """Parsed once a process. Agents are not checked here: their library changes by itself."""
    return parse_pipeline(data)


# -- rows --------------------------------------------------------------------------------------


def _rows(
    files: list[PipelineFile], before: Mapping[str, PipelineDefinition]
) -> list[PipelineDefinition]:
    rows = [_row(file, before.get(file.shown_path)) for file in files]
    _mark_duplicates(rows)
    _mark_overridden(rows)
    return rows


def _row(file: PipelineFile, known: PipelineDefinition | None) -> PipelineDefinition:
    result = _unreadable(file.error) if file.error else parse_file(file.data)
    parsed = result.parsed
    return PipelineDefinition(
        path=file.shown_path,
        layer=file.layer,
        pipeline_id=_id_of(file, parsed, known),
        sha256=file.sha256,
        mtime_ns=file.mtime_ns,
        name=_short(parsed.get("name"), 200),
        version=_short(parsed.get("version", "0.0.0"), 64),
        description=_short(parsed.get("description"), None),
        valid=result.valid,
        problems=[problem.as_dict() for problem in result.problems],
        parsed=parsed,
        yaml=file.text,
    )


def _unreadable(message: str) -> ParseResult:
    problem = Problem(code="P001", message=message)
    return ParseResult(pipeline=None, problems=(problem,), parsed={}, lines={})


def _id_of(file: PipelineFile, parsed: Mapping[str, Any], known: PipelineDefinition | None) -> str:
    """A file that cannot be parsed keeps its place: a broken override does not bring back the
    built-in one unseen. So its id is what a line of it says, or what it was, or the file's name."""
    named = parsed.get("id")
    if isinstance(named, str) and PIPELINE_ID.fullmatch(named):
        return named
    written = _WRITTEN_ID.search(file.data)
    if written and not parsed:
        return written[1].decode()
    return known.pipeline_id if known else Path(file.shown_path).stem[:255]


def _short(value: object, length: int | None) -> str:
    return value[:length] if isinstance(value, str) else ""


def _mark_duplicates(rows: list[PipelineDefinition]) -> None:
    first: dict[tuple[str, str], PipelineDefinition] = {}
    for row in rows:
        winner = first.setdefault((row.layer, row.pipeline_id), row)
        if winner is not row:
            name = winner.path.rpartition("/")[2]
            _add_problem(row, f"The id {row.pipeline_id!r} is already used by {name}, which wins.")
            row.shadowed = True


def _add_problem(row: PipelineDefinition, message: str) -> None:
    problem = Problem(code="P012", message=message, path="id")
    row.problems = [problem.as_dict(), *row.problems]
    row.valid = False


def _mark_overridden(rows: list[PipelineDefinition]) -> None:
    overridden = {row.pipeline_id for row in rows if row.layer == PipelineDefinition.Layer.DATA}
    for row in rows:
        if row.layer == PipelineDefinition.Layer.BUILTIN and row.pipeline_id in overridden:
            row.shadowed = True


def _store(after: list[PipelineDefinition], before: Mapping[str, PipelineDefinition]) -> None:
    now = timezone.now()
    paths = {row.path for row in after}
    gone = [row.pk for path, row in before.items() if path not in paths]
    PipelineDefinition.objects.filter(pk__in=gone).delete()
    for row in after:
        old = before.get(row.path)
        row.pk, row.updated_at = (old.pk, old.updated_at) if old else (None, now)
        if old is None or any(getattr(old, name) != getattr(row, name) for name in _FIELDS):
            row.updated_at = now
            row.save()


def _changes(
    before: Iterable[PipelineDefinition], after: Iterable[PipelineDefinition]
) -> list[dict[str, str]]:
    was, now = _effective(before), _effective(after)
    return [
        {
            "pipelineId": pipeline_id,
            "action": _action(pipeline_id in was, pipeline_id in now),
            "sha256": now.get(pipeline_id, ""),
        }
        for pipeline_id in sorted({*was, *now})
        if was.get(pipeline_id) != now.get(pipeline_id)
    ]


def _effective(rows: Iterable[PipelineDefinition]) -> dict[str, str]:
    return {row.pipeline_id: row.sha256 for row in rows if not row.shadowed}


def _action(was: bool, now: bool) -> str:
    if was and now:
        return "updated"
    return "created" if now else "deleted"
