"""Rows as CSV, streamed: an export of any size takes the memory of one batch."""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse

from apps.core.events import timestamp

CSV = OpenApiResponse(OpenApiTypes.STR, description="CSV, one line a row, with a head line.")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class _Line:
    """`csv` writes into it and gets each line back."""

    def write(self, line: str) -> str:
        return line


def csv_response(
    rows: Iterable[Mapping[str, Any]], columns: Sequence[str], *, name: str
) -> StreamingHttpResponse:
    response = StreamingHttpResponse(_lines(rows, columns), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response


def _lines(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> Iterator[str]:
    writer = csv.writer(_Line())
    yield writer.writerow(columns)
    for row in rows:
        yield writer.writerow([_text(row.get(column)) for column in columns])


def _text(value: Any) -> Any:
    """A spreadsheet runs what looks like a formula; names come from elsewhere."""
    if isinstance(value, datetime):
        return timestamp(value)
    if isinstance(value, str) and value.startswith(_FORMULA):
        return "'" + value
    return value
