"""The event log: what happened, in the order in which it was committed.

A row is the log and the outbox at once. Its `seq` comes from the topic's counter under the
counter's row lock, so the ids of a topic have no gap and grow in commit order. Redis Streams only
make it quick: the entry `<seq>-0` of `djinnbot:events:<topic>` carries the encoded frame. It may be
late, doubled or lost; a reader that sees a gap, or has waited some seconds, asks PostgreSQL.

A feed over all topics (`FEED`) reads `lifecycle` rows by (xid, id) below the oldest transaction
still open. Its Redis stream is only a hint to look.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property, partial
from itertools import groupby
from typing import Any, cast

import orjson
import redis
import structlog
from django.db import connection, transaction

from apps.core.errors import Malformed
from apps.core.prepared import fetch_prepared
from apps.core.redis import Circuit, Command, OneWay, redis_client

log = structlog.get_logger(__name__)

FEED = "runs"
STREAM_PREFIX = "djinnbot:events:"
FEED_STREAM = STREAM_PREFIX + "global"
STREAM_LENGTH = 10_000
FEED_STREAM_LENGTH = 50_000
STREAM_TTL_S = 7 * 24 * 3600
RELAY_AFTER_S = 2.0
RELAY_BATCH = 2_000
RELAY_BATCHES = 20  # a firing; what is left waits for the next

_RELAY_LOCK = 0x646A_0001  # advisory lock: one relay in the whole install
_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")
_COLUMNS = {"runId": "run_id", "stepId": "step_id", "sessionId": "session_id"}
_circuit = Circuit(pause_s=3.0)
_teller = OneWay()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEvent:
    """An event to append. `lifecycle` events also stand in the feed over all topics."""

    type: str
    payload: Mapping[str, Any] = field(default_factory=dict)
    step_id: str = ""
    session_id: str = ""
    lifecycle: bool = True


@dataclass(frozen=True)
class Frame:
    """An event as clients get it, encoded once for all. `id` is the position to resume from."""

    topic: str
    id: str
    type: str
    text: str  # the JSON object {id, topic, type, ts, data}

    @cached_property
    def data(self) -> dict[str, Any]:
        return cast(dict[str, Any], orjson.loads(self.text)["data"])

    @property
    def seq(self) -> int:
        return int(self.id)


@dataclass(frozen=True, slots=True, order=True)
class FeedCursor:
    """A position in the feed over all topics, written `<xid>-<id>`."""

    xid: int = 0
    id: int = 0

    def __str__(self) -> str:
        return f"{self.xid}-{self.id}"

    @classmethod
    def parse(cls, text: str) -> "FeedCursor":
        xid, _, row_id = text.partition("-")
        try:
            return cls(int(xid), int(row_id or 0))
        except ValueError:
            raise Malformed("This is no position of the feed.", code="bad_cursor") from None


@dataclass(frozen=True, slots=True)
class FeedPage:
    """`watermark`: rows of this and later transactions are not decided yet."""

    frames: list[Frame]
    cursor: FeedCursor
    watermark: int


# Appending


# Two parts of a larger statement: nothing is appended unless `{guard}`, another part, has a row.
APPEND_PARTS = """
topic AS (
    INSERT INTO core_eventtopic AS t (name, seq)
    SELECT %(topic)s::varchar, %(n)s::bigint FROM {guard} WHERE true
    ON CONFLICT (name) DO UPDATE SET seq = t.seq + excluded.seq
    RETURNING seq
), event AS (
    INSERT INTO core_event
        (topic, seq, type, payload, run_id, step_id, session_id, lifecycle)
    SELECT %(topic)s, topic.seq - %(n)s + e.n, e.type, e.payload,
           %(events_run)s, e.step_id, e.session_id, e.lifecycle
    FROM topic, ROWS FROM (json_to_recordset(%(events)s::json) AS (
           type text, payload jsonb, step_id text, session_id text, lifecycle bool
         )) WITH ORDINALITY AS e(type, payload, step_id, session_id, lifecycle, n)
    RETURNING seq, type, payload::text, run_id, step_id, session_id, created_at, lifecycle, xid
)
"""
_APPEND = " ".join(
    ("WITH", APPEND_PARTS.format(guard="(SELECT 1) AS always"), "SELECT * FROM event")
)


def events_append(topic: str, events: Sequence[NewEvent], run_id: str = "") -> list[int]:
    """Append to a topic in the caller's transaction and give back the new ids.

    Holds the topic's counter row until the transaction ends: writers of one topic queue here, so
    append late in a transaction and commit soon. Keys `runId`, `stepId` and `sessionId` of a
    payload go into their columns. A failure of Redis never reaches the caller.
    """
    if not events:
        return []
    return appended(topic, fetch_prepared(_APPEND, append_params(topic, events, run_id)))


def append_params(topic: str, events: Sequence[NewEvent], run_id: str = "") -> dict[str, Any]:
    """What `APPEND_PARTS` wants to know."""
    named = (str(event.payload.get("runId") or "") for event in events)
    return {
        "topic": topic,
        "n": len(events),
        "events_run": run_id or next(filter(None, named), ""),
        "events": orjson.dumps([_columns(event) for event in events]).decode(),
    }


def appended(topic: str, rows: Iterable[tuple[Any, ...]]) -> list[int]:
    """Publish, after the commit, what the part `event` returned; the ids."""
    rows = sorted(rows)
    transaction.on_commit(partial(events_publish, topic, rows), robust=True)
    return [row[0] for row in rows]


def events_publish(topic: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Publish what the part `event` returned, in order, once it is committed. Asks no database."""
    frames = [_frame(topic, str(row[0]), *row[1:7]) for row in rows]
    _publish(topic, frames, rows[-1][8] if any(row[7] for row in rows) else None)


def _columns(event: NewEvent) -> dict[str, Any]:
    """The columns of an event: what a payload says of run, step and session moves to its column."""
    payload = dict(event.payload)
    named = {column: str(payload.pop(key, "") or "") for key, column in _COLUMNS.items()}
    return {
        "type": event.type,
        "payload": orjson.Fragment(_json(payload)),
        "step_id": event.step_id or named["step_id"],
        "session_id": event.session_id or named["session_id"],
        "lifecycle": event.lifecycle,
    }


def _json(payload: Mapping[str, Any]) -> str:
    """JSON that PostgreSQL takes: it knows neither NUL nor half of a surrogate pair."""
    try:
        text = orjson.dumps(payload, option=orjson.OPT_NON_STR_KEYS, default=str).decode()
    except orjson.JSONEncodeError:
        text = orjson.dumps(_clean(payload), option=orjson.OPT_NON_STR_KEYS, default=str).decode()
    return _NUL.sub(r"\1\\ufffd", text) if "\\u0000" in text else text


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, Mapping):
        return {_clean(key): _clean(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(item) for item in value]
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        return str(value)  # wider than JSON readers can hold
    return value


def _frame(
    topic: str,
    id: str,
    type: str,
    payload: str,
    run_id: str,
    step_id: str,
    session_id: str,
    created_at: datetime,
) -> Frame:
    """Encode from the database's own text, so that all ways to a client give equal bytes."""
    ids = {"runId": run_id, "stepId": step_id, "sessionId": session_id}
    known = orjson.dumps({key: value for key, value in ids.items() if value}).decode()
    comma = ", " if len(known) > 2 and len(payload) > 2 else ""
    head = orjson.dumps({"id": id, "topic": topic, "type": type, "ts": timestamp(created_at)})
    text = f'{head.decode()[:-1]},"data":{known[:-1]}{comma}{payload[1:]}}}'
    return Frame(topic=topic, id=id, type=type, text=text)


def timestamp(moment: datetime) -> str:
    """RFC 3339 in UTC with milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def now_timestamp() -> str:
    return timestamp(datetime.now(UTC))


# Publishing


def stream_key(topic: str) -> str:
    return STREAM_PREFIX + topic


def _publish(topic: str, frames: Sequence[Frame], hint: int | None) -> None:
    """Tell Redis. Entries that come late or twice are refused by it, which is what we want."""
    if _circuit.is_open:
        return
    commands = _additions(topic, frames)
    if hint is not None:
        commands.append(_hint(hint))
    try:
        _teller.send(commands)
    except redis.RedisError as exc:
        if _circuit.trip():
            log.warning("Redis did not take events; readers go to PostgreSQL", error=str(exc))


def _additions(topic: str, frames: Iterable[Frame]) -> list[Command]:
    key = stream_key(topic)
    limit = ("MAXLEN", "~", STREAM_LENGTH)
    found: list[Command] = [
        ("XADD", key, *limit, f"{frame.id}-0", "y", frame.type, "f", frame.text) for frame in frames
    ]
    # A topic that ended is forgotten a week after its last word.
    return [*found, ("EXPIRE", key, STREAM_TTL_S)]


def _hint(xid: int) -> Command:
    return ("XADD", FEED_STREAM, "MAXLEN", "~", FEED_STREAM_LENGTH, "*", "x", xid)


def relay_unpublished(older_than_s: float = RELAY_AFTER_S) -> int:
    """Give Redis the events that it misses, mark them as published, and say how many it missed.

    One relay runs at a time; a second one returns at once. A writer that died between its commit
    and its XADD, and a Redis that was away or wiped, are healed here. Raises `redis.RedisError`
    when Redis is still away: nothing is marked then.
    """
    missed = 0
    for _ in range(RELAY_BATCHES):
        looked_at, healed = _relay_batch(older_than_s)
        missed += healed
        if looked_at < RELAY_BATCH:
            break
    return missed


def _relay_batch(older_than_s: float) -> tuple[int, int]:
    """How many events were looked at, and how many of them Redis missed."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_RELAY_LOCK])
        if not cursor.fetchone()[0]:
            return 0, 0
        cursor.execute(
            """
            SELECT topic, id, lifecycle, xid,
                   seq, type, payload::text, run_id, step_id, session_id, created_at
            FROM core_event
            WHERE published_at IS NULL
              AND created_at < clock_timestamp() - make_interval(secs => %s)
            ORDER BY id LIMIT %s
            """,
            [older_than_s, RELAY_BATCH],
        )
        rows = cursor.fetchall()
        missed = _heal_all(rows)
        if missed:
            _hint_all(row[3] for row in rows if row[2])
        cursor.execute(
            "UPDATE core_event SET published_at = clock_timestamp() WHERE id = ANY(%s)",
            [[row[1] for row in rows]],
        )
    return len(rows), missed


def _heal_all(rows: Sequence[tuple[Any, ...]]) -> int:
    by_topic = groupby(sorted(rows, key=lambda row: (row[0], row[4])), lambda row: row[0])
    return sum(
        _heal(topic, [_frame(topic, str(row[4]), *row[5:]) for row in group])
        for topic, group in by_topic
    )


def _heal(topic: str, frames: Sequence[Frame]) -> int:
    """Add what the stream lacks. What lies before its last entry cannot be added any more; its
    readers see the gap and read PostgreSQL."""
    client = redis_client()
    key = stream_key(topic)
    present = {
        entry_id.partition(b"-")[0]
        for entry_id, _ in cast(
            list[tuple[bytes, Any]],
            client.xrange(key, f"{frames[0].id}-0", f"{frames[-1].id}-0"),
        )
    }
    missing = [frame for frame in frames if frame.id.encode() not in present]
    if missing:
        _answered(_additions(topic, missing))
    return len(missing)


def _hint_all(xids: Iterable[int]) -> None:
    newest = max(xids, default=None)
    if newest is not None:
        _answered([_hint(newest)])


def _answered(commands: Iterable[Command]) -> None:
    """Send and wait until Redis has taken them. Raises `redis.RedisError` when it is away."""
    pipeline: Any = redis_client().pipeline(transaction=False)  # this call of it is untyped
    for command in commands:
        pipeline.execute_command(*command)
    pipeline.execute(raise_on_error=False)


# Reading


def events_after(topic: str, cursor: int, limit: int = 500) -> list[Frame]:
    """The events of a topic after a position, in order. The one reader of rows."""
    with connection.cursor() as db:
        db.execute(
            """
            SELECT seq, type, payload::text, run_id, step_id, session_id, created_at
            FROM core_event WHERE topic = %s AND seq > %s ORDER BY seq LIMIT %s
            """,
            [topic, cursor, limit],
        )
        return [_frame(topic, str(row[0]), *row[1:]) for row in db.fetchall()]


def events_position(topic: str) -> int:
    """The id of the topic's last event; 0 when it has none."""
    return events_positions([topic]).get(topic, 0)


def events_positions(topics: Sequence[str]) -> dict[str, int]:
    """The ids of the last events of several topics; topics without events are absent."""
    with connection.cursor() as db:
        db.execute("SELECT name, seq FROM core_eventtopic WHERE name = ANY(%s)", [list(topics)])
        return dict(db.fetchall())


def feed_after(cursor: FeedCursor, limit: int = 500) -> FeedPage:
    """The lifecycle events of all topics after a position.

    Rows of transactions at or above the oldest open one are left for later: one of them may still
    commit a row that sorts before them. So nothing is ever skipped.
    """
    with connection.cursor() as db:
        db.execute(
            """
            WITH mark AS (
                SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS xmin
            ), page AS (
                SELECT xid, id, type, payload::text, run_id, step_id, session_id, created_at
                FROM core_event
                WHERE lifecycle AND (xid, id) > (%s, %s) AND xid < (SELECT xmin FROM mark)
                ORDER BY xid, id LIMIT %s
            )
            SELECT mark.xmin, page.* FROM mark LEFT JOIN page ON true ORDER BY page.xid, page.id
            """,
            [cursor.xid, cursor.id, limit],
        )
        rows = db.fetchall()
    found = [row for row in rows if row[1] is not None]
    frames = [_frame(FEED, f"{row[1]}-{row[2]}", *row[3:]) for row in found]
    after = FeedCursor(found[-1][1], found[-1][2]) if found else cursor
    return FeedPage(frames=frames, cursor=after, watermark=rows[0][0])


def feed_position() -> FeedCursor:
    """The present end of the feed: what commits from now on comes after it."""
    with connection.cursor() as db:
        db.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
        return FeedCursor(db.fetchone()[0], 0)


# Forgetting


def topic_delete(topic: str) -> None:
    """Forget a topic whole, with the thing it told about."""
    with transaction.atomic(), connection.cursor() as db:
        db.execute("DELETE FROM core_event WHERE topic = %s", [topic])
        db.execute("DELETE FROM core_eventtopic WHERE name = %s", [topic])
    transaction.on_commit(partial(_drop_stream, topic), robust=True)


def _drop_stream(topic: str) -> None:
    try:
        redis_client().delete(stream_key(topic))
    except redis.RedisError as exc:
        log.warning("A stream was left to its time limit", topic=topic, error=str(exc))
