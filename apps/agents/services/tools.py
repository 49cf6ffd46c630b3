"""Which tools an agent may use. Enforced where the list is made and where a call is executed."""

from collections.abc import Mapping

from apps.agents.errors import BadValues
from apps.agents.models import AgentToolOverride
from apps.agents.services.locking import locked_agent
from apps.agents.sync import TOPIC
from apps.core.errors import Malformed, NotFound
from apps.core.events import NewEvent, events_append

# Without these no session could ever end.
ALWAYS_ON = frozenset({"complete", "fail", "executor_complete", "executor_fail"})


def tool_overrides_set(
    *, agent_id: str, overrides: Mapping[str, bool], user_id: str | None
) -> list[AgentToolOverride]:
    """Turn tools on or off; tools not named stay as they are. Live sessions hear of it."""
    if not overrides:
        raise Malformed("Name at least one tool.", code="rule_broken")
    kept_on = sorted(name for name in ALWAYS_ON if overrides.get(name) is False)
    if kept_on:
        raise BadValues(
            f"`{kept_on[0]}` cannot be turned off: a session could not end.",
            errors=[
                {"pointer": "/overrides", "code": "always_on", "detail": f"`{name}` stays on"}
                for name in kept_on
            ],
        )
    with locked_agent(agent_id) as row:
        for name, enabled in overrides.items():
            AgentToolOverride.objects.update_or_create(
                agent=row, tool_name=name, defaults={"enabled": enabled, "updated_by_id": user_id}
            )
        _tell(agent_id)
        return list(row.tool_overrides.all())


def tool_override_delete(*, agent_id: str, tool_name: str) -> None:
    """Forget an override: the tool is on. Raises NotFound."""
    with locked_agent(agent_id) as row:
        deleted, _ = row.tool_overrides.filter(tool_name=tool_name).delete()
        if not deleted:
            raise NotFound(f"`{tool_name}` has no override.")
        _tell(agent_id)


def _tell(agent_id: str) -> None:
    events_append(TOPIC, [NewEvent(type="AGENT_TOOLS_CHANGED", payload={"agentId": agent_id})])
