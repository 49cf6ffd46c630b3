"""What a call costs. The public price list is packaged with `genai-prices`; nothing is fetched."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache, lru_cache
from typing import Any

_MILLION = Decimal(1_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """Four classes that do not overlap: `input` leaves out what came from or went to a cache."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0

    @property
    def total(self) -> int:
        return self.input + self.output + self.cache_read + self.cache_write


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """In US dollars. None: not known, which is not the same as free."""

    input: Decimal | None = None
    output: Decimal | None = None
    total: Decimal | None = None


UNKNOWN = Cost()
FREE = Cost(input=Decimal(0), output=Decimal(0), total=Decimal(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """US dollars for a million tokens; a class without a price costs what input costs.

    `listed`: (provider, model) in the public list, whose tiers for long inputs then count.
    """

    input: Decimal
    output: Decimal
    cache_read: Decimal | None = None
    cache_write: Decimal | None = None
    version: str = ""  # where the price comes from
    approximate: bool = False
    listed: tuple[str, str] | None = None


FREE_PRICE = Price(input=Decimal(0), output=Decimal(0), version="free")


def price_tokens(price: Price | None, tokens: Tokens) -> Cost:
    if price is None:
        return UNKNOWN
    if price.listed is not None:
        return _listed_cost(*price.listed, tokens)
    read = price.input if price.cache_read is None else price.cache_read
    written = price.input if price.cache_write is None else price.cache_write
    taken = tokens.input * price.input + tokens.cache_read * read + tokens.cache_write * written
    given = tokens.output * price.output
    return Cost(input=taken / _MILLION, output=given / _MILLION, total=(taken + given) / _MILLION)


@lru_cache(maxsize=4096)
def listed_price(provider: str, model: str) -> Price | None:
    """What the public list says of a model. None: nothing, or no price for a token.

    The first call in a process takes a second: the list is large.
    """
    found = listed_model(provider, model)
    if found is None:
        return None
    try:
        prices = found.get_prices(datetime.now(UTC))
    except (LookupError, ValueError):
        return None
    first, last = _base(prices.input_mtok), _base(prices.output_mtok)
    if first is None:
        return None
    return Price(
        input=first,
        output=last or Decimal(0),  # an embedding has no output
        cache_read=_base(prices.cache_read_mtok),
        cache_write=_base(prices.cache_write_mtok),
        version=list_version(),
        listed=(provider, model),
    )


def listed_model(provider: str, model: str) -> Any | None:
    """The list's entry of a model: its name, context window and prices."""
    from genai_prices.data_snapshot import get_snapshot  # slow to import; most processes never ask

    try:
        return get_snapshot().find_provider_model(model, None, provider, None)[1]
    except LookupError:
        return None


def listed_names(provider: str) -> list[str]:
    """The models of a provider that the public list knows."""
    from genai_prices.data_snapshot import get_snapshot

    found = next((entry for entry in get_snapshot().providers if entry.id == provider), None)
    return [model.id for model in found.models if not model.deprecated] if found else []


@cache
def list_version() -> str:
    from importlib.metadata import version

    return f"genai-prices {version('genai-prices')}"


def _listed_cost(provider: str, model: str, tokens: Tokens) -> Cost:
    from genai_prices import Usage, calc_price

    usage = Usage(
        input_tokens=tokens.input + tokens.cache_read + tokens.cache_write,
        output_tokens=tokens.output,
        cache_read_tokens=tokens.cache_read,
        cache_write_tokens=tokens.cache_write,
    )
    try:
        price = calc_price(usage, model, provider_id=provider)
    except LookupError:
        return UNKNOWN
    return Cost(input=price.input_price, output=price.output_price, total=price.total_price)


def _base(price: Any) -> Decimal | None:
    """The price of the first token: long inputs have tiers."""
    if price is None:
        return None
    return Decimal(getattr(price, "base", price))
