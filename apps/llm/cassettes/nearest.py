"""Why a request has no cassette: the recorded request most like it, and where they part."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from apps.llm.cassettes.store import Cassette

_SHOWN = 120
_COMPARED = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """`path` is a JSON pointer into the canonical request."""

    path: str
    recorded: str
    asked: str


def nearest_difference(
    asked: dict[str, Any], recorded: Iterable[Cassette]
) -> list[Difference] | None:
    """The differences to the nearest of at most 500 cassettes, nearest first; None: there is none.

    The nearest is the one that differs in the fewest places.
    """
    best: list[Difference] | None = None
    for number, cassette in enumerate(recorded):
        if number == _COMPARED:
            break
        differences = list(_differences(cassette.request, asked, ""))
        if best is None or len(differences) < len(best):
            best = differences
    return best


def _differences(recorded: Any, asked: Any, path: str) -> Iterator[Difference]:
    if isinstance(recorded, dict) and isinstance(asked, dict):
        for key in sorted(recorded.keys() | asked.keys()):
            yield from _differences(recorded.get(key), asked.get(key), f"{path}/{key}")
    elif isinstance(recorded, list) and isinstance(asked, list):
        for index in range(max(len(recorded), len(asked))):
            ours = recorded[index] if index < len(recorded) else None
            theirs = asked[index] if index < len(asked) else None
            yield from _differences(ours, theirs, f"{path}/{index}")
    elif recorded != asked:
        yield Difference(path=path, **_excerpts(recorded, asked))


def _excerpts(recorded: Any, asked: Any) -> dict[str, str]:
    """Both values from shortly before the place where they part."""
    left, right = str(recorded), str(asked)
    same = 0
    while same < min(len(left), len(right)) and left[same] == right[same]:
        same += 1
    start = max(0, same - 20)
    return {"recorded": left[start : start + _SHOWN], "asked": right[start : start + _SHOWN]}
