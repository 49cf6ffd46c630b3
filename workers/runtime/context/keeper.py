"""Watches the context window before each request to the model."""

import logging
from collections.abc import Awaitable, Callable

from pydantic_ai.messages import ModelMessage, ModelResponse

from workers.protocol.messages import CompactionComplete, ContextUsage, Message
from workers.runtime.context import compaction
from workers.runtime.context.pruning import prune
from workers.runtime.context.sizes import CHARS_PER_TOKEN, Meter

logger = logging.getLogger(__name__)

FULL = 0.85
_TOLD_STEP = 5.0  # percent points between two `contextUsage` events

# (prompt, the record of the work) → a summary. Raises for whatever reason a model gives.
Summarise = Callable[[str, str], Awaitable[str]]


class ContextKeeper:
    def __init__(
        self,
        *,
        publish: Callable[[Message], None],
        window: Callable[[], int],
        model_name: Callable[[], str],
        summarise: Summarise,
        shortened: Callable[[], None],
    ) -> None:
        self._publish = publish
        self._window = window
        self._model_name = model_name
        self._summarise = summarise
        self._shortened = shortened
        self._meter = Meter()
        self._compactions = 0
        self._told = 0.0
        self.request_id = ""

    def usage(self, messages: list[ModelMessage], request_id: str) -> ContextUsage:
        used, window = self._meter.tokens(messages), self._window()
        return ContextUsage(
            request_id=request_id,
            used_tokens=used,
            context_window=window,
            percent=round(100 * used / window, 1),
            model=self._model_name(),
        )

    async def before_request(self, messages: list[ModelMessage]) -> list[ModelMessage]:
        """The messages to send, and to go on with: shortened when the window is 85 % full."""
        kept = messages
        if self._is_full(kept):
            kept = prune(kept, window=self._window()) or kept
        if self._is_full(kept):
            kept = await self._compacted(kept) or kept
        if self._is_full(kept):
            kept = prune(kept, window=self._window(), harder=True) or kept
        if kept is not messages:
            self._shortened()
        self._tell(kept)
        return kept

    async def make_room(self, messages: list[ModelMessage]) -> list[ModelMessage] | None:
        """A provider said that its window is full, whatever we counted. None: no room to make."""
        shorter = prune(messages, window=self._window(), harder=True)
        shorter = await self._compacted(shorter or messages) or shorter
        if shorter is not None:
            self._shortened()
        return shorter

    async def compact(
        self, messages: list[ModelMessage], request_id: str, instructions: str = ""
    ) -> tuple[list[ModelMessage], CompactionComplete] | None:
        """The messages with a summary in place of the old ones, and what to tell of it.

        None: there is nothing to gain.
        """
        parts = compaction.split(messages, window=self._window())
        if parts is None:
            return None
        before = self._meter.tokens(messages)
        summary = await self._summary(parts, instructions)
        kept = compaction.joined(parts, summary)
        self._compactions += 1
        return kept, CompactionComplete(
            request_id=request_id,
            summary=summary,
            tokens_before=before,
            tokens_after=self._meter.tokens(kept),
            tail_message_count=len(parts.tail),
            compaction_number=self._compactions,
        )

    async def _compacted(self, messages: list[ModelMessage]) -> list[ModelMessage] | None:
        found = await self.compact(messages, self.request_id)
        if found is None:
            return None
        self._publish(found[1])
        return found[0]

    async def _summary(self, parts: compaction.Split, instructions: str) -> str:
        limit = int(self._window() * 0.6) * CHARS_PER_TOKEN
        record = compaction.transcript(parts.old, limit_chars=limit)
        ask = compaction.ASK
        if instructions:
            ask += f"\n\nThe person in charge adds: {instructions}"
        try:
            said = await self._summarise(ask, f"The task:\n{parts.task}\n\nThe record:\n{record}")
        except Exception as exc:  # noqa: BLE001  whatever the model did: the work goes on
            logger.warning("no summary by the model: %s", exc)
            said = ""
        return said.strip() or compaction.bare_summary(parts.old)

    def _is_full(self, messages: list[ModelMessage]) -> bool:
        return self._meter.tokens(messages) >= FULL * self._window()

    def _tell(self, messages: list[ModelMessage]) -> None:
        if not any(isinstance(message, ModelResponse) for message in messages):
            return
        usage = self.usage(messages, self.request_id)
        if abs(usage.percent - self._told) >= _TOLD_STEP:
            self._told = usage.percent
            self._publish(usage)
