"""`manage.py sync_agents` says what it found."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

pytestmark = pytest.mark.django_db


def run() -> str:
    out = io.StringIO()
    call_command("sync_agents", stdout=out, no_color=True)
    return out.getvalue()


def test_changes_and_warnings_are_printed(write: Callable[..., Path]) -> None:
    write("ada", "IDENTITY.md", "- **Name:** Ada\n- **Role:** Engineer\n")
    write("ada", "config.yml", "model: a/b\nodd: 1\n")

    first = run()

    assert "created  ada" in first
    assert "ada/config.yml:2: `odd` is not known" in first
    assert run() == "12 unchanged\n"


def test_failure_is_an_error(write: Callable[..., Path]) -> None:
    write("ada", "IDENTITY.md", "- **Name:** Ada\n")
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE agents_agent ADD CONSTRAINT no_ada CHECK (id <> 'ada')")

    with pytest.raises(CommandError, match="ada: IntegrityError"):
        run()
