"""Signing in with an identity provider: a real one, of npm's oidc-provider."""

import re
from collections.abc import Callable, Iterator
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

import pytest
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from django.test import Client
from rest_framework.test import APIClient

from apps.accounts.checks import local_login_is_known
from apps.accounts.models import AuditEvent, OidcProvider, User
from apps.accounts.services import user_deactivate
from apps.accounts.services.oidc import oidc_provider_change, oidc_provider_create
from tests.apps.accounts.conftest import PASSWORD, Browser, grown_old
from tests.support.identity import CLIENT_ID, CLIENT_SECRET, Identity, identity_provider

pytestmark = [pytest.mark.django_db, pytest.mark.node]
Person = Callable[..., User]
Provider = Callable[..., OidcProvider]
SignedIn = Callable[..., APIClient]
REDIRECT_URI = "http://testserver/login/oidc/acme/"
ADA: dict[str, Any] = {"email": "ada@acme.example", "email_verified": True, "name": "Ada Lovelace"}


@pytest.fixture(scope="module")
def identity() -> Iterator[Identity]:
    with identity_provider(REDIRECT_URI) as running:
        yield running


@pytest.fixture
def boss(person: Person) -> User:
    return person("boss", role="owner")


@pytest.fixture
def provider(identity: Identity, boss: User) -> Provider:
    def make(**fields: Any) -> OidcProvider:
        return oidc_provider_create(
            by=boss,
            **{
                "slug": "acme",
                "name": "Acme",
                "issuer": identity.issuer,
                "client_id": CLIENT_ID,
                "client_secret": CLIENT_SECRET,
                "allow_private": True,
                "create_users": True,
                **fields,
            },
        )

    return make


class Visitor(Browser):
    """A browser that goes to the identity provider and comes back."""

    def asked(self, process: str = "login") -> str:
        """Where our side sends the browser."""
        form = {"provider": "acme", "callback_url": "/runs", "process": process}
        answer = self.client.post(f"{self.prefix}/auth/provider/redirect", form)
        assert answer.status_code == 200, answer.content
        assert "no-store" in answer["Cache-Control"]
        (target,) = re.findall(r'content="0; url=([^"]+)"', answer.content.decode())
        return unescape(target)

    def returns(self, url: str) -> str:
        """Where our side sends the browser once it came back to `url`."""
        answer = self.client.get(url.removeprefix("http://testserver"))
        assert answer.status_code == 302, answer.content
        return str(answer["Location"])

    def come_in(self, identity: Identity, process: str = "login") -> str:
        return self.returns(identity.visit(self.asked(process)))

    @property
    def me(self) -> dict[str, Any]:
        return dict(self.client.get("/v1/auth/me").json())


@pytest.fixture
def visitor() -> Visitor:
    return Visitor()


def query(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def with_query(url: str, **changes: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(query=urlencode({**query(url), **changes})))


def refused() -> dict[str, Any]:
    event = AuditEvent.objects.filter(action="session.refused").latest("id")
    return dict(event.facts)


def test_newcomer_gets_an_account(identity: Identity, provider: Provider, visitor: Visitor) -> None:
    provider()
    identity.knows("ada-1", **ADA)
    asked = visitor.asked()
    sent = query(asked)
    assert sent["code_challenge_method"] == "S256"
    assert len(sent["nonce"]) >= 32
    assert len(sent["state"]) >= 16
    assert CLIENT_SECRET not in asked
    back = identity.visit(asked)
    assert back.startswith(REDIRECT_URI)
    assert not visitor.is_in
    assert visitor.returns(back) == "/runs", "and no token in it"
    me = visitor.me
    assert (me["email"], me["role"], me["display_name"]) == (
        "ada@acme.example",
        "member",
        "Ada Lovelace",
    )
    user = User.objects.get(email="ada@acme.example")
    assert not user.has_usable_password()
    assert EmailAddress.objects.get(user=user).verified
    assert SocialAccount.objects.get(user=user).uid == "ada-1"
    assert AuditEvent.objects.filter(action="session.start", actor_id=user.pk).exists()
    again = Visitor()
    assert again.come_in(identity) == "/runs"
    assert again.me["id"] == user.pk, "known by issuer and subject"


def test_known_by_subject_when_the_address_changes(
    identity: Identity, provider: Provider, visitor: Visitor
) -> None:
    provider()
    identity.knows("ada-1", **ADA)
    visitor.come_in(identity)
    identity.knows("ada-1", email="lovelace@acme.example", email_verified=True)
    again = Visitor()
    again.come_in(identity)
    assert again.me["id"] == visitor.me["id"]
    identity.knows("eve-2", **ADA)
    eve = Visitor()
    assert query(eve.come_in(identity))["error"] == "oidc_link_first"
    assert not eve.is_in


@pytest.mark.parametrize("field", ["nonce", "state"])
def test_answer_of_another_sign_in_is_refused(
    identity: Identity, provider: Provider, visitor: Visitor, field: str
) -> None:
    provider()
    identity.knows("ada-1", **ADA)
    back = identity.visit(with_query(visitor.asked(), **{field: "of-another-sign-in-0123456789"}))
    code = {"nonce": "oidc_token_invalid", "state": "oidc_state"}[field]
    assert query(visitor.returns(back))["error"] == code
    assert not visitor.is_in
    assert not SocialAccount.objects.exists()
    assert refused()["code"] == code


def test_answer_for_another_browser_is_refused(
    identity: Identity, provider: Provider, visitor: Visitor
) -> None:
    provider()
    identity.knows("ada-1", **ADA)
    back = identity.visit(visitor.asked())
    victim = Visitor()
    assert query(victim.returns(back))["error"] == "oidc_state"
    assert not victim.is_in
    assert visitor.returns(back) == "/runs"
    assert query(Visitor().returns(back))["error"] == "oidc_state"


def test_code_without_its_verifier_is_refused(
    identity: Identity, provider: Provider, visitor: Visitor
) -> None:
    """PKCE: the provider itself refuses a code of another sign-in."""
    provider()
    identity.knows("ada-1", **ADA)
    stolen = query(identity.visit(Visitor().asked()))["code"]
    mine = identity.visit(visitor.asked())
    assert query(visitor.returns(with_query(mine, code=stolen)))["error"] == "oidc_unreachable"
    assert not visitor.is_in
    assert "invalid_grant" in refused()["detail"]


def test_tampered_signature_is_refused(
    identity: Identity, provider: Provider, visitor: Visitor
) -> None:
    provider()
    identity.knows("ada-1", tamper=True, **ADA)
    assert query(visitor.come_in(identity))["error"] == "oidc_token_invalid"
    assert not visitor.is_in
    assert refused()["detail"] == "InvalidSignatureError"
    assert not User.objects.filter(email=ADA["email"]).exists()


def test_answer_of_another_issuer_is_refused(
    identity: Identity, provider: Provider, visitor: Visitor
) -> None:
    provider()
    identity.knows("ada-1", **ADA)
    back = identity.visit(visitor.asked())
    assert query(back)["iss"] == identity.issuer
    answer = visitor.returns(with_query(back, iss="https://evil.example"))
    assert query(answer)["error"] == "oidc_token_invalid"


def test_old_state_is_refused(
    identity: Identity, provider: Provider, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider()
    identity.knows("ada-1", **ADA)
    back = identity.visit(visitor.asked())
    monkeypatch.setattr("apps.accounts.signin.oidc.provider.STATE_TTL_S", -1)
    assert query(visitor.returns(back))["error"] == "oidc_state"


def test_who_does_not_agree_stays_out(
    identity: Identity, provider: Provider, visitor: Visitor
) -> None:
    provider()
    identity.knows(None)
    assert query(visitor.come_in(identity))["error"] == "oidc_cancelled"
    page = visitor.client.get("/problems/oidc_cancelled").content.decode()
    assert "You did not agree" in page
    offered = visitor.client.get("/v1/auth/status").json()["providers"]
    assert [row["label"] for row in offered] == ["Acme"]


class TestAddresses:
    def test_unverified_one_finds_nobody(
        self, identity: Identity, provider: Provider, person: Person, visitor: Visitor
    ) -> None:
        provider(trust_email=True)
        ada = person("ada", password=None)
        identity.knows("eve-1", email=ada.email, email_verified=False)
        visitor.come_in(identity)
        assert not SocialAccount.objects.filter(user=ada).exists()
        assert visitor.me["id"] != ada.pk
        assert visitor.me["email"] == "", "nor is it taken from its owner"

    def test_verified_one_finds_an_account_without_another_way_in(
        self, identity: Identity, provider: Provider, person: Person, visitor: Visitor
    ) -> None:
        provider(trust_email=True, create_users=False)
        ada = person("ada", password=None)
        identity.knows("ada-1", email=ada.email.upper(), email_verified=True)
        assert visitor.come_in(identity) == "/runs"
        assert visitor.me["id"] == ada.pk
        assert SocialAccount.objects.get(user=ada).uid == "ada-1"

    def test_untrusted_provider_finds_nobody(
        self, identity: Identity, provider: Provider, person: Person, visitor: Visitor
    ) -> None:
        provider(trust_email=False)
        ada = person("ada", password=None)
        identity.knows("eve-1", email=ada.email, email_verified=True)
        assert query(visitor.come_in(identity))["error"] == "oidc_link_first"
        assert not visitor.is_in

    def test_who_has_a_password_connects_the_two(
        self, identity: Identity, provider: Provider, person: Person, visitor: Visitor
    ) -> None:
        provider(trust_email=True)
        ada = person("ada")
        identity.knows("ada-1", email=ada.email, email_verified=True)
        assert query(visitor.come_in(identity))["error"] == "oidc_link_first"
        visitor.sign_in(ada.email)
        assert visitor.come_in(identity, "connect") == "/runs"
        again = Visitor()
        assert again.come_in(identity) == "/runs"
        assert again.me["id"] == ada.pk
        assert Browser().sign_in(ada.email, PASSWORD).status_code == 200, "and keeps the password"

    def test_a_session_left_open_connects_and_parts_nothing(
        self, identity: Identity, provider: Provider, person: Person, visitor: Visitor
    ) -> None:
        provider()
        ada = person("ada")
        identity.knows("eve-1", email="eve@example.org", email_verified=True)
        visitor.sign_in(ada.email)
        grown_old(str(visitor.client.session.session_key))
        refused = query(visitor.come_in(identity, "connect"))
        assert refused["error"] == "reauthentication_required"
        assert not SocialAccount.objects.exists()
        visitor.post("/auth/reauthenticate", {"password": PASSWORD})
        assert visitor.come_in(identity, "connect") == "/runs"
        grown_old(str(visitor.client.session.session_key))
        body = {"provider": "acme", "account": "eve-1"}
        assert visitor.post("/account/providers", body, "delete").status_code == 401
        assert SocialAccount.objects.filter(user=ada).exists()

    def test_domain_is_of_a_verified_address(
        self, identity: Identity, provider: Provider, visitor: Visitor
    ) -> None:
        provider(allowed_domains=["Acme.example"])
        strangers: list[dict[str, Any]] = [
            {"email": "eve@evil.example", "email_verified": True},
            {"email": "eve@acme.example", "email_verified": False},
            {"email": "eve@acme.example.evil.example", "email_verified": True},
            {},
        ]
        for claims in strangers:
            identity.knows("eve-1", **claims)
            assert query(visitor.come_in(identity))["error"] == "oidc_domain", claims
        identity.knows("ada-1", **ADA)
        assert visitor.come_in(identity) == "/runs"

    def test_nobody_new_unless_wanted(
        self, identity: Identity, provider: Provider, visitor: Visitor
    ) -> None:
        provider(create_users=False)
        identity.knows("ada-1", **ADA)
        assert query(visitor.come_in(identity))["error"] == "oidc_no_account"


class TestRoles:
    MAP = {"engineers": "member", "operators": "admin", "guests": "viewer"}

    def come_in(self, identity: Identity, *groups: str) -> str:
        identity.knows("ada-1", **ADA, groups=list(groups))
        visitor = Visitor()
        assert visitor.come_in(identity) == "/runs"
        return str(visitor.me["role"])

    def test_follow_the_groups_at_each_sign_in(
        self, identity: Identity, provider: Provider
    ) -> None:
        provider(group_role_map=self.MAP, default_role="viewer")
        assert self.come_in(identity, "engineers", "operators") == "admin"
        assert self.come_in(identity, "engineers") == "member"
        assert self.come_in(identity, "unknown") == "viewer"
        assert self.come_in(identity) == "viewer"
        changes = AuditEvent.objects.filter(action="user.role").values_list("facts", flat=True)
        assert {"before": "admin", "after": "member"} in list(changes)

    def test_stay_without_a_map(self, identity: Identity, provider: Provider, boss: User) -> None:
        provider()
        assert self.come_in(identity, "operators") == "member"
        User.objects.filter(email=ADA["email"]).update(role="admin")
        assert self.come_in(identity) == "admin"

    def test_owner_stays_owner(self, identity: Identity, provider: Provider, boss: User) -> None:
        row = provider(group_role_map=self.MAP, default_role="viewer")
        SocialAccount.objects.create(user=boss, provider=row.slug, uid="ada-1")
        assert self.come_in(identity, "guests") == "owner"


def test_who_is_shut_out_stays_out(
    identity: Identity, provider: Provider, visitor: Visitor, boss: User
) -> None:
    provider()
    identity.knows("ada-1", **ADA)
    visitor.come_in(identity)
    user_deactivate(User.objects.get(email=ADA["email"]), by=boss)
    assert not visitor.is_in
    again = Visitor()
    assert query(again.come_in(identity))["error"] == "account_disabled"
    assert not again.is_in


def test_required_second_factor_is_still_asked_for(
    identity: Identity, provider: Provider, visitor: Visitor, settings: Any
) -> None:
    settings.SECOND_FACTOR_ROLES = ["member"]
    provider()
    identity.knows("ada-1", **ADA)
    visitor.come_in(identity)
    assert visitor.client.get("/v1/runs").json()["code"] == "second_factor_required"


def test_only_owners_may_keep_passwords(
    person: Person, boss: User, provider: Provider, settings: Any
) -> None:
    person("ada")
    settings.LOCAL_LOGIN = "owner_only"
    assert Browser().sign_in("ada@example.org").status_code == 400
    assert Browser().sign_in(boss.email).status_code == 200, "also when the provider is away"


def test_unknown_local_login_stops_the_start(settings: Any) -> None:
    assert local_login_is_known(None) == []
    settings.LOCAL_LOGIN = "nobody"
    assert [found.id for found in local_login_is_known(None)] == ["djinnbot.E007"]


def test_private_network_is_not_asked(provider: Provider, visitor: Visitor) -> None:
    provider(allow_private=False)
    form = {"provider": "acme", "callback_url": "/runs", "process": "login"}
    answer = visitor.client.post(f"{visitor.prefix}/auth/provider/redirect", form)
    assert query(answer["Location"])["error"] == "oidc_unreachable"
    assert "private network" in refused()["detail"]


def test_does_not_lead_away(provider: Provider, visitor: Visitor) -> None:
    provider()
    form = {"provider": "acme", "callback_url": "https://evil.example/", "process": "login"}
    answer = visitor.client.post(f"{visitor.prefix}/auth/provider/redirect", form)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/login/")


def test_tokens_from_elsewhere_are_not_taken(provider: Provider, visitor: Visitor) -> None:
    provider()
    token = {"client_id": CLIENT_ID, "id_token": "e30.e30.x"}
    body = {"provider": "acme", "process": "login", "token": token}
    assert visitor.post("/auth/provider/token", body).status_code == 400
    assert not visitor.is_in


class TestAdministration:
    URL = "/v1/auth/oidc-providers"

    @pytest.fixture
    def client(self, boss: User, api_client: SignedIn) -> APIClient:
        return api_client(boss)

    def body(self, identity: Identity, **fields: Any) -> dict[str, Any]:
        return {
            "slug": "acme",
            "name": "Acme",
            "issuer": identity.issuer,
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            **fields,
        }

    def test_life_of_a_provider(self, client: APIClient, identity: Identity) -> None:
        made = client.post(self.URL, self.body(identity), format="json")
        assert made.status_code == 201, made.content
        row = made.json()
        assert row["redirect_uri"].endswith("/login/oidc/acme/")
        assert row["has_secret"] is True
        assert CLIENT_SECRET not in made.content.decode()
        stored = OidcProvider.objects.get()
        assert CLIENT_SECRET not in stored.client_secret
        assert client.post(self.URL, self.body(identity), format="json").status_code == 409
        url = f"{self.URL}/{row['id']}"

        refused = client.post(f"{url}/test").json()
        assert refused["ok"] is False
        assert "private network" in refused["checks"][0]["detail"]
        assert client.patch(url, {"allow_private": True}, format="json").status_code == 200
        checked = client.post(f"{url}/test").json()
        assert checked["ok"] is True, checked
        assert {one["name"] for one in checked["checks"]} == {"discovery", "keys", "pkce", "clock"}

        status = Client().get("/v1/auth/status").json()
        assert status["providers"] == [{"slug": "acme", "label": "Acme", "icon": ""}]
        client.patch(url, {"enabled": False}, format="json")
        assert Client().get("/v1/auth/status").json()["providers"] == []
        assert client.get(url).json()["last_test_ok"] is True
        assert len(client.get(self.URL).json()) == 1
        assert client.delete(url).status_code == 204
        assert client.get(url).status_code == 404

    def test_what_will_not_do(self, client: APIClient, identity: Identity, boss: User) -> None:
        for fields in (
            {"group_role_map": {"x": "owner"}},
            {"default_role": "admin"},
            {"slug": "A b"},
            {"issuer": "no url"},
            {"allowed_domains": ["a b"]},
        ):
            answer = client.post(self.URL, self.body(identity, **fields), format="json")
            assert answer.status_code == 422, fields
        row = oidc_provider_create(by=boss, **self.body(identity))
        url = f"{self.URL}/{row.pk}"
        again = client.patch(url, {"issuer": "https://evil.example"}, format="json")
        assert again.status_code in {200, 422}
        row.refresh_from_db()
        assert row.issuer == identity.issuer

    def test_another_secret_replaces_the_old(self, provider: Provider, boss: User) -> None:
        row = provider()
        before = row.client_secret
        assert oidc_provider_change(row, {"name": "B"}, by=boss).client_secret == before
        changed = oidc_provider_change(row, {"client_secret": "new"}, by=boss)
        assert changed.client_secret != before

    def test_is_for_administrators(
        self, person: Person, api_client: SignedIn, provider: Provider
    ) -> None:
        row = provider()
        member = api_client(person("mia"))
        for method, path in (("get", ""), ("post", ""), ("patch", f"/{row.pk}"),
                             ("delete", f"/{row.pk}"), ("post", f"/{row.pk}/test")):  # fmt: skip
            assert getattr(member, method)(self.URL + path).status_code == 403


def test_a_deleted_provider_leaves_no_way_in(
    identity: Identity, provider: Provider, visitor: Visitor, api_client: SignedIn, boss: User
) -> None:
    row = provider()
    identity.knows("ada-1", **ADA)
    visitor.come_in(identity)
    assert api_client(boss).delete(f"/v1/auth/oidc-providers/{row.pk}").status_code == 204
    assert not SocialAccount.objects.exists()
    form = {"provider": "acme", "callback_url": "/runs", "process": "login"}
    answer = visitor.client.post(f"{visitor.prefix}/auth/provider/redirect", form)
    assert re.search(r"error=", answer["Location"])
    assert Client().get("/login/oidc/acme/").status_code == 404
