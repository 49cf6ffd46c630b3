"""Keys changed, and keys made with keys."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from apps.accounts.models import ApiKey, AuditEvent, User
from apps.accounts.services import api_key_issue
from tests.apps.accounts.conftest import Program

pytestmark = pytest.mark.django_db
Person = Callable[..., User]
SignedIn = Callable[..., APIClient]


@pytest.fixture
def ada(person: Person) -> User:
    return person("ada")


@pytest.fixture
def client(ada: User, api_client: SignedIn) -> APIClient:
    return api_client(ada)


def made(client: APIClient, **body: Any) -> Any:
    answer = client.post(
        "/v1/auth/api-keys", {"name": "ci", "scopes": ["read", "runs"], **body}, format="json"
    )
    assert answer.status_code == 201, answer.content
    return answer.json()


def changed(client: APIClient, key: Any, body: dict[str, Any]) -> Any:
    return client.patch(f"/v1/auth/api-keys/{key['id']}", body, format="json")


def days_left(told: Any) -> float:
    row = ApiKey.objects.get(prefix=told["id"])
    assert row.expiry_date is not None
    left: timedelta = row.expiry_date - timezone.now()
    return left / timedelta(days=1)


class TestChanging:
    def test_name_end_and_addresses(self, client: APIClient) -> None:
        key = made(client, expires_in_days=5)
        body = {"name": "deploy", "expires_in_days": 9, "ip_allow": ["127.0.0.0/8"]}
        answer = changed(client, key, body)
        assert answer.status_code == 200, answer.content
        told = answer.json()
        assert (told["name"], told["ip_allow"]) == ("deploy", ["127.0.0.0/8"])
        assert 8 < days_left(told) <= 9
        assert Program().me(key["key"]).status_code == 200, "the secret stays"
        assert changed(client, key, {"expires_in_days": None}).json()["expires_at"] is None
        assert changed(client, key, {"ip_allow": ["203.0.113.9"]}).status_code == 200
        assert Program().me(key["key"]).status_code == 401
        assert AuditEvent.objects.filter(action="api_key.change").count() == 3

    def test_scopes_only_go(self, client: APIClient) -> None:
        key = made(client)
        assert changed(client, key, {"scopes": ["read"]}).json()["scopes"] == ["read"]
        assert Program().me(key["key"]).json()["scopes"] == ["read"]
        wider = changed(client, key, {"scopes": ["read", "runs"]})
        assert (wider.status_code, wider.json()["scopes"]) == (422, ["runs"])

    @pytest.mark.parametrize(
        "body", [{"scopes": []}, {"scopes": ["fly"]}, {"ip_allow": ["home"]}, {"name": ""}]
    )
    def test_what_will_not_do(self, client: APIClient, body: dict[str, Any]) -> None:
        key = made(client)
        assert changed(client, key, body).status_code == 422
        assert made(client)["scopes"] == ["read", "runs"]

    def test_one_that_has_ended_stays_ended(self, client: APIClient) -> None:
        key = made(client)
        client.delete(f"/v1/auth/api-keys/{key['id']}")
        answer = changed(client, key, {"expires_in_days": 9})
        assert (answer.status_code, answer.json()["code"]) == (409, "key_ended")

    def test_somebody_else_s_is_not_found(
        self, client: APIClient, person: Person, api_client: SignedIn
    ) -> None:
        key = made(client)
        stranger = api_client(person("bob"))
        assert changed(stranger, key, {"name": "mine"}).status_code == 404
        assert ApiKey.objects.get(prefix=key["id"]).name == "ci"


class TestMadeWithAKey:
    """A key that was stolen gives no longer life, and no way in from elsewhere."""

    @pytest.fixture
    def bound(self, ada: User) -> APIClient:
        """Of a key for ten days and two networks."""
        key = api_key_issue(
            user=ada,
            name="bound",
            scopes=["account", "read", "runs"],
            expires_in_days=10,
            ip_allow=["127.0.0.0/8", "2001:db8::/32"],
        )[1]
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
        return client

    def test_takes_over_its_bounds(self, bound: APIClient) -> None:
        told = made(bound)
        assert 9 < days_left(told) <= 10
        assert told["ip_allow"] == ["127.0.0.0/8", "2001:db8::/32"]
        narrow = made(bound, expires_in_days=3, ip_allow=["127.1.0.0/16"])
        assert days_left(narrow) <= 3
        assert narrow["ip_allow"] == ["127.1.0.0/16"]

    @pytest.mark.parametrize(
        "body",
        [
            {"expires_in_days": 11},
            {"ip_allow": ["192.0.2.1"]},
            {"ip_allow": ["127.0.0.1", "0.0.0.0/0"]},
            {"ip_allow": ["::/0"]},
        ],
    )
    def test_cannot_be_widened(self, bound: APIClient, client: APIClient, body: Any) -> None:
        asked = {"name": "wide", "scopes": ["read"], **body}
        answer = bound.post("/v1/auth/api-keys", asked, format="json")
        assert (answer.status_code, answer.json()["code"]) == (403, "key_too_wide")
        for key in (ApiKey.objects.get(name="bound").prefix, made(client)["id"]):
            refused = changed(bound, {"id": key}, body)
            assert (refused.status_code, refused.json()["code"]) == (403, "key_too_wide")
        endless: list[dict[str, Any]] = [{"expires_in_days": None}, {"ip_allow": []}]
        for all_of_it in endless:
            own = {"id": ApiKey.objects.get(name="bound").prefix}
            assert changed(bound, own, all_of_it).json()["code"] == "key_too_wide"

    def test_signs_no_browser_in_from_elsewhere(self, person: Person) -> None:
        key = api_key_issue(
            user=person("boss", role="owner"), name="b", scopes=["admin"], ip_allow=["127.0.0.1"]
        )[1]
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
        answer = client.post("/v1/auth/login-link", {}, format="json")
        assert (answer.status_code, answer.json()["code"]) == (403, "key_too_wide")
