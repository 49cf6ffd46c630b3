"""Pages for people and machines beside the API."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

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
