"""The runtime in this process, on real streams, with a real model server."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest_asyncio
import redis
from django.conf import settings

from tests.support.model_server import Answer, ModelServer
from workers.protocol.keys import StreamKeys
from workers.protocol.messages import (
    AgentStep,
    Command,
    Message,
    Output,
    StepEnd,
    ToolEnd,
    ToolStart,
)
from workers.protocol.wire import Envelope, decode, encode
from workers.runtime.config import RuntimeConfig
from workers.runtime.session import Session


@dataclass
class Driver:
    """The control plane's side of one session."""

    config: RuntimeConfig
    redis: redis.Redis
    session: "asyncio.Task[int] | None" = None
    _sent: int = 0
    seen: list[Envelope] = field(default_factory=list)

    @property
    def keys(self) -> StreamKeys:
        return StreamKeys(self.config.session_id)

    def send(self, command: Command) -> None:
        self._sent += 1
        self.redis.xadd(self.keys.cmd, encode(command, seq=self._sent, ts=1))  # type: ignore[arg-type]

    def read(self) -> list[Envelope]:
        """All that the box has said so far, in its order."""
        found = []
        for stream, key in (("out", self.keys.out), ("evt", self.keys.evt)):
            entries: Any = self.redis.xrange(key)
            found += [decode(fields, stream=stream) for _, fields in entries]  # type: ignore[arg-type]
        return sorted(found, key=lambda envelope: envelope.seq)

    def messages(self, *kinds: type[Message]) -> list[Any]:
        return [e.message for e in self.read() if not kinds or isinstance(e.message, kinds)]

    async def until(self, done: Callable[[], object], timeout_s: float = 20) -> Any:
        async with asyncio.timeout(timeout_s):
            while True:
                found = done()
                if found:
                    return found
                assert self.session is None or not self.session.done(), self.session.result()
                await asyncio.sleep(0.01)

    async def step(self, prompt: str = "Do it.", *, wait_s: float = 20, **fields: Any) -> StepEnd:
        """Run one `agentStep` to its end."""
        request_id = fields.pop("request_id", f"r{self._sent + 1}")
        self.send(AgentStep(request_id=request_id, prompt=prompt, **fields))
        return await self.end_of(request_id, wait_s)

    async def end_of(self, request_id: str, wait_s: float = 20) -> StepEnd:
        def end() -> StepEnd | None:
            ends = [e for e in self.messages(StepEnd) if e.request_id == request_id]
            return ends[0] if ends else None

        return await self.until(end, wait_s)  # type: ignore[no-any-return]

    def said(self, source: str = "assistant") -> str:
        return "".join(o.data for o in self.messages(Output) if o.source == source)

    def tools(self) -> list[tuple[str, bool, str]]:
        return [(t.tool_name, t.success, t.result) for t in self.messages(ToolEnd)]

    def tool_starts(self) -> list[ToolStart]:
        return self.messages(ToolStart)


Start = Callable[..., Driver]


@pytest_asyncio.fixture
async def start(redis_client: redis.Redis, tmp_path: Path) -> AsyncIterator[Callable[..., Driver]]:
    """`start([answers…], kind="pipeline", …)`: a session that serves."""
    running: list[tuple[Driver, ModelServer]] = []
    raw = redis.Redis.from_url(settings.REDIS_URL)
    home = tmp_path / "home"
    workspace = home / "run-workspace"
    workspace.mkdir(parents=True)
    (tmp_path / "tmp").mkdir()

    def begin(
        answers: Sequence[Answer] = (),
        *,
        unix: bool = False,
        beside: Answer | None = None,
        window_tokens: int = 0,
        **fields: Any,
    ) -> Driver:
        socket = tmp_path / "api.sock" if unix else None
        server = ModelServer(
            answers, unix_socket=socket, beside=beside, window_tokens=window_tokens
        )
        values: dict[str, Any] = {
            "session_id": f"ses_{len(running)}",
            "run_id": "run_1",
            "step_id": "BUILD",
            "attempt": 1,
            "agent_id": "yukihiro",
            "kind": "pipeline",
            "redis_url": settings.REDIS_URL,
            "api_url": server.url,
            "api_socket": str(socket or ""),
            "token": "dst_test",
            "model": "scripted/test",
            "thinking_level": "off",
            "home": home,
            "workspace": workspace,
            "tmp": tmp_path / "tmp",
            "inactivity_s": 60.0,
            "max_nudges": 3,
        }
        config = RuntimeConfig(**{**values, **fields})
        driver = Driver(config=config, redis=raw)
        driver.server = server  # type: ignore[attr-defined]
        driver.session = asyncio.create_task(Session(config).run())
        running.append((driver, server))
        return driver

    yield begin
    for driver, server in running:
        assert driver.session is not None
        if not driver.session.done():
            driver.session.cancel()
            ended, _ = await asyncio.wait({driver.session}, timeout=60)
            assert ended, driver.session.get_stack()
        server.close()
    raw.close()
