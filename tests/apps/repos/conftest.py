"""Real repositories, made by the real git."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from pytest_django import Settings

from apps.repos.git import Person

AGENT = Person(name="Yukihiro", email="yukihiro@agents.djinnbot")

Shell = Callable[..., str]


def git(path: Path, *args: str) -> str:
    """git as a user of this machine calls it."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(path),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "Ada",
        "GIT_AUTHOR_EMAIL": "ada@example.org",
        "GIT_COMMITTER_NAME": "Ada",
        "GIT_COMMITTER_EMAIL": "ada@example.org",
    }
    done = subprocess.run(
        ["git", "-C", str(path), *args],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.rstrip("\n")


def make_repository(path: Path) -> Path:
    path.mkdir(parents=True)
    git(path, "init", "-q", "-b", "main")
    (path / "README.md").write_text("# Inventory\n")
    (path / "src").mkdir()
    (path / "src" / "stock.py").write_text("def count() -> int:\n    return 1\n")
    git(path, "add", "-A")
    git(path, "commit", "-qm", "Start.")
    return path


@pytest.fixture
def home(tmp_path: Path, settings: Settings) -> Path:
    """A data root of this test's own."""
    root = tmp_path / "home"
    settings.DATA_ROOT = root
    return root


@pytest.fixture
def repository(home: Path, tmp_path: Path) -> Path:
    """A user's repository with a checked-out `main`."""
    return make_repository(tmp_path / "inventory")
