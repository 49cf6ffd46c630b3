"""What an agent's session may use, decided anew at each use.

A session is bound to the grants that stood when it began (`SessionToken.grants["secrets"]`). Each
must still stand, be unexpired, and be meant for this session's agent, user and project; the token
itself is checked before anything comes here, and dies with the session.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog
from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from apps.accounts.audit import audit
from apps.accounts.models import AuditEvent, SessionToken
from apps.core.crypto import Unreadable
from apps.core.events import NewEvent, events_append
from apps.secrets.content import SecretFile, code_at, injected, revealed
from apps.secrets.errors import BadSecret, CodeUsed, SecretNotGranted, SecretNotRevealed
from apps.secrets.models import Secret, SecretAccess, SecretGrant
from apps.secrets.services import content_of, former_contents, totp_step_taken, used

log = structlog.get_logger(__name__)

TOTP_PERIOD_S = 30
How = SecretAccess.How
# Of two secrets of one name, a person's own goes before the project's and the instance's.
_RANK = {Secret.Scope.USER: 0, Secret.Scope.PROJECT: 1, Secret.Scope.INSTANCE: 2}


def grants_for(*, agent_id: str, user_id: str, project_id: str) -> list[SecretGrant]:
    """The grants that a session of this agent, for this user and project, begins with."""
    return _one_a_name(_standing(agent_id, user_id, project_id))


def grants_of_session(token: SessionToken) -> list[SecretGrant]:
    """Those of them that still stand."""
    standing = _standing(token.agent_id, token.user_id or "", token.project_id)
    return _one_a_name(standing.filter(pk__in=_held(token)))


def session_grants(session_id: str) -> list[SecretGrant]:
    """The same, for who supervises the session and has no token of it."""
    token = SessionToken.objects.filter(session_id=session_id).order_by("-created_at").first()
    return grants_of_session(token) if token is not None else []


def _held(token: SessionToken) -> list[str]:
    return list(token.grants.get("secrets", ()))


def _standing(agent_id: str, user_id: str, project_id: str) -> QuerySet[SecretGrant]:
    return SecretGrant.objects.select_related("secret").filter(
        Q(expires_at=None) | Q(expires_at__gt=Now()),
        Q(secret__expires_at=None) | Q(secret__expires_at__gt=Now()),
        Q(for_user=None) | Q(for_user_id=user_id or None, for_user__is_active=True),
        Q(project_id="") | Q(project_id=project_id),
        agent_id=agent_id,
        revoked_at=None,
        secret__revoked_at=None,
    )


def _one_a_name(grants: QuerySet[SecretGrant]) -> list[SecretGrant]:
    """For one user before for all, one's own before the instance's, for a project before any."""
    found: dict[str, SecretGrant] = {}
    for grant in sorted(grants, key=_precedence):
        found.setdefault(grant.env_key, grant)
    return sorted(found.values(), key=lambda grant: grant.env_key)


def _precedence(grant: SecretGrant) -> tuple[int, bool, bool, str]:
    rank = _RANK[Secret.Scope(grant.secret.scope)]
    return rank, grant.for_user_id is None, not grant.project_id, grant.pk


@dataclass(frozen=True, slots=True, kw_only=True)
class Injection:
    """What one command gets."""

    env: dict[str, str] = field(default_factory=dict, repr=False)
    files: list[SecretFile] = field(default_factory=list, repr=False)


def secrets_inject(token: SessionToken, keys: Sequence[str]) -> Injection:
    """Environment and files for one command. Raises SecretNotGranted, BadSecret."""
    grants = _granted(token, keys)
    made = Injection()
    with transaction.atomic():
        for grant in grants:
            env, files = injected(grant.secret, content_of(grant.secret))
            made.env.update(env)
            made.files.extend(files)
        _told(token, grants, How.INJECTED)
    return made


def secrets_reveal(token: SessionToken, keys: Sequence[str]) -> dict[str, str]:
    """Plain texts, of secrets that are marked so and whose grant says so too.

    Raises SecretNotGranted, SecretNotRevealed, BadSecret.
    """
    grants = _granted(token, keys)
    hidden = [grant for grant in grants if not (grant.reveal and grant.secret.reveal)]
    if hidden:
        _refused(token, [grant.env_key for grant in hidden])
        raise SecretNotRevealed(
            f"{', '.join(grant.env_key for grant in hidden)}: for use in a command, not to be seen."
        )
    with transaction.atomic():
        texts = {each.env_key: revealed(each.secret, content_of(each.secret)) for each in grants}
        _told(token, grants, How.REVEALED)
    return texts


def totp_code(token: SessionToken, key: str) -> tuple[str, int]:
    """A one-time code, and for how many seconds it is good. Each is given out once, to anybody:
    a site refuses the second use of a code, and may lock the account.

    Raises SecretNotGranted, BadSecret, and CodeUsed until the next period.
    """
    (grant,) = _granted(token, [key])
    if not grant.secret.has_totp:
        raise BadSecret(f"{key} gives no one-time codes.", code="no_codes")
    now = int(time.time())
    step, left = now // TOTP_PERIOD_S, TOTP_PERIOD_S - now % TOTP_PERIOD_S
    with transaction.atomic():
        if not totp_step_taken(grant.secret, step):
            raise CodeUsed("The code of this half minute was given out already.", retry_after=left)
        code = code_at(content_of(grant.secret), step)
        _told(token, [grant], How.CODE)
    return code, left


def _granted(token: SessionToken, keys: Sequence[str]) -> list[SecretGrant]:
    """The session's grants of these names. Raises SecretNotGranted when one is missing."""
    by_key = {grant.env_key: grant for grant in grants_of_session(token)}
    missing = [key for key in keys if key not in by_key]
    if missing:
        _refused(token, missing)
        raise SecretNotGranted(f"Not granted to this session: {', '.join(missing)}.")
    return [by_key[key] for key in dict.fromkeys(keys)]


def _refused(token: SessionToken, keys: Sequence[str]) -> None:
    """Noted although the call fails. Only names of ours are kept: what was asked for may be
    anything."""
    known = SecretGrant.objects.filter(pk__in=_held(token), env_key__in=keys)
    with transaction.atomic():
        for grant in known:
            _access(token, grant, How.REFUSED)
        facts = {"names": len(keys), "session_id": token.session_id}
        audit("secret.read", facts=facts, result=AuditEvent.Result.REFUSED)


def _told(token: SessionToken, grants: Sequence[SecretGrant], how: SecretAccess.How) -> None:
    """Who got what, in the secret's own list, in the run's history and in the audit log."""
    if not grants:
        return
    used([grant.secret_id for grant in grants])
    for grant in grants:
        _access(token, grant, how)
    events = [
        NewEvent(
            type="SECRET_ACCESSED",
            payload={"secretId": each.secret_id, "envKey": each.env_key, "how": how.value},
            session_id=token.session_id,
            lifecycle=False,
        )
        for each in grants
    ]
    topic = f"run:{token.run_id}" if token.run_id else f"session:{token.session_id}"
    events_append(topic, events, run_id=token.run_id)
    for grant in grants:
        audit(
            "secret.read",
            grant.secret,
            {
                "name": grant.secret.name,
                "how": how.value,
                "agent_id": token.agent_id,
                "session_id": token.session_id,
                "run_id": token.run_id,
            },
        )


def _access(token: SessionToken, grant: SecretGrant, how: SecretAccess.How) -> None:
    SecretAccess.objects.create(
        secret_id=grant.secret_id,
        env_key=grant.env_key,
        how=how,
        agent_id=token.agent_id,
        session_id=token.session_id,
        run_id=token.run_id,
        user_id=token.user_id or "",
    )


# What is to be masked


def session_value_versions(session_id: str) -> tuple[tuple[str, int], ...]:
    """Which values a session may know: it changes when one of them does."""
    rows = _grants_ever_held(session_id).values_list("secret_id", "secret__value_version")
    return tuple(sorted(set(rows)))


def session_values(session_id: str) -> list[str]:
    """Everything that must not show in what a session says. Also of grants that have ended: it
    may have used them before. One that cannot be read is left out: the box could not read it."""
    secrets = {grant.secret_id: grant.secret for grant in _grants_ever_held(session_id)}
    found: list[str] = []
    for secret in secrets.values():
        try:
            found += content_of(secret).parts(secret.type)
            for former in former_contents(secret):
                found += former.parts(secret.type)
        except Unreadable as exc:
            log.warning("a secret cannot be masked", secret_id=secret.pk, error=exc.message)
    return found


def _grants_ever_held(session_id: str) -> QuerySet[SecretGrant]:
    tokens = SessionToken.objects.filter(session_id=session_id).values_list("grants", flat=True)
    held = {grant_id for grants in tokens for grant_id in grants.get("secrets", ())}
    if not held:
        return SecretGrant.objects.none()
    return SecretGrant.objects.select_related("secret").filter(pk__in=held)
