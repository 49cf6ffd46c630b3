"""Checks as the API shows them, beside what was claimed."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from apps.accounts.models import User
from apps.runs import services
from apps.runs.choices import CheckVerdict
from apps.runs.claims import ClaimedStep, StepOutcome
from apps.runs.models import Run, StepCheck, StepClaim
from apps.runs.services.lost import stale_steps
from tests.support.runs import claim, make_run, make_user, start

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner() -> User:
    return make_user()


@pytest.fixture
def client(api_client: Callable[..., APIClient], owner: User) -> APIClient:
    return api_client(owner)


@pytest.fixture
def run(owner: User) -> Run:
    made = make_run([{"id": "BUILD", "checks": [{"name": "tests", "run": "pytest"}]}], user=owner)
    start(made)
    return made


def checked(run: Run, verdict: CheckVerdict = CheckVerdict.FAILED) -> ClaimedStep:
    step: ClaimedStep = claim(run)
    outcome = StepOutcome(succeeded=True, outputs={"result": "PASS"})
    assert services.claim_store(step=step, outcome=outcome, commit="c0ffee", checks_s=300)
    check = step.pipeline.steps[0].checks[0]  # type: ignore[index]  # it has one
    assert services.check_start(step=step, index=0, check=check, commit="c0ffee")
    assert services.check_end(
        step=step, index=0, verdict=verdict, exit_code=1, duration_ms=70, output="1 failed\x00"
    )
    return step


def get(client: APIClient, path: str, **query: Any) -> Any:
    answer = client.get(path, query)
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_an_attempts_checks_with_their_output(client: APIClient, run: Run) -> None:
    checked(run)
    path = f"/v1/runs/{run.id}/steps/BUILD/checks"
    (check,) = get(client, path)
    assert check.pop("started_at") <= check.pop("finished_at")
    assert check == {
        "step_id": "BUILD",
        "visit": 1,
        "attempt": 1,
        "index": 0,
        "name": "tests",
        "command": "pytest",
        "verdict": "failed",
        "expected_exit": 0,
        "exit_code": 1,
        "duration_ms": 70,
        "commit_hash": "c0ffee",
        "output": "1 failed\ufffd",
    }
    assert get(client, path, visit=1, attempt=1)[0]["name"] == "tests"
    assert client.get(path, {"attempt": 2}).status_code == 404
    assert client.get(path, {"attempt": 0}).status_code == 422
    assert client.get(f"/v1/runs/{run.id}/steps/NONE/checks").status_code == 404


def test_checks_stand_with_the_steps(client: APIClient, run: Run) -> None:
    step = checked(run)
    shown = get(client, f"/v1/runs/{run.id}")
    for place in (
        shown["steps"],
        shown["executions"],
        get(client, f"/v1/runs/{run.id}/steps"),
        get(client, f"/v1/steps/{run.id}/BUILD")["visits"],
    ):
        assert [each["verdict"] for each in place[0]["checks"]] == ["failed"]
    assert shown["steps"][0]["outputs"] == {}, "a claim is no output"
    services.run_delete(run_id=run.id, force=True)
    assert step.execution_id
    assert not StepCheck.objects.exists()
    assert not StepClaim.objects.exists()


def test_a_strangers_checks_are_not_shown(
    api_client: Callable[..., APIClient], run: Run, client: APIClient
) -> None:
    checked(run)
    stranger = api_client(make_user("eve"))
    assert stranger.get(f"/v1/runs/{run.id}/steps/BUILD/checks").status_code == 404


def test_a_check_whose_worker_never_came_back_is_no_verdict(client: APIClient, run: Run) -> None:
    step = checked(run, CheckVerdict.PASSED)
    StepCheck.objects.update(verdict=CheckVerdict.RUNNING)
    path = f"/v1/runs/{run.id}/steps/BUILD/checks"
    assert get(client, path)[0]["verdict"] == "running"
    services.run_cancel(run_id=run.id)
    services.step_aborted(run_id=run.id, execution_id=step.execution_id, fence=step.fence)
    assert get(client, path)[0]["verdict"] == "error"


def test_a_verdict_stands(run: Run) -> None:
    step = checked(run)
    assert services.check_end(
        step=step, index=0, verdict=CheckVerdict.PASSED, exit_code=0, duration_ms=1, output=""
    )
    assert StepCheck.objects.get().verdict == "failed"


def test_the_time_of_checks_does_not_make_a_step_stale(run: Run) -> None:
    step = checked(run)
    step_time = -step.timeout_s - 1
    assert stale_steps(step_time) == []
    StepClaim.objects.update(checks_s=0)
    assert [row[1] for row in stale_steps(step_time)] == [step.execution_id]
