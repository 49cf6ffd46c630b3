"""Identity providers: set up by administrators, and the roles that groups stand for."""

from collections.abc import Iterable, Mapping
from typing import Any

from allauth.socialaccount.models import SocialAccount
from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from apps.accounts.audit import audit
from apps.accounts.models import OidcProvider, User
from apps.accounts.roles import Role, outranks
from apps.core.crypto import sealed_set
from apps.core.errors import Conflict, Forbidden, Invalid, NotFound
from apps.core.hosts import host_normalised

_FIXED = frozenset({"slug", "issuer"})


def oidc_provider_get(provider_id: str) -> OidcProvider:
    """Raises NotFound."""
    found = OidcProvider.objects.filter(pk=provider_id).first()
    if found is None:
        raise NotFound("There is no such identity provider.")
    return found


@transaction.atomic
def oidc_provider_create(*, by: User, **fields: Any) -> OidcProvider:
    """Raises Conflict when the slug is taken, Invalid and Forbidden for what will not do."""
    secret = fields.pop("client_secret", "")
    row = OidcProvider(**_checked(fields, by))
    sealed_set(row, "client_secret", secret)
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        raise Conflict("There is a provider of this slug.", code="already_exists") from None
    row.refresh_from_db()
    audit("oidc_provider.create", row, {"slug": row.slug, "issuer": row.issuer})
    return row


@transaction.atomic
def oidc_provider_change(
    row: OidcProvider, changes: Mapping[str, Any], *, by: User
) -> OidcProvider:
    """Slug and issuer stay: make another provider instead."""
    fixed = sorted(_FIXED & set(changes))
    if fixed:
        raise Invalid(f"Cannot be changed: {', '.join(fixed)}. Make another provider.")
    fields = dict(changes)
    secret = fields.pop("client_secret", None)
    locked = OidcProvider.objects.select_for_update().get(pk=row.pk)
    for name, value in _checked(fields, by).items():
        setattr(locked, name, value)
    if secret is not None:
        sealed_set(locked, "client_secret", secret)
    names = [*fields, *(["client_secret"] if secret is not None else [])]
    locked.save(update_fields=names)
    audit("oidc_provider.change", locked, {"slug": locked.slug, "changed": sorted(names)})
    return locked


@transaction.atomic
def oidc_provider_delete(row: OidcProvider) -> None:
    """Its people keep their accounts and are no longer known by it: another provider of the same
    slug must not find them."""
    SocialAccount.objects.filter(provider=row.slug).delete()
    audit("oidc_provider.delete", row, {"slug": row.slug})
    row.delete()


def oidc_provider_tested(row: OidcProvider, *, ok: bool) -> None:
    OidcProvider.objects.filter(pk=row.pk).update(last_test_at=Now(), last_test_ok=ok)


def role_of_groups(row: OidcProvider, groups: Iterable[str]) -> str:
    """The highest role that a group stands for, or the provider's usual one."""
    given = [role for group in groups if (role := row.group_role_map.get(group))]
    order = list(reversed(Role.values))  # viewer, member, admin, owner
    return str(max(given, key=order.index)) if given else row.default_role


def _checked(fields: Mapping[str, Any], by: User) -> dict[str, Any]:
    found = dict(fields)
    roles = [*found.get("group_role_map", {}).values()]
    if Role.OWNER in roles:
        raise Invalid("No group makes owners.", code="role_refused")
    refused = [role for role in roles if not outranks(by.role, role)]
    if refused:
        raise Forbidden(f"You may not give the role “{refused[0]}”.")
    if "allowed_domains" in found:
        found["allowed_domains"] = [_domain(text) for text in found["allowed_domains"]]
    if "scopes" in found and "openid" not in found["scopes"]:
        found["scopes"] = ["openid", *found["scopes"]]
    return found


def _domain(text: str) -> str:
    try:
        return host_normalised(text)
    except ValueError:
        raise Invalid(f"“{text[:80]}” is no domain.") from None
