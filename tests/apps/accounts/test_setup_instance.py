"""Preparing an instance: from nothing, and again."""

import json
import stat
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from rest_framework.test import APIClient

from apps.accounts.models import ApiKey, AuditEvent, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def home(settings: Any, tmp_path: Path) -> Path:
    settings.DATA_ROOT = tmp_path / "home"
    settings.AGENTS_DIR = tmp_path / "home/agents"
    settings.PIPELINES_DIR = tmp_path / "home/pipelines"
    return tmp_path / "home"


def set_up() -> str:
    out = StringIO()
    call_command("setup_instance", stdout=out)
    return out.getvalue()


def test_owner_gets_a_key_that_works(home: Path) -> None:
    said = set_up()
    path = home / "credentials.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    kept = json.loads(path.read_text())
    assert kept["api_key"] not in said
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {kept['api_key']}")
    me = client.get("/v1/auth/me").json()
    assert (me["username"], me["is_admin"]) == ("owner", True)
    assert User.objects.get().has_usable_password() is False


def test_repeated_it_keeps_owner_and_key(home: Path) -> None:
    set_up()
    first = (home / "credentials.json").read_text()
    set_up()
    assert (home / "credentials.json").read_text() == first
    assert User.objects.count() == ApiKey.objects.count() == 1


@pytest.mark.parametrize("text", ["", "{", "[]", '{"api_key": "djb_made.up"}', '{"api_key": 3}'])
def test_broken_key_file_is_made_anew(home: Path, text: str) -> None:
    set_up()
    old = json.loads((home / "credentials.json").read_text())["api_key"]
    (home / "credentials.json").write_text(text)
    set_up()
    new = json.loads((home / "credentials.json").read_text())["api_key"]
    assert new != old
    assert ApiKey.objects.filter(revoked=False).count() == 1


def test_schedule_is_there_and_stays_as_the_operator_left_it(home: Path) -> None:
    from django_celery_beat.models import PeriodicTask

    set_up()
    tasks = set(PeriodicTask.objects.values_list("task", flat=True))
    assert {"upkeep.reconcile", "upkeep.relay_events", "upkeep.retention"} <= tasks
    PeriodicTask.objects.filter(task="upkeep.retention").update(enabled=False)
    set_up()
    assert PeriodicTask.objects.get(task="upkeep.retention").enabled is False


def test_keys_are_made_on_the_command_line(home: Path) -> None:
    User.objects.create_user("ci")
    out = StringIO()
    call_command("create_api_key", "ci", "--scope", "runs", "--scope", "read", stdout=out)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {out.getvalue().strip()}")
    assert client.get("/v1/auth/me").json()["scopes"] == ["read", "runs"]
    with pytest.raises(CommandError):
        call_command("create_api_key", "nobody")
    with pytest.raises(CommandError):
        call_command("create_api_key", "ci", "--scope", "admin")


def test_people_are_invited_on_the_command_line(home: Path) -> None:
    set_up()
    out = StringIO()
    call_command("create_invite", "ada@example.org", "--role", "viewer", stdout=out)
    body = {"token": out.getvalue().strip().partition("token=")[2], "password": "correct horse bat"}
    made = APIClient().post("/v1/auth/invites/accept", body, format="json")
    assert (made.status_code, made.json()["role"]) == (201, "viewer")
    row = AuditEvent.objects.filter(action="invite.create").get()
    assert (row.actor_kind, row.actor_name) == ("command", "create_invite")
    for wrong in (["ada@example.org"], ["no address"]):
        with pytest.raises(CommandError):
            call_command("create_invite", *wrong)
