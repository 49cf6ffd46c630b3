"""What happened is told once, to whom it concerns."""

from collections.abc import Callable
from typing import Any

import pytest

from apps.accounts.models import User
from apps.core.events import NewEvent, events_append
from apps.notifications.feed import TELLERS, feed_follow
from apps.notifications.models import FeedPlace, Notification
from apps.runs.models import Run
from tests.support.runs import drive, make_run

# The feed shows what has committed only.
pytestmark = pytest.mark.django_db(transaction=True)
Person = Callable[..., User]


@pytest.fixture
def listening(redis_client: Any) -> None:
    feed_follow()
    assert FeedPlace.objects.exists()


def told() -> list[tuple[str, str]]:
    rows = Notification.objects.order_by("created_at", "pk")
    return [(row.kind, row.user.username if row.user else row.role) for row in rows]


def happened(type: str, topic: str = "run:x", **payload: Any) -> None:
    events_append(topic, [NewEvent(type=type, payload=payload)])


@pytest.fixture
def scripted_steps(settings: Any) -> None:
    from workers.engine import steps

    settings.STEP_EXECUTOR = "tests.support.scripted_executor.ScriptedExecutor"
    settings.MAX_CONCURRENT_STEPS_PER_AGENT = 0
    steps.executor.cache_clear()


def test_begins_without_the_past(person: Person, redis_client: Any) -> None:
    run = make_run([{"id": "a"}])
    happened("RUN_FAILED", f"run:{run.pk}", runId=run.pk, error="x", errorCode="y")
    feed_follow()
    feed_follow()
    assert told() == []


def test_whoever_started_a_run_hears_of_it(listening: None, person: Person) -> None:
    ada = person("ada")
    person("boss", "owner")
    run = make_run([{"id": "a"}])
    Run.objects.filter(pk=run.pk).update(initiated_by=ada)
    happened("RUN_FAILED", f"run:{run.pk}", runId=run.pk, error="the reason", errorCode="y")
    happened(
        "APPROVAL_REQUESTED", f"run:{run.pk}", runId=run.pk, stepId="a", visit=1, attempt=1,
        approvalId="7", text="Ship it?", expiresAt="",
    )  # fmt: skip
    feed_follow()
    assert told() == [("run.failed", ada.username), ("run.approval", ada.username)]
    row = Notification.objects.get(kind="run.failed")
    assert "the reason" in row.body
    assert (row.link, row.object_id) == (f"/runs/{run.pk}", run.pk)
    feed_follow()
    assert len(told()) == 2, "once"


def test_nobody_s_run_is_for_administrators(listening: None, person: Person) -> None:
    run = make_run([{"id": "a"}])
    Run.objects.filter(pk=run.pk).update(initiated_by=None)
    happened("RUN_FAILED", f"run:{run.pk}", runId=run.pk, error="x", errorCode="y")
    feed_follow()
    assert told() == [("run.failed", "admin")]


def test_budgets_keys_and_quotas(listening: None, person: Person) -> None:
    budget = {"budgetId": 1, "scope": "instance", "ref": "", "window": "day"}
    happened("budget.soft", "budgets", **budget, percent=80.0)
    happened("llm.key.invalid", "llm", provider="openai", key_id=3, scope="instance")
    happened("QUOTA_EXCEEDED", "agents", agentId="finn", kind="home", bytes=2, quotaBytes=1)
    feed_follow()
    assert told() == [
        ("budget.soft", "admin"), ("provider.key_invalid", "admin"), ("agent.quota", "admin"),
    ]  # fmt: skip


def test_a_failing_page_is_read_again(
    listening: None, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The place and the notifications are one transaction: nothing is told twice, or never."""
    happened("QUOTA_EXCEEDED", "agents", agentId="finn", kind="home", bytes=2, quotaBytes=1)
    happened("budget.soft", "budgets", budgetId=1, scope="i", ref="", window="day", percent=8.0)
    known = TELLERS["budget.soft"]

    def broken(data: Any) -> None:
        raise RuntimeError

    monkeypatch.setitem(TELLERS, "budget.soft", broken)
    with pytest.raises(RuntimeError):
        feed_follow()
    assert told() == []
    monkeypatch.setitem(TELLERS, "budget.soft", known)
    feed_follow()
    assert told() == [("agent.quota", "admin"), ("budget.soft", "admin")]


@pytest.mark.usefixtures("listening")
def test_an_event_of_another_shape_holds_nobody_up(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(TELLERS, "RUN_DELETED", lambda data: data["none"])
    happened("RUN_DELETED", "runs:deleted", initiatedBy="ada")
    happened("QUOTA_EXCEEDED", "agents", agentId="finn", kind="home", bytes=2, quotaBytes=1)
    feed_follow()
    assert told() == [("agent.quota", "admin")]


def test_a_run_that_really_fails(listening: None, person: Person, scripted_steps: None) -> None:
    ada = person("ada")
    broken = {"fail": "agent_failed", "error": "it broke", "retryable": False}
    run = make_run([{"id": "a"}], {"a": [broken]}, user=ada)
    assert drive(run).status == "failed"
    feed_follow()
    assert told() == [("run.failed", ada.username)]
