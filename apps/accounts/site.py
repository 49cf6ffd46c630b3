"""The site of Django's admin."""

import re
from collections.abc import Callable
from functools import update_wrapper
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.cache import add_never_cache_headers
from unfold.sites import UnfoldAdminSite

from apps.accounts.signin.fresh import is_fresh
from apps.core.api.callers import caller_of

_SECRET = re.compile(r"password|secret|token|(^|[-_])(key|code)$", re.IGNORECASE)
View = Callable[..., HttpResponse]


class AdminSite(UnfoldAdminSite):  # type: ignore[misc]  # unfold is untyped
    def has_permission(self, request: HttpRequest) -> bool:
        """As over the API: nobody who must first change the password or set up a second factor."""
        return super().has_permission(request) and caller_of(request).is_admin

    def admin_view(self, view: View, cacheable: bool = False) -> View:
        """Changes only shortly after showing who one is. Who showed it too long ago does so, and
        sends what they typed once more."""
        asked = super().admin_view(view, cacheable)

        def asking_again(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if self._is_stale(request):
                return _again(request)
            answer: HttpResponse = asked(request, *args, **kwargs)
            return answer

        return update_wrapper(asking_again, view)

    def _is_stale(self, request: HttpRequest) -> bool:
        if request.method in {"GET", "HEAD"} or not self.has_permission(request):
            return False
        leaves = request.path == reverse("admin:logout", current_app=self.name)
        return not leaves and not is_fresh(caller_of(request))

    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """By our own page: Django's asks for no second factor, and counts no tries."""
        if request.user.is_authenticated:  # and may not do this now
            raise PermissionDenied
        return redirect_to_login(request.GET.get("next", reverse("admin:index")))

    def password_change(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        return redirect("account_change_password")


def _again(request: HttpRequest) -> HttpResponse:
    """A page that leads to the proof, in another tab, and holds what was typed. Files are chosen
    anew, and secrets are typed anew: no page of ours shows one."""
    typed = [
        (name, value)
        for name, values in request.POST.lists()
        for value in values
        if name != "csrfmiddlewaretoken" and not _SECRET.search(name)
    ]
    hidden = any(_SECRET.search(name) for name in request.POST if name != "csrfmiddlewaretoken")
    facts = {
        "typed": typed,
        "has_more": bool(request.FILES) or hidden,
        "path": request.get_full_path(),
    }
    page = render(request, "accounts/again.html", facts, status=403)
    add_never_cache_headers(page)
    return page
