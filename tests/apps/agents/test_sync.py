"""Layers and sync: what is on disk is what is answered, and one broken agent stops no other."""

import json
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import connection, transaction

from apps.agents.models import Agent, AgentFileVersion
from apps.agents.selectors import agent_get, agent_ids, agent_list, agent_models
from apps.agents.services import agents_sync
from apps.agents.sync import agents_sync_if_changed, template_text
from apps.core.events import events_after, events_position
from tests.apps.agents.earlier_tree import ROWS, write_earlier_tree

Write = Callable[..., Path]
IDENTITY = "- **Name:** Ada\n- **Role:** Engineer\n"


def event_types(after: int = 0) -> list[tuple[str, str]]:
    return [(frame.type, frame.data["agentId"]) for frame in events_after("agents", after)]


@pytest.mark.django_db
def test_tree_of_the_earlier_system_loads_whole(
    agents_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A1, and A5 for loading: eleven agents, every field as in the table, no error."""
    write_earlier_tree(agents_dir)
    monkeypatch.setenv("ERIC_SLACK_TOKEN", "xoxb-canary")
    before = {path: path.read_bytes() for path in agents_dir.rglob("*") if path.is_file()}

    report = agents_sync()

    assert report.failed == {}
    assert report.created == sorted(row.id for row in ROWS)
    for row in ROWS:
        agent = agent_get(row.id)
        assert (agent.name, agent.role) == (row.id.title(), row.role)
        assert (agent.abbreviation, agent.emoji) == (row.abbreviation, "🦊")
        assert (agent.origin, agent.source) == ("Somewhere", "data_dir")
        assert tuple(agent.stages) == row.stages
        assert set(agent.files) == {
            "IDENTITY.md",
            "SOUL.md",
            "AGENTS.md",
            "DECISION.md",
            "PULSE.md",
        }
        assert agent.extra_files == ["PULSE.test.md", "avatar.png", "skills/review.md"]
        assert agent.config["model"] == "openrouter/minimax/minimax-m2.5"
        assert agent.config["thinking_model"] == "anthropic/claude-opus-4.6"
        assert agent.config["planning_model"] == "openrouter/x/planner"
        assert agent.config["executor_model"] == "openrouter/x/executor"
        assert agent.config["thinking_level"] == "off"
        assert agent.config["thread_mode"] == "active"
        assert agent.config["pulse_columns"] == list(row.columns)
        assert agent.config["pulse_transitions_to"] == list(row.moves_to)
        assert agent.config["pulse_offset_minutes"] == row.offset
        assert agent.config["pulse_enabled"] is (row.id == "grace")
        nights, move = agent.config["pulse_blackouts"]
        assert (nights["start_time"], nights["end_time"]) == ("23:00", "07:00")
        assert move["type"] == "one_off"
        wakes = agent.config["coordination"]["wake_guardrails"]
        assert (wakes["cooldown_seconds"], wakes["max_wakes_per_day"]) == (60, 20)
        assert wakes["max_wakes_per_pair_per_day"] == 5
        assert agent.config["skills_disabled"] == ["web"]
        assert agent.channels == {"slack": row.id == "eric", "telegram": True}
        codes = [warning["code"] for warning in agent.warnings]
        assert codes == ([] if row.id == "eric" else ["channel_variable_unset"])
    assert template_text("MEMORY_TOOLS.md").startswith("# Notes")
    assert {p: p.read_bytes() for p in before} == before, "loading changes no file"
    assert "canary" not in json.dumps(list(Agent.objects.values()), default=str)


@pytest.mark.django_db
def test_without_a_data_directory_there_are_the_built_in_agents(agents_dir: Path) -> None:
    agents_dir.rmdir()
    assert agent_ids() == {row.id for row in ROWS}
    assert {agent.source for agent in agent_list()} == {"builtin"}


@pytest.mark.django_db
def test_highest_layer_wins_for_each_file_and_each_key(write: Write) -> None:
    write("eric", "SOUL.md", "Another soul.\n")
    write("eric", "config.yml", "pulse_offset_minutes: 9\n")

    agent = agent_get("eric")

    assert agent.source == "data_dir"
    assert agent.files["SOUL.md"] == "Another soul.\n"
    assert "Malmö" in agent.files["IDENTITY.md"], "the built-in file speaks where none hides it"
    assert agent.config["pulse_offset_minutes"] == 9
    assert agent.config["pulse_columns"] == ["Backlog"]

    Agent.objects.filter(id="eric").update(config_overrides={"pulse_offset_minutes": 4})
    agents_sync()

    agent = agent_get("eric")
    assert (agent.source, agent.config["pulse_offset_minutes"]) == ("db", 4)


@pytest.mark.django_db
def test_a_new_directory_is_an_agent_at_the_next_read(write: Write) -> None:
    assert "ada" not in agent_ids()
    write("ada", "IDENTITY.md", IDENTITY)
    assert agent_get("ada").role == "Engineer"
    write("ada", "config.yml", "model: a/b\n")
    assert agent_models()["ada"] == "a/b"


@pytest.mark.django_db
def test_second_sync_changes_nothing(write: Write) -> None:
    write("ada", "IDENTITY.md", IDENTITY)
    agents_sync()
    position = events_position("agents")

    report = agents_sync()

    assert (report.created, report.updated, report.removed) == ([], [], [])
    assert len(report.unchanged) == len(ROWS) + 1
    assert events_position("agents") == position


@pytest.mark.django_db
def test_malformed_config_keeps_the_last_good_one_and_shows_the_line(write: Write) -> None:
    """A6."""
    write("ada", "IDENTITY.md", IDENTITY)
    write("ada", "config.yml", "model: a/b\npulse_interval_minutes: 7\n")
    assert agent_get("ada").config["pulse_interval_minutes"] == 7

    write("ada", "config.yml", "model: a/b\npulse_interval_minutes: [7\n")

    agent = agent_get("ada")
    assert agent.config["model"] == "a/b"
    assert agent.config["pulse_interval_minutes"] == 7
    (warning,) = agent.warnings
    assert (warning["code"], warning["file"], warning["line"]) == (
        "config_malformed",
        "config.yml",
        3,
    )

    write("ada", "config.yml", "model: c/d\n")

    agent = agent_get("ada")
    assert (agent.config["model"], agent.config["pulse_interval_minutes"]) == ("c/d", 30)
    assert agent.warnings == []


@pytest.mark.django_db
def test_config_malformed_from_the_start_means_defaults(write: Write) -> None:
    write("ada", "IDENTITY.md", IDENTITY)
    write("ada", "config.yml", "{")
    assert agent_get("ada").config["max_concurrent_steps"] == 2


@pytest.mark.django_db
def test_a_broken_agent_stops_no_other(write: Write) -> None:
    write("ada", "IDENTITY.md", b"\xff\xfe\x00\x00")
    write("ada", "config.yml", b"\x80\x81")
    write("zoe", "IDENTITY.md", "- **Name:** Zoe\n- **Role:** Lawyer\n")
    write("bad", "IDENTITY.md", "")
    write("bad", "SOUL.md", "nul \x00 byte")

    assert {"ada", "bad", "zoe"} <= agent_ids()
    assert agent_get("ada").name == "Unknown Agent"
    assert agent_get("ada").warnings
    assert agent_get("bad").files["SOUL.md"] == "nul \ufffd byte"
    assert agent_get("zoe").role == "Lawyer"


@pytest.mark.django_db
def test_an_agent_that_the_database_refuses_stops_no_other(write: Write) -> None:
    write("ada", "IDENTITY.md", IDENTITY)
    write("zoe", "IDENTITY.md", IDENTITY)
    with connection.cursor() as cursor:
        cursor.execute(
            "ALTER TABLE agents_agent ADD CONSTRAINT no_ada CHECK (id <> 'ada') NOT VALID"
        )

    report = agents_sync()

    assert list(report.failed) == ["ada"]
    assert "zoe" in report.created


@pytest.mark.django_db
def test_a_lost_directory_hides_its_agent_until_it_is_back(
    write: Write, agents_dir: Path, tmp_path: Path
) -> None:
    write("ada", "IDENTITY.md", IDENTITY)
    agent_get("ada")
    position = events_position("agents")
    shutil.move(agents_dir / "ada", tmp_path / "ada")
    assert "ada" not in agent_ids()
    shutil.move(tmp_path / "ada", agents_dir / "ada")
    assert agent_get("ada").role == "Engineer"
    assert event_types(position) == [("AGENT_REMOVED", "ada"), ("AGENT_UPDATED", "ada")]


@pytest.mark.django_db
def test_change_on_disk_is_a_version_and_an_event(write: Write) -> None:
    write("ada", "IDENTITY.md", IDENTITY)
    write("ada", "SOUL.md", "one")
    first = agent_get("ada").version
    position = events_position("agents")

    write("ada", "SOUL.md", "two")
    write("ada", "config.yml", "model: a/b\n")

    agent = agent_get("ada")
    assert agent.version == first + 1
    versions = AgentFileVersion.objects.filter(agent=agent, filename="SOUL.md").order_by("id")
    assert [(v.content, v.author) for v in versions] == [("one", "sync"), ("two", "sync")]
    assert event_types(position) == [("AGENT_UPDATED", "ada"), ("AGENT_CONFIG_CHANGED", "ada")]
    updated = events_after("agents", position)[0]
    assert updated.data["files"] == ["SOUL.md"]


@pytest.mark.django_db(transaction=True)
def test_reading_costs_no_query_while_nothing_changes(
    write: Write, django_assert_num_queries: Callable[..., object]
) -> None:
    write("ada", "IDENTITY.md", IDENTITY)
    agents_sync()
    with django_assert_num_queries(0):  # type: ignore[attr-defined]  # a context manager
        agents_sync_if_changed()


@pytest.mark.django_db(transaction=True)
def test_a_sync_that_was_rolled_back_is_done_again(write: Write) -> None:
    agents_sync()
    write("ada", "IDENTITY.md", IDENTITY)
    with transaction.atomic():
        agents_sync()
        transaction.set_rollback(True)
    assert not Agent.objects.filter(id="ada").exists()

    assert agent_get("ada").name == "Ada"


@pytest.mark.django_db(transaction=True)
def test_an_emptied_table_is_filled_again() -> None:
    agents_sync()
    Agent.objects.all().delete()
    assert len(agent_list()) == len(ROWS)
    Agent.objects.all().delete()
    assert agent_get("eric").name == "Eric"


@pytest.mark.django_db(transaction=True)
def test_many_processes_syncing_at_once_make_one_row_each(write: Write) -> None:
    write("ada", "IDENTITY.md", IDENTITY)
    errors: list[BaseException] = []

    def sync() -> None:
        try:
            assert agents_sync().failed == {}
        except BaseException as exc:  # noqa: BLE001  carried to the main thread
            errors.append(exc)
        finally:
            connection.close()

    threads = [threading.Thread(target=sync) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == []
    assert event_types().count(("AGENT_CREATED", "ada")) == 1
    assert Agent.objects.get(id="ada").version == 1
