"""JSON in: strict, and within limits, so that nothing behind it meets what it cannot hold."""

from collections.abc import Mapping
from typing import IO, Any

import orjson
from django.conf import settings
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from apps.core.errors import Malformed, TooLarge

DEPTH_LIMIT = 64
_NUL = b"\\u0000"  # as JSON must write it


class JsonParser(BaseParser):
    """Refuses what is no JSON (also NaN, half a surrogate pair, broken UTF-8), is nested deeper
    than `DEPTH_LIMIT`, holds a NUL, which PostgreSQL's text cannot, or is larger than
    `DATA_UPLOAD_MAX_MEMORY_SIZE`, whatever length was announced."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        limit: int = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        raw: bytes = stream.read(limit + 1)
        if len(raw) > limit:
            raise TooLarge(f"A body has at most {limit:,} bytes.", limit=limit)
        try:
            document = orjson.loads(raw)
        except orjson.JSONDecodeError as exc:
            raise ParseError(f"This is no JSON: {exc.msg}.") from None
        if raw.count(b"{") + raw.count(b"[") > DEPTH_LIMIT:
            _check_depth(document)
        if _NUL in raw and _has_nul(document):
            raise Malformed("A text holds a NUL character.", code="malformed_json")
        return document


def _check_depth(document: Any) -> None:
    level = [document]
    for _ in range(DEPTH_LIMIT):
        inner = [value for outer in level for value in _inner(outer)]
        level = [value for value in inner if isinstance(value, dict | list)]
        if not level:
            return
    raise Malformed(f"JSON is nested at most {DEPTH_LIMIT} deep.", code="malformed_json")


def _has_nul(document: Any) -> bool:
    waiting = [document]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            if "\0" in value:
                return True
        elif isinstance(value, dict):
            waiting.extend((*value, *value.values()))
        elif isinstance(value, list):
            waiting.extend(value)
    return False


def _inner(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []
