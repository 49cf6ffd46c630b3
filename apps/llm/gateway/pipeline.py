"""A request's way: resolve who may answer, then try them in turn until one does.

Each attempt is admitted and settled by `apps.llm.ledger`. Once the client has seen a byte of an
answer nobody else is tried.
"""

from dataclasses import replace

from apps.llm.errors import GatewayError
from apps.llm.gateway.attempt import Attempt, Downgraded
from apps.llm.gateway.exchange import Exchange
from apps.llm.gateway.plan import Candidate, candidates_of
from apps.llm.gateway.request import ModelRequest, check_allowed
from apps.llm.gateway.routes import limits_of_settings


async def answer(http: Exchange, request: ModelRequest) -> None:
    try:
        check_allowed(request)
        candidates = candidates_of(request)
    except GatewayError as error:
        unsent = Candidate(provider_id=request.provider_id, model=request.model)
        await Attempt(request, unsent).refuse(error)
        raise
    limits = limits_of_settings()
    for number, candidate in enumerate(candidates, 1):
        attempt = Attempt(_asked_of(request, candidate), candidate, number=number)
        try:
            await attempt.run(http, limits)
        except Downgraded as downgraded:
            raise GatewayError(
                f"A budget allows {downgraded.model} only.", code="budget_exceeded", http_status=429
            ) from None
        return


def _asked_of(request: ModelRequest, candidate: Candidate) -> ModelRequest:
    return replace(
        request,
        provider_id=candidate.provider_id,
        model=candidate.model,
        body={**request.body, "model": candidate.model},
    )
