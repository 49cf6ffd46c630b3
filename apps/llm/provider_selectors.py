"""Reading providers, keys and models for one who looks at them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone
from redis import RedisError

from apps.core.api.callers import Caller
from apps.core.errors import NotFound
from apps.core.redis import redis_client
from apps.llm.defaults import working_model
from apps.llm.errors import GatewayError
from apps.llm.gateway.health import PREFIX, provider_thing
from apps.llm.keys import UsableKey, environment_key, masked
from apps.llm.models import LlmCall, ProviderConfig, ProviderKey
from apps.llm.pricing import FREE_PRICE, Price
from apps.llm.providers import PROVIDERS, SCRIPTED, Provider, custom
from apps.llm.registry import ModelFacts, Registry, registry
from apps.llm.resolution import Who, keys_for, models_of
from apps.llm.scripted.library import AUTO, script_names
from apps.llm.shares import is_spent


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyState:
    scope: str
    masked: str
    status: str = "unknown"
    checked_at: datetime | None = None
    last_used_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderState:
    """A provider as the caller may see it. `keys`: those that the caller may use, masked."""

    id: str
    label: str
    kind: str
    dialect: str
    base_url: str
    enabled: bool
    allow_private: bool
    extra: dict[str, Any]
    needs: str
    key_variables: Sequence[str]
    key_required: bool
    lists_models: bool
    keys: Sequence[KeyState]
    usable: bool
    health: str
    last_error: str
    checked_at: datetime | None


def provider_list(caller: Caller) -> list[ProviderState]:
    now = registry()
    keys = list(ProviderKey.objects.order_by("id"))
    custom_ids = [row for row in now.configs if row not in PROVIDERS]
    found = [_state(now, provider_id, caller, keys) for provider_id in [*PROVIDERS, *custom_ids]]
    return [*found, _scripted()]


def provider_state(provider_id: str, caller: Caller) -> ProviderState:
    """Raises NotFound."""
    if provider_id == SCRIPTED:
        return _scripted()
    now = registry()
    if (
        provider_id not in PROVIDERS
        and provider_id not in now.configs
        and not _is_in_environment(now, provider_id)
    ):
        raise NotFound(f"There is no provider {provider_id}.", code="unknown_provider")
    return _state(now, provider_id, caller, list(ProviderKey.objects.order_by("id")))


def _is_in_environment(now: Registry, provider_id: str) -> bool:
    try:
        now.provider(provider_id)
    except GatewayError:
        return False
    return True


def _state(
    now: Registry, provider_id: str, caller: Caller, keys: Sequence[ProviderKey]
) -> ProviderState:
    row = ProviderConfig.objects.filter(id=provider_id).first()  # how it fared, as of now
    provider = _as_set_up(now, provider_id)
    own = [key for key in keys if key.provider == provider_id]
    states = list(_key_states(provider, own, now, caller))
    return ProviderState(
        id=provider_id,
        label=provider.label,
        kind="custom" if provider.is_custom else "builtin",
        dialect=str(provider.dialect),
        base_url=provider.base_url,
        enabled=row.enabled if row else True,
        allow_private=provider.allow_private,
        extra=dict(row.extra) if row else {},
        needs=provider.needs,
        key_variables=provider.key_variables,
        key_required=bool(provider.key_variables) and not provider.key_optional,
        lists_models=provider.lists_models,
        keys=states,
        usable=provider.enabled
        and not provider.needs
        and (bool(states) or provider.key_optional or not provider.key_variables),
        health=_health(provider_id, row),
        last_error=row.last_error if row else "",
        checked_at=row.checked_at if row else None,
    )


def _as_set_up(now: Registry, provider_id: str) -> Provider:
    """Also one that is switched off or not whole yet, as it comes."""
    try:
        return now.provider(provider_id)
    except GatewayError:
        found = PROVIDERS.get(provider_id) or custom(provider_id)
        assert found is not None, "its row was made for a known id"
        return found


def _key_states(
    provider: Provider, own: Sequence[ProviderKey], now: Registry, caller: Caller
) -> Iterator[KeyState]:
    shared = {
        key.id
        for key in now.keys.get(provider.id, ())
        for share in key.shares
        if share.user_id in (None, caller.user.pk)
    }
    for key in own:
        if key.user_id == caller.user.pk:
            yield _key_state(key, "personal")
        elif key.scope == "instance" and caller.is_admin:
            yield _key_state(key, "instance")
        elif key.pk in shared:
            yield _key_state(key, "admin_shared")
    try:
        value = environment_key(provider)
    except GatewayError:
        return
    if value:
        yield KeyState(scope="environment", masked=masked(value) if caller.is_admin else "…")


def _key_state(key: ProviderKey, scope: str) -> KeyState:
    return KeyState(
        scope=scope,
        masked=key.masked if scope != "admin_shared" else "…",
        status=key.status,
        checked_at=key.checked_at,
        last_used_at=_last_used(key.pk),
    )


def _last_used(key_id: int) -> datetime | None:
    """From the call log: a write at each call would cost more than the call."""
    return (
        LlmCall.objects.filter(key_id=key_id)
        .order_by("-created_at")
        .values_list("created_at", flat=True)
        .first()
    )


def _health(provider_id: str, row: ProviderConfig | None) -> str:
    try:
        if redis_client().exists(f"{PREFIX}block:{provider_thing(provider_id)}"):
            return "down"
    except RedisError:
        return "unknown"
    if row is None or row.checked_at is None:
        return "unknown"
    return "down" if row.last_error else "ok"


def _scripted() -> ProviderState:
    return ProviderState(
        id=SCRIPTED,
        label="Scripted",
        kind="scripted",
        dialect="openai",
        base_url="",
        enabled=True,
        allow_private=False,
        extra={},
        needs="",
        key_variables=(),
        key_required=False,
        lists_models=True,
        keys=(),
        usable=True,
        health="ok",
        last_error="",
        checked_at=None,
    )


def scripted_models() -> list[ModelFacts]:
    return [
        ModelFacts(
            provider=SCRIPTED,
            model=name,
            label=name,
            source="static",
            tools=True,
            vision=True,
            reasoning=True,
            price=FREE_PRICE,
        )
        for name in (AUTO, *script_names())
    ]


def key_of(provider: Provider, who: Who, model: str = "") -> UsableKey | None:
    """The first key that this caller would use. Raises GatewayError."""
    return keys_for(
        registry(), provider, model, who, now=timezone.now(), is_spent=lambda share: False
    )[0]


def known_models(who: Who) -> list[ModelFacts]:
    """The models of all providers that are set up and that the caller has a key for."""
    now = registry()
    found = scripted_models()
    for provider_id in now.provider_ids():
        try:
            provider = now.provider(provider_id)
            key = key_of(provider, who)
        except GatewayError:
            continue
        if key is not None or provider_id in now.configs:
            found += [now.model(provider, name) for name in now.known_names(provider)]
    return found


# Which model a name means


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    name: str
    provider: str
    model: str
    usable: bool
    why: str
    key_source: str = ""
    key_masked: str = ""
    price: Price | None = None
    context_window: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    requested: str
    alias: str
    chosen: str  # empty: none is usable
    candidates: Sequence[Resolved]


def resolve(*, name: str, who: Who) -> Resolution:
    """What a call with this name would do, without making it. Raises GatewayError for the name."""
    now = registry()
    requested = name or working_model()
    if not requested:
        raise GatewayError(
            "No model is named and the instance has no working model.",
            code="no_model",
            http_status=422,
        )
    named = models_of(now, requested)
    found = [_resolved(now, provider, model, who) for provider, model in named.models]
    chosen = next((candidate.name for candidate in found if candidate.usable), "")
    return Resolution(
        requested=requested,
        alias=named.alias.name if named.alias else "",
        chosen=chosen,
        candidates=found,
    )


def _resolved(now: Registry, provider_id: str, model: str, who: Who) -> Resolved:
    name = f"{provider_id}/{model}"
    if provider_id == SCRIPTED:
        return Resolved(
            name=name,
            provider=provider_id,
            model=model,
            usable=True,
            why="A script needs no key.",
            price=FREE_PRICE,
        )
    try:
        provider = now.provider(provider_id)
        facts = now.model(provider, model)
        key = keys_for(now, provider, model, who, now=timezone.now(), is_spent=is_spent)[0]
    except GatewayError as error:
        return Resolved(
            name=name, provider=provider_id, model=model, usable=False, why=error.message
        )
    return Resolved(
        name=name,
        provider=provider_id,
        model=model,
        usable=True,
        why=_WHY[key.source if key else "none"],
        key_source=key.source if key else "none",
        key_masked=key.masked if key and key.source == "personal" else "",
        price=facts.price,
        context_window=facts.context_window,
    )


_WHY = {
    "personal": "The user's own key.",
    "admin_shared": "A key that is shared with the user.",
    "project": "The project's key.",
    "instance": "The instance's key, which unattended work may use.",
    "none": "The provider needs no key.",
}
