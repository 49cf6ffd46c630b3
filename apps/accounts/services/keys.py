"""Keys for scripts, programs and agents of others. The plaintext is given out once."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any, cast

from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from apps.accounts.audit import audit
from apps.accounts.models import ApiKey, User
from apps.accounts.roles import Role, outranks
from apps.core.api.callers import SCOPES
from apps.core.errors import Conflict, Forbidden, Invalid, NotFound
from apps.core.live.access import access_changed

OVERLAP = timedelta(minutes=10)  # how long a rotated key still works


def api_key_create(user: User, name: str, scopes: Sequence[str]) -> str:
    """The plaintext of a new key. Raises Invalid for a scope unknown or wider than its owner."""
    return api_key_issue(user=user, name=name, scopes=scopes)[1]


@transaction.atomic
def api_key_issue(
    *,
    user: User,
    name: str,
    scopes: Sequence[str],
    expires_in_days: int | None = None,
    kind: ApiKey.Kind = ApiKey.Kind.USER,
    agent_id: str = "",
    ip_allow: Sequence[str] = (),
    rate_per_minute: int | None = None,
    made_with: ApiKey | None = None,
) -> tuple[ApiKey, str]:
    """A key and its plaintext. Raises Invalid for a scope unknown or wider than its owner, and for
    an address range that is none.

    `made_with`: the key that asks for it, which can make none that works longer or from elsewhere,
    and bounds the new one where nothing is said. Raises Forbidden.
    """
    _check_scopes(user, scopes)
    expires = _expiry(expires_in_days)
    if made_with is not None:
        expires = expires or made_with.expiry_date
        ip_allow = ip_allow or made_with.ip_allow
        _check_within(made_with, expires, ip_allow)
    made, plaintext = ApiKey.objects.create_key(
        user=user,
        name=name,
        scopes=sorted(set(scopes)),
        expiry_date=expires,
        kind=kind,
        agent_id=agent_id,
        ip_allow=[_network(text) for text in ip_allow],
        rate_per_minute=rate_per_minute,
    )
    key = cast(ApiKey, made)
    audit("api_key.create", key, {"name": name, "scopes": key.scopes, "kind": kind})
    return key, plaintext


def _expiry(days: int | None) -> datetime | None:
    return timezone.now() + timedelta(days=days) if days else None


def _check_within(key: ApiKey, expires: datetime | None, ip_allow: Sequence[str]) -> None:
    """Raises Forbidden for a life longer, or addresses wider, than those of `key`."""
    ends = key.expiry_date
    if ends is not None and (expires is None or expires > ends):
        raise Forbidden("A key gives no longer life than its own.", code="key_too_wide")
    if key.ip_allow and not _within([_parsed(text) for text in ip_allow], key.ip_allow):
        raise Forbidden("A key gives no wider addresses than its own.", code="key_too_wide")


def _within(inner: Sequence[IPv4Network | IPv6Network], outer: Sequence[str]) -> bool:
    """Whether each network lies in one of `outer`. An empty `inner` stands for everywhere."""
    bounds = [ip_network(text) for text in outer]
    return bool(inner) and all(
        any(
            net.version == bound.version and net.subnet_of(bound)  # type: ignore[arg-type]  # equal
            for bound in bounds
        )
        for net in inner
    )


def _check_scopes(user: User, scopes: Collection[str]) -> None:
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown:
        raise Invalid(f"Unknown scopes: {', '.join(unknown)}.", known=list(SCOPES))
    wider = sorted(set(scopes) - user.scope_ceiling)
    if wider:
        raise Invalid(
            f"A key cannot do more than its owner: not yours: {', '.join(wider)}.", scopes=wider
        )


def _network(text: str) -> str:
    return str(_parsed(text))


def _parsed(text: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        raise Invalid(f"“{text}” is no address and no range of addresses.") from None


@transaction.atomic
def api_key_change(
    *, key: ApiKey, changes: Mapping[str, Any], made_with: ApiKey | None = None
) -> ApiKey:
    """Change a key's name, end, addresses, or take scopes from it.

    Raises Conflict for one that has ended, Invalid for a scope that it does not have, and Forbidden
    as `api_key_issue`.
    """
    locked = cast(ApiKey, ApiKey.objects.select_for_update().get(pk=key.pk))
    if not locked.is_usable:
        raise Conflict("This key has ended.", code="key_ended")
    if "name" in changes:
        locked.name = changes["name"]
    if "scopes" in changes:
        locked.scopes = _narrowed(locked, changes["scopes"])
    if "expires_in_days" in changes:
        locked.expiry_date = _expiry(changes["expires_in_days"])
    if "ip_allow" in changes:
        locked.ip_allow = [_network(text) for text in changes["ip_allow"]]
    if made_with is not None and {"expires_in_days", "ip_allow"} & set(changes):
        _check_within(made_with, locked.expiry_date, locked.ip_allow)
    locked.save()
    audit("api_key.change", locked, {"name": locked.name, "changed": sorted(changes)})
    access_changed()
    return locked


def _narrowed(key: ApiKey, scopes: Collection[str]) -> list[str]:
    wider = sorted(set(scopes) - key.scope_set)
    if wider:
        raise Invalid(
            f"A key gains no scope: it does not have {', '.join(wider)}. Make another.",
            scopes=wider,
        )
    return sorted(set(scopes))


@transaction.atomic
def api_key_revoke(*, keys: Collection[ApiKey], by: User) -> None:
    """End keys at once and for good. Again is fine."""
    for key in keys:
        fresh = ApiKey.objects.filter(pk=key.pk, revoked=False)
        if fresh.update(revoked=True, revoked_at=Now(), revoked_by=by):
            audit("api_key.revoke", key)
            access_changed()


def api_key_get(*, user: User, prefix: str) -> ApiKey:
    """One of a user's own keys. Raises NotFound: also for a key of somebody else."""
    found: ApiKey | None = ApiKey.objects.filter(
        user=user, prefix=prefix, kind=ApiKey.Kind.USER
    ).first()
    if found is None:
        raise NotFound("You have no such key.")
    return found


# Programs and agents that run elsewhere


@transaction.atomic
def service_key_issue(
    *,
    by: User,
    account: str,
    role: str,
    name: str,
    scopes: Sequence[str],
    expires_in_days: int | None = None,
    ip_allow: Sequence[str] = (),
    rate_per_minute: int | None = None,
) -> tuple[ApiKey, str]:
    """A key of the program's account called `account`, made with that role if it is new.

    Raises Forbidden for a role above one's own, Conflict when the account has another role.
    """
    program = _program(f"service:{account}", role, by)
    return api_key_issue(
        user=program,
        name=name,
        scopes=scopes,
        expires_in_days=expires_in_days,
        kind=ApiKey.Kind.SERVICE,
        ip_allow=ip_allow,
        rate_per_minute=rate_per_minute,
    )


@transaction.atomic
def agent_key_issue(
    *,
    by: User,
    agent_id: str,
    scopes: Sequence[str],
    expires_in_days: int | None = None,
    ip_allow: Sequence[str] = (),
) -> tuple[ApiKey, str]:
    """The key of an agent that runs elsewhere. One that it has works for ten minutes more."""
    program = _program(f"agent:{agent_id}", Role.MEMBER, by)
    soon = timezone.now() + OVERLAP
    older = ApiKey.objects.filter(user=program, revoked=False)
    older.filter(Q(expiry_date=None) | Q(expiry_date__gt=soon)).update(expiry_date=soon)
    return api_key_issue(
        user=program,
        name=f"agent {agent_id}"[:50],
        scopes=scopes,
        expires_in_days=expires_in_days,
        kind=ApiKey.Kind.AGENT,
        agent_id=agent_id,
        ip_allow=ip_allow,
    )


def _program(username: str, role: str, by: User) -> User:
    if role not in Role.values:
        raise Invalid(f"“{role}” is no role.", known=Role.values)
    if not outranks(by.role, role):
        raise Forbidden(f"You may not give the role “{role}”.")
    program, is_new = User.objects.get_or_create(
        username=username,
        defaults={"kind": User.Kind.SERVICE, "role": role, "password": make_password(None)},
    )
    if program.role != role:
        raise Conflict(f"This account has the role “{program.role}” already.")
    if is_new:
        audit("user.create", program, {"role": role})
    return program


def program_key_get(kind: ApiKey.Kind, prefix: str) -> ApiKey:
    """The key of a program or of an agent elsewhere. Raises NotFound."""
    keys = ApiKey.objects.select_related("user")
    found: ApiKey | None = keys.filter(kind=kind, prefix=prefix).first()
    if found is None:
        raise NotFound("There is no such key.")
    return found
