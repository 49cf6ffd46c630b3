"""What an agent did, newest first, from the rows that say so: sessions, notes, its pauses.

Nothing is written for it, so it can neither be wrong nor lag, and it goes when its rows go.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from heapq import nlargest
from itertools import chain
from typing import Any, Final

from django.db.models import Q
from django.utils import timezone

from apps.core.api.callers import Caller
from apps.core.models import Event
from apps.llm.selectors import call_list, call_totals
from apps.runs.access import visible_runs
from apps.runs.models import AgentNote, Run
from apps.sessions.access import sessions_visible
from apps.sessions.machine import SESSION_LIVE
from apps.sessions.models import AgentSession, ContainerInstance

Row = dict[str, Any]

KEPT: Final = timedelta(days=30)
PREVIEW: Final = 200

_PIPELINE = AgentSession.Source.PIPELINE
_ENDED = {
    AgentSession.Status.COMPLETED: "completed",
    AgentSession.Status.FAILED: "failed",
    AgentSession.Status.STOPPED: "failed",
}
_OF_AGENT = {
    "AGENT_PAUSED": "agent_paused",
    "AGENT_RESUMED": "state_change",
    "AGENT_TOOLS_CHANGED": "state_change",
}
TIMELINE_TYPES: Final = (
    *("work_started", "work_complete", "work_failed"),
    *("session_started", "session_completed", "session_failed"),
    *("inbox_message_received", "inbox_message_sent", "agent_paused", "state_change"),
)


def agent_timeline(
    caller: Caller, agent_id: str, *, limit: int = 100, since: datetime | None = None
) -> list[Row]:
    """The newest entries after `since` that the caller may see; 30 days are kept."""
    after = max(timezone.now() - KEPT, since) if since else timezone.now() - KEPT
    sources = chain(
        _begun(caller, agent_id, after, limit),
        _ended(caller, agent_id, after, limit),
        _notes(caller, agent_id, after, limit),
        _changes(agent_id, after, limit),
    )
    return nlargest(limit, sources, key=lambda entry: (entry["at"], entry["id"]))


def _entry(id: str, type: str, at: datetime, data: Row, **links: str) -> Row:
    empty = {"session_id": "", "run_id": "", "step_id": ""}
    return {"id": id, "type": type, "at": at, **empty, **links, "data": data}


def _sessions(caller: Caller, agent_id: str, **newer: datetime) -> Any:
    rows = sessions_visible(caller).filter(agent_id=agent_id, **newer)
    return rows.values(
        *("id", "source", "run_id", "step_id", "status", "model", "turn_count"),
        *("created_at", "finished_at", "error_code", "error", "output"),
    )


def _begun(caller: Caller, agent_id: str, after: datetime, limit: int) -> Iterator[Row]:
    rows = _sessions(caller, agent_id, created_at__gt=after).order_by("-created_at")[:limit]
    for row in rows:
        kind = "work_started" if row["source"] == _PIPELINE else "session_started"
        data = {"kind": row["source"], "model": row["model"]}
        yield _entry(f"{row['id']}:begun", kind, row["created_at"], data, **_links(row))


def _ended(caller: Caller, agent_id: str, after: datetime, limit: int) -> Iterator[Row]:
    rows = _sessions(caller, agent_id, finished_at__gt=after).order_by("-finished_at")[:limit]
    for row in rows:
        how = _ENDED[row["status"]]
        if row["source"] == _PIPELINE:
            kind = "work_complete" if how == "completed" else "work_failed"
        else:
            kind = f"session_{how}"
        data = {
            "kind": row["source"],
            "status": row["status"],
            "turns": row["turn_count"],
            "preview": (row["error"] or row["output"])[:PREVIEW],
            "error_code": row["error_code"],
        }
        yield _entry(f"{row['id']}:ended", kind, row["finished_at"], data, **_links(row))


def _links(row: Row) -> dict[str, str]:
    return {"session_id": row["id"], "run_id": row["run_id"], "step_id": row["step_id"]}


def _notes(caller: Caller, agent_id: str, after: datetime, limit: int) -> Iterator[Row]:
    runs = Run.objects.filter(visible_runs(caller)).values("id")
    notes = AgentNote.objects.filter(
        Q(to_agent_id=agent_id) | Q(from_agent_id=agent_id), created_at__gt=after, run_id__in=runs
    )
    for note in notes.order_by("-created_at")[:limit]:
        received = note.to_agent_id == agent_id
        data = {
            "from": note.from_agent_id,
            "to": note.to_agent_id,
            "preview": note.message[:PREVIEW],
        }
        kind = "inbox_message_received" if received else "inbox_message_sent"
        yield _entry(f"note_{note.pk}", kind, note.created_at, data, run_id=note.run_id)


def _changes(agent_id: str, after: datetime, limit: int) -> Iterator[Row]:
    events = Event.objects.filter(
        topic="agents", type__in=_OF_AGENT, payload__agentId=agent_id, created_at__gt=after
    )
    for event in events.order_by("-seq")[:limit]:
        data = {"event": event.type, **event.payload}
        yield _entry(f"event_{event.pk}", _OF_AGENT[event.type], event.created_at, data)


def agent_boxes(caller: Caller, agent_id: str) -> list[Row]:
    """What the agent's live boxes may use."""
    sessions = sessions_visible(caller).filter(agent_id=agent_id, status__in=SESSION_LIVE)
    boxes = ContainerInstance.objects.filter(session__in=sessions, stopped_at=None)
    rows = boxes.order_by("id").values(
        *("session_id", "name", "backend", "status", "limits", "created_at")
    )
    return [dict(row) for row in rows]


def agent_stats(caller: Caller, agent_id: str) -> Row:
    """Sessions of a day and a week, and tokens, cost and failures of the last 24 hours."""
    now = timezone.now()
    day, week = now - timedelta(days=1), now - timedelta(days=7)
    sessions = sessions_visible(caller).filter(agent_id=agent_id)
    totals = call_totals(call_list(caller).filter(agent_id=agent_id, created_at__gt=day))
    failed = sessions.filter(status=AgentSession.Status.FAILED, finished_at__gt=day)
    return {
        "sessions_today": sessions.filter(created_at__gt=day).count(),
        "sessions_week": sessions.filter(created_at__gt=week).count(),
        "errors_24h": failed.count(),
        "calls_24h": totals.calls,
        "tokens_24h": totals.total_tokens,
        "cost_24h": totals.cost_total,
        "cost_unknown_calls_24h": totals.cost_unknown_calls,
    }
