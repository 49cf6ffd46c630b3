"""A request's way: resolve who may answer, then try them in turn until one does.

Each attempt is admitted and settled by `apps.llm.ledger`. Once the client has seen a byte of an
answer nobody else is tried. What is known to be ill is passed over; when nothing else is left, the
refusal says when it is worth asking again.
"""

from dataclasses import replace

import structlog

from apps.llm.errors import GatewayError
from apps.llm.failures import FailureClass, class_of
from apps.llm.gateway import health
from apps.llm.gateway.attempt import Attempt, Downgraded
from apps.llm.gateway.exchange import Exchange
from apps.llm.gateway.failover import things_of
from apps.llm.gateway.plan import Candidate, Plan, plan_of
from apps.llm.gateway.request import ModelRequest
from apps.llm.gateway.retries import Limits, open_with_retries
from apps.llm.gateway.routes import limits_of_settings, upstream_of
from apps.llm.registry import Registry

log = structlog.get_logger(__name__)


async def answer(http: Exchange, request: ModelRequest, registry: Registry) -> None:
    try:
        plan = await plan_of(request, registry)
    except GatewayError as error:
        unsent = Candidate(provider_id=request.provider_id, model=request.model)
        await _unsent(request, unsent, error)
        raise
    limits = limits_of_settings()
    if request.endpoint == "count_tokens":
        await _counted(http, request, plan.candidates[0], limits)
        return
    try:
        await _Call(http, request, plan, limits).run()
    except Downgraded as downgraded:
        await _downgraded(http, request, registry, downgraded, limits)


async def _counted(
    http: Exchange, request: ModelRequest, candidate: Candidate, limits: Limits
) -> None:
    """Tokens counted by the provider. It costs nothing, so nothing is reserved or logged."""
    asked = _asked_of(request, candidate)
    opened = await open_with_retries(upstream_of(asked, candidate), asked, limits)
    try:
        await http.answer(200, opened.first)
    finally:
        await opened.response.aclose()


async def _downgraded(
    http: Exchange, request: ModelRequest, registry: Registry, to: Downgraded, limits: Limits
) -> None:
    """Ask the model that a budget wants; it need not be among those of the session."""
    caller = replace(request.caller, models=(to.model,))
    plan = await plan_of(replace(request, requested=to.model, caller=caller), registry)
    try:
        await _Call(http, request, plan, limits, after=to.call_id).run()
    except Downgraded as again:
        raise GatewayError(
            f"A budget allows {again.model} only, which is no cheaper than {to.model}.",
            code="budget_exceeded",
            http_status=429,
        ) from None


class _Call:
    """One request, over as many attempts as help."""

    def __init__(
        self, http: Exchange, request: ModelRequest, plan: Plan, limits: Limits, after: str = ""
    ) -> None:
        self._http = http
        self._request = request
        self._plan = plan
        self._limits = limits
        self._after = after
        self._attempts = 0

    async def run(self) -> None:
        left = list(self._plan.candidates)
        while True:
            candidate = left.pop(0)
            error = await self._ill(candidate)
            if error is None:
                error = await self._tried(candidate)
                if error is None:
                    return
            elif not left:
                await _unsent(self._request, candidate, error)
            left = self._next(left, candidate, error)
            if not left:
                raise error
            log.info("Another model is tried.", after=candidate.name, code=error.code)

    async def _ill(self, candidate: Candidate) -> GatewayError | None:
        """The refusal, if its provider, or this key with this model, is left alone now."""
        if candidate.provider is None:
            return None
        blocked = await health.blocks(things_of(candidate))
        if not blocked:
            return None
        block = max(blocked.values(), key=lambda found: found.left_s)
        limited = block.code == "upstream_rate_limited"
        return GatewayError(
            f"{candidate.provider_id} "
            + ("is over its limit" if limited else "has failed again and again")
            + f" and is asked again in {block.left_s:.0f} s.",
            code=block.code if limited else "provider_down",
            http_status=429 if limited else 503,
            retry_after_s=block.left_s,
        )

    async def _tried(self, candidate: Candidate) -> GatewayError | None:
        self._attempts += 1
        request = _asked_of(self._request, candidate)
        attempt = Attempt(request, candidate, number=self._attempts, after=self._after)
        try:
            await attempt.run(self._http, self._limits)
        except GatewayError as error:
            self._after = attempt.start.call_id
            return error
        return None

    def _next(
        self, left: list[Candidate], failed: Candidate, error: GatewayError
    ) -> list[Candidate]:
        """Who may still be tried after this failure."""
        kind = class_of(error)
        alias = self._plan.alias
        if kind is None or self._http.started:
            return []
        if alias and alias.max_attempts and self._attempts >= alias.max_attempts:
            return []
        if kind is FailureClass.KEY:
            return left
        if alias and alias.error_classes and kind not in alias.error_classes:
            return []
        others = [candidate for candidate in left if candidate.name != failed.name]
        if kind is FailureClass.CONTEXT:
            return [other for other in others if _is_larger(other, failed)]
        return others


def _is_larger(one: Candidate, other: Candidate) -> bool:
    return (one.context_window or 0) > (other.context_window or 0)


async def _unsent(request: ModelRequest, candidate: Candidate, error: GatewayError) -> None:
    await Attempt(request, candidate).refuse(error)


def _asked_of(request: ModelRequest, candidate: Candidate) -> ModelRequest:
    return replace(
        request,
        provider_id=candidate.provider_id,
        model=candidate.model,
        body={**request.body, "model": candidate.model},
    )
