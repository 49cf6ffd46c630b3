"""The site of Django's admin."""

from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from unfold.sites import UnfoldAdminSite

from apps.accounts.signin.fresh import is_fresh
from apps.core.api.callers import caller_of


class AdminSite(UnfoldAdminSite):  # type: ignore[misc]  # unfold is untyped
    def has_permission(self, request: HttpRequest) -> bool:
        """As over the API: nobody who must first change the password or set up a second factor, and
        changes only shortly after showing who one is."""
        caller = caller_of(request)
        if not (super().has_permission(request) and caller.is_admin):
            return False
        leaves = request.path == reverse("admin:logout", current_app=self.name)
        return request.method in {"GET", "HEAD"} or leaves or is_fresh(caller)

    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """By our own page: Django's asks for no second factor, and counts no tries."""
        if request.user.is_authenticated:  # and may not do this now
            raise PermissionDenied
        return redirect_to_login(request.GET.get("next", reverse("admin:index")))

    def password_change(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        return redirect("account_change_password")
