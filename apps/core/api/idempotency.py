"""`Idempotency-Key`: the first answer to a POST is kept for a day and given again."""

import hashlib
from dataclasses import dataclass
from typing import Any

import orjson
from django.db import connection
from django.http.response import HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api.callers import caller_of
from apps.core.api.renderers import to_json
from apps.core.errors import Conflict, Invalid, Malformed
from apps.core.models import IdempotencyRecord

KEPT = "24 hours"
CRASHED_AFTER = "60 seconds"
_KEPT_HEADERS = ("Location",)


class Replayed(Exception):
    """Not an error: the answer to this request is known already."""

    def __init__(self, response: Response) -> None:
        self.response = response


@dataclass(frozen=True, slots=True)
class Attempt:
    """The right to give the first answer."""

    record_id: int


# A new row, or one that may be taken over: too old to count, or of an attempt that crashed.
_BEGIN = """
INSERT INTO core_idempotencyrecord AS r
    (principal, method, path, key, body_sha256, response)
VALUES (%(principal)s, %(method)s, %(path)s, %(key)s, %(body)s, ''::bytea)
ON CONFLICT (principal, method, path, key) DO UPDATE
    SET created_at = statement_timestamp(), status = NULL, response = ''::bytea,
        body_sha256 = excluded.body_sha256
    WHERE r.created_at < statement_timestamp() - %(kept)s::interval
       OR (r.status IS NULL AND r.body_sha256 = excluded.body_sha256
           AND r.created_at < statement_timestamp() - %(crashed)s::interval)
RETURNING id
"""


def begin(request: Request, *, required: bool) -> Attempt | None:
    """Claim the key of this request. None: it carries no key.

    Raises Replayed when the answer is known, Conflict `in_flight` while the first attempt runs,
    Invalid `idempotency_key_reused` when the key came with another body before.
    """
    key = request.headers.get("Idempotency-Key", "")
    if not key:
        if required:
            raise Malformed("Send an Idempotency-Key header.", code="idempotency_key_required")
        return None
    if len(key) > 255 or not key.isascii() or not key.isprintable():
        raise Malformed("An Idempotency-Key is 1 to 255 printable ASCII characters.")
    facts = {
        "principal": caller_of(request).principal,
        "method": request.method,
        "path": request.path.rstrip("/")[:512],
        "key": key,
        "body": hashlib.sha256(request._request.body).hexdigest(),
    }
    with connection.cursor() as cursor:
        cursor.execute(_BEGIN, {**facts, "kept": KEPT, "crashed": CRASHED_AFTER})
        row = cursor.fetchone()
    if row is not None:
        return Attempt(row[0])
    body = facts.pop("body")
    raise _answer(IdempotencyRecord.objects.filter(**facts).first(), body)


def _answer(record: IdempotencyRecord | None, body: Any) -> Exception:
    """What to raise for a key that is taken."""
    if record is not None and record.body_sha256 != body:
        return Invalid(
            "This Idempotency-Key came with another body before.", code="idempotency_key_reused"
        )
    if record is None or record.status is None:
        return Conflict(
            "The first request with this Idempotency-Key is still running.",
            code="in_flight",
            retry_after=1,
        )
    kept = orjson.loads(bytes(record.response))
    response = Response(kept["body"], status=record.status, headers=kept["headers"])
    response.content_type = kept["content_type"]
    response["Idempotent-Replayed"] = "true"
    return Replayed(response)


def finish(attempt: Attempt, response: HttpResponseBase) -> None:
    """Keep the answer. A 5xx, or one that is no JSON document, is forgotten: the next try runs."""
    mine = IdempotencyRecord.objects.filter(id=attempt.record_id, status=None)
    if response.status_code >= 500 or not isinstance(response, Response):
        mine.delete()
        return
    headers = {name: response[name] for name in _KEPT_HEADERS if name in response}
    kept = {"body": response.data, "headers": headers, "content_type": response.content_type}
    mine.update(status=response.status_code, response=to_json(kept))


def idempotency_prune() -> int:
    """Delete records that nobody may replay any more."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM core_idempotencyrecord "
            "WHERE created_at < statement_timestamp() - %s::interval",
            [KEPT],
        )
        return int(cursor.rowcount)
