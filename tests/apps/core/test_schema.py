"""The committed description of the API is the one that the code gives."""

import json
from pathlib import Path
from typing import Any

from django.conf import settings
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema

from apps.core.api.renderers import to_json

COMMITTED = Path(settings.BASE_DIR) / "docs" / "openapi.json"


def generated() -> dict[str, Any]:
    generator: Any = SchemaGenerator  # untyped
    return dict(generator().get_schema(request=None, public=True))


def test_committed_description_is_current() -> None:
    """If this fails: `make schema`, look at the change, and commit it."""
    assert json.loads(COMMITTED.read_text()) == json.loads(to_json(generated()))


def test_description_is_valid_openapi() -> None:
    check: Any = validate_schema  # untyped
    check(generated())
