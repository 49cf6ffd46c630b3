"""What was written in a run or session: searched, and read as plain text.

Text of an agent comes in chunks, so what is looked for may lie across two of them: chunks of one
kind in a row are read as one text.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Final

import orjson
from django.db import connection

from apps.core.events import timestamp

SCAN: Final = 20_000  # events that one answer looks at, at most
OVERLAP: Final = 50  # events read again, for a match that begins before the page
AROUND: Final = 80
_BATCH: Final = 2_000
_CHUNKS: Final = {"STEP_OUTPUT": "text", "STEP_THINKING": "thinking"}
_PROGRAM: Final = "output"
_KINDS: Final = {
    "TOOL_CALL_START": "call",
    "TOOL_CALL_END": "result",
    "CHECK_STARTED": "check",
    "CHECK_FINISHED": "check",
    "HUMAN_INTERVENTION": "person",
    "APPROVAL_REQUESTED": "person",
    "APPROVAL_DECIDED": "person",
}
# What names and numbers an event, and is not shown as its text.
_NO_TEXT: Final = frozenset(
    {"sessionId", "toolCallId", "agentId", "runId", "state", "status", "userId", "snapshotId"}
)
_Row = tuple[int, str, dict[str, Any], str, str, datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """`event` is where the match begins. `before` and `after` are what stands around it."""

    event: str
    kind: str
    step_id: str
    ts: datetime
    before: str
    match: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HitPage:
    """`next` is the id after which to go on; null: all was looked at."""

    items: list[Hit]
    next: str | None

    def as_json(self) -> dict[str, Any]:
        return {"items": [asdict(hit) for hit in self.items], "next": self.next}


def transcript_search(
    topic: str, query: str, *, session_id: str = "", after: int = 0, limit: int = 50
) -> HitPage:
    """Where `query` stands, without regard to case, from the event after `after` on.

    An answer holds at most `limit` matches and looks at so many events at most, so it may be empty
    and still have a `next`.
    """
    looked = re.compile(re.escape(query), re.IGNORECASE)
    seam = _Seam(reach=len(query) - 1)
    hits: list[Hit] = []
    last = after
    for count, row in enumerate(_rows(topic, max(after - OVERLAP, 0), session_id)):
        if len(hits) >= limit or count >= SCAN + OVERLAP:
            return HitPage(items=hits, next=str(last))
        found = _matches(row, looked, seam)
        if row[0] > after:
            hits.extend(found)
            last = row[0]
    return HitPage(items=hits, next=None)


@dataclass(slots=True)
class _Seam:
    """The end of what each kind of text said before, with the event in which that part began."""

    reach: int
    tails: dict[tuple[str, str], list[tuple[int, str]]] = field(default_factory=dict)

    def before(self, key: tuple[str, str]) -> list[tuple[int, str]]:
        return self.tails.get(key, [])

    def keep(self, key: tuple[str, str], seq: int, text: str) -> None:
        parts = [*self.before(key), (seq, text)]
        length = sum(len(part) for _, part in parts)
        while parts and length - len(parts[0][1]) >= self.reach:
            length -= len(parts.pop(0)[1])
        self.tails[key] = parts

    def cut(self, session_id: str) -> None:
        """Something else came between: the texts of a session go no further."""
        for key in [key for key in self.tails if key[0] == session_id]:
            del self.tails[key]


def _matches(row: _Row, looked: re.Pattern[str], seam: _Seam) -> list[Hit]:
    """At most one in each event: the first that begins there and ends in this row."""
    seq, type, payload, step_id, session_id, ts = row
    kind = _kind(type, payload)
    key = (session_id, kind)
    if type not in _CHUNKS:
        if type in _KINDS:
            seam.cut(session_id)
        text = "\n".join(_texts(payload))
        found = looked.search(text)
        return [_hit(str(seq), kind, step_id, ts, text, found)] if found else []
    chunk = str(payload.get("chunk", ""))
    parts = [*seam.before(key), (seq, chunk)]
    seam.keep(key, seq, chunk)
    text = "".join(part for _, part in parts)
    old = len(text) - len(chunk)
    hits: dict[str, Hit] = {}
    for found in looked.finditer(text):
        if found.end() > old:
            event = str(_event_at(parts, found.start()))
            hits.setdefault(event, _hit(event, kind, step_id, ts, text, found))
    return list(hits.values())


def _event_at(parts: list[tuple[int, str]], place: int) -> int:
    for seq, part in parts:
        if place < len(part):
            return seq
        place -= len(part)
    return parts[-1][0]


def _hit(event: str, kind: str, step_id: str, ts: datetime, text: str, found: re.Match[str]) -> Hit:
    start, end = found.span()
    return Hit(
        event=event, kind=kind, step_id=step_id, ts=ts, match=found[0],
        before=text[max(start - AROUND, 0) : start], after=text[end : end + AROUND],
    )  # fmt: skip


def _kind(type: str, payload: Mapping[str, Any]) -> str:
    if type in _CHUNKS:
        return _PROGRAM if payload.get("source") == "tool" else _CHUNKS[type]
    return _KINDS.get(type, "event")


def _texts(value: Any) -> Iterator[str]:
    """Every text in a payload, in order; those in JSON text as what they mean. Without recursion:
    how deep it goes is the agent's choice."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, str):
            each = _meant(each)
        if isinstance(each, str):
            yield each
        elif isinstance(each, Mapping):
            kept = [inner for key, inner in each.items() if key not in _NO_TEXT]
            waiting.extend(reversed(kept))
        elif isinstance(each, list):
            waiting.extend(reversed(each))


def _meant(text: str) -> Any:
    if not text.startswith('{"'):
        return text
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text


def _rows(topic: str, after: int, session_id: str) -> Iterator[_Row]:
    """The events of a topic in order, a batch at a time."""
    of_session = "AND session_id = %(session)s" if session_id else ""
    while True:
        with connection.cursor() as db:
            db.execute(
                f"""
                SELECT seq, type, payload::text, step_id, session_id, created_at
                FROM core_event WHERE topic = %(topic)s AND seq > %(after)s {of_session}
                ORDER BY seq LIMIT {_BATCH}
                """,  # noqa: S608  both parts stand here
                {"topic": topic, "after": after, "session": session_id},
            )
            found = db.fetchall()
        for seq, type, payload, *rest in found:
            yield (seq, type, orjson.loads(payload), *rest)
        if len(found) < _BATCH:
            return
        after = found[-1][0]


# As a file


def transcript_text(topic: str, title: str, *, session_id: str = "") -> Iterator[str]:
    """All that was said and done, for people: as plain text, from the first event on."""
    yield f"{title}\n"
    open_text: tuple[str, str] | None = None  # session and kind of the chunks being written
    for _, type, payload, step_id, of_session, ts in _rows(topic, 0, session_id):
        if type in _CHUNKS:
            key = (of_session, _kind(type, payload))
            if key != open_text:
                yield f"\n\n[{_clock(ts)} {step_id} {key[1]}]\n"
                open_text = key
            yield str(payload.get("chunk", ""))
            continue
        lines = _told(type, payload)
        if lines is not None:
            open_text = None
            yield f"\n\n[{_clock(ts)} {step_id or 'run'} {type.lower().replace('_', ' ')}]{lines}"
    yield "\n"


def transcript_lines(topic: str, *, session_id: str = "") -> Iterator[bytes]:
    """The events themselves: one JSON object a line."""
    for seq, type, payload, step_id, of_session, ts in _rows(topic, 0, session_id):
        ids = {"stepId": step_id, "sessionId": of_session}
        data = {**{key: value for key, value in ids.items() if value}, **payload}
        yield orjson.dumps(
            {"id": str(seq), "type": type, "ts": timestamp(ts), "data": data},
            option=orjson.OPT_APPEND_NEWLINE,
        )


# Told many times a second while an agent works, and of no use to a reader.
_SILENT: Final = frozenset({"AGENT_STATE", "CONTEXT_USAGE", "STEP_HEARTBEAT"})


def _told(type: str, payload: Mapping[str, Any]) -> str | None:
    if type in _SILENT:
        return None
    head = str(payload.get("toolName", "") or payload.get("name", ""))
    rest = {key: value for key, value in payload.items() if key not in ("toolName", "name")}
    text = "\n".join(_texts(rest)).strip()
    return (f" {head}" if head else "") + (f"\n{text}" if text else "")


def _clock(ts: datetime) -> str:
    return timestamp(ts)[:19].replace("T", " ")
