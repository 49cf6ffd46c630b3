"""Editing persona files and config. The data directory takes the change, so `git diff` shows it."""

from collections.abc import Mapping, Sequence
from typing import Any

from apps.agents.config import (
    CONFIG_KEYS,
    FlatConfig,
    check_values,
    config_text_with,
    flattened,
    parse_config,
)
from apps.agents.config import FILE as CONFIG_FILE
from apps.agents.directory import (
    IDENTITY_FILE,
    MAX_FILE_BYTES,
    PERSONA_FILES,
    identity_text_with,
)
from apps.agents.errors import BadValues, FileNotEditable
from apps.agents.models import Agent, AgentFileVersion
from apps.agents.services.locking import author_of, locked_agent
from apps.agents.storage import DataDirectoryReadOnly, file_text, file_write
from apps.agents.sync import Author, agent_refresh, version_add
from apps.agents.yaml_files import MalformedYaml, storable
from apps.core.errors import Conflict, NotFound, TooLarge

_IDENTITY_KEYS = ("name", "role", "emoji", "abbreviation", "origin", "description")


def agent_file_write(
    *, agent_id: str, name: str, content: str, version: int | None, user_id: str | None
) -> Agent:
    """Store a persona file. Built-in files stay; the data directory's copy hides them.

    Raises FileNotEditable, TooLarge, StaleVersion, AgentNotFound, Unavailable.
    """
    if name not in PERSONA_FILES:
        raise FileNotEditable(f"`{name}` is not one of {', '.join(PERSONA_FILES)}.")
    if len(content.encode("utf-8", "replace")) > MAX_FILE_BYTES:
        raise TooLarge(f"A persona file may have {MAX_FILE_BYTES // 1024} KiB.")
    with locked_agent(agent_id, version=version) as row:
        _file_store(row, name, storable(content))
        agent_refresh(row, author_of(user_id))
    return row


def agent_file_revert(
    *,
    agent_id: str,
    name: str,
    version_id: int,
    version: int | None,
    user_id: str | None,
) -> Agent:
    """Give a file the text of one of its kept versions; the text it has now stays a version too.

    Raises NotFound when that version is not (or no longer) kept, StaleVersion, AgentNotFound.
    """
    if name not in {*PERSONA_FILES, CONFIG_FILE}:
        raise FileNotEditable(f"`{name}` has no versions.")
    with locked_agent(agent_id, version=version) as row:
        kept = AgentFileVersion.objects.filter(agent=row, filename=name, id=version_id).first()
        if kept is None:
            raise NotFound(f"There is no version {version_id} of `{name}`.")
        author = author_of(user_id)
        if name == CONFIG_FILE:
            _config_store(row, kept.content, parse_config(kept.content).values or {}, author)
        else:
            _file_store(row, name, kept.content)
        agent_refresh(row, author)
    return row


def agent_update(
    *,
    agent_id: str,
    version: int | None,
    user_id: str | None,
    identity: Mapping[str, str | None] | None = None,
    stages: Sequence[str] | None = None,
    enabled: bool | None = None,
    config: Mapping[str, Any] | None = None,
) -> Agent:
    """Change the profile. Only what is given changes; None as an identity value clears it."""
    with locked_agent(agent_id, version=version) as row:
        changes = {name: value or "" for name, value in (identity or {}).items()}
        assert set(changes) <= set(_IDENTITY_KEYS), changes
        if stages is not None:
            changes["pipeline stages"] = ", ".join(stages) or "NONE"
        if changes:
            text = identity_text_with(row.files[IDENTITY_FILE], changes)
            _file_store(row, IDENTITY_FILE, storable(text))
        if config:
            _config_change(row, config, author_of(user_id))
        changed = agent_refresh(row, author_of(user_id))
        if enabled is not None and enabled != row.enabled:
            row.enabled = enabled
            row.version += 0 if changed else 1
            row.save(update_fields=["enabled", "version"])
    return row


def agent_config_save(
    *, agent_id: str, values: Mapping[str, Any], version: int | None, user_id: str | None
) -> Agent:
    """Set config keys; None drops a key, so that the layer below speaks again.

    Only keys whose value changes are rewritten in `config.yml`. Raises BadValues with every wrong
    key, Conflict when the file on disk is malformed, StaleVersion, AgentNotFound.
    """
    with locked_agent(agent_id, version=version) as row:
        _config_change(row, values, author_of(user_id))
        agent_refresh(row, author_of(user_id))
    return row


# -- config ------------------------------------------------------------------------------------


def _config_change(row: Agent, given: Mapping[str, Any], author: Author) -> None:
    current = flattened(row.config)
    values, errors = check_values(
        {
            name: value
            for name, value in given.items()
            # A client that sends back what it got may hold keys that we only pass on.
            if name in CONFIG_KEYS or name not in row.config or row.config[name] != value
        }
    )
    if errors:
        raise BadValues(
            f"{len(errors)} values are wrong." if len(errors) > 1 else _first_error(errors),
            errors=[
                {"pointer": f"/{name.replace('.', '/')}", "code": "invalid", "detail": detail}
                for name, detail in errors.items()
            ],
        )
    own = {**row.file_config.get("data_dir", {}), **row.config_overrides}
    changes = {
        name: value
        for name, value in values.items()
        if (name in own if value is None else current.get(name) != value)
    }
    if changes:
        _config_write(row, changes, author)


def _first_error(errors: Mapping[str, str]) -> str:
    name, detail = next(iter(errors.items()))
    return f"`{name}` {detail}."


def _config_write(row: Agent, changes: FlatConfig, author: Author) -> None:
    text = file_text(row.id, CONFIG_FILE) or ""
    try:
        new_text = config_text_with(text, changes)
    except MalformedYaml as exc:
        raise Conflict(
            f"config.yml has an error in line {exc.line or '?'}: mend it on disk, "
            "or go back to an earlier version, and try again.",
            code="config_malformed",
            line=exc.line,
        ) from exc
    _config_store(row, new_text, changes, author, old=text)


def _config_store(
    row: Agent, text: str, changes: FlatConfig, author: Author, old: str | None = None
) -> None:
    """Write `config.yml`; where the data directory is read-only, the changed keys go to the row."""
    try:
        file_write(row.id, CONFIG_FILE, text)
    except DataDirectoryReadOnly:
        kept = {**row.config_overrides, **changes}
        row.config_overrides = {name: value for name, value in kept.items() if value is not None}
    else:
        version_add(row, CONFIG_FILE, old=old or None, new=text, author=author)
        row.config_overrides = {
            name: value for name, value in row.config_overrides.items() if name not in changes
        }
    row.save(update_fields=["config_overrides"])


# -- files -------------------------------------------------------------------------------------


def _file_store(row: Agent, name: str, content: str) -> None:
    """Write a persona file; where the data directory is read-only, the text goes to the row."""
    kept = {key: text for key, text in row.file_overrides.items() if key != name}
    try:
        file_write(row.id, name, content)
    except DataDirectoryReadOnly:
        kept[name] = content
    row.file_overrides = kept
    row.save(update_fields=["file_overrides"])
