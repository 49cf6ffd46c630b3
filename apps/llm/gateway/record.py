"""One call from its arrival to its row in the call log."""

import asyncio
import time

from apps.core.aio import in_thread
from apps.llm.errors import GatewayError
from apps.llm.gateway.observe import Observed
from apps.llm.gateway.request import ModelRequest
from apps.llm.keys import ProviderKey
from apps.llm.services import FinishedCall, call_record


class CallRecord:
    """Written once, whoever comes first: an answer, a failure, or a client that left."""

    def __init__(self, request: ModelRequest) -> None:
        self._request = request
        self._arrived = time.monotonic()
        self._first_byte: float | None = None
        self._tries = 1
        self._written = False
        self.key: ProviderKey | None = None
        self.observed = Observed()

    def began(self, tries: int) -> None:
        self._tries = tries
        self._first_byte = time.monotonic()

    async def answered(self) -> None:
        await self._write(200, "upstream_malformed" if self.observed.malformed else "")

    async def failed(self, error: GatewayError) -> None:
        self._tries = error.extra.get("tries", self._tries)
        await self._write(error.http_status, error.code)

    async def abandoned(self) -> None:
        await self._write(None, "client_disconnected")

    async def _write(self, http_status: int | None, error_class: str) -> None:
        if self._written:
            return
        self._written = True
        call = self._finished(http_status, error_class)
        # A client that leaves now must not take the row with it.
        await asyncio.shield(in_thread(call_record, call))

    def _finished(self, http_status: int | None, error_class: str) -> FinishedCall:
        request, seen = self._request, self.observed
        return FinishedCall(
            session_id=request.caller.session_id,
            run_id=request.caller.run_id,
            step_execution_id=request.facts.execution_id,
            step_id=request.facts.step,
            agent_id=request.caller.agent_id,
            user_id=request.caller.user_id,
            provider=request.provider_id,
            model=request.model,
            dialect=str(request.dialect),
            key_masked=self.key.masked if self.key else "",
            tokens=seen.tokens,
            usage_seen=seen.usage_seen,
            duration_ms=_ms(time.monotonic() - self._arrived),
            ttft_ms=None if self._first_byte is None else _ms(self._first_byte - self._arrived),
            tries=self._tries,
            tool_call_count=seen.tool_call_count,
            has_thinking=seen.has_thinking,
            stop_reason=seen.stop_reason,
            http_status=http_status,
            error_class=error_class,
        )


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
