"""Recording wraps an upstream; replaying takes its place."""

from collections.abc import AsyncGenerator, Iterator
from dataclasses import replace
from pathlib import Path

import orjson
import structlog

from apps.core.aio import in_thread
from apps.llm.cassettes.canonical import canonical, key_of
from apps.llm.cassettes.nearest import Difference, nearest_difference
from apps.llm.cassettes.store import Cassette, CassetteStore
from apps.llm.errors import GatewayError
from apps.llm.gateway.observe import observer_for
from apps.llm.gateway.request import ModelRequest
from apps.llm.gateway.sse import SseSplitter
from apps.llm.gateway.upstream import Upstream, UpstreamResponse
from apps.llm.keys import mask_secrets
from apps.secrets.masking import SecretMasker, session_masker

log = structlog.get_logger(__name__)

_SPOKEN = frozenset(
    {"content", "text", "thinking", "reasoning_content", "partial_json", "arguments"}
)


class RecorderUpstream:
    """Keeps answers that came to their end; failures and broken streams are passed by."""

    def __init__(self, upstream: Upstream, directory: Path | str) -> None:
        self._upstream = upstream
        self._store = CassetteStore(directory)

    async def open(self, request: ModelRequest) -> UpstreamResponse:
        response = await self._upstream.open(request)
        if response.status != 200:
            return response
        return UpstreamResponse(
            status=200, headers=response.headers, chunks=self._recorded(request, response)
        )

    async def _recorded(
        self, request: ModelRequest, response: UpstreamResponse
    ) -> AsyncGenerator[bytes, None]:
        tape = _Tape(request)
        saved = False
        try:
            async for chunk in response.chunks:
                tape.add(chunk)
                if tape.at_end and not saved:
                    # Before the last bytes go out: the client stops reading there.
                    await in_thread(self._save, request, tape.chunks)
                    saved = True
                yield chunk
            if tape.is_complete() and not saved:
                await in_thread(self._save, request, tape.chunks)
        finally:
            await response.aclose()

    def _save(self, request: ModelRequest, chunks: list[bytes]) -> None:
        known = session_masker(request.facts.session_id)
        asked = _asked(request, known)
        text = known.masked(mask_secrets(b"".join(chunks).decode(errors="replace")))
        parts = _events(text) if request.stream else [text]
        said = "".join(_words(parts))
        if known.masked(said) != said:
            # It was told in pieces: no piece can be masked, so none is kept.
            log.warning("an answer with a secret in it is not recorded", model=request.name)
            return
        self._store.save(key_of(asked), Cassette(request=asked, chunks=tuple(parts)))


class PlayerUpstream:
    def __init__(self, directory: Path | str) -> None:
        self._store = CassetteStore(directory)

    async def open(self, request: ModelRequest) -> UpstreamResponse:
        asked = await in_thread(_asked, request)
        cassette = await in_thread(self._store.load, key_of(asked))
        if cassette is None:
            raise await in_thread(self._miss, request, asked)
        return UpstreamResponse(status=200, chunks=_replayed(cassette))

    def _miss(self, request: ModelRequest, asked: dict[str, object]) -> GatewayError:
        differences = nearest_difference(asked, self._store.all())
        return GatewayError(
            f"No cassette answers this request for {request.name}. {_told(differences)}",
            code="cassette_miss",
            http_status=409,
        )


def _asked(request: ModelRequest, known: SecretMasker | None = None) -> dict[str, object]:
    """The request as cassettes know it, without the secrets of its session."""
    known = session_masker(request.facts.session_id) if known is None else known
    return canonical(replace(request, body=known.masked_value(dict(request.body))))


def _words(parts: list[str]) -> Iterator[str]:
    """What the model said and called in an answer, piece by piece."""
    for part in parts:
        for line in part.splitlines():
            body = line.removeprefix("data:").strip()
            if body.startswith("{"):
                yield from _texts(orjson.loads(body))


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            if isinstance(inner, str) and name in _SPOKEN:
                yield inner
            else:
                yield from _texts(inner)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _told(differences: list[Difference] | None) -> str:
    if differences is None:
        return "None is recorded at all."
    first = differences[0]
    return (
        f"The nearest one differs in {len(differences)} places, first at {first.path}:"
        f" recorded {first.recorded!r}, asked {first.asked!r}."
    )


async def _replayed(cassette: Cassette) -> AsyncGenerator[bytes, None]:
    for chunk in cassette.chunks:
        yield chunk.encode()


class _Tape:
    """The chunks of an answer, and whether they are all."""

    def __init__(self, request: ModelRequest) -> None:
        self.chunks: list[bytes] = []
        self.at_end = False  # the end marker of a stream has come
        self._is_stream = request.stream
        self._splitter = SseSplitter()
        self._observer = observer_for(request.dialect, request.endpoint)

    def add(self, chunk: bytes) -> None:
        self.chunks.append(chunk)
        if not self._is_stream:
            return
        for event in self._splitter.feed(chunk):
            self._observer.event(event)
            self.at_end |= self._observer.seen.is_last

    def is_complete(self) -> bool:
        if not self._is_stream:
            self._observer.message(b"".join(self.chunks))
        return self._observer.seen.complete


def _events(text: str) -> list[str]:
    splitter = SseSplitter()
    events = [event.decode() for event in splitter.feed(text.encode())]
    return [*events, splitter.rest.decode()] if splitter.rest else events
