"""Running `djinn` as its user does."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.servers import REPOSITORY

_OURS = ("DJINNBOT_", "PYTEST_", "DJANGO_")
_DROPPED = {
    "DATABASE_URL",
    "REDIS_URL",
    "SECRET_KEY",
    "SECRET_ENCRYPTION_KEY",
    "DATABASE_POOL_SIZE",
    "CI",
}
COMMAND = (sys.executable, "-m", "djinnbot.cli.main")


@dataclass(frozen=True, slots=True)
class Answer:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        """Each line of output as JSON."""
        return [json.loads(line) for line in self.out.splitlines()]


def cli_environment(home: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """A user's environment: a home, and nothing of the test settings."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(_OURS) and name not in _DROPPED
    }
    paths = [str(REPOSITORY), kept.get("PYTHONPATH", "")]
    return {
        **kept,
        "DJINNBOT_HOME": str(home),
        "PYTHONPATH": os.pathsep.join(path for path in paths if path),
        **(extra or {}),
    }


def djinn(
    *arguments: str,
    home: Path,
    environment: Mapping[str, str] | None = None,
    stdin: str = "",
    cwd: Path | None = None,
    timeout_s: float = 180,
) -> Answer:
    done = subprocess.run(
        [*COMMAND, *arguments],
        env=cli_environment(home, environment),
        cwd=cwd,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    return Answer(done.returncode, done.stdout, done.stderr)


def djinn_interrupted(
    *arguments: str,
    home: Path,
    after: str,
    number: signal.Signals = signal.SIGINT,
    timeout_s: float = 90,
) -> Answer:
    """Send a signal (as Ctrl-C does) once a line with `after` has been printed."""
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        env=cli_environment(home),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    deadline = time.monotonic() + timeout_s
    seen: list[str] = []
    for line in process.stdout:
        seen.append(line)
        assert time.monotonic() < deadline, "".join(seen)
        if after in line:
            process.send_signal(number)
            break
    with process.stdout as output:
        seen.append(output.read())  # not `communicate`, which knows nothing of what is buffered
    return Answer(process.wait(timeout_s), "".join(seen), "")
