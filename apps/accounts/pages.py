"""One-time links: one signs a browser in, one puts an address on the waitlist."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from apps.accounts.brake import brake
from apps.accounts.services import login_ticket_use, login_ticket_valid
from apps.accounts.services.waitlist import waitlist_confirm
from apps.accounts.signin.browser import sign_in
from apps.core.errors import DjinnError


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


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def waitlist_page(request: HttpRequest, token: str) -> HttpResponse:
    """A button, as programs that look at mails open their links."""
    if request.method != "POST":
        return render(request, "accounts/waitlist.html", {"asks": True})
    try:
        brake("waitlist-confirm", request)
    except DjinnError as exc:
        return render(request, "accounts/waitlist.html", {"problem": exc.message}, status=429)
    is_good = waitlist_confirm(token)
    return render(
        request, "accounts/waitlist.html", {"is_good": is_good}, status=200 if is_good else 410
    )


def _safe_next(request: HttpRequest) -> str:
    """Where to go then: a path of ours, never another site."""
    target = request.GET.get("next", "")
    safe = url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return target if safe else settings.LOGIN_REDIRECT_URL
