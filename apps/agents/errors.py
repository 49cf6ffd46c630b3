"""What goes wrong with agents through no fault of ours."""

from apps.core.errors import Conflict, Forbidden, Invalid, Malformed, NotFound


class AgentNotFound(NotFound):
    default_code = "not_found"

    def __init__(self, agent_id: str) -> None:
        super().__init__(f"There is no agent `{agent_id}`.", agent_id=agent_id)

    def __reduce__(self) -> tuple[type["AgentNotFound"], tuple[str]]:
        return (AgentNotFound, (self.extra["agent_id"],))


class AgentExists(Conflict):
    default_code = "already_exists"


class StaleVersion(Conflict):
    """Somebody else changed the agent since the caller read it. `extra` holds both versions."""

    default_code = "stale_version"


class WrongAgent(Forbidden):
    """An agent's token was used on another agent."""

    default_code = "wrong_agent"


class FileNotEditable(Malformed):
    default_code = "file_not_editable"


class BadValues(Invalid):
    """`extra["errors"]` names each wrong value: [{pointer, code, detail}]."""
