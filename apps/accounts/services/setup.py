"""The first visit: one person becomes the owner, however many try."""

from datetime import timedelta

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from apps.accounts.audit import audit
from apps.accounts.models import SetupState, User
from apps.accounts.roles import Role
from apps.accounts.services.users import checked_email, checked_password, email_confirmed_set
from apps.accounts.tokens import digest, new_token
from apps.core.errors import Conflict, Forbidden

SETUP_TOKEN_TTL = timedelta(hours=1)


def setup_is_needed() -> bool:
    return not SetupState.objects.exclude(completed_at=None).exists()


@transaction.atomic
def setup_token_create() -> str | None:
    """A fresh one-time token for the first visit; earlier ones end. None: it is set up."""
    state = _locked()
    if state.completed_at is not None:
        return None
    token = new_token()
    state.token_sha256 = digest(token)
    state.token_expires_at = timezone.now() + SETUP_TOKEN_TTL
    state.save()
    return token


@transaction.atomic
def setup_complete(
    *, owner: User, token: str | None, email: str, password: str, display_name: str = ""
) -> User:
    """Give the owner's account its address and password.

    `token` None: the caller proved otherwise that they may (they sit at this machine). Raises
    Conflict `setup_done` for all but the first, Forbidden for a bad token, Invalid.
    """
    state = _locked()
    if state.completed_at is not None:
        raise Conflict("This instance has its owner already. Sign in.", code="setup_done")
    if token is not None and not _fits(state, token):
        raise Forbidden(
            "This set-up link is not good, or too old. `djinn manage setup_instance` prints"
            " a new one.",
            code="setup_token_invalid",
        )
    owner.email = checked_email(email)
    owner.display_name = display_name
    owner.role = Role.OWNER
    owner.set_password(checked_password(password, owner))
    owner.save()
    email_confirmed_set(owner)
    SetupState.objects.update(completed_at=Now(), token_sha256="", token_expires_at=None)
    audit("setup.complete", owner)
    return owner


def _locked() -> SetupState:
    """The row that first visitors queue for."""
    SetupState.objects.get_or_create(pk=1)
    return SetupState.objects.select_for_update().get(pk=1)


def _fits(state: SetupState, token: str) -> bool:
    is_live = state.token_expires_at is not None and state.token_expires_at > timezone.now()
    return is_live and state.token_sha256 == digest(token)
