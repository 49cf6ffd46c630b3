"""The API's description that is committed is the one that the code gives."""

import json
from pathlib import Path

from django.core.management import call_command

COMMITTED = Path(__file__).resolve().parents[2] / "docs" / "openapi.json"


def test_the_committed_schema_is_current_valid_and_free_of_warnings(tmp_path: Path) -> None:
    made = tmp_path / "openapi.json"
    call_command(
        "spectacular",
        format="openapi-json",
        file=str(made),
        validate=True,
        fail_on_warn=True,
    )
    assert json.loads(made.read_text()) == json.loads(COMMITTED.read_text()), "run `make schema`"
