"""The call log over the API."""

import csv
import io
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from apps.accounts.models import User
from apps.accounts.services import session_token_create
from apps.llm.models import LlmCall, UsageTotal
from apps.llm.selectors import run_totals

pytestmark = pytest.mark.django_db
SignedIn = Callable[[User], APIClient]


def call(**more: Any) -> LlmCall:
    values = {
        "provider": "openai",
        "model": "m",
        "dialect": "openai",
        "session_id": "ses_1",
        "ended_at": timezone.now(),
    }
    return LlmCall.objects.create(**{**values, **more})


@pytest.fixture
def owner() -> User:
    return User.objects.create_user("owner")


@pytest.fixture
def stranger() -> User:
    return User.objects.create_user("stranger")


@pytest.fixture
def three_calls(owner: User) -> None:
    call(user_id=owner.pk, run_id="r1", input_tokens=5, cost_total=Decimal("0.25"))
    call(user_id=owner.pk, run_id="r1", output_tokens=7, cache_read_tokens=2)
    call(user_id=owner.pk, run_id="r2", cost_total=Decimal(1), error_class="stream_interrupted")


@pytest.mark.parametrize("path", ["/v1/llm/calls", "/v1/llm-calls", "/v1/llm/calls/"])
def test_calls_come_with_their_totals(
    api_client: SignedIn, owner: User, three_calls: None, path: str
) -> None:
    body = api_client(owner).get(path, {"run_id": "r1", "limit": "1"}).json()
    assert [item["output_tokens"] for item in body["items"]] == [7]
    assert body["next"]
    assert body["totals"]["calls"] == 2
    assert body["totals"]["total_tokens"] == 14
    assert body["totals"]["cost_total"] == 0.25
    assert body["totals"]["cost_unknown_calls"] == 1


def test_totals_of_nothing(api_client: SignedIn, owner: User) -> None:
    totals = api_client(owner).get("/v1/llm/calls", {"run_id": "none"}).json()["totals"]
    assert (totals["calls"], totals["total_tokens"], totals["cost_total"]) == (0, 0, None)


def test_a_stranger_sees_no_calls(api_client: SignedIn, stranger: User, three_calls: None) -> None:
    body = api_client(stranger).get("/v1/llm/calls").json()
    assert (body["items"], body["totals"]["calls"]) == ([], 0)


def test_an_admin_sees_all_calls(api_client: SignedIn, three_calls: None) -> None:
    admin = User.objects.create_user("admin", is_staff=True)
    totals = api_client(admin).get("/v1/llm/calls").json()["totals"]
    assert (totals["calls"], totals["failed_calls"]) == (3, 1)


def test_a_session_sees_its_own_calls(owner: User, three_calls: None) -> None:
    call(session_id="ses_2")
    token = session_token_create(session_id="ses_2", agent_id="finn", ttl_s=60)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    assert client.get("/v1/llm/calls").json()["totals"]["calls"] == 1


def test_nobody_sees_no_calls(three_calls: None) -> None:
    assert APIClient().get("/v1/llm/calls").status_code == 401


def test_an_unknown_filter_is_refused(api_client: SignedIn, owner: User) -> None:
    assert api_client(owner).get("/v1/llm/calls", {"sessions": "x"}).status_code == 400


def test_calls_are_filtered_by_state_and_time(
    api_client: SignedIn, owner: User, three_calls: None
) -> None:
    call(user_id=owner.pk, run_id="r3", ended_at=None)
    client = api_client(owner)

    def runs(**query: str) -> list[str]:
        items = client.get("/v1/llm/calls", query).json()["items"]
        return sorted(item["run_id"] for item in items)

    assert runs(status="started") == ["r3"]
    assert runs(status="failed") == ["r2"]
    assert runs(status="completed") == ["r1", "r1"]
    assert runs(created_before="2001-01-01T00:00:00Z") == []


def test_one_call_is_shown_to_its_owner_only(
    api_client: SignedIn, owner: User, stranger: User
) -> None:
    row = call(user_id=owner.pk, input_tokens=50, cache_read_tokens=50, context_window=1000)
    body = api_client(owner).get(f"/v1/llm/calls/{row.pk}").json()
    assert (body["status"], body["context_used"], body["context_percent"]) == ("completed", 100, 10)
    assert api_client(stranger).get(f"/v1/llm/calls/{row.pk}").status_code == 404


def test_the_log_as_csv(api_client: SignedIn, owner: User, stranger: User) -> None:
    call(user_id=owner.pk, agent_id="=HYPERLINK(1)", cost_total=Decimal("0.25"))
    call(user_id=stranger.pk)
    answer = api_client(owner).get("/v1/llm/calls/export")
    assert answer.headers["Content-Type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.getvalue().decode())))
    assert [row["agent_id"] for row in rows] == ["'=HYPERLINK(1)"]
    assert Decimal(rows[0]["cost_total"]) == Decimal("0.25")


def test_the_totals_of_a_run() -> None:
    UsageTotal.objects.create(kind="run", ref="r1", calls=2, input_tokens=14, cost_total="0.25")
    totals = run_totals("r1")
    assert (totals.calls, totals.total_tokens, totals.cost_total) == (2, 14, Decimal("0.25"))
    assert (run_totals("r2").calls, run_totals("r2").cost_total) == (0, None)
