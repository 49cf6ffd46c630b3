"""Reading agents. Every read looks at the files first, so what is on disk is what is answered."""

from collections.abc import Mapping
from typing import TypeVar

from django.db import connection
from django.db.models import QuerySet
from django.db.models.fields.json import KeyTextTransform

from apps.agents.errors import AgentNotFound
from apps.agents.models import Agent, AgentFileVersion, AgentToolOverride
from apps.agents.sync import agents_sync, agents_sync_if_changed, live_count_expected

Row = TypeVar("Row")


def agent_list() -> list[Agent]:
    """All agents by id, without their texts (`files`), which load one by one when asked for."""
    return _all(_live().defer("files"))


def agent_get(agent_id: str) -> Agent:
    """One agent with its texts. Raises AgentNotFound."""
    row = agent_find(agent_id)
    if row is None:
        raise AgentNotFound(agent_id)
    return row


def agent_find(agent_id: str) -> Agent | None:
    agents_sync_if_changed()
    row = _live().filter(id=agent_id).first()
    if row is None and not Agent.objects.exists():
        agents_sync()
        row = _live().filter(id=agent_id).first()
    return row


def persona_file_names() -> dict[str, list[str]]:
    """Which persona files each agent has, without loading them: {agent id: names}."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, ARRAY(SELECT jsonb_object_keys(files)) FROM agents_agent"
            " WHERE removed_at IS NULL"
        )
        return dict(cursor.fetchall())


def agent_ids() -> frozenset[str]:
    """The ids of all agents there are."""
    return frozenset(_all(_live().values_list("id", flat=True)))


def agent_models() -> Mapping[str, str]:
    """All agents there are, with the model that each one's own config names: {id: provider/model};
    empty: none."""
    rows = _all(_live().values_list("id", KeyTextTransform("model", "config")))
    return {agent_id: str(model or "") for agent_id, model in rows}


def file_versions(agent: Agent, filename: str) -> QuerySet[AgentFileVersion]:
    """The kept versions of a file, newest first."""
    return AgentFileVersion.objects.filter(agent=agent, filename=filename).order_by("-id")


def tool_overrides(agent_id: str) -> QuerySet[AgentToolOverride]:
    return AgentToolOverride.objects.filter(agent_id=agent_id)


def disabled_tools(agent_id: str) -> list[str]:
    """Names of the tools that this agent may neither see nor call."""
    rows = tool_overrides(agent_id).filter(enabled=False)
    return list(rows.values_list("tool_name", flat=True))


def _live() -> QuerySet[Agent]:
    return Agent.objects.filter(removed_at=None)


def _all(queryset: QuerySet[Agent, Row]) -> list[Row]:
    """Every row of a query over all agents, from files that were looked at just now."""
    agents_sync_if_changed()
    rows = list(queryset)
    if len(rows) < live_count_expected():  # somebody emptied the table
        agents_sync()
        rows = list(queryset.all())
    return rows
