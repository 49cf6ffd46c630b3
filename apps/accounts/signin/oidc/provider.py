"""allauth's OpenID Connect provider and its callback, with what it leaves out: a nonce, a verified
`id_token`, and answers of the issuer only."""

import time
from base64 import b64encode
from secrets import token_urlsafe
from typing import Any
from urllib.parse import quote_plus

from allauth.account.models import EmailAddress
from allauth.socialaccount.helpers import render_authentication_error
from allauth.socialaccount.models import SocialApp, SocialLogin, SocialToken
from allauth.socialaccount.providers.oauth2.client import OAuth2Client
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import add_never_cache_headers
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from apps.accounts.signin.oidc import refusals
from apps.accounts.signin.oidc.refusals import OidcRefused
from apps.accounts.signin.oidc.tokens import Place, id_token_verified

STATE_TTL_S = 300
_KEPT = ("name", "preferred_username", "email", "email_verified")


class _TokenClient(OAuth2Client):  # type: ignore[misc]  # the package is untyped
    """Asks the token endpoint, over connections that are checked."""

    place: Place

    def get_access_token(
        self, code: str, pkce_code_verifier: str | None = None, extra_data: Any = None
    ) -> dict[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.callback_url,
            "code_verifier": pkce_code_verifier or "",
        }
        headers = {}
        if self.basic_auth and self.consumer_secret:
            pair = f"{quote_plus(self.consumer_key)}:{quote_plus(self.consumer_secret)}"
            headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
        else:
            form["client_id"] = self.consumer_key
            form["client_secret"] = self.consumer_secret
        found = self.place.fetch(
            self.access_token_url,
            method="POST",
            headers=headers,
            form={name: value for name, value in form.items() if value},
        )
        if not isinstance(found.get("access_token"), str):
            raise OidcRefused(refusals.TOKEN_INVALID, "there is no access token")
        return found


class OidcFlow(OpenIDConnectOAuth2Adapter):  # type: ignore[misc]  # the package is untyped
    client_class = _TokenClient
    nonce = ""

    @property
    def place(self) -> Place:
        settings = self.get_provider().app.settings
        return Place(issuer=settings["server_url"], allow_private=settings["allow_private"])

    @property
    def openid_config(self) -> dict[str, Any]:
        if not hasattr(self, "_openid_config"):
            self._openid_config = self.place.configuration()
        return dict(self._openid_config)

    def get_client(self, request: HttpRequest, app: SocialApp) -> Any:
        client = super().get_client(request, app)
        client.place = self.place
        return client

    def get_callback_url(self, request: HttpRequest, app: SocialApp) -> str:
        path = reverse("oidc-callback", kwargs={"provider_id": self.provider_id})
        return request.build_absolute_uri(path)

    def complete_login(
        self, request: HttpRequest, app: SocialApp, token: SocialToken, **kwargs: Any
    ) -> SocialLogin:
        """Raises OidcRefused. Without a good `id_token` nobody comes in, whatever else is told."""
        id_token = kwargs["response"].get("id_token")
        if not isinstance(id_token, str):
            raise OidcRefused(refusals.TOKEN_INVALID, "there is no id_token")
        configuration = self.openid_config
        claims = id_token_verified(
            id_token,
            keys=self.place.keys(configuration),
            issuer=configuration["issuer"],
            client_id=app.client_id,
            nonce=self.nonce,
        )
        told = self._userinfo(configuration, token.token, claims["sub"])
        return self.get_provider().sociallogin_from_response(request, merged(claims, told))

    def _userinfo(
        self, configuration: dict[str, Any], access_token: str, subject: str
    ) -> dict[str, Any]:
        """What else it tells of the same person; nothing when it has no such endpoint."""
        url = configuration.get("userinfo_endpoint")
        if not isinstance(url, str):
            return {}
        told = self.place.fetch(url, headers={"Authorization": f"Bearer {access_token}"})
        if told.get("sub") != subject:
            raise OidcRefused(refusals.TOKEN_INVALID, "its userinfo is of another person")
        return told


def merged(claims: dict[str, Any], told: dict[str, Any]) -> dict[str, Any]:
    """One set of claims; the signed ones win. An address and its being verified stay together."""
    found = {**told, **claims}
    source = claims if "email" in claims else told
    found["email"] = source.get("email")
    found["email_verified"] = source.get("email_verified") is True
    return found


class OidcSignIn(OpenIDConnectProvider):  # type: ignore[misc]  # the package is untyped
    """A provider as allauth sees it, for one request."""

    oauth2_adapter_class = OidcFlow
    pkce_enabled_default = True
    supports_token_authentication = False  # a token that came by another way has no nonce of ours

    def redirect(
        self,
        request: HttpRequest,
        process: str,
        next_url: str | None = None,
        data: Any = None,
        **kwargs: Any,
    ) -> Any:
        """A page that leads there. Browsers hold a form's redirects to `form-action`, which names
        our own origin only; a page's own way onward they do not."""
        nonce = token_urlsafe(24)
        kwargs["auth_params"] = {**self.get_auth_params(), "nonce": nonce}
        kwargs["scope"] = self.get_scope()
        try:
            there = super().redirect(
                request, process, next_url, data, nonce=nonce, asked_at=time.time(), **kwargs
            )
        except OidcRefused as exc:
            return render_authentication_error(
                request, self, exception=exc, extra_context={"state": {"next": next_url}}
            )
        facts = {"name": self.app.name, "target": there.url}
        page = render(request, "accounts/leaving.html", facts)
        add_never_cache_headers(page)
        return page

    def extract_extra_data(self, data: dict[str, Any]) -> dict[str, Any]:
        kept = {name: data[name] for name in _KEPT if data.get(name) is not None}
        groups = data.get(self.app.settings["group_claim"])
        if isinstance(groups, str):
            groups = [groups]
        found = [str(group) for group in groups] if isinstance(groups, list) else []
        return {**kept, "groups": found}

    def extract_email_addresses(self, data: dict[str, Any]) -> list[EmailAddress]:
        """Only what it verified: an address that anybody may type in says nothing."""
        if not data.get("email") or not data["email_verified"]:
            return []
        return [EmailAddress(email=str(data["email"]), verified=True, primary=True)]

    def extract_common_fields(self, data: dict[str, Any]) -> dict[str, Any]:
        common: dict[str, Any] = super().extract_common_fields(data)
        if not data["email_verified"]:
            common["email"] = None
        return common


class OidcCallback(OAuth2CallbackView):  # type: ignore[misc]  # the package is untyped
    """Where the browser comes back. The state is of this browser and at most five minutes old."""

    _next = ""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().dispatch(request, *args, **kwargs)
        except OidcRefused as exc:
            provider = self.adapter.get_provider()
            return render_authentication_error(
                request, provider, exception=exc, extra_context={"state": {"next": self._next}}
            )

    def _get_state(self, request: HttpRequest, provider: OidcSignIn) -> tuple[Any, Any]:
        """Raises OidcRefused."""
        state, _ = super()._get_state(request, provider)
        if state is None:
            raise OidcRefused(refusals.STATE, "unknown")
        self._next = state.get("next") or ""
        if time.time() - state["asked_at"] > STATE_TTL_S:
            raise OidcRefused(refusals.STATE, "too old")
        issuer = request.GET.get("iss")
        if issuer is not None and issuer != provider.app.settings["server_url"]:
            raise OidcRefused(refusals.TOKEN_INVALID, "the answer is of another issuer")
        self.adapter.nonce = state["nonce"]
        return state, None


@require_safe
@never_cache
def oidc_callback(request: HttpRequest, provider_id: str) -> HttpResponse:
    try:
        view = OidcCallback.adapter_view(OidcFlow(request, provider_id))
        answer: HttpResponse = view(request)
    except SocialApp.DoesNotExist:
        raise Http404 from None
    return answer
