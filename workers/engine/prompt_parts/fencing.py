"""Text of others in a prompt: marked as data, with its origin, so that it cannot pose as orders."""

import hashlib
import re

_TAG = re.compile(r"<(?=/?data\b)", re.IGNORECASE)


def fenced(text: str, origin: str) -> str:
    """`text` as data. Its own `<data` tags lose their meaning, so it cannot close the fence.

    Deterministic on purpose: equal prompts are equal bytes, for prompt caches and recordings.
    """
    body = _TAG.sub("&lt;", text.strip("\n"))
    mark = hashlib.sha256(body.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f'<data origin="{_attribute(origin)}" id="{mark}">\n{body}\n</data id="{mark}">'


def _attribute(text: str) -> str:
    return re.sub(r"[\"<>\s]+", " ", text).strip()[:200]
