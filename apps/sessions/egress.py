"""What the boxes of a session may reach of the network, and what they asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from django.conf import settings
from django.db import connection, transaction

from apps.accounts.models import SESSION_TOKEN_PREFIX, SessionToken
from apps.accounts.tokens import digest
from apps.agents.selectors import agent_find
from apps.core.events import NewEvent, events_append
from apps.core.hosts import HostPattern
from apps.sessions.models import AgentSession, EgressRecord
from apps.sessions.selectors import session_topic

Mode = Literal["none", "allowlist", "open"]
Verdict = EgressRecord.Verdict

_COUNT = """
INSERT INTO agent_sessions_egressrecord
    (session_id, host, port, verdict, count, bytes_sent, bytes_received)
VALUES (%s, %s, %s, %s, %s, %s, %s)
ON CONFLICT ON CONSTRAINT egress_record DO UPDATE SET
    count = agent_sessions_egressrecord.count + EXCLUDED.count,
    bytes_sent = agent_sessions_egressrecord.bytes_sent + EXCLUDED.bytes_sent,
    bytes_received = agent_sessions_egressrecord.bytes_received + EXCLUDED.bytes_received,
    last_at = statement_timestamp()
RETURNING xmax = 0
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class EgressPolicy:
    """Whose connection it is, and where it may go."""

    session_id: str
    agent_id: str
    run_id: str
    mode: Mode
    allow: tuple[HostPattern, ...] = ()

    def lists(self, host: str, port: int) -> bool:
        return any(pattern.matches(host, port) for pattern in self.allow)


@dataclass(frozen=True, slots=True)
class Destination:
    session_id: str
    host: str
    port: int
    verdict: str


@dataclass(slots=True)
class Traffic:
    """What is to be added to a record."""

    count: int = 0
    bytes_sent: int = 0
    bytes_received: int = 0


def egress_policy(token: str) -> EgressPolicy | None:
    """The policy of the session that a token stands for; None: the token is good no more."""
    if not token.startswith(SESSION_TOKEN_PREFIX):
        return None
    found = SessionToken.objects.select_related("user").filter(token_sha256=digest(token)).first()
    if found is None or not found.is_usable:
        return None
    agent = agent_find(found.agent_id)
    config: Mapping[str, Any] = agent.config if agent is not None else {}
    return EgressPolicy(
        session_id=found.session_id,
        agent_id=found.agent_id,
        run_id=found.run_id,
        mode=cast(Mode, config.get("egress") or settings.EGRESS),
        allow=tuple(
            HostPattern.parse(text)
            for text in (*settings.EGRESS_ALLOW, *config.get("egress_allow", ()))
        ),
    )


def egress_records_add(traffic: Mapping[Destination, Traffic]) -> None:
    """Count, and tell of each refused host once: `NETWORK_BLOCKED`. Sessions gone are left out."""
    known = _sessions([destination.session_id for destination in traffic])
    with transaction.atomic():
        refused: dict[str, list[NewEvent]] = {}
        # In one order for all, so that two who count the same rows do not block each other.
        for destination in sorted(traffic, key=_order):
            session = known.get(destination.session_id)
            if session is None:
                continue
            is_new = _counted(destination, traffic[destination])
            if is_new and destination.verdict != Verdict.ALLOWED:
                refused.setdefault(session.pk, []).append(_blocked(session, destination))
        for session_id in sorted(refused):
            session = known[session_id]
            events_append(session_topic(session), refused[session_id], run_id=session.run_id)


def egress_records(session: AgentSession) -> Sequence[EgressRecord]:
    return list(session.egress.order_by("id"))


def _sessions(ids: Sequence[str]) -> dict[str, AgentSession]:
    rows = AgentSession.objects.filter(id__in=set(ids)).only("id", "run_id", "step_id", "agent_id")
    return {row.pk: row for row in rows}


def _order(destination: Destination) -> tuple[str, str, int, str]:
    return destination.session_id, destination.host, destination.port, destination.verdict


def _counted(destination: Destination, traffic: Traffic) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            _COUNT,
            [
                *_order(destination),
                traffic.count,
                traffic.bytes_sent,
                traffic.bytes_received,
            ],
        )
        return bool(cursor.fetchone()[0])


def _blocked(session: AgentSession, destination: Destination) -> NewEvent:
    return NewEvent(
        type="NETWORK_BLOCKED",
        step_id=session.step_id,
        session_id=session.pk,
        payload={
            "agentId": session.agent_id,
            "host": destination.host,
            "port": destination.port,
            "reason": destination.verdict,
        },
    )
