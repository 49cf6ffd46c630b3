from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.serializers import (
    ApiKeyCreatedSerializer,
    ApiKeyCreateSerializer,
    ApiKeySerializer,
    LoginLinkCreateSerializer,
    LoginLinkSerializer,
    MeSerializer,
    StreamTicketCreateSerializer,
    StreamTicketSerializer,
)
from apps.accounts.links import login_link
from apps.accounts.selectors import api_key_list
from apps.accounts.services import (
    LOGIN_TICKET_TTL,
    STREAM_TICKET_TTL,
    api_key_issue,
    api_key_revoke,
    login_ticket_create,
    stream_ticket_create,
)
from apps.core.api.callers import USERS, USERS_AND_SESSIONS, Caller
from apps.core.api.input import parsed
from apps.core.api.views import ApiView
from apps.core.errors import Forbidden
from apps.core.topics import topic_access


class MeView(ApiView):
    callers = USERS_AND_SESSIONS
    scope = "read"

    @extend_schema(operation_id="auth_me", responses={200: MeSerializer})
    def get(self, request: Request) -> Response:
        """Who calls, and with which scopes."""
        return Response(_me(self.caller))


def _me(caller: Caller) -> dict[str, object]:
    return {
        "kind": "session" if "session" in caller.kinds else "user",
        "id": caller.user.pk,
        "username": caller.user.get_username() or str(caller.user),
        "email": getattr(caller.user, "email", ""),
        "is_admin": caller.is_admin,
        "scopes": sorted(caller.scopes),
        "session_id": getattr(caller.credential, "session_id", ""),
        "agent_id": getattr(caller.credential, "agent_id", ""),
    }


class ApiKeysView(ApiView):
    callers = USERS
    scope = {"GET": "read", "POST": "write"}

    @extend_schema(operation_id="auth_keys_list", responses={200: ApiKeySerializer(many=True)})
    def get(self, request: Request) -> Response:
        """Your keys, newest first. Their secrets are not stored."""
        return Response(ApiKeySerializer(api_key_list(self.caller.user), many=True).data)

    @extend_schema(
        operation_id="auth_keys_create",
        request=ApiKeyCreateSerializer,
        responses={201: ApiKeyCreatedSerializer},
    )
    def post(self, request: Request) -> Response:
        """Make a key. It can do what its scopes say, and never more than you."""
        body = parsed(ApiKeyCreateSerializer, request)
        if not set(body["scopes"]) <= self.caller.scopes:
            raise Forbidden("A key can make no key that may do more.", code="missing_scope")
        key, plaintext = api_key_issue(
            user=self.caller.user,
            name=body["name"],
            scopes=body["scopes"],
            expires_in_days=body.get("expires_in_days"),
        )
        return Response({**ApiKeySerializer(key).data, "key": plaintext}, status=201)


class ApiKeyView(ApiView):
    callers = USERS
    scope = "write"

    @extend_schema(operation_id="auth_keys_revoke", responses={204: None})
    def delete(self, request: Request, key_id: str) -> Response:
        """Revoke one of your keys at once and for good."""
        api_key_revoke(user=self.caller.user, prefix=key_id)
        return Response(status=204)


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
    idempotency = "off"  # as above

    @extend_schema(
        operation_id="auth_login_link",
        request=LoginLinkCreateSerializer,
        responses={201: LoginLinkSerializer},
    )
    def post(self, request: Request) -> Response:
        """A link that signs your browser in, once. For the command line."""
        target = parsed(LoginLinkCreateSerializer, request)["next"]
        link = login_link(login_ticket_create(self.caller.user), target)
        expires_in = int(LOGIN_TICKET_TTL.total_seconds())
        return Response({"url": link, "expires_in": expires_in}, status=201)
