"""A message as a Redis stream entry `{seq, type, requestId, ts, data}`, and back."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import ValidationError

from workers.protocol.messages import MESSAGES, Message

StreamName = Literal["cmd", "out", "evt"]


class UnknownMessage(Exception):
    """A type that this side does not know: log it and go on."""


class MalformedMessage(Exception):
    """An entry that does not fit its schema. The text says what is wrong, not what it held."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    seq: int
    ts: int  # epoch milliseconds of the sender
    message: Message


def encode(message: Message, *, seq: int, ts: int) -> dict[str, str]:
    data = message.model_dump(
        mode="json", by_alias=True, exclude={"type", "request_id"}, exclude_none=True
    )
    return {
        "seq": str(seq),
        "type": message.type,
        "requestId": getattr(message, "request_id", ""),
        "ts": str(ts),
        "data": json.dumps(data, ensure_ascii=False, separators=(",", ":")),
    }


def decode(fields: Mapping[bytes, bytes], *, stream: StreamName) -> Envelope:
    """Read an entry of `stream`. Raises UnknownMessage or MalformedMessage, nothing else."""
    try:
        entry = {key.decode(): value.decode() for key, value in fields.items()}
        kind = entry["type"]
        seq, ts = int(entry.get("seq", "0")), int(entry.get("ts", "0"))
        data = json.loads(entry.get("data") or "{}")
    except (UnicodeDecodeError, ValueError, KeyError, RecursionError) as exc:
        raise MalformedMessage(f"entry is not readable: {type(exc).__name__}") from exc
    model = MESSAGES.get(kind)
    if model is None or model.stream != stream:
        raise UnknownMessage(kind[:100])
    if not isinstance(data, dict):
        raise MalformedMessage(f"{kind}: data is not an object")
    data = {**data, "type": kind}
    if "request_id" in model.model_fields:
        data["requestId"] = entry.get("requestId", "")
    try:
        return Envelope(seq=seq, ts=ts, message=model.model_validate(data))
    except ValidationError as exc:
        raise MalformedMessage(f"{kind}: {_problems(exc)}") from exc


def _problems(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_input=False, include_context=False)
    return "; ".join(
        f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}"
        for problem in found[:5]
    )
