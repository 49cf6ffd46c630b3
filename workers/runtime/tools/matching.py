"""Find the place of an edit when the model did not copy the old text exactly.

A cascade; the first strategy that finds exactly one place wins: exact, line-trimmed, block
anchors with edit distance, indentation, white space, trimmed ends.
"""

import difflib
import re
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from pydantic_ai import ToolFailed

ANCHOR_SIMILARITY = 0.6


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    old: str
    new: str
    replace_all: bool = False


def apply_edits(text: str, edits: Sequence[Edit]) -> tuple[str, list[str]]:
    """The text after all edits, and by which strategy each was found. Raises ToolFailed."""
    strategies = []
    for number, edit in enumerate(edits, start=1):
        text, strategy = _apply(text, edit, number)
        strategies.append(strategy)
    return text, strategies


def _apply(text: str, edit: Edit, number: int) -> tuple[str, str]:
    if not edit.old.strip():
        raise ToolFailed(f"Edit {number}: oldText is empty. Nothing was changed.")
    for name, find in STRATEGIES:
        places = list(dict.fromkeys(find(text, edit.old)))
        if not places:
            continue
        if edit.replace_all:
            for start, end in sorted(places, reverse=True):
                text = text[:start] + edit.new + text[end:]
            return text, name
        if len(places) > 1:
            raise ToolFailed(
                f"Edit {number}: oldText fits {len(places)} places ({name}). Add lines around it, "
                "or set replaceAll. Nothing was changed."
            )
        start, end = places[0]
        return text[:start] + edit.new + text[end:], name
    raise ToolFailed(f"Edit {number}: oldText was not found. Nothing was changed.")


Place = tuple[int, int]


def _exact(text: str, old: str) -> Iterator[Place]:
    start = text.find(old)
    while start >= 0:
        yield start, start + len(old)
        start = text.find(old, start + len(old))


def _line_trimmed(text: str, old: str) -> Iterator[Place]:
    return _by_lines(text, old, lambda lines: [line.strip() for line in lines])


def _indentation(text: str, old: str) -> Iterator[Place]:
    return _by_lines(text, old, lambda lines: textwrap.dedent("\n".join(lines)).split("\n"))


def _white_space(text: str, old: str) -> Iterator[Place]:
    words = [re.escape(word) for word in old.split()]
    for match in re.finditer(r"\s+".join(words), text):
        yield match.span()


def _trimmed_ends(text: str, old: str) -> Iterator[Place]:
    stripped = old.strip()
    return _exact(text, stripped) if stripped != old else iter(())


def _block_anchors(text: str, old: str) -> Iterator[Place]:
    """Blocks whose first and last lines fit; of several, the one most like the old text."""
    wanted = _lines_of(old)
    if len(wanted) < 3:
        return
    lines = text.splitlines(keepends=True)
    first, last = wanted[0].strip(), wanted[-1].strip()
    best: tuple[float, int, int] | None = None
    for start, line in enumerate(lines):
        if line.strip() != first:
            continue
        for end in range(start + 2, min(len(lines), start + 2 * len(wanted) + 2)):
            if lines[end].strip() != last:
                continue
            inside = "\n".join(part.strip() for part in lines[start + 1 : end])
            like = difflib.SequenceMatcher(
                None, inside, "\n".join(part.strip() for part in wanted[1:-1]), autojunk=False
            ).ratio()
            if like >= ANCHOR_SIMILARITY and (best is None or like > best[0]):
                best = like, start, end + 1
            break
    if best is not None:
        yield _span(lines, best[1], best[2], old)


def _by_lines(text: str, old: str, normal: Callable[[list[str]], list[str]]) -> Iterator[Place]:
    wanted_lines = _lines_of(old)
    wanted = normal(wanted_lines)
    lines = text.splitlines(keepends=True)
    bare = [line.rstrip("\r\n") for line in lines]
    for start in range(len(lines) - len(wanted_lines) + 1):
        end = start + len(wanted_lines)
        if normal(bare[start:end]) == wanted:
            yield _span(lines, start, end, old)


def _lines_of(old: str) -> list[str]:
    return old.rstrip("\r\n").splitlines()


def _span(lines: list[str], start: int, end: int, old: str) -> Place:
    """Character span of lines; the last line end belongs to it only when `old` ended with one."""
    begin = sum(len(line) for line in lines[:start])
    block = "".join(lines[start:end])
    if not old.endswith("\n"):
        block = block.rstrip("\r\n")
    return begin, begin + len(block)


STRATEGIES: tuple[tuple[str, Callable[[str, str], Iterator[Place]]], ...] = (
    ("exact", _exact),
    ("line-trimmed", _line_trimmed),
    ("block anchors", _block_anchors),
    ("indentation", _indentation),
    ("white space", _white_space),
    ("trimmed ends", _trimmed_ends),
)
