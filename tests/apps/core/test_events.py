"""The event log: gapless ids in commit order, and readers that skip nothing."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import pytest
import redis
from django.db import connection, transaction

from apps.core import events
from apps.core import redis as shared_redis
from apps.core.events import (
    FeedCursor,
    NewEvent,
    events_after,
    events_append,
    events_position,
    feed_after,
    feed_position,
    relay_unpublished,
    stream_key,
    topic_delete,
)
from apps.core.models import Event
from tests.support.live import eventually

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _redis_is_empty(redis_client: redis.Redis) -> None:
    events._circuit._open_until = 0.0


@pytest.fixture
def no_publishing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer that dies between its commit and its XADD."""
    monkeypatch.setattr(events, "_publish", lambda *_: None)


def in_threads(count: int, work: Callable[[int], None]) -> None:
    def run(number: int) -> None:
        try:
            work(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        list(pool.map(run, range(count)))


def ids(topic: str) -> list[int]:
    return [frame.seq for frame in events_after(topic, 0, 100_000)]


def entries_of(client: redis.Redis, topic: str) -> list[tuple[str, dict[str, str]]]:
    return cast(list[tuple[str, dict[str, str]]], client.xrange(stream_key(topic)))


def test_ids_of_a_topic_are_consecutive() -> None:
    first = events_append("run:a", [NewEvent(type="A"), NewEvent(type="B")])
    second = events_append("run:a", [NewEvent(type="C", payload={"stepId": "s", "x": 1})], "run_a")
    assert (first, second) == ([1, 2], [3])
    frames = events_after("run:a", 1)
    assert [frame.type for frame in frames] == ["B", "C"]
    assert frames[1].data == {"runId": "run_a", "stepId": "s", "x": 1}
    assert events_position("run:a") == 3


def test_concurrent_writers_leave_no_gap(redis_client: redis.Redis) -> None:
    def write(number: int) -> None:
        for _ in range(40):
            events_append("run:a", [NewEvent(type="E", payload={"w": number})] * 2)

    in_threads(4, write)
    assert ids("run:a") == list(range(1, 321))


def test_rolled_back_events_take_no_id_and_reach_nobody(redis_client: redis.Redis) -> None:
    with transaction.atomic():
        events_append("run:a", [NewEvent(type="LOST")])
        transaction.set_rollback(True)
    events_append("run:a", [NewEvent(type="KEPT")])
    assert [frame.type for frame in events_after("run:a", 0)] == ["KEPT"]
    assert redis_client.xlen(stream_key("run:a")) == 1


def test_ids_follow_the_order_of_commits() -> None:
    """A later writer waits for the first one's commit, so no id appears below one already read."""
    first_has_its_id, may_commit = threading.Event(), threading.Event()

    def write(number: int) -> None:
        if number == 0:
            with transaction.atomic():
                events_append("run:a", [NewEvent(type="FIRST")])
                first_has_its_id.set()
                assert may_commit.wait(20)
            return
        assert first_has_its_id.wait(20)
        threading.Timer(0.3, may_commit.set).start()
        events_append("run:a", [NewEvent(type="SECOND")])
        assert [frame.type for frame in events_after("run:a", 0)] == ["FIRST", "SECOND"]

    in_threads(2, write)


def test_redis_and_postgresql_give_the_same_bytes(redis_client: redis.Redis) -> None:
    payload = {
        "z": 1,
        "a": [1.0, 1e300, "é\u2028", None],
        "nul": "a\x00b",
        "b": "\\u0000",
        "s": "\ud83d",
    }
    events_append("run:a", [NewEvent(type="T", payload=payload, step_id="s1")], "a")
    entries = entries_of(redis_client, "run:a")
    frame = events_after("run:a", 0)[0]
    assert [(entry_id, fields["f"]) for entry_id, fields in entries] == [("1-0", frame.text)]
    assert frame.data["nul"] == "a\ufffdb"
    assert frame.data["b"] == "\\u0000"
    assert frame.data["stepId"] == "s1"


def test_redis_that_was_restarted_is_told_again(redis_client: Any) -> None:
    events_append("run:a", [NewEvent(type="E")])
    redis_client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    events_append("run:a", [NewEvent(type="E")])
    eventually(lambda: redis_client.xlen(stream_key("run:a")) == 2)


def test_dead_redis_fails_no_writer_and_slows_only_the_first(
    settings: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead = redis.Redis(host="127.0.0.1", port=1, socket_connect_timeout=0.5)
    asked: list[int] = []

    def client() -> redis.Redis:
        asked.append(1)
        return dead

    monkeypatch.setattr(shared_redis, "redis_client", client)
    monkeypatch.setattr(events, "_teller", shared_redis.OneWay())
    for _ in range(50):
        events_append("run:a", [NewEvent(type="E")])
    assert ids("run:a") == list(range(1, 51))
    assert len(asked) == 1


def test_crash_between_commit_and_publishing_is_healed(
    redis_client: redis.Redis, no_publishing: None
) -> None:
    events_append("run:a", [NewEvent(type="E")] * 3)
    events_append("run:b", [NewEvent(type="E")])
    assert redis_client.keys("djinnbot:events:*") == []
    assert relay_unpublished(older_than_s=0) == 4
    assert [i for i, _ in entries_of(redis_client, "run:a")] == ["1-0", "2-0", "3-0"]
    assert redis_client.xlen("djinnbot:events:global") == 1
    assert not Event.objects.filter(published_at=None).exists()
    assert relay_unpublished(older_than_s=0) == 0


def test_relay_goes_on_until_all_is_published(
    redis_client: redis.Redis, no_publishing: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "RELAY_BATCH", 4)
    for topic in ("run:a", "run:b", "run:c"):
        events_append(topic, [NewEvent(type="E")] * 5)
    assert relay_unpublished(older_than_s=0) == 15
    assert [redis_client.xlen(stream_key(f"run:{name}")) for name in "abc"] == [5, 5, 5]


def test_relay_adds_nothing_twice(redis_client: redis.Redis) -> None:
    events_append("run:a", [NewEvent(type="E")] * 3)
    assert relay_unpublished(older_than_s=0) == 0
    assert redis_client.xlen(stream_key("run:a")) == 3


def test_relay_leaves_fresh_events_to_their_writer(no_publishing: None) -> None:
    events_append("run:a", [NewEvent(type="E")])
    assert relay_unpublished(older_than_s=60) == 0
    assert Event.objects.filter(published_at=None).count() == 1


def test_one_relay_at_a_time(no_publishing: None) -> None:
    events_append("run:a", [NewEvent(type="E")])

    def second_relay(_: int) -> None:
        assert relay_unpublished(older_than_s=0) == 0

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [events._RELAY_LOCK])
        in_threads(1, second_relay)
    assert relay_unpublished(older_than_s=0) == 1


def test_relay_marks_nothing_while_redis_is_away(
    monkeypatch: pytest.MonkeyPatch, no_publishing: None
) -> None:
    events_append("run:a", [NewEvent(type="E")])
    monkeypatch.setattr(events, "redis_client", lambda: redis.Redis(host="127.0.0.1", port=1))
    with pytest.raises(redis.RedisError):
        relay_unpublished(older_than_s=0)
    assert Event.objects.filter(published_at=None).count() == 1


def test_streams_are_forgotten_a_week_after_the_last_event(redis_client: redis.Redis) -> None:
    events_append("run:a", [NewEvent(type="E")])
    assert 0 < int(redis_client.ttl(stream_key("run:a"))) <= 7 * 24 * 3600


def read_feed(cursor: FeedCursor) -> tuple[list[str], FeedCursor]:
    page = feed_after(cursor)
    return [frame.type for frame in page.frames], page.cursor


def test_feed_waits_for_an_older_open_transaction() -> None:
    start = feed_position()
    has_written, may_commit = threading.Event(), threading.Event()

    def older(_: int) -> None:
        with transaction.atomic():
            events_append("run:a", [NewEvent(type="OLDER")])
            has_written.set()
            assert may_commit.wait(20)

    writer = threading.Thread(target=in_threads, args=(1, older))
    writer.start()
    assert has_written.wait(20)
    events_append("run:b", [NewEvent(type="YOUNGER"), NewEvent(type="TEXT", lifecycle=False)])
    seen, cursor = read_feed(start)
    assert seen == []
    may_commit.set()
    writer.join()
    seen, cursor = read_feed(cursor)
    assert seen == ["OLDER", "YOUNGER"]
    assert read_feed(cursor)[0] == []


def test_feed_under_many_writers_skips_and_doubles_nothing() -> None:
    start = feed_position()
    done = threading.Event()
    seen: list[str] = []

    def work(number: int) -> None:
        if number == 0:
            cursor = start
            while True:
                ended = done.is_set()
                page = feed_after(cursor, limit=7)
                seen.extend(str(frame.data["n"]) for frame in page.frames)
                cursor = page.cursor
                if ended and not page.frames:
                    return
        for item in range(40):
            with transaction.atomic():
                events_append(
                    f"run:{number}", [NewEvent(type="E", payload={"n": f"{number}.{item}"})]
                )
        if number == 1:
            done.wait(0.2)

    def writers_then_done() -> None:
        in_threads(3, lambda number: work(number + 1))
        done.set()

    writers = threading.Thread(target=writers_then_done)
    writers.start()
    in_threads(1, work)
    writers.join()
    assert sorted(seen) == sorted(f"{w}.{i}" for w in (1, 2, 3) for i in range(40))


def test_deleted_topic_is_gone_everywhere(redis_client: redis.Redis) -> None:
    events_append("run:a", [NewEvent(type="E")])
    topic_delete("run:a")
    assert events_after("run:a", 0) == []
    assert events_position("run:a") == 0
    assert not redis_client.exists(stream_key("run:a"))
