"""Channel files (`slack.yml`, …): credentials, and whether they are there to be used.

Values are secret. They never leave this module's objects by `repr`, log, event or API; a person
sees masks.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from apps.agents.findings import Finding
from apps.agents.yaml_files import MalformedYaml, line_of, load_mapping, plain

CHANNELS = ("slack", "discord", "telegram", "signal", "whatsapp")
SHARED_ACCOUNT = frozenset({"signal", "whatsapp"})  # one account for all: only `enabled` counts
_PRIMARY = ("bot_token", "botToken", "token")
_SECONDARY = ("app_token", "appToken", "app_id", "appId", "webhook_secret", "webhookSecret")
_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    name: str
    enabled: bool
    primary: str = field(default="", repr=False)
    secondary: str = field(default="", repr=False)
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)


def mask(value: str) -> str:
    """What a person may see of a credential: enough to tell two apart."""
    if not value:
        return ""
    return "***" if len(value) < 8 else f"{value[:8]}...{value[-4:]}"


def parse_channel(
    name: str, text: str, environment: Mapping[str, str]
) -> tuple[Channel, tuple[Finding, ...]]:
    """Read one channel file. Never raises; a channel that cannot be used is off, and says why."""
    file = f"{name}.yml"
    try:
        document = load_mapping(text)
    except MalformedYaml as exc:
        # The reader's own words may quote the line, and with it a token.
        finding = Finding(
            code="channel_malformed", file=file, line=exc.line, message="This is not valid YAML."
        )
        return Channel(name=name, enabled=False), (finding,)
    reading = _Reading(name=name, file=file, environment=environment)
    return reading.read(document), tuple(reading.findings)


@dataclass(slots=True, kw_only=True)
class _Reading:
    name: str
    file: str
    environment: Mapping[str, str]
    findings: list[Finding] = field(default_factory=list)
    unset: set[str] = field(default_factory=set)  # keys whose variable is not set

    def read(self, document: Mapping[Any, Any]) -> Channel:
        values = {str(key): self._resolve(document, key) for key in document}
        enabled = values.pop("enabled", True) not in (False, "false", "no", "off")
        primary, primary_key = self._pick(values, _PRIMARY)
        secondary, secondary_key = self._pick(values, _SECONDARY)
        if enabled and self.unset & {primary_key, secondary_key}:
            enabled = False
        elif enabled and not primary and self.name not in SHARED_ACCOUNT:
            enabled = False
            self._tell("channel_no_token", None, "", "No token is given, so the channel is off.")
        extra = {key: value for key, value in values.items() if key not in self.unset}
        return Channel(
            name=self.name, enabled=enabled, primary=primary, secondary=secondary, extra=extra
        )

    def _pick(self, values: dict[str, Any], names: tuple[str, ...]) -> tuple[str, str]:
        """The first of some keys that is there, taken out of `values`: (text, key)."""
        found = next((name for name in names if values.get(name) not in (None, "")), "")
        found = found or next((name for name in names if name in self.unset), "")
        value = values.pop(found, "") if found else ""
        for name in names:
            if values.get(name) in (None, ""):
                values.pop(name, None)
        return ("" if value is None else str(value)), found

    def _resolve(self, document: Mapping[Any, Any], key: Any) -> Any:
        value = plain(document[key])
        reference = _REFERENCE.fullmatch(value.strip()) if isinstance(value, str) else None
        if reference is None:
            return value
        resolved = self.environment.get(reference[1], "")
        if not resolved:
            self.unset.add(str(key))
            text = f"The environment has no {reference[1]}, which `{key}` needs."
            self._tell("channel_variable_unset", line_of(document, key), str(key), text)
        return resolved

    def _tell(self, code: str, line: int | None, path: str, message: str) -> None:
        self.findings.append(
            Finding(code=code, file=self.file, line=line, path=path, message=message)
        )
