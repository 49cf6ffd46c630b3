"""Each page is a shell; its script fetches from the API with the browser's session."""

from collections.abc import Callable

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

Page = Callable[..., HttpResponse]


def page(view: Page) -> Page:
    """A page for people who have signed in. It sets the CSRF cookie, which scripts send back."""
    return require_safe(never_cache(login_required(ensure_csrf_cookie(view))))


@page
def runs_page(request: HttpRequest) -> HttpResponse:
    return render(request, "pages/runs.html")


@page
def run_page(request: HttpRequest, run_id: str) -> HttpResponse:
    return render(request, "pages/run.html", {"run_id": run_id})
