"""Reading one directory: whatever is in it, values and findings come out, and nothing is raised."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.agents.directory import (
    MAX_FILE_BYTES,
    agent_directories,
    identity_text_with,
    parse_identity,
    read_directory,
)

IDENTITY = """\
# Somebody else

- **name:** Ada
- **ROLE:**   Engineer & more
* **Emoji:** 🦊
- **Pipeline Stages:** implement, FIX , implement
- **Origin:** London
- **Abbreviation:** `SWE`
- **Description:** Writes: programs.
- **Unheard Of:** kept in the text
"""


def test_identity_keys_have_any_case_and_the_rest_of_their_line() -> None:
    identity, findings = parse_identity(IDENTITY)

    assert (identity.name, identity.role, identity.emoji) == ("Ada", "Engineer & more", "🦊")
    assert identity.stages == ("IMPLEMENT", "FIX")
    assert (identity.origin, identity.abbreviation) == ("London", "SWE")
    assert identity.description == "Writes: programs."
    assert findings == ()


def test_the_first_of_two_equal_keys_wins() -> None:
    assert parse_identity("- **Name:** A\n- **Name:** B\n")[0].name == "A"


def test_heading_names_the_agent_when_no_key_does() -> None:
    assert parse_identity("# Ada\n\n- **Role:** Engineer\n")[0].name == "Ada"


def test_empty_identity_gives_defaults_and_says_so() -> None:
    identity, findings = parse_identity("")

    assert (identity.name, identity.role, identity.emoji) == ("Unknown Agent", "AI Agent", "🤖")
    assert {finding.path for finding in findings} == {"name", "role"}


@pytest.mark.parametrize(
    "text",
    ["NONE", "none", "ON-DEMAND", "on demand", "On-Demand (asked by others)", "-", "n/a", ""],
)
def test_words_for_no_stage(text: str) -> None:
    assert parse_identity(f"- **Name:** A\n- **Pipeline Stage:** {text}\n")[0].stages == ()


def test_a_stage_that_only_begins_like_a_word_for_none_is_a_stage() -> None:
    assert parse_identity("- **Pipeline Stage:** NONEXISTENCE-CHECK\n")[0].stages == (
        "NONEXISTENCE-CHECK",
    )


def test_pipeline_stages_win_over_pipeline_stage() -> None:
    text = "- **Pipeline Stage:** A\n- **Pipeline Stages:** B, C\n"
    assert parse_identity(text)[0].stages == ("B", "C")


def test_a_value_too_long_for_its_column_is_cut_and_told() -> None:
    identity, findings = parse_identity(f"- **Name:** {'x' * 300}\n- **Role:** r\n")

    assert identity.name == "x" * 200
    assert [finding.code for finding in findings] == ["identity_cut"]


def test_setting_a_field_leaves_all_other_lines_alone() -> None:
    changed = identity_text_with(IDENTITY, {"name": "Grace", "role": "Admiral"})

    assert changed.splitlines()[2:4] == ["- **name:** Grace", "- **ROLE:** Admiral"]
    assert changed.splitlines()[4:] == IDENTITY.splitlines()[4:]


_LINE = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=40)


@given(st.text(max_size=500), st.sampled_from(["name", "role", "origin"]), _LINE)
def test_a_field_that_was_set_is_read_back(text: str, field: str, value: str) -> None:
    value = value.strip().strip("`").strip() or "x"
    identity, _ = parse_identity(identity_text_with(text, {field: value}))
    assert getattr(identity, field) == value


@given(st.text(max_size=2000))
def test_any_text_is_an_identity(text: str) -> None:
    identity, _ = parse_identity(text)
    assert identity.name
    assert identity.role
    assert len(identity.name) <= 200


@given(
    st.dictionaries(
        st.sampled_from(
            ["IDENTITY.md", "SOUL.md", "config.yml", "slack.yml", "signal.yml", "x.bin"]
        ),
        st.binary(max_size=300),
    )
)
def test_any_bytes_are_a_directory(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes]
) -> None:
    directory = tmp_path_factory.mktemp("agent")
    for name, content in files.items():
        (directory / name).write_bytes(content)

    read = read_directory(directory, {})

    assert set(read.files) == set(files) & {"IDENTITY.md", "SOUL.md"}
    for text in read.files.values():
        text.encode("utf-8")
        assert "\x00" not in text


def test_wrong_bytes_are_replaced_and_the_line_is_told(tmp_path: Path) -> None:
    (tmp_path / "IDENTITY.md").write_bytes(b"- **Name:** Ada\n- **Role:** Eng\xff\n")

    read = read_directory(tmp_path, {})

    assert "Eng\ufffd" in read.files["IDENTITY.md"]
    assert [(f.code, f.line) for f in read.findings] == [("file_not_utf8", 2)]


def test_a_file_over_the_limit_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "IDENTITY.md").write_text("- **Name:** Ada\n")
    (tmp_path / "SOUL.md").write_text("x" * (MAX_FILE_BYTES + 1))

    read = read_directory(tmp_path, {})

    assert "SOUL.md" not in read.files
    assert [finding.code for finding in read.findings] == ["file_too_large"]


def test_byte_order_mark_and_windows_lines_are_taken_off(tmp_path: Path) -> None:
    (tmp_path / "IDENTITY.md").write_bytes("\ufeff- **Name:** Ada\r\n".encode())

    assert read_directory(tmp_path, {}).files["IDENTITY.md"] == "- **Name:** Ada\n"


def test_a_pipe_in_the_place_of_a_file_hangs_nobody(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "IDENTITY.md")
    assert read_directory(tmp_path, {}).files == {}


def test_files_that_are_not_of_the_format_are_listed(tmp_path: Path) -> None:
    for name in ("avatar.png", "PULSE.test.md", ".gitkeep", "skills/a.md", "IDENTITY.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")

    assert read_directory(tmp_path, {}).extra_files == (
        "PULSE.test.md",
        "avatar.png",
        "skills/a.md",
    )


def test_special_directories_are_no_agents(tmp_path: Path) -> None:
    root = tmp_path / "root"
    for name in ("ada", "shared", "_templates", "_skills", ".git", "with space", "a" * 129):
        (root / name).mkdir(parents=True)
    (root / "file").write_text("")

    assert [path.name for path in agent_directories(root)] == ["ada"]
    assert list(agent_directories(tmp_path / "nowhere")) == []
