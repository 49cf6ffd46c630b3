"""One platform for each file of journeys here, and a browser."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.support.browser import chromium, signed_in
from tests.support.dashboard import dashboard_platform
from tests.support.stack import Stack


@pytest.fixture(scope="module")
def platform(_servers: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One platform for all tests of a file; each starts runs of its own."""
    with dashboard_platform(tmp_path_factory.mktemp("logs")) as started:
        yield started


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Not for longer: an event loop runs with it, and tests without one come after these."""
    with chromium() as started:
        yield started


@pytest.fixture
def page(browser: Browser, platform: Stack) -> Iterator[Page]:
    """A page of the owner. What goes wrong in it fails the test."""
    with signed_in(browser, platform) as visited:
        yield visited.page


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    path = tmp_path / "notes"
    path.mkdir()
    (path / "README.md").write_text("# Notes\n")
    for args in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-qm", "Start."]):
        subprocess.run(
            ["git", "-c", "user.name=Ada", "-c", "user.email=ada@example.org", *args],
            cwd=path, check=True,
        )  # fmt: skip
    return path
