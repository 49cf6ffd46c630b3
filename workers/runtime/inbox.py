"""Work that the control plane asked for: done once each, one after the other."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable

from workers.protocol.messages import (
    AgentStep,
    Busy,
    CompactSession,
    Message,
    StructuredOutput,
    ToolCommand,
)

KEPT_ANSWERS = 100

Work = AgentStep | StructuredOutput | ToolCommand | CompactSession


class Inbox:
    """Answers a repeated request from memory, by its id."""

    def __init__(self, publish: Callable[[Message], None], *, run_id: str) -> None:
        self._publish = publish
        self._run_id = run_id
        self._queue: asyncio.Queue[Work] = asyncio.Queue()
        self._waiting: set[str] = set()
        self._aborted: set[str] = set()
        self._answers: OrderedDict[str, Message] = OrderedDict()

    def put(self, command: Work) -> None:
        """Queue work, unless it is known: then say again how it ended, or that it goes on."""
        known = self._answers.get(command.request_id)
        if known is not None:
            self._publish(known)
        elif command.request_id in self._waiting:
            self._publish(Busy(run_id=self._run_id, request_id=command.request_id))
        else:
            self._waiting.add(command.request_id)
            self._queue.put_nowait(command)

    async def get(self) -> Work:
        return await self._queue.get()

    def abort(self, request_id: str) -> None:
        """What waits is not begun. An empty id means everything."""
        self._aborted |= self._waiting if not request_id else self._waiting & {request_id}

    def is_aborted(self, request_id: str) -> bool:
        return request_id in self._aborted

    def answer(self, request_id: str, answer: Message) -> None:
        """Publish how a request ended, and keep it."""
        self._waiting.discard(request_id)
        self._aborted.discard(request_id)
        self._answers[request_id] = answer
        while len(self._answers) > KEPT_ANSWERS:
            self._answers.popitem(last=False)
        self._publish(answer)
