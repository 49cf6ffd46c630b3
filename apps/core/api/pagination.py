"""Cursor pages: `{items, next, prev}`. A page starts where a row stood, not at a number of rows, so
rows that come and go meanwhile make no other row appear twice or never."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import orjson
from django.core.exceptions import ValidationError
from django.db import DataError
from django.db.models import Model, Q, QuerySet
from django.utils.dateparse import parse_datetime
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.errors import Malformed

if TYPE_CHECKING:
    from rest_framework.views import APIView  # it imports this module

PAGE_PARAMETERS = frozenset({"limit", "cursor", "count"})
DEFAULT_LIMIT = 50
MAX_LIMIT = 200


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page starts: the ordering values of a row, and the way to read from there."""

    values: tuple[Any, ...]
    backwards: bool

    def encode(self) -> str:
        plain = [_pack(value) for value in self.values]
        raw = orjson.dumps([1 if self.backwards else 0, *plain], default=str)
        return base64.urlsafe_b64encode(raw).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str, length: int) -> "Cursor":
        try:
            raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
            backwards, *values = orjson.loads(raw)
            unpacked = tuple(_unpack(value) for value in values)
        except (binascii.Error, ValueError, TypeError):
            raise _bad_cursor() from None
        if len(unpacked) != length or backwards not in (0, 1):
            raise _bad_cursor()
        return cls(unpacked, bool(backwards))


def _bad_cursor() -> Malformed:
    return Malformed("This cursor is not of this list.", code="bad_cursor")


def _pack(value: Any) -> Any:
    """Times keep their microseconds: rounding would skip or repeat rows."""
    return {"t": value.isoformat()} if isinstance(value, datetime) else value


def _unpack(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    moment = parse_datetime(str(value.get("t", "")))
    if moment is None:
        raise ValueError
    return moment


class CursorPage(BasePagination):
    """Pages a queryset (of models or of `.values()` rows) by its ordering.

    The ordering comes from the view's `ordering`, else from the queryset. It must end in a unique
    column, and none of its columns may be null.
    """

    limit = DEFAULT_LIMIT

    def paginate_queryset(  # type: ignore[override]  # the stubs know only model rows
        self, queryset: QuerySet[Any, Any], request: Request, view: "APIView | None" = None
    ) -> list[Any]:
        ordering = _ordering(queryset, view)
        self.limit = _limit(request.query_params.get("limit"))
        text = request.query_params.get("cursor")
        cursor = Cursor.decode(text, len(ordering)) if text else None
        wants_total = request.query_params.get("count", "").lower() in {"1", "true", "yes"}
        self.total = queryset.order_by().count() if wants_total else None
        rows, more = self._read(queryset, ordering, cursor)
        self.next = self.prev = None
        backwards = cursor is not None and cursor.backwards
        if rows and (more or backwards):
            self.next = _cursor_at(rows[-1], ordering, backwards=False)
        if rows and (more if backwards else cursor is not None):
            self.prev = _cursor_at(rows[0], ordering, backwards=True)
        return rows

    def _read(
        self, queryset: QuerySet[Any, Any], ordering: Sequence[str], cursor: Cursor | None
    ) -> tuple[list[Any], bool]:
        """One page in list order, and whether more rows follow in the direction of reading."""
        backwards = cursor is not None and cursor.backwards
        order = [_turned(name) for name in ordering] if backwards else list(ordering)
        query = queryset.order_by(*order)
        if cursor is not None:
            try:
                query = query.filter(_after(order, cursor.values))
                rows = list(query[: self.limit + 1])
            except (ValueError, TypeError, ValidationError, DataError):
                raise _bad_cursor() from None
        else:
            rows = list(query[: self.limit + 1])
        more = len(rows) > self.limit
        rows = rows[: self.limit]
        return (rows[::-1] if backwards else rows), more

    def get_paginated_response(self, data: Any) -> Response:
        return Response(self.body(data))

    def body(self, data: Any) -> dict[str, Any]:
        page: dict[str, Any] = {"items": data, "next": self.next, "prev": self.prev}
        if self.total is not None:
            page["total"] = self.total
        return page

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        cursor = {"type": "string", "nullable": True}
        return {
            "type": "object",
            "required": ["items", "next", "prev"],
            "properties": {
                "items": schema,
                "next": cursor,
                "prev": cursor,
                "total": {"type": "integer"},
            },
        }

    def get_schema_operation_parameters(self, view: "APIView") -> list[dict[str, Any]]:
        limit = {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}
        return [
            _parameter("limit", limit, "Rows a page."),
            _parameter("cursor", {"type": "string"}, "`next` or `prev` of another page."),
            _parameter("count", {"type": "boolean"}, "Also count all rows, as `total`."),
        ]


def _parameter(name: str, schema: Mapping[str, Any], text: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": dict(schema), "description": text}


def _limit(text: str | None) -> int:
    if text is None:
        return DEFAULT_LIMIT
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= MAX_LIMIT:
        raise Malformed(f"“limit” is a number from 1 to {MAX_LIMIT}.", code="bad_limit")
    return int(text)


def _ordering(queryset: QuerySet[Any, Any], view: "APIView | None") -> list[str]:
    declared = getattr(view, "ordering", None) or queryset.query.order_by
    names = list(declared or queryset.model._meta.ordering)
    assert names, "a paged list needs an ordering"
    return names


def _turned(name: str) -> str:
    return name[1:] if name.startswith("-") else f"-{name}"


def _after(order: Sequence[str], values: Sequence[Any]) -> Q:
    """Rows strictly after `values`: (a, b) > (x, y), for any mix of directions."""
    condition = Q()
    equal = Q()
    for name, value in zip(order, values, strict=True):
        column = name.removeprefix("-")
        beyond = "lt" if name.startswith("-") else "gt"
        condition |= equal & Q(**{f"{column}__{beyond}": value})
        equal &= Q(**{column: value})
    first = order[0]
    bound = "lte" if first.startswith("-") else "gte"  # lets an index find the start
    return Q(**{f"{first.removeprefix('-')}__{bound}": values[0]}) & condition


def _cursor_at(row: Any, ordering: Sequence[str], *, backwards: bool) -> str:
    names = [name.removeprefix("-") for name in ordering]
    values = tuple(_value(row, name) for name in names)
    return Cursor(values, backwards).encode()


def _value(row: Any, name: str) -> Any:
    if isinstance(row, Mapping):
        return row[name]
    value: Any = row
    for part in name.split("__"):
        value = getattr(value, part)
    return value.pk if isinstance(value, Model) else value
