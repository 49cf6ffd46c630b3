"""The process: sockets, the cache of policies, an end that loses no count."""

import asyncio
import contextlib
import os
import signal
import time
from pathlib import Path

import structlog
from django.conf import settings
from django.db import DatabaseError

from apps.core.addresses import networks_of
from apps.core.aio import in_thread
from apps.sessions.egress import EgressPolicy, egress_policy
from workers.egress.proxy import EgressProxy
from workers.egress.records import Records
from workers.egress.relay import Server, api_server, redis_server, relay
from workers.egress.rules import Rules
from workers.protocol.sockets import API_SOCKET, REDIS_SOCKET

log = structlog.get_logger(__name__)

END_S = 10.0
POLICY_TTL_S = 3.0  # so long may a revoked token or an old allow-list be honoured
_POLICIES_KEPT = 2000
_BACKLOG = 1024


class Policies:
    """Asks the database once in a while for each session."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[float, EgressPolicy | None]] = {}

    async def __call__(self, token: str) -> EgressPolicy | None:
        """None also while the database is away: nobody gets out unseen."""
        until, policy = self._known.get(token, (0.0, None))
        if time.monotonic() < until:
            return policy
        try:
            policy = await in_thread(egress_policy, token)
        except DatabaseError as exc:
            log.warning("the database is away", error=str(exc).partition("\n")[0])
            return None
        if len(self._known) >= _POLICIES_KEPT:
            del self._known[next(iter(self._known))]
        self._known[token] = (time.monotonic() + POLICY_TTL_S, policy)
        return policy


async def serve(socket: Path, *, stop: asyncio.Event, rules: Rules | None = None) -> None:
    """Serve on a Unix socket that boxes may connect to, until `stop` is set."""
    records = Records()
    proxy = EgressProxy(
        policy_of=Policies(),
        rules=rules or Rules(private=networks_of(settings.EGRESS_PRIVATE)),
        records=records,
    )
    writing = asyncio.create_task(records.write_forever())
    tasks: set[asyncio.Task[None]] = set()

    async def serve_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        await proxy.serve(reader, writer)

    socket.unlink(missing_ok=True)
    server = await asyncio.start_unix_server(serve_one, socket, backlog=_BACKLOG)
    os.chmod(socket, 0o666)  # noqa: S103  boxes have a user of their own; the token decides
    relays = [await relay(path, to) for path, to in relayed(socket.parent).items()]
    log.info("egress ready.", socket=str(socket))
    try:
        await stop.wait()
    finally:
        for each in (server, *relays):
            each.close()
        for task in tasks:
            task.cancel()
        writing.cancel()
        await asyncio.wait({*tasks, writing}, timeout=END_S)
        await records.flush()
        for path in (socket, *relayed(socket.parent)):
            with contextlib.suppress(FileNotFoundError):
                path.unlink()


def relayed(directory: Path) -> dict[Path, Server]:
    """The sockets beside the proxy's, and the servers that they stand for."""
    found = {}
    if redis := redis_server(settings.REDIS_URL):
        found[directory / REDIS_SOCKET] = redis
    if not settings.API_SOCKET:
        found[directory / API_SOCKET] = api_server(settings.BASE_URL)
    return found


async def _main() -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await serve(Path(settings.EGRESS_SOCKET), stop=stop)


def main() -> None:
    if not settings.EGRESS_SOCKET:
        raise SystemExit("DJINNBOT_EGRESS_SOCKET is not set: there is no socket to listen on.")
    asyncio.run(_main())
