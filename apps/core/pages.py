"""Pages for people and machines beside the API."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views import csrf
from django.views.decorators.http import require_safe

from apps.core.api.errors import API_PREFIX, problem_response
from apps.core.errors import Forbidden
from apps.core.problems import PROBLEMS


@require_safe
def problem_page(request: HttpRequest, code: str) -> HttpResponse:
    """What an error code means. Codes of single features explain themselves in their detail."""
    meaning, remedy = PROBLEMS.get(code, ("", ""))
    return render(
        request,
        "core/problem.html",
        {"code": code, "meaning": meaning, "remedy": remedy, "known": sorted(PROBLEMS)},
        status=200 if meaning else 404,
    )


def csrf_refused(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Under the API's addresses a problem, as for every other refusal there."""
    if request.path.startswith(API_PREFIX):
        return problem_response(Forbidden(f"CSRF Failed: {reason}", code="csrf_failed"), request)
    return csrf.csrf_failure(request, reason)
