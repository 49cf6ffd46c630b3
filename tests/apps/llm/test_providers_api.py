"""Providers, keys, models and aliases through the API: what is told, to whom, and what never is."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from rest_framework.test import APIClient

from apps.accounts.models import AuditEvent, User
from apps.llm.models import LlmSettingChange, ModelEntry, ProviderKey
from tests.apps.llm.foreign import Answer, Asked, Foreign, foreign_provider, refused, said

pytestmark = pytest.mark.django_db
SECRET = "sk-canary-of-the-providers-api-4711"
SignedIn = Callable[[User], APIClient]


@pytest.fixture(autouse=True)
def _no_environment_key(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "GROQ_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def admin(api_client: SignedIn) -> APIClient:
    return api_client(User.objects.create_superuser("boss"))


@pytest.fixture
def member(api_client: SignedIn) -> APIClient:
    return api_client(User.objects.create_user("ann"))


@pytest.fixture
def foreign() -> Iterator[Foreign]:
    with foreign_provider() as made:
        yield made


def own(admin: APIClient, foreign: Foreign, **more: Any) -> Any:
    body = {"slug": "mine", "base_url": foreign.url, "allow_private": True, **more}
    return admin.post("/v1/llm/providers", body, format="json")


def test_a_key_goes_in_and_never_out(admin: APIClient, member: APIClient) -> None:
    set_key = admin.put("/v1/llm/providers/openai/key", {"key": SECRET}, format="json")
    assert (set_key.status_code, set_key.content) == (204, b"")
    shown = admin.get("/v1/llm/providers/openai").json()
    assert [(key["scope"], key["masked"]) for key in shown["keys"]] == [("instance", "…4711")]
    seen = member.get("/v1/llm/providers/openai").json()
    assert [(key["scope"], key["masked"]) for key in seen["keys"]] == [("admin_shared", "…")]
    assert seen["usable"]
    told = [
        admin.get(path).content for path in ("/v1/llm/providers", "/v1/llm/resolve?model=openai/m")
    ]
    assert SECRET.encode() not in b"".join([*told, shown.__repr__().encode()])


def test_who_changed_what_stands_in_the_audit_log(admin: APIClient, member: APIClient) -> None:
    admin.put("/v1/llm/providers/openai/key", {"key": SECRET}, format="json")
    address = {"base_url": "http://127.0.0.1:9/v1", "allow_private": True}
    admin.patch("/v1/llm/providers/openai", address, format="json")
    member.put("/v1/llm/providers/groq/key?scope=me", {"key": SECRET}, format="json")
    member.delete("/v1/llm/providers/groq/key?scope=me")
    rows = AuditEvent.objects.filter(action__startswith="provider.").order_by("id")
    told = [(row.action, row.actor_name, row.facts["provider"]) for row in rows]
    assert told == [
        ("provider.key_set", "boss", "openai"),
        ("provider.changed", "boss", "openai"),
        ("provider.key_set", "ann", "groq"),
        ("provider.key_removed", "ann", "groq"),
    ]
    assert rows[1].facts["base_url"] == address["base_url"]
    assert "4711" not in str([row.facts for row in rows])


def test_no_key_is_in_the_database_in_clear(admin: APIClient, member: APIClient) -> None:
    admin.put("/v1/llm/providers/openai/key", {"key": SECRET}, format="json")
    member.put("/v1/llm/providers/groq/key?scope=me", {"key": SECRET + "-ann"}, format="json")
    with connection.cursor() as cursor:
        dump = ""
        for table in connection.introspection.table_names():
            cursor.execute(f'SELECT string_agg(t::text, chr(10)) FROM "{table}" t')  # noqa: S608
            dump += cursor.fetchone()[0] or ""
    assert "v1:" in dump, "the sealed keys are among it"
    assert SECRET not in dump
    assert SECRET[3:] not in dump
    assert {key.plain for key in ProviderKey.objects.all()} == {SECRET, SECRET + "-ann"}


def test_rotation_keeps_keys_readable(admin: APIClient, settings: Any) -> None:
    admin.put("/v1/llm/providers/openai/key", {"key": SECRET}, format="json")
    before = ProviderKey.objects.get().secret
    settings.ENCRYPTION_KEYS = ["ab" * 32, *settings.ENCRYPTION_KEYS]
    call_command("rotate_keys")
    settings.ENCRYPTION_KEYS = ["ab" * 32]
    key = ProviderKey.objects.get()
    assert key.secret != before
    assert key.plain == SECRET


def test_only_an_admin_sets_what_is_everybodys(admin: APIClient, member: APIClient) -> None:
    for call in (
        member.put("/v1/llm/providers/openai/key", {"key": SECRET}, format="json"),
        member.patch("/v1/llm/providers/openai", {"enabled": False}, format="json"),
        member.post(
            "/v1/llm/providers", {"slug": "mine", "base_url": "https://x.y"}, format="json"
        ),
        member.put("/v1/llm/aliases/smart", {"chain": ["openai/x"]}, format="json"),
        member.patch("/v1/llm/settings", {"planning_model": "openai/x"}, format="json"),
        member.get("/v1/llm/resolve?model=openai/x&unattended=true"),
        member.get("/v1/llm/providers/openai/shares"),
    ):
        assert call.status_code == 403, call.content
    mine = member.put("/v1/llm/providers/openai/key?scope=me", {"key": SECRET}, format="json")
    assert mine.status_code == 204
    assert admin.get("/v1/llm/providers/openai").json()["keys"] == [], "nobody else's business"
    assert member.delete("/v1/llm/providers/openai/key?scope=me").status_code == 204
    assert member.delete("/v1/llm/providers/openai/key?scope=me").status_code == 404


@pytest.mark.parametrize("key", ["", "  ", "two\nlines", "ümlaut", "x" * 9000])
def test_what_is_no_key_is_refused_unquoted(admin: APIClient, key: str) -> None:
    answer = admin.put("/v1/llm/providers/openai/key", {"key": key}, format="json")
    assert answer.status_code == 422
    assert "lines" not in answer.content.decode()


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/v1",
        "http://[fd00:ec2::254]/v1",
        "http://127.0.0.1:11434/v1",
        "http://[::ffff:10.0.0.1]/v1",
        "http://localhost/v1",
        "ftp://example.org/v1",
        "https://user:pass@example.org/v1",
        "https://example.org/v1?key=1",
        "not a url",
    ],
)
def test_an_address_that_leads_inside_is_refused(admin: APIClient, url: str) -> None:
    answer = admin.post("/v1/llm/providers", {"slug": "inside", "base_url": url}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (422, "base_url_refused")
    changed = admin.patch("/v1/llm/providers/openai", {"base_url": url}, format="json")
    assert changed.status_code == 422


def test_metadata_is_refused_although_private_is_allowed(admin: APIClient) -> None:
    body = {"slug": "m", "base_url": "http://169.254.169.254/v1", "allow_private": True}
    answer = admin.post("/v1/llm/providers", {**body, "slug": "meta"}, format="json")
    assert answer.json()["code"] == "base_url_refused"


def test_a_server_of_ones_own_lives_and_goes(admin: APIClient, foreign: Foreign) -> None:
    made = own(admin, foreign, label="Mine")
    assert (made.status_code, made.json()["id"], made.json()["usable"]) == (
        201,
        "custom-mine",
        True,
    )
    assert own(admin, foreign).status_code == 409
    admin.put("/v1/llm/aliases/quick", {"chain": ["custom-mine/m"]}, format="json")
    assert admin.delete("/v1/llm/providers/custom-mine").json()["code"] == "provider_in_use"
    assert admin.delete("/v1/llm/aliases/quick").status_code == 204
    assert admin.delete("/v1/llm/providers/custom-mine").status_code == 204
    assert admin.get("/v1/llm/providers/custom-mine").status_code == 404


def test_a_live_list_is_kept_for_an_hour(admin: APIClient, foreign: Foreign) -> None:
    model = {
        "id": "vendor/large",
        "name": "Large",
        "context_length": 200_000,
        "top_provider": {"max_completion_tokens": 8_000},
        "architecture": {"input_modalities": ["text", "image"]},
        "supported_parameters": ["tools"],
        "pricing": {"prompt": "0.000003", "completion": "0.000015", "input_cache_read": "-1"},
    }
    foreign.answer = lambda asked: Answer(body={"data": [model, {"id": "bare"}, 7]})
    own(admin, foreign)
    live = admin.get("/v1/llm/providers/custom-mine/models").json()
    assert (live["source"], live["problem"]) == ("live", "")
    bare, large = live["models"]
    assert (large["vision"], large["audio"], large["tools"], large["reasoning"]) == (
        True,
        False,
        True,
        False,
    )
    assert (large["context_window"], large["max_output"]) == (200_000, 8_000)
    assert (large["price"]["input"], large["price"]["output"]) == (3, 15)
    assert large["price"]["cache_read"] is None
    assert (bare["price"], bare["tools"], bare["context_window"]) == (None, None, None)
    foreign.answer = lambda asked: refused(500, "broken")
    assert admin.get("/v1/llm/providers/custom-mine/models").json()["source"] == "cached"
    stale = admin.get("/v1/llm/providers/custom-mine/models?refresh=true").json()
    assert (stale["source"], len(stale["models"])) == ("cached", 2)
    assert "broken" in stale["problem"]
    assert len(foreign.asked) == 2
    typed_in = admin.put(
        "/v1/llm/providers/custom-mine/models/vendor/large", {"price_input": "1"}, format="json"
    )
    assert typed_in.status_code == 200
    assert ModelEntry.objects.get(model="vendor/large").source == "manual"
    found = admin.get("/v1/llm/models?search=large&vision=true").json()
    assert [one["name"] for one in found] == ["custom-mine/vendor/large"]


def test_without_any_list_it_is_a_bad_gateway(admin: APIClient, foreign: Foreign) -> None:
    foreign.answer = lambda asked: refused(500)
    own(admin, foreign)
    answer = admin.get("/v1/llm/providers/custom-mine/models")
    assert (answer.status_code, answer.json()["code"]) == (502, "no_model_list")


def test_a_test_call_says_what_is_wrong(admin: APIClient, foreign: Foreign) -> None:
    def answer(asked: Asked) -> Answer:
        return said() if asked.key == SECRET else refused(401, f"Wrong key {asked.key}")

    foreign.answer = answer
    own(admin, foreign)
    path = "/v1/llm/providers/custom-mine"
    admin.put(f"{path}/key", {"key": "sk-wrong-wrong-wrong"}, format="json")
    bad = admin.post(f"{path}/test", {"model": "m"}, format="json")
    assert (bad.status_code, bad.json()["code"]) == (502, "provider_key_invalid")
    assert "sk-wrong" not in bad.content.decode()
    assert "401" in admin.get(path).json()["last_error"]
    admin.put(f"{path}/key", {"key": SECRET}, format="json")
    good = admin.post(f"{path}/test", {"model": "m"}, format="json").json()
    assert (good["ok"], good["model"], good["key_source"]) == (True, "m", "admin_shared")
    state = admin.get(path).json()
    assert (state["health"], state["keys"][0]["status"]) == ("ok", "ok")


def test_aliases_that_lead_in_a_circle_are_refused(admin: APIClient) -> None:
    def put(name: str, *chain: str) -> Any:
        return admin.put(f"/v1/llm/aliases/{name}", {"chain": chain}, format="json")

    assert put("a", "openai/x").status_code == 200
    assert put("b", "a", "groq/y").status_code == 200
    assert put("a", "openai/x", "b").json()["code"] == "alias_cycle"
    assert put("c", "c").json()["code"] == "alias_cycle"
    assert put("d", "no-such").json()["code"] == "malformed_model"
    assert [alias["name"] for alias in admin.get("/v1/llm/aliases").json()] == ["a", "b"]


def test_a_dry_run_says_which_model_and_whose_key(admin: APIClient, member: APIClient) -> None:
    member.put("/v1/llm/providers/groq/key?scope=me", {"key": SECRET}, format="json")
    admin.put("/v1/llm/aliases/smart", {"chain": ["openai/gpt-4o", "groq/x"]}, format="json")
    found = member.get("/v1/llm/resolve?model=smart").json()
    assert (found["chosen"], found["alias"]) == ("groq/x", "smart")
    first, second = found["candidates"]
    assert "There is no key for OpenAI" in first["why"]
    assert (second["key_source"], second["price"]) == ("personal", None)
    nothing = member.get("/v1/llm/resolve?model=no-such-model")
    assert (nothing.status_code, nothing.json()["code"]) == (422, "malformed_model")


def test_defaults_are_kept_with_their_history(admin: APIClient, member: APIClient) -> None:
    body = {"default_working_model": "scripted/demo", "executor_thinking_level": "high"}
    assert admin.patch("/v1/llm/settings", body, format="json").status_code == 200
    assert member.get("/v1/llm/settings").json()["default_working_model"] == "scripted/demo"
    assert member.get("/v1/llm/resolve").json()["chosen"] == "scripted/demo"
    admin.patch("/v1/llm/settings", {"executor_thinking_level": "high"}, format="json")
    changes = LlmSettingChange.objects.filter(key="executor_thinking_level")
    assert [(one.old, one.new) for one in changes] == [("medium", "high")]
    bad = admin.patch("/v1/llm/settings", {"executor_thinking_level": "huge"}, format="json")
    assert bad.json()["code"] == "bad_setting"


def test_a_share_has_limits(admin: APIClient, member: APIClient) -> None:
    user = User.objects.get(username="ann")
    path = "/v1/llm/providers/openai/shares"
    assert admin.post(path, {"user_id": user.pk}, format="json").status_code == 404, "no key yet"
    body = {"key": SECRET, "share_with_all": False}
    admin.put("/v1/llm/providers/openai/key", body, format="json")
    assert not member.get("/v1/llm/resolve?model=openai/gpt-4o").json()["chosen"]
    share = admin.post(
        path, {"user_id": user.pk, "allowed_models": ["gpt-4o*"]}, format="json"
    ).json()
    assert member.get("/v1/llm/resolve?model=openai/gpt-4o").json()["chosen"]
    other = member.get("/v1/llm/resolve?model=openai/o3").json()
    assert "not for this model" in other["candidates"][0]["why"]
    assert admin.delete(f"{path}/{share['id']}").status_code == 204
    assert not member.get("/v1/llm/resolve?model=openai/gpt-4o").json()["chosen"]


def test_a_provider_that_is_switched_off_is_not_asked(admin: APIClient, foreign: Foreign) -> None:
    own(admin, foreign)
    admin.patch("/v1/llm/providers/custom-mine", {"enabled": False}, format="json")
    found = admin.get("/v1/llm/resolve?model=custom-mine/m").json()
    assert (found["chosen"], "switched off" in found["candidates"][0]["why"]) == ("", True)


def test_extra_is_typed(admin: APIClient) -> None:
    path = "/v1/llm/providers/azure-openai-responses"
    assert admin.get(path).json()["needs"] == "resource"
    assert admin.patch(path, {"extra": {"resource": "a/b"}}, format="json").status_code == 422
    assert admin.patch(path, {"extra": {"secret": "x"}}, format="json").status_code == 422
    done = admin.patch(path, {"extra": {"resource": "mine"}}, format="json").json()
    assert (done["needs"], done["base_url"]) == ("", "https://mine.openai.azure.com/openai/v1")


def test_the_admin_pages_take_a_key_and_show_none(client: Client) -> None:
    client.force_login(User.objects.create_superuser("boss"))
    add = "/django-admin/llm/providerkey/add/"
    inline = {"shares-TOTAL_FORMS": "0", "shares-INITIAL_FORMS": "0"}
    made = client.post(
        add, {"provider": "openai", "key": SECRET, "allow_unattended": "on", **inline}
    )
    assert made.status_code == 302, made.content
    key = ProviderKey.objects.get()
    assert key.plain == SECRET
    for page in ("", f"{key.pk}/change/"):
        shown = client.get(f"/django-admin/llm/providerkey/{page}").content.decode()
        assert "…4711" in shown or page
        assert SECRET not in shown
        assert key.secret not in shown


def test_favourites_are_each_persons_own(admin: APIClient, member: APIClient) -> None:
    def put(who: APIClient, *models: str) -> Any:
        return who.put("/v1/users/me/favorites", {"models": models}, format="json")

    assert put(member, "openai/b", "smart", "openai/b").json() == {"models": ["openai/b", "smart"]}
    assert put(member, "smart", "openai/b").json() == {"models": ["smart", "openai/b"]}
    assert admin.get("/v1/users/me/favorites").json() == {"models": []}
    assert put(member, "x" * 265).status_code == 422
    assert put(member).json() == {"models": []}
