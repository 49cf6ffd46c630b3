"""`python -m djinnbot.cli.platform.launch -- COMMAND`: wait for the servers, then become COMMAND.

The supervisor restarts a process at once when it ends. Waiting here instead of failing over and
over keeps the log readable while PostgreSQL or Redis is away. Whether they listen is all that is
asked, with nothing imported: this stands before the start of every process.
"""

import argparse
import os
import shutil
import signal
import socket
import sys
import time
from urllib.parse import parse_qs, unquote, urlsplit

from djinnbot.embedded.process import stop_with_parent

_STEP_S = 0.1
_SAY_EVERY_S = 10.0


def main() -> None:
    options = _parser().parse_args()
    stop_with_parent(signal.Signals[f"SIG{options.orphan_signal}"])
    for name, address in (
        ("PostgreSQL", postgres_address(os.environ["DATABASE_URL"])),
        ("Redis", redis_address(os.environ["REDIS_URL"])),
    ):
        _wait(name, address)
    program = shutil.which(options.command[0]) or options.command[0]
    os.execv(program, options.command)  # noqa: S606  no shell is wanted


def postgres_address(url: str) -> str | tuple[str, int]:
    """A socket path, or host and port."""
    parts = urlsplit(url)
    host = parse_qs(parts.query).get("host", [""])[0] or unquote(parts.hostname or "")
    if host.startswith("/"):
        return f"{host}/.s.PGSQL.{parts.port or 5432}"
    return host or "localhost", parts.port or 5432


def redis_address(url: str) -> str | tuple[str, int]:
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return unquote(parts.path)
    return parts.hostname or "localhost", parts.port or 6379


def _wait(name: str, address: str | tuple[str, int]) -> None:
    said = time.monotonic()
    while not _listens(address):
        if time.monotonic() - said > _SAY_EVERY_S:
            print(f"waiting for {name}", file=sys.stderr, flush=True)
            said = time.monotonic()
        time.sleep(_STEP_S)


def _listens(address: str | tuple[str, int]) -> bool:
    try:
        if isinstance(address, str):
            with socket.socket(socket.AF_UNIX) as probe:
                probe.settimeout(2)
                probe.connect(address)
        else:
            socket.create_connection(address, timeout=2).close()
    except OSError:
        return False
    return True


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orphan-signal", default="TERM", choices=["TERM", "QUIT", "KILL"])
    parser.add_argument("command", nargs="+")
    return parser


if __name__ == "__main__":
    main()
