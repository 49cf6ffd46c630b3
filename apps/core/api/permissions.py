"""Deny by default: a view that does not say who may call it is called by nobody."""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.utils.module_loading import import_string
from rest_framework.exceptions import MethodNotAllowed, NotAuthenticated
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from apps.core.api.callers import Caller, caller_of
from apps.core.errors import Forbidden

if TYPE_CHECKING:
    from rest_framework.views import APIView  # it imports this module


def declared(view: Any, name: str, method: str | None = None) -> Any:
    """A view's declaration `name`: one value, or a mapping by action or by HTTP method."""
    value = getattr(view, name, None)
    if not isinstance(value, Mapping):
        return value
    action = getattr(view, "action", None)
    key = action if action in value else (method or "").upper()
    if key == "HEAD" and key not in value:
        key = "GET"
    return value.get(key, value.get("*"))


class CallersAndScope(BasePermission):
    """Check `callers` and `scope` of the view, or of its action, against the caller."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        caller = caller_of(request)
        method = (request.method or "").lower()
        if method not in view.http_method_names or not hasattr(view, method):
            raise MethodNotAllowed(request.method or "")
        callers: Collection[str] | None = declared(view, "callers", request.method)
        scope: str | None = declared(view, "scope", request.method)
        if not callers or not scope:
            return _refuse(caller, "This call is not open to anybody.")
        if caller.may(callers, scope) or ("anonymous" in callers and caller.is_known):
            if declared(view, "reauthentication", request.method):
                _proved_again(caller)
            return True
        owed = _owed_first(caller) if "user" in caller.kinds else None
        if owed is not None:
            if "user" in callers and declared(view, "before_first_steps", request.method):
                return True
            raise owed
        if not caller.kinds & set(callers):
            return _refuse(caller, "This call is not open to callers of your kind.")
        raise Forbidden(
            f"Your key lacks the scope “{scope}”.", code="missing_scope", missing_scope=scope
        )


def _proved_again(caller: Caller) -> None:
    """Raises Forbidden when the session's person has not shown lately who they are."""
    if not import_string(settings.FRESHNESS_CHECK)(caller):
        raise Forbidden(
            "Show your password or a second factor once more.", code="reauthentication_required"
        )


def _owed_first(caller: Caller) -> Forbidden | None:
    """What this person must do before anything else is open to them."""
    if getattr(caller.user, "must_change_password", False):
        return Forbidden("Change your password first.", code="password_change_required")
    if getattr(caller.user, "lacks_second_factor", False):
        return Forbidden("Set up a second factor first.", code="second_factor_required")
    return None


def _refuse(caller: Caller, message: str) -> bool:
    if not caller.is_known:
        raise NotAuthenticated
    raise Forbidden(message)
