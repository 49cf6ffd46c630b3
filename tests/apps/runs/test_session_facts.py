"""What the model gateway learns of a session."""

from typing import Any

import pytest

from apps.llm.facts import SessionFacts
from apps.runs.models import StepExecution
from apps.runs.session_facts import session_facts
from apps.sessions.models import AgentSession
from tests.support.runs import claim, finish, make_run, start

pytestmark = pytest.mark.django_db(transaction=True)

STEPS: list[dict[str, Any]] = [
    {"id": "PLAN", "outputs": ["list"], "onComplete": "BUILD"},
    {"id": "BUILD", "loop": {"over": "list", "onEachComplete": "CHECK"}, "outputs": ["made"]},
    {
        "id": "CHECK",
        "outputs": ["check_result"],
        "onResult": {"PASS": {"continueLoop": True}, "FAIL": {"goto": "BUILD"}},
    },
]


def facts_of(execution_id: int) -> SessionFacts | None:
    execution = StepExecution.objects.get(id=execution_id)
    session = AgentSession.objects.create(
        source=AgentSession.Source.PIPELINE, source_id=str(execution.pk), agent_id="dev"
    )
    return session_facts(session.pk)


def test_a_session_knows_its_step_and_its_loop_item() -> None:
    run = make_run(STEPS)
    start(run)
    step = claim(run, "PLAN")
    facts = facts_of(step.execution_id)
    assert facts is not None
    assert (facts.run_id, facts.step, facts.item_index) == (run.id, "PLAN", None)
    assert (facts.outputs, facts.loop_names) == (("list",), ("list",))

    finish(step, list='["paint", {"title": "dry"}]')
    step = claim(run, "BUILD")
    facts = facts_of(step.execution_id)
    assert facts is not None
    assert (facts.item_index, facts.item, facts.item_kind) == (0, "paint", "item")

    finish(step, made="paint")
    step = claim(run, "CHECK")
    facts = facts_of(step.execution_id)
    assert facts is not None
    assert (facts.step, facts.item) == ("CHECK", "paint"), "a step within the item works on it too"
    assert facts.results == ("PASS", "FAIL")

    finish(step, check_result="FAIL")
    step = claim(run, "BUILD")
    facts = facts_of(step.execution_id)
    assert facts is not None
    assert (facts.visit, facts.item) == (2, "paint")

    finish(step, made="paint")
    finish(claim(run, "CHECK"), check_result="PASS")
    facts = facts_of(claim(run, "BUILD").execution_id)
    assert facts is not None
    assert (facts.item_index, facts.item) == (1, '{"title": "dry"}')


def test_other_sessions_have_no_facts() -> None:
    chat = AgentSession.objects.create(source=AgentSession.Source.CHAT, agent_id="dev")
    assert session_facts(chat.pk) is None
    assert session_facts("ses_unknown") is None
    lost = AgentSession.objects.create(
        source=AgentSession.Source.PIPELINE, source_id="987654", agent_id="dev"
    )
    assert session_facts(lost.pk) is None
