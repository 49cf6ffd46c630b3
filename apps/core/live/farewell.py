"""When the server stops, each websocket is told so (1012) and its client comes back at once.

Other servers do this by themselves. daphne drops its connections without a word, which clients
take for a broken network and answer with a long pause; there we ask Twisted to be called before it
stops.
"""

import asyncio
import sys
from typing import Any
from weakref import WeakSet

from apps.core.live.flow import STOPPING

ON_ITS_WAY_S = 0.2  # the process ends when we return: the word must have been written by then

_sockets: "WeakSet[Any]" = WeakSet()
_asked: set[int] = set()  # reactors; there is one a process


def farewell_join(socket: Any) -> None:
    """Close this consumer with 1012 when the server stops."""
    _sockets.add(socket)
    reactor: Any = sys.modules.get("twisted.internet.reactor")
    if reactor is not None and reactor.running and id(reactor) not in _asked:
        _asked.add(id(reactor))
        reactor.addSystemEventTrigger("before", "shutdown", _say_farewell)


def farewell_leave(socket: Any) -> None:
    _sockets.discard(socket)


def _say_farewell() -> Any:
    """What Twisted waits for."""
    from twisted.internet.defer import Deferred  # only where a reactor runs

    return Deferred.fromFuture(asyncio.ensure_future(_close_all()))


async def _close_all() -> None:
    closing = [socket.close(STOPPING) for socket in list(_sockets)]
    await asyncio.gather(*closing, return_exceptions=True)
    if closing:
        await asyncio.sleep(ON_ITS_WAY_S)
