"""Reading sessions."""

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet

from apps.core.models import Event
from apps.sessions.models import AgentSession, ContainerInstance

_LIST_COLUMNS = (
    "id",
    "source",
    "source_id",
    "agent_id",
    "run_id",
    "step_id",
    "status",
    "model",
    "error_code",
    "error",
    "turn_count",
    "created_at",
    "started_at",
    "finished_at",
)
# Old names of the transcript's parts, by event type.
EVENT_TYPES = {
    "STEP_OUTPUT": "output",
    "STEP_THINKING": "thinking",
    "TOOL_CALL_START": "tool_start",
    "TOOL_CALL_END": "tool_end",
}


def session_rows(sessions: QuerySet[AgentSession]) -> QuerySet[AgentSession, dict[str, Any]]:
    """Rows of a list, without prompts and output."""
    rows: QuerySet[AgentSession, dict[str, Any]] = sessions.values(*_LIST_COLUMNS)
    return rows


def session_topic(session: AgentSession) -> str:
    """Where its events are told: with those of its run, if it has one."""
    return f"run:{session.run_id}" if session.run_id else f"session:{session.pk}"


def session_events(
    session: AgentSession, *, limit: int, before: int | None = None
) -> list[dict[str, object]]:
    """The transcript's last `limit` events, oldest first; with `before`, the last before that id.

    Ids are those of its topic.
    """
    events = Event.objects.filter(session_id=session.pk, topic=session_topic(session))
    if before is not None:
        events = events.filter(seq__lt=before)
    ids = {"runId": session.run_id, "sessionId": session.pk}
    known = {key: value for key, value in ids.items() if value}
    rows = events.order_by("-id").values("seq", "type", "payload", "step_id", "created_at")[:limit]
    return [
        {
            "id": str(row["seq"]),
            "type": row["type"],
            "event_type": EVENT_TYPES.get(row["type"], "status"),
            "timestamp": row["created_at"],
            "data": {
                **known,
                **({"stepId": row["step_id"]} if row["step_id"] else {}),
                **row["payload"],
            },
        }
        for row in reversed(rows)
    ]


def session_boxes(session: AgentSession) -> Sequence[ContainerInstance]:
    return list(session.containers.order_by("id"))
