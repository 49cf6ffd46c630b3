"""Who may listen to which topic. Each app registers the topics of its things.

register_topics("run:", access=may_watch_run, snapshot="/v1/runs/{}")
"""

from collections.abc import Callable
from dataclasses import dataclass

from apps.core.api.callers import Caller

TopicAccess = Callable[[Caller, str], bool]


@dataclass(frozen=True, slots=True)
class TopicKind:
    """`snapshot`: where a client that missed events reads the present state; `{}` is the id."""

    access: TopicAccess
    snapshot: str = ""


_kinds: dict[str, TopicKind] = {}


def register_topics(prefix: str, *, access: TopicAccess, snapshot: str = "") -> None:
    """Say who may listen to topics `<prefix><id>` (a prefix ends in a colon) or to one topic.

    `access(caller, topic)` gets the whole topic name, asks the database, and is asked again every
    minute while somebody listens.
    """
    _kinds[prefix] = TopicKind(access, snapshot)


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


def topic_snapshot(topic: str) -> str:
    """The path of the topic's present state, or nothing."""
    prefix, rest = _split(topic)
    kind = _kinds.get(prefix)
    return kind.snapshot.format(rest) if kind else ""


def known_caller(caller: Caller, topic: str) -> bool:
    """The access to topics that every user and agent may follow."""
    return caller.is_known
