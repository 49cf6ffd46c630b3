"""What an executor's agent reports: kept with its run, whose status follows its step."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from apps.accounts.models import User
from apps.accounts.services import session_token_create
from apps.core.events import events_after
from apps.runs.choices import RunKind
from apps.runs.models import Run
from tests.support.runs import drive, make_run, make_user, start

pytestmark = pytest.mark.django_db

RESULT = {"success": True, "outputs": {"summary": "Done.", "commit_hashes": "abc"}}


@pytest.fixture
def owner() -> User:
    return make_user("owner")


@pytest.fixture
def run(owner: User) -> Run:
    made = make_run(
        [{"id": "EXECUTE"}], user=owner, kind=RunKind.EXECUTOR, project_id="p1", task_id="t1"
    )
    start(made)
    return made


def agent_of(run: Run, **grants: Any) -> APIClient:
    token = session_token_create(
        "ses_1", "dev", run_id=run.pk, grants={"scopes": ["read", "write"], **grants}
    )
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client


def report(client: APIClient, run_id: str, **fields: Any) -> Any:
    return client.post("/v1/internal/executor-result", {"run_id": run_id, **RESULT, **fields})


def test_the_result_is_kept_and_the_status_stays(run: Run) -> None:
    agent = agent_of(run)
    answer = report(agent, run.pk)
    assert (answer.status_code, answer.json()) == (200, {"id": run.pk, "status": "running"})
    seen = agent.get(f"/v1/runs/{run.pk}").json()
    assert seen["executor_result"] == {"success": True, "error": ""}
    assert seen["outputs"] == RESULT["outputs"]
    assert seen["status"] == "running"
    told = events_after(f"run:{run.pk}", 0)[-1]
    assert (told.type, told.data["executorSuccess"]) == ("RUN_UPDATED", True)


def test_the_last_word_counts(run: Run) -> None:
    agent = agent_of(run)
    report(agent, run.pk)
    report(agent, run.pk, success=False, outputs={"summary": "No."}, error="It broke.")
    seen = agent.get(f"/v1/runs/{run.pk}").json()
    assert seen["executor_result"] == {"success": False, "error": "It broke."}
    assert seen["outputs"]["summary"] == "No."


def test_a_tasks_executor_runs_are_listed(run: Run, owner: User, api_client: Any) -> None:
    make_run([{"id": "A"}], user=owner, project_id="p1", task_id="t1")
    report(agent_of(run), run.pk)
    path = "/v1/projects/p1/tasks/t1/executor-runs"
    rows = api_client(owner).get(path).json()
    assert [(row["id"], row["executor_result"]["success"]) for row in rows] == [(run.pk, True)]
    assert api_client(owner).get(path.replace("t1", "t2")).json() == []
    assert api_client(make_user("stranger")).get(path).json() == []


def test_only_the_runs_own_session_reports(run: Run, owner: User, api_client: Any) -> None:
    other = make_run([{"id": "EXECUTE"}], user=owner, kind=RunKind.EXECUTOR)
    assert report(agent_of(other), run.pk).status_code == 404
    assert report(api_client(owner), run.pk).status_code == 403
    assert report(agent_of(run, scopes=["read"]), run.pk).json()["code"] == "missing_scope"
    run.refresh_from_db()
    assert run.executor_result is None


def test_a_pipelines_run_takes_none(owner: User) -> None:
    run = make_run([{"id": "A"}], user=owner)
    refused = report(agent_of(run), run.pk)
    assert (refused.status_code, refused.json()["code"]) == (409, "no_executor")


def test_an_ended_run_takes_none(run: Run) -> None:
    drive(run)
    assert report(agent_of(run), run.pk).status_code == 409


@pytest.mark.parametrize(
    "bad", [{"success": "perhaps"}, {"outputs": {"a b": "x"}}, {"outputs": [1]}, {"run_id": ""}]
)
def test_bad_reports_are_refused(run: Run, bad: dict[str, Any]) -> None:
    assert report(agent_of(run), **{"run_id": run.pk, **bad}).status_code == 422
