"""Three layers make one agent: built-in library ← data directory ← database overrides.

The highest layer wins for each file and for each config key. Pure.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from apps.agents.config import FlatConfig, effective
from apps.agents.directory import IDENTITY_FILE, AgentDirectory, Identity, parse_identity
from apps.agents.findings import Finding

LayerName = Literal["builtin", "data_dir"]
Source = Literal["builtin", "data_dir", "db"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """The database layer. `files` is used where the data directory cannot be written."""

    files: Mapping[str, str] = field(default_factory=dict)
    config: FlatConfig = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.files or self.config)


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectiveAgent:
    """`file_config` is what each directory layer says, to fall back to: {layer: flat values}."""

    id: str
    source: Source
    identity: Identity
    files: Mapping[str, str]
    config: Mapping[str, Any]
    file_config: Mapping[str, FlatConfig]
    channels: Mapping[str, bool]
    extra_files: tuple[str, ...]
    findings: tuple[Finding, ...]

    @property
    def content_hash(self) -> str:
        facts = [
            self.source,
            dict(self.files),
            self.config,
            self.file_config,
            dict(self.channels),
            self.extra_files,
            [finding.as_dict() for finding in self.findings],
        ]
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def merge(
    agent_id: str,
    layers: Sequence[tuple[LayerName, AgentDirectory]],
    overrides: Overrides,
    last_good: Mapping[str, FlatConfig],
) -> EffectiveAgent | None:
    """Put an agent together; None when no layer has an IDENTITY.md.

    `layers` come lowest first. Where a layer's config.yml is malformed, `last_good` speaks for it.
    """
    files: dict[str, str] = {}
    for _, directory in layers:
        files.update(directory.files)
    files.update(overrides.files)
    if IDENTITY_FILE not in files:
        return None
    file_config: dict[str, FlatConfig] = {
        name: _config_of(directory, last_good.get(name, {})) for name, directory in layers
    }
    identity, told = parse_identity(files[IDENTITY_FILE])
    return EffectiveAgent(
        id=agent_id,
        source=_source(layers, overrides),
        identity=identity,
        files=files,
        config=effective(*file_config.values(), overrides.config),
        file_config=file_config,
        channels=_channels(layers),
        extra_files=tuple(dict.fromkeys(n for _, item in layers for n in item.extra_files)),
        findings=(*told, *_findings(layers, files)),
    )


def _config_of(directory: AgentDirectory, last_good: FlatConfig) -> FlatConfig:
    return dict(last_good if directory.config is None else directory.config)


def _source(layers: Sequence[tuple[LayerName, AgentDirectory]], overrides: Overrides) -> Source:
    if overrides:
        return "db"
    return "data_dir" if any(name == "data_dir" for name, _ in layers) else "builtin"


def _channels(layers: Sequence[tuple[LayerName, AgentDirectory]]) -> dict[str, bool]:
    channels: dict[str, bool] = {}
    for _, directory in layers:
        channels.update({name: channel.enabled for name, channel in directory.channels.items()})
    return channels


def _findings(
    layers: Sequence[tuple[LayerName, AgentDirectory]], files: Mapping[str, str]
) -> tuple[Finding, ...]:
    """What still matters: not what a higher layer's file of the same name has replaced."""
    kept: list[Finding] = []
    for position, (_, directory) in enumerate(layers):
        above = {name for _, higher in layers[position + 1 :] for name in higher.files}
        kept += [finding for finding in directory.findings if finding.file not in above]
    return tuple(kept)
