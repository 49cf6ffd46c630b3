"""The ways out: a real mail server, a real receiver of webhooks, and how they fail."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from apps.accounts.models import User
from apps.notifications.models import Delivery, Notification, NotificationRule, Webhook
from apps.notifications.outbox import deliver_due
from apps.notifications.rules import due_at
from apps.notifications.services import notify
from tests.apps.notifications.conftest import Receiver
from tests.support.mailbox import Mailbox

pytestmark = pytest.mark.django_db
Person = Callable[..., User]
SignedIn = Callable[..., APIClient]
RULES = "/v1/notifications/rules"
HOOKS = "/v1/notifications/webhooks"


def rule(client: APIClient, **fields: Any) -> None:
    answer = client.put(RULES, {"rules": [{"sink": "email", **fields}]}, format="json")
    assert answer.status_code == 200, answer.content


def make_due() -> None:
    Delivery.objects.filter(done_at=None).update(due_at=timezone.now())


class TestMail:
    def test_about_one_s_account_without_a_rule(self, person: Person, mailbox: Mailbox) -> None:
        ada = person("ada")
        notify(kind="account.new_device", user=ada, body="ip: 10.0.0.1", link="/profile/security")
        notify(kind="run.failed", user=ada)
        assert deliver_due() == 1
        assert deliver_due() == 0, "once"
        (message,) = mailbox.of("ada@example.org")
        assert message["Subject"] == "[DjinnBot] Your account signed in from a new device"
        text = str(message.get_payload())
        assert "ip: 10.0.0.1" in text
        assert "/profile/security" in text

    def test_as_the_rules_say(self, person: Person, mailbox: Mailbox, api_client: SignedIn) -> None:
        ada = person("ada")
        client = api_client(ada)
        rule(client, kind="run.*", min_level="error")
        for kind in ("run.failed", "run.approval", "account.key"):
            notify(kind=kind, user=ada)
        deliver_due()
        assert [message["Subject"] for message in mailbox.messages] == ["[DjinnBot] A run failed"]
        assert client.get(RULES).json()["rules"][0]["kind"] == "run.*"

    def test_a_title_makes_no_header(self, person: Person, mailbox: Mailbox) -> None:
        title = "x\r\nBcc: eve@example.org"
        notify(kind="account.key", user=person("ada"), title=title)
        deliver_due()
        (message,) = mailbox.messages
        assert message["Bcc"] is None
        assert "Bcc: eve" in message["Subject"]

    def test_digest_is_one_message(
        self, person: Person, mailbox: Mailbox, api_client: SignedIn
    ) -> None:
        ada = person("ada")
        rule(api_client(ada), digest="daily")
        for number in range(3):
            notify(kind="run.failed", user=ada, title=f"run {number}")
        assert deliver_due() == 0
        make_due()
        deliver_due()
        (message,) = mailbox.messages
        assert message["Subject"] == "[DjinnBot] 3 notifications"
        assert all(f"run {number}" in str(message.get_payload()) for number in range(3))

    def test_server_that_is_busy_is_asked_again(self, person: Person, mailbox: Mailbox) -> None:
        notify(kind="account.key", user=person("ada"))
        mailbox.refuses = "421 later"
        deliver_due()
        row = Delivery.objects.get()
        assert (row.done_at, row.given_up_at, row.attempts) == (None, None, 1)
        assert timedelta() < row.due_at - timezone.now() <= timedelta(seconds=30)
        assert deliver_due() == 0, "not yet"
        mailbox.refuses = ""
        make_due()
        deliver_due()
        assert len(mailbox.messages) == 1
        row.refresh_from_db()
        assert row.done_at is not None

    def test_address_that_is_refused_is_told(self, person: Person, mailbox: Mailbox) -> None:
        notify(kind="account.key", user=person("ada"))
        mailbox.refuses = "550 nobody here"
        deliver_due()
        assert Delivery.objects.get().given_up_at is not None
        told = Notification.objects.get(kind="notification.undelivered")
        assert "550" in told.body

    def test_without_a_server_nothing_is_planned(self, person: Person) -> None:
        notify(kind="account.key", user=person("ada"))
        assert not Delivery.objects.exists()


@pytest.fixture
def boss(person: Person) -> User:
    return person("boss", "owner")


@pytest.fixture
def hook(boss: User, api_client: SignedIn, receiver: Receiver) -> dict[str, Any]:
    """A webhook in a private network, which only an administrator may make, and its rule."""
    client = api_client(boss)
    body = {"name": "ops", "url": receiver.url, "allow_private": True}
    made = client.post(HOOKS, body, format="json")
    assert made.status_code == 201, made.content
    rule(client, sink="webhook", webhook=made.json()["id"])
    return dict(made.json())


class TestWebhook:
    def test_is_signed(self, boss: User, hook: dict[str, Any], receiver: Receiver) -> None:
        made = notify(kind="run.failed", user=boss, body="why", about=("run", "run_1"))
        deliver_due()
        ((headers, body),) = receiver.calls
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        key = base64.b64decode(hook["secret"].removeprefix("whsec_"))
        digest = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        assert headers["webhook-signature"] == f"v1,{digest}"
        (item,) = json.loads(body)["data"]["items"]
        assert (item["id"], item["kind"], item["object"]) == (
            made.pk,
            "run.failed",
            {"kind": "run", "id": "run_1"},
        )
        stored = Webhook.objects.get()
        assert hook["secret"] not in stored.secret
        assert stored.failures == 0

    def test_keeps_its_id_when_it_is_sent_again(
        self, boss: User, hook: dict[str, Any], receiver: Receiver
    ) -> None:
        receiver.status = 500
        notify(kind="run.failed", user=boss)
        pauses = []
        for _ in range(3):
            make_due()
            deliver_due()
            pauses.append(Delivery.objects.get().due_at - timezone.now())
        assert pauses[0] < pauses[1] < pauses[2], "longer each time"
        receiver.status = 204
        make_due()
        deliver_due()
        assert len({headers["webhook-id"] for headers, _ in receiver.calls}) == 1
        assert len(receiver.calls) == 4
        assert Webhook.objects.get().failures == 0
        assert not Notification.objects.filter(kind="notification.undelivered").exists()

    def test_is_given_up_after_a_day_and_told_once(
        self, boss: User, hook: dict[str, Any], receiver: Receiver
    ) -> None:
        receiver.status = 500
        for _ in range(3):
            notify(kind="run.failed", user=boss)
        Delivery.objects.update(created_at=timezone.now() - timedelta(hours=25))
        deliver_due()
        assert Delivery.objects.exclude(given_up_at=None).count() == 3
        told = Notification.objects.get(kind="notification.undelivered")
        assert told.count == 3
        assert "500" in told.body
        make_due()
        deliver_due()
        assert Notification.objects.filter(kind="notification.undelivered").count() == 1

    def test_redirect_is_not_followed(
        self, boss: User, hook: dict[str, Any], receiver: Receiver
    ) -> None:
        receiver.status = 302
        notify(kind="run.failed", user=boss)
        deliver_due()
        assert len(receiver.calls) == 1
        assert "302" in Delivery.objects.get().error

    def test_private_network_is_not_called(
        self, person: Person, api_client: SignedIn, receiver: Receiver
    ) -> None:
        ada = person("ada")
        client = api_client(ada)
        private = {"name": "x", "url": receiver.url, "allow_private": True}
        assert client.post(HOOKS, private, format="json").status_code == 403
        made = client.post(HOOKS, {**private, "allow_private": False}, format="json").json()
        rule(client, sink="webhook", webhook=made["id"])
        notify(kind="run.failed", user=ada)
        deliver_due()
        assert receiver.calls == []
        row = Delivery.objects.get(notification__kind="run.failed")
        assert row.given_up_at is not None
        assert "private network" in row.error

    def test_who_was_an_administrator_reaches_it_no_more(
        self, boss: User, hook: dict[str, Any], receiver: Receiver
    ) -> None:
        User.objects.filter(pk=boss.pk).update(role="member")
        notify(kind="run.failed", user=boss)
        deliver_due()
        assert receiver.calls == []
        assert "private network" in Delivery.objects.get(notification__kind="run.failed").error

    def test_of_somebody_else_is_not_found(
        self, person: Person, api_client: SignedIn, hook: dict[str, Any]
    ) -> None:
        eve = api_client(person("eve"))
        url = f"{HOOKS}/{hook['id']}"
        assert eve.get(HOOKS).json() == []
        assert eve.patch(url, {"enabled": False}, format="json").status_code == 404
        assert eve.delete(url).status_code == 404
        stolen = {"rules": [{"sink": "webhook", "webhook": hook["id"]}]}
        assert eve.put(RULES, stolen, format="json").status_code == 422

    def test_switched_off_and_taken_away(
        self, boss: User, api_client: SignedIn, hook: dict[str, Any], receiver: Receiver
    ) -> None:
        client = api_client(boss)
        url = f"{HOOKS}/{hook['id']}"
        assert client.patch(url, {"enabled": False}, format="json").json()["enabled"] is False
        notify(kind="run.failed", user=boss)
        deliver_due()
        assert receiver.calls == []
        assert client.delete(url).status_code == 204
        assert not NotificationRule.objects.exists(), "its rules go with it"

    def test_test_message(
        self, boss: User, api_client: SignedIn, hook: dict[str, Any], receiver: Receiver
    ) -> None:
        assert api_client(boss).post("/v1/notifications/test").status_code == 201
        deliver_due()
        assert len(receiver.calls) == 1


def test_rules_that_will_not_do(person: Person, api_client: SignedIn) -> None:
    client = api_client(person("ada"))
    for wrong in (
        {"sink": "pigeon"},
        {"sink": "webhook"},
        {"sink": "email", "webhook": "whk_x"},
        {"sink": "email", "quiet_from": "22:00"},
        {"sink": "email", "kind": "RUN"},
    ):
        answer = client.put(RULES, {"rules": [wrong]}, format="json")
        assert answer.status_code == 422, wrong


@pytest.mark.parametrize(
    ("now", "quiet", "digest", "due"),
    [
        ("2026-06-01T10:30", None, "none", "2026-06-01T10:30"),
        ("2026-06-01T21:00", ("22:00", "07:00"), "none", "2026-06-02T05:00"),
        ("2026-06-02T04:59", ("22:00", "07:00"), "none", "2026-06-02T05:00"),
        ("2026-06-02T05:00", ("22:00", "07:00"), "none", "2026-06-02T05:00"),
        ("2026-06-01T11:00", ("12:00", "14:00"), "none", "2026-06-01T12:00"),
        ("2026-06-01T10:30", None, "hourly", "2026-06-01T11:00"),
        ("2026-06-01T05:59", None, "daily", "2026-06-01T06:00"),
        ("2026-06-01T06:00", None, "daily", "2026-06-02T06:00"),
    ],
)
def test_quiet_hours_are_in_the_person_s_zone(
    now: str, quiet: tuple[str, str] | None, digest: str, due: str
) -> None:
    """Berlin, two hours ahead in June."""

    def at(text: str) -> datetime:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)

    times = [datetime.strptime(text, "%H:%M").time() for text in quiet or ()]  # noqa: DTZ007
    asked = NotificationRule(
        sink="email",
        digest=digest,
        quiet_from=times[0] if times else None,
        quiet_until=times[1] if times else None,
    )
    assert due_at(asked, User(timezone="Europe/Berlin"), at(now)) == at(due)
