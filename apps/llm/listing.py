"""A provider's own list of models, asked for at most once an hour, and a test call.

What a list says of a model is read in the words of whichever provider said it; what it does not say
is not known.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

import httpx2
from asgiref.sync import async_to_sync
from django.db import transaction
from django.utils import timezone

from apps.llm.errors import GatewayError
from apps.llm.gateway.network import client_of
from apps.llm.gateway.upstream import json_problem, request_headers
from apps.llm.keys import UsableKey
from apps.llm.models import ModelEntry, ProviderConfig
from apps.llm.providers import Dialect, Provider
from apps.llm.registry import ModelFacts, registry

KEPT_FOR = timedelta(hours=1)
LIST_TIMEOUT_S = 10.0
CUSTOM_TIMEOUT_S = 8.0
TEST_TIMEOUT_S = 30.0
MOST_MODELS = 5_000
_MILLION = Decimal(1_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelList:
    """`source`: live, cached or static. `problem`: why it is not live, if that was asked."""

    source: str
    models: Sequence[ModelFacts]
    problem: str = ""
    fetched_at: datetime | None = None


def model_list(
    provider: Provider, key: UsableKey | None, *, refresh: bool = False, missing_key: str = ""
) -> ModelList:
    """Never raises for a provider that does not answer: then the older list is told, or ours."""
    fetched_at = _fetched_at(provider.id)
    if not provider.lists_models:
        return _known(provider, "static", "", fetched_at)
    if fetched_at and not refresh and timezone.now() - fetched_at < KEPT_FOR:
        return _known(provider, "cached", "", fetched_at)
    if missing_key:
        return _known(provider, "cached" if fetched_at else "static", missing_key, fetched_at)
    try:
        found = async_to_sync(_fetch)(provider, key)
    except GatewayError as error:
        return _known(provider, "cached" if fetched_at else "static", error.message, fetched_at)
    _keep(provider.id, found)
    return _known(provider, "live", "", timezone.now())


def _known(provider: Provider, source: str, problem: str, fetched_at: datetime | None) -> ModelList:
    now = registry()
    names = now.known_names(provider)
    if source != "static" and fetched_at:
        names = sorted(now.entries.get(provider.id, {}))
    models = [now.model(provider, name) for name in names]
    return ModelList(source=source, models=models, problem=problem, fetched_at=fetched_at)


def _fetched_at(provider_id: str) -> datetime | None:
    return (
        ModelEntry.objects.filter(provider=provider_id, source=ModelEntry.Source.LIVE)
        .order_by("-seen_at")
        .values_list("seen_at", flat=True)
        .first()
    )


async def _fetch(provider: Provider, key: UsableKey | None) -> list[dict[str, Any]]:
    timeout_s = CUSTOM_TIMEOUT_S if provider.is_custom else LIST_TIMEOUT_S
    async with client_of(provider, timeout_s=timeout_s) as client:
        answer = await _answer(client, provider, "GET", provider.models_url, key)
    listed = answer.get("data", answer.get("models")) if isinstance(answer, dict) else answer
    if not isinstance(listed, list):
        raise GatewayError(f"{provider.label} sent no list of models.", code="upstream_malformed")
    return [entry for entry in listed if isinstance(entry, dict)][:MOST_MODELS]


async def _answer(
    client: httpx2.AsyncClient,
    provider: Provider,
    method: str,
    url: str,
    key: UsableKey | None,
    body: Mapping[str, Any] | None = None,
) -> Any:
    try:
        response = await client.request(
            method, url, headers=request_headers(provider, key), json=body
        )
    except (httpx2.HTTPError, httpx2.InvalidURL) as exc:
        raise GatewayError(
            f"{provider.label} cannot be reached ({type(exc).__name__}).",
            code="upstream_unreachable",
        ) from None
    if response.status_code != 200:
        raise json_problem(provider.label, response.status_code, response.content)
    try:
        return response.json()
    except ValueError:
        raise GatewayError(
            f"{provider.label} did not answer with JSON.", code="upstream_malformed"
        ) from None


# Reading a list


@transaction.atomic
def _keep(provider_id: str, listed: Sequence[Mapping[str, Any]]) -> None:
    """What was typed in stays as it is; what the list has no longer goes."""
    now = timezone.now()
    typed_in = set(
        ModelEntry.objects.filter(
            provider=provider_id, source=ModelEntry.Source.MANUAL
        ).values_list("model", flat=True)
    )
    ModelEntry.objects.filter(provider=provider_id, source=ModelEntry.Source.LIVE).delete()
    rows = {}
    for entry in listed:
        name = str(entry.get("id") or entry.get("name") or "").removeprefix("models/")[:200]
        if name and name not in typed_in:
            rows[name] = ModelEntry(
                provider=provider_id,
                model=name,
                source=ModelEntry.Source.LIVE,
                seen_at=now,
                **_described(entry),
            )
    ModelEntry.objects.bulk_create(rows.values())


def _described(entry: Mapping[str, Any]) -> dict[str, Any]:
    top, meta = _map(entry.get("top_provider")), _map(entry.get("meta"))
    window = _first_int(
        entry.get("context_length"),
        entry.get("context_window"),
        entry.get("max_context_length"),
        entry.get("max_model_len"),
        entry.get("max_input_tokens"),
        meta.get("n_ctx_train"),
    )
    output = _first_int(
        top.get("max_completion_tokens"),
        entry.get("max_completion_tokens"),
        entry.get("max_output_tokens"),
    )
    label = entry.get("display_name") or entry.get("name") or ""
    return {
        "label": str(label)[:200],
        "context_window": window,
        "max_output": output,
        **_abilities(entry),
        **_prices(_map(entry.get("pricing"))),
    }


def _abilities(entry: Mapping[str, Any]) -> dict[str, bool | None]:
    can = _map(entry.get("capabilities"))
    inputs = _map(entry.get("architecture")).get("input_modalities")
    takes = entry.get("supported_parameters")
    return {
        "vision": _among("image", inputs, can.get("vision")),
        "audio": _among("audio", inputs, can.get("audio")),
        "tools": _among("tools", takes, can.get("function_calling")),
        "reasoning": _among("reasoning", takes, can.get("reasoning")),
    }


def _prices(pricing: Mapping[str, Any]) -> dict[str, Decimal | None]:
    """OpenRouter's form: dollars a token, as text. Negative: it depends."""
    names = {
        "price_input": "prompt",
        "price_output": "completion",
        "price_cache_read": "input_cache_read",
        "price_cache_write": "input_cache_write",
    }
    return {ours: _per_million(pricing.get(theirs)) for ours, theirs in names.items()}


def _per_million(value: object) -> Decimal | None:
    if not isinstance(value, str):
        return None
    try:
        price = Decimal(value) * _MILLION
    except InvalidOperation:
        return None
    return price if price.is_finite() and 0 <= price < 10**7 else None


def _among(name: str, listed: object, said: object) -> bool | None:
    if isinstance(listed, list):
        return name in listed
    return said if isinstance(said, bool) else None


def _map(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _first_int(*values: object) -> int | None:
    return next((value for value in values if isinstance(value, int) and 0 < value < 2**31), None)


# A test call


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    model: str
    latency_ms: int


def provider_test(provider: Provider, key: UsableKey | None, model: str = "") -> Tested:
    """Ask the smallest question there is. Raises GatewayError; the provider's state is kept."""
    began = time.monotonic()
    model = model or _cheapest(provider, key)
    try:
        async_to_sync(_ask)(provider, key, model)
    except GatewayError as error:
        _noted(provider, error.message)
        raise
    _noted(provider, "")
    return Tested(model=model, latency_ms=round((time.monotonic() - began) * 1000))


async def _ask(provider: Provider, key: UsableKey | None, model: str) -> None:
    body = {"model": model, "messages": [{"role": "user", "content": "Say ok."}], "max_tokens": 16}
    endpoint = "messages" if provider.dialect is Dialect.ANTHROPIC else "chat"
    async with client_of(provider, timeout_s=TEST_TIMEOUT_S) as client:
        await _answer(client, provider, "POST", provider.endpoint(endpoint), key, body)  # type: ignore[arg-type]  # one of its literals


def _cheapest(provider: Provider, key: UsableKey | None) -> str:
    models = model_list(provider, key).models
    priced = [facts for facts in models if facts.price is not None and facts.price.output > 0]
    found = min(priced, key=lambda facts: facts.price.output, default=None)  # type: ignore[union-attr]  # filtered
    if found is None:
        found = next(iter(models), None)
    if found is None:
        raise GatewayError(
            f"{provider.label} tells of no model; name one to test.",
            code="no_model",
            http_status=422,
        )
    return found.model


def _noted(provider: Provider, error: str) -> None:
    ProviderConfig.objects.update_or_create(
        id=provider.id,
        defaults={"last_error": error[:500], "checked_at": timezone.now()},
        create_defaults={
            "kind": "custom" if provider.is_custom else "builtin",
            "label": provider.label,
            "last_error": error[:500],
            "checked_at": timezone.now(),
        },
    )
