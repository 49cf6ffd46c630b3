"""Changing secrets, grants and shares. Every change stands in the audit log, without the value."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from apps.accounts.audit import audit
from apps.accounts.models import User
from apps.core.crypto import Unreadable, sealed_get, sealed_set
from apps.core.errors import Conflict, Invalid, NotFound
from apps.core.log_masking import secrets_known
from apps.secrets.content import (
    Content,
    content_made,
    env_key_checked,
    env_key_from,
    masked,
    revealed,
)
from apps.secrets.errors import SecretNotFound, SecretNotRevealed
from apps.secrets.models import FormerValue, Secret, SecretAccess, SecretGrant, SecretShare
from apps.secrets.notices import secret_notice

VALUE_FIELDS = frozenset({"value", "value_base64", "passphrase", "totp_seed"})
PLAIN_FIELDS = frozenset(
    {"name", "description", "username", "url", "file_name", "reveal", "expires_at", "rotate_after"}
)
KEPT_AFTER_REVOKE = timedelta(days=1)
TOLD_BEFORE_EXPIRY = timedelta(days=7)


def content_of(secret: Secret) -> Content:
    """The plain content. Raises Unreadable. It goes to a box, a masker or its owner, nowhere
    else."""
    content = Content.from_text(sealed_get(secret, "sealed"))
    secrets_known(*content.parts(secret.type))
    return content


def secret_create(
    *,
    by: User,
    name: str,
    type: str,
    scope: str = Secret.Scope.USER,
    project_id: str = "",
    env_key: str = "",
    **fields: Any,
) -> Secret:
    """Raises BadSecret, and Conflict for a name that the owner has given already."""
    if bool(project_id) != (scope == Secret.Scope.PROJECT):
        raise Invalid("A secret of a project, and no other, names its project.", code="bad_scope")
    content = content_made(type, **_values(fields))
    secret = Secret(
        name=name,
        type=type,
        scope=scope,
        user=by if scope == Secret.Scope.USER else None,
        project_id=project_id,
        env_key=env_key_checked(env_key or env_key_from(name)),
        **{field: value for field, value in fields.items() if field in PLAIN_FIELDS},
    )
    _file_name_checked(secret.file_name)
    _fill(secret, content)
    try:
        with transaction.atomic():
            secret.save(force_insert=True)
            audit("secret.create", secret, _facts(secret))
    except IntegrityError as exc:
        raise _name_taken(name) from exc
    return secret


def secret_update(*, secret: Secret, version: int | None = None, **fields: Any) -> Secret:
    """Change what is given. A new value takes the place of the old one whole.

    Raises BadSecret, and Conflict `stale_version` when `version` is not the present one.
    """
    try:
        with transaction.atomic():
            row = _locked(secret)
            if version is not None and version != row.version:
                raise Conflict(
                    "Somebody has changed this secret meanwhile.",
                    code="stale_version",
                    current_version=row.version,
                )
            given = {name: value for name, value in fields.items() if name in PLAIN_FIELDS}
            for name, value in given.items():
                setattr(row, name, value)
            _file_name_checked(row.file_name)
            changed = sorted(given)
            if VALUE_FIELDS & set(fields):
                _keep_former(row)
                _fill(row, _renewed(row, fields))
                row.value_version += 1
                changed.append("value")
            row.version += 1
            row.save()
            if given.get("reveal") is False:
                row.grants.update(reveal=False)
            audit("secret.update", row, {**_facts(row), "changed": changed})
    except IntegrityError as exc:
        raise _name_taken(str(fields.get("name"))) from exc
    return row


@transaction.atomic
def secret_revoke(*, secret: Secret) -> None:
    """End a secret and all its grants at once. Its value goes a day later: until then it is still
    masked in what sessions say that had it."""
    row = _locked(secret)
    row.grants.filter(revoked_at=None).update(revoked_at=Now())
    Secret.objects.filter(pk=row.pk).update(revoked_at=Now())
    audit("secret.revoke", row, _facts(row))


def secrets_prune() -> int:
    """Delete the values of secrets that were revoked or replaced a day ago, and their grants."""
    FormerValue.objects.filter(replaced_at__lt=timezone.now() - KEPT_AFTER_REVOKE).delete()
    old = Secret.objects.filter(revoked_at__lt=timezone.now() - KEPT_AFTER_REVOKE)
    return old.delete()[1].get("secrets.Secret", 0)


@transaction.atomic
def secrets_due_tell() -> int:
    """Tell owners, once for each date, of secrets that end within a week and of values that are
    older than they should be. How many were told of."""
    now = timezone.now()
    standing = Secret.objects.filter(revoked_at=None).select_for_update(of=("self",))
    ending = standing.filter(expires_at__gt=now, expires_at__lte=now + TOLD_BEFORE_EXPIRY)
    aged = standing.filter(rotate_after__lte=now)
    told = 0
    for secret in ending.exclude(expiry_told=F("expires_at")):
        Secret.objects.filter(pk=secret.pk).update(expiry_told=secret.expires_at)
        secret_notice.send(sender=Secret, secret=secret, kind="expires")
        told += 1
    for secret in aged.exclude(rotation_told=F("rotate_after")):
        Secret.objects.filter(pk=secret.pk).update(rotation_told=secret.rotate_after)
        secret_notice.send(sender=Secret, secret=secret, kind="rotation_due")
        told += 1
    return told


# Grants


def secret_grant(
    *,
    secret: Secret,
    agent_id: str,
    by: User,
    is_manager: bool,
    project_id: str = "",
    reveal: bool = False,
    expires_at: datetime | None = None,
) -> SecretGrant:
    """Let an agent use a secret. Who was lent an instance's secret grants it, as one's own, for
    sessions that they start. Granted again: changed.

    Raises NotFound for an unknown agent, Conflict `env_key_taken` when another secret has the name.
    """
    if reveal and not (secret.reveal and is_manager):
        raise SecretNotRevealed("This secret is not marked as one that may be seen.")
    if secret.scope == Secret.Scope.PROJECT and project_id not in {"", secret.project_id}:
        raise Invalid("This secret is another project's.", code="bad_scope")
    _agent_checked(agent_id)
    lent = secret.scope == Secret.Scope.USER or not is_manager
    audience = {
        "agent_id": agent_id,
        "env_key": secret.env_key,
        "for_user": by if lent else None,
        "project_id": project_id or secret.project_id,
    }
    with transaction.atomic():
        row = _locked(secret)
        held = SecretGrant.objects.filter(revoked_at=None, **audience).first()
        if held is not None and held.secret_id != row.pk:
            raise _env_key_taken(secret.env_key, agent_id)
        if held is not None:
            # A new row: sessions that hold the old grant hold no more than they were given.
            SecretGrant.objects.filter(pk=held.pk).update(revoked_at=Now())
        try:
            with transaction.atomic():
                grant = SecretGrant.objects.create(
                    secret=row, reveal=reveal, expires_at=expires_at, granted_by=by, **audience
                )
        except IntegrityError as exc:
            raise _env_key_taken(secret.env_key, agent_id) from exc
        audit("secret.grant", row, {**_facts(row), **_grant_facts(grant)})
    return grant


def secret_ungrant(*, secret: Secret, agent_id: str, by: User, is_manager: bool) -> int:
    """End an agent's grants; those of others only for who manages the secret. Sessions that hold
    them are refused from the next use on."""
    with transaction.atomic():
        held = secret.grants.filter(agent_id=agent_id, revoked_at=None)
        if not is_manager:
            held = held.filter(for_user=by)
        count = held.update(revoked_at=Now())
        if not count:
            raise NotFound("This agent has no such grant.", code="grant_not_found")
        audit("secret.ungrant", secret, {**_facts(secret), "agent_id": agent_id})
    return count


def secret_share(*, secret: Secret, user: User, by: User) -> SecretShare:
    """Lend an instance's secret to a person. Raises Conflict when that is so already."""
    if secret.scope != Secret.Scope.INSTANCE:
        raise Invalid("Only secrets of the instance are shared.", code="bad_scope")
    try:
        with transaction.atomic():
            share = SecretShare.objects.create(secret=secret, user=user, created_by=by)
            audit("secret.share", secret, {**_facts(secret), "user_id": user.pk})
    except IntegrityError as exc:
        raise Conflict("This person has it already.", code="already_exists") from exc
    return share


@transaction.atomic
def secret_unshare(*, secret: Secret, user_id: str) -> None:
    """Take it back, with all that the person has granted."""
    if not secret.shares.filter(user_id=user_id).delete()[0]:
        raise NotFound("This person does not have it.")
    secret.grants.filter(for_user_id=user_id, revoked_at=None).update(revoked_at=Now())
    audit("secret.unshare", secret, {**_facts(secret), "user_id": user_id})


@transaction.atomic
def secret_reveal_to_owner(*, secret: Secret, by: User) -> str:
    """The plain text, for who manages the secret and has just proved their second factor."""
    if not secret.reveal:
        raise SecretNotRevealed("This secret is not marked as one that may be seen.")
    text = revealed(secret, content_of(secret))
    SecretAccess.objects.create(
        secret_id=secret.pk,
        env_key=secret.env_key,
        how=SecretAccess.How.REVEALED,
        user_id=by.pk,
    )
    audit("secret.read", secret, {**_facts(secret), "how": "revealed"})
    return text


# Parts


def _values(fields: Mapping[str, Any]) -> dict[str, str]:
    return {name: value for name, value in fields.items() if name in VALUE_FIELDS}


def _renewed(row: Secret, fields: Mapping[str, Any]) -> Content:
    """A login's password and seed are changed one by one; else the value is one thing."""
    values = _values(fields)
    if row.type == Secret.Type.LOGIN and not {"value", "totp_seed"} <= set(values):
        old = _content_kept(row)
        values = {"value": old.value, "totp_seed": old.totp_seed, **values}
    return content_made(row.type, **values)


def _content_kept(row: Secret) -> Content:
    try:
        return content_of(row)
    except Unreadable as exc:
        raise Conflict(
            "What is stored cannot be read: give both the password and the seed (empty: none).",
            code="secret_unreadable",
        ) from exc


def former_contents(secret: Secret) -> list[Content]:
    """Values that this one has replaced, of the last day. Raises Unreadable."""
    found = secret.former_values.all()
    return [Content.from_text(sealed_get(former, "sealed")) for former in found]


def _keep_former(secret: Secret) -> None:
    """Sessions that had the value may still tell it. One that cannot be read, none of them had."""
    try:
        text = sealed_get(secret, "sealed")
    except Unreadable:
        return
    former = FormerValue(secret=secret)
    sealed_set(former, "sealed", text)
    former.save(force_insert=True)


def _fill(secret: Secret, content: Content) -> None:
    secrets_known(*content.parts(secret.type))
    sealed_set(secret, "sealed", content.as_text())
    secret.masked = masked(secret.type, content)
    secret.has_totp = bool(content.totp_seed)


def _locked(secret: Secret) -> Secret:
    row = Secret.objects.select_for_update().filter(pk=secret.pk, revoked_at=None).first()
    if row is None:
        raise SecretNotFound("There is no such secret.")
    return row


def _agent_checked(agent_id: str) -> None:
    agents = SecretGrant._meta.get_field("agent").related_model
    assert agents is not None
    assert not isinstance(agents, str)
    if not agents._default_manager.filter(pk=agent_id, removed_at=None).exists():
        raise NotFound(f"There is no agent {agent_id}.", code="agent_not_found")


def _file_name_checked(name: str) -> None:
    if "/" in name or "\0" in name or name in {".", ".."}:
        raise Invalid("A file's name has no path.", code="bad_file_name")


def _facts(secret: Secret) -> dict[str, Any]:
    return {"name": secret.name, "type": secret.type, "scope": secret.scope}


def _grant_facts(grant: SecretGrant) -> dict[str, Any]:
    return {
        "agent_id": grant.agent_id,
        "project_id": grant.project_id,
        "for_user_id": grant.for_user_id,
        "reveal": grant.reveal,
    }


def _name_taken(name: str) -> Conflict:
    return Conflict(f"There is a secret “{name}” already.", code="already_exists")


def _env_key_taken(env_key: str, agent_id: str) -> Conflict:
    return Conflict(
        f"{agent_id} has another secret by the name {env_key}.",
        code="env_key_taken",
        env_key=env_key,
    )


def used(secret_ids: list[str]) -> None:
    """Note that values were given out now."""
    Secret.objects.filter(pk__in=secret_ids).update(last_used_at=Now())


def totp_step_taken(secret: Secret, step: int) -> bool:
    """Take a period's code for oneself. False: it, or a later one, was given out before."""
    taken = Secret.objects.filter(pk=secret.pk, last_totp_step__lt=step)
    return taken.update(last_totp_step=step, last_used_at=Now()) == 1
