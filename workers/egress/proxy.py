"""The forward proxy: `CONNECT` for TLS and the rest, absolute addresses for plain HTTP.

    connection → token in its first request → policy → rules → the checked address → bytes

A connection belongs to the session whose token its first request carried. Bodies are never looked
into. h11 frames plain HTTP on both sides, so that nobody smuggles a second request past the rules.
"""

import asyncio
import base64
import binascii
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

import h11
import structlog

from apps.core.hosts import host_normalised
from apps.sessions.egress import EgressPolicy, Verdict
from workers.egress.records import Records
from workers.egress.rules import Endpoint, Refused, Rules, Unresolved

log = structlog.get_logger(__name__)

HEAD_TIMEOUT_S = 30.0
CONNECT_TIMEOUT_S = 10.0
IDLE_TIMEOUT_S = 900.0
CONNECTIONS_LIMIT = 128  # of one session at once
_HEAD_BYTES = 64 * 1024
_CHUNK = 64 * 1024
_HOP_BY_HOP = frozenset(
    {
        *(b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization"),
        *(b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade"),
    }
)

PolicyOf = Callable[[str], Awaitable[EgressPolicy | None]]
Headers = list[tuple[bytes, bytes]]


class _Answer(Exception):
    """End the request with an answer of our own. `reason` reaches the user of most tools."""

    def __init__(self, status: int, reason: str, *headers: tuple[bytes, bytes]) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.headers = headers


@dataclass(slots=True)
class _Tally:
    sent: int = 0
    received: int = 0


class EgressProxy:
    def __init__(self, *, policy_of: PolicyOf, rules: Rules, records: Records) -> None:
        self._policy_of = policy_of
        self._rules = rules
        self._records = records
        self._open: Counter[str] = Counter()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection to its end. Never raises but for cancellation."""
        try:
            await _Client(self, reader, writer).run()
        except (OSError, TimeoutError, h11.ProtocolError, asyncio.IncompleteReadError) as exc:
            log.debug("a connection broke off", error=type(exc).__name__)
        finally:
            await _close(writer)

    async def policy(self, request: h11.Request) -> EgressPolicy:
        token = _token(request.headers)
        policy = await self._policy_of(token) if token else None
        if policy is None:
            raise _Answer(407, "no session", (b"proxy-authenticate", b"Bearer"))
        return policy

    @contextlib.asynccontextmanager
    async def upstream(
        self, policy: EgressPolicy, host: str, port: int
    ) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter, _Tally]]:
        """A connection to where the rules allow, counted. Raises _Answer."""
        tally = _Tally()
        self._open[policy.session_id] += 1
        try:
            reader, writer = await self._connect(policy, host, port)
            try:
                yield reader, writer, tally
            finally:
                await _close(writer)
        finally:
            self._open[policy.session_id] -= 1
            if not self._open[policy.session_id]:
                del self._open[policy.session_id]
            if tally.sent or tally.received:
                self._records.carried(policy, host, port, sent=tally.sent, received=tally.received)

    async def _connect(
        self, policy: EgressPolicy, host: str, port: int
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        try:
            if self._open[policy.session_id] > CONNECTIONS_LIMIT or not self._records.has_room(
                policy, host, port
            ):
                raise Refused(Verdict.TOO_MANY, host, port)
            endpoints = await self._rules.endpoints(policy, host, port)
        except Refused as exc:
            self._records.asked(policy, host, port, exc.verdict)
            raise _Answer(
                403, f"DjinnBot: {exc}", (b"x-djinnbot-egress", str(exc.verdict).encode())
            ) from exc
        except Unresolved as exc:
            raise _Answer(502, f"DjinnBot: {exc}") from exc
        self._records.asked(policy, host, port, Verdict.ALLOWED)
        return await _open_first(endpoints, f"{host}:{port}")


class _Client:
    """One connection of a box: any number of plain requests, or one tunnel."""

    def __init__(
        self, proxy: EgressProxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._proxy = proxy
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=_HEAD_BYTES)
        self._policy: EgressPolicy | None = None

    async def run(self) -> None:
        while True:
            async with asyncio.timeout(IDLE_TIMEOUT_S if self._policy else HEAD_TIMEOUT_S):
                event = await self._next_event()
            if not isinstance(event, h11.Request):
                return
            try:
                await self._handle(event)
            except _Answer as answer:
                await self._say(answer)
                return
            if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
                return
            self._http.start_next_cycle()

    async def _handle(self, request: h11.Request) -> None:
        if self._policy is None:
            self._policy = await self._proxy.policy(request)
        if request.method == b"CONNECT":
            await self._tunnel(self._policy, *_authority(request.target))
        else:
            await self._forward(self._policy, request)

    # Tunnels

    async def _tunnel(self, policy: EgressPolicy, host: str, port: int) -> None:
        async with self._proxy.upstream(policy, host, port) as (reader, writer, tally):
            self._writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await self._writer.drain()
            early, _ = self._http.trailing_data
            if early:
                writer.write(early)
                tally.sent += len(early)

            def sent(count: int) -> None:
                tally.sent += count

            def received(count: int) -> None:
                tally.received += count

            await both_ways(pump(self._reader, writer, sent), pump(reader, self._writer, received))

    # Plain HTTP

    async def _forward(self, policy: EgressPolicy, request: h11.Request) -> None:
        host, port, target = _destination(request.target)
        async with self._proxy.upstream(policy, host, port) as (reader, writer, tally):
            upstream = h11.Connection(h11.CLIENT, max_incomplete_event_size=_HEAD_BYTES)
            head = h11.Request(
                method=request.method,
                target=target,
                headers=_forwarded(request.headers, host, port),
            )
            data = upstream.send(head)
            writer.write(data)
            tally.sent += len(data)
            body = asyncio.create_task(self._send_body(upstream, writer, tally))
            try:
                await self._answer_from(upstream, reader, tally)
            finally:
                body.cancel()
                await asyncio.wait({body})  # awaiting it would take our own cancellation for its
                with contextlib.suppress(asyncio.CancelledError, OSError, h11.ProtocolError):
                    body.result()

    async def _send_body(
        self, upstream: h11.Connection, writer: asyncio.StreamWriter, tally: _Tally
    ) -> None:
        while True:
            event = await self._next_event()
            if not isinstance(event, h11.Data | h11.EndOfMessage):
                return
            data = upstream.send(event)
            writer.write(data)
            tally.sent += len(data)
            await writer.drain()
            if isinstance(event, h11.EndOfMessage):
                return

    async def _answer_from(
        self, upstream: h11.Connection, reader: asyncio.StreamReader, tally: _Tally
    ) -> None:
        while True:
            event = upstream.next_event()
            if event is h11.NEED_DATA:
                async with asyncio.timeout(IDLE_TIMEOUT_S):
                    data = await reader.read(_CHUNK)
                tally.received += len(data)
                upstream.receive_data(data)
                continue
            if isinstance(event, h11.InformationalResponse):
                continue  # the body is on its way already
            if isinstance(event, h11.Response):
                event = h11.Response(
                    status_code=event.status_code,
                    reason=event.reason,
                    headers=_without_hops(event.headers),
                )
            if not isinstance(event, h11.Response | h11.Data | h11.EndOfMessage):
                raise h11.RemoteProtocolError("the server ended too early")
            self._writer.write(self._http.send(event) or b"")
            await self._writer.drain()
            if isinstance(event, h11.EndOfMessage):
                return

    # Both

    async def _next_event(self) -> object:
        while True:
            event = self._http.next_event()
            if event is not h11.NEED_DATA:
                return event
            if self._http.they_are_waiting_for_100_continue:
                go_on = h11.InformationalResponse(status_code=100, headers=[])
                self._writer.write(self._http.send(go_on) or b"")
                await self._writer.drain()
            self._http.receive_data(await self._reader.read(_CHUNK))

    async def _say(self, answer: _Answer) -> None:
        """Our own answer; the connection ends with it."""
        body = f"{answer.reason}\n".encode()
        headers: Headers = [
            *answer.headers,
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
        ]
        lines = [
            f"HTTP/1.1 {answer.status} {answer.reason}".encode("ascii", "replace"),
            *(name + b": " + value for name, value in headers),
        ]
        self._writer.write(b"\r\n".join(lines) + b"\r\n\r\n" + body)
        with contextlib.suppress(OSError):
            await self._writer.drain()


# Reading requests


def _token(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """From `Proxy-Authorization`: a bearer, or the password of `Basic`, as `curl -U` sends it."""
    for name, value in headers:
        if name.lower() != b"proxy-authorization":
            continue
        scheme, _, credential = value.partition(b" ")
        if scheme.lower() == b"bearer":
            return credential.strip().decode("ascii", "replace")
        if scheme.lower() == b"basic":
            with contextlib.suppress(binascii.Error, ValueError):
                decoded = base64.b64decode(credential.strip(), validate=True)
                return decoded.decode("ascii", "replace").partition(":")[2]
    return ""


def _authority(target: bytes) -> tuple[str, int]:
    host, _, port = target.decode("ascii", "replace").rpartition(":")
    return _place(host, port)


def _destination(target: bytes) -> tuple[str, int, bytes]:
    """Host, port, and what to ask there, of `http://host:port/path`."""
    try:
        parts = urlsplit(target.decode("ascii"))
        port = str(parts.port or 80)
    except ValueError as exc:
        raise _Answer(400, "DjinnBot: this is no address") from exc
    if parts.scheme != "http" or not parts.hostname:
        raise _Answer(400, "DjinnBot: this is a proxy; use it for http:// and CONNECT")
    path = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    return *_place(parts.hostname, port), path.encode()


def _place(host: str, port: str) -> tuple[str, int]:
    try:
        name = host_normalised(host)
    except ValueError as exc:
        raise _Answer(400, "DjinnBot: this is no host name") from exc
    if not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise _Answer(400, "DjinnBot: this is no port")
    return name, int(port)


def _forwarded(headers: Iterable[tuple[bytes, bytes]], host: str, port: int) -> Headers:
    """One request, one connection; and `Host` says where the rules let it go."""
    name = f"[{host}]" if ":" in host else host
    place = name if port == 80 else f"{name}:{port}"
    kept = [pair for pair in _without_hops(headers) if pair[0].lower() != b"host"]
    chunked = any(
        key.lower() == b"transfer-encoding" and b"chunked" in value.lower()
        for key, value in headers
    )
    framing = [(b"transfer-encoding", b"chunked")] if chunked else []
    return [(b"host", place.encode()), *kept, *framing, (b"connection", b"close")]


def _without_hops(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    pairs = list(headers)
    named = {
        word.strip().lower()
        for key, value in pairs
        if key.lower() == b"connection"
        for word in value.split(b",")
    }
    return [pair for pair in pairs if pair[0].lower() not in _HOP_BY_HOP | named]


# Carrying bytes


async def _open_first(
    endpoints: Iterable[Endpoint], place: str
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    for end in endpoints:
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                return await asyncio.open_connection(end.address, end.port, family=end.family)
    raise _Answer(502, f"DjinnBot: {place} does not answer")


async def pump(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, count: Callable[[int], None]
) -> None:
    """Carry bytes until one side ends, then pass the end on."""
    with contextlib.suppress(OSError, TimeoutError):
        while True:
            async with asyncio.timeout(IDLE_TIMEOUT_S):
                data = await reader.read(_CHUNK)
            if not data:
                break
            count(len(data))
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()


async def both_ways(there: Awaitable[None], back: Awaitable[None]) -> None:
    """Until both directions have ended. An answer may go on after the question is out."""
    await asyncio.gather(there, back)


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(5):
            await writer.wait_closed()
