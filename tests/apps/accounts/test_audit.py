"""The log of who did what."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from rest_framework.test import APIClient

from apps.accounts.audit import audit, audit_verify
from apps.accounts.models import AuditEvent, User
from apps.accounts.origin import acting_as

pytestmark = pytest.mark.django_db


def rows(number: int) -> None:
    for n in range(number):
        audit("test.act", facts={"n": n})


def meddle(sql: str, *values: Any) -> None:
    """As somebody who owns the database could: past the trigger."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE accounts_auditevent DISABLE TRIGGER USER")
        cursor.execute(sql, values)
        cursor.execute("ALTER TABLE accounts_auditevent ENABLE TRIGGER USER")


def test_chain_is_whole() -> None:
    assert audit_verify().rows == 0
    rows(3)
    verdict = audit_verify()
    assert (verdict.rows, verdict.broken_at) == (3, None)
    assert verdict.head == AuditEvent.objects.get(id=3).hash


@pytest.mark.parametrize("change", ["UPDATE", "DELETE"])
def test_rows_are_only_added(change: str) -> None:
    rows(1)
    statement = {
        "UPDATE": "UPDATE accounts_auditevent SET action = 'x'",
        "DELETE": "DELETE FROM accounts_auditevent",
    }[change]
    with (
        pytest.raises(DatabaseError, match="only added"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)
    assert AuditEvent.objects.get().action == "test.act"


@pytest.mark.parametrize(
    ("sql", "broken_at"),
    [
        ("UPDATE accounts_auditevent SET facts = '{\"n\": 9}' WHERE id = 2", 2),
        ("UPDATE accounts_auditevent SET actor_name = 'eve' WHERE id = 1", 1),
        ("DELETE FROM accounts_auditevent WHERE id = 2", 3),
        ("UPDATE accounts_auditevent SET at = at + interval '1 second' WHERE id = 3", 3),
    ],
)
def test_meddling_shows(sql: str, broken_at: int) -> None:
    rows(3)
    meddle(sql)
    assert audit_verify().broken_at == broken_at
    with pytest.raises(CommandError, match=str(broken_at)):
        call_command("verify_audit", stdout=StringIO())


def test_command_says_that_all_is_well() -> None:
    rows(2)
    out = StringIO()
    call_command("verify_audit", stdout=out)
    assert "2 rows" in out.getvalue()


def test_failed_act_leaves_no_row() -> None:
    def act() -> None:
        with transaction.atomic():
            audit("test.act")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        act()
    assert not AuditEvent.objects.exists()


def test_who_acts_in_a_command() -> None:
    with acting_as("command", "rotate"):
        audit("test.act")
    row = AuditEvent.objects.get()
    assert (row.actor_kind, row.actor_name) == ("command", "rotate")


def test_request_is_told(api_client: Callable[..., APIClient]) -> None:
    boss = User.objects.create_superuser("boss")
    client = api_client(boss)
    client.post(
        "/v1/auth/api-keys",
        {"name": "ci", "scopes": ["read"]},
        format="json",
        REMOTE_ADDR="192.0.2.1",
        HTTP_USER_AGENT="curl",
        HTTP_X_REQUEST_ID="abcdefgh-1",
    )
    page = client.get("/v1/auth/audit?action=api_key.create").json()
    row = page["items"][0]
    assert (row["actor_id"], row["ip"], row["user_agent"]) == (boss.pk, "192.0.2.1", "curl")
    assert row["request_id"] == "abcdefgh-1"
    assert client.get("/v1/auth/audit?actor_id=nobody").json()["items"] == []


@pytest.mark.django_db(transaction=True)
def test_many_at_once_are_numbered_without_a_gap(redis_client: Any) -> None:
    def one(n: int) -> None:
        try:
            audit("test.act", facts={"n": n})
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, range(40)))
    verdict = audit_verify()
    assert (verdict.rows, verdict.broken_at) == (40, None)


def test_an_administrator_has_the_chain_walked(api_client: Callable[..., APIClient]) -> None:
    client = api_client(User.objects.create_superuser("boss"))
    rows(2)
    verdict = client.get("/v1/auth/audit/verify").json()
    assert verdict["broken_at"] is None
    assert verdict["rows"] == AuditEvent.objects.count()
    meddle("UPDATE accounts_auditevent SET action = 'x' WHERE id = 1")
    assert client.get("/v1/auth/audit/verify").json()["broken_at"] == 1
