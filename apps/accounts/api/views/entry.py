"""For who has no account yet: what there is, the first visit, an invite."""

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.serializers import (
    AuthStatusSerializer,
    InviteAcceptSerializer,
    InviteCreatedSerializer,
    InviteCreateSerializer,
    InviteSerializer,
    MeSerializer,
    SetupSerializer,
)
from apps.accounts.api.views.me import me_of
from apps.accounts.brake import brake
from apps.accounts.instance import owner_get_or_create
from apps.accounts.links import invite_link
from apps.accounts.models import User
from apps.accounts.selectors import invite_list, sign_in_providers
from apps.accounts.services import (
    invite_accept,
    invite_create,
    invite_delete,
    setup_complete,
    setup_is_needed,
)
from apps.accounts.signin.browser import sign_in
from apps.core.api.callers import ADMINS, ANYONE, caller_from
from apps.core.api.input import parsed
from apps.core.api.local import is_from_this_machine
from apps.core.api.pagination import CursorPage
from apps.core.api.schema import also
from apps.core.api.views import ApiView
from apps.core.errors import Forbidden


def _from_here(request: Request) -> None:
    """Nobody is signed in yet, so no cookie's token is asked; but another site may not do this.

    Raises Forbidden.
    """
    origin = request.headers.get("Origin")
    own = f"{request.scheme}://{request.get_host()}"
    if origin is not None and origin not in (own, *settings.CSRF_TRUSTED_ORIGINS):
        raise Forbidden("This came from another site.", code="csrf_failed")


def _signed_in(request: Request, user: User) -> Response:
    sign_in(request._request, user, method="password")
    key = request._request.session.session_key or ""
    return Response(me_of(caller_from(user, None, key)), status=201)


class AuthStatusView(ApiView):
    callers = ANYONE
    scope = "read"

    @extend_schema(operation_id="auth_status", responses=AuthStatusSerializer)
    def get(self, request: Request) -> Response:
        """How one gets in here."""
        providers = sign_in_providers()
        return Response(
            {
                "setup_needed": setup_is_needed(),
                "signup": "invite",
                "methods": ["password", "passkey", *(["oidc"] if providers else [])],
                "providers": providers,
                "can_reset_password": bool(settings.EMAIL_HOST),
                "waitlist_open": settings.WAITLIST_OPEN,
            }
        )


class SetupView(ApiView):
    callers = ANYONE
    scope = "account"
    idempotency = "off"

    @extend_schema(
        operation_id="auth_setup", request=SetupSerializer, responses={201: MeSerializer}
    )
    def post(self, request: Request) -> Response:
        """Become the owner of this instance, once. At this machine itself no token is asked."""
        _from_here(request)
        brake("setup", request._request)
        body = parsed(SetupSerializer, request)
        sits_here = is_from_this_machine(request._request)
        token = body["token"] or (None if sits_here else "")
        user = setup_complete(
            owner=owner_get_or_create(),
            token=token,
            email=body["email"],
            password=body["password"],
            display_name=body["display_name"],
        )
        return _signed_in(request, user)


class InvitesView(ApiView):
    callers = ADMINS
    scope = "admin"
    reauthentication = {"POST": True}
    paged = {"GET": True}
    ordering = ("-created_at", "-id")
    idempotency = "off"  # an answer that is kept would be a secret that is kept

    @extend_schema(operation_id="auth_invites_list", responses=InviteSerializer(many=True))
    def get(self, request: Request) -> Response:
        """Invites, newest first."""
        page = CursorPage()
        rows = page.paginate_queryset(invite_list(), request, self)
        return page.get_paginated_response(InviteSerializer(rows, many=True).data)

    @extend_schema(
        operation_id="auth_invites_create",
        request=InviteCreateSerializer,
        responses={201: InviteCreatedSerializer},
    )
    def post(self, request: Request) -> Response:
        """Invite a person. The link works once, for seven days; it is shown this once."""
        invite, token = invite_create(
            by=self.caller.user, **parsed(InviteCreateSerializer, request)
        )
        told = {**InviteSerializer(invite).data, "url": invite_link(token)}
        return Response(told, status=201)


class InviteView(ApiView):
    callers = ADMINS
    scope = "admin"

    @extend_schema(operation_id="auth_invites_delete", responses={204: None})
    def delete(self, request: Request, invite_id: str) -> Response:
        """Take back an invite that nobody has accepted."""
        invite_delete(invite_id)
        return Response(status=204)


class InviteAcceptView(ApiView):
    callers = ANYONE
    scope = "account"
    idempotency = "off"

    @extend_schema(
        operation_id="auth_invites_accept",
        request=InviteAcceptSerializer,
        responses={201: MeSerializer, **also(410)},
    )
    def post(self, request: Request) -> Response:
        """Make your account with the invite you were sent."""
        _from_here(request)
        brake("invite", request._request)
        user = invite_accept(**parsed(InviteAcceptSerializer, request))
        return _signed_in(request, user)
