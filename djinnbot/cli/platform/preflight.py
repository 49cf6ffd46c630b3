"""What would make a start fail half-way, asked before anything is started."""

import errno
import shutil
import socket

from djinnbot.cli.errors import CliError
from djinnbot.cli.platform.config import Platform
from djinnbot.cli.platform.reach import database_problem, redis_problem

_MIN_FREE_BYTES = 512 * 1024 * 1024


def check(platform: Platform) -> None:
    """Raises CliError with a sentence that says what to do. Starts and changes nothing."""
    _check_space(platform)
    _check_port(platform)
    problems = [
        "" if platform.embedded_postgres else database_problem(platform.database_url, create=True),
        "" if platform.embedded_redis else redis_problem(platform.redis_url),
    ]
    if found := " ".join(problem for problem in problems if problem):
        raise CliError(found)


def _check_space(platform: Platform) -> None:
    free = shutil.disk_usage(platform.home).free
    if free < _MIN_FREE_BYTES:
        raise CliError(
            f"Only {free // 2**20} MB are free on the disk of {platform.home}; DjinnBot needs at "
            f"least {_MIN_FREE_BYTES // 2**20} MB. Free some space, or set DJINNBOT_HOME to a "
            "larger disk."
        )


def _check_port(platform: Platform) -> None:
    family = socket.AF_INET6 if ":" in platform.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((platform.host, platform.port))
        except OSError as exc:
            raise CliError(_port_sentence(platform, exc)) from exc


def _port_sentence(platform: Platform, exc: OSError) -> str:
    place = f"{platform.host}:{platform.port}"
    if exc.errno == errno.EADDRINUSE:
        return (
            f"Port {platform.port} is taken by another program. Stop that program, or choose "
            f"another port: `djinn up --port {platform.port + 1}`."
        )
    if exc.errno == errno.EACCES:
        return f"This user may not listen on port {platform.port}. Choose one above 1023."
    return f"Cannot listen on {place}: {exc.strerror}. Choose an address of this machine."
