"""The processes of the platform: what each runs and how it ends."""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from djinnbot.cli.platform.config import Platform

CONTROL_QUEUES = "control,events,maintenance,git"
AGENT_QUEUES = "agents"


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """One program under the supervisor. Started in the order of `priority`, stopped in reverse."""

    name: str
    argv: Sequence[str]
    priority: int
    stop_signal: str = "TERM"
    stop_wait_s: int = 15
    is_server: bool = False  # comes up before the instance is set up


def processes(platform: Platform) -> list[Process]:
    return [*_servers(platform), *_application(platform)]


def _servers(platform: Platform) -> list[Process]:
    found = []
    if platform.embedded_postgres:
        found.append(_server(platform, "postgres", stop_signal="INT"))
    if platform.embedded_redis:
        found.append(_server(platform, "valkey", stop_signal="TERM"))
    return found


def _server(platform: Platform, name: str, *, stop_signal: str) -> Process:
    return Process(
        name=name,
        argv=[
            *(sys.executable, "-m", "djinnbot.embedded", name),
            *("--home", str(platform.home), "--die-with-parent"),
        ],
        priority=10,
        stop_signal=stop_signal,
        stop_wait_s=30,
        is_server=True,
    )


def _application(platform: Platform) -> list[Process]:
    return [
        Process(
            name="web",
            argv=_launched("TERM", web_command(platform)),
            priority=20,
            stop_wait_s=10,
        ),
        Process(
            name="worker-control",
            argv=_launched("QUIT", control_worker_command()),
            priority=30,
        ),
        Process(
            name="worker-agents",
            argv=_launched("QUIT", agents_worker_command(platform.environment)),
            priority=30,
        ),
        Process(name="egress", argv=_launched("TERM", egress_command()), priority=20),
        Process(name="beat", argv=_launched("TERM", beat_command()), priority=40, stop_wait_s=5),
    ]


def _launched(orphan_signal: str, command: Sequence[str]) -> list[str]:
    """Wait for database and Redis before `command`; end with the supervisor, however it ends."""
    launch = [sys.executable, "-m", "djinnbot.cli.platform.launch"]
    return [*launch, "--orphan-signal", orphan_signal, "--", *command]


def web_command(platform: Platform) -> list[str]:
    return [
        *(sys.executable, "-m", "djinnbot.cli.platform.web"),
        *("--host", platform.host, "--port", str(platform.port)),
        *("--socket", str(platform.layout.api_socket)),
    ]


def control_worker_command(concurrency: int = 2) -> list[str]:
    return worker_command("control", CONTROL_QUEUES, pool="prefork", concurrency=concurrency)


def agents_worker_command(environment: Mapping[str, str]) -> list[str]:
    """A thread supervises one session; the instance's own limit is the size of the pool."""
    return worker_command(
        "agents", AGENT_QUEUES, pool="threads", concurrency=_agent_threads(environment)
    )


def _agent_threads(environment: Mapping[str, str]) -> int:
    given = environment.get("DJINNBOT_MAX_CONCURRENT_AGENTS", "")
    return max(1, int(given)) if given.isdigit() else max(2, os.cpu_count() or 2)


def worker_command(name: str, queues: str, *, pool: str, concurrency: int) -> list[str]:
    return [
        *(sys.executable, "-m", "celery", "-A", "djinnbot", "worker"),
        *("-n", f"{name}@%h", "-Q", queues, "-P", pool, "-c", str(concurrency)),
        *("--without-gossip", "--without-mingle", "--without-heartbeat", "-l", "INFO"),
    ]


def egress_command() -> list[str]:
    """The way from boxes to the network."""
    return [sys.executable, "-m", "workers.egress"]


def beat_command() -> list[str]:
    return [
        *(sys.executable, "-m", "celery", "-A", "djinnbot", "beat"),
        *("--pidfile=", "--max-interval", "5", "-l", "WARNING"),
    ]
