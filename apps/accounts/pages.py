"""The one-time link that signs a browser in."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from apps.accounts.services import login_ticket_use, login_ticket_valid
from apps.accounts.signin.browser import sign_in


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
