"""Which model a name means, and which key pays for it. Pure: it sees the registry and who asks."""

import fnmatch
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from apps.llm.errors import GatewayError
from apps.llm.keys import UsableKey, environment_key, unsealed
from apps.llm.providers import Provider
from apps.llm.registry import Alias, Registry, Share, StoredKey

_LONGEST_CHAIN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Who:
    """Whose call it is. Without a user: work that nobody started."""

    user_id: str = ""
    project_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """The models that a name stands for, in order, as (provider, model)."""

    models: Sequence[tuple[str, str]]
    alias: Alias | None = None


IsSpent = Callable[[Share], bool]


# Models


def models_of(registry: Registry, name: str) -> Named:
    """`provider/model`, an alias, or a model that only one provider has. Raises GatewayError."""
    alias = registry.aliases.get(name)
    if alias is not None:
        return Named(models=_chain(registry, alias), alias=alias)
    provider, slash, model = name.partition("/")
    if slash and provider and model:
        return Named(models=[(provider, model)])
    if slash or not name:
        raise GatewayError(
            f"{name!r} is no model's name; write it as provider/model.",
            code="malformed_model",
            http_status=422,
        )
    return Named(models=[_bare(registry, name)])


def _chain(registry: Registry, alias: Alias) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name in _expanded(registry, alias, ()):
        for model in models_of(registry, name).models:
            if model not in found:
                found.append(model)
    return found[:_LONGEST_CHAIN]


def _expanded(registry: Registry, alias: Alias, above: tuple[str, ...]) -> Iterator[str]:
    """The chain without aliases in it. One that leads back to itself is passed over."""
    for name in alias.chain:
        inner = registry.aliases.get(name)
        if inner is None:
            yield name
        elif inner.name not in (*above, alias.name):
            yield from _expanded(registry, inner, (*above, alias.name))


def _bare(registry: Registry, model: str) -> tuple[str, str]:
    """Searched among the providers that this instance has set up: with a key, or of its own."""
    found = [
        provider_id
        for provider_id in registry.provider_ids()
        if _is_set_up(registry, provider_id)
        and model in registry.known_names(registry.provider(provider_id))
    ]
    if len(found) == 1:
        return found[0], model
    names = [f"{provider_id}/{model}" for provider_id in found]
    if not found:
        raise GatewayError(
            f"No provider that is set up here has a model {model!r}; write it as provider/model.",
            code="malformed_model",
            http_status=422,
        )
    raise GatewayError(
        f"{model!r} is a model of several providers: {', '.join(names)}. Name one of them.",
        code="ambiguous_model",
        http_status=422,
        candidates=names,
    )


def _is_set_up(registry: Registry, provider_id: str) -> bool:
    try:
        provider = registry.provider(provider_id)
        return (
            provider_id in registry.configs
            or provider_id in registry.keys
            or bool(environment_key(provider))
        )
    except GatewayError:
        return False


# Keys


def keys_for(
    registry: Registry,
    provider: Provider,
    model: str,
    who: Who,
    *,
    now: datetime,
    is_spent: IsSpent,
) -> list[UsableKey | None]:
    """The keys that this call may use, best first; None stands for "without a key".

    With a user: their own, then shares. Without one: the project's, then the instance's where its
    admin lets unattended work use it. Raises GatewayError when there is none.
    """
    stored = registry.keys.get(provider.id, ())
    refusals: list[str] = []
    if who.user_id:
        ground = _of_user(stored, provider, model, who, now, is_spent, refusals)
    else:
        ground = _of_nobody(stored, provider, who, refusals)
    found = list(ground)
    usable = [key for key, is_invalid in found if not is_invalid]
    if usable:
        return [*usable]
    if found:
        raise _refused_key(provider, found[0][0])
    if provider.key_optional or not provider.key_variables:
        return [None]
    raise _no_key(provider, who, refusals)


def _of_user(
    stored: Sequence[StoredKey],
    provider: Provider,
    model: str,
    who: Who,
    now: datetime,
    is_spent: IsSpent,
    refusals: list[str],
) -> Iterator[tuple[UsableKey, bool]]:
    for key in stored:
        if key.scope == "user" and key.user_id == who.user_id:
            yield _usable(key, "personal"), key.is_invalid
    for key, share in _shares(stored, who.user_id):
        refusal = _refusal(share, model, now, is_spent)
        if refusal:
            refusals.append(refusal)
        else:
            yield _usable(key, "admin_shared", share.id), key.is_invalid
    if value := environment_key(provider):
        yield UsableKey(value=value, source="admin_shared"), False


def _of_nobody(
    stored: Sequence[StoredKey], provider: Provider, who: Who, refusals: list[str]
) -> Iterator[tuple[UsableKey, bool]]:
    for key in stored:
        if key.scope == "project" and key.project_id == who.project_id != "":
            yield _usable(key, "project"), key.is_invalid
    for key in stored:
        if key.scope == "instance" and key.allow_unattended:
            yield _usable(key, "instance"), key.is_invalid
        elif key.scope == "instance":
            refusals.append("the instance's key is not for unattended work")
    if value := environment_key(provider):
        yield UsableKey(value=value, source="instance"), False


def _shares(stored: Sequence[StoredKey], user_id: str) -> list[tuple[StoredKey, Share]]:
    """What was shared with the user, before what was shared with everybody."""
    found = [
        (key, share)
        for key in stored
        for share in key.shares
        if share.user_id in (None, user_id) and key.user_id != user_id
    ]
    return sorted(found, key=lambda pair: (pair[1].user_id is None, pair[1].id))


def _refusal(share: Share, model: str, now: datetime, is_spent: IsSpent) -> str:
    """Why a share does not serve; empty: it does."""
    if share.expires_at is not None and share.expires_at <= now:
        return "the share has expired"
    if share.allowed_models and not any(
        fnmatch.fnmatchcase(model, pattern) for pattern in share.allowed_models
    ):
        return "the share is not for this model"
    if is_spent(share):
        return "the share's limit of today is reached"
    return ""


def _usable(key: StoredKey, source: str, share_id: int | None = None) -> UsableKey:
    return UsableKey(
        value=unsealed(key),
        source=source,  # type: ignore[arg-type]  # one of its literals
        id=key.id,
        share_id=share_id,
    )


def _no_key(provider: Provider, who: Who, refusals: Sequence[str]) -> GatewayError:
    why = f" ({'; '.join(dict.fromkeys(refusals))})" if refusals else ""
    name = provider.key_variables[0]
    if who.user_id:
        return GatewayError(
            f"There is no key for {provider.label} that this user may use{why}. Add a key of your"
            f" own with `djinn provider set-key {provider.id}`, or ask an admin to share one"
            f" ({name} where the platform runs serves everybody).",
            code="no_key_for_user",
            http_status=503,
            variable=name,
        )
    return GatewayError(
        f"There is no key for {provider.label}{why}. Add one with `djinn provider set-key"
        f" {provider.id}`, or set {name} (or {name}_FILE) where the platform runs.",
        code="no_provider_key",
        http_status=503,
        variable=name,
    )


def _refused_key(provider: Provider, key: UsableKey) -> GatewayError:
    return GatewayError(
        f"{provider.label} refused the key {key.masked} lately. Set a new one with"
        f" `djinn provider set-key {provider.id}`.",
        code="provider_key_invalid",
        http_status=502,
    )
