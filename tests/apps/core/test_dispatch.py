"""Work starts after the commit, and a broker that is away holds nobody up."""

from typing import Any

import kombu.exceptions
import pytest
import structlog
from celery import current_app
from django.db import transaction

from apps.core import dispatch
from apps.core.dispatch import QUEUE_OF, TaskName, enqueue


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """What reaches Celery's client, one step before the wire."""
    calls: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(current_app, "send_task", lambda name, **facts: calls.append((name, facts)))
    monkeypatch.setattr(dispatch._circuit, "_open_until", 0.0)
    return calls


@pytest.mark.django_db(transaction=True)
def test_nothing_is_sent_before_the_commit(sent: list[tuple[str, dict[str, Any]]]) -> None:
    with transaction.atomic():
        enqueue(TaskName.START_RUN, "run_1")
        assert sent == []
    assert [(name, facts["args"], facts["queue"]) for name, facts in sent] == [
        ("runs.start_run", ("run_1",), "control")
    ]


@pytest.mark.django_db(transaction=True)
def test_rolled_back_work_is_not_sent(sent: list[tuple[str, dict[str, Any]]]) -> None:
    with transaction.atomic():
        enqueue(TaskName.START_RUN, "run_1")
        transaction.set_rollback(True)
    assert sent == []


@pytest.mark.django_db(transaction=True)
def test_request_id_goes_along(sent: list[tuple[str, dict[str, Any]]]) -> None:
    with structlog.contextvars.bound_contextvars(request_id="req-12345678"):
        enqueue(TaskName.START_RUN, "run_1")
    assert sent[0][1]["headers"] == {"djinnbot_request_id": "req-12345678"}


@pytest.mark.django_db(transaction=True)
def test_dead_broker_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def refuse(name: str, **_: Any) -> None:
        asked.append(name)
        raise kombu.exceptions.OperationalError("away")

    monkeypatch.setattr(current_app, "send_task", refuse)
    monkeypatch.setattr(dispatch._circuit, "_open_until", 0.0)
    for _ in range(10):
        enqueue(TaskName.START_RUN, "run_1")
    assert len(asked) == 1
    dispatch._circuit._open_until = 0.0


def test_each_task_has_a_queue() -> None:
    assert set(QUEUE_OF) == set(TaskName)
