"""How many streams a caller may hold open in this process."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from apps.core.api.callers import Caller
from apps.core.errors import LimitReached
from apps.core.metrics import OPEN_STREAMS

USER_STREAMS = 20
SESSION_STREAMS = 5
TOPICS_A_STREAM = 100

_open: Counter[str] = Counter()


@contextmanager
def stream_slot(caller: Caller) -> Iterator[None]:
    """Hold one of the caller's streams. Raises LimitReached."""
    limit = SESSION_STREAMS if "session" in caller.kinds else USER_STREAMS
    if _open[caller.principal] >= limit:
        raise LimitReached(f"You have {limit} open streams already.", limit=limit)
    _open[caller.principal] += 1
    OPEN_STREAMS.inc()
    try:
        yield
    finally:
        OPEN_STREAMS.dec()
        _open[caller.principal] -= 1
        if not _open[caller.principal]:
            del _open[caller.principal]
