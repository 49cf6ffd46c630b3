"""A program without a browser is let in from one elsewhere (RFC 8628)."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from allauth.usersessions.models import UserSession
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from apps.accounts.models import AuditEvent, DeviceSignIn, User
from apps.accounts.services import user_deactivate
from apps.notifications.models import Notification
from tests.apps.accounts.conftest import Browser, grown_old

pytestmark = pytest.mark.django_db
Person = Callable[..., User]
SignedIn = Callable[..., APIClient]


class Device:
    """A program that asks to be let in."""

    def __init__(self) -> None:
        self.client = Client()
        answer = self.post("/v1/auth/device", {"name": "djinn on box"})
        assert answer.status_code == 201, answer.content
        self.told = answer.json()

    def post(self, path: str, body: Any) -> Any:
        return self.client.post(path, body, content_type="application/json")

    @property
    def code(self) -> str:
        return str(self.told["user_code"])

    def asks(self) -> tuple[int, dict[str, Any]]:
        answer = self.post("/v1/auth/device/token", {"device_code": self.told["device_code"]})
        assert "sessionid" not in answer.cookies, "a program gets tokens, no cookie"
        return answer.status_code, dict(answer.json())

    def later(self) -> None:
        DeviceSignIn.objects.update(asked_at=timezone.now() - timedelta(seconds=5))


@pytest.fixture
def device(db: None, redis_client: object) -> Device:
    return Device()


@pytest.fixture
def ada(person: Person) -> User:
    return person("ada")


@pytest.fixture
def signed_in(ada: User, browser: Browser) -> Browser:
    assert browser.sign_in(ada.email).status_code == 200
    return browser


def decides(browser: Browser, code: str, *, allow: bool = True) -> Any:
    return browser.client.post(
        f"/v1/auth/device/{code}", {"allow": allow}, content_type="application/json"
    )


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_it_waits_and_is_let_in_once(device: Device, signed_in: Browser, ada: User) -> None:
    assert device.told["verification_uri_complete"].endswith(f"/login/device/?code={device.code}")
    assert device.asks()[1]["code"] == "authorization_pending"
    assert device.asks()[1]["code"] == "slow_down"
    seen = signed_in.client.get(f"/v1/auth/device/{device.code}").json()
    assert (seen["name"], seen["ip"]) == ("djinn on box", "127.0.0.1")
    assert decides(signed_in, device.code.lower().replace("-", " ")).status_code == 204
    device.later()
    status, pair = device.asks()
    assert status == 200, pair
    me = device.client.get("/v1/auth/me", headers=bearer(pair["access_token"])).json()
    assert me["id"] == ada.pk
    assert UserSession.objects.filter(user=ada).count() == 2, "one of its own"
    refreshed = device.post(
        "/v1/auth/app/v1/tokens/refresh", {"refresh_token": pair["refresh_token"]}
    )
    assert refreshed.status_code == 200
    assert device.asks()[1]["code"] == "expired_token", "once"
    told = AuditEvent.objects.get(action="device.decide")
    assert (told.actor_id, told.facts["name"]) == (ada.pk, "djinn on box")
    assert signed_in.is_in, "the browser's own session is another"


def test_it_makes_the_key_that_it_keeps(device: Device, signed_in: Browser) -> None:
    decides(signed_in, device.code)
    pair = device.asks()[1]
    wanted = {"name": "djinn", "scopes": ["read"], "expires_in_days": 90}
    made = device.client.post(
        "/v1/auth/api-keys",
        wanted,
        content_type="application/json",
        headers=bearer(pair["access_token"]),
    )
    assert made.status_code == 201, "it was let in a moment ago: nothing is asked again"


def test_it_is_sent_away(device: Device, signed_in: Browser) -> None:
    assert decides(signed_in, device.code, allow=False).status_code == 204
    assert device.asks()[1]["code"] == "access_denied"
    assert decides(signed_in, device.code).status_code == 404, "the first decision counts"
    assert device.asks()[1]["code"] == "access_denied"
    assert AuditEvent.objects.get(action="device.decide").result == "refused"


def test_a_key_lets_nobody_in(device: Device, ada: User, api_client: SignedIn) -> None:
    """It would get more than it may itself."""
    client = api_client(ada, scopes=["account"])
    refused = client.post(f"/v1/auth/device/{device.code}", {"allow": True}, format="json")
    assert (refused.status_code, refused.json()["code"]) == (403, "browser_required")
    assert device.asks()[1]["code"] == "authorization_pending"


def test_a_session_left_open_lets_nobody_in(device: Device, signed_in: Browser) -> None:
    grown_old(str(signed_in.client.session.session_key))
    refused = decides(signed_in, device.code)
    assert (refused.status_code, refused.json()["code"]) == (403, "reauthentication_required")


def test_another_site_lets_nobody_in(device: Device, ada: User) -> None:
    strict = Browser()
    strict.sign_in(ada.email)
    forged = Client(enforce_csrf_checks=True)
    forged.cookies = strict.client.cookies
    answer = forged.post(
        f"/v1/auth/device/{device.code}", {"allow": True}, content_type="application/json"
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "csrf_failed")


def test_too_late_is_too_late(device: Device, signed_in: Browser) -> None:
    DeviceSignIn.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert decides(signed_in, device.code).status_code == 404
    assert device.asks()[1]["code"] == "expired_token"


def test_who_is_shut_out_meanwhile_stays_out(
    device: Device, signed_in: Browser, ada: User, person: Person
) -> None:
    decides(signed_in, device.code)
    user_deactivate(ada, by=person("boss", role="owner"))
    assert device.asks()[1]["code"] == "expired_token"


def test_codes_are_not_guessed(signed_in: Browser) -> None:
    answers = [decides(signed_in, "BBBB-BBBB").status_code for _ in range(31)]
    assert answers[:30] == [404] * 30
    assert answers[30] == 429


def test_nothing_of_it_is_stored_as_text(device: Device) -> None:
    row = DeviceSignIn.objects.get()
    assert device.told["device_code"] not in {str(value) for value in vars(row).values()}
    assert device.asks()[1]["code"] == "authorization_pending"
    wrong = device.post("/v1/auth/device/token", {"device_code": row.device_sha256})
    assert wrong.json()["code"] == "expired_token"


def test_the_person_hears_of_it(device: Device, signed_in: Browser, ada: User) -> None:
    decides(signed_in, device.code)
    pair = device.client.post(
        "/v1/auth/device/token",
        {"device_code": device.told["device_code"]},
        content_type="application/json",
        headers={"User-Agent": "djinn"},
    )
    assert pair.status_code == 200
    assert Notification.objects.filter(user=ada, kind="account.new_device").exists()
