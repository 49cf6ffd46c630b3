"""Finding agents by name, id or role."""

from collections.abc import Collection, Iterable

from apps.agents.selectors import agent_list
from apps.core.api.callers import Caller
from apps.core.search import Hit, fits


def agent_search(caller: Caller, words: Collection[str], most: int) -> Iterable[Hit]:
    found = [row for row in agent_list() if fits(words, row.id, row.name, row.role)]
    return [Hit(kind="agent", id=row.id, title=row.name, detail=row.role) for row in found[:most]]
