"""Every built-in pipeline, on the whole platform, played to its designed end by the scripted model.

What a run says of itself is not taken for granted: its branch is checked out and looked at.
"""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import database_url
from tests.support.boxes import image_ready
from tests.support.capabilities import missing
from tests.support.live import (
    eventually,
    live_at,
    live_environment,
    own_database,
    own_home,
    own_redis,
)
from tests.support.stack import Stack, running_stack

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

PROJECT = Path(__file__).resolve().parents[2] / "djinnbot" / "cli" / "demo_project"
ALL_TESTS = ("discover", "-s", "tests", "-t", ".")


@pytest.fixture(scope="module")
def platform(_servers: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One platform for all runs of this file, with the strongest box that needs no daemon."""
    runner = "process" if missing("bubblewrap") else "bubblewrap"
    with _platform(tmp_path_factory.mktemp("logs"), DJINNBOT_RUNNER=runner) as started:
        yield started


@pytest.fixture
def docker_platform(_servers: None, tmp_path: Path) -> Iterator[Stack]:
    settings = {"DJINNBOT_RUNNER": "docker", "DJINNBOT_AGENT_IMAGE": image_ready()}
    with _platform(tmp_path / "logs", **settings) as started:
        yield started


@contextmanager
def _platform(logs: Path, **settings: str) -> Iterator[Stack]:
    with (
        own_home() as home,
        own_database(database_url("postgres")) as database,
        own_redis(home) as redis_url,
        running_stack(
            live_at(
                live_environment(
                    home=home,
                    database_url=database_url(database),
                    redis_url=redis_url,
                    extra=settings,
                ),
                logs,
            )
        ) as started,
    ):
        yield started


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A run that is over. `path` is `STEP=result` for each attempt, in order."""

    run: dict[str, Any]
    path: list[str]
    executions: list[dict[str, Any]]
    checkout: Path
    calls: dict[str, Any]

    def outputs(self, step_id: str, visit: int = 1) -> dict[str, str]:
        for execution in self.executions:
            found = (execution["step_id"], execution["visit"], execution["status"])
            if found == (step_id, visit, "completed"):
                return dict(execution["outputs"])
        raise AssertionError(f"{step_id} has no completed visit {visit}: {self.path}")

    def tests(self, *arguments: str) -> str:
        done = _python(self.checkout, "-m", "unittest", *(arguments or ALL_TESTS))
        return "OK" if done.returncode == 0 else done.stderr


def _python(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-B", *arguments],
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def _git(directory: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@localhost")
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=directory, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    target = tmp_path / "tally"
    shutil.copytree(PROJECT, target, ignore=shutil.ignore_patterns("__pycache__"))
    _git(target, "init", "--quiet", "--initial-branch=main")
    _git(target, "add", "--all")
    _git(target, "commit", "--quiet", "--message", "As it was found.")
    return target


def play(platform: Stack, repository: Path, pipeline: str, script: str = "", **body: Any) -> Ended:
    run_id = platform.start_run(
        pipeline,
        body.pop("task", "Do what the script says."),
        repository=str(repository),
        model_override=f"scripted/{script or pipeline}",
        **body,
    )
    run = platform.wait_for_end(run_id, timeout_s=300)
    assert run["status"] == "completed", f"{run['error']}\n{platform.logs()}"
    executions = _executions(platform, run)
    return Ended(
        run=run,
        path=[_told(execution) for execution in executions],
        executions=executions,
        checkout=_checkout(platform, repository, run_id),
        calls=platform.api.get("/v1/llm/calls", params={"run_id": run_id}).json(),
    )


def _executions(platform: Stack, run: dict[str, Any]) -> list[dict[str, Any]]:
    steps = platform.api.get(f"/v1/runs/{run['id']}/steps").json()
    found = []
    for step_id in {step["step_id"] for step in steps}:
        visits = platform.api.get(f"/v1/steps/{run['id']}/{step_id}").json()["visits"]
        found += [{**visit, "step_id": step_id} for visit in visits]
    return sorted(found, key=lambda execution: int(execution["id"]))


def _told(execution: dict[str, Any]) -> str:
    outputs = execution["outputs"]
    results = [value for key, value in outputs.items() if key.endswith("_result")]
    end = results[0] if results else execution["status"]
    return f"{execution['step_id']}={end}"


def _checkout(platform: Stack, repository: Path, run_id: str) -> Path:
    """The run's branch in the user's repository, in a worktree of its own."""
    branch = eventually(lambda: platform.run(run_id)["finalized_at"] and f"run/{run_id}")
    target = repository.with_name("checkout")
    if not _git(repository, "branch", "--list", str(branch)):
        branch = "main"  # a run without commits leaves no branch
    _git(repository, "worktree", "add", "--quiet", "--detach", str(target), str(branch))
    return target


def commits(ended: Ended) -> list[str]:
    return _git(ended.checkout, "log", "--reverse", "--format=%s", "main..HEAD").splitlines()


def test_engineering_rejects_once_fails_to_deploy_once_and_ends_well(
    platform: Stack, repository: Path
) -> None:
    ended = play(platform, repository, "engineering", "demo")
    assert ended.path == [
        "SPEC=completed",
        "DESIGN=completed",
        "UX=failed",  # and again
        "UX=completed",
        "IMPLEMENT=completed",
        "REVIEW=CHANGES_REQUESTED",
        "IMPLEMENT=completed",
        "REVIEW=APPROVED",
        "TEST=PASS",
        "IMPLEMENT=completed",  # the second item
        "REVIEW=APPROVED",
        "TEST=PASS",
        "DEPLOY=FAIL",
        "IMPLEMENT=completed",  # the rework
        "REVIEW=APPROVED",
        "TEST=PASS",
        "DEPLOY=SUCCESS",
    ]
    failed = next(each for each in ended.executions if each["status"] == "failed")
    assert "see the page: ValueError: day is out of range for month." in failed["error"]
    assert "gives 0.12," in ended.outputs("REVIEW")["review_feedback"]
    assert "Unreleased" in ended.outputs("DEPLOY")["deploy_summary"]
    assert _python(repository, "-m", "unittest", *ALL_TESTS).returncode != 0, "main is untouched"
    assert ended.tests() == "OK"
    assert _python(ended.checkout, "tools/release_check.py").returncode == 0
    assert [subject.split(":")[0] for subject in commits(ended)] == [
        "step/SPEC (eric)",
        "step/DESIGN (finn)",
        "step/UX (shigeo)",
        *["step/IMPLEMENT (yukihiro)"] * 4,
        "step/DEPLOY (stas)",
    ]
    _check_the_call_log(ended)


def _check_the_call_log(ended: Ended) -> None:
    """Every call is there, with its step, and the run's sums are those of its calls."""
    totals = ended.calls["totals"]
    assert (totals["failed_calls"], totals["cost_total"]) == (0, 0)
    assert totals["calls"] >= 2 * len(ended.path)
    assert totals["total_tokens"] == ended.run["tokens_total"] > 0
    assert {call["step_id"] for call in ended.calls["items"]} <= {
        execution["step_id"] for execution in ended.executions
    }
    assert all(call["step_execution_id"] for call in ended.calls["items"])


def test_feature_is_sent_back_for_a_test(platform: Stack, repository: Path) -> None:
    ended = play(platform, repository, "feature")
    assert ended.path == [
        "DESIGN=completed",
        "IMPLEMENT=completed",
        "REVIEW=CHANGES_REQUESTED",
        "IMPLEMENT=completed",
        "REVIEW=APPROVED",
        "TEST=PASS",
    ]
    assert ended.tests("tests.test_due", "tests.test_report") == "OK"


def test_bugfix_does_not_take_the_first_fix(platform: Stack, repository: Path) -> None:
    ended = play(platform, repository, "bugfix")
    assert ended.path == ["FIX=completed", "VALIDATE=FAIL", "FIX=completed", "VALIDATE=PASS"]
    assert "0.125 gives 0.12, not 0.13" in ended.outputs("VALIDATE")["validation_feedback"]
    assert ended.tests("tests.test_money", "tests.test_invoice") == "OK"


def test_execute_leaves_a_tool_that_runs(platform: Stack, repository: Path) -> None:
    ended = play(platform, repository, "execute")
    assert ended.path == ["EXECUTE=completed"]
    done = _python(ended.checkout, "tools/totals.py", "examples/invoice.json")
    assert done.stdout.splitlines()[-1].startswith("total ")
    assert done.stdout.split()[-1] in ended.outputs("EXECUTE")["summary"]


def test_resolve_reaches_its_pull_request(platform: Stack, repository: Path) -> None:
    ended = play(
        platform,
        repository,
        "resolve",
        variables={"issue_body": "Due dates fail.", "issue_number": "7", "issue_url": "none"},
    )
    assert ended.path == [
        "ANALYZE=completed",
        "IMPLEMENT=completed",
        "VALIDATE=FAIL",
        "IMPLEMENT=completed",
        "VALIDATE=PASS",
        "PR=completed",
    ]
    assert ended.tests("tests.test_schedule") == "OK"
    assert ended.outputs("PR")["pr_title"]


def test_import_ends_with_a_backlog(platform: Stack, repository: Path) -> None:
    ended = play(platform, repository, "import")
    assert [step.partition("=")[0] for step in ended.path] == [
        "CLONE",
        "ANALYZE_ARCHITECTURE",
        "CODE_QUALITY",
        "MARKET_RESEARCH",
        "GENERATE_TASKS",
    ]
    assert "failures=2, errors=2" in ended.outputs("CLONE")["setup_report"]
    assert "test_half_a_cent_goes_up" in ended.outputs("CODE_QUALITY")["quality_report"]


def test_planning_mends_an_answer_that_does_not_fit(platform: Stack, repository: Path) -> None:
    ended = play(platform, repository, "planning", variables={"project_name": "tally"})
    assert [step.partition("=")[0] for step in ended.path] == [
        "DECOMPOSE",
        "VALIDATE",
        "DECOMPOSE_SUBTASKS",
        "VALIDATE_SUBTASKS",
    ]
    assert ended.calls["totals"]["calls"] == 5, "one repair turn"
    assert "Round decimals" in ended.outputs("VALIDATE_SUBTASKS")["final_subtasks_json"]


def test_agentic_planning_ends_with_a_summary(platform: Stack, repository: Path) -> None:
    ended = play(platform, repository, "planning-agentic")
    assert ended.path == ["PLAN=completed"]
    assert (ended.checkout / "docs" / "plan.md").is_file()


def test_simple_hands_one_output_on(platform: Stack, repository: Path) -> None:
    ended = play(platform, repository, "test-simple")
    assert ended.path == ["ANALYZE=completed", "SUMMARIZE=completed"]
    assert ended.outputs("SUMMARIZE")["summary"].startswith("A small thing")


def test_sandbox_keeps_its_promises(platform: Stack, repository: Path) -> None:
    _sandbox_holds(play(platform, repository, "test-sandbox"))


@pytest.mark.docker
def test_sandbox_keeps_its_promises_in_docker(docker_platform: Stack, repository: Path) -> None:
    _sandbox_holds(play(docker_platform, repository, "test-sandbox"))


def _sandbox_holds(ended: Ended) -> None:
    assert [step.partition("=")[0] for step in ended.path] == [
        "PYTHON_TEST",
        "NODE_TEST",
        "GO_TEST",
        "PERSISTENCE_TEST",
        "ISOLATION_TEST",
    ]
    assert "no secret of the server" in ended.outputs("ISOLATION_TEST")["isolation_report"]


def test_any_pipeline_can_be_played_by_the_automatic_script(
    platform: Stack, repository: Path
) -> None:
    ended = play(platform, repository, "engineering", "auto")
    assert ended.path[-1] == "DEPLOY=SUCCESS"
    assert ended.path.count("TEST=PASS") == 2


def test_a_script_without_an_answer_fails_the_run_in_plain_words(
    platform: Stack, repository: Path
) -> None:
    run_id = platform.start_run(
        "test-simple", "x", repository=str(repository), model_override="scripted/demo"
    )
    run = platform.wait_for_end(run_id)
    assert run["status"] == "failed"
    assert "'demo' has nothing for step 'ANALYZE'" in run["error"]
