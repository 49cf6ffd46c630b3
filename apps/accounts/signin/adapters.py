"""What allauth asks its host."""

from dataclasses import dataclass
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from allauth.headless.adapter import DefaultHeadlessAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.urls import reverse

from apps.accounts.models import User
from apps.accounts.roles import Role
from apps.accounts.signin.fresh import is_fresh
from apps.core.api.callers import caller_of
from apps.core.crypto import seal, unseal
from apps.core.dispatch import TaskName, enqueue

_MFA_PLACE = "mfa_authenticator/data"  # allauth gives no row to bind a value to


def password_is_a_way_in(user: User) -> bool:
    """Whether `LOCAL_LOGIN` lets this person sign in with a password."""
    return settings.LOCAL_LOGIN == "all" or user.role == Role.OWNER


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # the package is untyped
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Accounts are made at set-up, by invite, by an administrator or an identity provider."""
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """As the server in front tells it: daphne reads the proxy's headers. Over the Unix socket
        there is none: those callers share one brake."""
        return request.META.get("REMOTE_ADDR") or "0.0.0.0"  # noqa: S104  an address that is none

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        if getattr(request.user, "must_change_password", False):
            return reverse("account_change_password")
        return settings.LOGIN_REDIRECT_URL

    def authenticate(self, request: HttpRequest, **credentials: Any) -> User | None:
        user: User | None = super().authenticate(request, **credentials)
        if user is not None and not password_is_a_way_in(user):
            return None
        return user

    def send_password_reset_mail(self, user: User, email: str, context: dict[str, Any]) -> None:
        """A worker makes the link and sends it: whoever asks waits the same for every address."""
        if password_is_a_way_in(user):
            enqueue(TaskName.MAIL_RESET, user.pk)

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """An identity provider that is connected is a lasting way in; the other apps ask as the
        package does."""
        if app == "allauth.socialaccount":
            return not is_fresh(caller_of(self.request))
        return bool(super().is_reauthentication_required(app=app, **kwargs))

    def clean_password(self, password: str, user: User | None = None) -> str:
        checked: str = super().clean_password(password, user=user)
        if user is not None and user.must_change_password and user.check_password(checked):
            raise ValidationError("Choose another password than the present one.")
        return checked


class MfaAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # the package is untyped
    def encrypt(self, text: str) -> str:
        return seal(text, place=_MFA_PLACE)

    def decrypt(self, encrypted_text: str) -> str:
        return unseal(encrypted_text, place=_MFA_PLACE)

    def is_mfa_enabled(self, user: Any, types: Any = None) -> bool:
        return bool(super().is_mfa_enabled(user, types))


@dataclass
class SignedInUser:
    id: str
    email: str
    display: str
    role: str
    has_usable_password: bool


class HeadlessAdapter(DefaultHeadlessAdapter):  # type: ignore[misc]  # the package is untyped
    def get_user_dataclass(self) -> type[SignedInUser]:
        return SignedInUser

    def user_as_dataclass(self, user: User) -> SignedInUser:
        email = EmailAddress.objects.get_primary_email(user) or user.email
        return SignedInUser(
            id=user.pk,
            email=email,
            display=str(user),
            role=user.role,
            has_usable_password=user.has_usable_password(),
        )
