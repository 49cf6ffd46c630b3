"""What a run will cost, told from runs like it; and honestly when there are none."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.test import APIClient

from apps.accounts.models import User
from apps.core.events import events_after
from apps.llm.models import UsageTotal
from apps.pipelines.library import library_sync
from apps.runs import services
from apps.runs.forecast import drift, percentile
from apps.runs.models import Run
from tests.support.runs import make_run, make_user, start

pytestmark = pytest.mark.django_db
SignedIn = Callable[[User], APIClient]
PIPELINE = "test-simple"


@pytest.fixture
def user() -> User:
    return make_user()


def completed(user: User, *, cost: str | None, seconds: int = 60, **fields: Any) -> Run:
    """A run that is over. Cost None: some of its calls have no known price."""
    run = make_run([{"id": "A"}], user=user, **fields)
    now = timezone.now()
    Run.objects.filter(pk=run.pk).update(
        pipeline_id=PIPELINE,
        status="completed",
        started_at=now - timedelta(seconds=seconds),
        completed_at=now,
    )
    UsageTotal.objects.create(
        kind="run", ref=run.pk, calls=1, cost_total=cost, cost_unknown_calls=0 if cost else 1
    )
    return run


def told(client: APIClient, **more: str) -> dict[str, Any]:
    answer = client.post("/v1/runs/forecast", {"pipeline_id": PIPELINE, **more}, format="json")
    assert answer.status_code == 200, answer.json()
    body: dict[str, Any] = answer.json()
    return body


@pytest.fixture
def client(api_client: SignedIn, user: User) -> APIClient:
    library_sync()
    return api_client(user)


def test_nothing_is_foretold_from_nothing(client: APIClient) -> None:
    body = told(client)
    assert (body["basis"], body["runs"], body["cost_usd"], body["duration_s"]) == (
        "none",
        0,
        None,
        None,
    )
    assert "nothing can be foretold" in body["note"]


def test_the_range_covers_eight_of_ten_runs_like_it(client: APIClient, user: User) -> None:
    for cents in range(1, 12):
        completed(user, cost=f"0.{cents:02}", seconds=60 * cents)
    body = told(client)
    assert (body["basis"], body["runs"]) == ("same_model", 11)
    assert body["cost_usd"] == {"p10": 0.02, "p50": 0.06, "p90": 0.1}
    assert body["duration_s"]["p50"] == pytest.approx(360, abs=1)


def test_few_runs_of_the_model_widen_to_the_pipeline(client: APIClient, user: User) -> None:
    for _ in range(6):
        completed(user, cost="1", model_override="openai/large")
    completed(user, cost="0.1", model_override="openai/small")
    body = told(client, model_override="openai/small")
    assert (body["basis"], body["runs"]) == ("same_pipeline", 7)
    assert told(client, model_override="openai/large")["basis"] == "same_model"


def test_few_runs_are_said_to_be_few(client: APIClient, user: User) -> None:
    completed(user, cost="1")
    completed(user, cost=None)
    body = told(client)
    assert body["note"] == (
        "From 2 completed runs of this pipeline and model. So few that the range says little."
        " The cost of 1 of them is not known."
    )
    assert body["cost_usd"]["p90"] == 1.0


def test_nobody_learns_from_the_runs_of_others(
    api_client: SignedIn, client: APIClient, user: User
) -> None:
    for _ in range(6):
        completed(user, cost="1")
    stranger = make_user("eve")
    assert told(api_client(stranger))["basis"] == "none"


def test_replays_and_failures_tell_nothing_of_cost(client: APIClient, user: User) -> None:
    completed(user, cost="0", replay_of="case_1")
    failed = completed(user, cost="9")
    Run.objects.filter(pk=failed.pk).update(status="failed")
    assert told(client)["basis"] == "none"


def test_an_unknown_pipeline_is_not_found(api_client: SignedIn, user: User) -> None:
    library_sync()
    asked = {"pipeline_id": "no-such"}
    answer = api_client(user).post("/v1/runs/forecast", asked, format="json")
    assert answer.status_code == 404


def test_drift_is_told_once_and_shown(api_client: SignedIn, client: APIClient, user: User) -> None:
    for _ in range(5):
        completed(user, cost="0.5", seconds=600)
    run = make_run([{"id": "A"}], user=user)
    Run.objects.filter(pk=run.pk).update(pipeline_id=PIPELINE)
    start(run)
    assert services.runs_foretell() == 1
    assert services.runs_foretell() == 0
    assert services.runs_drift() == 0
    UsageTotal.objects.create(kind="run", ref=run.pk, calls=1, cost_total=Decimal("0.75"))
    assert (services.runs_drift(), services.runs_drift()) == (1, 0)
    events = [f for f in events_after(f"run:{run.pk}", 0) if f.type == "RUN_FORECAST_EXCEEDED"]
    assert [event.data["beyond"] for event in events] == [["cost"]]
    body = client.get(f"/v1/runs/{run.pk}").json()
    assert body["drift"] == ["cost"]
    assert body["forecast"]["cost_usd"]["p90"] == 0.5
    listed = client.get("/v1/runs").json()["items"]
    assert [Decimal(row["cost_total"]) for row in listed if row["id"] == run.pk] == [
        Decimal("0.75")
    ]


def test_failed_tries_are_part_of_what_an_accepted_one_costs(client: APIClient, user: User) -> None:
    completed(user, cost="1")
    completed(user, cost="2")
    failed = completed(user, cost="3")
    Run.objects.filter(pk=failed.pk).update(status="failed")
    rows = client.get("/v1/runs/costs").json()
    assert [rows[0].pop(name) for name in ("duration_median_s", "last_ended_at")] != [None, None]
    assert rows == [
        {
            "cost_median": 1.5,
            "pipeline_id": PIPELINE,
            "runs": 3,
            "accepted": 2,
            "cost_total": 6.0,
            "cost_unknown_calls": 0,
            "cost_per_accepted": 3.0,
        }
    ]


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=60))
def test_a_range_lies_within_what_was_seen(values: list[float]) -> None:
    ordered = sorted(values)
    shares = [percentile(ordered, share) for share in (0.1, 0.5, 0.9)]
    assert shares == sorted(shares)
    assert ordered[0] - 1e-6 <= shares[0]
    assert shares[-1] <= ordered[-1] + 1e-6


def test_without_a_forecast_nothing_drifts() -> None:
    assert drift({}, cost=Decimal(5), seconds=9.0) == []
    assert drift({"cost_usd": None, "duration_s": None}, cost=Decimal(5), seconds=9.0) == []
