"""What this instance knows of models: providers, keys, shares, models, aliases, in memory.

Loaded whole, since it is small, and loaded anew when a trigger has moved its version. The gateway
reads the version with each call's token, so a key that was taken back is not used again.
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from apps.core.aio import in_thread
from apps.llm.errors import GatewayError
from apps.llm.models import (
    LlmSetting,
    ModelAlias,
    ModelEntry,
    ProviderConfig,
    ProviderKey,
    ProviderShare,
    RegistryVersion,
)
from apps.llm.pricing import FREE_PRICE, Price, listed_model, listed_names, listed_price
from apps.llm.providers import (
    MINIMUM_SIBLING,
    PROVIDERS,
    SCRIPTED,
    Dialect,
    Provider,
    custom,
    filled,
    from_environment,
    unknown_provider,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    id: int
    user_id: str | None  # None: everybody
    expires_at: datetime | None = None
    allowed_models: tuple[str, ...] = ()
    daily_calls: int | None = None
    daily_cost_usd: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredKey:
    """A key's row. The secret stays sealed until it is used."""

    id: int
    provider: str
    scope: str
    user_id: str | None
    project_id: str
    sealed: str = field(repr=False)
    masked: str
    allow_unattended: bool
    is_invalid: bool
    shares: tuple[Share, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """What is known of a model; None: not known. `approximate`: it is a sibling's."""

    provider: str
    model: str
    label: str = ""
    source: str = ""  # live | manual | static; empty: nobody told us of it
    context_window: int | None = None
    max_output: int | None = None
    vision: bool | None = None
    audio: bool | None = None
    tools: bool | None = None
    reasoning: bool | None = None
    price: Price | None = None
    approximate: bool = False

    @property
    def name(self) -> str:
        return f"{self.provider}/{self.model}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias:
    name: str
    chain: tuple[str, ...]
    error_classes: frozenset[str]
    max_attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    version: int = 0
    configs: Mapping[str, ProviderConfig] = field(default_factory=dict)
    keys: Mapping[str, Sequence[StoredKey]] = field(default_factory=dict)  # by provider
    entries: Mapping[str, Mapping[str, ModelFacts]] = field(default_factory=dict)
    aliases: Mapping[str, Alias] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    _facts: dict[tuple[str, str], ModelFacts] = field(
        default_factory=dict, repr=False, compare=False
    )

    def provider(self, provider_id: str) -> Provider:
        """The provider as it is set up here. Raises GatewayError."""
        built = PROVIDERS.get(provider_id) or custom(provider_id)
        if built is None:
            raise unknown_provider(provider_id)
        found = from_environment(_configured(built, self.configs.get(provider_id)))
        if not found.enabled:
            raise GatewayError(
                f"The provider {provider_id!r} is switched off on this instance.",
                code="provider_disabled",
                http_status=422,
            )
        if found.needs or not found.base_url:
            raise GatewayError(
                f"Set the base URL of the provider {provider_id!r}"
                + (f" (it lacks: {found.needs})" if found.needs else "")
                + f", in its settings or as {found.base_url_variable}.",
                code="no_base_url",
                http_status=422,
            )
        return found

    def model(self, provider: Provider, model: str) -> ModelFacts:
        """What is known of a model: by an admin or the provider, by the public list, or by its
        nearest sibling there, for which the whole list is gone through: once a name."""
        known = self._facts.get((provider.id, model))
        if known is None:
            known = self._told(provider, model) or self._sibling(provider, model)
            while len(self._facts) >= _FACTS_KEPT:
                self._facts.pop(next(iter(self._facts)), None)
            self._facts[provider.id, model] = known
        return known

    def _told(self, provider: Provider, model: str) -> ModelFacts | None:
        """By an admin, the provider or the public list, under this very name."""
        known = self.entries.get(provider.id, {}).get(model)
        listed = _listed(provider, model)
        if known is None and listed is None:
            return None
        return _priced(provider, _joined(known, listed))

    def known_names(self, provider: Provider) -> list[str]:
        return sorted({*self.entries.get(provider.id, {}), *listed_names(provider.price_list)})

    def provider_ids(self) -> list[str]:
        return sorted({*PROVIDERS, *self.configs})

    def _sibling(self, provider: Provider, model: str) -> ModelFacts:
        bare = ModelFacts(provider=provider.id, model=model)
        nearest = max(self.known_names(provider), key=lambda name: _shared(name, model), default="")
        close = _shared(nearest, model) >= MINIMUM_SIBLING
        known = self._told(provider, nearest) if close else None
        if known is None:  # also for a name of the list that its own patterns do not find
            return _priced(provider, bare)
        price = known.price and replace(known.price, approximate=True)
        return replace(known, model=model, label="", source="", price=price, approximate=True)


_FACTS_KEPT = 2000
_current = Registry()
_lock = threading.Lock()


def registry() -> Registry:
    """The registry as it is now. One small query, and a reload after a change."""
    version = RegistryVersion.objects.values_list("xid", flat=True).first() or 0
    return _current if version == _current.version else _load()


async def registry_at(version: int) -> Registry:
    """The registry of at least that version: the caller has just read it from the database."""
    known = _current
    return known if known.version == version else await in_thread(_load)


def provider_get(provider_id: str) -> Provider:
    """Raises GatewayError: unknown, switched off, or without a base URL."""
    return registry().provider(provider_id)


def _load() -> Registry:
    """The version is read first: what changes meanwhile moves it again."""
    global _current  # noqa: PLW0603  the one cache of this process
    with _lock:
        version = RegistryVersion.objects.values_list("xid", flat=True).first() or 0
        _current = Registry(
            version=version,
            configs={row.id: row for row in ProviderConfig.objects.all()},
            keys=_keys(),
            entries=_entries(),
            aliases={row.name: _alias(row) for row in ModelAlias.objects.all()},
            settings=dict(LlmSetting.objects.values_list("key", "value")),
        )
        return _current


def _keys() -> dict[str, list[StoredKey]]:
    shares: dict[int, list[Share]] = {}
    for row in ProviderShare.objects.order_by("id"):
        shares.setdefault(row.key_id, []).append(_share(row))
    keys: dict[str, list[StoredKey]] = {}
    for key in ProviderKey.objects.order_by("id"):
        keys.setdefault(key.provider, []).append(
            StoredKey(
                id=key.pk,
                provider=key.provider,
                scope=key.scope,
                user_id=key.user_id,
                project_id=key.project_id,
                sealed=key.secret,
                masked=key.masked,
                allow_unattended=key.allow_unattended,
                is_invalid=key.status == ProviderKey.Status.INVALID,
                shares=tuple(shares.get(key.pk, ())),
            )
        )
    return keys


def _share(row: ProviderShare) -> Share:
    return Share(
        id=row.pk,
        user_id=row.user_id,
        expires_at=row.expires_at,
        allowed_models=tuple(row.allowed_models),
        daily_calls=row.daily_calls,
        daily_cost_usd=row.daily_cost_usd,
    )


def _alias(row: ModelAlias) -> Alias:
    return Alias(
        name=row.name,
        chain=tuple(row.chain),
        error_classes=frozenset(row.error_classes),
        max_attempts=row.max_attempts,
    )


def _entries() -> dict[str, dict[str, ModelFacts]]:
    found: dict[str, dict[str, ModelFacts]] = {}
    for row in ModelEntry.objects.all():
        found.setdefault(row.provider, {})[row.model] = entry_facts(row)
    return found


def entry_facts(row: ModelEntry) -> ModelFacts:
    return ModelFacts(
        provider=row.provider,
        model=row.model,
        label=row.label,
        source=row.source,
        context_window=row.context_window,
        max_output=row.max_output,
        vision=row.vision,
        audio=row.audio,
        tools=row.tools,
        reasoning=row.reasoning,
        price=_entry_price(row),
    )


def _entry_price(row: ModelEntry) -> Price | None:
    if row.price_input is None or row.price_output is None:
        return None
    return Price(
        input=row.price_input,
        output=row.price_output,
        cache_read=row.price_cache_read,
        cache_write=row.price_cache_write,
        version=f"{row.source} {row.seen_at:%Y-%m-%d}",
    )


def _configured(provider: Provider, row: ProviderConfig | None) -> Provider:
    if row is None:
        return provider
    changed = replace(
        provider,
        label=row.label or provider.label,
        enabled=row.enabled,
        dialect=Dialect(row.dialect) if provider.is_custom else provider.dialect,
        allow_private=row.allow_private,
        is_free=provider.is_free or row.extra.get("free") is True,
    )
    if provider.is_custom and changed.dialect is Dialect.ANTHROPIC:
        changed = replace(changed, key_header="x-api-key")
    if row.base_url:
        return replace(changed, base_url=row.base_url, needs="", trusted=False)
    return filled(changed, {name: str(value) for name, value in row.extra.items()})


def _listed(provider: Provider, model: str) -> ModelFacts | None:
    entry = listed_model(provider.price_list, model)
    if entry is None:
        return None
    return ModelFacts(
        provider=provider.id,
        model=model,
        label=entry.name or "",
        source="static",
        context_window=entry.context_window,
        price=listed_price(provider.price_list, model),
    )


def _joined(known: ModelFacts | None, listed: ModelFacts | None) -> ModelFacts:
    """An admin's and the provider's word first; the public list fills the gaps."""
    if known is None or listed is None:
        found = known or listed
        assert found is not None, "one of the two is there"
        return found
    return replace(
        known,
        label=known.label or listed.label,
        context_window=known.context_window or listed.context_window,
        price=known.price or listed.price,
    )


def _priced(provider: Provider, facts: ModelFacts) -> ModelFacts:
    if facts.price is None and (provider.is_free or provider.id == SCRIPTED):
        return replace(facts, price=FREE_PRICE)
    return facts


def _shared(one: str, other: str) -> int:
    """How many characters two names begin with alike."""
    count = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        count += 1
    return count
