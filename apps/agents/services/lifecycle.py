"""Agents come, pause, go back to what they were, and go."""

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from apps.agents.config import FILE as CONFIG_FILE
from apps.agents.directory import AGENT_ID, IDENTITY_FILE, PERSONA_FILES, is_agent_name
from apps.agents.errors import AgentExists, BadValues
from apps.agents.models import Agent
from apps.agents.selectors import agent_find, agent_get
from apps.agents.services.locking import author_of, locked_agent
from apps.agents.signals import agent_deleting
from apps.agents.storage import (
    DataDirectoryReadOnly,
    directory_set_aside,
    file_remove,
    file_text,
    file_write,
)
from apps.agents.sync import (
    TOPIC,
    Author,
    agent_refresh,
    agents_sync,
    is_builtin,
    sync_lock,
    template_text,
    version_add,
)
from apps.core.errors import Conflict, Unavailable
from apps.core.events import NewEvent, events_append

_FROM_TEMPLATES = ("SOUL.md", "DECISION.md", "AGENTS.md", "PULSE.md")


def agent_create(
    *, agent_id: str, name: str, role: str, emoji: str = "🤖", template: str = ""
) -> Agent:
    """Make a new agent: a directory with texts from `_templates`, or those of agent `template`.

    Raises BadValues, AgentExists, AgentNotFound (of the template), Unavailable.
    """
    _check_new_id(agent_id)
    files = _first_files(name=name, role=role, emoji=emoji, template=template)
    with transaction.atomic():
        sync_lock()  # two creations of one id: the second finds the first
        if agent_find(agent_id) is not None:
            raise AgentExists(f"There is an agent `{agent_id}` already.", agent_id=agent_id)
        _write_all(agent_id, files)
        agents_sync()
    return agent_get(agent_id)


def agent_delete(*, agent_id: str) -> None:
    """Set the agent's directory aside (`.deleted/`) and hide its row.

    Raises Conflict for a built-in agent, and whatever a receiver of `agent_deleting` raises.
    """
    with locked_agent(agent_id) as row:
        if is_builtin(agent_id):
            raise Conflict(
                f"`{agent_id}` is built in: disable it, or reset it to how it came.",
                code="built_in",
            )
        agent_deleting.send(sender=Agent, agent=row)
        try:
            directory_set_aside(agent_id)
        except DataDirectoryReadOnly as exc:
            raise Unavailable("The agents' data directory is read-only.") from exc
        row.file_overrides, row.config_overrides = {}, {}
        row.removed_at = timezone.now()
        row.version += 1
        row.save()
        events_append(TOPIC, [NewEvent(type="AGENT_REMOVED", payload={"agentId": agent_id})])


def agent_reset(*, agent_id: str, version: int | None, user_id: str | None) -> Agent:
    """Drop the overlay of a built-in agent. The dropped texts stay as versions.

    Channel files, skills and other files are left alone. Raises Conflict for an agent that is not
    built in, StaleVersion, AgentNotFound.
    """
    with locked_agent(agent_id, version=version) as row:
        if not is_builtin(agent_id):
            raise Conflict(f"`{agent_id}` is not built in.", code="not_built_in")
        for name in (*PERSONA_FILES, CONFIG_FILE):
            _drop(row, name)
        row.file_overrides, row.config_overrides = {}, {}
        agent_refresh(row, author_of(user_id))
    return row


def agent_pause(*, agent_id: str, until: datetime | None, reason: str) -> Agent:
    """Stop the agent from starting work by itself; what runs goes on. The last call counts."""
    now = timezone.now()
    if until is not None and until <= now:
        raise BadValues(
            "`until` is in the past.",
            errors=[{"pointer": "/until", "code": "invalid", "detail": "is in the past"}],
        )
    with locked_agent(agent_id) as row:
        row.paused_at, row.paused_until, row.pause_reason = now, until, reason
        row.save(update_fields=["paused_at", "paused_until", "pause_reason"])
        payload = {"agentId": agent_id, "reason": reason, "until": until and until.isoformat()}
        events_append(TOPIC, [NewEvent(type="AGENT_PAUSED", payload=payload)])
    return row


def agent_resume(*, agent_id: str) -> Agent:
    """End a pause. An agent that is not paused stays as it is, and no event is written."""
    with locked_agent(agent_id) as row:
        if row.paused_at is None:
            return row
        row.paused_at, row.paused_until, row.pause_reason = None, None, ""
        row.save(update_fields=["paused_at", "paused_until", "pause_reason"])
        events_append(TOPIC, [NewEvent(type="AGENT_RESUMED", payload={"agentId": agent_id})])
    return row


def _check_new_id(agent_id: str) -> None:
    if is_agent_name(agent_id) and agent_id == agent_id.lower() and AGENT_ID.fullmatch(agent_id):
        return
    detail = (
        "must start with a letter or digit and hold only a-z, 0-9, `-`, `_` and `.`, 128 at most"
    )
    raise BadValues(
        f"`id` {detail}.", errors=[{"pointer": "/id", "code": "invalid", "detail": detail}]
    )


def _first_files(*, name: str, role: str, emoji: str, template: str) -> dict[str, str]:
    identity = f"# {name}\n\n- **Name:** {name}\n- **Role:** {role}\n- **Emoji:** {emoji}\n"
    if template:
        source = agent_get(template)
        texts = {key: text for key, text in source.files.items() if key != IDENTITY_FILE}
    else:
        texts = {key: text for key in _FROM_TEMPLATES if (text := template_text(key))}
    return {IDENTITY_FILE: identity, **texts}


def _write_all(agent_id: str, files: Mapping[str, str]) -> None:
    """IDENTITY.md last: until it is there, the directory is no agent."""
    try:
        for name in sorted(files, key=lambda name: name == IDENTITY_FILE):
            file_write(agent_id, name, files[name])
    except DataDirectoryReadOnly:
        row = Agent.objects.filter(id=agent_id).first() or Agent(id=agent_id, version=0)
        row.file_overrides = dict(files)
        agent_refresh(row, Author())


def _drop(row: Agent, name: str) -> None:
    text = row.file_overrides.get(name) or file_text(row.id, name)
    if text is None:
        return
    version_add(row, name, old=text, new=None, author=Author())
    try:
        file_remove(row.id, name)
    except DataDirectoryReadOnly as exc:
        raise Unavailable("The agents' data directory is read-only.") from exc
