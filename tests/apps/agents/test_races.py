"""Several people and processes at one agent at the same time."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import connection

from apps.agents.errors import AgentExists, StaleVersion
from apps.agents.selectors import agent_get, file_versions
from apps.agents.services import agent_create, agent_file_write, agents_sync
from apps.core.errors import DjinnError

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*calls: Callable[[], object]) -> list[object]:
    """What the calls gave, or the DjinnError they raised, started together."""
    results: list[object] = []
    gate = threading.Barrier(len(calls))

    def run(call: Callable[[], object]) -> None:
        gate.wait()
        try:
            results.append(call())
        except DjinnError as exc:
            results.append(exc)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[call]) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert len(results) == len(calls), "a call neither returned nor raised what it may"
    return results


def test_of_two_edits_from_one_version_one_wins(agents_dir: Path) -> None:
    seen = agent_get("eric").version

    def write(text: str) -> Callable[[], object]:
        return lambda: agent_file_write(
            agent_id="eric", name="SOUL.md", content=text, version=seen, user_id=None
        )

    results = at_once(*(write(f"text {number}") for number in range(4)))

    assert sum(isinstance(result, StaleVersion) for result in results) == 3
    agent = agent_get("eric")
    assert agent.version == seen + 1
    assert agent.files["SOUL.md"] == (agents_dir / "eric/SOUL.md").read_text()
    assert file_versions(agent, "SOUL.md").count() == 2


def test_of_two_creations_one_wins(agents_dir: Path) -> None:
    agents_sync()

    def create(name: str) -> Callable[[], object]:
        return lambda: agent_create(agent_id="ada", name=name, role="Engineer")

    results = at_once(create("One"), create("Two"))

    assert sum(isinstance(result, AgentExists) for result in results) == 1
    assert agent_get("ada").name in (agents_dir / "ada/IDENTITY.md").read_text()


def test_edits_and_syncs_at_once_lose_nothing_and_block_nobody(agents_dir: Path) -> None:
    agents_sync()

    def write(agent_id: str, name: str) -> Callable[[], object]:
        return lambda: agent_file_write(
            agent_id=agent_id, name=name, content=f"{agent_id} {name}", version=None, user_id=None
        )

    pairs = [(agent_id, name) for agent_id in ("eric", "finn") for name in ("SOUL.md", "AGENTS.md")]
    results = at_once(*(write(*pair) for pair in pairs), agents_sync, agents_sync)

    assert not [result for result in results if isinstance(result, DjinnError)]
    for agent_id, name in pairs:
        assert agent_get(agent_id).files[name] == f"{agent_id} {name}"
