"""Streamed text, sent in small batches: at most 50 ms late, in order with all other events."""

import asyncio
from collections.abc import Callable
from typing import Literal

from workers.protocol.messages import Message, Stdout, Thinking

Kind = Literal["assistant", "tool", "thinking"]
DELAY_S = 0.05
BATCH_CHARS = 4096


class TextBatcher:
    def __init__(self, publish: Callable[[Message], None]) -> None:
        self._publish = publish
        self._request_id = ""
        self._kind: Kind = "assistant"
        self._parts: list[str] = []
        self._chars = 0
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, request_id: str) -> None:
        self.flush()
        self._request_id = request_id

    def add(self, kind: Kind, text: str) -> None:
        if not text:
            return
        if kind != self._kind:
            self.flush()
            self._kind = kind
        self._parts.append(text)
        self._chars += len(text)
        if self._chars >= BATCH_CHARS:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(DELAY_S, self.flush)

    def flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._parts:
            return
        text = "".join(self._parts)
        self._parts.clear()
        self._chars = 0
        if self._kind == "thinking":
            self._publish(Thinking(request_id=self._request_id, thinking=text))
        else:
            self._publish(Stdout(request_id=self._request_id, data=text, source=self._kind))
