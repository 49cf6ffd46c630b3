"""Making, seeing and changing secrets: values go in and do not come out."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from django.core.management import call_command
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from apps.accounts.audit import audit_verify
from apps.accounts.models import AuditEvent, User
from apps.core.crypto import Unreadable, is_current
from apps.secrets.models import FormerValue, Secret, SecretGrant
from apps.secrets.services import content_of, former_contents, secrets_prune
from tests.apps.secrets.conftest import AGENT, MARKER, Api

Person = Callable[..., User]
ApiOf = Callable[[User], Api]


def ssh_key() -> str:
    key = Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()


def everything_stored() -> str:
    """Every row of every table, as text."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        tables = [name for (name,) in cursor.fetchall()]
        rows = []
        for table in tables:
            cursor.execute(f'SELECT row_to_json(t)::text FROM "{table}" t')  # noqa: S608  its own name
            rows += [text for (text,) in cursor.fetchall()]
    return "\n".join(rows)


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({"type": "env", "value": "ghp_0123456789abcdef"}, "…cdef"),
        ({"type": "env", "value": "1234567"}, "***"),
        ({"type": "file", "value": "one\ntwo\n", "file_name": "a.conf"}, "8 bytes"),
        ({"type": "file", "value_base64": "AAECAwQF"}, "6 bytes"),
        ({"type": "totp", "value": "JBSWY3DPEHPK3PXP"}, "***"),
        (
            {"type": "totp", "value": "otpauth://totp/x:y?secret=JBSWY3DPEHPK3PXP&issuer=x"},
            "***",
        ),
        ({"type": "login", "value": "hunter2hunter2", "username": "ada"}, "***"),
    ],
)
def test_a_value_goes_in_and_does_not_come_out(
    person: Person, api: ApiOf, fields: dict[str, Any], shown: str
) -> None:
    ada = api(person("ada"))
    made = ada.make("Thing", **fields)
    assert made["masked"] == shown
    assert made["env_key"] == "THING"
    told = orjson.dumps(
        [made, ada.call("get", f"/secrets/{made['id']}"), ada.call("get", "/secrets")]
    )
    for name in ("value", "value_base64"):
        if fields.get(name):
            assert fields[name].encode() not in told
            assert fields[name] not in everything_stored()


def test_an_ssh_key_shows_its_fingerprint(person: Person, api: ApiOf) -> None:
    ada = api(person("ada"))
    key = ssh_key()
    made = ada.make("Deploy key", type="ssh_key", value=key)
    assert made["masked"].startswith("SHA256:")
    assert key.splitlines()[1] not in everything_stored()


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"value": "abc"}, "bad_secret"),
        ({"type": "ssh_key", "value": "no key at all"}, "bad_secret"),
        ({"type": "totp", "value": "not base 32!"}, "bad_secret"),
        (
            {"type": "totp", "value": "otpauth://totp/x?secret=JBSWY3DPEHPK3PXP&digits=8"},
            "bad_secret",
        ),
        ({"type": "file", "value_base64": "%%%%"}, "bad_secret"),
        ({"env_key": "LD_PRELOAD"}, "reserved_env_key"),
        ({"env_key": "PATH"}, "reserved_env_key"),
        ({"env_key": "lower"}, "bad_env_key"),
        ({"file_name": "../x"}, "bad_file_name"),
        ({"project_id": "proj_1"}, "bad_scope"),
        ({"type": "magic"}, "validation_error"),
    ],
)
def test_what_is_no_secret_is_refused_without_repeating_it(
    person: Person, api: ApiOf, fields: dict[str, Any], code: str
) -> None:
    body = {"name": "x", "type": "env", "value": MARKER, **fields}
    found = api(person("ada")).call("post", "/secrets", body, 422)
    assert found["code"] == code
    assert body.get("value", MARKER) not in orjson.dumps(found).decode()
    assert not Secret.objects.exists()


def test_owner_member_and_admin_see_what_is_theirs(person: Person, api: ApiOf) -> None:
    ada, bob, root = api(person("ada")), api(person("bob")), api(person("root", "admin"))
    own = ada.make("Mine")
    shared = root.make("House", scope="instance")
    project = root.make("Board", scope="project", project_id="proj_1")
    for who, seen in ((ada, {own["id"]}), (bob, set()), (root, {shared["id"], project["id"]})):
        assert {row["id"] for row in who.call("get", "/secrets")} == seen
        for secret_id in {own["id"], shared["id"], project["id"]} - seen:
            path = f"/secrets/{secret_id}"
            who.call("get", path, expect=404)
            who.call("patch", path, {"name": "x"}, 404)
            who.call("delete", path, expect=404)
            who.call("get", f"{path}/access", expect=404)
            who.call("post", f"{path}/grant/{AGENT}", {}, 404)
            who.call("delete", f"{path}/grant/{AGENT}", expect=404)
            who.call("post", f"{path}/reveal", {"code": "123456"}, 404)
    bob.call(
        "post", "/secrets", {"name": "x", "type": "env", "value": MARKER, "scope": "instance"}, 403
    )
    bob.call("post", f"/admin/secrets/{shared['id']}/users/x", {}, 403)


def test_a_change_keeps_the_rest_and_counts_versions(person: Person, api: ApiOf) -> None:
    ada = api(person("ada"))
    made = ada.make(type="login", username="ada", totp_seed="JBSWY3DPEHPK3PXP")
    path = f"/secrets/{made['id']}"
    changed = ada.call("patch", path, {"value": "another-password", "version": 1})
    assert (changed["version"], changed["username"], changed["has_totp"]) == (2, "ada", True)
    content = content_of(Secret.objects.get())
    assert (content.value, content.totp_seed) == ("another-password", "JBSWY3DPEHPK3PXP")
    stale = ada.call("patch", path, {"name": "y", "version": 1}, 409)
    assert (stale["code"], stale["current_version"]) == ("stale_version", 2)
    ada.make("Taken")
    assert ada.call("patch", path, {"name": "Taken"}, 409)["code"] == "already_exists"


def test_deleting_revokes_at_once_and_forgets_a_day_later(
    agents: None, person: Person, api: ApiOf
) -> None:
    ada = api(person("ada"))
    made = ada.make()
    ada.call("post", f"/secrets/{made['id']}/grant/{AGENT}", {}, 201)
    ada.call("delete", f"/secrets/{made['id']}", expect=204)
    assert ada.call("get", "/secrets") == []
    assert not SecretGrant.objects.filter(revoked_at=None).exists()
    assert secrets_prune() == 0
    Secret.objects.update(revoked_at=timezone.now() - timedelta(days=2))
    assert secrets_prune() == 1
    ada.make()  # the name is free again


def test_a_replaced_value_is_kept_sealed_for_a_day(person: Person, api: ApiOf) -> None:
    ada = api(person("ada"))
    made = ada.make()
    ada.call("patch", f"/secrets/{made['id']}", {"value": "another-value"})
    (former,) = former_contents(Secret.objects.get())
    assert former.value == MARKER
    assert MARKER not in everything_stored()
    secrets_prune()
    assert FormerValue.objects.count() == 1
    FormerValue.objects.update(replaced_at=timezone.now() - timedelta(days=2))
    secrets_prune()
    assert not FormerValue.objects.exists()


def test_rotated_keys_open_what_old_ones_sealed(
    person: Person, api: ApiOf, settings: Settings
) -> None:
    made = api(person("ada")).make()
    old = settings.ENCRYPTION_KEYS[0]
    settings.ENCRYPTION_KEYS = ["0f" * 32, old]
    call_command("rotate_keys", stdout=open("/dev/null", "w"))
    settings.ENCRYPTION_KEYS = ["0f" * 32]
    row = Secret.objects.get(pk=made["id"])
    assert is_current(row.sealed)
    assert content_of(row).value == MARKER


def test_a_value_moved_to_another_row_does_not_open(person: Person, api: ApiOf) -> None:
    ada = api(person("ada"))
    ada.make("One")
    ada.make("Two", value="a-second-value")
    one, two = Secret.objects.order_by("name")
    two.sealed = one.sealed
    with pytest.raises(Unreadable):
        content_of(two)


def test_every_change_stands_in_the_audit_log(agents: None, person: Person, api: ApiOf) -> None:
    root, lent = api(person("root", "owner")), person("ada")
    made = root.make(scope="instance")
    path = f"/secrets/{made['id']}"
    root.call("patch", path, {"value": "another-value-1"})
    root.call("post", f"{path}/grant/{AGENT}", {}, 201)
    root.call("delete", f"{path}/grant/{AGENT}", expect=204)
    root.call("post", f"/admin{path}/users/{lent.pk}", {}, 204)
    root.call("post", f"/admin{path}/users/{lent.pk}", {}, 409)
    root.call("delete", f"/admin{path}/users/{lent.pk}", expect=204)
    root.call("delete", path, expect=204)
    told = AuditEvent.objects.filter(object_id=made["id"]).order_by("id")
    assert [row.action for row in told] == [
        "secret.create", "secret.update", "secret.grant", "secret.ungrant", "secret.share",
        "secret.unshare", "secret.revoke",
    ]  # fmt: skip
    assert all(row.actor_name for row in told)
    assert audit_verify().broken_at is None
    assert MARKER not in everything_stored()


def test_the_admin_shows_no_value(person: Person, api: ApiOf, client: Any) -> None:
    owner = person("root", "owner")
    made = api(owner).make(scope="instance")
    client.force_login(owner)
    sealed = Secret.objects.get().sealed
    for page in ("", f"{made['id']}/change/"):
        answer = client.get(f"/django-admin/secrets/secret/{page}")
        assert answer.status_code == 200
        assert made["name"].encode() in answer.content
        assert MARKER.encode() not in answer.content
        assert sealed.encode() not in answer.content
    assert client.get("/django-admin/secrets/secret/add/").status_code == 403
