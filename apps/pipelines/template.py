"""The template language of `input` and `message`: variables and conditions, nothing else.

    {{name}}                                    the value, or nothing
    {% if name %} … {% else %} … {% endif %}    kept when the value is set and not blank

Anything else stays as it is, so prompts may hold JSON and braces. One pass: what was substituted is
never read again, so text of a user or an agent cannot bring template syntax in.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

MAX_VALUE = 200_000
TOKEN = re.compile(
    r"\{\{[ \t]*(?P<name>[A-Za-z0-9_]+)[ \t]*\}\}"
    r"|\{%[ \t]*if[ \t]+(?P<test>[A-Za-z0-9_]+)[ \t]*%\}"
    r"|\{%[ \t]*(?P<word>else|endif)[ \t]*%\}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """`missing` are names that were to be shown and have no value, in order, once each."""

    text: str
    missing: tuple[str, ...]


@dataclass(slots=True)
class _Block:
    """An open condition. What it holds is kept apart until its end is seen."""

    tag: str
    test: str
    then: list["_Part"] = field(default_factory=list)
    otherwise: list["_Part"] = field(default_factory=list)
    else_tag: str = ""

    @property
    def open_branch(self) -> list["_Part"]:
        return self.otherwise if self.else_tag else self.then

    def unclosed(self) -> list["_Part"]:
        """Without an end the tags are ordinary text."""
        return [self.tag, *self.then, self.else_tag, *self.otherwise]


@dataclass(frozen=True, slots=True)
class _Name:
    name: str


_Part = str | _Name | _Block


def render(text: str, variables: Mapping[str, str]) -> Rendered:
    missing: dict[str, None] = {}
    pieces = _render(_parse(text), variables, missing)
    return Rendered(text="".join(pieces), missing=tuple(missing))


def names(text: str) -> tuple[str, ...]:
    """Every name the text asks for, in conditions too, in order, once each."""
    found = (match["name"] or match["test"] for match in TOKEN.finditer(text))
    return tuple(dict.fromkeys(name for name in found if name))


def _render(
    parts: list[_Part], variables: Mapping[str, str], missing: dict[str, None]
) -> Iterator[str]:
    waiting = parts[::-1]
    while waiting:
        part = waiting.pop()
        if isinstance(part, str):
            yield part
        elif isinstance(part, _Block):
            kept = part.then if variables.get(part.test, "").strip() else part.otherwise
            waiting.extend(kept[::-1])
        elif part.name in variables:
            yield shortened(part.name, variables[part.name])
        else:
            missing[part.name] = None


def _parse(text: str) -> list[_Part]:
    top: list[_Part] = []
    blocks: list[_Block] = []
    end = 0
    for match in TOKEN.finditer(text):
        branch = blocks[-1].open_branch if blocks else top
        branch.append(text[end : match.start()])
        end = match.end()
        if match["name"]:
            branch.append(_Name(match["name"]))
        elif match["test"]:
            blocks.append(_Block(match[0], match["test"]))
        elif not blocks or (match["word"] == "else" and blocks[-1].else_tag):
            branch.append(match[0])
        elif match["word"] == "else":
            blocks[-1].else_tag = match[0]
        else:
            block = blocks.pop()
            (blocks[-1].open_branch if blocks else top).append(block)
    (blocks[-1].open_branch if blocks else top).append(text[end:])
    while blocks:
        block = blocks.pop()
        (blocks[-1].open_branch if blocks else top).extend(block.unclosed())
    return top


def shortened(name: str, value: str) -> str:
    """A value too long for a prompt loses its middle; the file in the workspace has it all."""
    if len(value) <= MAX_VALUE:
        return value
    mark = (
        f"\n\n[… {len(value) - MAX_VALUE} characters left out; "
        f"the whole value is in .djinnbot/outputs/{name} …]\n\n"
    )
    half = MAX_VALUE // 2
    return value[:half] + mark + value[-half:]
