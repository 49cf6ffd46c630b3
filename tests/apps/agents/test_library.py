"""Each packaged persona: loads, says what the table of roles says, and is somebody."""

import itertools
import re

import pytest

from apps.agents.directory import PERSONA_FILES, parse_identity, read_directory
from apps.agents.layers import EffectiveAgent, Overrides, merge
from apps.agents.sync import LIBRARY, template_text
from tests.apps.agents.earlier_tree import ROWS, Row

IDS = [row.id for row in ROWS]
FORBIDDEN = re.compile(r"\b(TODO|FIXME|lorem|placeholder|as an ai|language model)\b", re.IGNORECASE)


def persona(agent_id: str) -> EffectiveAgent:
    directory = read_directory(LIBRARY / agent_id, {})
    agent = merge(agent_id, [("builtin", directory)], Overrides(), {})
    assert agent is not None
    return agent


def test_the_library_holds_the_eleven_and_nobody_else() -> None:
    folders = {path.name for path in LIBRARY.iterdir() if path.is_dir()}
    assert folders == {*IDS, "_templates"}


@pytest.mark.parametrize("row", ROWS, ids=IDS)
def test_facts_are_those_of_the_table(row: Row) -> None:
    agent = persona(row.id)

    assert agent.findings == ()
    assert agent.extra_files == ()
    assert agent.identity.name == row.id.title()
    assert (agent.identity.role, agent.identity.abbreviation) == (row.role, row.abbreviation)
    assert agent.identity.stages == row.stages
    assert agent.config["pulse_columns"] == list(row.columns)
    assert agent.config["pulse_transitions_to"] == list(row.moves_to)
    assert agent.config["pulse_offset_minutes"] == row.offset
    assert agent.config["pulse_enabled"] is (row.id == "grace")
    assert agent.config["pulse_interval_minutes"] == (120 if row.id == "grace" else 30)
    assert agent.identity.description
    assert agent.identity.emoji != "🤖"


@pytest.mark.parametrize("agent_id", IDS)
def test_persona_is_whole(agent_id: str) -> None:
    files = persona(agent_id).files

    assert set(files) == set(PERSONA_FILES)
    heart = f"{files['SOUL.md']}\n{files['AGENTS.md']}"
    assert 100 <= len([line for line in heart.splitlines() if line.strip()]) <= 200
    assert len(heart.split()) >= 1_000
    assert "{{AGENT_NAME}}" in files["AGENTS.md"]
    assert "{{ROLE}}" in files["AGENTS.md"]
    assert "{{AGENT_NAME}}" in files["PULSE.md"]
    assert not FORBIDDEN.search("\n".join(files.values()))
    assert "- [ ]" in files["AGENTS.md"], "a checklist to go through before the end"


@pytest.mark.parametrize("agent_id", IDS)
def test_persona_knows_its_colleagues(agent_id: str) -> None:
    soul = persona(agent_id).files["SOUL.md"]
    known = {other for other in IDS if other != agent_id and f"**{other.title()}**" in soul}
    assert len(known) >= 6


@pytest.mark.parametrize(("one", "other"), list(itertools.combinations(IDS, 2)))
def test_no_two_personas_share_their_words(one: str, other: str) -> None:
    """No line of some length stands in both, and few runs of five words do."""
    texts = [persona(agent_id).files for agent_id in (one, other)]
    for name in ("SOUL.md", "AGENTS.md", "DECISION.md", "PULSE.md"):
        lines = [
            {line.strip() for line in files[name].splitlines() if len(line.strip()) > 40}
            for files in texts
        ]
        assert not lines[0] & lines[1], name
    first, second = (_runs(f"{files['SOUL.md']} {files['AGENTS.md']}") for files in texts)
    assert len(first & second) <= 0.01 * min(len(first), len(second))


def _runs(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text.lower())
    return {tuple(words[i : i + 5]) for i in range(len(words) - 4)}


def test_emoji_offsets_and_abbreviations_tell_agents_apart() -> None:
    agents = [persona(agent_id) for agent_id in IDS]

    assert len({agent.identity.emoji for agent in agents}) == len(agents)
    assert len({agent.identity.abbreviation for agent in agents}) == len(agents)
    pulsing = [a.config["pulse_offset_minutes"] for a in agents if a.id != "grace"]
    assert len(set(pulsing)) == len(pulsing)


@pytest.mark.parametrize("name", ["AGENTS.md", "DECISION.md", "MEMORY_TOOLS.md", "PULSE.md"])
def test_templates_are_there(name: str) -> None:
    assert len(template_text(name)) > 200


def test_identity_files_hold_no_key_twice() -> None:
    for agent_id in IDS:
        text = (LIBRARY / agent_id / "IDENTITY.md").read_text()
        keys = re.findall(r"\*\*(.+?):\*\*", text)
        assert len(keys) == len(set(keys))
        assert parse_identity(text)[1] == ()
