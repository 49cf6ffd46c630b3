"""The site of Django's admin."""

from django.http import HttpRequest
from unfold.sites import UnfoldAdminSite

from apps.core.api.callers import caller_of


class AdminSite(UnfoldAdminSite):  # type: ignore[misc]  # unfold is untyped
    def has_permission(self, request: HttpRequest) -> bool:
        """As over the API: nobody who must first change the password or set up a second factor."""
        return super().has_permission(request) and caller_of(request).is_admin
