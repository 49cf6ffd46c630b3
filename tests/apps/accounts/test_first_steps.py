"""A person whose password somebody else chose changes it before anything else."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from apps.accounts.models import User
from apps.accounts.services import stream_ticket_create
from apps.core.api.callers import caller_from
from apps.core.topics import topic_access
from tests.apps.accounts.conftest import PASSWORD, Browser, Program

pytestmark = pytest.mark.django_db
Person = Callable[..., User]
NEW = "a longer horse battery"


@pytest.fixture
def newcomer(person: Person) -> User:
    return person("ada", role="admin", must_change_password=True)


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code", "")


def test_nothing_else_is_open(newcomer: User, browser: Browser) -> None:
    assert browser.sign_in("ada@example.org").status_code == 200
    refused = (403, "password_change_required")
    for path in ("/v1/runs", "/v1/admin/users", "/v1/auth/sessions", "/v1/auth/api-keys"):
        assert code(browser.client.get(path)) == refused, path
    body = {"name": "x", "scopes": ["account"]}
    made = browser.client.post("/v1/auth/api-keys", body, content_type="application/json")
    assert code(made) == refused
    assert code(browser.client.post("/v1/auth/stream-ticket")) == refused
    me = browser.client.get("/v1/auth/me")
    assert (me.status_code, me.json()["must_change_password"], me.json()["scopes"]) == (
        200,
        True,
        [],
    )
    assert browser.client.post("/v1/auth/logout").status_code == 204
    assert not browser.is_in


def test_old_keys_and_tickets_wait_too(newcomer: User, api_client: Any) -> None:
    User.objects.filter(pk=newcomer.pk).update(must_change_password=False)
    user = User.objects.get(pk=newcomer.pk)
    key: APIClient = api_client(user)
    stream_ticket_create(caller=caller_from(user, None), topics=[])
    assert key.get("/v1/runs").status_code == 200
    User.objects.filter(pk=newcomer.pk).update(must_change_password=True)
    assert code(key.get("/v1/runs")) == (403, "password_change_required")
    assert not topic_access(caller_from(newcomer, None), "runs")


def test_a_new_password_opens_everything(newcomer: User, browser: Browser) -> None:
    browser.sign_in("ada@example.org")
    change = {"current_password": PASSWORD, "new_password": PASSWORD}
    same = browser.post("/account/password/change", change)
    assert same.status_code == 400
    assert code(browser.client.get("/v1/runs"))[0] == 403
    changed = browser.post("/account/password/change", {**change, "new_password": NEW})
    assert changed.status_code == 200, changed.content
    assert browser.client.get("/v1/runs").status_code == 200
    assert Browser().sign_in("ada@example.org", NEW).status_code == 200


def test_a_program_does_it_too(newcomer: User, program: Program) -> None:
    meta = program.sign_in("ada@example.org").json()["meta"]
    bearer = {"Authorization": f"Bearer {meta['access_token']}"}
    assert code(program.client.get("/v1/runs", headers=bearer))[0] == 403
    program.headers = bearer
    change = {"current_password": PASSWORD, "new_password": NEW}
    assert program.post("/account/password/change", change).status_code == 200
    assert program.client.get("/v1/runs", headers=bearer).status_code == 401, "it ends the pair"
    meta = Program().sign_in("ada@example.org", NEW).json()["meta"]
    bearer = {"Authorization": f"Bearer {meta['access_token']}"}
    assert program.client.get("/v1/runs", headers=bearer).status_code == 200


def test_a_browser_gets_no_further_either(newcomer: User) -> None:
    browser = Client()
    login = {"email": "ada@example.org", "password": PASSWORD}
    signed_in = browser.post("/v1/auth/browser/v1/auth/login", login, "application/json")
    assert signed_in.status_code == 200
    assert browser.get("/v1/auth/me").json()["must_change_password"] is True
    assert browser.get("/v1/runs").status_code == 403
    assert browser.get("/django-admin/").status_code == 302, "nor Django's admin"
    change = {"current_password": PASSWORD, "new_password": NEW}
    path = "/v1/auth/browser/v1/account/password/change"
    assert browser.post(path, change, "application/json").status_code == 200
    assert browser.get("/v1/runs").status_code == 200
    assert browser.get("/django-admin/").status_code == 200


def test_django_admin_waits_for_a_required_second_factor(
    person: Person, browser: Browser, settings: Any
) -> None:
    person("ada", role="admin")
    browser.sign_in("ada@example.org")
    assert browser.client.get("/django-admin/").status_code == 200
    settings.SECOND_FACTOR_ROLES = ["admin"]
    assert browser.client.get("/django-admin/").status_code == 302
    assert browser.client.get("/v1/auth/me").json()["second_factor_needed"] is True
