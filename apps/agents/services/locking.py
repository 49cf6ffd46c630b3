"""One editor at a time, and none on a stale picture."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction

from apps.agents.errors import AgentNotFound, StaleVersion
from apps.agents.models import Agent, AgentFileVersion
from apps.agents.sync import Author, agents_sync_if_changed


@contextmanager
def locked_agent(agent_id: str, *, version: int | None = None) -> Iterator[Agent]:
    """The agent's row, locked until the block ends. `version` None: the caller saw no version.

    Raises AgentNotFound, StaleVersion. What changed on disk counts as somebody else's edit.
    """
    agents_sync_if_changed()
    with transaction.atomic():
        row = Agent.objects.select_for_update().filter(id=agent_id, removed_at=None).first()
        if row is None:
            raise AgentNotFound(agent_id)
        if version is not None and version != row.version:
            raise StaleVersion(
                f"`{agent_id}` was changed meanwhile: it is at version {row.version}, "
                f"and this edit starts from version {version}.",
                current_version=row.version,
                your_version=version,
            )
        yield row


def author_of(user_id: str | None) -> Author:
    """A person, or without one the agent itself."""
    kind = AgentFileVersion.Author.USER if user_id else AgentFileVersion.Author.AGENT
    return Author(kind=kind, user_id=user_id)
