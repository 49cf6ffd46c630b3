"""Budgets at the gateway's own door: a real web process, real SDKs, and kill -9."""

import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import openai
import pytest
from django.conf import settings
from django.db import connection
from django.db.models import F

from apps.llm.budgets.keeper import LEASE_S, holds_sweep
from apps.llm.models import Budget, BudgetCounter, BudgetHold, LlmCall
from tests.apps.llm.conftest import Caller, Gateway
from tests.support.live import eventually

pytestmark = pytest.mark.django_db(transaction=True)
DOLLAR = 1_000_000
NewCaller = Callable[..., Caller]


@pytest.fixture(autouse=True)
def budget(gateway: Gateway) -> Budget:
    """A dollar for each run, and nothing else."""
    Budget.objects.all().delete()
    return Budget.objects.create(scope="run", window="total", hard_micro=DOLLAR)


def ask(caller: Caller, model: str, prompt: str = "go", **options: Any) -> Any:
    messages: Any = [{"role": "user", "content": prompt}]
    return caller.openai().chat.completions.create(model=model, messages=messages, **options)


def test_fifty_sessions_of_a_run_share_its_dollar(caller: NewCaller) -> None:
    """Each may cost 32,000 tokens of output: 0.32 USD. Three at once is all there is room for."""
    sessions = [caller("openai/gpt-4o", run_id="run_1") for _ in range(50)]

    def refused(session: Caller) -> str:
        try:
            ask(session, "openai/gpt-4o", max_tokens=32_000)
        except openai.RateLimitError as error:
            return str(error.code)
        return ""

    with ThreadPoolExecutor(50) as pool:
        codes = list(pool.map(refused, sessions))
    assert set(codes) <= {"", "budget_exceeded"}
    assert "" in codes
    counter = BudgetCounter.objects.get(subject="run_1")
    assert 0 < counter.spent_micro <= DOLLAR
    assert (counter.held_micro, counter.held_calls) == (0, 0)
    assert counter.spent_calls == codes.count("")
    assert LlmCall.objects.filter(error_class="budget_exceeded").count() == 50 - codes.count("")


def test_a_refusal_says_what_is_left(caller: NewCaller, budget: Budget) -> None:
    Budget.objects.update(hard_micro=1000)
    with pytest.raises(openai.RateLimitError) as caught:
        ask(caller("openai/gpt-4o", run_id="run_2"), "openai/gpt-4o", max_tokens=1000)
    assert caught.value.code == "budget_exceeded"
    assert "The budget of run run_2 allows $0.0010 in all" in str(caught.value)
    assert caught.value.response.headers["x-should-retry"] == "false"


def test_a_cheaper_model_answers_when_the_soft_limit_is_reached(caller: NewCaller) -> None:
    Budget.objects.update(
        soft_micro=1, action="downgrade", downgrade_model="scripted/greet", hard_micro=DOLLAR
    )
    session = caller("openai/gpt-4o", "scripted/greet", run_id="run_3")
    assert ask(session, "openai/gpt-4o").choices[0].message.content == "I look at the file first."
    rows = session.rows()
    assert [(row.provider, row.error_class) for row in rows] == [
        ("openai", "downgraded"),
        ("scripted", ""),
    ]


def test_kill_9_between_reserve_and_settle_leaves_no_hold(
    gateway: Gateway, caller: NewCaller
) -> None:
    session = caller("scripted/faulty", run_id="run_4")
    Budget.objects.update(hard_tokens=1_000_000)
    with ThreadPoolExecutor(1) as pool:
        talk = pool.submit(
            lambda: list(ask(session, "scripted/faulty", "talk slowly", stream=True))
        )
        eventually(lambda: BudgetHold.objects.exists(), timeout_s=30)
        gateway.live.started["web"].kill()
        with contextlib.suppress(openai.APIError, Exception):
            talk.result(timeout=30)
    gateway.live.started["web"].restart()
    counter = BudgetCounter.objects.get(subject="run_4")
    assert counter.held_calls == 1
    with connection.cursor() as cursor:
        cursor.execute("SELECT max(lease_until) - clock_timestamp() FROM llm_budgethold")
        (left,) = cursor.fetchone()
    assert left < timedelta(seconds=LEASE_S)
    assert LEASE_S + settings.BUDGET_SWEEP_INTERVAL_S < 60
    BudgetHold.objects.update(lease_until=F("lease_until") - left)
    eventually(lambda: holds_sweep(), timeout_s=30)
    counter.refresh_from_db()
    assert (counter.held_calls, counter.held_tokens, counter.spent_calls) == (0, 0, 0)
    assert [row.error_class for row in session.rows()] == ["gateway_lost"]
