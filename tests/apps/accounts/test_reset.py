"""A forgotten password, by mail."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import resolve

from apps.accounts.mails import reset_mail_send
from apps.accounts.models import AuditEvent, User
from djinnbot import celery  # noqa: F401  tasks are sent through the configured app
from tests.apps.accounts.conftest import PASSWORD, Browser
from tests.support.live import LiveProcess, eventually
from tests.support.mailbox import Mailbox, mailbox_server, settings_of

pytestmark = pytest.mark.django_db
Person = Callable[..., User]
NEW = "a longer horse battery"


@pytest.fixture
def mailbox(settings: Any) -> Iterator[Mailbox]:
    with mailbox_server() as running:
        for name, value in settings_of(running).items():
            setattr(settings, name, value)
        yield running


def link_of(mailbox: Mailbox) -> str:
    found = re.search(r"/login/reset/(\S+)/", str(mailbox.messages[-1].get_payload()))
    assert found, mailbox.messages
    return found[1]


def test_link_works_once(person: Person, browser: Browser, mailbox: Mailbox) -> None:
    ada = person("ada", must_change_password=True)
    signed_in = Browser()
    signed_in.sign_in("ada@example.org")
    reset_mail_send(ada.pk)
    key = link_of(mailbox)
    body = {"key": key, "password": NEW}
    weak = browser.post("/auth/password/reset", {**body, "password": "short"})
    assert weak.status_code == 400
    changed = browser.post("/auth/password/reset", body)
    assert changed.status_code == 401, "and does not sign in"
    assert not browser.is_in
    assert not signed_in.is_in, "who was in is out"
    assert browser.post("/auth/password/reset", body).status_code == 400
    assert Browser().sign_in("ada@example.org", NEW).status_code == 200
    assert Browser().sign_in("ada@example.org", PASSWORD).status_code == 400
    ada.refresh_from_db()
    assert not ada.must_change_password
    assert AuditEvent.objects.filter(action="password.change", object_id=ada.pk).exists()


def test_a_new_password_ends_the_link(person: Person, browser: Browser, mailbox: Mailbox) -> None:
    ada = person("ada")
    reset_mail_send(ada.pk)
    ada.set_password(NEW)
    ada.save(update_fields=["password"])
    body = {"key": link_of(mailbox), "password": PASSWORD}
    assert browser.post("/auth/password/reset", body).status_code == 400


def test_an_hour_later_it_is_too_late(
    person: Person, browser: Browser, mailbox: Mailbox, settings: Any
) -> None:
    reset_mail_send(person("ada").pk)
    assert settings.PASSWORD_RESET_TIMEOUT == 3600
    settings.PASSWORD_RESET_TIMEOUT = -1
    body = {"key": link_of(mailbox), "password": NEW}
    assert browser.post("/auth/password/reset", body).status_code == 400


def test_who_asks_cannot_tell_who_is_here(
    person: Person, browser: Browser, mailbox: Mailbox
) -> None:
    person("ada")
    answers = [
        browser.post("/auth/password/request", {"email": f"{name}@example.org"})
        for name in ("ada", "nobody")
    ]
    assert answers[0].status_code == answers[1].status_code == 200
    assert answers[0].content == answers[1].content
    assert mailbox.messages == [], "a worker sends it"


def test_three_an_hour_and_account(person: Person) -> None:
    person("ada")
    codes = []
    for number in range(4):
        browser = Browser()
        browser.client = Client(REMOTE_ADDR=f"10.0.0.{number}")
        asked = browser.post("/auth/password/request", {"email": "ada@example.org"})
        codes.append(asked.status_code)
    assert codes == [200, 200, 200, 429]


def test_nobody_who_is_shut_out(person: Person, mailbox: Mailbox) -> None:
    ada = person("ada")
    User.objects.filter(pk=ada.pk).update(is_active=False)
    reset_mail_send(ada.pk)
    assert mailbox.messages == []


@pytest.mark.django_db(transaction=True)
def test_a_worker_sends_a_link_to_the_page(
    person: Person, browser: Browser, celery_worker: Callable[..., LiveProcess]
) -> None:
    person("ada")
    with mailbox_server() as mailbox:
        url = f"smtp://127.0.0.1:{mailbox.port}"
        celery_worker("events", environment={"EMAIL_URL": url})
        asked = browser.post("/auth/password/request", {"email": "ada@example.org"})
        assert asked.status_code == 200
        eventually(lambda: mailbox.messages, timeout_s=60)
    key = link_of(mailbox)
    assert resolve(f"/login/reset/{key}/").url_name == "account_reset_password_from_key"
    changed = browser.post("/auth/password/reset", {"key": key, "password": NEW})
    assert changed.status_code == 401
    assert Browser().sign_in("ada@example.org", NEW).status_code == 200
