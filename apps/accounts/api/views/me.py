"""One's own account: profile, sessions, signing out everywhere."""

from typing import Any

from django.contrib.auth import logout
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.access_token import AccessToken
from apps.accounts.api.serializers import (
    BrowserSessionSerializer,
    MeSerializer,
    ProfileChangeSerializer,
    VisitedSerializer,
    VisitSerializer,
)
from apps.accounts.services import profile_change, visit
from apps.accounts.sessions import (
    browser_session_drop,
    browser_session_end,
    browser_session_list,
    browser_sessions_end,
)
from apps.core.api.callers import USERS, USERS_AND_SESSIONS, Caller
from apps.core.api.input import parsed
from apps.core.api.views import ApiView


class MeView(ApiView):
    callers = {"GET": USERS_AND_SESSIONS, "PATCH": USERS}
    scope = {"GET": "read", "PATCH": "account"}
    before_first_steps = {"GET": True}

    @extend_schema(operation_id="auth_me", responses={200: MeSerializer})
    def get(self, request: Request) -> Response:
        """Who calls, and with which scopes."""
        return Response(me_of(self.caller))

    @extend_schema(
        operation_id="auth_me_update",
        request=ProfileChangeSerializer,
        responses={200: MeSerializer},
    )
    def patch(self, request: Request) -> Response:
        """Change your name, language, time zone or preferences."""
        profile_change(self.caller.user, parsed(ProfileChangeSerializer, request, partial=True))
        return Response(me_of(self.caller))


def me_of(caller: Caller) -> dict[str, object]:
    user = caller.user
    return {
        "kind": "session" if "session" in caller.kinds else "user",
        "id": user.pk,
        "username": user.get_username() or str(user),
        "email": getattr(user, "email", ""),
        "display_name": getattr(user, "display_name", ""),
        "locale": getattr(user, "locale", ""),
        "timezone": getattr(user, "timezone", ""),
        "preferences": getattr(user, "preferences", {}),
        "role": getattr(user, "role", ""),
        "is_admin": caller.is_admin,
        "scopes": sorted(caller.scopes),
        "second_factor": getattr(user, "has_second_factor", False),
        "second_factor_needed": getattr(user, "lacks_second_factor", False),
        "must_change_password": getattr(user, "must_change_password", False),
        "session_id": getattr(caller.credential, "session_id", ""),
        "agent_id": getattr(caller.credential, "agent_id", ""),
    }


class VisitView(ApiView):
    callers = USERS
    scope = "account"
    idempotency = "off"  # asked again, it is another moment

    @extend_schema(
        operation_id="auth_visit", request=VisitSerializer, responses={200: VisitedSerializer}
    )
    def post(self, request: Request) -> Response:
        """You look at the dashboard now. Says what of it is new to you.

        Who comes back after half an hour or more finds new what happened since they were last here.
        """
        seen = parsed(VisitSerializer, request)["seen"]
        return Response({"since": visit(self.caller.user, seen=seen)})


class BrowserSessionsView(ApiView):
    callers = USERS
    scope = {"GET": "read", "DELETE": "account"}

    @extend_schema(
        operation_id="auth_sessions_list", responses={200: BrowserSessionSerializer(many=True)}
    )
    def get(self, request: Request) -> Response:
        """Where you are signed in: browsers and programs, the last used first."""
        rows = browser_session_list(self.caller.user)
        return Response([_session(row, _own_key(self.caller)) for row in rows])

    @extend_schema(operation_id="auth_logout_all", responses={204: None})
    def delete(self, request: Request) -> Response:
        """End all your sessions but this one."""
        browser_sessions_end(self.caller.user, but=_own_key(self.caller))
        return Response(status=204)


class BrowserSessionView(ApiView):
    callers = USERS
    scope = "account"

    @extend_schema(operation_id="auth_sessions_end", responses={204: None})
    def delete(self, request: Request, session_id: str) -> Response:
        """End one of your sessions at once."""
        browser_session_end(self.caller.user, session_id)
        return Response(status=204)


class LogoutView(ApiView):
    callers = USERS
    scope = "account"
    before_first_steps = True
    idempotency = "off"

    @extend_schema(operation_id="auth_logout", request=None, responses={204: None})
    def post(self, request: Request) -> Response:
        """End the session that this call came with."""
        if isinstance(self.caller.credential, AccessToken):
            browser_session_drop(self.caller.credential.session_key)
        elif self.caller.browser_session:
            logout(request._request)
        return Response(status=204)


def _own_key(caller: Caller) -> str:
    if isinstance(caller.credential, AccessToken):
        return caller.credential.session_key
    return caller.browser_session


def _session(row: Any, own_key: str) -> dict[str, object]:
    return {
        "id": row.pk,
        "ip": row.ip,
        "user_agent": row.user_agent,
        "created_at": row.created_at,
        "last_seen_at": row.last_seen_at,
        "is_current": row.session_key == own_key,
    }
