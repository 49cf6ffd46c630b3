"""The pages' scripts that need no browser, by node's own test runner."""

import shutil
import subprocess

import pytest
from django.conf import settings


@pytest.mark.skipif(shutil.which("node") is None, reason="node 20 or newer is not installed")
def test_scripts_of_the_pages() -> None:
    done = subprocess.run(
        ["node", "--test", "frontend/tests/"],
        cwd=settings.BASE_DIR, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "# fail 0" in done.stdout
    assert "# tests 0" not in done.stdout
