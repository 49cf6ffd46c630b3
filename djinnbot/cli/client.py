"""HTTP to a platform: problems become sentences, streams resume."""

import contextlib
import json
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx2

from djinnbot.cli.errors import CliError, Exit, Unreachable
from djinnbot.cli.options import Options

_CODES = {
    400: Exit.USAGE,
    401: Exit.NOT_SIGNED_IN,
    402: Exit.REFUSED,
    403: Exit.REFUSED,
    404: Exit.NOT_FOUND,
    408: Exit.TIMEOUT,
    409: Exit.CONFLICT,
    410: Exit.NOT_FOUND,
    412: Exit.CONFLICT,
    413: Exit.REFUSED,
    422: Exit.USAGE,
    423: Exit.CONFLICT,
    429: Exit.REFUSED,
    504: Exit.TIMEOUT,
}
_RECONNECT_FIRST_S = 0.2
_RECONNECT_MOST_S = 5.0
SILENCE_S = 60.0  # the server sends a heartbeat every 15 s


@dataclass(frozen=True, slots=True)
class Frame:
    """One event of a stream."""

    id: str
    type: str
    data: dict[str, Any]
    raw: dict[str, Any]


class HistoryGone(Exception):
    """The events after the position asked for are no longer kept."""


class Api:
    """A signed-in client. Every failure is a CliError."""

    def __init__(self, options: Options) -> None:
        self.url, key = options.endpoint()
        headers = {"Accept": "application/json"}
        if key:
            headers["Authorization"] = f"Bearer {key}"
        self._timeout_s = options.request_timeout_s
        self._client = httpx2.Client(
            base_url=self.url, headers=headers, timeout=self._timeout_s, follow_redirects=True
        )

    def get(self, path: str, **params: Any) -> Any:
        wanted = {name: value for name, value in params.items() if value not in (None, "")}
        return self.call("GET", path, params=wanted)

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """POST with an idempotency key, so that a repeated call does its work once."""
        return self.call(
            "POST", path, body=body or {}, headers={"Idempotency-Key": secrets.token_hex(16)}
        )

    def delete(self, path: str, **params: Any) -> Any:
        return self.call("DELETE", path, params=params)

    def call(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """The decoded answer; None for an empty one."""
        answer = self.raw(method, path, body=body, params=params, headers=headers)
        if answer.is_error:
            raise problem_of(answer)
        if not answer.content:
            return None
        try:
            return answer.json()
        except ValueError:
            raise CliError(f"{self.url}{path} did not answer with JSON: is it DjinnBot?") from None

    def raw(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx2.Response:
        with self._reached():
            return self._client.request(
                method, path, json=body, params=dict(params or {}), headers=dict(headers or {})
            )

    def follow(
        self, path: str, since: str, *, silence_s: Callable[[], float] = lambda: SILENCE_S
    ) -> Iterator[Frame | None]:
        """Events after `since`, through any number of broken connections, for ever.

        None stands for a heartbeat, or for a connection lost or silent for `silence_s()`: a
        moment for the caller to look at the clock and at the run itself.
        """
        pause_s = _RECONNECT_FIRST_S
        while True:
            with contextlib.suppress(httpx2.TransportError):
                for frame in self._stream(path, since, silence_s()):
                    pause_s = _RECONNECT_FIRST_S
                    since = frame.id if frame is not None and frame.id else since
                    yield frame
            yield None
            time.sleep(pause_s)
            pause_s = min(pause_s * 2, _RECONNECT_MOST_S)

    def _stream(self, path: str, since: str, silence_s: float) -> Iterator[Frame | None]:
        timeout = httpx2.Timeout(self._timeout_s, read=silence_s)
        with self._client.stream(
            "GET",
            path,
            params={"since": since},
            headers={"Accept": "text/event-stream, application/json"},
            timeout=timeout,
        ) as answer:
            if answer.status_code in {502, 503}:
                return  # the web process restarts
            if answer.is_error:
                answer.read()
                raise HistoryGone() if answer.status_code == 410 else problem_of(answer)
            yield from _frames(answer.iter_lines())

    @contextlib.contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except httpx2.TimeoutException as exc:
            raise Unreachable(
                f"{self.url} did not answer in {self._timeout_s:g} s.", Exit.TIMEOUT
            ) from exc
        except httpx2.ConnectError as exc:
            raise Unreachable(
                f"Nothing answers at {self.url}. Is the platform up? `djinn up` starts it; --url "
                "or DJINNBOT_URL chooses another address."
            ) from exc
        except (httpx2.TransportError, httpx2.InvalidURL) as exc:
            raise Unreachable(f"Cannot speak to {self.url}: {exc}.") from exc


def problem_of(answer: httpx2.Response) -> CliError:
    """The sentence in a problem document, and the exit code its status stands for."""
    code = _CODES.get(answer.status_code, Exit.ERROR)
    try:
        body = answer.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        return CliError(f"The platform answered {answer.status_code} without a reason.", code)
    text = str(body.get("detail") or body.get("title") or answer.status_code)
    details = [_pointed(error) for error in body.get("errors") or [] if isinstance(error, dict)]
    if len(details) > 1:
        text = f"{text} {'; '.join(details)}"
    if code is Exit.NOT_SIGNED_IN:
        text += " Give --api-key, set DJINNBOT_API_KEY, or use the home of the running platform."
    if answer.status_code >= 500 and body.get("request_id"):
        text += f" (request {body['request_id']})"
    away = answer.status_code in {502, 503}  # a server behind it restarts
    return Unreachable(text, code) if away else CliError(text, code)


def _pointed(error: Mapping[str, Any]) -> str:
    where = str(error.get("pointer", "")).strip("/")
    return f"{where}: {error.get('detail', '')}" if where else str(error.get("detail", ""))


def _frames(lines: Iterator[str]) -> Iterator[Frame | None]:
    """Server-sent events: fields until an empty line; a comment line is a heartbeat."""
    fields: dict[str, str] = {}
    for line in lines:
        if line.startswith(":"):
            yield None
        elif line:
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            fields[name] = f"{fields['data']}\n{value}" if name in fields else value
        elif fields:
            yield _frame(fields)
            fields = {}


def _frame(fields: Mapping[str, str]) -> Frame | None:
    try:
        raw = json.loads(fields.get("data", ""))
    except ValueError:
        return None
    if not isinstance(raw, dict):
        return None
    data = raw.get("data")
    return Frame(
        id=fields.get("id") or str(raw.get("id", "")),
        type=str(raw.get("type") or fields.get("event", "")),
        data=data if isinstance(data, dict) else {},
        raw=raw,
    )
