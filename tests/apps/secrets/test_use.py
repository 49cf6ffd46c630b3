"""What a session of an agent gets: only what was granted, to it, and for as long as it holds."""

import base64
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pyotp
import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP
from django.db import connection
from django.utils import timezone

from apps.accounts.models import AuditEvent, SessionToken, User
from apps.accounts.services import session_tokens_revoke
from apps.core.models import Event
from apps.secrets.content import Content, code_at
from apps.secrets.errors import CodeUsed
from apps.secrets.models import Secret, SecretAccess, SecretGrant
from apps.secrets.usable import session_value_versions, session_values, totp_code
from tests.apps.secrets.conftest import AGENT, MARKER, OTHER_AGENT, Api
from tests.apps.secrets.test_rows import everything_stored

Person = Callable[..., User]
ApiOf = Callable[[User], Api]
Begun = Callable[..., Api]
SEED = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
ENV = f"/secrets/agents/{AGENT}/env?keys="
pytestmark = pytest.mark.usefixtures("agents")


def grant(api: Api, secret: dict[str, Any], agent: str = AGENT, **fields: Any) -> dict[str, Any]:
    made: dict[str, Any] = api.call("post", f"/secrets/{secret['id']}/grant/{agent}", fields, 201)
    return made


def test_a_granted_secret_is_given_to_its_sessions_command(
    person: Person, api: ApiOf, begun: Begun
) -> None:
    ada = person("ada")
    made = api(ada).make(description="For deploys")
    grant(api(ada), made)
    session = begun(ada)
    (told,) = session.call("get", f"/secrets/agents/{AGENT}")
    assert (told["env_key"], told["may_reveal"]) == ("DEPLOY_TOKEN", False)
    got = session.call("get", f"{ENV}DEPLOY_TOKEN")
    assert got == {"env": {"DEPLOY_TOKEN": MARKER}, "files": []}
    access = api(ada).call("get", f"/secrets/{made['id']}/access")["items"]
    assert [(row["how"], row["agent_id"]) for row in access] == [("injected", AGENT)]
    read = AuditEvent.objects.get(action="secret.read")
    assert (read.actor_kind, read.object_id, read.facts["how"]) == (
        "session", made["id"], "injected",
    )  # fmt: skip
    event = Event.objects.get(type="SECRET_ACCESSED")
    assert event.payload["envKey"] == "DEPLOY_TOKEN"
    assert Secret.objects.get().last_used_at
    assert MARKER not in everything_stored()


def test_each_type_gives_what_a_command_needs(person: Person, api: ApiOf, begun: Begun) -> None:
    ada = person("ada")
    own = api(ada)
    login = own.make("Site", type="login", username="ada", url="https://x.example", totp_seed=SEED)
    file = own.make("Conf", type="file", value="a=1\nb=2\n", file_name="app.conf")
    code = own.make("Phone", type="totp", value=SEED)
    for made in (login, file, code):
        grant(own, made)
    session = begun(ada)
    got = session.call("get", f"{ENV}SITE,CONF")
    assert got["env"] == {
        "SITE_USERNAME": "ada", "SITE_PASSWORD": MARKER, "SITE_URL": "https://x.example",
    }  # fmt: skip
    assert got["files"] == [
        {
            "env_key": "CONF",
            "name": "app.conf",
            "content_base64": base64.b64encode(b"a=1\nb=2\n").decode(),
        }
    ]
    assert session.call("get", f"{ENV}PHONE", expect=422)["code"] == "codes_only"


def test_nobody_else_gets_it(person: Person, api: ApiOf, begun: Begun) -> None:
    ada, bob = person("ada"), person("bob")
    made = api(ada).make()
    begun_before = begun(ada)
    grant(api(ada), made)
    outsiders = {
        "a session that began before the grant": begun_before,
        "the same agent for somebody else": begun(bob),
        "the same agent for nobody": begun(None),
    }
    for who, session in outsiders.items():
        found = session.call("get", f"{ENV}DEPLOY_TOKEN", expect=403)
        assert found["code"] == "secret_not_granted", who
        assert session.call("get", f"/secrets/agents/{AGENT}") == [], who
    other = begun(ada, OTHER_AGENT)
    assert other.call("get", f"{ENV}DEPLOY_TOKEN", expect=403)["code"] == "wrong_agent"
    asked = f"/secrets/agents/{OTHER_AGENT}/env?keys=DEPLOY_TOKEN"
    assert other.call("get", asked, expect=403)["code"] == "secret_not_granted"
    # A person has no business here, not even the owner; a session none with the rows.
    api(ada).call("get", f"{ENV}DEPLOY_TOKEN", expect=403)
    session = begun(ada)
    session.call("get", "/secrets", expect=403)
    session.call("get", f"/secrets/{made['id']}", expect=403)
    session.call("post", f"/secrets/{made['id']}/grant/{AGENT}", {}, 403)
    refused = AuditEvent.objects.filter(action="secret.read", result="refused")
    assert refused.count() == len(outsiders) + 1


@pytest.mark.parametrize("end", ["grant", "secret", "grant_expiry", "secret_expiry", "user"])
def test_what_ends_in_mid_session_ends_at_once(
    person: Person, api: ApiOf, begun: Begun, end: str
) -> None:
    ada = person("ada")
    own = api(ada)
    made = own.make()
    grant(own, made)
    session = begun(ada)
    session.call("get", f"{ENV}DEPLOY_TOKEN")
    past = timezone.now() - timedelta(seconds=1)
    status = 403
    if end == "grant":
        own.call("delete", f"/secrets/{made['id']}/grant/{AGENT}", expect=204)
    elif end == "secret":
        own.call("delete", f"/secrets/{made['id']}", expect=204)
    elif end == "grant_expiry":
        SecretGrant.objects.update(expires_at=past)
    elif end == "secret_expiry":
        own.call("patch", f"/secrets/{made['id']}", {"expires_at": past.isoformat()})
    else:
        User.objects.filter(pk=ada.pk).update(is_active=False)
        status = 401
    session.call("get", f"{ENV}DEPLOY_TOKEN", expect=status)
    # What it knew is masked to its end.
    assert session_values(SessionToken.objects.get().session_id) == [MARKER]


def test_granting_anew_does_not_reach_into_a_running_session(
    person: Person, api: ApiOf, begun: Begun
) -> None:
    ada = person("ada")
    made = api(ada).make(reveal=True)
    grant(api(ada), made)
    session = begun(ada)
    grant(api(ada), made, reveal=True)
    session.call("get", f"{ENV}DEPLOY_TOKEN", expect=403)


def test_an_ended_session_gets_nothing(person: Person, api: ApiOf, begun: Begun) -> None:
    ada = person("ada")
    grant(api(ada), api(ada).make())
    session = begun(ada)
    session_tokens_revoke(SessionToken.objects.get().session_id)
    assert session.call("get", f"{ENV}DEPLOY_TOKEN", expect=401)["code"] == "token_revoked"
    late = begun(ada, ttl_s=-1)
    assert late.call("get", f"{ENV}DEPLOY_TOKEN", expect=401)["code"] == "token_expired"


def test_a_lent_secret_serves_the_sessions_of_who_has_it(
    person: Person, api: ApiOf, begun: Begun
) -> None:
    root, ada, bob = person("root", "admin"), person("ada"), person("bob")
    house = api(root).make("House", scope="instance")
    lend = f"/admin/secrets/{house['id']}/users/{ada.pk}"
    api(root).call("post", lend, {}, 204)
    assert [row["id"] for row in api(ada).call("get", "/users/me/secrets")] == [house["id"]]
    api(ada).call("patch", f"/secrets/{house['id']}", {"name": "x"}, 403)
    assert grant(api(ada), house)["for_user_id"] == ada.pk
    session = begun(ada)
    session.call("get", f"{ENV}HOUSE")
    begun(bob).call("get", f"{ENV}HOUSE", expect=403)
    api(root).call("delete", lend, expect=204)
    session.call("get", f"{ENV}HOUSE", expect=403)
    # An admin's own grant is for every session, also one that nobody started.
    assert grant(api(root), house)["for_user_id"] is None
    begun(None).call("get", f"{ENV}HOUSE")


def test_a_project_bounds_secrets_and_grants(person: Person, api: ApiOf, begun: Begun) -> None:
    root, ada = person("root", "admin"), person("ada")
    board = api(root).make("Board", scope="project", project_id="proj_1")
    grant(api(root), board)
    own = api(ada).make("Own")
    grant(api(ada), own, project_id="proj_1")
    inside, outside = begun(ada, project="proj_1"), begun(ada, project="proj_2")
    inside.call("get", f"{ENV}BOARD,OWN")
    for key in ("BOARD", "OWN"):
        outside.call("get", f"{ENV}{key}", expect=403)


def test_one_name_means_one_secret(person: Person, api: ApiOf, begun: Begun) -> None:
    root, ada = person("root", "admin"), person("ada")
    house = api(root).make("House", scope="instance", env_key="TOKEN", value="of-the-house")
    own = api(ada).make("Mine", env_key="TOKEN", value="of-ada-herself")
    double = api(ada).make("Double", env_key="TOKEN")
    grant(api(root), house)
    grant(api(ada), own)
    taken = api(ada).call("post", f"/secrets/{double['id']}/grant/{AGENT}", {}, 409)
    assert taken["code"] == "env_key_taken"
    assert begun(ada).call("get", f"{ENV}TOKEN")["env"] == {"TOKEN": "of-ada-herself"}
    assert begun(None).call("get", f"{ENV}TOKEN")["env"] == {"TOKEN": "of-the-house"}
    api(ada).call("post", f"/secrets/{own['id']}/grant/nobody", {}, 404)


def test_plain_text_needs_the_mark_on_secret_and_grant(
    person: Person, api: ApiOf, begun: Begun
) -> None:
    ada = person("ada")
    own = api(ada)
    hidden, half, open_ = (
        own.make("Hidden"),
        own.make("Half", reveal=True),
        own.make("Open", reveal=True),
    )
    path = f"/secrets/{hidden['id']}/grant/{AGENT}"
    assert own.call("post", path, {"reveal": True}, 403)["code"] == "secret_not_revealed"
    grant(own, hidden)
    grant(own, half)
    grant(own, open_, reveal=True)
    session = begun(ada)
    reveal = f"/secrets/agents/{AGENT}/reveal"
    assert session.call("post", reveal, {"keys": ["OPEN"]}) == {"values": {"OPEN": MARKER}}
    for key in ("HIDDEN", "HALF"):
        found = session.call("post", reveal, {"keys": ["OPEN", key]}, 403)
        assert found["code"] == "secret_not_revealed"
    hows = SecretAccess.objects.order_by("id").values_list("env_key", "how")
    assert list(hows) == [("OPEN", "revealed"), ("HIDDEN", "refused"), ("HALF", "refused")]
    own.call("patch", f"/secrets/{open_['id']}", {"reveal": False})
    session.call("post", reveal, {"keys": ["OPEN"]}, 403)


def test_the_owner_sees_a_marked_one_against_a_fresh_code(person: Person, api: ApiOf) -> None:
    ada = person("ada")
    own = api(ada)
    made, closed = own.make(reveal=True), own.make("Closed")
    path = f"/secrets/{made['id']}/reveal"
    assert own.call("post", path, {"code": "123456"}, 403)["code"] == "second_factor_required"
    TOTP.activate(ada, SEED)
    _forget_used_code(ada)
    assert own.call("post", path, {"code": "000000"}, 403)["code"] == "second_factor_refused"
    code = {"code": pyotp.TOTP(SEED).now()}
    assert own.call("post", path, code) == {"value": MARKER}
    assert own.call("post", path, code, 403)["code"] == "second_factor_refused"  # used up
    _forget_used_code(ada)
    found = own.call("post", f"/secrets/{closed['id']}/reveal", code, 403)
    assert found["code"] == "secret_not_revealed"
    assert MARKER not in everything_stored()


def _forget_used_code(user: User) -> None:
    row = Authenticator.objects.get(user=user)
    row.data.pop("last_counter", None)
    row.save()


@pytest.mark.parametrize(
    ("seed", "step", "code"),
    [
        ("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", 1, "287082"),  # RFC 4226, appendix D
        ("JBSWY3DPEHPK3PXP", 1, "996554"),  # 80 bits, as many sites give; by RFC 4226
    ],
)
def test_codes_are_the_standards(seed: str, step: int, code: str) -> None:
    assert code_at(Content(totp_seed=seed), step) == code


def test_a_code_is_given_out_once(person: Person, api: ApiOf, begun: Begun) -> None:
    ada = person("ada")
    made = api(ada).make("Site", type="login", totp_seed=SEED)
    plain = api(ada).make("Plain")
    grant(api(ada), made)
    grant(api(ada), plain)
    session = begun(ada)
    path = f"/secrets/agents/{AGENT}/totp"
    while time.time() % 30 > 25:
        time.sleep(0.5)  # both calls in one period
    got = session.call("post", path, {"key": "SITE"})
    assert pyotp.TOTP(SEED).verify(got["code"], valid_window=1)
    again = session.call("post", path, {"key": "SITE"}, 409)
    assert again["code"] == "totp_code_used"
    assert 0 < again["retry_after"] <= 30
    assert session.call("post", path, {"key": "PLAIN"}, 422)["code"] == "no_codes"
    begun(None).call("post", path, {"key": "SITE"}, 403)
    assert SEED not in everything_stored()


@pytest.mark.django_db(transaction=True)
def test_of_many_that_ask_at_once_one_gets_the_code(
    person: Person, api: ApiOf, begun: Begun
) -> None:
    ada = person("ada")
    grant(api(ada), api(ada).make("Phone", type="totp", value=SEED))
    begun(ada)
    token = SessionToken.objects.get()
    while time.time() % 30 > 20:
        time.sleep(0.5)
    got: list[str] = []

    def ask() -> None:
        try:
            got.append(totp_code(token, "PHONE")[0])
        except CodeUsed:
            got.append("")
        finally:
            connection.close()

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 6
    assert len([code for code in got if code]) == 1


def test_a_new_value_is_known_to_who_masks(person: Person, api: ApiOf, begun: Begun) -> None:
    ada = person("ada")
    made = api(ada).make()
    grant(api(ada), made)
    begun(ada)
    session_id = SessionToken.objects.get().session_id
    before = session_value_versions(session_id)
    api(ada).call("patch", f"/secrets/{made['id']}", {"name": "Other"})
    assert session_value_versions(session_id) == before
    api(ada).call("patch", f"/secrets/{made['id']}", {"value": "a-brand-new-value"})
    assert session_value_versions(session_id) != before
    assert session_values(session_id) == ["a-brand-new-value", MARKER], (
        "it may have told the old one"
    )
