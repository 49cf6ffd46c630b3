"""Addresses that a person opens."""

from urllib.parse import urlencode

from django.conf import settings
from django.urls import reverse


def login_link(ticket: str, next_path: str = "") -> str:
    """The one-time address that signs a browser in, and where it goes from there."""
    query = f"?{urlencode({'next': next_path})}" if next_path else ""
    return f"{settings.BASE_URL}{reverse('login-ticket', args=[ticket])}{query}"


def setup_link(token: str) -> str:
    """Where the first visitor becomes the owner."""
    return f"{settings.BASE_URL}{reverse('setup')}?{urlencode({'token': token})}"


def waitlist_link(token: str) -> str:
    """Where a person confirms that the address on the waitlist is theirs."""
    return f"{settings.BASE_URL}{reverse('waitlist-confirm', args=[token])}"


def reset_link(key: str) -> str:
    """Where a person chooses a new password."""
    path = reverse("account_reset_password_from_key", args=[key])
    return f"{settings.BASE_URL}{path}"


def oidc_callback_link(slug: str) -> str:
    """Where an identity provider sends people back to."""
    return f"{settings.BASE_URL}{reverse('oidc-callback', args=[slug])}"


def invite_link(token: str) -> str:
    """Where an invited person makes their account."""
    return f"{settings.BASE_URL}{reverse('invite')}?{urlencode({'token': token})}"


def device_link(code: str = "") -> str:
    """Where a person lets a program in."""
    query = f"?{urlencode({'code': code})}" if code else ""
    return f"{settings.BASE_URL}{reverse('device')}{query}"
