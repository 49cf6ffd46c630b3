"""The inbox shows what waits for a person, and only to who may see it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from apps.accounts.models import User
from apps.runs.decisions import FAILURES_KEPT
from apps.runs.models import Run, StepExecution
from tests.support.runs import drive, make_run, make_user, start

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner() -> User:
    return make_user("owner")


@pytest.fixture
def client(api_client: Callable[..., APIClient], owner: User) -> APIClient:
    return api_client(owner)


def waiting(owner: User) -> Run:
    return drive(make_run([{"id": "A", "approval": True}], user=owner))


def failed(owner: User, **fields: Any) -> Run:
    run = start_one(owner)
    values = {
        "status": "failed",
        "error_code": "timeout",
        "error": "Too slow.",
        "completed_at": timezone.now(),
    }
    Run.objects.filter(pk=run.pk).update(**{**values, **fields})
    return run


def start_one(owner: User) -> Run:
    run = make_run([{"id": "A"}], user=owner)
    start(run)
    return run


def parked(owner: User, code: str, **fields: Any) -> Run:
    run = start_one(owner)
    StepExecution.objects.filter(run=run).update(
        parked_code=code,
        parked_message="Wait.",
        **{"due_at": timezone.now() + timedelta(hours=1), **fields},
    )
    return run


def listed(client: APIClient, query: str = "") -> list[dict[str, Any]]:
    answer = client.get(f"/v1/decisions{query}")
    assert answer.status_code == 200, answer.content
    rows: list[dict[str, Any]] = answer.json()
    return rows


def test_an_open_approval_waits_and_an_answered_one_does_not(
    client: APIClient, owner: User
) -> None:
    run = waiting(owner)
    (row,) = listed(client)
    assert (row["kind"], row["run_id"], row["step_id"]) == ("approval", run.id, "A")
    assert row["expires_at"] is not None
    url = f"/v1/runs/{run.id}/approvals/{row['id']}"
    assert client.post(url, {"decision": "approve"}).status_code == 200
    assert listed(client) == []


def test_a_failure_comes_with_its_remedy_until_it_is_old_or_forked(
    client: APIClient, owner: User
) -> None:
    run = failed(owner)
    (row,) = listed(client)
    assert (row["kind"], row["id"], row["code"], row["text"]) == (
        "failure",
        run.id,
        "timeout",
        "Too slow.",
    )
    assert "timeout" in row["remedy"]
    fork = make_run([{"id": "A"}], user=owner)
    Run.objects.filter(pk=fork.pk).update(parent_run=run)
    assert listed(client) == []
    failed(owner, completed_at=timezone.now() - FAILURES_KEPT - timedelta(minutes=1))
    assert listed(client) == []


def test_a_parked_step_says_when_it_goes_on_unless_money_decides(
    client: APIClient, owner: User
) -> None:
    parked(owner, "provider_rate_limited")
    parked(owner, "budget_exceeded")
    parked(owner, "provider_down", due_at=timezone.now() - timedelta(minutes=1))
    by_kind = {row["kind"]: row for row in listed(client)}
    assert set(by_kind) == {"parked", "budget"}
    assert by_kind["parked"]["goes_on_at"] is not None
    assert by_kind["budget"]["goes_on_at"] is None
    assert by_kind["budget"]["text"] == "Wait."
    assert [row["kind"] for row in listed(client, "?kind=budget")] == ["budget"]


def test_a_stranger_sees_nothing_and_an_admin_all(
    api_client: Callable[..., APIClient], owner: User
) -> None:
    waiting(owner)
    failed(owner)
    parked(owner, "budget_exceeded")
    assert listed(api_client(make_user("stranger"))) == []
    admin = api_client(make_user("admin", is_staff=True, is_superuser=True))
    assert {row["kind"] for row in listed(admin)} == {"approval", "failure", "budget"}


def test_more_rows_cost_no_more_queries(client: APIClient, owner: User) -> None:
    waiting(owner)
    failed(owner)
    listed(client)
    with CaptureQueriesContext(connection) as few:
        listed(client)
    for _ in range(3):
        waiting(owner)
        failed(owner)
        parked(owner, "budget_exceeded")
    with CaptureQueriesContext(connection) as many:
        assert len(listed(client)) == 11
    assert len(many) == len(few)
