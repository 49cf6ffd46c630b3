"""Who may come in by an identity provider, and as whom: what allauth asks its host."""

from typing import Any
from urllib.parse import urlencode

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialApp, SocialLogin
from allauth.socialaccount.providers.base.constants import AuthError, AuthProcess
from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponseRedirect

from apps.accounts.audit import audit
from apps.accounts.models import OidcProvider, User
from apps.accounts.models.audit import AuditEvent
from apps.accounts.roles import Role
from apps.accounts.services.oidc import role_of_groups
from apps.accounts.services.users import user_set_role, username_for, waitlist_leave
from apps.accounts.signin.oidc import refusals
from apps.accounts.signin.oidc.provider import OidcSignIn
from apps.accounts.signin.oidc.refusals import OidcRefused
from apps.core.crypto import sealed_get


class SocialAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]  # the package is untyped
    # Which providers there are

    def list_apps(
        self, request: HttpRequest | None, provider: str | None = None, client_id: str | None = None
    ) -> list[SocialApp]:
        rows = OidcProvider.objects.filter(enabled=True)
        if provider:
            rows = rows.filter(slug=provider)
        if client_id:
            rows = rows.filter(client_id=client_id)
        return [_app(row) for row in rows]

    def list_providers(self, request: HttpRequest) -> list[OidcSignIn]:
        return [OidcSignIn(request, app=app) for app in self.list_apps(request)]

    def get_provider(
        self, request: HttpRequest, provider: str, client_id: str | None = None
    ) -> OidcSignIn:
        return OidcSignIn(request, app=self.get_app(request, provider, client_id))

    # Who may come in

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Raises ValidationError with the code of the refusal. The role follows the groups."""
        row = _row(sociallogin)
        user = sociallogin.user if sociallogin.is_existing else None
        connects = sociallogin.state.get("process") == AuthProcess.CONNECT
        _check_domain(row, sociallogin)
        if user is not None:
            _check_open(user, row)
            _follow_groups(user, row, sociallogin)
        elif not connects:
            _check_new(row, sociallogin)

    def authenticate_by_email(self, sociallogin: SocialLogin) -> tuple[User, str] | None:
        """An account that nobody can enter by another way, found by an address that the provider
        verified and is trusted with. Whoever has a password signs in and connects the two."""
        row = _row(sociallogin)
        address = _address(sociallogin)
        if not (row.trust_email and address):
            return None
        user = User.objects.filter(email__iexact=address, kind=User.Kind.PERSON).first()
        if user is None or user.has_usable_password() or user.role == Role.OWNER:
            return None
        return user, address

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        return bool(_row(sociallogin).create_users)

    def save_user(self, request: HttpRequest, sociallogin: SocialLogin, form: Any = None) -> User:
        """A new account. Without a verified address it has none: addresses are not to be taken."""
        row = _row(sociallogin)
        told = sociallogin.account.extra_data
        user: User = sociallogin.user
        user.email = _address(sociallogin)
        user.username = username_for(user.email or f"{row.slug}-{sociallogin.account.uid}")
        user.display_name = str(told.get("name") or told.get("preferred_username") or "")[:128]
        user.role = role_of_groups(row, told["groups"])
        user.set_unusable_password()
        sociallogin.save(request)
        waitlist_leave(user)
        audit("user.create", user, {"role": user.role, "provider": row.slug})
        return user

    # Who does not

    def on_authentication_error(
        self,
        request: HttpRequest,
        provider: Any,
        error: Any = None,
        exception: Any = None,
        extra_context: Any = None,
    ) -> None:
        """Back to the page that asked, or to the sign-in page, with a code."""
        code, detail = _reason(error, exception)
        slug = getattr(provider, "sub_id", str(provider or ""))
        facts = {"provider": slug[:64], "code": code, "detail": detail[:200]}
        audit("session.refused", facts=facts, result=AuditEvent.Result.REFUSED)
        state = (extra_context or {}).get("state") or {}
        target = state.get("next") or settings.LOGIN_URL
        glue = "&" if "?" in target else "?"
        raise ImmediateHttpResponse(
            HttpResponseRedirect(f"{target}{glue}{urlencode({'error': code})}")
        )


def _app(row: OidcProvider) -> SocialApp:
    """The row as allauth reads it, never saved: its own table keeps secrets as they are."""
    return SocialApp(
        provider=OidcSignIn.id,
        provider_id=row.slug,
        name=row.name,
        client_id=row.client_id,
        secret=sealed_get(row, "client_secret"),
        settings={
            "server_url": row.issuer,
            "allow_private": row.allow_private,
            "scope": row.scopes,
            "group_claim": row.group_claim,
            "oauth_pkce_enabled": True,
        },
    )


def _row(sociallogin: SocialLogin) -> OidcProvider:
    return OidcProvider.objects.get(slug=sociallogin.account.provider, enabled=True)


def _address(sociallogin: SocialLogin) -> str:
    """The address that the provider verified, or nothing."""
    return str(sociallogin.email_addresses[0].email) if sociallogin.email_addresses else ""


def _check_domain(row: OidcProvider, sociallogin: SocialLogin) -> None:
    domain = _address(sociallogin).rpartition("@")[2].lower()
    if row.allowed_domains and domain not in row.allowed_domains:
        raise _refused(refusals.DOMAIN, row)


def _check_open(user: User, row: OidcProvider) -> None:
    if not user.is_active or user.kind != User.Kind.PERSON:
        raise _refused(refusals.DISABLED, row, user)


def _check_new(row: OidcProvider, sociallogin: SocialLogin) -> None:
    address = _address(sociallogin)
    if address and User.objects.filter(email__iexact=address).exists():
        raise _refused(refusals.LINK_FIRST, row)
    if not row.create_users:
        raise _refused(refusals.NO_ACCOUNT, row)


def _follow_groups(user: User, row: OidcProvider, sociallogin: SocialLogin) -> None:
    """At each sign-in. An owner's role is no group's business."""
    if not row.group_role_map or user.role == Role.OWNER:
        return
    role = role_of_groups(row, sociallogin.account.extra_data["groups"])
    user.role = user_set_role(user, role, by=None).role


def _refused(code: str, row: OidcProvider, user: User | None = None) -> ValidationError:
    facts = {"provider": row.slug, "code": code}
    audit("session.refused", user, facts, result=AuditEvent.Result.REFUSED)
    return ValidationError("This identity provider does not let you in.", code=code)


def _reason(error: Any, exception: Any) -> tuple[str, str]:
    if isinstance(exception, OidcRefused):
        return exception.code, exception.detail
    if error == AuthError.CANCELLED:
        return refusals.CANCELLED, ""
    return refusals.FAILED, type(exception).__name__ if exception else ""
