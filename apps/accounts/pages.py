"""The pages on which a person comes in and goes out."""

from typing import Any

from allauth.account.internal.decorators import login_stage_required
from allauth.account.views import (
    LoginView,
    PasswordChangeView,
    PasswordResetFromKeyView,
    PasswordResetView,
)
from allauth.mfa.base.views import AuthenticateView, TrustView
from allauth.mfa.stages import TrustStage
from django import forms
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import LogoutView
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_safe
from django.views.generic import FormView

from apps.accounts.brake import brake
from apps.accounts.instance import owner_get_or_create
from apps.accounts.models import User
from apps.accounts.selectors import sign_in_providers
from apps.accounts.services import (
    invite_accept,
    login_ticket_use,
    login_ticket_valid,
    setup_complete,
    setup_is_needed,
)
from apps.accounts.signin.browser import sign_in
from apps.core.api.local import is_from_this_machine
from apps.core.errors import DjinnError
from apps.core.problems import PROBLEMS


@method_decorator(never_cache, name="dispatch")
class SignInPage(LoginView):  # type: ignore[misc]  # the package is untyped
    """Password, or a passkey; a second factor follows on the page after it."""

    template_name = "accounts/login.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return {
            **super().get_context_data(**kwargs),
            "setup_needed": setup_is_needed(),
            "providers": sign_in_providers(),
            "refusal": PROBLEMS.get(self.request.GET.get("error", "")),
        }


@method_decorator(never_cache, name="dispatch")
class SecondFactorPage(AuthenticateView):  # type: ignore[misc]  # the package is untyped
    template_name = "accounts/second_factor.html"


@method_decorator(
    [never_cache, login_stage_required(stage=TrustStage.key, redirect_urlname="account_login")],
    name="dispatch",
)
class TrustPage(TrustView):  # type: ignore[misc]  # the package is untyped
    """Whether this browser is asked for a second factor the next time too."""

    template_name = "accounts/trust.html"


@method_decorator([never_cache, login_required], name="dispatch")
class PasswordPage(PasswordChangeView):  # type: ignore[misc]  # the package is untyped
    """A new password: also for who must choose one before anything else."""

    template_name = "accounts/password.html"
    success_url = "/"


@method_decorator(never_cache, name="dispatch")
class ForgottenPage(PasswordResetView):  # type: ignore[misc]  # the package is untyped
    template_name = "accounts/forgotten.html"
    success_url = "/login/forgotten/?sent=1"


@method_decorator(never_cache, name="dispatch")
class ResetPage(PasswordResetFromKeyView):  # type: ignore[misc]  # the package is untyped
    """Opened from the mail: the key goes from the address into the session at once."""

    template_name = "accounts/reset.html"
    success_url = "/login/"


class SignOutPage(LogoutView):
    http_method_names = ["post"]


class AccountForm(forms.Form):
    display_name = forms.CharField(label="Your name", max_length=128, required=False)
    password = forms.CharField(
        label="Password",
        max_length=1024,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="At least 12 characters.",
    )


class SetupForm(AccountForm):
    email = forms.EmailField(
        label="E-mail address", widget=forms.EmailInput(attrs={"autocomplete": "username"})
    )
    field_order = ("email", "display_name", "password")


@method_decorator([never_cache, sensitive_post_parameters()], name="dispatch")
class _EntryPage(FormView):  # type: ignore[type-arg]  # not subscriptable at run time
    """A form that makes or completes an account and signs in."""

    what = ""

    def enter(self, form: AccountForm) -> User:
        raise NotImplementedError

    def form_valid(self, form: AccountForm) -> HttpResponse:
        try:
            brake(self.what, self.request)
            user = self.enter(form)
        except DjinnError as exc:
            form.add_error(None, exc.message)
            return self.form_invalid(form)
        sign_in(self.request, user)
        return HttpResponseRedirect(settings.LOGIN_REDIRECT_URL)


class SetupPage(_EntryPage):
    """The first visit."""

    what = "setup"
    template_name = "accounts/setup.html"
    form_class = SetupForm

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if not setup_is_needed():
            return HttpResponseRedirect(settings.LOGIN_URL)
        return super().dispatch(request, *args, **kwargs)

    def enter(self, form: AccountForm) -> User:
        token = self.request.GET.get("token", "")
        return setup_complete(
            owner=owner_get_or_create(),
            token=token or (None if is_from_this_machine(self.request) else ""),
            **form.cleaned_data,
        )


class InvitePage(_EntryPage):
    what = "invite"
    template_name = "accounts/invite.html"
    form_class = AccountForm

    def enter(self, form: AccountForm) -> User:
        return invite_accept(token=self.request.GET.get("token", ""), **form.cleaned_data)


@require_safe
@never_cache
def ticket_page(request: HttpRequest, ticket: str) -> HttpResponse:
    """Sign in by a one-time link. Previews of links send HEAD, which uses nothing up."""
    if request.method == "HEAD":
        return HttpResponse(status=200 if login_ticket_valid(ticket) else 410)
    user = login_ticket_use(ticket)
    if user is None:
        return render(request, "accounts/link_used.html", status=410)
    sign_in(request, user)
    return HttpResponseRedirect(_safe_next(request))


def _safe_next(request: HttpRequest) -> str:
    """Where to go then: a path of ours, never another site."""
    target = request.GET.get("next", "")
    safe = url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return target if safe else settings.LOGIN_REDIRECT_URL
