"""Asking to be let in, and being let in."""

import csv
import io
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from apps.accounts.mails import invite_mail_send, waitlist_mail_send
from apps.accounts.models import Invite, User, WaitlistEntry
from apps.accounts.services import accounts_prune
from apps.accounts.services.waitlist import waitlist_join
from apps.core.errors import TransientError
from apps.notifications.models import Notification
from tests.apps.accounts.conftest import PASSWORD
from tests.support.mailbox import Mailbox, mailbox_server, settings_of

pytestmark = pytest.mark.django_db
Person = Callable[..., User]
SignedIn = Callable[..., APIClient]
URL = "/v1/waitlist"


@pytest.fixture
def mailbox(settings: Any) -> Iterator[Mailbox]:
    with mailbox_server() as running:
        for name, value in settings_of(running).items():
            setattr(settings, name, value)
        yield running


@pytest.fixture
def boss(person: Person, settings: Any) -> User:
    settings.WAITLIST_OPEN = True
    return person("boss", role="owner")


@pytest.fixture
def client(boss: User, api_client: SignedIn) -> APIClient:
    return api_client(boss)


def join(email: str, **fields: Any) -> int:
    body = {"email": email, **fields}
    answer = Client().post(URL, body, content_type="application/json")
    assert answer.content == b"" or answer.status_code != 202
    return int(answer.status_code)


def entry(email: str) -> WaitlistEntry:
    waitlist_join(email=email)
    return WaitlistEntry.objects.get(email=email)


def accept(link: str) -> Any:
    body = {"token": link.partition("token=")[2], "password": PASSWORD}
    return Client().post("/v1/auth/invites/accept", body, content_type="application/json")


def test_there_is_none_by_default(redis_client: Any) -> None:
    assert join("ada@example.org") == 403
    assert not WaitlistEntry.objects.exists()


def test_joining_twice_shows_no_difference(client: APIClient, person: Person) -> None:
    person("ivy")
    assert [join("ada@example.org"), join("ADA@example.org"), join("ivy@example.org")] == [202] * 3
    rows = client.get(URL).json()["items"]
    assert [(row["email"], row["status"]) for row in rows] == [("ada@example.org", "waiting")]
    assert Notification.objects.get(kind="account.waitlist").role == "admin"


def test_programs_that_fill_in_all_fields_are_not_on_it(boss: User) -> None:
    assert join("bot@example.org", website="http://spam.example") == 202
    assert not WaitlistEntry.objects.exists()


def test_five_an_hour_and_address(boss: User) -> None:
    assert [join(f"a{number}@example.org") for number in range(6)] == [202] * 5 + [429]


def test_three_an_hour_and_mail_address(boss: User) -> None:
    codes = [
        Client(REMOTE_ADDR=f"10.0.0.{number}")
        .post(URL, {"email": "ada@example.org"}, content_type="application/json")
        .status_code
        for number in range(4)
    ]
    assert codes == [202, 202, 202, 429]


def test_without_mail_the_administrator_gets_the_link(client: APIClient) -> None:
    row = entry("ada@example.org")
    invited = client.post(f"{URL}/{row.pk}/invite")
    assert (invited.status_code, invited.json()["status"]) == (201, "invited")
    assert accept(invited.json()["url"]).status_code == 201
    assert accept(invited.json()["url"]).status_code == 410, "once"
    row.refresh_from_db()
    assert row.status == "registered"
    assert row.invite == Invite.objects.get()
    assert User.objects.filter(email="ada@example.org").exists()
    assert client.post(f"{URL}/{row.pk}/invite").status_code == 409


def test_mail_holds_the_link(client: APIClient, boss: User, mailbox: Mailbox) -> None:
    row = entry("ada@example.org")
    invited = client.post(f"{URL}/{row.pk}/invite")
    assert (invited.status_code, invited.json()["url"]) == (201, "")
    assert client.post(f"{URL}/{row.pk}/invite").json()["code"] == "sent_lately"
    invite_mail_send(row.pk, boss.pk)
    (message,) = mailbox.of("ada@example.org")
    link = next(line for line in str(message.get_payload()).splitlines() if "token=" in line)
    assert accept(link).status_code == 201
    row.refresh_from_db()
    assert row.status == "registered"


def test_mail_that_fails_shows_and_may_be_sent_again(
    client: APIClient, boss: User, mailbox: Mailbox
) -> None:
    row = entry("ada@example.org")
    client.post(f"{URL}/{row.pk}/invite")
    mailbox.refuses = "451 later"
    with pytest.raises(TransientError):
        invite_mail_send(row.pk, boss.pk)
    (told,) = client.get(URL).json()["items"]
    assert "mail server" in told["mail_error"]
    assert not Invite.objects.exists(), "no link is good that nobody got"
    assert client.post(f"{URL}/{row.pk}/invite").status_code == 201
    mailbox.refuses = ""
    invite_mail_send(row.pk, boss.pk)
    assert len(mailbox.messages) == 1
    row.refresh_from_db()
    assert row.mail_error == ""


def test_several_at_once(client: APIClient) -> None:
    one, other = entry("ada@example.org"), entry("bob@example.org")
    WaitlistEntry.objects.filter(pk=other.pk).update(registered_at=timezone.now())
    body = {"ids": [one.pk, other.pk, "wl_none"]}
    items = client.post(f"{URL}/invite-bulk", body, format="json").json()["items"]
    assert [(item["ok"], item["code"]) for item in items] == [
        (True, ""), (False, "already_exists"), (False, "not_found"),
    ]  # fmt: skip
    assert client.delete(f"{URL}/{one.pk}").status_code == 204
    assert client.delete(f"{URL}/{one.pk}").status_code == 404


def test_is_for_administrators(person: Person, api_client: SignedIn, boss: User) -> None:
    row = entry("ada@example.org")
    member = api_client(person("mia"))
    assert member.get(URL).status_code == 403
    assert member.delete(f"{URL}/{row.pk}").status_code == 403
    assert member.post(f"{URL}/{row.pk}/invite").status_code == 403
    assert member.post(f"{URL}/invite-bulk", {"ids": [row.pk]}, format="json").status_code == 403


def test_exports_run_no_formula(client: APIClient, person: Person) -> None:
    """Anybody may write into the list, and people choose their own names."""
    formula = '=HYPERLINK("https://evil.example")'
    for number, note in enumerate([formula, "+1", "-1", "@SUM(1)", "fine, really"]):
        assert join(f"eve{number}@example.org", note=note) == 202
    person("ada", display_name=formula)
    waiting = list(csv.DictReader(io.StringIO(exported(client, "/v1/waitlist/export"))))
    assert [row["note"] for row in waiting] == [
        f"'{formula}", "'+1", "'-1", "'@SUM(1)", "fine, really",
    ]  # fmt: skip
    assert waiting[0]["status"] == "waiting"
    people = list(csv.DictReader(io.StringIO(exported(client, "/v1/admin/users/export"))))
    assert [(row["email"], row["display_name"]) for row in people] == [
        ("boss@example.org", ""), ("ada@example.org", f"'{formula}"),
    ]  # fmt: skip
    assert "argon2" not in str(people)


def exported(client: APIClient, path: str) -> str:
    answer: Any = client.get(path)
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/csv")
    return b"".join(answer.streaming_content).decode()


class TestConfirmed:
    """With `DJINNBOT_WAITLIST_CONFIRM` nobody puts another's address on the list."""

    @pytest.fixture(autouse=True)
    def _asked(self, settings: Any) -> None:
        settings.WAITLIST_CONFIRM = True

    def confirming(self, mailbox: Mailbox, email: str) -> str:
        waitlist_mail_send(WaitlistEntry.objects.get(email=email).pk)
        text = str(mailbox.messages[-1].get_payload())
        return text.partition("http")[2].split()[0].partition("//")[2].partition("/")[2]

    def test_by_a_link_that_works_once(self, client: APIClient, mailbox: Mailbox) -> None:
        assert join("ada@example.org") == 202
        assert client.get(URL).json()["items"] == []
        entry_id = WaitlistEntry.objects.get().pk
        assert client.post(f"{URL}/{entry_id}/invite").status_code == 404
        page = "/" + self.confirming(mailbox, "ada@example.org")
        browser = Client(enforce_csrf_checks=True)
        asked = browser.get(page)
        assert WaitlistEntry.objects.get().is_confirmed is False, "a program has only looked"
        token = asked.content.decode().partition('csrfmiddlewaretoken" value="')[2].split('"')[0]
        assert browser.post(page).status_code == 403
        done = browser.post(page, {"csrfmiddlewaretoken": token})
        assert done.status_code == 200
        assert "on the list" in done.content.decode()
        assert Notification.objects.filter(kind="account.waitlist").count() == 1
        assert [row["email"] for row in client.get(URL).json()["items"]] == ["ada@example.org"]
        assert browser.post(page, {"csrfmiddlewaretoken": token}).status_code == 410

    def test_asked_again_the_older_link_ends(self, boss: User, mailbox: Mailbox) -> None:
        join("ada@example.org")
        first = "/" + self.confirming(mailbox, "ada@example.org")
        assert join("Ada@example.org") == 202
        assert WaitlistEntry.objects.count() == 1
        self.confirming(mailbox, "ada@example.org")
        assert Client().post(first).status_code == 410
        assert not WaitlistEntry.objects.get().is_confirmed

    def test_forgotten_after_a_week(self, boss: User, mailbox: Mailbox) -> None:
        join("ada@example.org")
        join("bob@example.org")
        week = timezone.now() - timedelta(days=8)
        WaitlistEntry.objects.filter(email="ada@example.org").update(created_at=week)
        accounts_prune()
        assert WaitlistEntry.objects.get().email == "bob@example.org"

    def test_without_a_mail_server_nobody_could(self, client: APIClient) -> None:
        assert join("ada@example.org") == 202
        assert len(client.get(URL).json()["items"]) == 1
