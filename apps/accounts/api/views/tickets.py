"""One-time passes."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.serializers import (
    LoginLinkCreateSerializer,
    LoginLinkSerializer,
    StreamTicketCreateSerializer,
    StreamTicketSerializer,
)
from apps.accounts.links import login_link
from apps.accounts.models import ApiKey
from apps.accounts.services import (
    LOGIN_TICKET_TTL,
    STREAM_TICKET_TTL,
    login_ticket_create,
    stream_ticket_create,
)
from apps.core.api.callers import USERS, USERS_AND_SESSIONS
from apps.core.api.input import parsed
from apps.core.api.views import ApiView
from apps.core.errors import Forbidden
from apps.core.topics import topic_access


class StreamTicketView(ApiView):
    callers = USERS_AND_SESSIONS
    scope = "read"
    idempotency = "off"  # an answer that is kept would be a secret that is kept

    @extend_schema(
        operation_id="auth_stream_ticket",
        request=StreamTicketCreateSerializer,
        responses={201: StreamTicketSerializer},
    )
    def post(self, request: Request) -> Response:
        """A one-time pass to open a websocket or an event stream within a minute."""
        body = parsed(StreamTicketCreateSerializer, request)
        closed = [topic for topic in body["topics"] if not topic_access(self.caller, topic)]
        if closed:
            raise Forbidden("Some topics are not for you.", topics=closed)
        ticket = stream_ticket_create(caller=self.caller, topics=body["topics"])
        expires_in = int(STREAM_TICKET_TTL.total_seconds())
        return Response({"ticket": ticket, "expires_in": expires_in}, status=201)


class LoginLinkView(ApiView):
    callers = USERS
    scope = "admin"  # a browser session can do more than a narrow key
    reauthentication = True  # the link counts as shown again
    idempotency = "off"  # as above

    @extend_schema(
        operation_id="auth_login_link",
        request=LoginLinkCreateSerializer,
        responses={201: LoginLinkSerializer},
    )
    def post(self, request: Request) -> Response:
        """A link that signs your browser in, once. For the command line."""
        target = parsed(LoginLinkCreateSerializer, request)["next"]
        shown = self.caller.credential
        if isinstance(shown, ApiKey) and shown.ip_allow:
            raise Forbidden("A browser could use the link from anywhere.", code="key_too_wide")
        link = login_link(login_ticket_create(self.caller.user), target)
        expires_in = int(LOGIN_TICKET_TTL.total_seconds())
        return Response({"url": link, "expires_in": expires_in}, status=201)
