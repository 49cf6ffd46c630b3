"""Sums by hour and day equal the rows, whenever they are made; budgets and usage over the API."""

import csv
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import call_command
from django.db.models import Sum
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from apps.accounts.models import User
from apps.llm.models import (
    Budget,
    BudgetCounter,
    LlmCall,
    ModelEntry,
    UsageBucket,
    UsageTotal,
)
from apps.llm.usage.rollup import calls_prune, usage_roll_up

pytestmark = pytest.mark.django_db
SignedIn = Callable[[User], APIClient]
NOON = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)


def call(at: datetime = NOON, **more: Any) -> LlmCall:
    values = {"provider": "openai", "model": "m", "dialect": "openai", "key_source": "instance"}
    row = LlmCall.objects.create(**{**values, "ended_at": at, **more})
    LlmCall.objects.filter(pk=row.pk).update(created_at=at)
    return row


@pytest.fixture
def owner() -> User:
    return User.objects.create_user("owner", is_staff=True)


@pytest.fixture
def member() -> User:
    return User.objects.create_user("member")


_CALLS = st.lists(
    st.tuples(
        st.integers(0, 60 * 40),  # minutes after noon
        st.sampled_from(["finn", "yang"]),
        st.sampled_from([None, Decimal("0.0000000001"), Decimal("1.25")]),
        st.booleans(),  # rolled up before the next one comes
    ),
    max_size=12,
)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(calls=_CALLS)
def test_sums_equal_the_rows_in_whatever_order_they_come(calls: list[Any]) -> None:
    LlmCall.objects.all().delete()
    UsageBucket.objects.all().delete()
    for minutes, agent, cost, rolled in calls:
        call(NOON + timedelta(minutes=minutes), agent_id=agent, cost_total=cost, input_tokens=3)
        if rolled:
            usage_roll_up()
    usage_roll_up()
    rows = LlmCall.objects.aggregate(cost=Sum("cost_total"), tokens=Sum("input_tokens"))
    for grain in ("hour", "day"):
        buckets = UsageBucket.objects.filter(grain=grain)
        sums = buckets.aggregate(cost=Sum("cost_total"), tokens=Sum("input_tokens"), n=Sum("calls"))
        assert (sums["cost"], sums["tokens"]) == (rows["cost"], rows["tokens"])
        assert (sums["n"] or 0) == len(calls)


def test_calls_under_way_are_in_no_sum() -> None:
    call(ended_at=None)
    assert usage_roll_up() == 0
    assert not UsageBucket.objects.exists()


def test_sums_outlive_the_rows(settings: Any) -> None:
    settings.LLM_CALL_RETENTION_DAYS = 90
    call(timezone.now() - timedelta(days=95), cost_total=Decimal(2))
    call(timezone.now())
    assert calls_prune() == 0, "rows that are in no sum yet are kept"
    usage_roll_up()
    assert calls_prune() == 1
    assert UsageBucket.objects.filter(grain="day").aggregate(n=Sum("calls"))["n"] == 2


def test_a_series_by_agent(api_client: SignedIn, owner: User) -> None:
    for agent, cost in (("finn", 1), ("finn", 2), ("yang", 4)):
        call(agent_id=agent, cost_total=Decimal(cost))
    usage_roll_up()
    query = {"group_by": "agent", "since": "2026-03-01T00:00:00Z", "until": "2026-03-03T00:00:00Z"}
    rows = api_client(owner).get("/v1/llm/usage", query).json()
    assert [(row["group"], row["calls"], row["cost_total"]) for row in rows] == [
        ("yang", 1, 4.0),
        ("finn", 2, 3.0),
    ]
    assert rows[0]["bucket"] == "2026-03-01T00:00:00.000Z"
    text = api_client(owner).get("/v1/llm/usage/export", query).getvalue().decode()
    assert [row["group"] for row in csv.DictReader(io.StringIO(text))] == ["yang", "finn"]


@pytest.mark.parametrize(
    ("bucket", "group_by"),
    [
        *[(bucket, "model") for bucket in ("hour", "day", "week", "month", "total")],
        *[("day", group) for group in ("user", "run", "project", "key_source", "none")],
    ],
)
def test_every_series_adds_up(
    api_client: SignedIn, owner: User, bucket: str, group_by: str
) -> None:
    call(timezone.now() - timedelta(minutes=5), run_id="r1")
    call(timezone.now() - timedelta(minutes=5), run_id="r2", model="n")
    usage_roll_up()
    rows = api_client(owner).get("/v1/llm/usage", {"bucket": bucket, "group_by": group_by}).json()
    assert sum(row["calls"] for row in rows) == 2


def test_a_member_sees_what_was_used_for_them(api_client: SignedIn, member: User) -> None:
    call(timezone.now(), user_id="somebody", cost_total=Decimal(9))
    call(timezone.now(), user_id=member.pk, cost_total=Decimal("0.5"))
    usage_roll_up()
    client = api_client(member)
    assert [row["cost_total"] for row in client.get("/v1/llm/usage").json()] == [0.5]
    body = client.get("/v1/usage/me").json()
    assert [row["cost_total"] for row in body["month"]] == [0.5]


def test_an_install_begins_with_two_budgets(api_client: SignedIn, owner: User) -> None:
    from importlib import import_module

    from django.apps import apps

    migration = import_module("apps.llm.migrations.0005_first_budgets")
    Budget.objects.all().delete()
    migration.first_budgets(apps, None)
    found = {
        (row["scope"], row["window"]): row["hard_usd"]
        for row in api_client(owner).get("/v1/llm/budgets").json()
    }
    assert found == {("run", "total"): 10.0, ("instance", "day"): 100.0}


def test_a_budget_over_the_api(api_client: SignedIn, owner: User, member: User) -> None:
    Budget.objects.all().delete()
    client = api_client(owner)
    asked = {"scope": "user", "ref": member.pk, "window": "day", "hard_usd": "2.5", "soft_usd": 1}
    made = client.post("/v1/llm/budgets", asked, format="json")
    assert made.status_code == 201, made.json()
    budget = made.json()
    assert (budget["hard_usd"], budget["soft_usd"], budget["action"]) == (2.5, 1.0, "pause")
    again = client.post("/v1/llm/budgets", asked, format="json")
    assert (again.status_code, again.json()["code"]) == (409, "already_exists")

    path = f"/v1/llm/budgets/{budget['id']}"
    assert api_client(member).get(path).json()["hard_usd"] == 2.5
    assert api_client(member).patch(path, {"hard_usd": 99}, format="json").status_code == 403
    changed = client.patch(path, {"hard_usd": 3, "soft_usd": None, "version": 1}, format="json")
    assert (changed.json()["hard_usd"], changed.json()["soft_usd"]) == (3.0, None)
    stale = client.patch(path, {"hard_usd": 4, "version": 1}, format="json")
    assert (stale.status_code, stale.json()["current_version"]) == (409, 2)
    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == 404


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "budget_without_limit"),
        ({"hard_usd": 1, "soft_usd": 2}, "budget_soft_above_hard"),
        ({"hard_usd": 1, "ref": "x", "scope": "instance"}, "budget_ref_unwanted"),
        ({"hard_usd": 1, "action": "downgrade"}, "budget_downgrade_model"),
        ({"hard_usd": -1}, "validation_error"),
        ({"hard_usd": "a lot"}, "validation_error"),
    ],
)
def test_a_budget_that_cannot_be(
    api_client: SignedIn, owner: User, body: dict[str, Any], code: str
) -> None:
    asked = {"scope": "agent", "window": "week", **body}
    answer = api_client(owner).post("/v1/llm/budgets", asked, format="json")
    assert (answer.status_code, answer.json()["code"]) == (422, code)


def test_how_budgets_stand(api_client: SignedIn, owner: User, member: User) -> None:
    Budget.objects.all().delete()
    Budget.objects.create(scope="run", window="total", hard_micro=10_000_000)
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    for run, spent in (("r1", 9_000_000), ("r2", 1)):
        BudgetCounter.objects.create(
            scope="run", subject=run, window="total", window_start=epoch, spent_micro=spent
        )
    call(run_id="r2", user_id=member.pk)
    rows = api_client(owner).get("/v1/llm/budgets/status").json()
    assert [(row["subject"], row["state"], row["percent"]) for row in rows] == [
        ("r1", "soft", 90.0),
        ("r2", "ok", 0.0),
    ]
    own = api_client(member).get("/v1/llm/budgets/status").json()
    assert [row["subject"] for row in own] == ["r2"]


def test_sums_can_be_made_from_a_shell() -> None:
    call()
    out = io.StringIO()
    call_command("rollup_usage", stdout=out)
    assert out.getvalue() == "1 hours summed anew.\n"


def test_a_price_that_came_later_is_told_of_earlier_calls() -> None:
    unknown: dict[str, Any] = {"run_id": "r1", "input_tokens": 1_000_000, "output_tokens": 100_000}
    late = call(**unknown)
    other = call(provider="nowhere", **unknown)
    unsent = call(error_class="upstream_unreachable")
    UsageTotal.objects.create(kind="run", ref="r1", calls=2, cost_unknown_calls=2)
    usage_roll_up()
    prices = {"price_input": 2, "price_output": 10}
    ModelEntry.objects.create(provider="openai", model="m", source="manual", **prices)

    def told(*options: str) -> dict[str, Any]:
        out = io.StringIO()
        call_command("reprice_calls", "--json", *options, stdout=out)
        return dict(json.loads(out.getvalue()))

    assert told("--dry-run")["calls"] == 1
    late.refresh_from_db()
    assert late.cost_total is None
    assert told("--model", "openai/m")["cost_after"] == "3.0000000000"
    for row, cost in ((late, Decimal(3)), (other, None), (unsent, None)):
        row.refresh_from_db()
        assert row.cost_total == cost
    total = UsageTotal.objects.get()
    assert (total.cost_total, total.cost_unknown_calls) == (Decimal(3), 1)
    days = UsageBucket.objects.filter(grain="day")
    assert days.aggregate(all=Sum("cost_total"))["all"] == Decimal(3)
    assert told("--all") == told("--all"), "and once is enough"
    assert told("--all")["calls"] == 0
