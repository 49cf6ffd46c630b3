"""Secrets, grants and what agents get of them, over HTTP."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, ClassVar, cast

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.brake import brake
from apps.accounts.models import SessionToken, User
from apps.accounts.selectors import user_list
from apps.accounts.services import second_factor_prove
from apps.core.api.callers import ADMINS, SESSIONS, USERS, USERS_AND_SESSIONS
from apps.core.api.input import parsed
from apps.core.api.pagination import CursorPage
from apps.core.api.views import ApiView
from apps.core.errors import NotFound
from apps.secrets import services
from apps.secrets.access import (
    may_manage,
    scope_allowed,
    secret_managed,
    secret_visible,
    secrets_visible,
    session_token_of,
)
from apps.secrets.api import serializers as shapes
from apps.secrets.errors import SecretNotFound
from apps.secrets.models import Secret, SecretGrant
from apps.secrets.selectors import (
    access_list,
    agent_grants_seen,
    secret_list,
    secrets_shared_with,
    secrets_told,
)
from apps.secrets.usable import grants_of_session, secrets_inject, secrets_reveal, totp_code

_READ_OR_WRITE: Mapping[str, str] = {"GET": "read", "*": "write"}
_KEY = "KEY"
_TYPES = {
    Secret.Type.ENV: (["value"], [], f"{_KEY}: the value"),
    Secret.Type.FILE: (
        [],
        ["value", "value_base64", "file_name"],
        f"{_KEY}: the path of the file",
    ),
    Secret.Type.SSH_KEY: (
        ["value"],
        ["passphrase", "file_name"],
        f"{_KEY}: the path of the key; {_KEY}_PASSPHRASE",
    ),
    Secret.Type.TOTP: (["value"], [], "nothing; the agent asks for codes"),
    Secret.Type.LOGIN: (
        ["value"],
        ["username", "url", "totp_seed"],
        f"{_KEY}_USERNAME, {_KEY}_PASSWORD, {_KEY}_URL; codes where there is a seed",
    ),
}


class _SecretView(ApiView):
    callers = USERS
    scope: ClassVar[str | Mapping[str, str]] = _READ_OR_WRITE
    idempotency = "off"  # what is kept to answer again would hold a hash of the value

    @property
    def user(self) -> User:
        return cast(User, self.caller.user)

    def told(self, secret: Secret, status: int = 200) -> Response:
        """Read again, after the change: raises SecretNotFound when somebody has ended it, or the
        caller's right to see it, meanwhile."""
        found = secrets_told(self.caller, secrets_visible(self.caller).filter(pk=secret.pk))
        if not found:
            raise SecretNotFound("There is no such secret any more.")
        return Response(shapes.SecretSerializer(found[0]).data, status=status)


class SecretTypesView(ApiView):
    callers = USERS
    scope = "read"

    @extend_schema(operation_id="secrets_types", responses=shapes.SecretTypeSerializer(many=True))
    def get(self, request: Request) -> Response:
        """The kinds of secrets, what each is made of, and what a command gets."""
        rows = [
            {
                "type": type.value,
                "description": type.label,
                "fields_needed": needed,
                "fields_possible": possible,
                "gives": gives,
            }
            for type, (needed, possible, gives) in _TYPES.items()
        ]
        return Response(shapes.SecretTypeSerializer(rows, many=True).data)


class SecretsView(_SecretView):
    @extend_schema(operation_id="secrets_list", responses=shapes.SecretSerializer(many=True))
    def get(self, request: Request) -> Response:
        """Your secrets and those shared with you; to an admin also the instance's and the
        projects'. Values are never among it."""
        found = secret_list(self.caller)
        return Response(shapes.SecretSerializer(found, many=True).data)

    @extend_schema(
        operation_id="secrets_create",
        request=shapes.SecretCreateSerializer,
        responses={201: shapes.SecretSerializer},
    )
    def post(self, request: Request) -> Response:
        """Store a secret. Its value is sealed and not shown again."""
        body: dict[str, Any] = parsed(shapes.SecretCreateSerializer, request)
        scope_allowed(self.caller, body["scope"])
        return self.told(services.secret_create(by=self.user, **body), 201)


class SecretView(_SecretView):
    reauthentication = {"PATCH": True, "DELETE": True}

    @extend_schema(operation_id="secrets_retrieve", responses=shapes.SecretSerializer)
    def get(self, request: Request, secret_id: str) -> Response:
        """One secret, without its value."""
        return self.told(secret_visible(self.caller, secret_id))

    @extend_schema(
        operation_id="secrets_update",
        request=shapes.SecretPatchSerializer,
        responses=shapes.SecretSerializer,
    )
    def patch(self, request: Request, secret_id: str) -> Response:
        """Change what is given. A new value holds from the next use on."""
        secret = secret_managed(self.caller, secret_id)
        body: dict[str, Any] = parsed(shapes.SecretPatchSerializer, request)
        return self.told(services.secret_update(secret=secret, **body))

    @extend_schema(operation_id="secrets_delete", responses={204: None})
    def delete(self, request: Request, secret_id: str) -> Response:
        """Revoke a secret for good. Sessions that hold a grant of it are refused at once."""
        services.secret_revoke(secret=secret_managed(self.caller, secret_id))
        return Response(status=204)


class SecretGrantView(_SecretView):
    scope = "write"
    reauthentication = {"POST": True}

    @extend_schema(
        operation_id="secrets_grant",
        request=shapes.GrantCreateSerializer,
        responses={201: shapes.SecretGrantSerializer},
    )
    def post(self, request: Request, secret_id: str, agent_id: str) -> Response:
        """Let an agent use a secret, in sessions that begin from now on. Your own secrets, and
        those shared with you, are used only in sessions that you start."""
        secret = secret_visible(self.caller, secret_id)
        grant = services.secret_grant(
            secret=secret,
            agent_id=agent_id,
            by=self.user,
            is_manager=may_manage(self.caller, secret),
            **parsed(shapes.GrantCreateSerializer, request),
        )
        return Response(shapes.SecretGrantSerializer(grant).data, status=201)

    @extend_schema(operation_id="secrets_ungrant", responses={204: None})
    def delete(self, request: Request, secret_id: str, agent_id: str) -> Response:
        """End an agent's grants of a secret, also in sessions that run."""
        secret = secret_visible(self.caller, secret_id)
        services.secret_ungrant(
            secret=secret,
            agent_id=agent_id,
            by=self.user,
            is_manager=may_manage(self.caller, secret),
        )
        return Response(status=204)


class SecretAccessView(_SecretView):
    paged = True
    scope = "read"
    ordering = ("-id",)

    @extend_schema(
        operation_id="secrets_access", responses=shapes.SecretAccessSerializer(many=True)
    )
    def get(self, request: Request, secret_id: str) -> Response:
        """Who used a secret, newest first. For who manages it."""
        secret = secret_managed(self.caller, secret_id)
        page = CursorPage()
        rows = page.paginate_queryset(access_list(secret), request, self)
        return page.get_paginated_response(shapes.SecretAccessSerializer(rows, many=True).data)


class SecretRevealView(_SecretView):
    scope = "write"  # the body's code is more than `reauthentication`: it works once

    @extend_schema(
        operation_id="secrets_reveal",
        request=shapes.RevealSerializer,
        responses=shapes.RevealedSerializer,
    )
    def post(self, request: Request, secret_id: str) -> Response:
        """Show the plain text of a secret that is marked `reveal`, to who manages it, against a
        fresh code of their second factor."""
        brake("secret-reveal", request._request)
        secret = secret_managed(self.caller, secret_id)
        body = parsed(shapes.RevealSerializer, request)
        second_factor_prove(user=self.user, code=body["code"])
        text = services.secret_reveal_to_owner(secret=secret, by=self.user)
        return _not_kept(Response({"value": text}))


class SharedSecretsView(_SecretView):
    scope = "read"

    @extend_schema(operation_id="users_me_secrets", responses=shapes.SecretSerializer(many=True))
    def get(self, request: Request) -> Response:
        """Secrets of the instance that an admin has lent to you."""
        found = secrets_shared_with(self.caller)
        return Response(shapes.SecretSerializer(found, many=True).data)


class SecretShareView(_SecretView):
    callers = ADMINS
    scope = "admin"
    reauthentication = {"POST": True}

    @extend_schema(operation_id="admin_secrets_share", request=None, responses={204: None})
    def post(self, request: Request, secret_id: str, user_id: str) -> Response:
        """Lend a secret of the instance to a person, who may grant it to agents for the sessions
        that they start."""
        user = user_list().filter(pk=user_id, is_active=True).first()
        if user is None:
            raise NotFound("There is no such user.")
        secret = secret_managed(self.caller, secret_id)
        services.secret_share(secret=secret, user=user, by=self.user)
        return Response(status=204)

    @extend_schema(operation_id="admin_secrets_unshare", responses={204: None})
    def delete(self, request: Request, secret_id: str, user_id: str) -> Response:
        """Take it back, with all that the person has granted."""
        services.secret_unshare(secret=secret_managed(self.caller, secret_id), user_id=user_id)
        return Response(status=204)


# What agents get


class AgentSecretsView(ApiView):
    callers = USERS_AND_SESSIONS
    scope = "read"

    @extend_schema(
        operation_id="secrets_of_agent", responses=shapes.AgentSecretSerializer(many=True)
    )
    def get(self, request: Request, agent_id: str) -> Response:
        """What an agent may use: to its session what that session may, to a person what they may
        see. Names, no values."""
        if "session" in self.caller.kinds:
            grants = grants_of_session(session_token_of(self.caller, agent_id))
        else:
            grants = agent_grants_seen(self.caller, agent_id)
        rows = [_told(grant) for grant in grants]
        return Response(shapes.AgentSecretSerializer(rows, many=True).data)


class _UseView(ApiView):
    """Only a session of the agent itself, with its token."""

    callers = SESSIONS
    scope = "read"
    idempotency = "off"

    def token(self, agent_id: str) -> SessionToken:
        return session_token_of(self.caller, agent_id)


class AgentSecretEnvView(_UseView):
    query = shapes.KeysQuery

    @extend_schema(operation_id="secrets_inject", responses=shapes.InjectionSerializer)
    def get(self, request: Request, agent_id: str) -> Response:
        """Environment and files for one command of this session. Every call is logged."""
        made = secrets_inject(self.token(agent_id), self.query_values()["keys"])
        return _not_kept(Response({"env": made.env, "files": [asdict(f) for f in made.files]}))


class AgentSecretRevealView(_UseView):
    scope = "write"

    @extend_schema(
        operation_id="secrets_reveal_to_agent",
        request=shapes.KeysSerializer,
        responses=shapes.RevealedTextsSerializer,
    )
    def post(self, request: Request, agent_id: str) -> Response:
        """Plain texts, where secret and grant are both marked `reveal`. Every call is logged."""
        body = parsed(shapes.KeysSerializer, request)
        return _not_kept(Response({"values": secrets_reveal(self.token(agent_id), body["keys"])}))


class AgentTotpView(_UseView):
    scope = "write"

    @extend_schema(
        operation_id="secrets_totp",
        request=shapes.TotpAskSerializer,
        responses=shapes.TotpCodeSerializer,
    )
    def post(self, request: Request, agent_id: str) -> Response:
        """A one-time code of a granted login. Each code is given out once; asked again too soon:
        409 `totp_code_used` with `retry_after`."""
        body = parsed(shapes.TotpAskSerializer, request)
        code, left = totp_code(self.token(agent_id), body["key"])
        return _not_kept(Response({"code": code, "expires_in": left}))


def _told(grant: SecretGrant) -> dict[str, Any]:
    return {
        "secret_id": grant.secret_id,
        "env_key": grant.env_key,
        "secret": grant.secret,
        "may_reveal": grant.reveal and grant.secret.reveal,
    }


def _not_kept(response: Response) -> Response:
    response["Cache-Control"] = "no-store"
    return response
