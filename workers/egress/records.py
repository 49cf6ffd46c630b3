"""Counts what the proxy carries and refuses; written in bulk, so that it costs no connection."""

import asyncio
import threading

import structlog
from django.db import DatabaseError

from apps.core.aio import in_thread
from apps.sessions.egress import Destination, EgressPolicy, Traffic, Verdict, egress_records_add

log = structlog.get_logger(__name__)

FLUSH_S = 0.5
HOSTS_LIMIT = 500  # of one session; what comes on top is counted as one
SESSIONS_KEPT = 5000
OTHERS = "*"


class Records:
    """Adds up in memory. A database that is away loses nothing while this process lives."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pending: dict[Destination, Traffic] = {}
        self._hosts: dict[str, set[tuple[str, int]]] = {}

    def has_room(self, policy: EgressPolicy, host: str, port: int) -> bool:
        """Whether the session may ask for one more host."""
        hosts = self._hosts.setdefault(policy.session_id, set())
        if len(self._hosts) > SESSIONS_KEPT:
            del self._hosts[next(iter(self._hosts))]
        if (host, port) not in hosts and len(hosts) >= HOSTS_LIMIT:
            return False
        hosts.add((host, port))
        return True

    def asked(self, policy: EgressPolicy, host: str, port: int, verdict: Verdict) -> None:
        if verdict is Verdict.TOO_MANY:
            host, port = OTHERS, 0
        self._add(policy, host, port, verdict, Traffic(count=1))
        if verdict is not Verdict.ALLOWED:
            log.info(
                "a box was refused the network",
                session_id=policy.session_id,
                host=host,
                port=port,
                reason=str(verdict),
            )

    def carried(
        self, policy: EgressPolicy, host: str, port: int, *, sent: int, received: int
    ) -> None:
        traffic = Traffic(bytes_sent=sent, bytes_received=received)
        self._add(policy, host, port, Verdict.ALLOWED, traffic)

    async def write_forever(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_S)
            await self.flush()

    async def flush(self) -> None:
        with self._lock:
            pending, self._pending = self._pending, {}
        if not pending:
            return
        try:
            await in_thread(egress_records_add, pending)
        except DatabaseError as exc:
            log.warning("the database is away; counts wait", error=str(exc).partition("\n")[0])
            for destination, traffic in pending.items():
                self._merge(destination, traffic)

    def _add(
        self, policy: EgressPolicy, host: str, port: int, verdict: Verdict, traffic: Traffic
    ) -> None:
        self._merge(Destination(policy.session_id, host, port, str(verdict)), traffic)

    def _merge(self, destination: Destination, traffic: Traffic) -> None:
        with self._lock:
            known = self._pending.setdefault(destination, Traffic())
            known.count += traffic.count
            known.bytes_sent += traffic.bytes_sent
            known.bytes_received += traffic.bytes_received
