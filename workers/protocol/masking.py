"""Taking known secret values out of text, whole or streamed, also in their encoded forms.

    plain · each long line of a longer value · Base64 (both alphabets, at any offset) · hexadecimal
    · URL-encoded · escaped as JSON, once and twice

One automaton finds all of them in one pass over a text, and in a second one over the text without
its line breaks: what wraps lines wraps them in the middle of a value.
"""

import base64
import json
import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote, quote_plus

from ahocorasick_rs import AhoCorasick

MASK = "***"
# Shorter values would blacken ordinary words.
SHORTEST = 4
_SHORTEST_LINE = 16  # of a longer value; shorter lines are seldom secret by themselves
_SHORTEST_INNER = 8  # of Base64 that begins or ends in the middle of a group
# A break in the middle of a word; what stands before it is looked at by hand, which is quicker.
_BREAK = re.compile(r"\n(?=[\w+/%=-])")
_WORD = re.compile(r"[\w+/%=-]")
# What may be kept back of a stream, in lengths of the longest form: repetitive values could
# otherwise hold a stream for ever.
_HELD_LENGTHS = 4


def forms(value: str) -> set[str]:
    """The value, and what it looks like in the encodings that tools commonly make of it."""
    if len(value) < SHORTEST:
        return set()
    found = {value, *_lines(value), *_quoted(value)}
    found.update(_encoded(value.encode(errors="replace")))
    stripped = value.strip()
    if stripped != value:
        found |= forms(stripped)
    return {form for form in found if len(form) >= SHORTEST}


def _lines(value: str) -> Iterator[str]:
    for line in value.splitlines():
        text = line.strip()
        if len(text) >= _SHORTEST_LINE and not text.startswith("-----"):
            yield text


def _quoted(value: str) -> Iterator[str]:
    for text in (quote(value, safe=""), quote(value, safe="/"), quote_plus(value)):
        yield text
        yield _small_escapes(text)
    for ascii_only in (True, False):
        once = json.dumps(value, ensure_ascii=ascii_only)[1:-1]
        yield once
        yield json.dumps(once, ensure_ascii=ascii_only)[1:-1]  # arguments of tool calls


def _small_escapes(text: str) -> str:
    head, *rest = text.split("%")
    return head + "".join(f"%{part[:2].lower()}{part[2:]}" for part in rest)


def _encoded(raw: bytes) -> Iterator[str]:
    yield raw.hex()
    yield raw.hex().upper()
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        whole = encode(raw).decode()
        yield whole.rstrip("=")
        for offset in range(3):
            inner = _inner(encode(b"\0" * offset + raw).decode(), offset, len(raw))
            if len(inner) >= _SHORTEST_INNER:
                yield inner


def _inner(encoded: str, offset: int, length: int) -> str:
    """The characters of Base64 that depend on the value alone, not on what stands around it."""
    first = (0, 2, 3)[offset]
    last = (offset + length) * 8 // 6
    return encoded[first:last]


class _Joined:
    """A text without the breaks between its lines, and where each character of it came from."""

    def __init__(self, text: str) -> None:
        self._places: list[int] = []  # in the joined text, where a break was
        self._removed: list[int] = []  # characters taken out up to there
        parts, end, length, removed = list[str](), 0, 0, 0
        for found in _BREAK.finditer(text):
            start = found.start()
            if start and text[start - 1] == "\r":
                start -= 1
            if not start or not _WORD.match(text[start - 1]):
                continue
            parts.append(text[end:start])
            length += start - end
            removed += found.end() - start
            self._places.append(length)
            self._removed.append(removed)
            end = found.end()
        self.text = "".join((*parts, text[end:])) if parts else text
        self.is_other = bool(parts)

    def origin(self, place: int) -> int:
        index = bisect_right(self._places, place)
        return place + (self._removed[index - 1] if index else 0)


class Masker:
    """Knows secret values and takes them out of text. Values are added, never taken away: what a
    session has once seen it may still tell."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._values: set[str] = set()
        self._patterns: set[str] = set()
        self._automaton: AhoCorasick | None = None
        self._heads: AhoCorasick | None = None
        self._by_head: dict[str, list[str]] = {}
        self._beginnings: frozenset[str] = frozenset()
        self.longest = 0  # characters of the longest form
        self.add(values)

    def __bool__(self) -> bool:
        return self._automaton is not None

    def add(self, values: Iterable[str]) -> None:
        fresh = {value for value in values if value} - self._values
        patterns = {form for value in fresh for form in forms(value)} - self._patterns
        self._values |= fresh
        if not patterns:
            return
        self._patterns |= patterns
        self._automaton = AhoCorasick(list(self._patterns))
        by_head: dict[str, list[str]] = defaultdict(list)
        for pattern in self._patterns:
            by_head[pattern[:SHORTEST]].append(pattern)
        self._by_head = dict(by_head)
        self._heads = AhoCorasick(list(by_head))
        self._beginnings = frozenset(head[:size] for head in by_head for size in range(1, SHORTEST))
        self.longest = max(map(len, self._patterns))

    def masked(self, text: str) -> str:
        """The text with `***` for each stretch that known values cover."""
        spans = self._spans(text)
        if not spans:
            return text
        parts: list[str] = []
        end = 0
        for start, stop in spans:
            parts += (text[end:start], MASK)
            end = stop
        return "".join((*parts, text[end:]))

    def masked_value(self, value: Any) -> Any:
        """The same for every text in a value made of lists, tuples and mappings."""
        if self._automaton is None:
            return value
        if isinstance(value, str):
            return self.masked(value)
        if isinstance(value, list | tuple):
            return type(value)(self.masked_value(item) for item in value)
        if isinstance(value, dict):
            return {self.masked_value(key): self.masked_value(item) for key, item in value.items()}
        return value

    def safe_length(self, text: str) -> int:
        """How much of the text may be told before more of it comes: what follows could be the
        beginning of a value, or lies in one that may yet go on."""
        if self._heads is None or not text:
            return len(text)
        cut = self._open_from(text)
        inside = next((start for start, stop in self._spans(text) if start < cut < stop), cut)
        return inside if len(text) - inside <= _HELD_LENGTHS * self.longest else len(text)

    def _open_from(self, text: str) -> int:
        """Where the longest end of the text that begins some value starts, also over breaks."""
        found = self._open_in(text)
        base = max(0, len(text) - 2 * self.longest)
        tail = text[base:]
        if "\n" in tail:
            joined = _Joined(tail.removesuffix("\n").removesuffix("\r"))
            place = self._open_in(joined.text)
            if place < len(joined.text):
                return min(found, base + joined.origin(place))
        return found

    def _open_in(self, text: str) -> int:
        assert self._heads is not None
        base = max(0, len(text) - self.longest + 1)
        tail = text[base:]
        for _, start, _ in self._heads.find_matches_as_indexes(tail, overlapping=True):
            rest = tail[start:]
            for pattern in self._by_head[tail[start : start + SHORTEST]]:
                if len(rest) < len(pattern) and pattern.startswith(rest):
                    return base + start
        for size in range(min(SHORTEST - 1, len(text)), 0, -1):
            if text[-size:] in self._beginnings:
                return len(text) - size
        return len(text)

    def _spans(self, text: str) -> list[tuple[int, int]]:
        """Stretches that values cover, in order; those that touch or overlap are one."""
        if self._automaton is None:
            return []
        matches = self._automaton.find_matches_as_indexes(text, overlapping=True)
        found = [(start, stop) for _, start, stop in matches]
        joined = _Joined(text) if "\n" in text else None
        if joined is not None and joined.is_other:
            matches = self._automaton.find_matches_as_indexes(joined.text, overlapping=True)
            found += [(joined.origin(a), joined.origin(b - 1) + 1) for _, a, b in matches]
        spans: list[tuple[int, int]] = []
        for start, stop in sorted(found):
            if spans and start <= spans[-1][1]:
                spans[-1] = (spans[-1][0], max(stop, spans[-1][1]))
            else:
                spans.append((start, stop))
        return spans


class MaskedStream:
    """Masks a text that comes in pieces, also where a piece ends in the middle of a value."""

    def __init__(self, masker: Masker) -> None:
        self._masker = masker
        self._held = ""

    def feed(self, piece: str) -> str:
        """What can be told now."""
        text = self._held + piece
        length = self._masker.safe_length(text)
        self._held = text[length:]
        return self._masker.masked(text[:length])

    def flush(self) -> str:
        """What was kept back: nothing more comes."""
        text, self._held = self._held, ""
        return self._masker.masked(text)
