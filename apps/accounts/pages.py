"""The pages on which a person signs in and out."""

from typing import Any

from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from apps.accounts.services import login_ticket_use, login_ticket_valid
from apps.accounts.throttle import login_check, login_failed
from apps.core.errors import DjinnError


class SignInForm(AuthenticationForm):
    """The usual form, braked."""

    def clean(self) -> dict[str, Any]:
        username = self.cleaned_data.get("username") or ""
        assert self.request is not None
        try:
            login_check(self.request.META.get("REMOTE_ADDR") or "", username)
        except DjinnError as exc:
            self.add_error(None, exc.message)
            return self.cleaned_data
        return super().clean()

    def get_invalid_login_error(self) -> Any:
        login_failed(self.cleaned_data.get("username") or "")
        return super().get_invalid_login_error()


@method_decorator(never_cache, name="dispatch")
class SignInPage(LoginView):
    template_name = "accounts/login.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True


class SignOutPage(LogoutView):
    http_method_names = ["post"]


@require_safe
@never_cache
def ticket_page(request: HttpRequest, ticket: str) -> HttpResponse:
    """Sign in by a one-time link. Previews of links send HEAD, which uses nothing up."""
    if request.method == "HEAD":
        return HttpResponse(status=200 if login_ticket_valid(ticket) else 410)
    user = login_ticket_use(ticket)
    if user is None:
        return render(request, "accounts/link_used.html", status=410)
    login(request, user, backend=settings.AUTHENTICATION_BACKENDS[0])
    return HttpResponseRedirect(_safe_next(request))


def _safe_next(request: HttpRequest) -> str:
    """Where to go then: a path of ours, never another site."""
    target = request.GET.get("next", "")
    safe = url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return target if safe else settings.LOGIN_REDIRECT_URL
