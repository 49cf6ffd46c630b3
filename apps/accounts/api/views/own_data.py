"""What is kept about oneself: to have, and to have forgotten."""

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.access_token import AccessToken
from apps.accounts.api.serializers import AccountDeleteSerializer, DataExportSerializer
from apps.accounts.models import DataExport
from apps.accounts.services.personal import export_content, export_get_or_start, own_account_erase
from apps.core.api.callers import USERS
from apps.core.api.input import parsed
from apps.core.api.schema import also
from apps.core.api.views import ApiView
from apps.core.errors import Forbidden, Invalid


class DataExportView(ApiView):
    callers = USERS
    scope = "read"

    @extend_schema(
        operation_id="users_me_export",
        responses={200: DataExportSerializer, 202: DataExportSerializer},
    )
    def get(self, request: Request) -> Response:
        """All that is kept about you, as a zip of JSON files: begun when there is none of the last
        day (202; ask again until it is 200 and `done`, or 202 and `failed`)."""
        row = export_get_or_start(self.caller.user)
        is_done = row.status == DataExport.Status.DONE
        return Response(DataExportSerializer(row).data, status=200 if is_done else 202)


class DataExportFileView(ApiView):
    callers = USERS
    scope = "read"

    @extend_schema(
        operation_id="users_me_export_file",
        responses={(200, "application/zip"): OpenApiTypes.BINARY, **also(410)},
    )
    def get(self, request: Request, export_id: str) -> HttpResponse:
        """The zip, to its owner, within a day."""
        content = export_content(self.caller.user, export_id)
        return HttpResponse(
            content,
            content_type="application/zip",
            headers={
                "Content-Disposition": 'attachment; filename="djinnbot-my-data.zip"',
                "Cache-Control": "no-store",
            },
        )


class AccountDeleteView(ApiView):
    callers = USERS
    scope = "account"
    reauthentication = True
    idempotency = "off"

    @extend_schema(
        operation_id="users_me_delete", request=AccountDeleteSerializer, responses={204: None}
    )
    def post(self, request: Request) -> Response:
        """End your account for good, and forget who you were. Not with a key. 409 for the last
        owner."""
        typed = parsed(AccountDeleteSerializer, request)["confirm"].strip().lower()
        caller = self.caller
        if not (caller.browser_session or isinstance(caller.credential, AccessToken)):
            raise Forbidden("A key may not do this: sign in.", code="session_required")
        user = caller.user
        if typed not in {user.email.lower(), user.username.lower()} - {""}:
            raise Invalid("Type your e-mail address, to be sure.", code="not_confirmed")
        own_account_erase(user)
        return Response(status=204)
