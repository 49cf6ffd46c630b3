"""The OpenAPI description: callers and scope of each operation, and its problem answers."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema as SpectacularSchema
from rest_framework import serializers

from apps.core.api.errors import PROBLEM_JSON
from apps.core.api.pagination import CursorPage
from apps.core.api.permissions import declared
from apps.core.event_types import x_events

_PROBLEM = "Problem"
_REFERENCE = {"$ref": f"#/components/schemas/{_PROBLEM}"}


class ProblemErrorSerializer(serializers.Serializer[Any]):
    pointer = serializers.CharField(help_text="RFC 6901 pointer into the body.")
    code = serializers.CharField()
    detail = serializers.CharField()


class ProblemSerializer(serializers.Serializer[Any]):
    """An RFC 9457 problem. Further named facts may follow, such as `missing_scope`."""

    type = serializers.CharField(help_text="`/problems/<code>`, a page that explains the code.")
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    instance = serializers.CharField()
    code = serializers.CharField(help_text="Stable. Programs decide by this.")
    request_id = serializers.CharField()
    errors = ProblemErrorSerializer(many=True, required=False)  # type: ignore[assignment]  # its own name


def also(status: int) -> dict[tuple[int, str], type[ProblemSerializer]]:
    """For `responses` of an operation: a problem that only this one answers with."""
    return {(status, PROBLEM_JSON): ProblemSerializer}


class AutoSchema(SpectacularSchema):
    """Adds what `ApiMixin` knows of each operation."""

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        operation: dict[str, Any] | None = super().get_operation(*args, **kwargs)
        if operation is None:
            return None
        operation["x-callers"] = sorted(declared(self.view, "callers", self.method) or ())
        operation["x-scope"] = declared(self.view, "scope", self.method) or ""
        if declared(self.view, "reauthentication", self.method):
            operation["x-reauthentication"] = True
        self._add_problems(operation)
        if self.method == "POST" and declared(self.view, "idempotency", self.method) != "off":
            operation.setdefault("parameters", []).append(self._idempotency_key())
        return operation

    def _map_basic_serializer(self, serializer: Any, direction: Any) -> dict[str, Any]:
        """Bodies take no field but those named: `apps.core.api.input.parsed`."""
        schema: dict[str, Any] = super()._map_basic_serializer(serializer, direction)  # type: ignore[no-untyped-call]  # untyped
        if direction == "request":
            schema["additionalProperties"] = bool(getattr(serializer, "takes_any_field", False))
        return schema

    def get_override_parameters(self) -> list[Any]:
        query = declared(self.view, "query", self.method)
        return [query] if query is not None else []

    def get_filter_backends(self) -> list[Any]:
        return []

    def _get_paginator(self) -> Any:
        if declared(self.view, "paged", self.method):
            return CursorPage()
        return None

    def _add_problems(self, operation: dict[str, Any]) -> None:
        """401 and 403 where a caller is needed, 404 where an id stands in the path, and so on."""
        self.resolve_serializer(ProblemSerializer, "response")
        responses = operation.setdefault("responses", {})
        has_body = "requestBody" in operation
        changes = self.method not in ("GET", "HEAD")
        statuses = {
            "400": True,
            "401": True,
            "403": changes or "anonymous" not in operation["x-callers"],
            "404": "{" in self.path or has_body,  # a body names things too
            "409": changes,
            "413": has_body,
            "415": has_body,
            "422": changes or declared(self.view, "query", self.method) is not None,
            "429": True,
        }
        for status, applies in statuses.items():
            if applies and status not in responses:
                responses[status] = self._problem(status)
        operation["responses"] = dict(sorted(responses.items()))

    @staticmethod
    def _problem(status: str) -> dict[str, Any]:
        text = {
            "400": "The request is malformed.",
            "401": "No caller, or one that is not known.",
            "403": "Not for this caller.",
            "404": "No such thing, or not for this caller.",
            "409": "The state does not allow it.",
            "413": "The body is too large.",
            "415": "The body is no JSON.",
            "422": "Values are wrong.",
            "429": "Too many calls. `Retry-After` says how many seconds to wait.",
        }
        return {
            "description": text[status],
            "content": {PROBLEM_JSON: {"schema": _REFERENCE}},
        }

    def _idempotency_key(self) -> Mapping[str, Any]:
        return {
            "name": "Idempotency-Key",
            "in": "header",
            "required": declared(self.view, "idempotency", self.method) == "required",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255},
            "description": "Equal POSTs with one key take effect once. Kept for 24 hours.",
        }


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # untyped
    target_class = "apps.accounts.authentication.ApiKeyAuthentication"
    name = "apiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "djb_…"}


class SessionTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # untyped
    target_class = "apps.accounts.authentication.SessionTokenAuthentication"
    name = "sessionToken"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "dst_…"}


class TicketScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # untyped
    target_class = "apps.accounts.authentication.TicketAuthentication"
    name = "streamTicket"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "apiKey", "in": "query", "name": "ticket"}


def describe_events(
    result: dict[str, Any], generator: Any, request: Any, public: bool
) -> dict[str, Any]:
    """A postprocessing hook of drf-spectacular: what the streams carry, as `x-events`."""
    result["x-events"] = x_events()
    return result
