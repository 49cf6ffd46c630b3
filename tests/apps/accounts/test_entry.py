"""The first visit, and invites."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from apps.accounts.instance import owner_get_or_create
from apps.accounts.models import Invite, SetupState, User
from apps.accounts.services import invite_create, setup_token_create
from tests.apps.accounts.conftest import PASSWORD, Browser

FAR = "192.0.2.7"
OWNER = {"email": "owner@example.org", "password": PASSWORD, "display_name": "Olga"}


def setup(body: dict[str, Any], address: str = "127.0.0.1") -> Any:
    return Client().post(
        "/v1/auth/setup", body, content_type="application/json", REMOTE_ADDR=address
    )


@pytest.mark.usefixtures("fresh_instance")
class TestSetup:
    def test_at_this_machine(self) -> None:
        passwordless = owner_get_or_create()
        assert Client().get("/v1/auth/status").json()["setup_needed"] is True
        answer = setup(OWNER)
        assert answer.status_code == 201, answer.content
        assert (answer.json()["id"], answer.json()["role"]) == (passwordless.pk, "owner")
        assert Client().get("/v1/auth/status").json()["setup_needed"] is False
        assert Browser().sign_in("owner@example.org").status_code == 200
        again = setup({**OWNER, "email": "eve@example.org"})
        assert (again.status_code, again.json()["code"]) == (409, "setup_done")

    def test_signs_the_visitor_in(self) -> None:
        visitor = Client()
        visitor.post("/v1/auth/setup", OWNER, content_type="application/json")
        assert visitor.get("/v1/auth/me").json()["email"] == "owner@example.org"

    def test_from_afar_a_token_is_needed(self) -> None:
        for body in (OWNER, {**OWNER, "token": "made-up"}):
            answer = setup(body, FAR)
            assert (answer.status_code, answer.json()["code"]) == (403, "setup_token_invalid")
        token = setup_token_create()
        assert setup({**OWNER, "token": token}, FAR).status_code == 201

    def test_bad_token_is_refused_here_too(self) -> None:
        assert setup({**OWNER, "token": "made-up"}).status_code == 403

    def test_old_and_replaced_tokens(self) -> None:
        first = setup_token_create()
        second = setup_token_create()
        assert setup({**OWNER, "token": first}, FAR).status_code == 403
        SetupState.objects.update(token_expires_at=timezone.now())
        assert setup({**OWNER, "token": second}, FAR).status_code == 403

    def test_weak_password_changes_nothing(self) -> None:
        answer = setup({**OWNER, "password": "short"})
        assert (answer.status_code, answer.json()["code"]) == (422, "weak_password")
        assert Client().get("/v1/auth/status").json()["setup_needed"] is True

    def test_guessing_is_braked(self) -> None:
        statuses = [setup({**OWNER, "token": "guess"}, FAR).status_code for _ in range(12)]
        assert statuses[0] == 403
        assert statuses[-1] == 429


@pytest.mark.django_db(transaction=True)
def test_of_twenty_first_visitors_one_is_the_owner(redis_client: Any) -> None:
    SetupState.objects.update_or_create(pk=1, defaults={"completed_at": None})

    def visit(number: int) -> int:
        try:
            body = {**OWNER, "email": f"visitor{number}@example.org"}
            return int(setup(body, f"127.0.0.{number + 1}").status_code)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(visit, range(20)))
    assert sorted(statuses) == [201] + [409] * 19
    assert User.objects.filter(role="owner").count() == 1


@pytest.fixture
def admin(person: Callable[..., User], api_client: Callable[..., APIClient]) -> APIClient:
    return api_client(person("boss", role="admin"))


def accept(url: str, password: str = PASSWORD) -> Any:
    token = url.partition("token=")[2]
    body = {"token": token, "password": password, "display_name": "Ada"}
    return Client().post("/v1/auth/invites/accept", body, content_type="application/json")


class TestInvites:
    def test_makes_one_account(self, admin: APIClient) -> None:
        made = admin.post("/v1/auth/invites", {"email": "ada@example.org", "role": "viewer"})
        assert made.status_code == 201, made.content
        assert accept(made.json()["url"], "short").status_code == 422
        answer = accept(made.json()["url"])
        assert answer.status_code == 201
        assert (answer.json()["email"], answer.json()["role"]) == ("ada@example.org", "viewer")
        again = accept(made.json()["url"])
        assert (again.status_code, again.json()["code"]) == (410, "invite_gone")
        assert Browser().sign_in("ada@example.org").status_code == 200
        listed = admin.get("/v1/auth/invites").json()["items"]
        assert [row["email"] for row in listed if row["accepted_at"]] == ["ada@example.org"]
        assert "token" not in str(listed)

    def test_ends_after_seven_days(self, admin: APIClient) -> None:
        invite, token = invite_create(email="ada@example.org", role="member", by=None)
        assert invite.expires_at - timezone.now() > timedelta(days=6)
        Invite.objects.update(expires_at=timezone.now())
        assert accept(f"?token={token}").status_code == 410

    def test_new_one_replaces_the_old_one(self, admin: APIClient) -> None:
        _, old = invite_create(email="ada@example.org", role="member", by=None)
        _, new = invite_create(email="Ada@Example.org", role="member", by=None)
        assert accept(f"?token={old}").status_code == 410
        assert accept(f"?token={new}").status_code == 201

    def test_taken_back(self, admin: APIClient) -> None:
        made = admin.post("/v1/auth/invites", {"email": "ada@example.org"}).json()
        assert admin.delete(f"/v1/auth/invites/{made['id']}").status_code == 204
        assert admin.delete(f"/v1/auth/invites/{made['id']}").status_code == 404
        assert accept(made["url"]).status_code == 410

    def test_known_address_and_role_above_ones_own(self, admin: APIClient) -> None:
        taken = admin.post("/v1/auth/invites", {"email": "BOSS@example.org"})
        assert (taken.status_code, taken.json()["code"]) == (409, "already_exists")
        above = admin.post("/v1/auth/invites", {"email": "x@example.org", "role": "owner"})
        assert above.status_code == 403
