"""The system prompt: fixed order, stable bytes, and only what the session needs."""

import pytest

from apps.agents.persona import (
    Persona,
    SessionFacts,
    completion_text,
    environment_text,
    filled,
    persona_parts,
)

ADA = Persona(
    name="Ada",
    role="Engineer",
    emoji="🦊",
    files={
        "IDENTITY.md": "- **Name:** Ada",
        "SOUL.md": "the soul",
        "DECISION.md": "the decision",
        "AGENTS.md": 'I am {{AGENT_NAME}}, {{ROLE}}. JSON: {{x}} {"a": 1}',
        "PULSE.md": "only when waking",
    },
)


def names(facts: SessionFacts) -> list[str]:
    return [part.name for part in persona_parts(ADA, facts)]


def test_order_of_the_parts() -> None:
    facts = SessionFacts(
        tools=("read", "recall"),
        memory_guide="memory of {{AGENT_NAME}}",
        skills_manifest="skills",
        supplement="more",
    )
    assert names(facts) == [
        "identity",
        "soul",
        "decision",
        "workflow",
        "environment",
        "completion",
        "memory_tools",
        "skills",
        "supplement",
    ]


def test_placeholders_of_the_persona_are_filled_and_other_braces_stay() -> None:
    (workflow,) = [p for p in persona_parts(ADA, SessionFacts()) if p.name == "workflow"]
    assert workflow.text == 'I am Ada, Engineer. JSON: {{x}} {"a": 1}'
    assert filled("{{AGENT_EMOJI}} {{AGENT_NAME}}", ADA) == "🦊 Ada"


def test_missing_files_leave_no_trace() -> None:
    bare = Persona(name="Ada", role="R", files={"IDENTITY.md": "x", "SOUL.md": "  \n"})
    got = [part.name for part in persona_parts(bare, SessionFacts())]
    assert got == ["identity", "environment", "completion"]


def test_memory_is_explained_only_to_those_who_have_it() -> None:
    guide = "about memory"
    assert "memory_tools" not in names(SessionFacts(tools=("read",), memory_guide=guide))
    assert "memory_tools" not in names(SessionFacts(memory_guide=guide))
    assert "memory_tools" not in names(
        SessionFacts(tools=("recall",), memory_guide=guide, structured=True)
    )


def test_completion_names_every_owed_output() -> None:
    text = completion_text(
        SessionFacts(
            outputs=("review_result", "tasks_json"),
            result_values=("APPROVED", "CHANGES_REQUESTED"),
            list_outputs=("tasks_json",),
        )
    )
    assert '`complete(outputs={"review_result": "…", "tasks_json": "…"}, summary="…")`' in text
    assert "exactly one of `APPROVED`, `CHANGES_REQUESTED`" in text
    assert "`tasks_json` must be a valid JSON array" in text
    assert "`fail(" in text


def test_without_tools_outputs_are_lines() -> None:
    text = completion_text(SessionFacts(outputs=("fix_notes",), tools=()))
    assert "\nFIX_NOTES: value\n" in text
    assert "complete(" not in text


def test_structured_answer_is_json_only() -> None:
    text = completion_text(SessionFacts(outputs=("plan",), structured=True))
    assert "JSON document" in text
    assert "complete(" not in text


@pytest.mark.parametrize("kind", ["chat", "slack", "pulse", "wake", "swarm"])
def test_other_kinds_end_when_the_agent_stops(kind: str) -> None:
    facts = SessionFacts(kind=kind)  # type: ignore[arg-type]  # the parameters are the literals
    assert "complete(" not in completion_text(facts)


def test_executor_has_its_own_completion() -> None:
    assert "`executor_complete(" in completion_text(SessionFacts(kind="executor"))


def test_environment_names_the_places_and_tools() -> None:
    text = environment_text(SessionFacts(tools=("read", "bash")))
    assert "/home/agent/run-workspace" in text
    assert "`read`, `bash`" in text
    assert "/run-workspace" not in environment_text(SessionFacts(has_workspace=False))
    assert "/run-workspace" not in environment_text(SessionFacts(structured=True))
    moved = environment_text(SessionFacts(workspace="/srv/w", home="/srv"))
    assert "/srv/w/.djinnbot/progress.md" in moved
    assert "/home/agent" not in moved
