"""Parts of a prompt and their token budgets."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from workers.engine.prompt_parts.fencing import fenced

CHARACTERS_PER_TOKEN = 4  # the usual estimate; no tokenizer is the right one for every model
_CUT_MARK = "\n\n[… {left_out} characters left out …]\n\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptPart:
    """`characters` is the size in the prompt; `cut` how many characters the budget took away."""

    name: str
    text: str
    cut: int = 0
    error: str = ""  # why a best-effort part is not there

    @property
    def characters(self) -> int:
        return len(self.text)

    @property
    def tokens(self) -> int:
        return -(-len(self.text) // CHARACTERS_PER_TOKEN)

    def as_dict(self) -> dict[str, Any]:
        facts: dict[str, Any] = {
            "name": self.name,
            "characters": self.characters,
            "tokens": self.tokens,
            "cut": self.cut,
        }
        return {**facts, "error": self.error} if self.error else facts


def shortened(text: str, budget: int, *, keep: str = "ends") -> tuple[str, int]:
    """(text within `budget` characters, characters left out). `keep`: "ends", "head" or "tail"."""
    if len(text) <= budget:
        return text, 0
    left_out = len(text) - budget
    mark = _CUT_MARK.format(left_out=left_out)
    if keep == "head":
        return text[:budget] + mark, left_out
    if keep == "tail":
        return mark + text[left_out:], left_out
    half = budget // 2
    return text[:half] + mark + text[len(text) - (budget - half) :], left_out


def shared_out(texts: Sequence[str], budget: int) -> tuple[list[str], int]:
    """(the texts, the longest of them cut until all fit, characters left out)."""
    left, waiting, cap = budget, sorted(map(len, texts)), 0
    while waiting:
        cap = left // len(waiting)
        if waiting[0] > cap:
            break
        left -= waiting.pop(0)
    else:
        return list(texts), 0
    cut = [shortened(text, cap) if len(text) > cap else (text, 0) for text in texts]
    return [text for text, _ in cut], sum(left_out for _, left_out in cut)


def budget_of(part: str) -> int:
    """How many characters a part may have."""
    return int(settings.PROMPT_PART_TOKENS[part]) * CHARACTERS_PER_TOKEN


def data_part(
    name: str, items: Sequence[tuple[str, str]], frame: Callable[[str], str]
) -> PromptPart:
    """A part of (origin, text) items, each cut on its own and fenced whole."""
    items = [(origin, text) for origin, text in items if text.strip()]
    if not items:
        return PromptPart(name=name, text="")
    texts, left_out = shared_out([text for _, text in items], budget_of(name))
    body = "\n\n".join(fenced(text, origin) for text, (origin, _) in zip(texts, items, strict=True))
    return PromptPart(name=name, text=frame(body), cut=left_out)


def made_part(
    name: str, body: str, frame: Callable[[str], str], *, keep: str = "ends"
) -> PromptPart:
    """A part whose body is cut to its budget and then framed (heading, fence)."""
    if not body.strip():
        return PromptPart(name=name, text="")
    kept, left_out = shortened(body, budget_of(name), keep=keep)
    return PromptPart(name=name, text=frame(kept), cut=left_out)
