"""What is kept about a person: given to them, and forgotten with their account."""

import io
import json
import tempfile
import zipfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from apps.accounts.audit import audit_verify
from apps.accounts.models import ApiKey, AuditEvent, DataExport, Invite, User
from apps.accounts.services import accounts_prune
from apps.accounts.services.personal import export_make, own_account_erase, personal_zip
from apps.core.events import events_after
from apps.llm.models import ProviderKey
from apps.notifications.models import Webhook
from apps.notifications.services import notify
from apps.runs.models import Run
from apps.secrets.models import Secret
from apps.secrets.services import secret_create
from tests.apps.accounts.conftest import PASSWORD, Browser, Program, grown_old
from tests.support.runs import make_run

pytestmark = pytest.mark.django_db
Person = Callable[..., User]
SignedIn = Callable[..., APIClient]
EXPORT = "/v1/users/me/export"
DELETE = "/v1/users/me/delete"
MARKER = "marker-Zq7w-Rt41-0f9c"


@pytest.fixture
def ada(person: Person) -> User:
    """With something of everything."""
    user = person("ada", display_name="Ada Lovelace")
    secret_create(by=user, name="Mine", type="env", value=MARKER)
    Webhook.objects.create(user=user, name="Home", url="https://hooks.example.org/ada")
    notify(kind="run.failed", user=user, title="For Ada")
    make_run([{"id": "ONE"}], user=user, task="Ada's task")
    ProviderKey.objects.create(provider="openai", scope="user", user=user, masked="…abcd")
    return user


def everything_stored() -> str:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
            " AND tablename <> 'accounts_auditevent'"
        )
        rows = []
        for (table,) in cursor.fetchall():
            cursor.execute(f'SELECT row_to_json(t)::text FROM "{table}" t')  # noqa: S608  its own name
            rows += [text for (text,) in cursor.fetchall()]
    return "\n".join(rows)


def unzipped(content: bytes) -> dict[str, Any]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {
            name.removesuffix(".json"): json.loads(archive.read(name))
            for name in archive.namelist()
            if name.endswith(".json")
        }


class TestExport:
    def test_it_holds_ones_own_and_no_secret(
        self, ada: User, person: Person, api_client: SignedIn
    ) -> None:
        bob = person("bob")
        make_run([{"id": "ONE"}], user=bob, task="Bob's task")
        client = api_client(ada)
        begun = client.get(EXPORT)
        assert (begun.status_code, begun.json()["status"]) == (202, "waiting")
        assert client.get(EXPORT).json()["id"] == begun.json()["id"], "one at a time"
        export_make(begun.json()["id"])
        done = client.get(EXPORT)
        assert (done.status_code, done.json()["status"]) == (200, "done")
        fetched = client.get(done.json()["url"])
        assert fetched["Content-Type"] == "application/zip"
        assert fetched["Cache-Control"] == "no-store"
        told = unzipped(fetched.content)
        assert told["profile"][0]["email"] == ada.email
        assert [row["task_description"] for row in told["runs"]] == ["Ada's task"]
        assert [row["name"] for row in told["secrets"]] == ["Mine"]
        assert [row["title"] for row in told["notifications"]] == ["For Ada"]
        assert told["keys"][0]["name"] == "test"
        assert told["audit"], "what they did"
        assert {"webhooks", "provider-keys", "model-calls", "agent-sessions"} <= set(told)
        text = json.dumps(told)
        assert MARKER not in text
        assert "Bob" not in text
        assert bob.pk not in text
        for key in ApiKey.objects.all():
            assert key.hashed_key not in text
        assert Secret.objects.get().sealed not in text
        assert ada.password not in text

    def test_others_acts_are_told_without_where_they_sat(
        self, ada: User, person: Person, api_client: SignedIn
    ) -> None:
        admin = api_client(person("root", role="owner"))
        admin.patch(f"/v1/admin/users/{ada.pk}", {"role": "viewer"}, format="json")
        api_client(ada).get(EXPORT)
        with tempfile.TemporaryFile() as file:
            personal_zip(ada.pk, file)
            file.seek(0)
            told = unzipped(file.read())["audit"]
        by_others = [row for row in told if row["action"] == "user.role"]
        assert [(row["ip"], row["user_agent"]) for row in by_others] == [(None, "")]
        assert [row["ip"] for row in told if row["action"] == "user.export"] == ["127.0.0.1"]

    def test_it_is_its_owners_alone_and_for_a_day(
        self, ada: User, person: Person, api_client: SignedIn
    ) -> None:
        client = api_client(ada)
        export_make(client.get(EXPORT).json()["id"])
        url = client.get(EXPORT).json()["url"]
        assert api_client(person("root", role="owner")).get(url).status_code == 404
        assert Client().get(url).status_code == 401
        DataExport.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
        late = client.get(url)
        assert (late.status_code, late.json()["code"]) == (410, "gone")
        assert client.get(EXPORT).status_code == 202, "another begins"
        DataExport.objects.update(created_at=timezone.now() - timedelta(days=2))
        accounts_prune()
        assert not DataExport.objects.exists()

    def test_a_lost_one_is_begun_again(self, ada: User, api_client: SignedIn) -> None:
        client = api_client(ada)
        first = client.get(EXPORT).json()["id"]
        DataExport.objects.update(status="running", created_at=timezone.now() - timedelta(hours=1))
        assert client.get(EXPORT).json()["id"] != first

    def test_arriving_twice_does_no_harm(self, ada: User, api_client: SignedIn) -> None:
        first = api_client(ada).get(EXPORT).json()["id"]
        export_make(first)
        before = DataExport.objects.get().finished_at
        export_make(first)
        export_make("exp_none")
        assert DataExport.objects.get().finished_at == before

    def test_the_command_writes_it_for_the_operator(self, ada: User, tmp_path: Path) -> None:
        path = tmp_path / "ada.zip"
        call_command("export_user", ada.email.upper(), "-o", str(path))
        assert path.stat().st_mode & 0o777 == 0o600
        assert unzipped(path.read_bytes())["profile"][0]["id"] == ada.pk
        assert AuditEvent.objects.filter(action="user.export", actor_kind="command").exists()
        with pytest.raises(CommandError, match="there already"):
            call_command("export_user", ada.email, "-o", str(path))
        with pytest.raises(CommandError, match="no user"):
            call_command("export_user", "nobody")


class TestErasure:
    @pytest.fixture
    def signed_in(self, ada: User, browser: Browser) -> Browser:
        assert browser.sign_in(ada.email).status_code == 200
        return browser

    def delete(self, browser: Browser, confirm: str) -> Any:
        return browser.client.post(DELETE, {"confirm": confirm}, content_type="application/json")

    def test_nothing_names_them_any_more(
        self, ada: User, signed_in: Browser, person: Person
    ) -> None:
        boss = person("boss", role="owner")
        Invite.objects.create(email=ada.email.upper(), expires_at=timezone.now(), created_by=boss)
        Authenticator.objects.create(user=ada, type="totp", data={"secret": "x"})
        assert self.delete(signed_in, ada.email).status_code == 204
        assert not signed_in.is_in
        assert Browser().sign_in(ada.email).status_code == 400
        assert "For Ada" not in str(events_after(f"notifications:{ada.pk}", 0))
        kept = everything_stored()
        for word in ("ada@example.org", "Lovelace", "hooks.example.org", "For Ada"):
            assert word.lower() not in kept.lower(), word
        row = User.objects.get(pk=ada.pk)
        assert (str(row), row.is_active, row.role) == ("Somebody who left", False, "viewer")
        assert Run.objects.get().initiated_by_id == ada.pk, "what was done stays"
        assert Secret.objects.get().revoked_at is not None
        assert not ProviderKey.objects.exists()
        assert AuditEvent.objects.filter(action="user.erase", object_id=ada.pk).exists()
        assert audit_verify().broken_at is None
        again = person("ada")
        assert again.pk != ada.pk, "the address is free"

    def test_it_asks_who_is_there(self, ada: User, signed_in: Browser) -> None:
        refused = self.delete(signed_in, "bob@example.org")
        assert (refused.status_code, refused.json()["code"]) == (422, "not_confirmed")
        grown_old(str(signed_in.client.session.session_key))
        refused = self.delete(signed_in, ada.email)
        assert (refused.status_code, refused.json()["code"]) == (403, "reauthentication_required")
        assert EmailAddress.objects.filter(user=ada).exists()

    def test_not_with_a_key(self, ada: User, api_client: SignedIn) -> None:
        refused = api_client(ada).post(DELETE, {"confirm": ada.email}, format="json")
        assert (refused.status_code, refused.json()["code"]) == (403, "session_required")

    def test_with_the_tokens_of_a_sign_in(self, ada: User, program: Program) -> None:
        body = {"email": ada.email, "password": PASSWORD}
        token = program.post("/auth/login", body).json()["meta"]["access_token"]
        answer = program.client.post(
            DELETE,
            {"confirm": ada.email},
            content_type="application/json",
            headers={"Authorization": f"Bearer {token}"},
        )
        assert answer.status_code == 204
        assert program.me(token).status_code == 401

    def test_the_last_owner_stays(self, person: Person, browser: Browser) -> None:
        boss = person("boss", role="owner")
        browser.sign_in(boss.email)
        refused = self.delete(browser, boss.email)
        assert (refused.status_code, refused.json()["code"]) == (409, "last_owner")
        person("other", role="owner")
        assert self.delete(browser, boss.email).status_code == 204

    def test_administrators_end_accounts_below_them(
        self, ada: User, person: Person, api_client: SignedIn
    ) -> None:
        boss, root = person("boss", role="owner"), person("root", role="admin")
        admin = api_client(root)
        url = "/v1/admin/users"
        assert api_client(ada).delete(f"{url}/{root.pk}").status_code == 403
        assert admin.delete(f"{url}/{boss.pk}").status_code == 403
        assert admin.delete(f"{url}/{root.pk}").status_code == 403, "not one's own, here"
        assert admin.delete(f"{url}/{ada.pk}").status_code == 204
        assert admin.delete(f"{url}/{ada.pk}").status_code == 404
        assert admin.patch(f"{url}/{ada.pk}", {"is_active": True}, format="json").status_code == 404
        assert ada.pk not in admin.get(url).content.decode()
        assert admin.get("/v1/search?q=deleted&kinds=person").json() == []


@pytest.mark.django_db(transaction=True)
def test_what_still_runs_for_them_is_stopped(person: Person) -> None:
    ada = person("ada")
    run = make_run([{"id": "ONE"}], user=ada)
    own_account_erase(ada)
    run.refresh_from_db()
    assert run.status == "cancelled"
    assert "deleted" in run.cancel_reason
