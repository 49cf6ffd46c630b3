"""Streamed text, sent in small batches, in order with all other events.

A piece that comes after a pause goes out at once; pieces that follow closely wait for each other.
"""

import asyncio
from collections.abc import Callable
from typing import Literal

from workers.protocol.masking import MaskedStream, Masker
from workers.protocol.messages import Message, Stdout, Thinking

Kind = Literal["assistant", "tool", "thinking"]
GAP_S = 0.02  # at least so long between two batches, so at most 50 a second
BATCH_CHARS = 4096


class TextBatcher:
    """`flush` sends everything; in between, what may be the beginning of a secret waits."""

    def __init__(self, publish: Callable[[Message], None], masker: Masker) -> None:
        self._publish = publish
        self._masked = MaskedStream(masker)
        self._request_id = ""
        self._kind: Kind = "assistant"
        self._parts: list[str] = []
        self._chars = 0
        self._timer: asyncio.TimerHandle | None = None
        self._flushed_at = 0.0

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
        loop = asyncio.get_running_loop()
        wait_s = self._flushed_at + GAP_S - loop.time()
        if self._chars >= BATCH_CHARS or wait_s <= 0:
            self._send_batch()
        elif self._timer is None:
            self._timer = loop.call_later(wait_s, self._send_batch)

    def flush(self) -> None:
        self._send_batch()
        self._send(self._masked.flush())

    def _send_batch(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._parts:
            return
        self._flushed_at = asyncio.get_running_loop().time()
        text = "".join(self._parts)
        self._parts.clear()
        self._chars = 0
        self._send(self._masked.feed(text))

    def _send(self, text: str) -> None:
        if not text:
            return
        if self._kind == "thinking":
            self._publish(Thinking(request_id=self._request_id, thinking=text))
        else:
            self._publish(Stdout(request_id=self._request_id, data=text, source=self._kind))
