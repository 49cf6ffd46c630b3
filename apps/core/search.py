"""Finding things by their names, over all apps: each app says how it searches its own."""

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from apps.core.api.callers import Caller

WORDS_MOST: Final = 8  # more make a search no better, and each costs one


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """Something that was found. `kind` and `id` say what it is, and so where its page stands."""

    kind: str
    id: str
    title: str
    detail: str = ""  # one line that tells it from others of the same title
    status: str = ""
    at: datetime | None = None


# (caller, words, most) -> hits that the caller may see, the best first.
Searcher = Callable[[Caller, Collection[str], int], Iterable[Hit]]

_searchers: dict[str, Searcher] = {}


def register_search(kind: str, searcher: Searcher) -> None:
    """Let an app's things be found. A searcher is quick: one query over an index, or few rows."""
    _searchers[kind] = searcher


def search_kinds() -> list[str]:
    return sorted(_searchers)


def words_of(text: str) -> list[str]:
    """The words to look for, in small letters. Signs between them separate, as in an index."""
    return re.findall(r"\w+", text.lower())[:WORDS_MOST]


def search(caller: Caller, text: str, *, kinds: Collection[str], most: int) -> list[Hit]:
    """At most `most` of each kind, in the order of `kinds`. Every word of the text is in a hit."""
    words = words_of(text)
    if not words:
        return []
    return [hit for kind in kinds for hit in _searchers[kind](caller, words, most)]


def fits(words: Collection[str], *texts: str) -> bool:
    """Whether every word is in one of the texts: for what is few and has no index."""
    lowered = [text.lower() for text in texts]
    return all(any(word in text for text in lowered) for word in words)
