"""One agent directory, read. Pure: a path and an environment in, values out, nothing raised.

    IDENTITY.md            who: `- **Key:** value` lines; a directory without it is no agent
    SOUL AGENTS DECISION PULSE .md     the persona's texts
    config.yml             see `config.py`
    slack.yml …            see `channels.py`
    anything else          listed as an extra file, and left alone

What cannot be read costs its own file only. The findings say where.
"""

import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from apps.agents.channels import CHANNELS, Channel, parse_channel
from apps.agents.config import FILE as CONFIG_FILE
from apps.agents.config import MAX_CONFIG_BYTES, FlatConfig, parse_config
from apps.agents.findings import Finding
from apps.agents.yaml_files import storable

IDENTITY_FILE = "IDENTITY.md"
# In the order in which a persona is put together; PULSE.md belongs to pulse sessions only.
PERSONA_FILES = (IDENTITY_FILE, "SOUL.md", "DECISION.md", "AGENTS.md", "PULSE.md")
CHANNEL_FILES = tuple(f"{channel}.yml" for channel in CHANNELS)
KNOWN_FILES = frozenset({*PERSONA_FILES, CONFIG_FILE, *CHANNEL_FILES})
MAX_FILE_BYTES = 256 * 1024
MAX_EXTRA_FILES = 200
AGENT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")

_NO_AGENTS = frozenset({"shared", "status"})  # a place for all; a path of the API
_FIELD = re.compile(r"^[ \t]*(?:[-*+][ \t]+)?\*\*([^*:\n]{1,60}?):?\*\*:?[ \t]*(.*)$", re.MULTILINE)
_HEADING = re.compile(r"^#[ \t]+(.+)$", re.MULTILINE)
_NO_STAGE = re.compile(r"(none|on[-_ ]?demand|n/?a|-)\b.*|-?", re.IGNORECASE)
# Widths of the columns that hold them.
_WIDTHS = {"name": 200, "role": 200, "emoji": 16, "abbreviation": 16, "origin": 200}


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    name: str = "Unknown Agent"
    role: str = "AI Agent"
    emoji: str = "🤖"
    stages: tuple[str, ...] = ()
    abbreviation: str = ""
    origin: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentDirectory:
    """`config` is what config.yml says: None when it is malformed, {} when it is not there."""

    id: str
    files: Mapping[str, str] = field(default_factory=dict)
    config: FlatConfig | None = field(default_factory=dict)
    config_text: str = ""
    channels: Mapping[str, Channel] = field(default_factory=dict)
    extra_files: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing in it, as if it were not there."""
        return self == AgentDirectory(id=self.id)


# -- IDENTITY.md -------------------------------------------------------------------------------


def parse_identity(text: str) -> tuple[Identity, tuple[Finding, ...]]:
    """The identity that a text gives, with defaults for what it does not say."""
    given = _identity_fields(text)
    findings: list[Finding] = []
    if not given.get("name") and (heading := _HEADING.search(text)):
        given["name"] = heading[1].strip()
    values: dict[str, str] = {}
    for name in ("name", "role", "emoji", "abbreviation", "origin", "description"):
        value = given.get(name, "")
        width = _WIDTHS.get(name)
        if width and len(value) > width:
            findings.append(_cut(name, width))
            value = value[:width]
        if value:
            values[name] = value
    for name in ("name", "role"):
        if name not in values:
            findings.append(_default_used(name))
    stages = _stages(given.get("pipeline stages") or given.get("pipeline stage") or "")
    return Identity(stages=stages, **values), tuple(findings)


def identity_text_with(text: str, changes: Mapping[str, str]) -> str:
    """`text` with some fields set (by lower-case key); lines of other fields stay as they are."""
    for name, value in changes.items():
        value = " ".join(value.split())
        found = next((hit for hit in _FIELD.finditer(text) if _key(hit) == name), None)
        if found is not None:
            text = text[: found.start(2)].rstrip(" \t") + f" {value}" + text[found.end(2) :]
        else:
            text = f"{text.rstrip()}\n- **{name.title()}:** {value}\n".lstrip()
    return text


def _identity_fields(text: str) -> dict[str, str]:
    """The first value of each key, by lower-case key."""
    fields: dict[str, str] = {}
    for hit in _FIELD.finditer(text):
        fields.setdefault(_key(hit), hit[2].strip().strip("`").strip())
    return fields


def _key(hit: re.Match[str]) -> str:
    return " ".join(hit[1].lower().split())


def _stages(text: str) -> tuple[str, ...]:
    names = (name.strip().strip("`").upper() for name in text.split(","))
    kept = (name[:64] for name in names if name and not _NO_STAGE.fullmatch(name))
    return tuple(dict.fromkeys(kept))


def _cut(name: str, width: int) -> Finding:
    message = f"`{name}` is longer than {width} characters and was cut."
    return Finding(code="identity_cut", file=IDENTITY_FILE, path=name, message=message)


def _default_used(name: str) -> Finding:
    message = f"No `{name}` is given; a default is used."
    return Finding(code="identity_default", file=IDENTITY_FILE, path=name, message=message)


# -- the directory -----------------------------------------------------------------------------


def is_agent_name(name: str) -> bool:
    """Whether a directory of this name can be an agent (`_templates`, `.git`, `shared` cannot)."""
    return name not in _NO_AGENTS and AGENT_ID.fullmatch(name) is not None


def agent_directories(root: Path) -> Iterator[Path]:
    """The directories under `root` that may be agents, by name. A missing root holds none."""
    try:
        entries = sorted(os.scandir(root), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        if is_agent_name(entry.name) and entry.is_dir():
            yield Path(entry.path)


def read_directory(path: Path, environment: Mapping[str, str]) -> AgentDirectory:
    findings: list[Finding] = []
    present = _regular_files(path)
    files: dict[str, str] = {}
    for name in PERSONA_FILES:
        if name in present:
            text, told = read_text(path / name, MAX_FILE_BYTES)
            findings += told
            if text is not None:
                files[name] = text
                findings += _empty(name, text)
    config, config_text, told = _read_config(path, present)
    findings += told
    channels, told = _read_channels(path, present, environment)
    return AgentDirectory(
        id=path.name,
        files=files,
        config=config,
        config_text=config_text,
        channels=channels,
        extra_files=_extra_files(path, present),
        findings=(*findings, *told),
    )


def read_text(path: Path, limit: int) -> tuple[str | None, list[Finding]]:
    """The text of a file; None when it cannot be used. Wrong bytes are replaced, and told."""
    name = path.name
    try:
        with path.open("rb") as stream:
            raw = stream.read(limit + 1)
    except OSError as exc:
        reason = exc.strerror or type(exc).__name__
        message = f"{name} cannot be read: {reason}."
        return None, [Finding(code="file_unreadable", file=name, message=message)]
    if len(raw) > limit:
        message = f"{name} is larger than {limit // 1024} KiB and is not used."
        return None, [Finding(code="file_too_large", file=name, message=message)]
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        line = raw[: exc.start].count(b"\n") + 1
        finding = Finding(
            code="file_not_utf8",
            file=name,
            line=line,
            message=f"{name} is not UTF-8; wrong bytes were replaced.",
        )
        return storable(raw.decode("utf-8", "replace")), [finding]
    if "\x00" in text:
        finding = Finding(
            code="file_has_nul", file=name, message=f"{name} holds NUL bytes; they were replaced."
        )
        return storable(text), [finding]
    return text.replace("\r\n", "\n"), []


def _empty(name: str, text: str) -> list[Finding]:
    if text.strip():
        return []
    return [Finding(code="file_empty", file=name, message=f"{name} is empty.")]


def _read_config(
    path: Path, present: Mapping[str, bool]
) -> tuple[FlatConfig | None, str, list[Finding]]:
    if CONFIG_FILE not in present:
        return {}, "", []
    text, findings = read_text(path / CONFIG_FILE, MAX_CONFIG_BYTES)
    if text is None:
        return None, "", findings
    parsed = parse_config(text)
    return parsed.values, text, [*findings, *parsed.findings]


def _read_channels(
    path: Path, present: Mapping[str, bool], environment: Mapping[str, str]
) -> tuple[dict[str, Channel], list[Finding]]:
    channels: dict[str, Channel] = {}
    findings: list[Finding] = []
    for name in CHANNELS:
        if f"{name}.yml" not in present:
            continue
        text, told = read_text(path / f"{name}.yml", MAX_CONFIG_BYTES)
        findings += told
        if text is None:
            channels[name] = Channel(name=name, enabled=False)
            continue
        channels[name], more = parse_channel(name, text, environment)
        findings += more
    return channels, findings


def _regular_files(path: Path) -> dict[str, bool]:
    """Names of the files that can be read without hanging: {name: True}. No pipes, no sockets."""
    try:
        entries = list(os.scandir(path))
    except OSError:
        return {}
    return {entry.name: True for entry in entries if _is_regular(entry)}


def _is_regular(entry: os.DirEntry[str]) -> bool:
    try:
        return stat.S_ISREG(entry.stat().st_mode)
    except OSError:
        return False


def _extra_files(path: Path, present: Mapping[str, bool]) -> tuple[str, ...]:
    """Files that are not of the format, one level into directories; names only."""
    names = [name for name in present if name not in KNOWN_FILES]
    for entry in _subdirectories(path):
        names += [f"{entry.name}/{name}" for name in _regular_files(Path(entry.path))]
    shown = (storable(name) for name in sorted(names) if not name.startswith("."))
    return tuple(shown)[:MAX_EXTRA_FILES]


def _subdirectories(path: Path) -> list[os.DirEntry[str]]:
    try:
        entries = list(os.scandir(path))
    except OSError:
        return []
    return [entry for entry in entries if not entry.name.startswith(".") and entry.is_dir()]
