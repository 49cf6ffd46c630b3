"""Roles, keys of programs, and what an administrator does to people."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from apps.accounts.models import ApiKey, User
from apps.accounts.services import api_key_create, user_deactivate, user_set_role
from apps.core.errors import Conflict
from tests.apps.accounts.conftest import PASSWORD, Browser, Program

pytestmark = pytest.mark.django_db
Person = Callable[..., User]
SignedIn = Callable[..., APIClient]


def status(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code", "")


def test_viewer_reads_and_starts_nothing(person: Person, api_client: SignedIn) -> None:
    viewer = api_client(person("vera", role="viewer"))
    assert viewer.get("/v1/runs").status_code == 200
    body = {"pipeline_id": "engineering", "task": "x"}
    assert status(viewer.post("/v1/runs", body, format="json")) == (403, "missing_scope")
    browser = Browser()
    browser.sign_in("vera@example.org")
    assert browser.client.post("/v1/runs", body, content_type="application/json").status_code == 403


def test_narrower_role_narrows_old_keys_and_tokens(person: Person) -> None:
    user, boss = person("ada", role="admin"), person("boss", role="owner")
    key = api_key_create(user, "old", ["read", "runs", "admin"])
    program = Program()
    tokens = program.sign_in("ada@example.org").json()["meta"]
    user_set_role(user, "viewer", by=boss)
    for bearer in (key, tokens["access_token"]):
        body = program.me(bearer).json()
        assert (body["role"], body["is_admin"]) == ("viewer", False)
        assert "runs" not in body["scopes"]


def test_deactivation_ends_everything(person: Person) -> None:
    user, boss = person("ada"), person("boss", role="owner")
    key = api_key_create(user, "cli", ["read"])
    browser, program = Browser(), Program()
    browser.sign_in("ada@example.org")
    tokens = program.sign_in("ada@example.org").json()["meta"]
    user_deactivate(user, by=boss)
    assert not browser.is_in
    assert program.me(key).status_code == 401
    assert program.me(tokens["access_token"]).status_code == 401
    assert Browser().sign_in("ada@example.org").status_code != 200


class TestAdministration:
    @pytest.fixture
    def boss(self, person: Person) -> User:
        return person("boss", role="owner")

    @pytest.fixture
    def client(self, boss: User, api_client: SignedIn) -> APIClient:
        return api_client(boss)

    def test_makes_and_lists_people(self, client: APIClient) -> None:
        body = {"email": "ada@example.org", "role": "member", "password": PASSWORD}
        made = client.post("/v1/admin/users", body, format="json")
        assert made.status_code == 201, made.content
        assert made.json()["must_change_password"] is True
        assert "password" not in {key for key in made.json() if key != "must_change_password"}
        assert status(client.post("/v1/admin/users", body, format="json")) == (
            409,
            "already_exists",
        )
        page = client.get("/v1/admin/users?count=true").json()
        assert page["total"] == 2
        assert page["items"][0]["email"] == "ada@example.org"
        browser = Browser()
        assert browser.sign_in("ada@example.org").status_code == 200

    def test_members_see_nothing_of_it(self, person: Person, api_client: SignedIn) -> None:
        member = api_client(person("ada"))
        assert member.get("/v1/admin/users").status_code == 403
        assert member.get("/v1/auth/audit").status_code == 403

    def test_role_and_shutting_out(self, client: APIClient, person: Person) -> None:
        url = f"/v1/admin/users/{person('ada').pk}"
        assert client.patch(url, {"role": "viewer"}, format="json").json()["role"] == "viewer"
        assert client.patch(url, {"is_active": False}, format="json").json()["is_active"] is False
        assert client.patch(url, {"is_active": True}, format="json").json()["is_active"] is True
        assert client.patch(url, {"role": "king"}, format="json").status_code == 422
        assert client.patch("/v1/admin/users/none", {}, format="json").status_code == 404

    def test_nobody_changes_themselves(self, client: APIClient, boss: User) -> None:
        url = f"/v1/admin/users/{boss.pk}"
        assert client.patch(url, {"role": "member"}, format="json").status_code == 403
        assert client.patch(url, {"is_active": False}, format="json").status_code == 403

    def test_admin_does_not_touch_an_owner(
        self, boss: User, person: Person, api_client: SignedIn
    ) -> None:
        admin = api_client(person("adam", role="admin"))
        url = f"/v1/admin/users/{boss.pk}"
        assert admin.patch(url, {"role": "member"}, format="json").status_code == 403
        ada = f"/v1/admin/users/{person('ada').pk}"
        assert admin.patch(ada, {"role": "owner"}, format="json").status_code == 403
        assert admin.patch(ada, {"role": "admin"}, format="json").status_code == 200

    def test_second_factor_is_reset(self, client: APIClient, person: Person) -> None:
        from allauth.mfa.models import Authenticator

        ada = person("ada")
        Authenticator.objects.create(user=ada, type="webauthn", data={})
        ada.refresh_from_db()
        assert ada.has_second_factor
        answer = client.post(f"/v1/admin/users/{ada.pk}/reset-second-factor")
        assert answer.status_code == 204
        ada.refresh_from_db()
        assert not ada.has_second_factor
        assert Authenticator.objects.count() == 0


def test_last_owner_stays(person: Person) -> None:
    owner = person("boss", role="owner")
    for change in (user_deactivate, lambda user, by: user_set_role(user, "member", by=by)):
        with pytest.raises(Conflict, match="last owner"):
            change(owner, by=None)
    person("second", role="owner")
    user_set_role(owner, "member", by=None)
    assert User.objects.filter(role="owner").count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_owners_do_not_both_go(redis_client: Any) -> None:
    owners = [User.objects.create_superuser(name) for name in ("one", "two")]

    def go(user: User) -> str:
        try:
            user_deactivate(user, by=None)
            return "gone"
        except Conflict:
            return "stays"
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        said = sorted(pool.map(go, owners))
    assert said == ["gone", "stays"]
    assert User.objects.filter(role="owner", is_active=True).count() == 1


class TestKeys:
    def test_key_for_one_network(self, person: Person, api_client: SignedIn) -> None:
        client = api_client(person("ada"))
        body = {"name": "ci", "scopes": ["read"], "ip_allow": ["192.0.2.0/24", "2001:db8::1"]}
        key = client.post("/v1/auth/api-keys", body, format="json").json()["key"]

        def me(address: str) -> int:
            bearer = {"Authorization": f"Bearer {key}"}
            return Client().get("/v1/auth/me", headers=bearer, REMOTE_ADDR=address).status_code

        assert [me("192.0.2.9"), me("2001:db8::1"), me("192.0.3.9"), me("")] == [200, 200, 401, 401]
        assert ApiKey.objects.get(name="ci").last_used_ip == "192.0.2.9"
        bad = client.post("/v1/auth/api-keys", {**body, "ip_allow": ["home"]}, format="json")
        assert bad.status_code == 422

    def test_secret_of_a_key_is_kept_nowhere(self, person: Person, api_client: SignedIn) -> None:
        from apps.core.models import IdempotencyRecord

        client = api_client(person("ada"))
        body = {"name": "ci", "scopes": ["read"]}
        headers = {"Idempotency-Key": "one"}
        made = client.post("/v1/auth/api-keys", body, format="json", headers=headers)
        assert made.status_code == 201
        assert not IdempotencyRecord.objects.exists()

    def test_service_key(self, person: Person, api_client: SignedIn) -> None:
        admin = api_client(person("boss", role="admin"))
        body = {"account": "ci", "role": "member", "name": "deploy", "scopes": ["read", "runs"]}
        made = admin.post("/v1/auth/service-keys", body, format="json")
        assert made.status_code == 201, made.content
        key = made.json()["key"]
        assert key.startswith("djb_svc_")
        me = Program().me(key).json()
        assert (me["username"], me["is_admin"]) == ("service:ci", False)
        assert "ci" not in str(admin.get("/v1/admin/users").json())
        wide = admin.post("/v1/auth/service-keys", {**body, "scopes": ["admin"]}, format="json")
        assert wide.status_code == 422
        other = admin.post("/v1/auth/service-keys", {**body, "role": "viewer"}, format="json")
        assert other.status_code == 409
        assert admin.delete(f"/v1/auth/service-keys/{made.json()['id']}").status_code == 204
        assert Program().me(key).status_code == 401

    def test_agent_key_is_replaced_with_an_overlap(
        self, person: Person, api_client: SignedIn
    ) -> None:
        admin = api_client(person("boss", role="admin"))
        body = {"agent_id": "finn", "scopes": ["read"]}
        old, new = (
            admin.post("/v1/auth/agent-keys", body, format="json").json()["key"] for _ in range(2)
        )
        assert old.startswith("djb_agent_")
        assert Program().me(old).json()["agent_id"] == "finn"
        assert Program().me(new).status_code == 200
        ends = ApiKey.objects.exclude(expiry_date=None).get(kind="agent").expiry_date
        assert ends is not None
        listed = admin.get("/v1/auth/agent-keys").json()
        assert len(listed) == 2

    def test_programs_keys_are_for_administrators(
        self, person: Person, api_client: SignedIn
    ) -> None:
        member = api_client(person("ada"))
        for path in ("service-keys", "agent-keys"):
            assert member.get(f"/v1/auth/{path}").status_code == 403
            assert member.post(f"/v1/auth/{path}", {}, format="json").status_code == 403


def test_preferences_follow_the_person(person: Person, api_client: SignedIn) -> None:
    client = api_client(person("ada"))

    def change(**preferences: Any) -> Any:
        return client.patch("/v1/auth/me", {"preferences": preferences}, format="json")

    assert client.get("/v1/auth/me").json()["preferences"] == {}
    change(theme="dark", keys={"g h": "x"})
    assert change(density="comfortable", keys=None).status_code == 200
    assert client.get("/v1/auth/me").json()["preferences"] == {
        "theme": "dark", "density": "comfortable"
    }  # fmt: skip
    assert status(change(views="x" * 20_000)) == (422, "too_large")
    assert client.get("/v1/auth/me").json()["preferences"]["theme"] == "dark"


def test_who_was_away_is_told_since_when(person: Person, api_client: SignedIn) -> None:
    user = person("ada")
    client = api_client(user)

    def since(**body: Any) -> Any:
        answer = client.post("/v1/auth/visit", body, format="json")
        assert answer.status_code == 200, answer.json()
        return answer.json()["since"]

    def go_away(for_: timedelta) -> str:
        left = timezone.now() - for_
        User.objects.filter(pk=user.pk).update(here_at=left)
        return left.isoformat()[:19]

    assert since() is None, "the first time"
    assert since() is None, "the same visit"
    left = go_away(timedelta(hours=9))
    first = since()
    assert first.startswith(left)
    go_away(timedelta(minutes=10))
    assert since() == first, "a short absence is no absence"
    assert since(seen=True) > first
    assert since() > first, "what was looked at stays so"
