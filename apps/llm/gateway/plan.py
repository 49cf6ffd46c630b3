"""Who may answer a request: models and keys in the order in which they are tried."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from apps.core.async_sql import sql_connection
from apps.llm.errors import GatewayError
from apps.llm.gateway.estimate import least_input_tokens
from apps.llm.gateway.request import ModelRequest, is_allowed
from apps.llm.keys import UsableKey
from apps.llm.pricing import FREE_PRICE, Price
from apps.llm.providers import SCRIPTED, Provider
from apps.llm.recording import recording_of
from apps.llm.registry import Alias, Registry
from apps.llm.resolution import Who, keys_for, models_of
from apps.llm.shares import USED_TODAY, is_limited, spent


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One model with the key to use. `provider` None: answered in this process."""

    provider_id: str
    model: str
    provider: Provider | None = None
    key: UsableKey | None = None
    price: Price | None = None
    context_window: int | None = None
    max_output: int | None = None

    @property
    def name(self) -> str:
        return f"{self.provider_id}/{self.model}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    candidates: Sequence[Candidate]
    alias: Alias | None = None


async def plan_of(request: ModelRequest, registry: Registry) -> Plan:
    """Raises GatewayError: the first of the reasons for which nobody can be asked."""
    named = models_of(registry, request.requested)
    _check_allowed(request, named.models)
    used_up = await _spent_shares(request, registry, named.models)
    found: list[Candidate] = []
    problems: list[GatewayError] = []
    for provider_id, model in named.models:
        try:
            found += _candidates(request, registry, provider_id, model, used_up)
        except GatewayError as error:
            problems.append(error)
    if not found:
        raise problems[0]
    return Plan(candidates=found, alias=named.alias)


def _check_allowed(request: ModelRequest, models: Sequence[tuple[str, str]]) -> None:
    """A name that was granted stands for whatever it leads to."""
    granted = request.caller.models
    names = [f"{provider}/{model}" for provider, model in models]
    if is_allowed(request.requested, granted) or all(is_allowed(name, granted) for name in names):
        return
    raise GatewayError(
        f"This session may not use the model {request.requested!r}.",
        code="model_not_allowed",
        http_status=403,
    )


def _candidates(
    request: ModelRequest,
    registry: Registry,
    provider_id: str,
    model: str,
    used_up: frozenset[int],
) -> list[Candidate]:
    if provider_id == SCRIPTED or recording_of(request.facts).mode == "replay":
        return [Candidate(provider_id=provider_id, model=model, price=FREE_PRICE)]
    provider = registry.provider(provider_id)
    _check_dialect(request, provider)
    facts = registry.model(provider, model)
    _check_able(request, facts.tools, facts.context_window, f"{provider_id}/{model}")
    keys = keys_for(
        registry,
        provider,
        model,
        Who(user_id=request.caller.user_id, project_id=request.caller.project_id),
        now=datetime.now(UTC),
        is_spent=lambda share: share.id in used_up,
    )
    return [
        Candidate(
            provider_id=provider_id,
            model=model,
            provider=provider,
            key=key,
            price=facts.price,
            context_window=facts.context_window,
            max_output=facts.max_output,
        )
        for key in keys
    ]


def _check_dialect(request: ModelRequest, provider: Provider) -> None:
    if provider.dialect is not request.dialect:
        raise GatewayError(
            f"{provider.label} speaks the {provider.dialect} dialect, not {request.dialect};"
            " requests are not translated.",
            code="wrong_dialect",
            http_status=422,
            dialect=str(provider.dialect),
        )


def _check_able(request: ModelRequest, tools: bool | None, window: int | None, name: str) -> None:
    """Refuse what is known to fail. What is not known is left to the provider."""
    if tools is False and request.body.get("tools"):
        raise GatewayError(
            f"The model {name} cannot use tools; choose one that can.",
            code="model_without_tools",
            http_status=422,
        )
    least = least_input_tokens(request)
    if window is not None and least > window:
        raise GatewayError(
            f"The prompt has at least {least} tokens; {name} takes {window}.",
            code="context_overflow",
            http_status=413,
        )


async def _spent_shares(
    request: ModelRequest, registry: Registry, models: Sequence[tuple[str, str]]
) -> frozenset[int]:
    """The shares whose limit of today is reached, of those that this call could use."""
    user_id = request.caller.user_id
    limited = [
        share
        for provider_id, _ in models
        for key in registry.keys.get(provider_id, ())
        for share in key.shares
        if user_id and share.user_id in (None, user_id) and is_limited(share)
    ]
    if not limited:
        return frozenset()
    async with sql_connection() as connection:
        ids = [share.id for share in limited]
        rows = await (await connection.execute(USED_TODAY, [ids])).fetchall()
    return spent(limited, rows)
