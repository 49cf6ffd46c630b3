"""What needs no server: the dashboard's own tests, and how much it makes a browser load."""

import subprocess

import pytest
from django.conf import settings

pytestmark = [pytest.mark.node, pytest.mark.timeout(600)]


def npm(script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["npm", "run", "--silent", script],
        cwd=settings.BASE_DIR / "frontend", capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_its_scripts() -> None:
    done = npm("test")
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout


def test_it_stays_small() -> None:
    done = npm("size")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "sign-in, first load" in done.stdout
