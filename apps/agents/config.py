"""`config.yml`: every key, its type and its default, checked one by one.

A wrong value costs its own key only, never the file. Keys are held flat and dotted
(`coordination.wake_guardrails.cooldown_seconds`) while layers are merged, and nested outside.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from apps.agents.findings import Finding
from apps.agents.yaml_files import MalformedYaml, dump_with, line_of, load_mapping, plain, storable
from apps.core.hosts import HostPattern

FILE = "config.yml"
MAX_CONFIG_BYTES = 64 * 1024
EGRESS_MODES = ("none", "allowlist", "open")
THINKING_LEVELS = ("off", "minimal", "low", "medium", "high", "xhigh")
NIGHT = {
    "type": "recurring",
    "label": "Night",
    "start_time": "23:00",
    "end_time": "07:00",
    "days_of_week": [0, 1, 2, 3, 4, 5, 6],
}

FlatConfig = dict[str, Any]
Check = Callable[[Any], Any]  # the stored form of a value; raises ValueError with a sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigKey:
    """`default` None means: ask the next level (instance default, or `fallback_key`)."""

    name: str
    check: Check
    default: Any = None
    alias: str = ""

    @property
    def path(self) -> tuple[str, ...]:
        return tuple(self.name.split("."))


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedConfig:
    """`values` holds what the file says and no defaults. None: the file is malformed."""

    values: FlatConfig | None
    findings: tuple[Finding, ...] = ()


# -- checks of single values -------------------------------------------------------------------


def _text(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("must be text")
    text = str(value).strip()
    if not text:
        raise ValueError("must not be empty")
    if len(text) > 264:
        raise ValueError("is longer than 264 characters")
    return text


def _truth(value: Any) -> bool:
    words = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in words:
        return words[value.strip().lower()]
    raise ValueError("must be true or false")


def _whole(minimum: int, maximum: int) -> Check:
    def check(value: Any) -> int:
        if isinstance(value, str) and re.fullmatch(r"\d{1,12}", value.strip()):
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError("must be a whole number")
        if not minimum <= value <= maximum:
            raise ValueError(f"must be between {minimum} and {maximum}")
        return int(value)

    return check


def _amount(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e9:
        raise ValueError("must be an amount of 0 or more")
    return float(value)


def _one_of(*words: str) -> Check:
    def check(value: Any) -> str:
        # An unquoted `off` is false to a YAML 1.1 reader, and was stored as such.
        word = "off" if value is False else str(value).strip().lower()
        if word not in words:
            raise ValueError(f"must be one of {', '.join(words)}")
        return word

    return check


def _texts(value: Any) -> list[str]:
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list) or len(items) > 200:
        raise ValueError("must be a list of at most 200 names")
    return [_text(item) for item in items]


def _host(value: Any) -> str:
    return str(HostPattern.parse(_text(value)))


def _zone(value: Any) -> str:
    name = _text(value)
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as exc:
        raise ValueError("must be a time zone such as Europe/Berlin") from exc
    return name


def clock_time(value: Any) -> str:
    """HH:MM. A number is what a YAML 1.1 reader made of an unquoted `23:30`: minutes of the day."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 24 * 60:
        return f"{value // 60:02d}:{value % 60:02d}"
    found = re.fullmatch(r"(\d{1,2}):(\d{2})(?::\d{2})?", str(value).strip())
    if found and int(found[1]) < 24 and int(found[2]) < 60:
        return f"{int(found[1]):02d}:{found[2]}"
    raise ValueError("must be a time of day, HH:MM")


def moment(value: Any) -> str:
    try:
        return datetime.fromisoformat(str(value).strip()).isoformat()
    except ValueError as exc:
        raise ValueError("must be a date and time, such as 2026-05-01T09:00:00Z") from exc


def blackout(value: Any) -> dict[str, Any]:
    """One quiet period: `recurring` by time of day and weekday (0 = Sunday), or `one_off`."""
    if not isinstance(value, Mapping):
        raise ValueError("must be keys and values")
    kind = _one_of("recurring", "one_off", "one-off")(value.get("type", "recurring"))
    kind = kind.replace("-", "_")
    at = clock_time if kind == "recurring" else moment
    kept = {
        "type": kind,
        "label": str(value.get("label") or "")[:200],
        "start_time": at(_first(value, "start_time", "start", "startTime")),
        "end_time": at(_first(value, "end_time", "end", "endTime")),
    }
    if kind == "recurring":
        days = _first(value, "days_of_week", "daysOfWeek", default=list(range(7)))
        if not isinstance(days, list):
            raise ValueError("days_of_week must be a list")
        kept["days_of_week"] = sorted({_whole(0, 6)(day) for day in days})
    return kept


def _first(value: Mapping[str, Any], *names: str, default: Any = None) -> Any:
    for name in names:
        if value.get(name) is not None:
            return value[name]
    if default is None:
        raise ValueError(f"needs {names[0]}")
    return default


def _list_of(check: Check) -> Check:
    def check_all(value: Any) -> list[Any]:
        if not isinstance(value, list) or len(value) > 200:
            raise ValueError("must be a list of at most 200 items")
        return [check(item) for item in value]

    return check_all


# -- the keys ----------------------------------------------------------------------------------

_LEVEL = _one_of(*THINKING_LEVELS)
_WAKES = "coordination.wake_guardrails"

CONFIG_KEYS: dict[str, ConfigKey] = {
    key.name: key
    for key in (
        ConfigKey(name="model", check=_text),
        ConfigKey(name="thinking_model", check=_text, alias="thinkingModel"),
        ConfigKey(name="thinking_level", check=_LEVEL, default="off", alias="thinkingLevel"),
        ConfigKey(
            name="thinking_model_thinking_level",
            check=_LEVEL,
            default="off",
            alias="thinkingModelThinkingLevel",
        ),
        ConfigKey(name="planning_model", check=_text, alias="planningModel"),
        ConfigKey(name="executor_model", check=_text, alias="executorModel"),
        ConfigKey(
            name="max_concurrent_steps",
            check=_whole(1, 100),
            default=2,
            alias="maxConcurrentSteps",
        ),
        ConfigKey(name="tools", check=_texts, default=["read", "write", "bash"]),
        ConfigKey(
            name="thread_mode",
            check=_one_of("passive", "active"),
            default="passive",
            alias="threadMode",
        ),
        ConfigKey(name="slack_decision_timeout_ms", check=_whole(100, 600_000), default=15_000),
        ConfigKey(name="timeout", check=_whole(1, 86_400)),
        ConfigKey(name="max_retries", check=_whole(0, 20), alias="maxRetries"),
        ConfigKey(name="skills_disabled", check=_texts, default=[]),
        ConfigKey(name="pulse_enabled", check=_truth, default=False),
        ConfigKey(name="pulse_interval_minutes", check=_whole(1, 10_080), default=30),
        ConfigKey(name="pulse_offset_minutes", check=_whole(0, 10_080), default=0),
        ConfigKey(name="pulse_columns", check=_texts, default=[]),
        ConfigKey(name="pulse_transitions_to", check=_texts, default=[]),
        ConfigKey(
            name="pulse_container_timeout_ms", check=_whole(1_000, 86_400_000), default=120_000
        ),
        ConfigKey(name="pulse_max_consecutive_skips", check=_whole(1, 1_000), default=5),
        ConfigKey(name="pulse_blackouts", check=_list_of(blackout), default=[NIGHT]),
        ConfigKey(name="pulse_one_offs", check=_list_of(moment), default=[]),
        ConfigKey(
            name="coordination.max_concurrent_pulse_sessions", check=_whole(1, 100), default=2
        ),
        ConfigKey(name=f"{_WAKES}.cooldown_seconds", check=_whole(0, 86_400), default=300),
        ConfigKey(name=f"{_WAKES}.max_daily_session_minutes", check=_whole(0, 1_440), default=120),
        ConfigKey(name=f"{_WAKES}.max_wakes_per_day", check=_whole(0, 10_000), default=12),
        ConfigKey(name=f"{_WAKES}.max_wakes_per_pair_per_day", check=_whole(0, 10_000), default=5),
        ConfigKey(name="timezone", check=_zone),
        ConfigKey(name="egress", check=_one_of(*EGRESS_MODES)),
        ConfigKey(name="egress_allow", check=_list_of(_host), default=[], alias="egressAllow"),
        ConfigKey(name="max_daily_cost_usd", check=_amount),
        ConfigKey(name="max_daily_tokens", check=_whole(0, 10**12)),
        ConfigKey(name="run_when_idle", check=_truth, default=False),
        ConfigKey(name="max_wake_depth", check=_whole(0, 100), default=4),
    )
}
_BY_ALIAS = {key.alias: key for key in CONFIG_KEYS.values() if key.alias}
_GROUPS = frozenset(
    ".".join(key.path[:depth]) for key in CONFIG_KEYS.values() for depth in range(1, len(key.path))
)


# -- reading -----------------------------------------------------------------------------------


def parse_config(text: str) -> ParsedConfig:
    """Read a `config.yml`. Never raises: what cannot be used is told as a finding."""
    try:
        document = load_mapping(text)
    except MalformedYaml as exc:
        finding = Finding(
            code="config_malformed",
            file=FILE,
            line=exc.line,
            message=f"{_sentence(exc.message)} The last good values stay in use.",
        )
        return ParsedConfig(values=None, findings=(finding,))
    reading = _Reading()
    reading.read(document, prefix="")
    return ParsedConfig(values=reading.values, findings=tuple(reading.findings))


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:].rstrip(".") + "."


@dataclass(slots=True)
class _Reading:
    values: FlatConfig = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def read(self, mapping: Mapping[Any, Any], prefix: str) -> None:
        # snake_case before its camelCase alias, wherever they stand in the file.
        for raw_key in sorted(mapping, key=lambda key: str(key) in _BY_ALIAS):
            value = mapping[raw_key]
            name = prefix + storable(str(raw_key))
            line = line_of(mapping, raw_key)
            if name in _GROUPS and isinstance(value, Mapping):
                self.read(value, prefix=f"{name}.")
            elif (key := CONFIG_KEYS.get(name) or _BY_ALIAS.get(name)) is not None:
                self._take(key, value, line)
            else:
                self.values[name] = plain(value)
                self._tell("config_unknown_key", name, line, "is not known; it is kept as it is.")

    def _take(self, key: ConfigKey, value: Any, line: int | None) -> None:
        if value is None or key.name in self.values:
            return  # an empty value is no value
        try:
            self.values[key.name] = key.check(plain(value))
        except ValueError as exc:
            self._tell("config_bad_value", key.name, line, f"{exc}; the default is used.")

    def _tell(self, code: str, path: str, line: int | None, text: str) -> None:
        path = path[:200]
        self.findings.append(
            Finding(code=code, file=FILE, line=line, path=path, message=f"`{path}` {text}")
        )


def check_values(given: Mapping[str, Any]) -> tuple[FlatConfig, dict[str, str]]:
    """Check values that a caller wants to set: (flat values, {key: what is wrong}).

    None stays None and means: drop the key. Unlike in a file, an unknown key is an error here.
    """
    values: FlatConfig = {}
    errors: dict[str, str] = {}
    for name, value in _flat(given).items():
        key = CONFIG_KEYS.get(name) or _BY_ALIAS.get(name)
        if key is None:
            errors[name] = "is not a known key"
        elif value is None:
            values.setdefault(key.name, None)
        else:
            try:
                values[key.name] = key.check(plain(value))
            except ValueError as exc:
                errors[name] = str(exc)
    return values, errors


def _flat(values: Mapping[str, Any], prefix: str = "") -> FlatConfig:
    flat: FlatConfig = {}
    for raw, value in values.items():
        name = prefix + str(raw)
        if name in _GROUPS and isinstance(value, Mapping):
            flat.update(_flat(value, f"{name}."))
        else:
            flat[name] = value
    return flat


# -- effective values --------------------------------------------------------------------------


def effective(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """Defaults and flat layers, the last highest, key by key; nested as in the file."""
    flat: FlatConfig = {key.name: key.default for key in CONFIG_KEYS.values()}
    for layer in layers:
        flat.update({name: value for name, value in layer.items() if value is not None})
    return nested(flat)


def nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for name, value in flat.items():
        *parents, last = CONFIG_KEYS[name].path if name in CONFIG_KEYS else (name,)
        node = tree
        for parent in parents:
            node = node.setdefault(parent, {})
        node[last] = value
    return tree


def flattened(config: Mapping[str, Any]) -> FlatConfig:
    """The inverse of `nested`."""
    return _flat(config)


# -- writing -----------------------------------------------------------------------------------


def config_text_with(text: str, changes: Mapping[str, Any]) -> str:
    """`text` with only the changed keys rewritten; None removes a key. Raises MalformedYaml.

    A key that the file knows by its camelCase alias stays under that name.
    """
    document = load_mapping(text)
    paths: dict[tuple[str, ...], Any] = {}
    for name, value in changes.items():
        key = CONFIG_KEYS[name]
        if key.alias in document and name not in document:
            paths[(key.alias,)] = value
        else:
            paths[key.path] = value
            if value is None and key.alias in document:
                paths[(key.alias,)] = None
    return dump_with(text, paths)
