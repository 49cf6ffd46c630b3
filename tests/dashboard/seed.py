"""A platform on which things have happened: for what looks at every page."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.dashboard import start_gated
from tests.support.stack import Stack

WAIT_S = 120
SUM_UP = "from apps.llm.usage.rollup import usage_roll_up; usage_roll_up()"  # done once a minute


def seed(platform: Stack, repository: Path) -> dict[str, str]:
    """Fill it. Gives the names that addresses need: `$runId` and the like."""
    _post(platform, "/v1/llm/budgets", scope="instance", window="month", hard_usd=50, soft_usd=40)
    _post(platform, "/v1/llm/budgets", scope="agent", ref="yukihiro", window="day", hard_usd=2)
    runs = _runs(platform, repository)
    _people(platform)
    secret = {"name": "registry-token", "type": "env", "env_key": "REGISTRY_TOKEN"}
    _post(platform, "/v1/secrets", value="only-for-pictures", description="For uploads.", **secret)
    _post(platform, "/v1/auth/api-keys", name="laptop", scopes=["read"], expires_in_days=90)
    _post(platform, "/v1/notifications", title="Upgrade tonight", body="At ten, for an hour.")
    _post(platform, "/v1/evals/cases", run_id=runs["completed"], name="A note is written")
    evaluation = _post(platform, "/v1/evals", cases=["A note is written"])["id"]
    platform.live.manage("shell", "-c", SUM_UP)
    decisions = platform.api.get("/v1/decisions").json()
    decisions = decisions["items"] if isinstance(decisions, dict) else decisions
    sessions = platform.api.get("/v1/sessions").json()["items"]
    return {
        "$runId": runs["looped"],
        "$failedRunId": runs["failed"],
        "$waitingRunId": runs["waiting"],
        "$runningRunId": runs["running"],
        "$otherRunId": runs["completed"],
        "$sessionId": sessions[-1]["id"],
        "$agentId": "yukihiro",
        "$pipelineId": "looped",
        "$decisionId": decisions[0]["id"],
        "$evaluationId": str(evaluation),
        "$key": "1-no-such-key",
    }


def _runs(platform: Stack, repository: Path) -> dict[str, str]:
    failed = start_gated(platform, repository, "please fail: there is no such thing")
    completed = start_gated(platform, repository, "Write the note for release 2.4", record=True)
    looped = platform.start_run(
        "looped",
        "Split the parser into three parts\n\nEach with a test of its own.",
        repository=str(repository),
        model_override="scripted/looped",
    )
    _reaches(platform, completed, "waiting_human")
    approval = platform.api.get(f"/v1/runs/{completed}/approvals").json()
    approval = approval["items"] if isinstance(approval, dict) else approval
    _post(platform, f"/v1/runs/{completed}/approvals/{approval[0]['id']}", decision="approve")
    waiting = start_gated(platform, repository, "Write the note for release 2.5")
    for run_id in (failed, completed, looped):
        platform.wait_for_end(run_id)
    _reaches(platform, waiting, "waiting_human")
    running = start_gated(platform, repository, "Count the files, take your time")
    _until(lambda: platform.run(running)["executions"], "the run has no step")
    return {
        "failed": failed,
        "completed": completed,
        "looped": looped,
        "waiting": waiting,
        "running": running,
    }


def _people(platform: Stack) -> None:
    for name, role in (("Ada Lovelace", "admin"), ("Mia Chen", "member"), ("Vera Novak", "viewer")):
        email = f"{name.split()[0].lower()}@example.org"
        _post(platform, "/v1/admin/users", email=email, display_name=name, role=role)
    _post(platform, "/v1/auth/invites", email="joe@example.org", role="member")


def repository_at(path: Path) -> Path:
    """A git repository with a file or two."""
    path.mkdir(parents=True)
    (path / "README.md").write_text("# Notes\n\nWhat is new, release by release.\n")
    (path / "src").mkdir()
    (path / "src" / "parser.py").write_text("def parse(text: str) -> list[str]:\n    return []\n")
    for args in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-qm", "Start."]):
        subprocess.run(
            ["git", "-c", "user.name=Ada", "-c", "user.email=ada@example.org", *args],
            cwd=path, check=True,
        )  # fmt: skip
    return path


def _reaches(platform: Stack, run_id: str, status: str) -> None:
    _until(lambda: platform.run(run_id)["status"] == status, f"{run_id} is not {status}")


def _until(holds: Callable[[], Any], what: str) -> None:
    deadline = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.2)


def _post(platform: Stack, path: str, **body: Any) -> dict[str, Any]:
    answer = platform.api.post(path, json=body)
    assert answer.is_success, f"{path}: {answer.text}"
    return dict(answer.json()) if answer.content else {}
