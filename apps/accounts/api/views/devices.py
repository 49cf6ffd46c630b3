"""Programs without a browser: they wait while their person lets them in, in one elsewhere."""

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.serializers import (
    DeviceBeginSerializer,
    DeviceBegunSerializer,
    DeviceDecideSerializer,
    DeviceSeenSerializer,
    DeviceTokenSerializer,
    TokenPairSerializer,
)
from apps.accounts.brake import brake
from apps.accounts.links import device_link
from apps.accounts.services.devices import (
    DEVICE_TTL,
    POLL_S,
    device_begin,
    device_decide,
    device_use,
    device_waiting,
    shown_code,
)
from apps.accounts.signin.browser import program_sign_in
from apps.core.api.callers import ANYONE, USERS
from apps.core.api.input import parsed
from apps.core.api.views import ApiView
from apps.core.errors import Forbidden


class DeviceView(ApiView):
    callers = ANYONE
    scope = "account"
    idempotency = "off"  # an answer that is kept would be a secret that is kept

    @extend_schema(
        operation_id="auth_device_begin",
        request=DeviceBeginSerializer,
        responses={201: DeviceBegunSerializer},
    )
    def post(self, request: Request) -> Response:
        """Begin to sign a program in: show its person the address and the code, and ask for tokens
        until they have answered there. As RFC 8628 has it, but with JSON bodies."""
        brake("device", request._request)
        row, secret = device_begin(**parsed(DeviceBeginSerializer, request))
        code = shown_code(row.user_code)
        told = {
            "device_code": secret,
            "user_code": code,
            "verification_uri": device_link(),
            "verification_uri_complete": device_link(code),
            "expires_in": int(DEVICE_TTL.total_seconds()),
            "interval": POLL_S,
        }
        return Response(told, status=201)


class DeviceTokenView(ApiView):
    callers = ANYONE
    scope = "account"
    idempotency = "off"  # as above

    @extend_schema(
        operation_id="auth_device_token",
        request=DeviceTokenSerializer,
        responses=TokenPairSerializer,
    )
    def post(self, request: Request) -> Response:
        """The tokens, once the person has let the program in. Until then 400 with the code
        `authorization_pending`, or `slow_down`; `access_denied` and `expired_token` are final."""
        user = device_use(parsed(DeviceTokenSerializer, request)["device_code"])
        pair = program_sign_in(request._request, user)
        told = {
            **pair,
            "token_type": "Bearer",
            "expires_in": settings.HEADLESS_JWT_ACCESS_TOKEN_EXPIRES_IN,
        }
        return Response(told, headers={"Cache-Control": "no-store"})


class DeviceCodeView(ApiView):
    callers = USERS
    scope = {"GET": "read", "POST": "account"}
    reauthentication = {"POST": True}  # what is let in stays in
    idempotency = "off"

    @extend_schema(operation_id="auth_device_seen", responses=DeviceSeenSerializer)
    def get(self, request: Request, code: str) -> Response:
        """Which program waits with this code."""
        self._not_guessed(request)
        return Response(DeviceSeenSerializer(device_waiting(code)).data)

    @extend_schema(
        operation_id="auth_device_decide", request=DeviceDecideSerializer, responses={204: None}
    )
    def post(self, request: Request, code: str) -> Response:
        """Let the program in as yourself, or send it away. Only from a browser: a key would get
        more than it may itself."""
        body = parsed(DeviceDecideSerializer, request)
        if not self.caller.browser_session:
            raise Forbidden("Programs are let in from a browser.", code="browser_required")
        self._not_guessed(request)
        device_decide(code, by=self.caller.user, allow=body["allow"])
        return Response(status=204)

    def _not_guessed(self, request: Request) -> None:
        brake("device-code", request._request, tries=30, of=str(self.caller.user.pk))
