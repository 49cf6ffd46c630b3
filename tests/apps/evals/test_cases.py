"""Cases: what is frozen, what is refused, and how a run is held against one."""

import io
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from rest_framework.test import APIClient

from apps.accounts.models import User
from apps.evals.models import Case, EvaluationRun
from apps.llm.facts import SessionFacts
from apps.llm.models import UsageTotal
from apps.llm.recording import recording_directory, recording_of
from apps.runs.models import Run
from tests.support.runs import make_run, make_user

pytestmark = pytest.mark.django_db
SignedIn = Callable[[User], APIClient]


@pytest.fixture(autouse=True)
def _recordings(settings: Any, tmp_path: Path) -> None:
    settings.LLM_RECORDINGS_DIR = tmp_path


@pytest.fixture
def user() -> User:
    return make_user()


@pytest.fixture
def client(api_client: SignedIn, user: User) -> APIClient:
    return api_client(user)


@pytest.fixture
def recorded(user: User) -> Run:
    """A completed run whose calls were recorded."""
    run = make_run(
        [{"id": "A", "agent": "stas", "outputs": ["answer"]}], user=user, task="Add two numbers."
    )
    now = timezone.now()
    Run.objects.filter(pk=run.pk).update(
        status="completed",
        started_at=now,
        completed_at=now,
        outputs={"answer": "4"},
        recorded_as=run.pk,
    )
    UsageTotal.objects.create(kind="run", ref=run.pk, calls=3, cost_total=Decimal("0.2"))
    directory = recording_directory(run.pk) / "ab"
    directory.mkdir(parents=True)
    (directory / "cassette.json").write_text("{}")
    run.refresh_from_db()
    return run


def freeze(client: APIClient, run: Run, name: str = "sum") -> Any:
    return client.post("/v1/evals/cases", {"run_id": run.pk, "name": name}, format="json")


def test_a_case_keeps_what_the_run_was_made_of(client: APIClient, recorded: Run) -> None:
    answer = freeze(client, recorded)
    assert answer.status_code == 201, answer.json()
    body = answer.json()
    assert (body["task"], body["status"], body["outputs"]) == (
        "Add two numbers.",
        "completed",
        {"answer": "4"},
    )
    assert (body["cost_total"], body["calls"]) == (0.2, 3)
    assert (recording_directory(body["id"]) / "ab" / "cassette.json").is_file()
    assert client.get("/v1/evals/cases/sum").json()["id"] == body["id"]
    assert client.delete("/v1/evals/cases/sum").status_code == 204
    assert not recording_directory(body["id"]).exists()


def test_what_cannot_be_frozen(client: APIClient, api_client: SignedIn, recorded: Run) -> None:
    assert freeze(client, recorded).status_code == 201
    assert freeze(client, recorded).json()["code"] == "already_exists"
    assert freeze(api_client(make_user("eve")), recorded).status_code == 404
    Run.objects.filter(pk=recorded.pk).update(recorded_as="")
    assert freeze(client, recorded, "other").json()["code"] == "run_not_recorded"
    Run.objects.filter(pk=recorded.pk).update(status="running")
    assert freeze(client, recorded, "other").status_code == 409


def test_a_run_made_of_a_case_is_answered_by_its_recording(
    client: APIClient, recorded: Run
) -> None:
    case = freeze(client, recorded).json()
    answer = client.post("/v1/evals", {"cases": ["sum"]}, format="json")
    assert answer.status_code == 201, answer.json()
    row = answer.json()["cases"][0]
    assert row["verdict"] == "running", row["error"]
    run = Run.objects.get(pk=row["run_id"])
    assert (run.replay_of, run.snapshot_id) == (case["id"], recorded.snapshot_id)
    recording = recording_of(SessionFacts(replay_of=run.replay_of))
    assert (recording.mode, recording.directory) == ("replay", recording_directory(case["id"]))
    assert recording_of(SessionFacts(recorded_as="run_1")).mode == "record"
    assert recording_of(SessionFacts()).mode == "off"


@pytest.mark.parametrize(
    ("status", "outputs", "verdict"),
    [
        ("running", {}, "running"),
        ("completed", {"answer": "4"}, "pass"),
        ("completed", {"answer": "5"}, "pass"),
        ("completed", {}, "fail"),
        ("failed", {"answer": "4"}, "fail"),
    ],
)
def test_a_run_is_held_against_its_case(
    client: APIClient, recorded: Run, status: str, outputs: dict[str, str], verdict: str
) -> None:
    freeze(client, recorded)
    started = client.post("/v1/evals", {}, format="json").json()
    Run.objects.filter(replay_of__gt="").update(
        status=status, outputs=outputs, started_at=timezone.now(), completed_at=timezone.now()
    )
    found = client.get(f"/v1/evals/{started['id']}").json()
    row = found["cases"][0]
    assert (row["verdict"], row["same_outputs"]) == (verdict, outputs == {"answer": "4"})
    assert found["finished"] == (verdict != "running")
    assert (row["cost_total"], row["cost_before"], row["calls_before"]) == (None, 0.2, 3)


def test_what_cannot_be_started_does_not_stop_the_others(client: APIClient, recorded: Run) -> None:
    freeze(client, recorded)
    freeze(client, recorded, "lost")
    Case.objects.filter(name="lost").update(model_override="nowhere/model")
    found = client.post("/v1/evals", {"mode": "live"}, format="json").json()
    assert [(row["name"], row["verdict"]) for row in found["cases"]] == [
        ("lost", "fail"),
        ("sum", "running"),
    ]
    assert EvaluationRun.objects.exclude(problem="").count() == 1
    assert "nowhere" in found["cases"][0]["error"]


def test_another_model_is_not_replayed(client: APIClient, recorded: Run) -> None:
    freeze(client, recorded)
    asked = {"model_override": "scripted/other"}
    answer = client.post("/v1/evals", asked, format="json")
    assert (answer.status_code, answer.json()["code"]) == (422, "replay_of_other_model")
    assert client.post("/v1/evals", {"cases": ["x"]}, format="json").status_code == 404


def test_a_stranger_sees_no_case(client: APIClient, api_client: SignedIn, recorded: Run) -> None:
    case = freeze(client, recorded).json()
    started = client.post("/v1/evals", {}, format="json").json()
    stranger = api_client(make_user("eve"))
    assert stranger.get("/v1/evals/cases").json() == []
    assert stranger.get(f"/v1/evals/cases/{case['id']}").status_code == 404
    assert stranger.get(f"/v1/evals/{started['id']}").status_code == 404
    assert stranger.get("/v1/evals").json()["items"] == []


def test_cases_are_run_again_from_a_shell(client: APIClient, recorded: Run) -> None:
    freeze(client, recorded)
    with pytest.raises(CommandError, match="There is no case other"):
        call_command("evaluate", "other")
    with pytest.raises(CommandError, match="Another model gives other answers"):
        call_command("evaluate", "--model", "scripted/other")
    with pytest.raises(CommandError, match="still runs"):
        call_command("evaluate", "sum", "--timeout", "0")
    Case.objects.update(model_override="nowhere/model")
    out = io.StringIO()
    with pytest.raises(CommandError, match="1 of 1 cases failed"):
        call_command("evaluate", "sum", "--json", stdout=out)
    row = json.loads(out.getvalue())["cases"][0]
    assert (row["name"], row["verdict"]) == ("sum", "fail")
