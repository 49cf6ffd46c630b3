"""What sessions of agents keep about the person they worked for."""

from apps.core.personal import Rows, register_personal
from apps.sessions.models import AgentSession

_SESSION = (
    *("id", "source", "agent_id", "run_id", "step_id", "status", "model", "user_prompt", "output"),
    *("error", "created_at", "started_at", "finished_at"),
)


def _sessions(user_id: str) -> Rows:
    found = AgentSession.objects.filter(user_id=user_id).order_by("created_at", "id")
    rows: Rows = found.values(*_SESSION).iterator(chunk_size=500)
    return rows


def register() -> None:
    register_personal("agent-sessions", _sessions)
