"""What each person sees, over the API and live."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from apps.accounts.models import User
from apps.accounts.services import user_deactivate
from apps.core.api.callers import caller_from
from apps.core.events import events_after
from apps.core.topics import topic_access
from apps.notifications.models import Delivery, Notification
from apps.notifications.services import notifications_prune, notify
from tests.apps.accounts.conftest import PASSWORD, Browser

pytestmark = pytest.mark.django_db
Person = Callable[..., User]
SignedIn = Callable[..., APIClient]
URL = "/v1/notifications"


def titles(client: APIClient, query: str = "") -> list[str]:
    answer = client.get(URL + query)
    assert answer.status_code == 200, answer.content
    return [row["title"] for row in answer.json()["items"]]


def unread(client: APIClient) -> int:
    return int(client.get(f"{URL}/unread").json()["unread"])


def test_two_admins_have_their_own_unread(person: Person, api_client: SignedIn) -> None:
    one, other = api_client(person("ada", "admin")), api_client(person("bob", "owner"))
    member = api_client(person("mia"))
    made = notify(kind="budget.hard", role="admin", title="x")
    assert (unread(one), unread(other), unread(member)) == (1, 1, 0)
    assert one.post(f"{URL}/{made.pk}/read").status_code == 204
    assert (unread(one), unread(other)) == (0, 1)
    assert titles(one) == ["x"]
    assert titles(one, "?unread=true") == []
    assert one.get(URL).json()["items"][0]["read_at"] is not None
    assert other.get(URL).json()["items"][0]["read_at"] is None
    assert one.delete(f"{URL}/{made.pk}").status_code == 204
    assert titles(one) == []
    assert titles(other) == ["x"]
    assert member.post(f"{URL}/{made.pk}/read").status_code == 404
    assert member.delete(f"{URL}/{made.pk}").status_code == 404


def test_one_person_only(person: Person, api_client: SignedIn) -> None:
    ada, boss = person("ada"), person("boss", "owner")
    notify(kind="run.failed", user=ada, title="mine")
    assert titles(api_client(ada)) == ["mine"]
    assert titles(api_client(boss)) == []
    assert topic_access(caller_from(ada, None), f"notifications:{ada.pk}")
    assert not topic_access(caller_from(boss, None), f"notifications:{ada.pk}")


def test_equal_ones_count_up(person: Person, api_client: SignedIn) -> None:
    ada = person("ada")
    client = api_client(ada)
    for _ in range(60):
        notify(kind="run.failed", user=ada, dedupe_key="run_1")
    first = Notification.objects.get()
    client.post(f"{URL}/read-all")
    for _ in range(40):
        notify(kind="run.failed", user=ada, dedupe_key="run_1")
    rows = client.get(URL).json()["items"]
    assert [(row["id"], row["count"]) for row in rows] == [(first.pk, 100)]
    assert unread(client) == 1, "what was read is told again"
    notify(kind="run.failed", user=ada, dedupe_key="run_2")
    notify(kind="run.failed", user=person("bob"), dedupe_key="run_1")
    assert Notification.objects.count() == 3
    frames = events_after(f"notifications:{ada.pk}", 0)
    assert [frame.data["count"] for frame in frames if frame.type == "notification.made"] == [
        *range(1, 101),
        1,
    ]


def test_an_old_one_counts_no_more(person: Person) -> None:
    ada = person("ada")
    made = notify(kind="run.failed", user=ada, dedupe_key="run_1")
    Notification.objects.filter(pk=made.pk).update(created_at="2020-01-01T00:00:00Z")
    assert notify(kind="run.failed", user=ada, dedupe_key="run_1").pk != made.pk
    assert notifications_prune() >= 1
    assert not Notification.objects.filter(pk=made.pk).exists()


def test_live_topic_tells_of_new_and_read(person: Person, api_client: SignedIn) -> None:
    ada, boss = person("ada", "admin"), person("boss", "owner")
    made = notify(kind="announcement", role="viewer", title="x")
    api_client(ada).post(f"{URL}/{made.pk}/read")
    mine = [(frame.type) for frame in events_after(f"notifications:{ada.pk}", 0)]
    assert mine == ["notification.made", "notification.read"]
    others = [(frame.type) for frame in events_after(f"notifications:{boss.pk}", 0)]
    assert others == ["notification.made"]


def test_announcements_are_for_administrators_to_make(person: Person, api_client: SignedIn) -> None:
    admin, member, viewer = (
        api_client(person("ada", "admin")), api_client(person("mia")),
        api_client(person("vera", "viewer")),
    )  # fmt: skip
    body = {"title": "Down on Sunday", "level": "warning", "role": "member"}
    assert member.post(URL, body, format="json").status_code == 403
    assert admin.post(URL, body, format="json").status_code == 201
    assert (titles(member), titles(viewer)) == (["Down on Sunday"], [])
    newcomer = api_client(person("new"))
    assert titles(newcomer) == [], "what was before one came is not for one"
    for link in ("https://evil.example", "//evil.example"):
        answer = admin.post(URL, {**body, "link": link}, format="json")
        assert answer.status_code == 422


def test_who_is_shut_out_gets_nothing(person: Person) -> None:
    ada = person("ada", "admin")
    user_deactivate(ada, by=None)
    notify(kind="budget.hard", role="admin")
    notify(kind="run.failed", user=User.objects.get(pk=ada.pk))
    assert events_after(f"notifications:{ada.pk}", 0) == []
    assert not Delivery.objects.exists()


class TestAccounts:
    """Accounts tell by signal; this app listens."""

    @pytest.fixture
    def ada(self, person: Person) -> User:
        user = person("ada")
        user.set_password(PASSWORD)
        user.save(update_fields=["password"])
        return user

    def kinds(self, user: User) -> set[str]:
        return set(Notification.objects.filter(user=user).values_list("kind", flat=True))

    def test_new_device_and_new_key(self, ada: User) -> None:
        one, other = Browser(), Browser()
        one.client = Client(headers={"User-Agent": "firefox"})
        other.client = Client(headers={"User-Agent": "curl"})
        for browser in (one, other):
            assert browser.sign_in("ada@example.org").status_code == 200
        assert self.kinds(ada) == {"account.new_device"}
        assert "curl" in Notification.objects.get().body
        body = {"name": "laptop", "scopes": ["read"]}
        made = one.client.post("/v1/auth/api-keys", body, content_type="application/json")
        told = Notification.objects.get(kind="account.key")
        assert "laptop" in told.body
        assert made.json()["key"] not in told.body

    def test_recovery_code_and_second_factor(self, ada: User) -> None:
        from tests.apps.accounts.test_headless import enrol, second_step

        browser, other = Browser(), Browser()
        browser.sign_in("ada@example.org")
        enrol(browser)
        assert self.kinds(ada) == {"account.second_factor"}
        codes: Any = browser.get("/account/authenticators/recovery-codes").json()
        other.sign_in("ada@example.org")
        assert second_step(other, codes["data"]["unused_codes"][0]) == 200
        told = Notification.objects.get(kind="account.recovery_code")
        assert "codes left: 9" in told.body

    def test_stolen_refresh_token(self, ada: User) -> None:
        from tests.apps.accounts.conftest import Program

        program = Program()
        tokens = program.sign_in("ada@example.org").json()["meta"]
        for _ in range(2):
            program.post("/tokens/refresh", {"refresh_token": tokens["refresh_token"]})
        assert "account.refresh_reuse" in self.kinds(ada)
