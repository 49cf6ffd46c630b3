"""Parsing at the border: shape here, rules in services."""

from collections.abc import Mapping
from typing import Any

from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.fields import DictField, Field, ListField
from rest_framework.request import Request
from rest_framework.serializers import BaseSerializer, ListSerializer, Serializer

from apps.core.errors import Malformed


def parsed(serializer: type[BaseSerializer[Any]], request: Request, **kwargs: Any) -> Any:
    """The validated body. Raises DRF's `ValidationError`, which the handler answers with 422.

    A field that the serializer does not take is wrong too: a misspelt one would be lost in silence.
    One that takes any, such as a map of settings, says so with `takes_any_field = True`.
    """
    checked = serializer(data=request.data, **kwargs)
    is_good = checked.is_valid()
    unknown = _unknown(checked, request.data)
    if unknown or not is_good:
        raise ValidationError(_together(checked.errors, unknown))
    return checked.validated_data


def _unknown(field: Field[Any, Any, Any, Any] | None, given: Any) -> dict[Any, Any]:
    """What `field` does not take, as DRF nests its errors."""
    if isinstance(field, Serializer) and isinstance(given, Mapping):
        if getattr(field, "takes_any_field", False):
            return {}
        taken = {name: part for name, part in field.fields.items() if not part.read_only}
        strange = {name: [_UNKNOWN] for name in given if name not in taken}
        inside = {name: _unknown(taken[name], given[name]) for name in given if name in taken}
        return strange | {name: found for name, found in inside.items() if found}
    if isinstance(field, ListSerializer | ListField) and isinstance(given, list):
        found = {str(place): _unknown(field.child, one) for place, one in enumerate(given)}
        return {place: one for place, one in found.items() if one}
    if isinstance(field, DictField) and isinstance(given, Mapping):
        found = {str(name): _unknown(field.child, one) for name, one in given.items()}
        return {name: one for name, one in found.items() if one}
    return {}


_UNKNOWN = ErrorDetail("There is no such field.", code="unknown_field")


def _together(errors: Any, unknown: dict[Any, Any]) -> Any:
    """Both kinds, field by field; where a field is wrong itself, what is inside it can wait."""
    return {**unknown, **errors} if isinstance(errors, Mapping) else errors or unknown


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
