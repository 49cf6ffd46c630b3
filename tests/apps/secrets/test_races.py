"""Several hands on one secret at once: each gets an answer that fits what is so then."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from rest_framework.test import APIClient

from apps.accounts.audit import audit_verify
from apps.accounts.models import User
from apps.secrets import services
from apps.secrets.models import FormerValue, Secret
from apps.secrets.services import content_of, secret_revoke
from tests.apps.secrets.conftest import MARKER, Api

Person = Callable[..., User]
ApiOf = Callable[[User], Api]


def test_one_that_ends_right_after_its_change_is_not_found(
    person: Person, api: ApiOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = api(person("ada"))
    made = ada.make()
    change = services.secret_update

    def changed_then_ended(**given: Any) -> Secret:
        row = change(**given)
        secret_revoke(secret=row)
        return row

    monkeypatch.setattr(services, "secret_update", changed_then_ended)
    found = ada.call("patch", f"/secrets/{made['id']}", {"name": "Other"}, 404)
    assert found["code"] == "secret_not_found"


def test_a_login_that_cannot_be_read_is_given_whole(
    person: Person, api: ApiOf, settings: Any
) -> None:
    ada = api(person("ada"))
    made = ada.make(type="login", totp_seed="JBSWY3DPEHPK3PXP")
    path = f"/secrets/{made['id']}"
    settings.ENCRYPTION_KEYS = ["0f" * 32]
    refused = ada.call("patch", path, {"value": "another-password"}, 409)
    assert refused["code"] == "secret_unreadable"
    given = {"value": "another-password", "totp_seed": ""}
    assert ada.call("patch", path, given)["has_totp"] is False
    assert content_of(Secret.objects.get()).value == "another-password"


@pytest.mark.django_db(transaction=True)
def test_changes_a_rotation_and_an_end_at_once(
    person: Person, api_client: Callable[..., APIClient], settings: Any
) -> None:
    """No order of them fails on our side, loses the value, or breaks the audit log."""
    ada = person("ada")
    clients = [api_client(ada) for _ in range(6)]
    path = f"/v1/secrets/{Api(clients[0]).make(type='login')['id']}"
    settings.ENCRYPTION_KEYS = ["0f" * 32, *settings.ENCRYPTION_KEYS]
    gate = threading.Barrier(len(clients) + 1)
    answers: list[tuple[int, str]] = []

    def change(client: APIClient, number: int) -> None:
        gate.wait()
        for step in range(4):
            body = {"value": f"{MARKER}-{number}-{step}"} if step % 2 else {"name": f"N{number}"}
            answer = client.patch(path, body, format="json")
            answers.append((answer.status_code, answer.content.decode()))
            if number == 0 and step == 2:
                answers.append((client.delete(path).status_code, "deleted"))
        connection.close()

    def rotate() -> None:
        gate.wait()
        call_command("rotate_keys", stdout=open("/dev/null", "w"))
        connection.close()

    threads = [threading.Thread(target=rotate)]
    for number, client in enumerate(clients):
        threads.append(threading.Thread(target=change, args=[client, number]))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert {status for status, _ in answers} <= {200, 204, 404}, answers
    row = Secret.objects.get()
    assert row.revoked_at is not None
    settings.ENCRYPTION_KEYS = settings.ENCRYPTION_KEYS[:1]
    call_command("rotate_keys", stdout=open("/dev/null", "w"))
    assert content_of(row).value.startswith(MARKER)
    assert FormerValue.objects.count() == row.value_version - 1
    assert audit_verify().broken_at is None
