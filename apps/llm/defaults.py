"""The instance's defaults for models: typed, kept with their history, read from the registry."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings

from apps.core.errors import Invalid
from apps.llm.registry import Registry, registry

THINKING_LEVELS: Final = ("off", "minimal", "low", "medium", "high", "xhigh")


@dataclass(frozen=True, slots=True, kw_only=True)
class Default:
    kind: type
    value: Any
    about: str
    choices: tuple[str, ...] = ()


def _model(about: str) -> Default:
    return Default(kind=str, value="", about=f"{about}; empty: the working model")


def _thinking(value: str, about: str) -> Default:
    return Default(kind=str, value=value, about=about, choices=THINKING_LEVELS)


DEFAULTS: Final[Mapping[str, Default]] = {
    "default_working_model": Default(
        kind=str, value="", about="for whatever names no model; empty: DJINNBOT_MODEL"
    ),
    "planning_model": _model("for planning"),
    "executor_model": _model("for executors"),
    "thinking_model": _model("for work that needs thought"),
    "planning_thinking_level": _thinking("off", "how long planning thinks"),
    "executor_thinking_level": _thinking("medium", "how long executors think"),
    "thinking_thinking_level": _thinking("off", "how long the thinking model thinks"),
}


def checked_default(key: str, value: Any) -> Any:
    """Raises Invalid."""
    known = DEFAULTS.get(key)
    if known is None:
        raise Invalid(f"There is no default {key!r}.", code="unknown_setting")
    if type(value) is not known.kind:
        raise Invalid(f"{key} is a {known.kind.__name__}.", code="bad_setting")
    if known.choices and value not in known.choices:
        raise Invalid(f"{key} is one of: {', '.join(known.choices)}.", code="bad_setting")
    return value.strip() if isinstance(value, str) else value


def defaults(known: Registry | None = None) -> dict[str, Any]:
    kept = (known or registry()).settings
    return {key: kept.get(key, default.value) for key, default in DEFAULTS.items()}


def working_model(known: Registry | None = None) -> str:
    """The model of whatever names none; empty: there is none."""
    return str(defaults(known)["default_working_model"] or settings.DEFAULT_MODEL)
