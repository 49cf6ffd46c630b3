"""One attempt at a call: admitted, sent, relayed and settled. Every way out writes its row."""

import asyncio
import time
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta

from apps.core.ids import new_id
from apps.llm import ledger
from apps.llm.calls import CallEnd, CallStart
from apps.llm.errors import GatewayError
from apps.llm.gateway.estimate import input_tokens, output_limit
from apps.llm.gateway.exchange import Exchange
from apps.llm.gateway.failover import learn
from apps.llm.gateway.observe import Observer, observer_for
from apps.llm.gateway.plan import Candidate
from apps.llm.gateway.request import ModelRequest
from apps.llm.gateway.retries import Limits, Opened, next_chunk, open_with_retries
from apps.llm.gateway.routes import upstream_of
from apps.llm.gateway.sse import SseSplitter
from apps.llm.gateway.upstream import interrupted
from apps.llm.pricing import FREE, UNKNOWN, Cost, price_tokens


class Downgraded(Exception):
    """A budget wants another model. `call_id`: the attempt that was not sent."""

    def __init__(self, model: str, call_id: str) -> None:
        super().__init__(model)
        self.model = model
        self.call_id = call_id


class Attempt:
    def __init__(
        self, request: ModelRequest, candidate: Candidate, *, number: int = 1, after: str = ""
    ) -> None:
        self.request = request
        self.candidate = candidate
        self.start = _start(request, candidate, number, after)
        self._began = time.monotonic()
        self._first_byte: float | None = None
        self._tries = 1
        self._settled = False
        self._observer: Observer = observer_for(request.dialect, request.endpoint)

    async def run(self, http: Exchange, limits: Limits) -> None:
        """Answer the client. Raises GatewayError, Downgraded; both are settled then."""
        admitted = await ledger.admit(self.start)
        if admitted.downgrade_to:
            await self._settle(None, "downgraded")
            raise Downgraded(admitted.downgrade_to, self.start.call_id)
        opened: Opened | None = None
        try:
            upstream = upstream_of(self.request, self.candidate)
            opened = await open_with_retries(upstream, self.request, limits)
            self._tries = opened.tries
            self._first_byte = time.monotonic()
            relay = self._relay_stream if self.request.stream else self._relay_whole
            await relay(http, opened, limits)
            await learn(self.candidate, None)
        except GatewayError as error:
            self._tries = error.extra.get("tries", self._tries)
            await learn(self.candidate, error)
            await self._settle(error.http_status, error.code, error.retry_after_s)
            raise
        except BaseException:
            await self._settle(None, "client_disconnected")
            raise
        finally:
            if opened is not None:
                await opened.response.aclose()

    async def refuse(self, error: GatewayError) -> None:
        """The request ends before it could be sent: only its row is written."""
        end = self._end(error.http_status, error.code, error.retry_after_s)
        await _kept(ledger.refused(self.start, end))

    async def _relay_whole(self, http: Exchange, opened: Opened, limits: Limits) -> None:
        self._observer.message(opened.first)
        if self._observer.seen.malformed:
            raise GatewayError(
                f"The answer of {self.candidate.provider_id} is not JSON.",
                code="upstream_malformed",
            )
        await self._settle(200, "")
        await http.answer(200, opened.first)

    async def _relay_stream(self, http: Exchange, opened: Opened, limits: Limits) -> None:
        """Settled before the end marker goes out: a client that has read it may look at once."""
        await http.start(200, {"content-type": "text/event-stream", "cache-control": "no-store"})
        seen, splitter = self._observer.seen, SseSplitter()
        chunk = opened.first
        while chunk:
            for event in splitter.feed(chunk):
                self._observer.event(event)
                if seen.is_last:
                    await self._answered()
                if self.request.wants_usage or not seen.is_usage_only:
                    await http.write(event)
            chunk = await next_chunk(opened.response, limits, self.candidate.provider_id)
        if not seen.complete:
            raise interrupted(self.candidate.provider_id)
        await self._answered()
        await http.write(splitter.rest, last=True)

    async def _answered(self) -> None:
        await self._settle(200, "upstream_malformed" if self._observer.seen.malformed else "")

    async def _settle(
        self, http_status: int | None, error_class: str, retry_after_s: float | None = None
    ) -> None:
        if self._settled:
            return
        self._settled = True
        await _kept(ledger.settle(self.start, self._end(http_status, error_class, retry_after_s)))

    def _end(
        self, http_status: int | None, error_class: str, retry_after_s: float | None
    ) -> CallEnd:
        seen, now = self._observer.seen, time.monotonic()
        return CallEnd(
            http_status=http_status,
            error_class=error_class,
            tokens=seen.tokens,
            usage_seen=seen.usage_seen,
            cost=self._cost(),
            output_began=self._first_byte is not None,
            duration_ms=_ms(now - self._began),
            ttft_ms=None if self._first_byte is None else _ms(self._first_byte - self._began),
            tries=self._tries,
            tool_call_count=seen.tool_call_count,
            has_thinking=seen.has_thinking,
            stop_reason=seen.stop_reason,
            retry_at=None if retry_after_s is None else _in(retry_after_s),
        )

    def _cost(self) -> Cost:
        """Without token counts it is not known, but what was never answered costs nothing."""
        if self._observer.seen.usage_seen:
            return price_tokens(self.start.price, self._observer.seen.tokens)
        return FREE if self._first_byte is None and self.start.price else UNKNOWN


def _start(request: ModelRequest, candidate: Candidate, number: int, after: str) -> CallStart:
    caller, facts, key = request.caller, request.facts, candidate.key
    return CallStart(
        call_id=new_id("llm"),
        request_id=request.request_id,
        session_id=caller.session_id,
        provider=candidate.provider_id,
        model=candidate.model,
        requested_model=request.requested,
        dialect=str(request.dialect),
        endpoint=request.endpoint,
        stream=request.stream,
        attempt=number,
        fallback_of=after,
        run_id=caller.run_id,
        project_id=caller.project_id,
        step_execution_id=facts.execution_id,
        step_id=facts.step,
        agent_id=caller.agent_id,
        user_id=caller.user_id,
        kind=caller.kind,
        key_source=key.source if key else "none",
        key_id=key.id if key else None,
        key_masked=key.masked if key else "",
        share_id=key.share_id if key else None,
        thinking_level=request.thinking_level,
        price=candidate.price,
        context_window=candidate.context_window,
        input_tokens_estimate=input_tokens(request),
        max_output_tokens=output_limit(request, candidate.max_output),
    )


async def _kept(work: Awaitable[None]) -> None:
    """Finish what is written although the client leaves meanwhile."""
    await asyncio.shield(asyncio.ensure_future(work))


def _in(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
