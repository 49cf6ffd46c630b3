"""The API of runs, as its callers use it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from apps.accounts.models import User
from apps.accounts.services import session_token_create
from apps.core.models import Event
from apps.llm.models import LlmCall
from apps.runs import services
from apps.runs.models import Run, StepExecution
from tests.apps.runs.test_flow import LOOP
from tests.support.runs import claim, drive, finish, make_run, make_user, path, pipeline_text, start

pytestmark = pytest.mark.django_db
GRANTS = {"scopes": ["read", "write"]}
IN_GIT = {"workspace_type": "git_worktree"}
TWO: list[dict[str, Any]] = [
    {"id": "A", "agent": "finn", "onComplete": "B", "outputs": ["plan"]},
    {"id": "B", "agent": "yukihiro"},
]


@pytest.fixture(autouse=True)
def library(settings: LazySettings, tmp_path: Path) -> Path:
    settings.PIPELINES_DIR = tmp_path
    (tmp_path / "trial.yml").write_text(pipeline_text(TWO))
    return tmp_path


@pytest.fixture
def owner() -> User:
    return make_user("owner")


@pytest.fixture
def client(api_client: Callable[..., APIClient], owner: User) -> APIClient:
    return api_client(owner)


@pytest.fixture
def stranger(api_client: Callable[..., APIClient]) -> APIClient:
    return api_client(make_user("stranger"))


@pytest.fixture
def admin(api_client: Callable[..., APIClient]) -> APIClient:
    return api_client(make_user("admin", is_staff=True, is_superuser=True))


def body(**fields: Any) -> dict[str, Any]:
    return {"pipeline_id": "trial", "task": "Do it.", "workspace_type": "none", **fields}


# Create


def test_create_answers_at_once_and_asks_for_a_start(client: APIClient, owner: User) -> None:
    answer = client.post("/v1/runs/", body(variables={"colour": "blue"}, context="Be kind."))
    assert answer.status_code == 201, answer.content
    run = Run.objects.get(id=answer.json()["id"])
    assert answer.json()["status"] == "pending"
    assert answer.json()["created_at"].endswith("Z")
    assert run.initiated_by == owner
    event = Event.objects.get(run_id=run.id)
    assert (event.type, event.payload["taskDescription"]) == ("RUN_CREATED", "Do it.")
    start(run)
    variables = claim(run).variables
    assert (variables["colour"], variables["human_context"]) == ("blue", "Be kind.")


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"pipeline_id": "nothing"}, 404, "pipeline_not_found"),
        ({"task": ""}, 422, "validation_error"),
        ({"variables": {"a b": "x"}}, 422, "validation_error"),
        ({"model_override": "nonsense"}, 422, "malformed_model"),
        ({"model_override": "nobody/knows"}, 422, "unknown_provider"),
        (
            {"repository": "/nowhere/at/all", "workspace_type": "git_worktree"},
            422,
            "repository_not_found",
        ),
        ({"branch": "a..b", "workspace_type": "git_worktree"}, 422, "git_name_invalid"),
        ({"workspace_type": "cloud"}, 422, "validation_error"),
        ({"repository": "/tmp"}, 422, "workspace_unusable"),
        ({"key_user_id": "usr_other"}, 403, "permission_denied"),
    ],
)
def test_create_refuses_and_writes_nothing(
    client: APIClient, fields: dict[str, Any], status: int, code: str
) -> None:
    answer = client.post("/v1/runs", body(**fields))
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.content
    assert answer["Content-Type"] == "application/problem+json"
    assert not Run.objects.exists()


def test_create_names_the_problems_of_the_pipeline(client: APIClient, library: Path) -> None:
    (library / "trial.yml").write_text(
        pipeline_text([{"id": "A", "agent": "finn", "onComplete": "X"}])
    )
    answer = client.post("/v1/runs", body())
    assert answer.status_code == 422
    assert [each["code"] for each in answer.json()["problems"]] == ["P009"]


def test_create_refuses_agents_that_nobody_knows(client: APIClient, library: Path) -> None:
    (library / "trial.yml").write_text(pipeline_text([{"id": "A", "agent": "ghost"}]))
    answer = client.post("/v1/runs", body())
    assert (answer.status_code, answer.json()["code"]) == (422, "agent_unknown")
    assert answer.json()["problems"][0]["code"] == "P016"


def test_a_pipeline_without_a_model_anywhere_is_refused(
    client: APIClient, library: Path, settings: LazySettings
) -> None:
    settings.DEFAULT_MODEL = ""
    text = pipeline_text([{"id": "A", "agent": "finn"}]).replace("  model: scripted/test\n", "")
    (library / "trial.yml").write_text(text.replace("defaults:", "defaults: {}"))
    answer = client.post("/v1/runs", body())
    if answer.status_code == 201:  # the persona's own config names one
        pytest.skip("finn's config names a model")
    assert (answer.status_code, answer.json()["code"]) == (422, "no_model")


def test_one_key_makes_one_run(client: APIClient) -> None:
    key = {"Idempotency-Key": "abc"}
    first = client.post("/v1/runs", body(), headers=key)
    again = client.post("/v1/runs", body(), headers=key)
    assert again.json() == first.json()
    assert again["Idempotent-Replayed"] == "true"
    assert client.post("/v1/runs", body(task="Other."), headers=key).status_code == 422
    assert Run.objects.count() == 1


# Look


def test_list_filters_and_pages(client: APIClient, owner: User) -> None:
    runs = [make_run([{"id": "A"}], user=owner) for _ in range(5)]
    drive(runs[0])
    start(runs[1])
    services.run_pause(run_id=runs[1].id)

    def ids(query: str) -> list[str]:
        answer = client.get(f"/v1/runs{query}")
        assert answer.status_code == 200, answer.content
        return [item["id"] for item in answer.json()["items"]]

    newest_first = [run.id for run in reversed(runs)]
    assert ids("") == newest_first
    assert ids("?status=completed") == [runs[0].id]
    assert ids("?status=terminal") == [runs[0].id]
    assert ids("?status=paused") == [runs[1].id]
    assert ids("?pipeline_id=other") == []
    page = client.get("/v1/runs?limit=2&count=true").json()
    assert (len(page["items"]), page["total"]) == (2, 5)
    assert ids(f"?limit=2&cursor={page['next']}") == newest_first[2:4]
    assert client.get("/v1/runs?colour=red").json()["code"] == "unknown_parameter"
    assert client.get("/v1/runs?status=odd").status_code == 422
    assert ids("?sort=created_at") == newest_first[::-1]
    first = client.get("/v1/runs?sort=created_at&limit=2").json()
    assert ids(f"?sort=created_at&limit=2&cursor={first['next']}") == newest_first[::-1][2:4]
    assert ids("?sort=-updated_at")[0] == runs[1].id
    assert client.get("/v1/runs?sort=task").status_code == 422
    assert ids(f"?search={runs[2].id}") == [runs[2].id]
    assert ids(f"?search={runs[2].task_description[:4].upper()}") == newest_first
    assert ids("?search=nothing-of-this") == []
    agent = runs[0].executions.values_list("agent_id", flat=True)[0]
    assert runs[0].id in ids(f"?agent_id={agent}")
    assert ids("?agent_id=nobody") == []


def test_the_list_asks_as_often_for_many_as_for_few(client: APIClient, owner: User) -> None:
    def queries() -> int:
        client.get("/v1/runs")  # the first use of a key is noted
        with CaptureQueriesContext(connection) as captured:
            assert client.get("/v1/runs").status_code == 200
        return len(captured)

    make_run([{"id": "A"}], user=owner)
    few = queries()
    for _ in range(20):
        drive(make_run(TWO, user=owner))
    assert queries() == few <= 6


def test_the_list_says_how_far_each_run_is(client: APIClient, owner: User) -> None:
    run = make_run(TWO, user=owner)
    start(run)
    claim(run)
    shown = client.get("/v1/runs").json()["items"][0]["progress"]
    assert [(step["step_id"], step["agent_id"]) for step in shown] == [
        ("A", "finn"),
        ("B", "yukihiro"),
    ]
    assert [step["status"] for step in shown] == ["starting", None]


def test_the_detail_asks_as_often_for_a_long_run_as_for_a_short_one(
    client: APIClient, owner: User
) -> None:
    def queries(run: Run) -> int:
        client.get(f"/v1/runs/{run.id}")  # the pipeline is parsed once a process
        with CaptureQueriesContext(connection) as captured:
            assert client.get(f"/v1/runs/{run.id}").status_code == 200
        return len(captured)

    short = drive(make_run([{"id": "A"}], user=owner))
    script = {
        "PLAN": [{"outputs": {"items": "[1,2,3,4,5,6]"}}],
        "CHECK": [{"outputs": {"check_result": "OK"}}],
    }
    long = drive(make_run(LOOP, script, user=owner))
    assert long.status == "completed"
    # One more for the items of loops, where there are loops.
    assert queries(long) <= queries(short) + 1 <= 12


def test_detail_shows_steps_executions_loops_and_remedies(client: APIClient, owner: User) -> None:
    run = make_run(TWO, {"A": [{"fail": "container_oom", "retryable": False}]}, user=owner)
    drive(run)
    shown = client.get(f"/v1/runs/{run.id}").json()
    assert (shown["status"], shown["error_code"]) == ("failed", "container_oom")
    assert "memory" in shown["remedy"]
    assert [(s["step_id"], s["status"], s["visit"]) for s in shown["steps"]] == [
        ("A", "failed", 1),
        ("B", "pending", 0),
    ]
    assert len(shown["executions"]) == 1
    assert shown["cost"]["calls"] == 0
    assert client.get(f"/v1/runs/{run.id}/steps?status=failed").json()[0]["step_id"] == "A"
    step = client.get(f"/v1/steps/{run.id}/A").json()
    assert [visit["attempt"] for visit in step["visits"]] == [1]
    assert client.get(f"/v1/steps/{run.id}/Z").status_code == 404


def test_loop_state_graph_outputs_and_logs(client: APIClient, owner: User) -> None:
    script = {
        "PLAN": [{"outputs": {"items": '["one"]'}}],
        "CHECK": [{"outputs": {"check_result": "OK"}}],
    }
    run = drive(make_run(LOOP, script, user=owner))
    loop = client.get(f"/v1/runs/{run.id}/loop-state/BUILD").json()
    assert [item["status"] for item in loop["items"]] == ["completed"]
    graph = client.get(f"/v1/runs/{run.id}/graph").json()
    assert {"source": "CHECK", "target": "BUILD", "kind": "result:BAD"} in graph["edges"]
    assert [move["result"] for move in graph["path"]] == ["", "", "OK"]
    assert client.get(f"/v1/runs/{run.id}/outputs").json() == {"items": '["one"]'}
    everything = client.get(f"/v1/runs/{run.id}/logs").json()
    assert everything["next"] is None
    ids = [int(item["id"]) for item in everything["items"]]
    assert ids == list(range(1, len(ids) + 1))
    tail = client.get(f"/v1/runs/{run.id}/logs?tail=true&limit=4").json()
    assert [int(item["id"]) for item in tail["items"]] == ids[-4:]
    assert (tail["next"], tail["prev"]) == (str(ids[-1]), str(ids[-4]))
    earlier = client.get(
        f"/v1/runs/{run.id}/logs?tail=true&limit=1000&before={tail['prev']}"
    ).json()
    assert [int(item["id"]) for item in earlier["items"]] == ids[:-4]
    assert earlier["prev"] is None
    refused = client.get(f"/v1/runs/{run.id}/logs?tail=true&types=STEP_COMPLETE").json()
    assert refused["code"] == "tail_is_whole"
    some = client.get(f"/v1/runs/{run.id}/logs?types=STEP_COMPLETE&limit=2").json()
    assert [item["type"] for item in some["items"]] == ["STEP_COMPLETE"] * 2
    rest = client.get(f"/v1/runs/{run.id}/logs?types=STEP_COMPLETE&since={some['next']}").json()
    assert len(rest["items"]) == 2
    of_step = client.get(f"/v1/steps/{run.id}/SHIP/logs").json()["items"]
    assert {item["data"]["stepId"] for item in of_step} == {"SHIP"}


# Steer


def test_a_run_is_steered_by_its_paths(client: APIClient, owner: User) -> None:
    run = make_run(TWO, user=owner)
    start(run)
    url = f"/v1/runs/{run.id}"
    assert client.post(f"{url}/pause").json()["status"] == "paused"
    assert client.post(f"{url}/resume").json()["status"] == "running"
    hint = client.post(f"{url}/steps/A/inject", {"context": "look left"})
    assert (hint.status_code, hint.json()["step_id"]) == (202, "A")
    assert client.patch(url, {"human_context": "Be brief."}).json()["human_context"] == "Be brief."
    assert client.patch(url, {"status": "completed"}).status_code == 403
    assert client.put(f"{url}/outputs", {"key": "k", "value": "v"}).status_code == 200
    finish(claim(run))
    assert client.get(f"{url}/outputs").json() == {"k": "v"}
    assert client.post(f"{url}/steps/A/restart", {"context": "again"}).json()["status"] == "running"
    assert client.post(f"/v1/steps/{run.id}/A/restart").status_code == 200
    assert client.post(f"{url}/finalize").status_code == 409
    assert client.post(f"{url}/cancel", {"reason": "enough"}).json()["status"] == "cancelled"
    assert client.post(f"{url}/cancel").status_code == 200
    refused = client.post(f"{url}/pause")
    assert (refused.status_code, refused.json()["code"]) == (409, "state_conflict")
    assert client.post(f"{url}/finalize").status_code == 202
    again = client.post(f"{url}/restart", {"keep_snapshot": True})
    assert again.json()["status"] == "pending"
    forked = client.post(f"{url}/fork", {"step_id": "A"})
    assert forked.status_code == 404  # nothing of this generation has run


def test_approvals(client: APIClient, owner: User) -> None:
    run = drive(make_run([{"id": "A", "approval": True}], user=owner))
    url = f"/v1/runs/{run.id}/approvals"
    (approval,) = client.get(url).json()
    assert (approval["status"], approval["step_id"]) == ("pending", "A")
    answer = client.post(f"{url}/{approval['id']}", {"decision": "approve", "comment": "go"})
    assert answer.json()["status"] == "running"
    assert client.post(f"{url}/{approval['id']}", {"decision": "reject"}).status_code == 409
    assert client.post(f"{url}/apr_nothing", {"decision": "reject"}).status_code == 404
    assert client.get(url).json()[0]["decided_by_user_id"] == owner.pk


def test_fork(client: APIClient, owner: User) -> None:
    run = drive(make_run(TWO, {"A": [{"outputs": {"plan": "p"}}]}, user=owner))
    answer = client.post(
        f"/v1/runs/{run.id}/fork", {"step_id": "B", "model_override": "scripted/other"}
    )
    assert answer.status_code == 201, answer.content
    fork = Run.objects.get(id=answer.json()["id"])
    assert fork.parent_run_id == run.id
    drive(fork)
    assert path(fork) == ["A.1.1 completed", "B.1.1 completed"]


def test_the_queue_of_an_agent(client: APIClient, owner: User) -> None:
    first, second = (make_run(TWO, user=owner) for _ in range(2))
    for run in (first, second):
        start(run)
    claim(first)
    items = client.get("/v1/agents/finn/queue").json()
    assert [(item["run_id"], item["status"]) for item in items] == [
        (first.id, "starting"),
        (second.id, "queued"),
    ]
    assert client.post("/v1/agents/finn/queue/clear", {"confirm": False}).status_code == 422
    cleared = client.post("/v1/agents/finn/queue/clear", {"confirm": True}).json()
    assert cleared == {"cancelled": [second.id]}
    one = client.post("/v1/agents/finn/queue/cancel", {"item_id": items[0]["id"]}).json()
    assert one == {"cancelled": [first.id]}
    missing = client.post("/v1/agents/finn/queue/cancel", {"item_id": 10**9})
    assert missing.status_code == 404


# Delete


def test_delete_takes_all_but_what_it_cost(client: APIClient, owner: User) -> None:
    run = drive(make_run(TWO, user=owner))
    LlmCall.objects.create(run_id=run.id, session_id="ses_x", provider="scripted", model="test")
    assert client.delete(f"/v1/runs/{run.id}").json() == {"status": "deleted", "id": run.id}
    assert client.get(f"/v1/runs/{run.id}").status_code == 404
    assert not StepExecution.objects.filter(run_id=run.id).exists()
    assert not Event.objects.filter(topic=f"run:{run.id}").exists()
    assert LlmCall.objects.filter(run_id=run.id).exists()
    assert Event.objects.get(type="RUN_DELETED").run_id == run.id


def test_delete_of_an_active_run_needs_force(client: APIClient, owner: User) -> None:
    run = make_run(TWO, user=owner)
    start(run)
    step = claim(run)
    assert client.delete(f"/v1/runs/{run.id}").status_code == 409
    assert client.delete(f"/v1/runs/{run.id}?force=true").status_code == 200
    held = {"execution_id": step.execution_id, "fence": step.fence}
    assert services.step_poll(**held) is None
    assert not services.step_renew(**held)


def test_bulk_delete_needs_a_filter_and_spares_the_active(client: APIClient, owner: User) -> None:
    over, active = drive(make_run(TWO, user=owner)), make_run(TWO, user=owner)
    other = drive(make_run(TWO, user=make_user("other")))
    assert client.delete("/v1/runs").json()["code"] == "no_filter"
    answer = client.delete("/v1/runs?pipeline_id=trial")
    assert answer.json() == {"status": "deleted", "count": 1}
    assert set(Run.objects.values_list("id", flat=True)) == {active.id, other.id}
    assert not Run.objects.filter(id=over.id).exists()


# Who


PATHS = [
    ("get", ""),
    ("patch", ""),
    ("delete", ""),
    ("get", "/steps"),
    ("get", "/logs"),
    ("get", "/search?q=secret"),
    ("get", "/transcript"),
    ("get", "/density"),
    ("get", "/outputs"),
    ("put", "/outputs"),
    ("get", "/graph"),
    ("get", "/approvals"),
    ("get", "/knowledge"),
    ("post", "/knowledge"),
    ("get", "/loop-state/A"),
    *(
        ("post", f"/{action}")
        for action in ("cancel", "pause", "resume", "restart", "fork", "finalize")
    ),
    ("post", "/steps/A/restart"),
    ("post", "/steps/A/inject"),
    ("post", "/approvals/apr_x"),
]
BODIES = {
    "/fork": {"step_id": "A"},
    "/outputs": {"key": "k", "value": "v"},
    "/steps/A/inject": {"context": "x"},
    "/approvals/apr_x": {"decision": "approve"},
    "/knowledge": {"category": "issue", "content": "x"},
}


@pytest.mark.parametrize(("method", "tail"), PATHS)
def test_a_stranger_learns_nothing(
    stranger: APIClient, owner: User, method: str, tail: str
) -> None:
    run = drive(make_run(TWO, user=owner))
    given = [BODIES.get(tail, {})] if method != "get" else []
    answer = getattr(stranger, method)(f"/v1/runs/{run.id}{tail}", *given)
    assert answer.status_code == 404, answer.content
    missing = getattr(stranger, method)(f"/v1/runs/run_nothing{tail}", *given)
    assert missing.status_code == 404
    run.refresh_from_db()
    assert run.status == "completed"


def test_an_admin_sees_all_and_lists_are_ones_own(
    admin: APIClient, stranger: APIClient, owner: User
) -> None:
    run = drive(make_run(TWO, user=owner))
    assert admin.get(f"/v1/runs/{run.id}").status_code == 200
    assert len(admin.get("/v1/runs").json()["items"]) == 1
    assert stranger.get("/v1/runs").json()["items"] == []
    assert stranger.get("/v1/agents/finn/queue").json() == []
    assert APIClient().get(f"/v1/runs/{run.id}").status_code == 401


def test_a_session_reads_its_own_run_and_no_other(owner: User) -> None:
    run, other = make_run(TWO, user=owner), make_run(TWO, user=owner)
    drive(other)
    token = session_token_create(
        session_id="ses_1", agent_id="finn", run_id=run.id, user=owner, grants=GRANTS, ttl_s=60
    )
    session = APIClient()
    session.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    assert session.get(f"/v1/runs/{run.id}").status_code == 200
    assert session.get(f"/v1/runs/{other.id}").status_code == 404
    assert session.post(f"/v1/runs/{run.id}/cancel").status_code == 403
    assert session.post("/v1/runs", body()).status_code == 403
    told = session.post(
        f"/v1/runs/{run.id}/knowledge", {"category": "issue", "content": "It is slow."}
    )
    assert (told.status_code, told.json().get("agent_id")) == (201, "finn")
    history = session.get("/v1/internal/run-history?status=terminal&include_steps=true").json()
    assert [each["id"] for each in history["runs"]] == [other.id]
    assert [step["step_id"] for step in history["runs"][0]["steps"]] == ["A", "B"]
    assert history["runs"][0]["duration_s"] >= 0
