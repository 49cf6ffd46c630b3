"""A web process whose clock is wrong: rights, limits and the log go by the database's."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import openai
import pytest
from django.utils import timezone

from apps.llm.models import Budget, BudgetCounter
from tests.apps.llm.conftest import Caller, Gateway

pytestmark = pytest.mark.django_db(transaction=True)
NewCaller = Callable[..., Caller]

_WRONG = """
import datetime
import time_machine

now = datetime.datetime.now(datetime.UTC)
time_machine.travel(now + datetime.timedelta(hours={hours}), tick=True).start()
"""


@pytest.fixture(params=[50, -50], ids=["ahead", "behind"])
def wrong_hours(
    request: pytest.FixtureRequest, gateway: Gateway, tmp_path: Path
) -> Iterator[float]:
    """Python imports `sitecustomize` before anything of ours."""
    (tmp_path / "sitecustomize.py").write_text(_WRONG.format(hours=request.param))
    web = gateway.live.started["web"]
    right = web.environment
    web.environment = {**right, "PYTHONPATH": str(tmp_path)}
    web.restart()
    yield request.param
    web.environment = right


def ask(session: Caller) -> str:
    answer = session.openai().chat.completions.create(
        model="scripted/greet", messages=[{"role": "user", "content": "go"}]
    )
    return str(answer.choices[0].message.content)


def test_a_wrong_clock_changes_nothing(
    wrong_hours: float, gateway: Gateway, caller: NewCaller
) -> None:
    Budget.objects.create(scope="agent", window="day", hard_calls=1)
    log = gateway.logs
    told = timezone.now() + timedelta(hours=wrong_hours)
    assert told.strftime("%Y-%m-%dT%H") in log, "the clock of the process is not wrong"

    session = caller("scripted/*")
    assert ask(session) == "I look at the file first."
    row = session.row()
    assert abs(row.created_at - timezone.now()) < timedelta(minutes=10)
    assert row.ended_at >= row.created_at
    counter = BudgetCounter.objects.get(subject="finn")
    assert counter.spent_calls == 1
    with pytest.raises(openai.RateLimitError) as caught:
        ask(caller("scripted/*"))
    assert caught.value.code == "budget_exceeded"

    ended = caller("scripted/*", ttl_s=-1)
    with pytest.raises(openai.AuthenticationError):
        ask(ended)
