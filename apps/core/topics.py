"""Who may listen to which topic. Each app registers the topics of its things.

register_topics("run:", access=may_watch_run, snapshot="/v1/runs/{}")
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from apps.core.api.callers import Caller
from apps.core.events import Frame

TopicAccess = Callable[[Caller, str], bool]
# Of these frames, which the caller may see. It asks the database.
FrameSieve = Callable[[Sequence[Frame]], Sequence[bool]]
SieveOf = Callable[[Caller], FrameSieve | None]


@dataclass(frozen=True, slots=True)
class TopicKind:
    """`snapshot`: where a client that missed events reads the present state; `{}` is the id."""

    access: TopicAccess
    snapshot: str = ""
    sieve: SieveOf | None = None


_kinds: dict[str, TopicKind] = {}


def register_topics(
    prefix: str, *, access: TopicAccess, snapshot: str = "", sieve: SieveOf | None = None
) -> None:
    """Say who may listen to topics `<prefix><id>` (a prefix ends in a colon) or to one topic.

    `access(caller, topic)` gets the whole topic name, asks the database, and is asked again every
    minute while somebody listens. `sieve(caller)`: which of a topic's frames are for this caller;
    None: all. What it says of a run must hold for as long as a connection may last.
    """
    _kinds[prefix] = TopicKind(access, snapshot, sieve)


def _split(topic: str) -> tuple[str, str]:
    head, colon, rest = topic.partition(":")
    return head + colon, rest


def topic_access(caller: Caller, topic: str) -> bool:
    """Whether the caller may listen. A topic that nobody registered is open to nobody."""
    kind = _kinds.get(_split(topic)[0])
    granted = getattr(caller.credential, "topics", ())
    if kind is None or "read" not in caller.scopes or (granted and topic not in granted):
        return False
    return kind.access(caller, topic)


def topic_sieve(caller: Caller, topic: str) -> FrameSieve | None:
    """What chooses the caller's frames of a topic. None: all are."""
    kind = _kinds.get(_split(topic)[0])
    return kind.sieve(caller) if kind and kind.sieve else None


def topic_snapshot(topic: str) -> str:
    """The path of the topic's present state, or nothing."""
    prefix, rest = _split(topic)
    kind = _kinds.get(prefix)
    return kind.snapshot.format(rest) if kind else ""


def known_caller(caller: Caller, topic: str) -> bool:
    """The access to topics that every user and agent may follow."""
    return caller.is_known
