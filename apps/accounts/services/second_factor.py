"""Proving one's second factor again, for what a stolen session must not do."""

from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP

from apps.accounts.models import User
from apps.core.errors import Forbidden


def second_factor_prove(*, user: User, code: str) -> None:
    """Check a code of the user's authenticator, which is used up by it. Raises Forbidden."""
    found = Authenticator.objects.filter(user=user, type=Authenticator.Type.TOTP).first()
    if found is None:
        raise Forbidden(
            "This needs a second factor with codes; set one up first.",
            code="second_factor_required",
        )
    if not TOTP(found).validate_code(code):
        raise Forbidden("This code is wrong, or was used already.", code="second_factor_refused")
