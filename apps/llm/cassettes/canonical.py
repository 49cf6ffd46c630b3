"""A request without what differs between two equal runs: ids, times, temporary places."""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

import orjson

from apps.llm.gateway.request import ModelRequest
from apps.llm.keys import mask_secrets

# Order matters: a date before a plain number, a path before what stands in it.
_VOLATILE = (
    (re.compile(r"\b[a-z]{2,4}_[0-9a-hjkmnp-tv-z]{26}\b"), "<id>"),  # ULID with a prefix
    (re.compile(r"\brun_[0-9a-f]{12}\b"), "<id>"),
    (re.compile(r"\b(?:call|toolu|chatcmpl|msg|req|resp)[-_][\w-]{8,}"), "<id>"),
    (re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "<id>"),
    (re.compile(r"\b[0-9a-f]{40}\b|\b(?=[0-9a-f]*[a-f])(?=[0-9a-f]*\d)[0-9a-f]{7,12}\b"), "<hash>"),
    (
        re.compile(r"\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?"),
        "<time>",
    ),
    (re.compile(r"\b\d\d:\d\d:\d\d(?:\.\d+)?\b"), "<time>"),
    (re.compile(r"\b\d+(?:\.\d+)?\s?(?:ms|s|seconds?)\b"), "<duration>"),
    (re.compile(r"(?<![\w.:/])/(?:[\w.@+-]+/)+(?=[\w.@+-])"), "<dir>/"),
    (re.compile(r"\b(?:pid|PID)[ =:]+\d+"), "<pid>"),
)
_LEFT_OUT = frozenset(
    {"user", "metadata", "stream_options", "safety_identifier", "prompt_cache_key"}
)
# Ids that tie a result to its call: any provider's form of them.
_ID_FIELDS = frozenset({"tool_call_id", "tool_use_id", "id", "signature"})


def canonical(request: ModelRequest) -> dict[str, Any]:
    body = {key: value for key, value in request.body.items() if key not in _LEFT_OUT}
    return {"dialect": str(request.dialect), **_settled(body), "model": request.name}


def key_of(request: Mapping[str, Any]) -> str:
    return hashlib.sha256(orjson.dumps(request, option=orjson.OPT_SORT_KEYS)).hexdigest()


def settled_text(text: str) -> str:
    text = mask_secrets(text)
    for pattern, stand_in in _VOLATILE:
        text = pattern.sub(stand_in, text)
    return text


def _settled(value: Any) -> Any:
    if isinstance(value, str):
        return settled_text(value)
    if isinstance(value, list):
        return [_settled(item) for item in value]
    if isinstance(value, dict):
        return {
            key: "<id>" if key in _ID_FIELDS and isinstance(inner, str) else _settled(inner)
            for key, inner in value.items()
        }
    return value
