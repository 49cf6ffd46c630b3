"""`python -m djinnbot.cli.platform.launch -- COMMAND`: wait for the servers, then become COMMAND.

The supervisor restarts a process at once when it ends. Waiting here instead of failing over and
over keeps the log readable while PostgreSQL or Redis is away.
"""

import argparse
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable

from djinnbot.cli.platform.reach import database_problem, redis_problem
from djinnbot.embedded.process import stop_with_parent

_STEP_S = 0.25
_SAY_EVERY_S = 10.0


def main() -> None:
    options = _parser().parse_args()
    stop_with_parent(signal.Signals[f"SIG{options.orphan_signal}"])
    _wait(lambda: database_problem(os.environ["DATABASE_URL"]))
    _wait(lambda: redis_problem(os.environ["REDIS_URL"]))
    program = shutil.which(options.command[0]) or options.command[0]
    os.execv(program, options.command)  # noqa: S606  no shell is wanted


def _wait(problem: Callable[[], str]) -> None:
    said = 0.0
    while text := problem():
        if time.monotonic() - said > _SAY_EVERY_S:
            print(f"waiting: {text}", file=sys.stderr, flush=True)
            said = time.monotonic()
        time.sleep(_STEP_S)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orphan-signal", default="TERM", choices=["TERM", "QUIT", "KILL"])
    parser.add_argument("command", nargs="+")
    return parser


if __name__ == "__main__":
    main()
