"""The control plane's API, asked with the session's token."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from httpx2 import AsyncClient, AsyncHTTPTransport, HTTPError, Limits, Response, Timeout

from workers.protocol.masking import Masker
from workers.runtime.config import RuntimeConfig

TIMEOUT_S = 30
MAX_BYTES = 32 * 1024 * 1024


class ApiError(Exception):
    """The API refused, or could not be reached. The text is for the agent. `code` and `extra`:
    what its problem document says."""

    def __init__(
        self, message: str, *, code: str = "", extra: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.extra = extra or {}


def http_client(config: RuntimeConfig, *, timeout: Timeout) -> AsyncClient:
    """A client that reaches the platform, over its Unix socket where the box has no network."""
    transport = AsyncHTTPTransport(
        uds=config.api_socket or None,
        limits=Limits(max_connections=20, keepalive_expiry=30),
        verify=config.api_url.startswith("https:"),  # without TLS no certificates need be read
    )
    return AsyncClient(transport=transport, timeout=timeout, trust_env=False)


class Api:
    def __init__(self, config: RuntimeConfig, masker: Masker | None = None) -> None:
        self._config = config
        self._masker = Masker() if masker is None else masker  # one that knows nothing is false
        self._client: AsyncClient | None = None

    async def json(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        """Raises ApiError."""
        return await self.ask("GET", path, query=query)

    async def ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Any:
        """The answer as JSON. Raises ApiError."""
        content = {} if body is None else {"json": dict(body)}
        try:
            return (await self._send(method, path, params=dict(query or {}), **content)).json()
        except ValueError as exc:
            raise ApiError(f"{path} answered with something that is not JSON.") from exc

    async def post(self, path: str, body: Mapping[str, Any]) -> None:
        """Tell the API something. Known secrets are masked: it is kept, and shown to others.
        Raises ApiError."""
        await self._send("POST", path, json=self._masker.masked_value(dict(body)))

    async def download(self, path: str, target: Path) -> int:
        """Store what stands at `path`; its size comes back. Raises ApiError and OSError."""
        data = (await self._send("GET", path)).content
        if len(data) > MAX_BYTES:
            raise ApiError(f"it has {len(data)} bytes; at most 32 MB can be fetched")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        return len(data)

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()

    async def _send(self, method: str, path: str, **content: Any) -> Response:
        if self._client is None:
            self._client = http_client(self._config, timeout=Timeout(TIMEOUT_S))
        headers = {"authorization": f"Bearer {self._config.token}"}
        try:
            answer = await self._client.request(
                method, f"{self._config.api_url}/v1{path}", headers=headers, **content
            )
        except HTTPError as exc:
            raise ApiError(f"the API does not answer: {type(exc).__name__}") from exc
        if not answer.is_success:
            raise _refusal(answer)
        return answer


def _refusal(answer: Response) -> ApiError:
    """What a problem document says, else the bare status."""
    try:
        problem = answer.json()
    except ValueError:
        problem = None
    facts: Mapping[str, Any] = problem if isinstance(problem, dict) else {}
    said = facts.get("detail") or facts.get("title")
    status = f"HTTP {answer.status_code}"
    message = f"{said} ({status})" if said else status
    return ApiError(message, code=str(facts.get("code", "")), extra=facts)
