"""Identity providers, for administrators."""

from dataclasses import asdict

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.serializers import (
    OidcCheckSerializer,
    OidcProviderChangeSerializer,
    OidcProviderCreateSerializer,
    OidcProviderSerializer,
)
from apps.accounts.models import OidcProvider
from apps.accounts.services.oidc import (
    oidc_provider_change,
    oidc_provider_create,
    oidc_provider_delete,
    oidc_provider_get,
    oidc_provider_tested,
)
from apps.accounts.signin.oidc.check import provider_check
from apps.core.api.callers import ADMINS
from apps.core.api.input import parsed
from apps.core.api.views import ApiView


class OidcProvidersView(ApiView):
    callers = ADMINS
    scope = "admin"
    reauthentication = {"POST": True}
    idempotency = "off"  # a body that is kept would be a secret that is kept

    @extend_schema(
        operation_id="auth_oidc_providers_list", responses=OidcProviderSerializer(many=True)
    )
    def get(self, request: Request) -> Response:
        """Identity providers. Their secrets are not told."""
        rows = OidcProvider.objects.all()
        return Response(OidcProviderSerializer(rows, many=True).data)

    @extend_schema(
        operation_id="auth_oidc_providers_create",
        request=OidcProviderCreateSerializer,
        responses={201: OidcProviderSerializer},
    )
    def post(self, request: Request) -> Response:
        """Add one. Give its administrators `redirect_uri`, and test it."""
        body = parsed(OidcProviderCreateSerializer, request)
        row = oidc_provider_create(by=self.caller.user, **body)
        return Response(OidcProviderSerializer(row).data, status=201)


class OidcProviderView(ApiView):
    callers = ADMINS
    scope = "admin"
    reauthentication = {"PATCH": True, "DELETE": True}

    @extend_schema(operation_id="auth_oidc_providers_retrieve", responses=OidcProviderSerializer)
    def get(self, request: Request, provider_id: str) -> Response:
        """One identity provider."""
        return Response(OidcProviderSerializer(oidc_provider_get(provider_id)).data)

    @extend_schema(
        operation_id="auth_oidc_providers_update",
        request=OidcProviderChangeSerializer,
        responses=OidcProviderSerializer,
    )
    def patch(self, request: Request, provider_id: str) -> Response:
        """Change it. Slug and issuer stay as they are; so does a secret that is not given."""
        changes = parsed(OidcProviderChangeSerializer, request, partial=True)
        row = oidc_provider_change(oidc_provider_get(provider_id), changes, by=self.caller.user)
        return Response(OidcProviderSerializer(row).data)

    @extend_schema(operation_id="auth_oidc_providers_delete", responses={204: None})
    def delete(self, request: Request, provider_id: str) -> Response:
        """Take it away. Accounts stay; their people need another way in."""
        oidc_provider_delete(oidc_provider_get(provider_id))
        return Response(status=204)


class OidcProviderTestView(ApiView):
    callers = ADMINS
    scope = "admin"
    idempotency = "off"

    @extend_schema(
        operation_id="auth_oidc_providers_test", request=None, responses=OidcCheckSerializer
    )
    def post(self, request: Request, provider_id: str) -> Response:
        """Ask it what it would be asked at a sign-in: discovery, keys, PKCE, clock."""
        row = oidc_provider_get(provider_id)
        findings = provider_check(row)
        ok = all(finding.ok for finding in findings)
        oidc_provider_tested(row, ok=ok)
        return Response({"ok": ok, "checks": [asdict(finding) for finding in findings]})
