"""How much a tool may put in front of the model, and how the rest is announced."""

MAX_LINES = 2000
MAX_BYTES = 50 * 1024
MAX_LINE_CHARS = 500  # of a search hit


def clip_bytes(text: str, limit: int = MAX_BYTES) -> str:
    """The longest beginning of `text` that fits into `limit` bytes of UTF-8."""
    encoded = text.encode(errors="replace")
    return text if len(encoded) <= limit else encoded[:limit].decode(errors="ignore")


def clip_line(line: str) -> str:
    if len(line) <= MAX_LINE_CHARS:
        return line
    return f"{line[:MAX_LINE_CHARS]}… [{len(line) - MAX_LINE_CHARS} more characters]"


def tail(text: str) -> tuple[str, bool]:
    """The last MAX_LINES lines within MAX_BYTES, and whether that cut something."""
    lines = text.splitlines(keepends=True)
    kept = "".join(lines[-MAX_LINES:])
    encoded = kept.encode(errors="replace")
    if len(encoded) > MAX_BYTES:
        kept = encoded[-MAX_BYTES:].decode(errors="ignore")
    return kept, len(kept) < len(text)
