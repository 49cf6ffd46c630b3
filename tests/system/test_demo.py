"""`make demo`, as a person who has just cloned the repository would run it."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cli import Answer, cli_environment, djinn
from tests.support.live import free_port, own_home
from tests.support.servers import REPOSITORY

pytestmark = [pytest.mark.system, pytest.mark.timeout(900)]


class Demo:
    def __init__(self, home: Path) -> None:
        self.home = home
        self.extra = {"DJINNBOT_PORT": str(free_port())}

    def make(self, *arguments: str) -> Answer:
        done = subprocess.run(
            ["make", "--no-print-directory", "demo", f"ARGS={' '.join(arguments)}"],
            cwd=REPOSITORY,
            env=cli_environment(self.home, self.extra),
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        return Answer(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    with own_home() as home:
        made = Demo(home)
        try:
            yield made
        finally:
            djinn("down", home=home)


def git(repository: str, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=repository, capture_output=True, text=True, check=True
    )
    return done.stdout


def test_the_demo_mends_the_project_and_can_be_repeated(demo: Demo) -> None:
    first = demo.make()
    assert first.code == 0, first
    for seen in ("▶ SPEC", "→ bash", "CHANGES_REQUESTED", "✔ item", "↻ UX again", "/login/"):
        assert seen in first.out, seen
    assert "FAILED (failures=" in first.out
    second = demo.make("--json")
    assert second.code == 0, second
    verdict = second.lines[-1]
    assert verdict["ok"] is True
    assert verdict["commits"]
    assert verdict["tests"]["after"].endswith("OK")
    _check_repository(verdict["repository"], verdict["branch"])
    assert verdict["run_id"] not in first.out


def _check_repository(repository: str, branch: str) -> None:
    """The commits are there, by several agents, and the person's own checkout is untouched."""
    authors = set(git(repository, "log", "--format=%an", f"main..{branch}").split("\n"))
    assert len(authors - {""}) > 1
    assert git(repository, "status", "--porcelain") == ""
    assert git(repository, "branch", "--show-current").strip() == "main"


def test_a_directory_that_is_not_empty_is_refused(demo: Demo, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    answer = djinn("demo", "--dir", str(tmp_path), home=demo.home, environment=demo.extra)
    assert answer.code == 2
    assert "not empty" in answer.err
    assert (tmp_path / "mine.txt").read_text() == "precious"


def test_a_model_without_a_key_fails_and_says_why(demo: Demo) -> None:
    answer = djinn(
        *("--json", "demo", "--model", "anthropic/claude-sonnet-4-5"),
        home=demo.home,
        environment=demo.extra,
        timeout_s=300,
    )
    assert answer.code == 7, answer
    verdict = json.loads(answer.out.splitlines()[-1])
    assert verdict["ok"] is False
    assert "key" in json.dumps(answer.lines)
