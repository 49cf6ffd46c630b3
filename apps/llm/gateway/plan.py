"""Who may answer a request: models and keys in the order in which they are tried."""

from collections.abc import Sequence
from dataclasses import dataclass

from apps.llm.gateway.request import ModelRequest
from apps.llm.keys import ProviderKey, provider_key
from apps.llm.pricing import FREE_PRICE, Price, listed_price
from apps.llm.providers import SCRIPTED, Provider, provider_get, split_model
from apps.llm.recording import recording_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One model with the key to use. `provider` None: answered in this process."""

    provider_id: str
    model: str
    provider: Provider | None = None
    key: ProviderKey | None = None
    price: Price | None = None
    context_window: int | None = None
    max_output: int | None = None

    @property
    def name(self) -> str:
        return f"{self.provider_id}/{self.model}"


def candidates_of(request: ModelRequest) -> Sequence[Candidate]:
    """Raises GatewayError: unknown provider or no key."""
    split_model(request.requested)
    is_replay = recording_of(request.facts).mode == "replay"
    if is_replay or request.provider_id == SCRIPTED:
        return [Candidate(provider_id=request.provider_id, model=request.model, price=FREE_PRICE)]
    provider = provider_get(request.provider_id)
    return [
        Candidate(
            provider_id=provider.id,
            model=request.model,
            provider=provider,
            key=provider_key(provider),
            price=listed_price(provider.price_id or provider.id, request.model),
        )
    ]
