"""Outputs from four places, and never through a link."""

import json
import os
from pathlib import Path

import pytest

from workers.engine.channel import SeqFilter
from workers.engine.outputs import (
    ResultFiles,
    collected,
    commit_summary,
    structured_outputs,
    text_outputs,
)


def test_the_first_place_that_has_a_value_wins() -> None:
    found = collected(
        ["a", "b", "c", "d", "e"],
        completed={"a": "completed", "b": "  "},
        summary="",
        files={"a": "file", "b": "file"},
        text="A: line\nB: line\nC: line\nd: lower\n",
    )
    assert found == {"a": "completed", "b": "file", "c": "line", "d": "lower"}


def test_undeclared_outputs_of_the_call_are_kept_and_lines_are_not() -> None:
    found = collected([], completed={"extra": "x"}, summary="s", files={}, text="OTHER: y")
    assert found == {"extra": "x"}


def test_the_summary_is_an_output_where_it_is_declared() -> None:
    found = collected(["summary"], completed={}, summary="Did it.", files={}, text="")
    assert found == {"summary": "Did it."}


def test_names_are_compared_without_case() -> None:
    found = collected(
        ["review_result"], completed={"REVIEW_RESULT": "APPROVED"}, summary="", files={}, text=""
    )
    assert found["review_result"] == "APPROVED"


def test_lines_continue_with_two_blanks() -> None:
    text = "Intro.\nREVIEW_RESULT: APPROVED\nnotes: first\n  second\n   third\nEnd: no\n"
    assert text_outputs(text) == {
        "review_result": "APPROVED",
        "notes": "first\nsecond\n third",
    }


def test_a_structured_answer_maps_by_property() -> None:
    answer = json.dumps({"tasks": [1], "title": "T", "other": True})
    found = structured_outputs(answer, ["tasks", "title", "missing"], "m/x")
    assert found == {
        "tasks": "[1]", "title": "T", "_structured_json": answer, "_model_used": "m/x",
    }  # fmt: skip


def test_a_single_output_that_is_no_property_takes_the_whole() -> None:
    answer = json.dumps({"tasks": [1]})
    assert (
        structured_outputs(answer, ["task_breakdown_json"], "m/x")["task_breakdown_json"] == answer
    )
    assert structured_outputs(answer, ["tasks"], "m/x")["tasks"] == "[1]"


@pytest.mark.parametrize(
    ("name", "output"),
    [
        ("REVIEW_RESULT.txt", "review_result"),
        ("review_result.md", "review_result"),
        (".djinnbot/outputs/Review_Result.json", "review_result"),
        ("PLAN.json", "plan_json"),
        ("PLAN_JSON.json", "plan_json"),
        ("schema.sql", "schema"),
    ],
)
def test_result_files_are_found(tmp_path: Path, name: str, output: str) -> None:
    files = ResultFiles.look(str(tmp_path))
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("APPROVED\n")
    assert files.outputs([output, "another"]) == {output: "APPROVED"}


def test_only_files_that_this_step_changed_count(tmp_path: Path) -> None:
    (tmp_path / "PLAN.md").write_text("old")
    (tmp_path / "NOTES.md").write_text("old")
    files = ResultFiles.look(str(tmp_path))
    (tmp_path / "NOTES.md").write_text("newer")
    assert files.outputs(["plan", "notes"]) == {"notes": "newer"}


def test_links_pipes_and_big_or_binary_files_are_no_results(tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "outputs").mkdir()
    (tmp_path / "outputs" / "e.txt").write_text("secret")
    files = ResultFiles.look(str(workspace))
    (workspace / "a.txt").symlink_to(tmp_path / "secret.txt")
    os.mkfifo(workspace / "b.txt")
    (workspace / "c.txt").write_bytes(b"x" * (2**20 + 1))
    (workspace / "d.txt").write_bytes(b"\xff\xfe")
    (workspace / ".djinnbot").symlink_to(tmp_path)
    (workspace / "f.txt").mkdir()
    assert files.outputs(["a", "b", "c", "d", "e", "f"]) == {}


def test_the_commit_says_what_was_done_in_one_line() -> None:
    assert commit_summary({"summary": "From\nthe output"}, "said") == "From the output"
    assert commit_summary({"result": "PASS"}, "said so") == "said so"
    assert commit_summary({"x": "y", "result": "PASS"}, "") == "PASS"
    assert commit_summary({"x": "y"}, "") == "y"
    assert len(commit_summary({}, "word " * 100)) == 100
    assert commit_summary({}, "") == "no summary"


def test_repeats_are_dropped_whatever_their_order() -> None:
    seen = SeqFilter()
    numbers = [1, 2, 3, 2, 3, 5, 4, 5, 6, 1]
    assert [n for n in numbers if seen.is_new(n)] == [1, 2, 3, 5, 4, 6]


def test_an_adopted_session_begins_in_the_middle() -> None:
    seen = SeqFilter()
    assert [n for n in (40, 41, 40, 42, 39) if seen.is_new(n)] == [40, 41, 42]
