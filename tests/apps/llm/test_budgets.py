"""Budgets: nobody passes a hard limit, whoever calls at once and whatever dies meanwhile."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db.models import F
from rest_framework.test import APIClient

from apps.core.events import events_after
from apps.llm import ledger
from apps.llm.budgets.book import budget_change, budget_create, budget_delete
from apps.llm.budgets.errors import BudgetExceeded
from apps.llm.budgets.keeper import holds_sweep
from apps.llm.models import Budget, BudgetCounter, BudgetHold, LlmCall, UsageTotal
from tests.apps.llm.ledgering import answered, call, failed, in_loop

pytestmark = pytest.mark.django_db(transaction=True)
DOLLAR = 1_000_000


@pytest.fixture(autouse=True)
def _no_first_budgets() -> None:
    """Those that an install begins with have a test of their own."""
    Budget.objects.all().delete()


def budget(scope: str = "run", **fields: Any) -> Budget:
    values = {"window": "total", "hard_micro": DOLLAR}
    return budget_create(by="", scope=scope, **{**values, **fields})


def spent(**of: Any) -> tuple[int, int]:
    counter = BudgetCounter.objects.get(**of)
    return counter.spent_micro, counter.held_micro


def made(micro: int, worst: int | None = None, **of: Any) -> None:
    start = call(micro=micro if worst is None else worst, **of)

    async def whole() -> None:
        await ledger.admit(start)
        await ledger.settle(start, answered(start, micro=micro))

    in_loop(whole)


def refused(micro: int, **of: Any) -> BudgetExceeded:
    with pytest.raises(BudgetExceeded) as caught:
        made(micro, **of)
    return caught.value


def test_the_worst_case_is_held_and_what_it_cost_is_booked() -> None:
    budget()
    start = call(micro=400_000, run_id="run_1")

    async def whole() -> None:
        await ledger.admit(start)
        assert await asyncio.to_thread(spent, scope="run") == (0, 400_000)
        await ledger.settle(start, answered(start, micro=150_000))

    in_loop(whole)
    assert spent(scope="run") == (150_000, 0)
    row = LlmCall.objects.get(id=start.call_id)
    assert (row.cost_total, row.reserved_micro, row.status) == (
        Decimal("0.15"),
        400_000,
        "completed",
    )
    assert row.budget_ids == [Budget.objects.get().pk]


def test_fifty_at_once_spend_no_more_than_there_is() -> None:
    budget()
    calls = [call(micro=70_000, run_id="run_1", session_id=f"ses_{i}") for i in range(50)]

    async def one(start: Any) -> bool:
        try:
            await ledger.admit(start)
        except BudgetExceeded:
            return False
        await asyncio.sleep(0)
        await ledger.settle(start, answered(start, micro=70_000))
        return True

    async def all_of_them() -> list[bool]:
        return await asyncio.gather(*(one(start) for start in calls))

    admitted = in_loop(all_of_them)
    assert 0 < sum(admitted) <= 14
    assert spent(scope="run") == (sum(admitted) * 70_000, 0)
    codes = LlmCall.objects.filter(http_status=429).values_list("error_class", flat=True)
    assert list(codes) == ["budget_exceeded"] * (50 - sum(admitted))
    assert not BudgetHold.objects.exists()


def test_a_refusal_holds_nothing_anywhere() -> None:
    budget("instance", hard_micro=100 * DOLLAR)
    budget("agent", hard_micro=100 * DOLLAR)
    budget("session", hard_micro=10)
    error = refused(11, run_id="run_1", agent_id="finn")
    assert error.extra["scope"] == "session"
    assert not BudgetCounter.objects.exclude(held_micro=0, spent_micro=0).exists()
    assert "session ses_1" in error.message


def test_a_failed_call_gives_its_hold_back() -> None:
    budget()
    start = call(micro=DOLLAR, run_id="run_1")

    async def whole() -> None:
        await ledger.admit(start)
        await ledger.settle(start, failed())

    in_loop(whole)
    assert spent(scope="run") == (0, 0)
    made(DOLLAR, run_id="run_1")


def test_an_answer_that_broke_off_uncounted_is_booked_at_its_worst() -> None:
    budget()
    start = call(micro=300_000, run_id="run_1")

    async def whole() -> None:
        await ledger.admit(start)
        await ledger.settle(start, failed(error_class="stream_interrupted", output_began=True))

    in_loop(whole)
    assert spent(scope="run") == (300_000, 0)
    assert LlmCall.objects.get().cost_total is None


def test_settling_twice_books_once() -> None:
    budget()
    start = call(micro=500_000, run_id="run_1")

    async def whole() -> None:
        await ledger.admit(start)
        for _ in range(2):
            await ledger.settle(start, answered(start, micro=200_000))

    in_loop(whole)
    assert spent(scope="run") == (200_000, 0)
    assert UsageTotal.objects.get(kind="run").calls == 1


def test_each_run_has_a_budget_of_its_own() -> None:
    budget()
    made(DOLLAR, run_id="run_1")
    refused(1, run_id="run_1")
    made(DOLLAR, run_id="run_2")


def test_a_budget_of_one_run_takes_the_place_of_the_one_for_each() -> None:
    budget()
    made(900_000, run_id="run_1")
    refused(200_000, run_id="run_1")
    budget(ref="run_1", hard_micro=2 * DOLLAR)
    made(200_000, run_id="run_1")
    assert spent(scope="run", subject="run_1") == (1_100_000, 0)


@pytest.mark.parametrize(
    ("scope", "of"),
    [
        ("instance", {}),
        ("user", {"user_id": "usr_1"}),
        ("project", {"project_id": "prj_1"}),
        ("agent", {"agent_id": "finn"}),
        ("run", {"run_id": "run_1"}),
        ("session", {"session_id": "ses_9"}),
    ],
)
def test_every_scope_counts(scope: str, of: dict[str, Any]) -> None:
    budget(scope, window="day")
    made(800_000, **of)
    error = refused(300_000, **of)
    assert (error.extra["scope"], error.extra["used"]) == (scope, 800_000)
    assert error.window_end is not None
    assert error.window_end.hour == 0


def test_a_new_budget_knows_what_its_window_has_spent() -> None:
    made(700_000, user_id="usr_1")
    LlmCall.objects.update(created_at=F("created_at") - timedelta(days=40))
    made(600_000, user_id="usr_1")
    budget("user", window="week")
    refused(500_000, user_id="usr_1")
    made(400_000, user_id="usr_1")
    budget("user", window="total", hard_micro=2 * DOLLAR)
    error = refused(400_000, user_id="usr_1")
    assert error.extra["used"] == 1_700_000


def test_a_window_that_is_over_counts_no_more() -> None:
    budget("instance", window="hour")
    made(DOLLAR)
    refused(1)
    BudgetCounter.objects.update(window_start=F("window_start") - timedelta(hours=1))
    LlmCall.objects.update(created_at=F("created_at") - timedelta(hours=1))
    made(DOLLAR)


def test_without_a_price_calls_and_tokens_are_what_can_be_limited() -> None:
    budget("run", hard_micro=1, hard_calls=3, hard_tokens=None)
    for _ in range(3):
        made(0, price=None, run_id="run_1", tokens=50)
    assert refused(0, price=None, run_id="run_1", tokens=50).extra["measure"] == "calls"
    budget("session", hard_micro=None, hard_tokens=100)
    error = refused(0, price=None, session_id="ses_t", tokens=101)
    assert (error.extra["measure"], error.extra["limit"]) == ("tokens", 100)


def test_warn_lets_the_call_through_and_tells_once() -> None:
    budget(action="warn", hard_micro=100)
    for _ in range(2):
        made(200, run_id="run_1")
    events = [frame for frame in events_after("run:run_1", 0) if frame.type == "budget.hard"]
    assert [frame.data["refused"] for frame in events] == [False]
    assert spent(scope="run") == (400, 0)


def test_downgrade_names_the_cheaper_model_and_lets_that_through() -> None:
    budget(action="downgrade", downgrade_model="openai/small", soft_micro=100, hard_micro=1000)

    async def asked(model: str, micro: int) -> str:
        return (await ledger.admit(call(micro=micro, model=model, run_id="run_1"))).downgrade_to

    assert in_loop(lambda: asked("large", 100)) == ""
    assert in_loop(lambda: asked("large", 1)) == "openai/small"
    assert in_loop(lambda: asked("small", 500)) == ""
    refused(401, model="small", run_id="run_1")


def test_a_limit_is_told_at_eighty_and_a_hundred_percent() -> None:
    budget(soft_micro=1000)
    for micro in (700, 150, 100, 100, 100):
        made(micro, run_id="run_1")
    told = [f.data["percent"] for f in events_after("run:run_1", 0) if f.type == "budget.soft"]
    assert told == [80, 100]


def test_a_raised_limit_lets_the_next_call_through() -> None:
    made_budget = budget()
    made(DOLLAR, run_id="run_1")
    refused(1, run_id="run_1")
    budget_change(budget_id=made_budget.pk, changes={"hard_micro": 2 * DOLLAR}, version=1)
    made(1, run_id="run_1")
    budget_delete(budget_id=made_budget.pk)
    made(5 * DOLLAR, run_id="run_1")


def test_what_a_dead_process_held_is_free_after_its_lease() -> None:
    budget()
    start = call(micro=DOLLAR, run_id="run_1")
    in_loop(lambda: ledger.admit(start))
    assert holds_sweep() == 0
    BudgetHold.objects.update(lease_until=F("lease_until") - timedelta(minutes=1))
    assert holds_sweep() == 1
    assert spent(scope="run") == (0, 0)
    row = LlmCall.objects.get(id=start.call_id)
    assert (row.error_class, row.status) == ("gateway_lost", "failed")
    totals = UsageTotal.objects.get(kind="run")
    assert (totals.calls, totals.failed_calls) == (1, 1)


def test_who_is_refused_takes_what_the_dead_held() -> None:
    budget()
    in_loop(lambda: ledger.admit(call(micro=DOLLAR, run_id="run_1")))
    refused(1, run_id="run_1")
    BudgetHold.objects.update(lease_until=F("lease_until") - timedelta(minutes=1))
    made(DOLLAR, run_id="run_1")


def test_a_call_that_ends_after_it_was_given_up_is_still_booked() -> None:
    budget()
    start = call(micro=DOLLAR, run_id="run_1")
    in_loop(lambda: ledger.admit(start))
    BudgetHold.objects.update(lease_until=F("lease_until") - timedelta(minutes=1))
    holds_sweep()
    in_loop(lambda: ledger.settle(start, answered(start, micro=400_000)))
    assert spent(scope="run") == (400_000, 0)
    totals = UsageTotal.objects.get(kind="run")
    assert (totals.calls, totals.failed_calls, totals.cost_total) == (1, 0, Decimal("0.4"))
    assert LlmCall.objects.get().error_class == ""


def test_a_client_that_leaves_while_it_is_admitted_leaves_no_hold() -> None:
    budget()
    start = call(micro=DOLLAR, run_id="run_1")

    async def leaves() -> None:
        work = asyncio.ensure_future(ledger.admit(start))
        await asyncio.sleep(0)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work

    in_loop(leaves)
    assert spent(scope="run") == (0, 0)
    assert LlmCall.objects.get().error_class == "client_disconnected"


def test_a_row_that_a_crash_forgot_is_written_at_the_end() -> None:
    start = call(micro=10, run_id="run_1")
    in_loop(lambda: ledger.settle(start, answered(start, micro=10)))
    assert LlmCall.objects.get(id=start.call_id).cost_total == Decimal("0.00001")
    assert UsageTotal.objects.get(kind="run").calls == 1


def test_calls_and_refusals_are_measured() -> None:
    budget()
    made(600_000, run_id="run_m", model="measured")
    refused(600_000, run_id="run_m", model="measured")
    in_loop(lambda: ledger.admit(call(micro=100_000, run_id="run_m", model="measured")))
    lines = APIClient().get("/metrics").content.decode().splitlines()
    values = dict(line.rsplit(" ", 1) for line in lines if line.startswith("djinnbot_llm"))
    model = 'model="measured"'
    of_call = f'djinnbot_llm_calls_total{{{model},outcome="%s",provider="openai"}}'
    assert float(values[of_call % "ok"]) == 1
    assert float(values[of_call % "budget_exceeded"]) == 1
    assert float(values[f'djinnbot_llm_cost_usd_total{{{model},provider="openai"}}']) == 0.6
    tokens = f'djinnbot_llm_tokens_total{{kind="output",{model},provider="openai"}}'
    assert float(values[tokens]) == 600_000
    assert float(values["djinnbot_llm_calls_held"]) == 1
    assert float(values["djinnbot_llm_held_usd"]) == 0.1
