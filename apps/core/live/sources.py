"""The two kinds of topics as the hub sees them: one with a counter, and the feed over all."""

from dataclasses import dataclass

from apps.core.errors import Malformed
from apps.core.events import (
    FEED,
    FEED_STREAM,
    FeedCursor,
    Frame,
    events_after,
    events_position,
    feed_after,
    feed_position,
    stream_key,
)

PAGE = 500


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in a topic: (seq, 0), or in the feed (xid, row id)."""

    major: int = 0
    minor: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """`covered`: there is nothing more up to here, nor will there be (feed only)."""

    frames: list[Frame]
    position: Position
    full: bool
    covered: Position = Position()


class Source:
    """Where the frames of a topic come from. Methods that ask the database run in a thread."""

    def __init__(self, topic: str) -> None:
        self.topic = topic
        self.is_feed = topic == FEED
        self.stream = FEED_STREAM if self.is_feed else stream_key(topic)

    def parse(self, text: str) -> Position:
        """A client's position. Raises Malformed."""
        if text in {"", "0"}:
            return Position()
        if self.is_feed:
            return _position(FeedCursor.parse(text))
        if not (text.isascii() and text.isdigit() and len(text) < 19):
            raise Malformed("This is no event id of the topic.", code="bad_cursor")
        return Position(int(text), 0)

    def of(self, frame: Frame) -> Position:
        return self.parse(frame.id)

    def write(self, position: Position) -> str:
        major, minor = position.major, position.minor
        return str(FeedCursor(major, minor)) if self.is_feed else str(major)

    def follows(self, frame: Frame, position: Position) -> bool:
        """Whether nothing lies between a position and a frame. In the feed the order says it."""
        return self.is_feed or int(frame.id) == position.major + 1

    def end(self) -> Position:
        if self.is_feed:
            return _position(feed_position())
        return Position(events_position(self.topic), 0)

    def after(self, position: Position, limit: int = PAGE) -> Page:
        if self.is_feed:
            page = feed_after(FeedCursor(position.major, position.minor), limit)
            full = len(page.frames) == limit
            return Page(page.frames, _position(page.cursor), full, Position(page.watermark))
        frames = events_after(self.topic, position.major, limit)
        last = self.of(frames[-1]) if frames else position
        return Page(frames, last, len(frames) == limit)

    def is_gone(self, position: Position) -> bool:
        """Whether a client there can no longer be told all that followed."""
        if position == Position():
            return False
        end = self.end()
        if self.is_feed or position >= end:
            return position.major > end.major
        first = self.after(position, limit=1).frames
        return not first or not self.follows(first[0], position)


def _position(cursor: FeedCursor) -> Position:
    return Position(cursor.xid, cursor.id)
