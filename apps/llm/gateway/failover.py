"""Which failures another model, or another key, can help with, and what is learnt from each."""

from apps.core.aio import in_thread
from apps.llm.errors import GatewayError
from apps.llm.failures import FailureClass, class_of
from apps.llm.gateway import health
from apps.llm.gateway.plan import Candidate
from apps.llm.services import key_refused


def things_of(candidate: Candidate) -> tuple[str, str]:
    """What may be ill: the provider, and this key with this model."""
    return (
        health.provider_thing(candidate.provider_id),
        health.pair_thing(candidate.provider_id, candidate.model, candidate.key),
    )


async def learn(candidate: Candidate, error: GatewayError | None) -> None:
    """Remember how a provider answered. None: well. A limit's error then tells when it ends."""
    if candidate.provider is None:
        return
    provider, pair = things_of(candidate)
    if error is None:
        await health.answered((provider, pair))
        return
    match class_of(error):
        case FailureClass.RATE_LIMITED:
            block = await health.cool_down(pair, error.code, error.retry_after_s)
            error.extra["retry_after_s"] = block.left_s
        case FailureClass.UNAVAILABLE:
            await health.failed(provider, error.code)
        case FailureClass.KEY if candidate.key is not None and candidate.key.id is not None:
            await in_thread(key_refused, candidate.key.id, error.message)
        case _:
            await health.answered([provider])
