"""API keys: one's own, those of programs, and those of agents that run elsewhere."""

from typing import Any

from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.serializers import (
    AgentKeyCreateSerializer,
    ApiKeyChangeSerializer,
    ApiKeyCreatedSerializer,
    ApiKeyCreateSerializer,
    ApiKeySerializer,
    ServiceKeyCreateSerializer,
)
from apps.accounts.authentication import request_address
from apps.accounts.models import ApiKey, User
from apps.accounts.selectors import api_key_list, program_key_list
from apps.accounts.services import (
    agent_key_issue,
    api_key_change,
    api_key_get,
    api_key_issue,
    api_key_revoke,
    program_key_get,
    service_key_issue,
)
from apps.accounts.signin.notices import account_notice
from apps.core.api.callers import ADMINS, USERS, Caller
from apps.core.api.input import parsed
from apps.core.api.views import ApiView
from apps.core.errors import Forbidden


def _created(key: ApiKey, plaintext: str) -> Response:
    return Response({**ApiKeySerializer(key).data, "key": plaintext}, status=201)


class ApiKeysView(ApiView):
    callers = USERS
    scope = {"GET": "read", "POST": "account"}
    reauthentication = {"POST": True}
    idempotency = "off"  # an answer that is kept would be a secret that is kept

    @extend_schema(operation_id="auth_api_keys_list", responses=ApiKeySerializer(many=True))
    def get(self, request: Request) -> Response:
        """Your keys, newest first. Their secrets are not stored."""
        return Response(ApiKeySerializer(api_key_list(self.caller.user), many=True).data)

    @extend_schema(
        operation_id="auth_api_keys_create",
        request=ApiKeyCreateSerializer,
        responses={201: ApiKeyCreatedSerializer},
    )
    def post(self, request: Request) -> Response:
        """Make a key. It can do what its scopes say, and never more than you; made with another
        key, never more, longer or from elsewhere than that."""
        body = parsed(ApiKeyCreateSerializer, request)
        if not set(body["scopes"]) <= self.caller.scopes:
            raise Forbidden("A key can make no key that may do more.", code="missing_scope")
        user: User = self.caller.user
        with transaction.atomic():
            key, plaintext = api_key_issue(user=user, made_with=_shown(self.caller), **body)
            facts = {"name": key.name, "id": key.prefix, "ip": request_address()}
            account_notice.send(sender=User, user=user, kind="key", facts=facts)
        return _created(key, plaintext)


def _shown(caller: Caller) -> ApiKey | None:
    """The key that this call came with."""
    return caller.credential if isinstance(caller.credential, ApiKey) else None


class ApiKeyView(ApiView):
    callers = USERS
    scope = "account"
    reauthentication = {"PATCH": True}

    @extend_schema(
        operation_id="auth_api_keys_update",
        request=ApiKeyChangeSerializer,
        responses=ApiKeySerializer,
    )
    def patch(self, request: Request, key_id: str) -> Response:
        """Change one of your keys: its name, its end, its addresses, fewer scopes."""
        key = api_key_get(user=self.caller.user, prefix=key_id)
        changes = parsed(ApiKeyChangeSerializer, request, partial=True)
        changed = api_key_change(key=key, changes=changes, made_with=_shown(self.caller))
        return Response(ApiKeySerializer(changed).data)

    @extend_schema(operation_id="auth_api_keys_revoke", responses={204: None})
    def delete(self, request: Request, key_id: str) -> Response:
        """Revoke one of your keys at once and for good."""
        key = api_key_get(user=self.caller.user, prefix=key_id)
        api_key_revoke(keys=[key], by=self.caller.user)
        return Response(status=204)


class _ProgramKeysView(ApiView):
    callers = ADMINS
    scope = "admin"
    reauthentication = {"POST": True}
    idempotency = "off"  # as above
    kind: ApiKey.Kind

    def listed(self) -> Response:
        return Response(ApiKeySerializer(program_key_list(self.kind), many=True).data)


class ServiceKeysView(_ProgramKeysView):
    kind = ApiKey.Kind.SERVICE

    @extend_schema(operation_id="auth_service_keys_list", responses=ApiKeySerializer(many=True))
    def get(self, request: Request) -> Response:
        """Keys of programs, newest first."""
        return self.listed()

    @extend_schema(
        operation_id="auth_service_keys_create",
        request=ServiceKeyCreateSerializer,
        responses={201: ApiKeyCreatedSerializer},
    )
    def post(self, request: Request) -> Response:
        """Make a key of a program's own account, which is made with its first key."""
        body: dict[str, Any] = parsed(ServiceKeyCreateSerializer, request)
        return _created(*service_key_issue(by=self.caller.user, **body))


class AgentKeysView(_ProgramKeysView):
    kind = ApiKey.Kind.AGENT

    @extend_schema(operation_id="auth_agent_keys_list", responses=ApiKeySerializer(many=True))
    def get(self, request: Request) -> Response:
        """Keys of agents that run elsewhere, newest first."""
        return self.listed()

    @extend_schema(
        operation_id="auth_agent_keys_create",
        request=AgentKeyCreateSerializer,
        responses={201: ApiKeyCreatedSerializer},
    )
    def post(self, request: Request) -> Response:
        """Make the key of an agent that runs elsewhere. An older one works for ten minutes more."""
        body: dict[str, Any] = parsed(AgentKeyCreateSerializer, request)
        return _created(*agent_key_issue(by=self.caller.user, **body))


class _ProgramKeyView(ApiView):
    callers = ADMINS
    scope = "admin"
    kind: ApiKey.Kind

    def revoked(self, prefix: str) -> Response:
        api_key_revoke(keys=[program_key_get(self.kind, prefix)], by=self.caller.user)
        return Response(status=204)


class ServiceKeyView(_ProgramKeyView):
    kind = ApiKey.Kind.SERVICE

    @extend_schema(operation_id="auth_service_keys_revoke", responses={204: None})
    def delete(self, request: Request, key_id: str) -> Response:
        """Revoke a program's key at once and for good."""
        return self.revoked(key_id)


class AgentKeyView(_ProgramKeyView):
    kind = ApiKey.Kind.AGENT

    @extend_schema(operation_id="auth_agent_keys_revoke", responses={204: None})
    def delete(self, request: Request, key_id: str) -> Response:
        """Revoke an agent's key at once and for good."""
        return self.revoked(key_id)
