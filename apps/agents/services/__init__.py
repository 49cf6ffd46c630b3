"""Changing agents. Each change is one transaction: file, row, version, event."""

from apps.agents.services.editing import (
    agent_config_save,
    agent_file_revert,
    agent_file_write,
    agent_update,
)
from apps.agents.services.lifecycle import (
    agent_create,
    agent_delete,
    agent_pause,
    agent_reset,
    agent_resume,
)
from apps.agents.services.tools import tool_override_delete, tool_overrides_set
from apps.agents.sync import agents_sync

__all__ = [
    "agent_config_save",
    "agent_create",
    "agent_delete",
    "agent_file_revert",
    "agent_file_write",
    "agent_pause",
    "agent_reset",
    "agent_resume",
    "agent_update",
    "agents_sync",
    "tool_override_delete",
    "tool_overrides_set",
]
