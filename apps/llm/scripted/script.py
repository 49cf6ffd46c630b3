"""The script format. `apps/llm/scripts/README.md` explains it with examples.

A script is YAML: for each step a list of behaviours, of which the first that matches is played;
a behaviour is a list of turns, one for each request of the agent's loop.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
)
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from apps.llm.errors import GatewayError


class ScriptError(GatewayError):
    """A script that is wrong, or that does not say what to do now. Never worth another try."""

    def __init__(self, message: str, *, code: str = "script_invalid", **extra: Any) -> None:
        super().__init__(message, code=code, http_status=422, **_without(extra))


def _without(extra: dict[str, Any]) -> dict[str, Any]:
    """An error that crosses a process comes back with what its base class added."""
    return {k: v for k, v in extra.items() if k not in ("http_status", "transient")}


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _compiles(pattern: str) -> str:
    try:
        re.compile(pattern, re.MULTILINE | re.DOTALL)
    except re.error as exc:
        raise ValueError(f"is no regular expression: {exc}") from exc
    return pattern


Regex = Annotated[str, AfterValidator(_compiles)]
Seconds = Annotated[float, Field(ge=0, le=3600)]


def _as_list(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


Numbers = Annotated[list[int], BeforeValidator(_as_list)]
Names = Annotated[list[str], BeforeValidator(_as_list)]


class Call(Strict):
    """A tool call. `raw_args` stands in for the arguments word by word: broken JSON, say."""

    tool: str
    args: dict[str, Any] = Field(default_factory=dict)
    raw_args: str | None = None


class Fault(Strict):
    """An error answer. `retry: false` tells gateway and client that another try is useless."""

    status: Annotated[int, Field(ge=400, le=599)]
    code: str = ""
    message: str = "The script asks for this error."
    retry_after: Seconds | None = None
    retry: bool = True


class Usage(Strict):
    """Token counts to report in place of the estimate."""

    input: int | None = None
    output: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None


class Capture(Strict):
    """A value taken by a regular expression (first group, or the whole match)."""

    regex: Regex
    source: Literal["last_result", "prompt", "system", "item"] = "last_result"
    default: str | None = None


def _short_capture(value: Any) -> Any:
    return {"regex": value} if isinstance(value, str) else value


class Turn(Strict):
    """One answer: thinking, text, tool calls, or a structured value; or a way to fail."""

    think: str = ""
    say: str = ""
    call: list[Call] = Field(default_factory=list)
    output: Any = None  # JSON for `response_format`, arguments for a forced tool
    capture: dict[str, Annotated[Capture, BeforeValidator(_short_capture)]] = Field(
        default_factory=dict
    )
    delay_s: Seconds = 0
    chunk_delay_s: Seconds | None = None
    chunk_chars: Annotated[int, Field(ge=1)] | None = None
    error: Fault | None = None
    cut: bool = False  # break the stream off in the middle
    hang: bool = False  # begin to answer, then say no more
    # `error`, `cut` and `hang` happen at so many tries of the turn; None: at every one.
    times: Annotated[int, Field(ge=1)] | None = None
    stop: str = ""  # another stop reason: length, content_filter, …
    usage: Usage | None = None
    repeat: Annotated[int, Field(ge=1, le=10_000)] = 1


class Branch(Strict):
    """All conditions that are given must hold. Without any it always matches."""

    last_result_matches: Regex | None = None
    any_result_matches: Regex | None = None
    prompt_matches: Regex | None = None
    turns: "Turns" = Field(default_factory=list)


class Choice(Strict):
    """`when`: the first branch that matches is played, then the turns after it."""

    when: Annotated[list[Branch], Field(min_length=1)]


def _node_kind(value: Any) -> str:
    is_choice = isinstance(value, Choice) or (isinstance(value, dict) and "when" in value)
    return "choice" if is_choice else "turn"


Node = Annotated[
    Annotated[Turn, Tag("turn")] | Annotated[Choice, Tag("choice")], Discriminator(_node_kind)
]


def _flat(value: Any) -> Any:
    """A list within the list is played in place: that is how turns are shared by YAML anchors."""
    if not isinstance(value, list):
        return value
    return [node for item in value for node in (_flat(item) if isinstance(item, list) else [item])]


Turns = Annotated[list[Node], BeforeValidator(_flat)]


class Match(Strict):
    """When a behaviour is meant. What is not given matches anything."""

    pipeline: Names | None = None
    agent: Names | None = None
    visit: Numbers | None = None
    attempt: Numbers | None = None
    item: Numbers | None = None  # index in the loop, from 0
    item_kind: Literal["item", "rework"] | None = None
    item_matches: Regex | None = None
    prompt_matches: Regex | None = None


class Behaviour(Strict):
    match: Match = Field(default_factory=Match)
    turns: Annotated[list[Node], BeforeValidator(_flat), Field(min_length=1)]


class Script(Strict):
    """`steps` is keyed by step id; `*` stands for every step that has no key of its own."""

    description: str = ""
    shared: Any = None  # a place for YAML anchors
    otherwise: Literal["fail", "auto"] = "fail"  # a step that the script does not name
    chunk_delay_s: Seconds = 0
    chunk_chars: Annotated[int, Field(ge=1)] = 24
    steps: dict[str, list[Behaviour]] = Field(default_factory=dict)


Branch.model_rebuild()


def parse_script(text: str, name: str) -> Script:
    """Raises `ScriptError` that tells the line of each problem."""
    yaml = YAML(typ="rt")
    try:
        data = yaml.load(text)
    except YAMLError as exc:
        mark = getattr(exc, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark else ""
        problem = getattr(exc, "problem", None) or "is not YAML"
        raise ScriptError(f"Script {name!r}: {where}{problem}", script=name) from exc
    try:
        return Script.model_validate(_plain(data))
    except ValidationError as exc:
        problems = [
            {
                "line": _line(data, error["loc"]),
                "path": _path(error["loc"]),
                "message": error["msg"],
            }
            for error in exc.errors()
        ]
        told = "; ".join(f"line {p['line']}: {p['path']}: {p['message']}" for p in problems[:5])
        raise ScriptError(f"Script {name!r}: {told}", script=name, problems=problems) from exc


def _problem(data: Any, loc: tuple[str | int, ...], message: str) -> dict[str, Any]:
    return {"line": _line(data, loc), "path": _path(loc), "message": message}


def load_script(path: Path) -> Script:
    return parse_script(path.read_text(encoding="utf-8"), path.stem)


def _plain(node: Any) -> Any:
    """Python's own types in place of the parser's, which carry positions."""
    if isinstance(node, dict):
        return {str(key): _plain(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_plain(value) for value in node]
    return node


_TAGS = frozenset({"turn", "choice"})


def _path(loc: Iterable[str | int]) -> str:
    return ".".join(str(part) for part in loc if part not in _TAGS) or "(root)"


def _line(data: Any, loc: Iterable[str | int]) -> int:
    """The line of the deepest part of `loc` that exists in the file, from 1."""
    node, line = data, 1
    for part in loc:
        if part in _TAGS:
            continue
        try:
            place = node.lc.key if hasattr(node, "keys") else node.lc.item
            node, line = node[part], place(part)[0] + 1
        except (KeyError, IndexError, TypeError, AttributeError):
            break
    return line
