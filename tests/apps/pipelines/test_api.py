"""Pipelines over HTTP."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse
from rest_framework.test import APIClient

from apps.pipelines.files import LIBRARY
from tests.apps.pipelines.conftest import Write, good
from tests.apps.pipelines.test_builtin import IDS

pytestmark = pytest.mark.django_db
NO_TEXT = ("\x00", "\ud800")


def put(client: APIClient, pipeline_id: str, text: str, **more: Any) -> Any:
    headers = more.pop("headers", None)
    body = {"yaml_content": text, **more}
    return client.put(f"/v1/pipelines/{pipeline_id}", body, format="json", headers=headers)


LOOPED = """\
id: looped
name: Looped
agents: [{id: finn, name: Finn}]
steps:
  - {id: PLAN, agent: finn, input: "{{task_description}}", outputs: [items], onComplete: BUILD}
  - id: BUILD
    agent: finn
    input: "{{current_item}}, {{nowhere}}"
    outputs: [summary]
    loop: {over: items, onEachComplete: REVIEW, onAllComplete: SHIP}
  - id: REVIEW
    agent: finn
    input: "{{summary}}"
    outputs: [review_result]
    onResult: {CHANGES: {goto: BUILD}, APPROVED: {continueLoop: true}}
  - {id: SHIP, agent: finn, input: ship, outputs: [result], approval: true}
"""


class TestRehearsing:
    def rehearse(self, reader: APIClient, text: str = LOOPED, **more: Any) -> Any:
        return reader.post("/v1/pipelines/rehearse", {"yaml_content": text, **more}, format="json")

    def test_the_way_is_walked_with_every_result(self, reader: APIClient) -> None:
        body = self.rehearse(reader, task="Write it.").json()
        assert body["status"] == "completed", body
        way = [(step["step_id"], step["result"]) for step in body["steps"]]
        item = [("BUILD", ""), ("REVIEW", "CHANGES"), ("BUILD", ""), ("REVIEW", "APPROVED")]
        assert way == [("PLAN", ""), *item, *item, ("SHIP", "")]
        plan, build = body["steps"][:2]
        assert plan["input"] == "Write it."
        assert build["item"] == '{"title": "First item"}'
        assert build["input"].startswith('{"title": "First item"}, ')
        assert build["missing"] == ["nowhere"]
        assert body["steps"][-1]["approval"] is True

    def test_results_are_chosen(self, reader: APIClient) -> None:
        body = self.rehearse(reader, results={"REVIEW": ["APPROVED"]}).json()
        assert [step["step_id"] for step in body["steps"]] == [
            *("PLAN", "BUILD", "REVIEW", "BUILD", "REVIEW", "SHIP"),
        ]
        body = self.rehearse(reader, results={"REVIEW": ["CHANGES"]}).json()
        assert (body["status"], body["code"]) == ("failed", "visit_limit")

    def test_nothing_is_left_behind(self, reader: APIClient, data_dir: Path) -> None:
        self.rehearse(reader)
        assert list(data_dir.iterdir()) == []
        assert reader.get("/v1/runs").json()["items"] == []

    def test_what_has_errors_is_refused_in_words(self, reader: APIClient) -> None:
        answer = self.rehearse(reader, LOOPED.replace("onComplete: BUILD", "onComplete: NOWHERE"))
        assert (answer.status_code, answer.json()["code"]) == (422, "pipeline_invalid")

    @pytest.mark.parametrize("pipeline_id", sorted(IDS))
    def test_every_built_in_one_comes_to_its_end(self, reader: APIClient, pipeline_id: str) -> None:
        text = (LIBRARY / f"{pipeline_id}.yml").read_text()
        body = self.rehearse(reader, text).json()
        assert body["status"] == "completed", (body["code"], body["message"])

    def test_a_draft_says_what_its_templates_may_name(self, reader: APIClient) -> None:
        asked = {"yaml_content": LOOPED}
        body = reader.post("/v1/pipelines/validate", asked, format="json").json()
        origins = {each["name"]: each["origin"] for each in body["variables"]}
        assert origins["review_result"] == "output"
        assert origins["current_item"] == "loop"
        assert origins["task_description"] == "run"
        assert "nowhere" not in origins
        assert body["variable_prefixes"] == ["issue_"]


class TestReading:
    def test_the_list_has_all_with_steps_and_agents(self, reader: APIClient) -> None:
        answer = reader.get("/v1/pipelines/")
        assert answer.status_code == 200
        found = {item["id"]: item for item in answer.json()}
        assert set(found) == IDS
        one = found["bugfix"]
        assert (one["layer"], one["valid"], one["errors"]) == ("builtin", True, [])
        assert [step["id"] for step in one["steps"]] == ["FIX", "VALIDATE"]
        assert [agent["id"] for agent in one["agents"]] == ["yukihiro", "chieko"]
        assert len([text for text in one["warnings"] if text.startswith("W03")]) == 3

    def test_one_has_its_limits_resolved(self, reader: APIClient) -> None:
        answer = reader.get("/v1/pipelines/engineering")
        body = answer.json()
        loop = next(step for step in body["steps"] if step["id"] == "IMPLEMENT")
        assert (loop["type"], loop["timeout_s"], loop["max_retries"]) == ("loop", 4800, 3)
        assert loop["loop"]["on_each_complete"] == "REVIEW"
        review = next(step for step in body["steps"] if step["id"] == "REVIEW")
        assert review["on_result"]["APPROVED"]["goto"] == "TEST"
        assert answer["ETag"] == f'"{body["sha256"]}"'

    def test_the_text_is_the_file(self, reader: APIClient) -> None:
        body = reader.get("/v1/pipelines/bugfix/raw/").json()
        assert body["yaml"] == (LIBRARY / "bugfix.yml").read_text()
        assert body["pipeline_id"] == "bugfix"
        assert body["file"].endswith("/bugfix.yml")

    def test_the_graph_has_every_kind_of_edge(self, reader: APIClient) -> None:
        body = reader.get("/v1/pipelines/engineering/graph").json()
        edges = {(edge["source"], edge["target"], edge["kind"]) for edge in body["edges"]}
        assert edges == {
            ("SPEC", "DESIGN", "onComplete"),
            ("DESIGN", "UX", "onComplete"),
            ("UX", "IMPLEMENT", "onComplete"),
            ("IMPLEMENT", "REVIEW", "loop:each"),
            ("IMPLEMENT", "DEPLOY", "loop:all"),
            ("REVIEW", "TEST", "result:APPROVED"),
            ("REVIEW", "IMPLEMENT", "result:CHANGES_REQUESTED"),
            ("TEST", "IMPLEMENT", "result:FAIL"),
            ("DEPLOY", "IMPLEMENT", "result:FAIL"),
        }
        nodes = {node["id"]: node for node in body["nodes"]}
        assert nodes["SPEC"]["is_start"]
        assert nodes["DX"]["is_last"]
        assert nodes["IMPLEMENT"]["type"] == "loop"
        assert nodes["SPEC"]["agent_name"] == "Eric"
        body = reader.get("/v1/pipelines/test-sandbox/graph").json()
        assert {edge["kind"] for edge in body["edges"]} == {"dependsOn"}

    def test_a_broken_file_can_be_looked_at(self, reader: APIClient, write: Write) -> None:
        write("bad.yml", good("bad").replace("input: do", "input: do, onComplete: NOWHERE"))
        write("worse.yml", "id: [")
        found = {item["id"]: item for item in reader.get("/v1/pipelines").json()}
        assert not found["bad"]["valid"]
        assert found["bad"]["errors"][0].startswith("P009")
        assert found["bad"]["problems"][0]["line"] == 4
        assert found["worse"]["steps"] == []
        for name in ("bad", "worse"):
            graph = reader.get(f"/v1/pipelines/{name}/graph")
            assert graph.status_code == 200
            assert graph.json()["edges"] == []
            assert reader.get(f"/v1/pipelines/{name}/raw").status_code == 200

    @pytest.mark.parametrize("tail", ["", "/raw", "/graph"])
    def test_an_unknown_one_is_404(self, reader: APIClient, tail: str) -> None:
        answer = reader.get(f"/v1/pipelines/nobody{tail}")
        assert answer.status_code == 404
        assert answer["Content-Type"] == "application/problem+json"
        assert answer.json()["code"] == "pipeline_not_found"

    def test_an_agent_that_is_not_in_the_library_is_a_warning(
        self, reader: APIClient, write: Write
    ) -> None:
        write("mine.yml", good("mine").replace("yukihiro", "nobody-we-know"))
        body = reader.get("/v1/pipelines/mine").json()
        assert body["valid"]
        assert [problem["code"] for problem in body["problems"]] == ["P016"]
        assert body["problems"][0]["line"] == 3

    def test_nobody_else_may_look(self, db: None) -> None:
        assert APIClient().get("/v1/pipelines").status_code == 401


class TestValidate:
    def test_of_the_library(self, reader: APIClient) -> None:
        body = reader.post("/v1/pipelines/bugfix/validate").json()
        assert (body["valid"], body["pipeline_id"], body["errors"]) == (True, "bugfix", [])
        assert {problem["code"] for problem in body["problems"]} == {"W03"}
        assert reader.post("/v1/pipelines/nobody/validate").status_code == 404

    def test_of_a_draft(self, reader: APIClient) -> None:
        text = good("draft").replace("agent: yukihiro", "agent: ghost")
        answer = reader.post("/v1/pipelines/validate", {"yaml_content": text}, format="json")
        assert answer.status_code == 200
        body = answer.json()
        assert (body["valid"], body["pipeline_id"]) == (False, "draft")
        assert body["problems"][0] == {
            "code": "P008",
            "severity": "error",
            "path": "steps.0.agent",
            "line": 4,
            "message": "Step ONE names agent 'ghost'; known agents: yukihiro.",
        }

    @pytest.mark.parametrize("text", ["", "[", "id: \x01", "- a", "a: &x [*x]", "\x00", "\ud800"])
    def test_of_anything_else(self, reader: APIClient, text: str) -> None:
        body = json.dumps({"yaml_content": text})
        answer = reader.post("/v1/pipelines/validate", body, content_type="application/json")
        if text in NO_TEXT:
            assert (answer.status_code, answer.json()["code"]) == (400, "malformed_json")
        else:
            assert answer.status_code == 200
            assert answer.json()["valid"] is False

    def test_a_text_too_large_is_413(self, reader: APIClient) -> None:
        body = {"yaml_content": "x" * (1024 * 1024 + 1)}
        assert reader.post("/v1/pipelines/validate", body, format="json").status_code == 413

    def test_a_body_without_text_is_422(self, reader: APIClient) -> None:
        assert reader.post("/v1/pipelines/validate", {}, format="json").status_code == 422


class TestSaving:
    def test_a_new_one(self, admin: APIClient, data_dir: Path) -> None:
        answer = put(admin, "mine", good("mine"))
        assert answer.status_code == 200
        body = answer.json()
        assert (body["status"], body["pipeline_id"]) == ("updated", "mine")
        assert Path(body["file"]) == data_dir / "mine.yml"
        assert Path(body["file"]).read_text() == good("mine")
        assert admin.get("/v1/pipelines/mine").json()["name"] == "Mine"

    def test_a_built_in_one_is_overridden_and_not_changed(
        self, admin: APIClient, data_dir: Path
    ) -> None:
        original = (LIBRARY / "bugfix.yml").read_bytes()
        put(admin, "bugfix", good("bugfix"))
        assert admin.get("/v1/pipelines/bugfix").json()["layer"] == "data"
        assert (LIBRARY / "bugfix.yml").read_bytes() == original

    def test_what_it_said_before_is_kept_and_comes_back(self, admin: APIClient) -> None:
        first, second = good("mine"), good("mine", "Second")
        put(admin, "mine", first)
        put(admin, "mine", second)
        rows = admin.get("/v1/pipelines/mine/versions").json()
        assert [row["layer"] for row in rows] == ["data", "data"]
        assert rows[0]["user_id"]
        assert "yaml" not in rows[0]
        old = admin.get(f"/v1/pipelines/mine/versions/{rows[1]['id']}").json()
        assert old["yaml"] == first
        put(admin, "mine", old["yaml"], headers={"If-Match": f'"{rows[0]["sha256"]}"'})
        assert admin.get("/v1/pipelines/mine").json()["name"] == "Mine"
        assert len(admin.get("/v1/pipelines/mine/versions").json()) == 3
        assert admin.get("/v1/pipelines/mine/versions/999999").status_code == 404
        assert admin.get("/v1/pipelines/none/versions").status_code == 404

    def test_again_into_the_same_file(self, admin: APIClient, write: Write) -> None:
        path = write("odd-name.yaml", good("mine"))
        put(admin, "mine", good("mine", "Changed"))
        assert path.read_text() == good("mine", "Changed")

    def test_bad_yaml_is_400_even_when_forced(self, admin: APIClient, data_dir: Path) -> None:
        for force in (False, True):
            answer = put(admin, "mine", "id: [", force=force)
            assert answer.status_code == 400
            assert answer.json()["detail"].startswith("Invalid YAML: ")
        assert list(data_dir.iterdir()) == []

    def test_another_id_is_400(self, admin: APIClient) -> None:
        answer = put(admin, "mine", good("other"))
        assert answer.status_code == 400
        assert answer.json()["code"] == "id_mismatch"
        assert answer.json()["problems"][0]["code"] == "P012"

    def test_problems_are_422_unless_forced(self, admin: APIClient, data_dir: Path) -> None:
        text = good("mine").replace("agent: yukihiro", "agent: ghost")
        answer = put(admin, "mine", text)
        assert answer.status_code == 422
        assert answer.json()["problems"][0]["code"] == "P008"
        assert list(data_dir.iterdir()) == []
        answer = put(admin, "mine", text, force=True)
        assert (answer.status_code, answer.json()["valid"]) == (200, False)
        assert admin.get("/v1/pipelines/mine").json()["valid"] is False

    def test_a_stale_version_is_409_and_changes_nothing(self, admin: APIClient) -> None:
        tag = put(admin, "mine", good("mine"))["ETag"]
        second = put(admin, "mine", good("mine", "Two"), headers={"If-Match": tag})
        assert second.status_code == 200
        stale = put(admin, "mine", good("mine", "Three"), headers={"If-Match": tag})
        assert stale.status_code == 409
        assert stale.json()["code"] == "stale_version"
        assert f'"{stale.json()["current_version"]}"' == second["ETag"]
        assert admin.get("/v1/pipelines/mine").json()["name"] == "Two"

    def test_a_version_of_nothing_is_stale(self, admin: APIClient) -> None:
        for tag in ('"abc"', "*"):
            assert put(admin, "new", good("new"), headers={"If-Match": tag}).status_code == 409
        assert put(admin, "new", good("new")).status_code == 200
        assert put(admin, "new", good("new", "N"), headers={"If-Match": "*"}).status_code == 200

    def test_only_if_new(self, admin: APIClient) -> None:
        headers = {"If-None-Match": "*"}
        assert put(admin, "mine", good("mine"), headers=headers).status_code == 200
        answer = put(admin, "mine", good("mine"), headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (409, "already_exists")

    def test_too_large_is_413(self, admin: APIClient) -> None:
        assert put(admin, "mine", "#" * (1024 * 1024 + 1)).status_code == 413

    def test_an_impossible_id_is_404(self, admin: APIClient) -> None:
        assert put(admin, "a b", good("mine")).status_code == 404

    @pytest.mark.parametrize("method", ["put", "delete"])
    def test_only_admins_may(self, reader: APIClient, method: str, data_dir: Path) -> None:
        answer = getattr(reader, method)(
            "/v1/pipelines/bugfix", {"yaml_content": good("bugfix")}, format="json"
        )
        assert answer.status_code == 403
        assert list(data_dir.iterdir()) == []


class TestDeleting:
    def test_a_file_goes_and_the_built_in_one_is_back(self, admin: APIClient, write: Write) -> None:
        path = write("x.yml", good("bugfix"))
        answer = admin.delete("/v1/pipelines/bugfix")
        assert (answer.status_code, answer.json()["layer"]) == (200, "builtin")
        assert not path.exists()
        assert admin.get("/v1/pipelines/bugfix").json()["layer"] == "builtin"

    def test_one_that_is_only_data_is_gone(self, admin: APIClient, write: Write) -> None:
        write("x.yml", good("mine"))
        assert admin.delete("/v1/pipelines/mine").json()["layer"] is None
        assert admin.get("/v1/pipelines/mine").status_code == 404
        assert admin.delete("/v1/pipelines/mine").status_code == 404

    def test_a_built_in_one_alone_is_409(self, admin: APIClient) -> None:
        answer = admin.delete("/v1/pipelines/bugfix")
        assert (answer.status_code, answer.json()["code"]) == (409, "builtin_only")
        assert (LIBRARY / "bugfix.yml").exists()

    def test_a_stale_version_is_409(self, admin: APIClient, write: Write) -> None:
        path = write("x.yml", good("mine"))
        answer = admin.delete("/v1/pipelines/mine", headers={"If-Match": '"abc"'})
        assert answer.status_code == 409
        assert path.exists()


@pytest.mark.parametrize("model", ["pipelinedefinition", "pipelinesnapshot"])
def test_the_admin_shows_and_changes_nothing(client: Any, data_dir: Path, model: str) -> None:
    from apps.accounts.models import User
    from apps.pipelines.models import PipelineDefinition, PipelineSnapshot
    from apps.pipelines.services import definition_get, snapshot_get_or_create

    snapshot_get_or_create(definition_get("bugfix"))
    client.force_login(User.objects.create_superuser("root"))
    assert client.get(reverse(f"admin:pipelines_{model}_changelist")).status_code == 200
    made = {"pipelinedefinition": PipelineDefinition, "pipelinesnapshot": PipelineSnapshot}[model]
    row: Any = made._default_manager.first()
    page = client.get(reverse(f"admin:pipelines_{model}_change", args=[row.pk]))
    assert page.status_code == 200
    assert client.get(reverse(f"admin:pipelines_{model}_add")).status_code == 403
