"""Server-sent events, whole blocks at a time."""

import re
from collections.abc import Iterator

_END_OF_EVENT = re.compile(rb"\r?\n\r?\n|\r\r")


class SseSplitter:
    """Cuts a byte stream into events; each comes back exactly as it was sent."""

    def __init__(self) -> None:
        self.rest = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        self.rest += data
        while found := _END_OF_EVENT.search(self.rest):
            event, self.rest = self.rest[: found.end()], self.rest[found.end() :]
            yield event


def event_data(event: bytes) -> bytes:
    """The payload of an event; empty for a comment or a keep-alive."""
    lines = (line for line in event.splitlines() if line.startswith(b"data:"))
    return b"\n".join(line[5:].removeprefix(b" ") for line in lines)
