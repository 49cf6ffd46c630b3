"""What each agent does now: derived from live sessions and queued steps, stored nowhere.

A session counts while its box or its worker shows signs of life. So parallel sessions cannot
overwrite each other's state, and an agent whose worker was killed is idle soon after.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Count, Exists, OuterRef, Q, TextChoices
from django.db.models.functions import Greatest
from django.utils import timezone

from apps.agents.models import Agent
from apps.agents.selectors import agent_list
from apps.core.api.callers import Caller
from apps.runs.choices import StepStatus
from apps.runs.models import StepExecution
from apps.sessions.access import sessions_visible
from apps.sessions.machine import SESSION_LIVE
from apps.sessions.models import AgentSession

SILENT_AFTER = timedelta(seconds=30)  # two heartbeats of a box, and some

Row = dict[str, Any]


class AgentState(TextChoices):
    IDLE = "idle"
    QUEUED = "queued"
    WORKING = "working"
    THINKING = "thinking"
    TOOL_CALLING = "tool_calling"
    PAUSED = "paused"
    DISABLED = "disabled"


# What a box tells of itself (`AGENT_STATE`); all else is plain work.
_TOLD = {"thinking": AgentState.THINKING, "tool_calling": AgentState.TOOL_CALLING}


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One live session."""

    session_id: str
    agent_id: str
    kind: str  # the session's source
    run_id: str
    step_id: str
    model: str
    status: str
    started_at: datetime
    state: AgentState


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """An agent with what it does. `sessions`: live ones by kind; `queued`: steps that wait."""

    agent: Agent
    state: AgentState
    work: Sequence[Work]
    queued: int
    sessions: Mapping[str, int] = field(default_factory=dict)


def team_status() -> list[Standing]:
    """Every agent, in the order of ids. Whose runs they work on is not told here."""
    agents = agent_list()
    work, queued = _work(), _queued()
    return [_standing(agent, work.get(agent.id, []), queued.get(agent.id, 0)) for agent in agents]


def agent_standing(agent: Agent) -> Standing:
    work = _work(agent.id).get(agent.id, [])
    return _standing(agent, work, _queued(agent.id).get(agent.id, 0))


def visible_work(caller: Caller, work: Iterable[Work]) -> list[Work]:
    """Of an agent's live sessions those that the caller may see."""
    work = list(work)
    ids = sessions_visible(caller).filter(id__in=[each.session_id for each in work])
    seen = set(ids.values_list("id", flat=True))
    return [each for each in work if each.session_id in seen]


def team_summary(standings: Sequence[Standing]) -> Row:
    states = Counter(standing.state for standing in standings)
    return {
        "total": len(standings),
        **{str(state): states[state] for state in AgentState},
        "total_queued": sum(standing.queued for standing in standings),
    }


def _standing(agent: Agent, work: Sequence[Work], queued: int) -> Standing:
    return Standing(
        agent=agent,
        state=_state(agent, work, queued),
        work=work,
        queued=queued,
        sessions=Counter(each.kind for each in work),
    )


def _state(agent: Agent, work: Sequence[Work], queued: int) -> AgentState:
    if len(work) == 1:
        return work[0].state
    if work:
        return AgentState.WORKING
    if not agent.enabled:
        return AgentState.DISABLED
    if agent.is_paused(timezone.now()):
        return AgentState.PAUSED
    return AgentState.QUEUED if queued else AgentState.IDLE


def _queued(agent_id: str = "") -> dict[str, int]:
    waiting = StepExecution.objects.filter(status=StepStatus.QUEUED, superseded=False)
    if agent_id:
        waiting = waiting.filter(agent_id=agent_id)
    counted = waiting.order_by().values_list("agent_id").annotate(number=Count("id"))
    return dict(counted)


def _work(agent_id: str = "") -> dict[str, list[Work]]:
    rows = list(_live_sessions(agent_id))
    told = _told_states([row["id"] for row in rows])
    found: dict[str, list[Work]] = defaultdict(list)
    for row in rows:
        found[row["agent_id"]].append(
            Work(
                session_id=row["id"],
                agent_id=row["agent_id"],
                kind=row["source"],
                run_id=row["run_id"],
                step_id=row["step_id"],
                model=row["model"],
                status=row["status"],
                started_at=row["started_at"] or row["created_at"],
                state=_TOLD.get(told.get(row["id"], ""), AgentState.WORKING),
            )
        )
    return found


def _live_sessions(agent_id: str) -> Iterable[Row]:
    """Sessions that somebody still keeps: seen lately, or held by a worker whose lease lasts."""
    now = timezone.now()
    held = StepExecution.objects.filter(session_id=OuterRef("pk"), lease_until__gt=now)
    sessions = AgentSession.objects.filter(status__in=SESSION_LIVE)
    if agent_id:
        sessions = sessions.filter(agent_id=agent_id)
    # PostgreSQL's GREATEST leaves nulls out: a session that was not seen yet counts from its start.
    sessions = sessions.annotate(seen_at=Greatest("last_seen_at", "created_at"))
    alive = sessions.filter(Q(seen_at__gt=now - SILENT_AFTER) | Exists(held))
    rows: Iterable[Row] = alive.order_by("id").values(
        *("id", "agent_id", "source", "run_id", "step_id", "model", "status"),
        *("started_at", "created_at"),
    )
    return rows


def _told_states(session_ids: list[str]) -> dict[str, str]:
    """The last `AGENT_STATE` of each session."""
    if not session_ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT session.id, told.state FROM unnest(%s::text[]) AS session(id),
            LATERAL (
                SELECT payload->>'state' AS state FROM core_event
                WHERE session_id = session.id AND session_id <> '' AND type = 'AGENT_STATE'
                ORDER BY id DESC LIMIT 1
            ) AS told
            """,
            [session_ids],
        )
        return dict(cursor.fetchall())
