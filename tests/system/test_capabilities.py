"""What the suite does where Docker, bubblewrap or Chromium is missing, seen from outside."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.servers import REPOSITORY

NEEDS_DOCKER = "import pytest\n\n@pytest.mark.docker\ndef test_needs_docker():\n    pass\n"
NEEDS_NOTHING = "def test_needs_nothing():\n    pass\n"
NOWHERE = "unix:///nonexistent/docker.sock"


def suite(directory: Path, text: str, *arguments: str, ci: bool) -> tuple[int, str]:
    """Run a suite of one file, on a machine where no Docker daemon answers."""
    (directory / "pytest.ini").write_text("[pytest]\ntestpaths = .\nmarkers = docker: x\n")
    (directory / "test_it.py").write_text(text)
    dropped = ("DJANGO", "PYTEST", "CI")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    environment = {
        **kept,
        "PYTHONPATH": str(REPOSITORY),
        "DOCKER_HOST": NOWHERE,
        **({"CI": "true"} if ci else {}),
    }
    command = [sys.executable, "-m", "pytest", "-p", "no:django", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, "-p", "tests.support.capabilities", *arguments],
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def test_a_developer_is_told_aloud_what_was_not_tested(tmp_path: Path) -> None:
    code, text = suite(tmp_path, NEEDS_DOCKER, ci=False)
    assert code == 0
    assert "NOT TESTED: docker" in text
    assert "1 skipped" in text


def test_in_ci_a_missing_capability_fails_the_test(tmp_path: Path) -> None:
    code, text = suite(tmp_path, NEEDS_DOCKER, ci=True)
    assert code == 1
    assert "docker is needed here" in text


def test_in_ci_a_whole_suite_that_never_used_docker_fails(tmp_path: Path) -> None:
    code, text = suite(tmp_path, NEEDS_NOTHING, ci=True)
    assert code == 1
    assert "FAILED: no docker test passed" in text


@pytest.mark.parametrize("arguments", [["test_it.py"], ["-k", "nothing"]])
def test_in_ci_a_part_of_the_suite_need_not_prove_all(tmp_path: Path, arguments: list[str]) -> None:
    assert suite(tmp_path, NEEDS_NOTHING, *arguments, ci=True)[0] == 0
