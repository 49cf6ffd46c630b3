"""Parsing at the border: shape here, rules in services."""

from typing import Any

from rest_framework.request import Request
from rest_framework.serializers import BaseSerializer

from apps.core.errors import Malformed


def parsed(serializer: type[BaseSerializer[Any]], request: Request, **kwargs: Any) -> Any:
    """The validated body. Raises DRF's `ValidationError`, which the handler answers with 422."""
    checked = serializer(data=request.data, **kwargs)
    checked.is_valid(raise_exception=True)
    return checked.validated_data


def query_parsed(
    serializer: type[BaseSerializer[Any]] | None, request: Request, also: frozenset[str]
) -> dict[str, Any]:
    """The validated query. A parameter neither of the serializer nor in `also` is refused."""
    fields = getattr(serializer(), "fields", {}) if serializer else {}
    unknown = sorted(set(request.query_params) - set(fields) - also)
    if unknown:
        raise Malformed(
            f"Unknown query parameter: {', '.join(unknown)}.",
            code="unknown_parameter",
            parameters=unknown,
        )
    if serializer is None:
        return {}
    checked = serializer(data=request.query_params)
    checked.is_valid(raise_exception=True)
    return dict(checked.validated_data)
