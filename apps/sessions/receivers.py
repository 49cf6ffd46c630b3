"""What sessions have to say about changes in the rooms below."""

from typing import Any

from apps.agents.models import Agent
from apps.core.errors import Conflict
from apps.sessions.machine import SESSION_LIVE
from apps.sessions.models import AgentSession


def refuse_deletion_of_a_busy_agent(agent: Agent, **_: Any) -> None:
    """Raises Conflict while sessions of the agent live."""
    live = AgentSession.objects.filter(agent_id=agent.id, status__in=SESSION_LIVE).count()
    if live:
        raise Conflict(
            f"`{agent.id}` is at work: {live} of its sessions run.",
            code="agent_busy",
            sessions=live,
        )
