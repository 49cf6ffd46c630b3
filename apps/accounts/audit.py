"""The audit log: written beside the act it tells of, in one transaction, and chained by hashes.

    hash = SHA-256(previous hash, newline, the row as JSON with sorted keys)

Who takes out, adds or changes a row breaks the chain from there on: `manage.py verify_audit`.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from django.db import connection, models, transaction
from django.utils import timezone

from apps.accounts.models.audit import AuditEvent
from apps.accounts.origin import current_origin

GENESIS = "0" * 64
_LOCK = 0x646A_0004  # advisory lock: rows are numbered one at a time
_CHAINED = (
    "id",
    "at",
    "actor_kind",
    "actor_id",
    "actor_name",
    "action",
    "object_kind",
    "object_id",
    "result",
    "ip",
    "user_agent",
    "request_id",
    "facts",
)


def audit(
    action: str,
    about: models.Model | None = None,
    facts: Mapping[str, Any] | None = None,
    *,
    result: AuditEvent.Result = AuditEvent.Result.OK,
) -> None:
    """Add a row. `facts` holds no secret: names, ids, what was before and after.

    Holds the log's lock until the surrounding transaction ends: call it last.
    """
    origin = current_origin()
    row = AuditEvent(
        at=timezone.now(),
        actor_kind=origin.actor_kind,
        actor_id=origin.actor_id,
        actor_name=origin.actor_name,
        action=action,
        object_kind=about._meta.model_name or "" if about is not None else "",
        object_id=str(about.pk) if about is not None else "",
        result=result,
        ip=origin.ip,
        user_agent=origin.user_agent,
        request_id=origin.request_id,
        facts=dict(facts or {}),
    )
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        last = AuditEvent.objects.order_by("-id").values_list("id", "hash").first()
        row.id, row.previous_hash = (last[0] + 1, last[1]) if last else (1, GENESIS)
        row.hash = _hash(row)
        row.save(force_insert=True)


def _hash(row: AuditEvent) -> str:
    told = {name: getattr(row, name) for name in _CHAINED}
    told["at"] = row.at.isoformat(timespec="microseconds")
    text = orjson.dumps(told, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(row.previous_hash.encode() + b"\n" + text).hexdigest()


@dataclass(frozen=True, slots=True)
class Verdict:
    rows: int
    broken_at: int | None  # the first row that does not follow from the one before
    head: str  # the hash of the last row: keep it elsewhere, and a cut-off tail shows too


def audit_verify() -> Verdict:
    """Walk the whole chain."""
    number, head = 0, GENESIS
    for row in AuditEvent.objects.order_by("id").iterator(chunk_size=2000):
        number += 1
        if row.id != number or row.previous_hash != head or row.hash != _hash(row):
            return Verdict(rows=number, broken_at=row.id, head=head)
        head = row.hash
    return Verdict(rows=number, broken_at=None, head=head)
