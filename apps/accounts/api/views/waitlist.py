"""The waitlist: one route for the world, the others for administrators."""

from django.http import StreamingHttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.serializers import (
    WaitlistBulkResultSerializer,
    WaitlistBulkSerializer,
    WaitlistEntrySerializer,
    WaitlistInvitedSerializer,
    WaitlistJoinSerializer,
)
from apps.accounts.brake import HOUR_S, brake
from apps.accounts.selectors import waitlist_list
from apps.accounts.services.waitlist import waitlist_delete, waitlist_invite, waitlist_join
from apps.core.api.callers import ADMINS, ANYONE
from apps.core.api.csv import CSV, csv_response
from apps.core.api.input import parsed
from apps.core.api.pagination import CursorPage
from apps.core.api.views import ApiView
from apps.core.errors import UserError

_EXPORTED = ("email", "note", "status", "created_at", "invited_at", "registered_at")


class WaitlistView(ApiView):
    callers = {"GET": ADMINS, "POST": ANYONE}
    scope = {"GET": "admin", "POST": "account"}
    paged = {"GET": True}
    ordering = ("-created_at", "-id")
    idempotency = "off"

    @extend_schema(operation_id="waitlist_list", responses=WaitlistEntrySerializer(many=True))
    def get(self, request: Request) -> Response:
        """Who asked to be let in, the latest first."""
        page = CursorPage()
        rows = page.paginate_queryset(waitlist_list(), request, self)
        return page.get_paginated_response(WaitlistEntrySerializer(rows, many=True).data)

    @extend_schema(
        operation_id="waitlist_join", request=WaitlistJoinSerializer, responses={202: None}
    )
    def post(self, request: Request) -> Response:
        """Ask to be let in. The answer is the same for who asked before, or has an account."""
        body = parsed(WaitlistJoinSerializer, request)
        brake("waitlist", request._request, tries=5, window_s=HOUR_S)
        brake("waitlist", request._request, tries=3, window_s=HOUR_S, of=body["email"].lower())
        if not body["website"]:  # a field that people do not see, and programs fill in
            waitlist_join(email=body["email"], note=body["note"])
        return Response(status=202)


class WaitlistExportView(ApiView):
    callers = ADMINS
    scope = "admin"

    @extend_schema(operation_id="waitlist_export", responses={(200, "text/csv"): CSV})
    def get(self, request: Request) -> StreamingHttpResponse:
        """The same as CSV, who asked first at the top."""
        rows = waitlist_list().order_by("created_at", "pk").iterator(chunk_size=500)
        told = ({name: getattr(row, name) for name in _EXPORTED} for row in rows)
        return csv_response(told, _EXPORTED, name="waitlist")


class WaitlistEntryView(ApiView):
    callers = ADMINS
    scope = "admin"

    @extend_schema(operation_id="waitlist_delete", responses={204: None})
    def delete(self, request: Request, entry_id: str) -> Response:
        """Take an entry off the list."""
        waitlist_delete(entry_id)
        return Response(status=204)


class WaitlistInviteView(ApiView):
    callers = ADMINS
    scope = "admin"
    reauthentication = True
    idempotency = "off"  # an answer that is kept would be a secret that is kept

    @extend_schema(
        operation_id="waitlist_invite", request=None, responses={201: WaitlistInvitedSerializer}
    )
    def post(self, request: Request, entry_id: str) -> Response:
        """Invite them, by mail. Without a mail server you get the link, to send it yourself."""
        row, link = waitlist_invite(entry_id, by=self.caller.user)
        return Response({**WaitlistEntrySerializer(row).data, "url": link}, status=201)


class WaitlistBulkView(ApiView):
    callers = ADMINS
    scope = "admin"
    reauthentication = True
    idempotency = "off"  # as above

    @extend_schema(
        operation_id="waitlist_invite_bulk",
        request=WaitlistBulkSerializer,
        responses=WaitlistBulkResultSerializer,
    )
    def post(self, request: Request) -> Response:
        """Invite several. One that cannot be invited holds up no other."""
        ids = parsed(WaitlistBulkSerializer, request)["ids"]
        return Response({"items": [self._invited(entry_id) for entry_id in ids]})

    def _invited(self, entry_id: str) -> dict[str, object]:
        try:
            _, link = waitlist_invite(entry_id, by=self.caller.user)
        except UserError as exc:
            return {"id": entry_id, "ok": False, "code": exc.code, "url": ""}
        return {"id": entry_id, "ok": True, "code": "", "url": link}
