"""Edits through the services: file, row, version and event move together, or not at all."""

import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from apps.accounts.models import User
from apps.agents.errors import (
    AgentExists,
    AgentNotFound,
    BadValues,
    FileNotEditable,
    StaleVersion,
)
from apps.agents.models import Agent, AgentFileVersion
from apps.agents.selectors import agent_get, agent_ids, disabled_tools, file_versions
from apps.agents.services import (
    agent_config_save,
    agent_create,
    agent_delete,
    agent_file_revert,
    agent_file_write,
    agent_pause,
    agent_reset,
    agent_resume,
    agent_update,
    tool_override_delete,
    tool_overrides_set,
)
from apps.agents.signals import agent_deleting
from apps.agents.sync import LIBRARY, VERSIONS_KEPT
from apps.core.errors import Conflict, DjinnError, NotFound, TooLarge, Unavailable
from apps.core.events import events_after, events_position

pytestmark = pytest.mark.django_db
Write = Callable[..., Path]


@pytest.fixture
def read_only(agents_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A data directory that takes no writes. Root may write anywhere, so it is refused by hand."""
    if os.geteuid() != 0:
        agents_dir.chmod(0o555)
        yield agents_dir
        agents_dir.chmod(0o755)
        return

    def refuse(*args: object, **kwargs: object) -> None:
        raise PermissionError(30, "Read-only file system")

    monkeypatch.setattr(Path, "mkdir", refuse)
    monkeypatch.setattr(Path, "unlink", lambda *args, **kwargs: None)
    yield agents_dir


def write_soul(text: str, version: int | None = None, user: User | None = None) -> Agent:
    return agent_file_write(
        agent_id="eric",
        name="SOUL.md",
        content=text,
        version=version,
        user_id=user.pk if user else None,
    )


def test_first_edit_copies_and_leaves_the_built_in_file_alone(
    agents_dir: Path, owner: User
) -> None:
    built_in = (LIBRARY / "eric/SOUL.md").read_text()
    before = agent_get("eric")

    agent = write_soul("A new soul.\n", version=before.version, user=owner)

    assert (agents_dir / "eric/SOUL.md").read_text() == "A new soul.\n"
    assert [path.name for path in (agents_dir / "eric").iterdir()] == ["SOUL.md"]
    assert (LIBRARY / "eric/SOUL.md").read_text() == built_in
    assert (agent.files["SOUL.md"], agent.source) == ("A new soul.\n", "data_dir")
    versions = list(file_versions(agent, "SOUL.md"))
    assert [(v.content, v.author, v.user_id) for v in versions] == [
        ("A new soul.\n", "user", owner.pk),
        (built_in, "sync", None),
    ]


def test_stale_edit_is_refused_with_both_versions_and_writes_nothing(agents_dir: Path) -> None:
    seen = agent_get("eric").version
    write_soul("mine", version=seen)

    with pytest.raises(StaleVersion) as caught:
        write_soul("theirs", version=seen)

    assert caught.value.extra == {"current_version": seen + 1, "your_version": seen}
    assert (agents_dir / "eric/SOUL.md").read_text() == "mine"


def test_an_edit_on_disk_makes_an_open_editor_stale(write: Write) -> None:
    seen = agent_get("eric").version
    write("eric", "AGENTS.md", "changed by hand\n")
    with pytest.raises(StaleVersion):
        write_soul("mine", version=seen)


def test_revert_gives_the_old_text_as_a_new_version() -> None:
    built_in = agent_get("eric").files["SOUL.md"]
    agent = write_soul("two")
    first = file_versions(agent, "SOUL.md").last()
    assert first is not None

    agent = agent_file_revert(
        agent_id="eric", name="SOUL.md", version_id=first.pk, version=None, user_id=None
    )

    assert agent.files["SOUL.md"] == built_in
    assert [v.content for v in file_versions(agent, "SOUL.md")] == [built_in, "two", built_in]


def test_revert_to_a_version_of_another_file_is_refused() -> None:
    agent = write_soul("two")
    other = file_versions(agent, "SOUL.md").first()
    assert other is not None
    with pytest.raises(NotFound):
        agent_file_revert(
            agent_id="eric", name="AGENTS.md", version_id=other.pk, version=None, user_id=None
        )


def test_only_the_newest_versions_are_kept() -> None:
    for number in range(VERSIONS_KEPT + 5):
        agent = write_soul(f"text {number}")
    kept = [version.content for version in file_versions(agent, "SOUL.md")]
    assert len(kept) == VERSIONS_KEPT
    assert kept[0] == f"text {VERSIONS_KEPT + 4}"


def test_equal_text_is_no_new_version() -> None:
    version = write_soul("same").version
    agent = write_soul("same", version=version)
    assert agent.version == version
    assert file_versions(agent, "SOUL.md").count() == 2


@pytest.mark.parametrize("name", ["config.yml", "../x.md", "slack.yml", "soul.md", ""])
def test_other_files_are_not_editable(agents_dir: Path, name: str) -> None:
    with pytest.raises(FileNotEditable):
        agent_file_write(agent_id="eric", name=name, content="x", version=None, user_id=None)
    assert list(agents_dir.iterdir()) == []


def test_a_text_over_the_limit_is_refused(agents_dir: Path) -> None:
    with pytest.raises(TooLarge):
        write_soul("ä" * (128 * 1024 + 1))
    assert list(agents_dir.iterdir()) == []


def test_unknown_agent(agents_dir: Path) -> None:
    with pytest.raises(AgentNotFound):
        agent_file_write(agent_id="nobody", name="SOUL.md", content="x", version=None, user_id=None)
    assert not (agents_dir / "nobody").exists()


def test_full_disk_is_told_and_nothing_changes(
    agents_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = agent_get("eric")

    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Unavailable, match="No space left"):
        write_soul("x")

    assert list((agents_dir / "eric").iterdir()) == []
    assert agent_get("eric").version == before.version


# -- config ------------------------------------------------------------------------------------


def test_config_saves_only_changed_keys_into_the_data_directory(write: Write) -> None:
    path = write("eric", "config.yml", "# mine\nmodel: a/b  # cheap\nthreadMode: active\n")
    position = events_position("agents")
    config = agent_get("eric").config

    agent = agent_config_save(
        agent_id="eric", values={**config, "model": "c/d"}, version=None, user_id=None
    )

    assert path.read_text() == "# mine\nmodel: c/d  # cheap\nthreadMode: active\n"
    assert agent.config["model"] == "c/d"
    types = [frame.type for frame in events_after("agents", position)]
    assert "AGENT_CONFIG_CHANGED" in types


def test_config_of_a_built_in_agent_gets_an_overlay_of_the_changed_keys(agents_dir: Path) -> None:
    agent_get("eric")
    agent_config_save(
        agent_id="eric",
        values={"coordination": {"wake_guardrails": {"max_wakes_per_day": 3}}},
        version=None,
        user_id=None,
    )
    assert (agents_dir / "eric/config.yml").read_text() == (
        "coordination:\n  wake_guardrails:\n    max_wakes_per_day: 3\n"
    )
    assert agent_get("eric").config["pulse_offset_minutes"] == 3


def test_null_drops_a_key_so_that_the_layer_below_speaks(write: Write) -> None:
    write("eric", "config.yml", "pulse_offset_minutes: 9\nmodel: a/b\n")
    agent = agent_config_save(
        agent_id="eric", values={"pulse_offset_minutes": None}, version=None, user_id=None
    )
    assert agent.config["pulse_offset_minutes"] == 3


def test_config_errors_name_every_wrong_key_and_save_nothing(agents_dir: Path) -> None:
    with pytest.raises(BadValues) as caught:
        agent_config_save(
            agent_id="eric",
            values={"thread_mode": "loud", "no_such_key": 1, "model": "a/b"},
            version=None,
            user_id=None,
        )
    assert {error["pointer"] for error in caught.value.extra["errors"]} == {
        "/thread_mode",
        "/no_such_key",
    }
    assert not (agents_dir / "eric").exists()


def test_config_is_not_written_over_a_malformed_file(write: Write) -> None:
    path = write("eric", "config.yml", "model: [\n")
    with pytest.raises(Conflict) as caught:
        agent_config_save(agent_id="eric", values={"model": "a/b"}, version=None, user_id=None)
    assert caught.value.code == "config_malformed"
    assert path.read_text() == "model: [\n"


def test_config_can_be_reverted(write: Write) -> None:
    path = write("eric", "config.yml", "model: a/b  # good\n")
    agent_get("eric")
    agent = agent_config_save(agent_id="eric", values={"model": "c/d"}, version=None, user_id=None)
    first = file_versions(agent, "config.yml").last()
    assert first is not None

    agent = agent_file_revert(
        agent_id="eric", name="config.yml", version_id=first.pk, version=None, user_id=None
    )

    assert path.read_text() == "model: a/b  # good\n"
    assert agent.config["model"] == "a/b"


# -- a read-only data directory ----------------------------------------------------------------


def test_read_only_data_directory_sends_edits_to_the_database(read_only: Path) -> None:
    agent_get("eric")
    agent = write_soul("kept in the row")
    assert (agent.source, agent.files["SOUL.md"]) == ("db", "kept in the row")

    agent = agent_config_save(agent_id="eric", values={"model": "a/b"}, version=None, user_id=None)
    assert agent.config["model"] == "a/b"
    assert agent_get("eric").config_overrides == {"model": "a/b"}
    assert agent_get("eric").files["SOUL.md"] == "kept in the row"


def test_read_only_data_directory_keeps_new_agents_in_the_database(read_only: Path) -> None:
    agent = agent_create(agent_id="ada", name="Ada", role="Engineer")
    assert (agent.source, agent.name) == ("db", "Ada")
    assert "ada" in agent_ids()


# -- life cycle --------------------------------------------------------------------------------


def test_new_agent_is_a_directory_from_the_templates(agents_dir: Path) -> None:
    agent = agent_create(agent_id="ada", name="Ada", role="Engineer", emoji="🦊")

    assert (agent.name, agent.role, agent.emoji) == ("Ada", "Engineer", "🦊")
    assert agent.warnings == []
    assert "{{ROLE}}" in (agents_dir / "ada/AGENTS.md").read_text()
    assert (agents_dir / "ada/IDENTITY.md").is_file()


def test_new_agent_can_take_the_texts_of_another() -> None:
    agent = agent_create(agent_id="ada", name="Ada", role="Engineer", template="finn")
    assert agent.name == "Ada"
    assert agent.files["SOUL.md"] == agent_get("finn").files["SOUL.md"]


@pytest.mark.parametrize("agent_id", ["", "Ada", "_x", "a/b", "..", "shared", "x" * 129, "a b"])
def test_bad_ids_are_refused(agents_dir: Path, agent_id: str) -> None:
    with pytest.raises(BadValues):
        agent_create(agent_id=agent_id, name="A", role="R")
    assert list(agents_dir.iterdir()) == []


def test_taken_id_is_refused() -> None:
    with pytest.raises(AgentExists):
        agent_create(agent_id="eric", name="A", role="R")


def test_deleted_agent_is_set_aside_and_can_come_back(agents_dir: Path) -> None:
    agent_create(agent_id="ada", name="Ada", role="Engineer")

    agent_delete(agent_id="ada")

    assert "ada" not in agent_ids()
    (kept,) = (agents_dir / ".deleted").iterdir()
    assert (kept / "IDENTITY.md").is_file()
    kept.rename(agents_dir / "ada")
    assert agent_get("ada").name == "Ada"


def test_built_in_agent_is_not_deleted() -> None:
    with pytest.raises(Conflict) as caught:
        agent_delete(agent_id="eric")
    assert caught.value.code == "built_in"


def test_whoever_uses_the_agent_can_refuse_its_deletion(agents_dir: Path) -> None:
    agent_create(agent_id="ada", name="Ada", role="Engineer")

    def refuse(agent: Agent, **kwargs: object) -> None:
        raise Conflict(f"{agent.id} works", code="agent_busy")

    agent_deleting.connect(refuse)
    try:
        with pytest.raises(Conflict):
            agent_delete(agent_id="ada")
    finally:
        agent_deleting.disconnect(refuse)
    assert (agents_dir / "ada").is_dir()
    assert "ada" in agent_ids()


def test_reset_drops_the_overlay_and_keeps_what_was_dropped(write: Write, agents_dir: Path) -> None:
    write("eric", "SOUL.md", "overlay")
    write("eric", "config.yml", "model: a/b\n")
    write("eric", "slack.yml", "token: x\n")
    built_in = (LIBRARY / "eric/SOUL.md").read_text()
    agent_get("eric")

    agent = agent_reset(agent_id="eric", version=None, user_id=None)

    assert agent.files["SOUL.md"] == built_in
    assert agent.config["model"] is None
    assert [path.name for path in (agents_dir / "eric").iterdir()] == ["slack.yml"]
    kept = AgentFileVersion.objects.filter(agent=agent).values_list("filename", "content")
    assert {("SOUL.md", "overlay"), ("config.yml", "model: a/b\n")} <= set(kept)


def test_reset_of_an_agent_that_is_not_built_in_is_refused() -> None:
    agent_create(agent_id="ada", name="Ada", role="Engineer")
    with pytest.raises(Conflict) as caught:
        agent_reset(agent_id="ada", version=None, user_id=None)
    assert caught.value.code == "not_built_in"


def test_profile_edit_rewrites_identity_lines_only(agents_dir: Path) -> None:
    before = agent_get("eric").files["IDENTITY.md"]

    agent = agent_update(
        agent_id="eric",
        version=None,
        user_id=None,
        identity={"role": "Product Lead", "origin": None},
        stages=["SPEC", "FIX"],
        enabled=False,
        config={"timezone": "Europe/Stockholm"},
    )

    assert (agent.role, agent.origin, agent.stages) == ("Product Lead", "", ["SPEC", "FIX"])
    assert (agent.enabled, agent.timezone) == (False, "Europe/Stockholm")
    after = (agents_dir / "eric/IDENTITY.md").read_text()
    changed = [line for line in before.splitlines() if line not in after.splitlines()]
    assert len(changed) == 2, "role and origin; the stages' line is new"


def test_pause_and_resume() -> None:
    position = events_position("agents")
    until = timezone.now() + timedelta(hours=1)

    agent = agent_pause(agent_id="eric", until=until, reason="holiday")
    assert agent.is_paused(timezone.now())
    assert not agent.is_paused(until)
    agent = agent_resume(agent_id="eric")
    assert not agent.is_paused(timezone.now())
    agent_resume(agent_id="eric")

    types = [frame.type for frame in events_after("agents", position)]
    assert types[-2:] == ["AGENT_PAUSED", "AGENT_RESUMED"]
    assert types.count("AGENT_RESUMED") == 1


def test_pause_into_the_past_is_refused() -> None:
    with pytest.raises(BadValues):
        agent_pause(agent_id="eric", until=timezone.now() - timedelta(seconds=1), reason="")


# -- tools -------------------------------------------------------------------------------------


def test_tool_overrides_are_set_listed_and_forgotten(owner: User) -> None:
    tool_overrides_set(agent_id="eric", overrides={"bash": False, "read": True}, user_id=owner.pk)
    assert disabled_tools("eric") == ["bash"]
    assert disabled_tools("finn") == []
    tool_overrides_set(agent_id="eric", overrides={"bash": True}, user_id=owner.pk)
    assert disabled_tools("eric") == []
    tool_override_delete(agent_id="eric", tool_name="bash")
    with pytest.raises(NotFound):
        tool_override_delete(agent_id="eric", tool_name="bash")


@pytest.mark.parametrize("name", ["complete", "fail", "executor_complete", "executor_fail"])
def test_tools_that_end_a_session_stay_on(name: str) -> None:
    with pytest.raises(BadValues):
        tool_overrides_set(agent_id="eric", overrides={"bash": False, name: False}, user_id=None)
    assert disabled_tools("eric") == []


def test_no_tool_named_is_refused() -> None:
    with pytest.raises(DjinnError) as caught:
        tool_overrides_set(agent_id="eric", overrides={}, user_id=None)
    assert caught.value.status == 400
