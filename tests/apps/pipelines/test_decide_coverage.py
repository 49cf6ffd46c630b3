"""No branch of the next-step decision is without a test."""

import json
import os
import subprocess
import sys
from pathlib import Path

from django.conf import settings

DECISION = ("decide", "flow", "turn")
TESTS = ("test_decide.py",)


def test_every_branch_of_the_decision_is_taken(tmp_path: Path) -> None:
    """In a process of its own, without servers: the decision asks nobody."""
    data, report = tmp_path / "data", tmp_path / "report.json"
    dropped = ("DJINNBOT_TEST", "PYTEST")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(dropped)},
        "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none",
        "REDIS_URL": "redis://127.0.0.1:1/0",
    }

    def coverage(*arguments: str) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "coverage", *arguments],
            cwd=settings.BASE_DIR, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]

    files = ",".join(f"apps/pipelines/{name}.py" for name in DECISION)
    tests = [f"tests/apps/pipelines/{name}" for name in TESTS]
    plain = ("-q", "-p", "no:cacheprovider", "-p", "no:xdist")
    coverage("run", "--branch", f"--include={files}", f"--data-file={data}", "-m", "pytest",
             *plain, *tests)  # fmt: skip
    coverage("json", f"--data-file={data}", "-o", str(report))
    found = json.loads(report.read_text())["files"]
    assert len(found) == len(DECISION)
    missing = {
        name: (file["missing_lines"], file["missing_branches"]) for name, file in found.items()
    }
    assert missing == dict.fromkeys(found, ([], []))
