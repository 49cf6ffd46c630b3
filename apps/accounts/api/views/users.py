"""Administrators on people."""

from typing import Any

from django.http import StreamingHttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.serializers import (
    AuditEventSerializer,
    AuditFilterSerializer,
    AuditVerdictSerializer,
    UserChangeSerializer,
    UserCreateSerializer,
    UserSerializer,
)
from apps.accounts.audit import audit_verify
from apps.accounts.models import User
from apps.accounts.selectors import audit_list, user_list
from apps.accounts.services import (
    second_factor_reset,
    user_create,
    user_deactivate,
    user_reactivate,
    user_set_role,
)
from apps.accounts.services.personal import user_erase
from apps.core.api.callers import ADMINS
from apps.core.api.csv import CSV, csv_response
from apps.core.api.input import parsed
from apps.core.api.pagination import CursorPage
from apps.core.api.views import ApiView
from apps.core.errors import NotFound

_EXPORTED = (
    *("id", "email", "display_name", "role", "is_active", "has_second_factor"),
    *("date_joined", "last_login", "deactivated_at"),
)


class UsersView(ApiView):
    callers = ADMINS
    scope = "admin"
    reauthentication = {"POST": True}
    paged = {"GET": True}
    ordering = ("-date_joined", "-id")

    @extend_schema(operation_id="admin_users_list", responses=UserSerializer(many=True))
    def get(self, request: Request) -> Response:
        """People, newest first."""
        page = CursorPage()
        rows = page.paginate_queryset(user_list(), request, self)
        return page.get_paginated_response(UserSerializer(rows, many=True).data)

    @extend_schema(
        operation_id="admin_users_create",
        request=UserCreateSerializer,
        responses={201: UserSerializer},
    )
    def post(self, request: Request) -> Response:
        """Make an account. With a password given here, its owner must change it at once."""
        body = parsed(UserCreateSerializer, request)
        user = user_create(
            by=self.caller.user, must_change_password=body["password"] is not None, **body
        )
        return Response(UserSerializer(user).data, status=201)


class UsersExportView(ApiView):
    callers = ADMINS
    scope = "admin"

    @extend_schema(operation_id="admin_users_export", responses={(200, "text/csv"): CSV})
    def get(self, request: Request) -> StreamingHttpResponse:
        """The same as CSV, the oldest first."""
        rows = user_list().order_by("date_joined", "pk").values(*_EXPORTED)
        return csv_response(rows.iterator(chunk_size=500), _EXPORTED, name="people")


def _user(user_id: str) -> User:
    found = user_list().filter(pk=user_id).first()
    if found is None:
        raise NotFound("There is no such user.")
    return found


class UserView(ApiView):
    callers = ADMINS
    scope = "admin"
    reauthentication = {"PATCH": True, "DELETE": True}

    @extend_schema(operation_id="admin_users_retrieve", responses=UserSerializer)
    def get(self, request: Request, user_id: str) -> Response:
        """One person."""
        return Response(UserSerializer(_user(user_id)).data)

    @extend_schema(
        operation_id="admin_users_update", request=UserChangeSerializer, responses=UserSerializer
    )
    def patch(self, request: Request, user_id: str) -> Response:
        """Change a role, let in or shut out. Shutting out ends all sessions and keys at once."""
        user = _user(user_id)
        body: dict[str, Any] = parsed(UserChangeSerializer, request)
        by = self.caller.user
        if "role" in body:
            user = user_set_role(user, body["role"], by=by)
        if "is_active" in body:
            change = user_reactivate if body["is_active"] else user_deactivate
            user = change(user, by=by)
        return Response(UserSerializer(user).data)

    @extend_schema(operation_id="admin_users_delete", responses={204: None})
    def delete(self, request: Request, user_id: str) -> Response:
        """End an account for good and forget who it was. What it started stays, as that of somebody
        who left."""
        user_erase(_user(user_id), by=self.caller.user)
        return Response(status=204)


class SecondFactorResetView(ApiView):
    callers = ADMINS
    scope = "admin"
    reauthentication = True
    idempotency = "off"

    @extend_schema(
        operation_id="admin_users_reset_second_factor", request=None, responses={204: None}
    )
    def post(self, request: Request, user_id: str) -> Response:
        """Take away a person's second factors, for who has lost them."""
        second_factor_reset(_user(user_id), by=self.caller.user)
        return Response(status=204)


class AuditView(ApiView):
    callers = ADMINS
    scope = "admin"
    paged = True
    query = AuditFilterSerializer
    ordering = ("-id",)

    @extend_schema(operation_id="auth_audit_list", responses=AuditEventSerializer(many=True))
    def get(self, request: Request) -> Response:
        """Who did what, newest first."""
        page = CursorPage()
        rows = audit_list().filter(**self.query_values())
        found = page.paginate_queryset(rows, request, self)
        return page.get_paginated_response(AuditEventSerializer(found, many=True).data)


class AuditVerifyView(ApiView):
    callers = ADMINS
    scope = "admin"

    @extend_schema(operation_id="auth_audit_verify", responses=AuditVerdictSerializer)
    def get(self, request: Request) -> Response:
        """Walk the whole log: whether no row was changed, added or taken out."""
        return Response(AuditVerdictSerializer(audit_verify()).data)
