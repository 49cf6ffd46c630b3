"""A step without money waits as a row, and goes on when there is some."""

from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.utils import timezone

from apps.llm.models import Budget, BudgetCounter, LlmCall
from apps.runs import services
from apps.runs.models import Run, StepExecution
from tests.support.runs import claim, drive, finish, make_run, path, start
from workers.engine import steps

pytestmark = pytest.mark.django_db


@pytest.fixture
def run() -> Run:
    """One step; a dollar for the run, all of it spent."""
    Budget.objects.all().delete()
    run = make_run([{"id": "A"}])
    Budget.objects.create(id="bgt_1", scope="run", window="total", hard_micro=1_000_000)
    BudgetCounter.objects.create(
        scope="run",
        subject=run.id,
        window="total",
        window_start="1970-01-01T00:00:00Z",
        spent_micro=1_000_000,
    )
    start(run)
    return run


def refuse(run: Run, execution: StepExecution, **fields: Any) -> None:
    values = {
        "run_id": run.id,
        "session_id": "ses_1",
        "step_execution_id": execution.pk,
        "provider": "openai",
        "model": "m",
        "dialect": "openai",
        "error_class": "budget_exceeded",
        "reserved_micro": 200_000,
        "ended_at": timezone.now(),
    }
    LlmCall.objects.create(**{**values, **fields})


def park(run: Run, code: str = "budget_exceeded", **call: Any) -> tuple[bool, StepExecution]:
    step = claim(run)
    execution = StepExecution.objects.get(pk=step.execution_id)
    refuse(run, execution, error_class=code, **call)
    parked = services.step_park(
        run_id=run.id,
        execution_id=step.execution_id,
        fence=step.fence,
        code=code,
        message="No money.",
    )
    execution.refresh_from_db()
    return parked, execution


def test_a_step_without_money_holds_nothing_and_is_charged_nothing(run: Run) -> None:
    parked, row = park(run)
    assert parked
    assert (row.status, row.attempt, row.retry_count) == ("queued", 1, 0)
    assert (row.parked_code, row.parked_message) == ("budget_exceeded", "No money.")
    assert (row.lease_until, row.session_id) == (None, None)
    assert services.step_claim(execution_id=row.pk, attempt=1, owner="w") is None, "not due"
    assert Run.objects.get(pk=run.pk).status == "running"
    assert services.steps_unpark() == 0


def test_it_goes_on_when_the_limit_is_raised(run: Run) -> None:
    _, row = park(run)
    Budget.objects.filter(id="bgt_1").update(hard_micro=1_100_000)
    assert services.steps_unpark() == 0, "the call that was refused would not fit yet"
    Budget.objects.filter(id="bgt_1").update(hard_micro=1_200_000)
    assert services.steps_unpark() == 1
    step = services.step_claim(execution_id=row.pk, attempt=1, owner="w")
    assert step is not None
    finish(step)
    run.refresh_from_db()
    assert run.status == "completed"


def test_it_is_due_when_the_window_opens(run: Run) -> None:
    opens = timezone.now() + timedelta(hours=1)
    _, row = park(run, retry_at=opens)
    assert row.due_at == opens


def test_a_provider_that_said_when_is_waited_for(run: Run) -> None:
    when = timezone.now() + timedelta(minutes=20)
    parked, row = park(run, "provider_rate_limited", retry_at=when)
    assert (parked, row.due_at) == (True, when)
    assert services.steps_unpark() == 0, "more money does not help here"


def test_a_provider_that_did_not_say_is_not_waited_for(run: Run) -> None:
    assert park(run, "provider_rate_limited")[0] is False


def test_a_budget_of_the_session_ends_the_step(run: Run) -> None:
    """There is room for the run: the next session would only spend the same again."""
    Budget.objects.update(hard_micro=9_000_000)
    assert park(run)[0] is False


def test_a_parked_run_can_be_cancelled(run: Run) -> None:
    park(run)
    assert services.run_cancel(run_id=run.id) == "cancelled"


def test_a_late_worker_parks_nothing(run: Run) -> None:
    _, row = park(run)
    late = services.step_park(
        run_id=run.id, execution_id=row.pk, fence=1, code="budget_exceeded", message=""
    )
    assert late is False


def test_the_engine_parks_what_was_refused() -> None:
    Budget.objects.all().delete()
    run = make_run([{"id": "A"}], {"A": [[{"fail": "budget_exceeded"}, {}]]})
    start(run)
    row = run.executions.get()
    Budget.objects.create(scope="run", window="total", hard_calls=0)
    BudgetCounter.objects.create(
        scope="run", subject=run.id, window="total", window_start="1970-01-01T00:00:00Z"
    )
    refuse(run, row)
    steps.run_step(row.pk, 1)
    assert path(run) == ["A.1.1 queued"]
    Budget.objects.all().delete()
    assert services.steps_unpark() == 1


def test_a_step_that_no_budget_refused_fails_as_ever() -> None:
    run = make_run([{"id": "A"}], {"A": [{"fail": "budget_exceeded"}]})
    assert drive(run).error_code == "budget_exceeded"


def test_a_step_that_lost_the_storage_waits_for_it_uncharged(settings: LazySettings) -> None:
    run = make_run([{"id": "A"}])
    start(run)
    row = run.executions.get()
    fence = claim(run).fence
    settings.STORAGE_MOUNT = "/nothing/is/mounted/here"
    assert services.step_park(
        run_id=run.id,
        execution_id=row.pk,
        fence=fence,
        code="storage_unavailable",
        message="It is away.",
    )
    row.refresh_from_db()
    assert (row.status, row.attempt, row.retry_count) == ("queued", 1, 0)
    assert row.due_at < timezone.now() + timedelta(seconds=30)

    StepExecution.objects.filter(pk=row.pk).update(due_at=timezone.now())
    steps.run_step(row.pk, 1)
    assert path(run) == ["A.1.1 queued"], "a worker without the storage leaves it alone"
    settings.STORAGE_MOUNT = ""
    assert drive(run).status == "completed"


def test_a_step_whose_files_are_wrong_while_the_storage_is_there_fails_as_ever() -> None:
    run = make_run([{"id": "A"}], {"A": [{"fail": "storage_unavailable"}]})
    assert drive(run).error_code == "storage_unavailable"
