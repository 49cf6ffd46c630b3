"""The agents API as its clients see it: people, people's keys with less, and agents' sessions."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rest_framework.test import APIClient

from apps.agents.selectors import agent_get
from tests.apps.agents.earlier_tree import ROWS

pytestmark = pytest.mark.django_db
SessionClient = Callable[[str], APIClient]

READS = [
    "",
    "/config",
    "/files/SOUL",
    "/files/SOUL.md/versions",
    "/tools/overrides",
    "/tools/disabled",
]
WRITES: list[tuple[str, str, dict[str, Any]]] = [
    ("patch", "", {"name": "X"}),
    ("delete", "", {}),
    ("put", "/config", {"config": {"model": "a/b"}}),
    ("put", "/files/SOUL", {"content": "x", "version": 1}),
    ("post", "/files/SOUL/revert", {"version_id": 1}),
    ("post", "/reset", {}),
    ("post", "/pause", {}),
    ("post", "/resume", {}),
    ("put", "/tools/overrides", {"overrides": [{"tool_name": "bash", "enabled": False}]}),
    ("delete", "/tools/overrides/bash", {}),
]


def test_list_is_an_array_of_profiles(client: APIClient) -> None:
    body = client.get("/v1/agents").json()

    assert [item["id"] for item in body] == sorted(row.id for row in ROWS)
    eric = next(item for item in body if item["id"] == "eric")
    assert (eric["name"], eric["role"], eric["abbreviation"]) == ("Eric", "Product Owner", "PO")
    assert (eric["state"], eric["source"], eric["stages"]) == ("idle", "builtin", ["SPEC"])
    assert eric["persona_files"] == [
        "IDENTITY.md",
        "SOUL.md",
        "DECISION.md",
        "AGENTS.md",
        "PULSE.md",
    ]
    assert "files" not in eric


@pytest.mark.django_db(transaction=True)
def test_list_costs_a_fixed_number_of_queries(
    client: APIClient, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    client.get("/v1/agents")
    with django_assert_max_num_queries(8):
        client.get("/v1/agents")


def test_detail_has_the_texts(client: APIClient) -> None:
    body = client.get("/v1/agents/finn/").json()
    assert body["soul_preview"] == body["files"]["SOUL.md"][:500]
    assert body["version"] == 1


def test_edit_of_a_soul_is_seen_versioned_and_reverted(client: APIClient) -> None:
    """A2 over HTTP."""
    old = client.get("/v1/agents/eric/files/SOUL").json()
    answer = client.put(
        "/v1/agents/eric/files/SOUL", {"content": "new\n", "version": old["version"]}
    )
    assert answer.status_code == 200
    assert answer.json() == {
        "agent_id": "eric",
        "name": "SOUL.md",
        "content": "new\n",
        "version": old["version"] + 1,
    }
    newest, first = client.get("/v1/agents/eric/files/SOUL/versions").json()
    assert (newest["author"], first["content"]) == ("user", old["content"])
    back = client.post("/v1/agents/eric/files/SOUL/revert", {"version_id": first["id"]})
    assert back.json()["files"]["SOUL.md"] == old["content"]


def test_stale_edit_is_a_409_with_both_versions(client: APIClient) -> None:
    body = {"content": "x", "version": 77}
    answer = client.put("/v1/agents/eric/files/SOUL.md", body)

    assert answer.status_code == 409
    problem = answer.json()
    assert (problem["code"], problem["current_version"], problem["your_version"]) == (
        "stale_version",
        1,
        77,
    )


@pytest.mark.parametrize(
    ("content", "name", "status"),
    [
        ("x", "config.yml", 400),
        ("x", "slack.yml", 400),
        ("x" * (256 * 1024 + 1), "SOUL", 413),
    ],
)
def test_edits_that_are_refused(client: APIClient, content: str, name: str, status: int) -> None:
    answer = client.put(f"/v1/agents/eric/files/{name}", {"content": content, "version": 1})
    assert answer.status_code == status
    assert answer["Content-Type"] == "application/problem+json"


def test_file_that_is_not_there_is_a_404(client: APIClient) -> None:
    assert client.get("/v1/agents/eric/files/NOPE").status_code == 404


def test_config_is_read_and_saved(client: APIClient, agents_dir: Path) -> None:
    before = client.get("/v1/agents/eric/config").json()
    assert before["config"]["pulse_columns"] == ["Backlog"]
    assert before["layers"]["builtin"]["pulse_offset_minutes"] == 3

    answer = client.put(
        "/v1/agents/eric/config",
        {"config": {**before["config"], "thread_mode": "active"}, "version": before["version"]},
    )

    assert answer.json()["config"]["thread_mode"] == "active"
    assert (agents_dir / "eric/config.yml").read_text() == "thread_mode: active\n"


def test_config_keys_may_stand_bare_in_the_body(client: APIClient) -> None:
    url = "/v1/agents/eric/config"
    assert client.put(url, {"threadMode": "active"}).json()["config"]["thread_mode"] == "active"
    assert client.put(url, {"model": "a/b", "version": 99}).json()["code"] == "stale_version"


def test_wrong_config_values_are_a_422_by_key(client: APIClient) -> None:
    answer = client.put("/v1/agents/eric/config", {"config": {"thread_mode": 1, "nope": 2}})
    assert answer.status_code == 422
    assert {error["pointer"] for error in answer.json()["errors"]} == {"/thread_mode", "/nope"}


def test_create_and_delete(client: APIClient, agents_dir: Path) -> None:
    body = {"id": "ada", "name": "Ada", "role": "Engineer"}
    assert client.post("/v1/agents", body).status_code == 201
    assert client.post("/v1/agents/", body).json()["code"] == "already_exists"
    assert client.post("/v1/agents", {**body, "id": "A B"}).status_code == 422
    assert client.delete("/v1/agents/ada").status_code == 204
    assert client.get("/v1/agents/ada").status_code == 404
    assert client.delete("/v1/agents/eric").json()["code"] == "built_in"


def test_profile_patch(client: APIClient) -> None:
    answer = client.patch("/v1/agents/eric", {"name": "Erik", "origin": None, "enabled": False})
    body = answer.json()
    assert (body["name"], body["origin"], body["state"]) == ("Erik", "", "disabled")


def test_unknown_time_zone_is_refused(client: APIClient) -> None:
    answer = client.patch("/v1/agents/eric", {"timezone": "Mars/Olympus"})
    assert answer.status_code == 422
    assert agent_get("eric").timezone is None


def test_pause_and_resume(client: APIClient) -> None:
    assert client.post("/v1/agents/eric/pause", {"reason": "rest"}).json()["state"] == "paused"
    assert client.post("/v1/agents/eric/resume").json()["state"] == "idle"


def test_reset(client: APIClient) -> None:
    client.patch("/v1/agents/eric", {"name": "Erik"})
    assert client.post("/v1/agents/eric/reset", {}).json()["name"] == "Eric"


def test_tool_overrides(client: APIClient) -> None:
    url = "/v1/agents/eric/tools/overrides"
    off = {"overrides": [{"tool_name": "bash", "enabled": False}]}

    assert client.put(url, {"overrides": []}).status_code == 400
    assert client.put(url, off).status_code == 200
    assert client.get(url).json()[0]["tool_name"] == "bash"
    assert client.get("/v1/agents/eric/tools/disabled").json() == {
        "agent_id": "eric",
        "tools": ["bash"],
    }
    always = {"overrides": [{"tool_name": "complete", "enabled": False}]}
    assert client.put(url, always).status_code == 422
    assert client.delete(f"{url}/bash").status_code == 204
    assert client.delete(f"{url}/bash").status_code == 404


@pytest.mark.parametrize("path", READS)
def test_session_of_another_agent_is_refused(session_client: SessionClient, path: str) -> None:
    """A7."""
    answer = session_client("finn").get(f"/v1/agents/eric{path}")
    assert (answer.status_code, answer.json()["code"]) == (403, "wrong_agent")


@pytest.mark.parametrize(("method", "path", "body"), WRITES)
def test_session_of_another_agent_changes_nothing(
    session_client: SessionClient, method: str, path: str, body: dict[str, Any]
) -> None:
    before = agent_get("eric").version
    answer = getattr(session_client("finn"), method)(f"/v1/agents/eric{path}", body)
    assert (answer.status_code, answer.json()["code"]) == (403, "wrong_agent")
    assert agent_get("eric").version == before


@pytest.mark.parametrize("path", READS)
def test_session_reads_its_own_agent(session_client: SessionClient, path: str) -> None:
    assert session_client("eric").get(f"/v1/agents/eric{path}").status_code == 200


@pytest.mark.parametrize(("method", "path", "body"), WRITES)
def test_session_does_not_edit_even_its_own_agent(
    session_client: SessionClient, method: str, path: str, body: dict[str, Any]
) -> None:
    answer = getattr(session_client("eric"), method)(f"/v1/agents/eric{path}", body)
    assert answer.status_code == 403


@pytest.mark.parametrize(("method", "path", "body"), WRITES)
def test_key_that_may_only_read_changes_nothing(
    reader: APIClient, method: str, path: str, body: dict[str, Any]
) -> None:
    answer = getattr(reader, method)(f"/v1/agents/eric{path}", body)
    assert (answer.status_code, answer.json()["code"]) == (403, "missing_scope")


def test_stranger_gets_401() -> None:
    assert APIClient().get("/v1/agents").status_code == 401
    assert APIClient().get("/v1/agents/eric").status_code == 401


def test_unknown_agent_is_a_404(client: APIClient, session_client: SessionClient) -> None:
    for path in READS:
        assert client.get(f"/v1/agents/nobody{path}").status_code == 404


def test_no_answer_holds_a_credential(
    client: APIClient, agents_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CANARY_TOKEN", "canary-in-the-environment")
    (agents_dir / "ada").mkdir()
    (agents_dir / "ada/IDENTITY.md").write_text("- **Name:** Ada\n- **Role:** R\n")
    (agents_dir / "ada/slack.yml").write_text(
        "bot_token: canary-literal\napp_token: ${CANARY_TOKEN}\nnote: canary-note\n"
    )
    (agents_dir / "ada/discord.yml").write_text("token: ${NOT_SET_ANYWHERE}\n")

    answers = [client.get("/v1/agents").json()]
    answers += [client.get(f"/v1/agents/ada{path}").json() for path in READS]

    assert answers[1]["channels"] == {"slack": True, "discord": False}
    assert "NOT_SET_ANYWHERE" in json.dumps(answers[1]["warnings"])
    assert "canary" not in json.dumps(answers)
