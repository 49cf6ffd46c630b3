"""Changing what the instance knows of providers, keys, shares, aliases and defaults."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from apps.accounts.audit import audit
from apps.accounts.models import User
from apps.core.crypto import sealed_set
from apps.core.errors import Conflict, Invalid, NotFound
from apps.core.events import NewEvent, events_append
from apps.llm.addresses import base_url_checked
from apps.llm.defaults import DEFAULTS, checked_default
from apps.llm.failures import FailureClass
from apps.llm.keys import masked
from apps.llm.models import (
    FavoriteModel,
    LlmSetting,
    LlmSettingChange,
    ModelAlias,
    ModelEntry,
    ProviderConfig,
    ProviderKey,
    ProviderShare,
)
from apps.llm.providers import CUSTOM, PROVIDERS, Dialect, custom, needed, unknown_provider

TOPIC = "llm"
LONGEST_KEY = 8_192
_ALIAS = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_MOST_MODELS = 20


# Providers


def provider_create(
    *, slug: str, base_url: str, label: str = "", dialect: str = "openai", **settings: Any
) -> ProviderConfig:
    """A provider of one's own. Raises Conflict for a taken slug, Invalid for a bad address."""
    provider_id = slug if slug.startswith("custom-") else f"custom-{slug}"
    if not CUSTOM.fullmatch(provider_id):
        raise Invalid("A slug has 2 to 32 of the letters a-z, digits and hyphens.", code="bad_slug")
    row = ProviderConfig(
        id=provider_id,
        kind=ProviderConfig.Kind.CUSTOM,
        label=label or provider_id.removeprefix("custom-"),
        dialect=Dialect(dialect),
    )
    _change(row, base_url=base_url, **settings)
    if not row.base_url:
        raise Invalid("A provider of your own needs its base URL.", code="no_base_url")
    try:
        with transaction.atomic():
            row.save(force_insert=True)
            _changed(provider_id, "created", base_url=row.base_url)
    except IntegrityError as exc:
        raise Conflict(f"There is a provider {provider_id} already.", code="slug_taken") from exc
    return row


@transaction.atomic
def provider_update(*, provider_id: str, **changes: Any) -> ProviderConfig:
    """Change enabled, label, base_url, extra or allow_private. Raises NotFound, Invalid."""
    row = ProviderConfig.objects.select_for_update().filter(id=provider_id).first()
    if row is None:
        _check_known(provider_id)
        row = ProviderConfig(
            id=provider_id,
            kind=ProviderConfig.Kind.BUILT_IN
            if provider_id in PROVIDERS
            else ProviderConfig.Kind.CUSTOM,
        )
    _change(row, **changes)
    row.save()
    _changed(provider_id, "changed", fields=sorted(changes), base_url=row.base_url)
    return row


@transaction.atomic
def provider_delete(*, provider_id: str) -> None:
    """Forget a provider of one's own with its keys, or what was changed of a built-in one.

    Raises Conflict while an alias leads to it.
    """
    users = [row.name for row in ModelAlias.objects.all() if _leads_to(row, provider_id)]
    if users:
        raise Conflict(
            f"The aliases {', '.join(users)} lead to {provider_id}; change them first.",
            code="provider_in_use",
            aliases=users,
        )
    deleted, _ = ProviderConfig.objects.filter(id=provider_id).delete()
    if not deleted:
        raise NotFound(f"Nothing is set up for a provider {provider_id}.")
    if provider_id not in PROVIDERS:
        ProviderKey.objects.filter(provider=provider_id).delete()
        ModelEntry.objects.filter(provider=provider_id).delete()
    _changed(provider_id, "removed")


def _leads_to(alias: ModelAlias, provider_id: str) -> bool:
    return any(str(name).startswith(f"{provider_id}/") for name in alias.chain)


def _change(
    row: ProviderConfig,
    *,
    base_url: str | None = None,
    label: str | None = None,
    enabled: bool | None = None,
    allow_private: bool | None = None,
    extra: Mapping[str, Any] | None = None,
) -> None:
    if allow_private is not None:
        row.allow_private = allow_private
    if extra is not None:
        row.extra = _extra(row.id, extra)
    if label is not None:
        row.label = label
    if enabled is not None:
        row.enabled = enabled
    if base_url is not None:
        row.base_url = base_url
    if row.base_url:
        base_url_checked(row.base_url, allow_private=row.allow_private)


def _extra(provider_id: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """By kind: what the base URL lacks (`resource`, `region`, …), and `free` for one's own."""
    provider = PROVIDERS.get(provider_id) or custom(provider_id)
    texts = needed(provider) if provider else []
    unknown = sorted(set(given) - {*texts, "free"})
    if unknown:
        known = ", ".join([*texts, "free"])
        raise Invalid(f"{provider_id} takes in `extra`: {known}.", code="unknown_extra")
    for name in texts:
        value = given.get(name, "")
        if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z0-9-]{0,64}", value):
            raise Invalid(f"`{name}` is letters, digits and hyphens.", code="bad_extra")
    if not isinstance(given.get("free", False), bool):
        raise Invalid("`free` is true or false.", code="bad_extra")
    return dict(given)


def _check_known(provider_id: str) -> None:
    if provider_id not in PROVIDERS and custom(provider_id) is None:
        raise NotFound(unknown_provider(provider_id).message, code="unknown_provider")


# Keys


@transaction.atomic
def key_set(
    *,
    provider_id: str,
    secret: str,
    by: User | None,
    user: User | None = None,
    project_id: str = "",
    allow_unattended: bool = True,
    share_with_all: bool = True,
) -> ProviderKey:
    """Keep a key: a user's, a project's, else the instance's. It takes the place of an older one.

    The instance's is shared with everybody unless that is not wanted. Raises Invalid.
    """
    _check_known(provider_id)
    secret = _checked_key(secret)
    scope = "user" if user else "project" if project_id else "instance"
    key, is_new = ProviderKey.objects.select_for_update().get_or_create(
        provider=provider_id, scope=scope, user=user, project_id=project_id
    )
    sealed_set(key, "secret", secret)
    key.masked = masked(secret)
    key.allow_unattended = allow_unattended
    key.status = ProviderKey.Status.UNKNOWN
    key.checked_at = None
    key.save()
    if scope == "instance" and is_new and share_with_all:
        ProviderShare.objects.create(key=key, user=None, created_by=by)
    _changed(provider_id, "key_set", scope=scope, user_id=user.pk if user else "")
    return key


@transaction.atomic
def key_delete(*, provider_id: str, user: User | None = None, project_id: str = "") -> None:
    """Raises NotFound. The next call does without it, at once."""
    scope = "user" if user else "project" if project_id else "instance"
    deleted, _ = ProviderKey.objects.filter(
        provider=provider_id, scope=scope, user=user, project_id=project_id
    ).delete()
    if not deleted:
        raise NotFound(f"There is no such key for {provider_id}.")
    _changed(provider_id, "key_removed", scope=scope, user_id=user.pk if user else "")


def _checked_key(secret: str) -> str:
    """Never quoted in an error."""
    secret = secret.strip()
    if not secret:
        raise Invalid("The key is empty.", code="bad_key")
    if len(secret) > LONGEST_KEY or not secret.isascii() or not secret.isprintable():
        raise Invalid("A key is one line of plain characters.", code="bad_key")
    return secret


@transaction.atomic
def key_refused(key_id: int, message: str) -> None:
    """The provider does not take the key. Told once; a key set anew is tried again."""
    key = ProviderKey.objects.select_for_update().filter(pk=key_id).first()
    if key is None or key.status == ProviderKey.Status.INVALID:
        return
    key.status = ProviderKey.Status.INVALID
    key.save(update_fields=["status"])
    ProviderKey.objects.filter(pk=key_id).update(checked_at=Now())
    ProviderConfig.objects.filter(id=key.provider).update(last_error=message[:500])
    payload = {"provider": key.provider, "key_id": key_id, "scope": key.scope}
    events_append(TOPIC, [NewEvent(type="llm.key.invalid", payload=payload)])


def key_works(key_id: int) -> None:
    changed = ProviderKey.objects.filter(pk=key_id).exclude(status=ProviderKey.Status.OK)
    changed.update(status=ProviderKey.Status.OK)
    ProviderKey.objects.filter(pk=key_id).update(checked_at=Now())


# Shares


@transaction.atomic
def share_set(
    *,
    provider_id: str,
    by: User,
    user: User | None,
    expires_at: datetime | None = None,
    allowed_models: Sequence[str] = (),
    daily_calls: int | None = None,
    daily_cost_usd: Decimal | None = None,
) -> ProviderShare:
    """Let a user, or everybody, use the instance's key. Raises NotFound without such a key."""
    key = ProviderKey.objects.filter(provider=provider_id, scope="instance").first()
    if key is None:
        raise NotFound(f"The instance has no key for {provider_id} to share.")
    share, _ = ProviderShare.objects.update_or_create(
        key=key,
        user=user,
        defaults={
            "expires_at": expires_at,
            "allowed_models": list(allowed_models),
            "daily_calls": daily_calls,
            "daily_cost_usd": daily_cost_usd,
            "created_by": by,
        },
    )
    _changed(provider_id, "shared", user_id=user.pk if user else "")
    return share


@transaction.atomic
def share_delete(*, provider_id: str, share_id: str) -> None:
    shares = ProviderShare.objects.filter(key__provider=provider_id)
    deleted, _ = shares.filter(pk=share_id).delete() if share_id.isdecimal() else (0, {})
    if not deleted:
        raise NotFound("There is no such share.")
    _changed(provider_id, "unshared")


# Aliases


@transaction.atomic
def alias_set(
    *, name: str, chain: Sequence[str], error_classes: Sequence[str] = (), max_attempts: int = 0
) -> ModelAlias:
    """Name a chain of models. Raises Invalid: a bad name, an empty chain, one that leads back."""
    if not _ALIAS.fullmatch(name):
        raise Invalid("An alias is lower-case letters, digits, dots and hyphens.", code="bad_alias")
    if not 1 <= len(chain) <= _MOST_MODELS:
        raise Invalid(f"An alias has 1 to {_MOST_MODELS} models.", code="bad_chain")
    unknown = sorted(set(error_classes) - {str(kind) for kind in FailureClass})
    if unknown:
        known = ", ".join(FailureClass)
        raise Invalid(f"Error classes are: {known}.", code="unknown_error_class", unknown=unknown)
    others = dict(ModelAlias.objects.exclude(name=name).values_list("name", "chain"))
    _check_chain(name, list(chain), others)
    alias, _ = ModelAlias.objects.update_or_create(
        name=name,
        defaults={
            "chain": list(chain),
            "error_classes": list(error_classes),
            "max_attempts": max_attempts,
        },
    )
    return alias


def alias_delete(*, name: str) -> None:
    deleted, _ = ModelAlias.objects.filter(name=name).delete()
    if not deleted:
        raise NotFound(f"There is no alias {name}.")


def _check_chain(name: str, chain: list[str], others: Mapping[str, list[str]]) -> None:
    seen, left = {name}, list(chain)
    while left:
        model = left.pop()
        if model == name:
            raise Invalid(f"The alias {name} leads back to itself.", code="alias_cycle")
        if model in others:
            if model not in seen:
                seen.add(model)
                left += others[model]
        elif "/" not in model:
            raise Invalid(
                f"{model!r} is neither provider/model nor an alias.", code="malformed_model"
            )


# Models


def model_set(*, provider_id: str, model: str, **facts: Any) -> ModelEntry:
    """Say what a model can and costs; this stands above what its provider says."""
    _check_known(provider_id)
    entry, _ = ModelEntry.objects.update_or_create(
        provider=provider_id,
        model=model,
        defaults={**facts, "source": ModelEntry.Source.MANUAL},
    )
    return entry


def model_delete(*, provider_id: str, model: str) -> None:
    deleted, _ = ModelEntry.objects.filter(
        provider=provider_id, model=model, source=ModelEntry.Source.MANUAL
    ).delete()
    if not deleted:
        raise NotFound(f"Nobody typed in a model {provider_id}/{model}.")


# Defaults


@transaction.atomic
def defaults_set(*, values: Mapping[str, Any], by: User) -> None:
    """Change the instance's defaults, and keep who changed what. Raises Invalid."""
    for key, value in values.items():
        new = checked_default(key, value)
        row = LlmSetting.objects.select_for_update().filter(key=key).first()
        old = row.value if row else DEFAULTS[key].value
        if old == new:
            continue
        LlmSetting.objects.update_or_create(key=key, defaults={"value": new, "updated_by": by})
        LlmSettingChange.objects.create(key=key, old=old, new=new, changed_by=by)


@transaction.atomic
def favorites_set(*, user: User, models: Sequence[str]) -> None:
    """Let these be a person's favourite models, in this order."""
    User.objects.select_for_update().get(pk=user.pk)  # two at once: the later list holds whole
    FavoriteModel.objects.filter(user=user).delete()
    FavoriteModel.objects.bulk_create(
        FavoriteModel(user=user, model=model, position=position)
        for position, model in enumerate(dict.fromkeys(models))
    )


def _changed(provider_id: str, what: str, **facts: Any) -> None:
    """Tell open pages, and the audit log. Called last: the log's lock is held from here on."""
    payload = {"provider": provider_id, "change": what}
    events_append(TOPIC, [NewEvent(type="provider.changed", payload=payload)])
    audit(f"provider.{what}", facts={"provider": provider_id, **facts})
