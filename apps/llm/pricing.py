"""What a call cost, by the public price list that is packaged with `genai-prices`."""

from dataclasses import dataclass
from decimal import Decimal

from apps.llm.providers import PROVIDERS, SCRIPTED


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """Four classes that do not overlap: `input` leaves out what came from or went to a cache."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """In US dollars. None: not known, which is not the same as free."""

    input: Decimal | None = None
    output: Decimal | None = None
    total: Decimal | None = None


UNKNOWN = Cost()
FREE = Cost(input=Decimal(0), output=Decimal(0), total=Decimal(0))


def cost_of(provider_id: str, model: str, tokens: Tokens) -> Cost:
    if provider_id == SCRIPTED:
        return FREE
    provider = PROVIDERS.get(provider_id)
    if provider is None:
        return UNKNOWN
    from genai_prices import Usage, calc_price  # slow to import; only paid models need it

    usage = Usage(
        input_tokens=tokens.input + tokens.cache_read + tokens.cache_write,
        output_tokens=tokens.output,
        cache_read_tokens=tokens.cache_read,
        cache_write_tokens=tokens.cache_write,
    )
    try:
        price = calc_price(usage, model, provider_id=provider.price_id or provider.id)
    except LookupError:
        return UNKNOWN
    return Cost(input=price.input_price, output=price.output_price, total=price.total_price)
