"""Each page is a shell; its script fetches from the API with the browser's session."""

from collections.abc import Callable

from django.contrib.auth.decorators import login_required, user_passes_test
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

Page = Callable[..., HttpResponse]


def page(view: Page) -> Page:
    """A page for people who have signed in. It sets the CSRF cookie, which scripts send back."""
    return require_safe(never_cache(login_required(_own_password(ensure_csrf_cookie(view)))))


# An API that refuses every call would make an empty page of it.
_own_password = user_passes_test(
    lambda user: not getattr(user, "must_change_password", False),
    login_url=reverse_lazy("account_change_password"),
)


@page
def runs_page(request: HttpRequest) -> HttpResponse:
    return render(request, "pages/runs.html")


@page
def run_page(request: HttpRequest, run_id: str) -> HttpResponse:
    return render(request, "pages/run.html", {"run_id": run_id})
