"""The accounting of budgets, whatever happens in whatever order."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.types.json import Jsonb

from apps.llm.models import Budget, BudgetCounter, BudgetHold, LlmCall

pytestmark = pytest.mark.django_db

SCOPES = {"instance": 700, "agent": 400, "run": 500}
_AMOUNT = st.integers(0, 300)
_MOVES = st.lists(
    st.one_of(
        st.tuples(
            st.just("reserve"),
            st.sampled_from(["run_1", "run_2"]),
            st.sampled_from(["finn", "yang"]),
            _AMOUNT,
        ),
        st.tuples(st.just("settle"), st.integers(0, 9), st.floats(0, 1), st.just(0)),
        st.tuples(st.just("die"), st.integers(0, 9), st.just(0), st.just(0)),
        st.tuples(st.just("sweep"), st.just(0), st.just(0), st.just(0)),
    ),
    max_size=30,
)


@dataclass
class World:
    """What must be true, kept by hand: calls and what each thing spent."""

    open: dict[str, tuple[str, str, int]] = field(default_factory=dict)
    dead: dict[str, tuple[str, str, int]] = field(default_factory=dict)
    spent: dict[tuple[str, str], int] = field(default_factory=dict)
    made: int = 0

    def held(self, scope: str, subject: str) -> int:
        holds = [*self.open.values(), *self.dead.values()]
        return sum(micro for run, agent, micro in holds if (scope, subject) in _of(run, agent))


def _of(run: str, agent: str) -> set[tuple[str, str]]:
    return {("instance", ""), ("run", run), ("agent", agent)}


def _query(statement: str, *params: Any) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return cursor.fetchone()


def _reserve(world: World, run: str, agent: str, micro: int) -> None:
    world.made += 1
    call = f"llm_{world.made}"
    subjects = Jsonb({"instance": "", "run": run, "agent": agent})
    (verdict,) = _query(
        "SELECT verdict FROM llm_budget_reserve(%s, %s, 'a/b', %s, 0, 30)", call, subjects, micro
    )
    fits = all(
        world.spent.get(key, 0) + world.held(*key) + micro <= SCOPES[key[0]]
        for key in _of(run, agent)
    )
    assert (verdict == "admitted") == (fits or micro == 0)
    if verdict == "admitted":
        world.open[call] = (run, agent, micro)


def _settle(world: World, which: int, share: float) -> None:
    if not world.open:
        return
    call = sorted(world.open)[which % len(world.open)]
    run, agent, micro = world.open.pop(call)
    cost = int(micro * share)
    _query("SELECT count(*) FROM llm_budget_settle(%s, %s, 0, 1)", call, cost)
    for key in _of(run, agent):
        world.spent[key] = world.spent.get(key, 0) + cost


def _die(world: World, which: int) -> None:
    if not world.open:
        return
    call = sorted(world.open)[which % len(world.open)]
    world.dead[call] = world.open.pop(call)
    BudgetHold.objects.filter(call_id=call).update(lease_until="2001-01-01T00:00:00Z")


def _sweep(world: World) -> None:
    (released,) = _query("SELECT count(*) FROM llm_budget_release_expired(100)")
    assert released == len(world.dead)
    world.dead.clear()


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(moves=_MOVES)
def test_no_order_of_calls_and_deaths_breaks_the_books(moves: list[Any]) -> None:
    for model in (Budget, BudgetCounter, BudgetHold, LlmCall):
        model.objects.all().delete()
    for scope, hard in SCOPES.items():
        Budget.objects.create(scope=scope, window="total", hard_micro=hard)
    world = World()
    for kind, first, second, micro in moves:
        match kind:
            case "reserve":
                _reserve(world, first, second, micro)
            case "settle":
                _settle(world, first, second)
            case "die":
                _die(world, first)
            case "sweep":
                _sweep(world)
        for counter in BudgetCounter.objects.all():
            key = (counter.scope, counter.subject)
            assert counter.spent_micro == world.spent.get(key, 0)
            assert counter.held_micro == world.held(*key)
            assert counter.spent_micro + counter.held_micro <= SCOPES[counter.scope]
