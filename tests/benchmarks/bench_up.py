"""`djinn up -d` from nothing, a second time, and `djinn down`.

Usage: python -m tests.benchmarks up
"""

import os
import subprocess
import sys
import time

from tests.benchmarks.harness import report
from tests.support.live import free_port, own_home

ROUNDS = 3


def main() -> None:
    for _ in range(ROUNDS):
        with own_home() as home:
            environment = {
                **{k: v for k, v in os.environ.items() if not k.startswith("DJANGO_")},
                "DJINNBOT_HOME": str(home),
            }
            port = str(free_port())
            report(
                "make up",
                "one round",
                cold_s=_timed(environment, "up", "-d", "--port", port),
                down_s=_timed(environment, "down"),
                second_s=_timed(environment, "up", "-d", "--port", port),
                running_already_s=_timed(environment, "up", "-d", "--port", port),
            )
            _timed(environment, "down")


def _timed(environment: dict[str, str], *arguments: str) -> float:
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "djinnbot.cli.main", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return round(time.perf_counter() - began, 2)


if __name__ == "__main__":
    main()
