"""What the platform keeps about a person: each app tells of its own, and takes its own away.

    register_personal("runs", lambda user_id: Run.objects.filter(…).values(…))
    register_erasure(favorites_erase)

Rows hold no secret: no value, no hash, no token.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

Rows = Iterable[Mapping[str, Any]]

_tellers: dict[str, Callable[[str], Rows]] = {}
_erasures: list[Callable[[str], None]] = []


def register_personal(name: str, teller: Callable[[str], Rows]) -> None:
    """`name` is the file's in an export. `teller` gets a user's id."""
    _tellers[name] = teller


def register_erasure(erase: Callable[[str], None]) -> None:
    """Called with a user's id, in the transaction that ends the account, after its access ended."""
    _erasures.append(erase)


def personal_data(user_id: str) -> Iterator[tuple[str, Rows]]:
    for name, tell in sorted(_tellers.items()):
        yield name, tell(user_id)


def personal_data_erase(user_id: str) -> None:
    for erase in _erasures:
        erase(user_id)
