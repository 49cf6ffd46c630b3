"""`python -m djinnbot.cli.platform.web --port PORT --socket SOCKET`: the web process.

A killed web process leaves its socket behind, and nobody can listen there until it is gone.
Twisted would tell by a process number it wrote down, which another process may bear by now;
whether somebody answers at the socket cannot mislead.
"""

import argparse
import errno
import socket
import stat
from pathlib import Path

BACKLOG = 1024  # Twisted lets 50 connections wait by itself; more at once would be refused
_APPLICATION_CLOSE_S = 5


def main() -> None:
    from daphne.cli import CommandLineInterface

    options = _parser().parse_args()
    remove_dead_socket(options.socket)
    CommandLineInterface().run(daphne_arguments(options.host, options.port, options.socket))


def remove_dead_socket(path: Path) -> None:
    """Remove a socket at which nobody listens; one that is in use, and any other file, stays."""
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            return
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(2)
            probe.connect(str(path))
    except FileNotFoundError:
        return
    except OSError as exc:
        if exc.errno == errno.ECONNREFUSED:
            path.unlink(missing_ok=True)


def daphne_arguments(host: str, port: int, path: Path) -> list[str]:
    interface = host.replace(":", r"\:")  # Twisted's endpoint language
    return [
        *("--verbosity", "0", "--no-server-name"),
        *("--application-close-timeout", str(_APPLICATION_CLOSE_S)),
        *("-e", f"tcp:{port}:interface={interface}:backlog={BACKLOG}"),
        *("-e", f"unix:{path}:mode=666:backlog={BACKLOG}:lockfile=0"),
        "djinnbot.asgi:application",
    ]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--socket", type=Path, required=True)
    return parser


if __name__ == "__main__":
    main()
