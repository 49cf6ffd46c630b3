"""The run's progress file, in a directory where agents may have put anything."""

from pathlib import Path

import pytest

from apps.pipelines.parse import parse_pipeline
from apps.runs.claims import ClaimedStep, StepOutcome
from workers.engine.progress import SUMMARY_CHARACTERS, progress_append

PIPELINE = """
id: one
name: One
version: 1
agents: [{id: eric, name: Eric}]
steps: [{id: SPEC, agent: eric, input: write it}]
"""


def claimed(workspace: Path | str, visit: int = 1) -> ClaimedStep:
    pipeline = parse_pipeline(PIPELINE).pipeline
    assert pipeline is not None
    return ClaimedStep(
        run_id="run_0123456789ab",
        execution_id=1,
        step_id="SPEC",
        visit=visit,
        attempt=1,
        fence=1,
        agent_id="eric",
        pipeline=pipeline,
        step=pipeline.steps[0],
        model="scripted/auto",
        timeout_s=60,
        variables={},
        workspace_path=str(workspace),
    )


def done(summary: str) -> StepOutcome:
    return StepOutcome(succeeded=True, summary=summary)


def test_each_finished_step_adds_its_section(tmp_path: Path) -> None:
    progress_append(claimed(tmp_path), done("Five criteria."))
    progress_append(claimed(tmp_path, visit=2), done("Six criteria."))

    written = (tmp_path / ".djinnbot" / "progress.md").read_text()
    assert written == (
        "## SPEC (eric)\n\nFive criteria.\n\n## SPEC (eric, visit 2)\n\nSix criteria.\n\n"
    )


def test_agents_may_write_it_too(tmp_path: Path) -> None:
    progress_append(claimed(tmp_path), done("x"))

    assert (tmp_path / ".djinnbot" / "progress.md").stat().st_mode & 0o777 == 0o666


def test_long_summary_is_cut(tmp_path: Path) -> None:
    progress_append(claimed(tmp_path), done("x" * 10_000))

    written = (tmp_path / ".djinnbot" / "progress.md").read_text()
    assert written.count("x") == SUMMARY_CHARACTERS


@pytest.mark.parametrize("what", ["folder", "file"])
def test_link_of_an_agent_is_not_followed(tmp_path: Path, what: str) -> None:
    outside = tmp_path / "outside"
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    if what == "folder":
        outside.mkdir()
        (workspace / ".djinnbot").symlink_to(outside)
    else:
        outside.write_text("untouched")
        (workspace / ".djinnbot").mkdir()
        (workspace / ".djinnbot" / "progress.md").symlink_to(outside)

    progress_append(claimed(workspace), done("stolen"))

    assert what == "file" or list(outside.iterdir()) == []
    assert what == "folder" or outside.read_text() == "untouched"


def test_run_without_a_workspace_has_none() -> None:
    progress_append(claimed(""), done("nowhere"))
