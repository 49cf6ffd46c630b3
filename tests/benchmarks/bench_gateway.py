"""What the model gateway adds: streams through it, and straight from the same provider, in turns.

The provider is the scripted model in a process of its own. Per call: the time to the first byte of
the answer, at 1, 50 and 200 streams side by side.
Usage: python -m tests.benchmarks gateway
"""

import asyncio
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx2

from tests.benchmarks.harness import Interleaved, Samples
from tests.benchmarks.place import platform
from tests.support.live import LiveProcess, free_port

STREAMS = (1, 50, 200)
ROUNDS = 3
_SCRIPT = """
chunk_delay_s: 0.02
steps: {"*": [{turns: [{say: "Some pieces of text, each at its time, keep the stream open."}]}]}
"""


@dataclass(frozen=True, slots=True)
class Target:
    url: str
    key: str
    model: str


def main() -> None:
    port = free_port()
    with platform(
        {"OPENAI_BASE_URL": f"http://127.0.0.1:{port}/v1", "OPENAI_API_KEY": "none"}
    ) as world:
        scripts = world.layout.home / "scripts"
        scripts.mkdir(exist_ok=True)
        (scripts / "stream.yml").write_text(_SCRIPT)
        provider = _provider(world.live.environment, world.live.log_dir, port)
        try:
            direct = Target(f"http://127.0.0.1:{port}/v1", "any-key", "stream")
            gateway = Target(f"{world.live.url}/v1/internal/llm/v1", _token(), "openai/stream")
            for streams in STREAMS:
                bench = Interleaved(f"time to first byte, {streams} streams")
                bench.add("direct", _way(direct, streams))
                bench.add("gateway", _way(gateway, streams))
                bench.run(ROUNDS)
        finally:
            provider.kill()


def _provider(environment: dict[str, str], log_dir: Path, port: int) -> LiveProcess:
    return LiveProcess(
        name="provider",
        command=[sys.executable, "manage.py", "run_scripted_llm", "--port", str(port)],
        environment={**environment, "LOG_LEVEL": "INFO"},
        log_path=log_dir / "provider.log",
        ready=lambda process: "Listening on TCP" in process.log,
    ).start()


def _token() -> str:
    from apps.accounts.services import session_token_create

    return session_token_create("ses_bench", "bench", grants={"models": ["*"]}, ttl_s=3600)


def _way(target: Target, count: int) -> Callable[[], Samples]:
    return lambda: asyncio.run(_streams(target, count))


async def _streams(target: Target, count: int) -> Samples:
    """Rounds of `count` streams until at least 100 were taken."""
    taken: Samples = []
    limits = httpx2.Limits(max_connections=None)
    async with httpx2.AsyncClient(base_url=target.url, limits=limits, timeout=60) as client:
        client.headers["authorization"] = f"Bearer {target.key}"
        await asyncio.gather(
            *(_stream(client, target.model) for _ in range(count))
        )  # connections open
        while len(taken) < max(count, min(100, count * 20)):
            taken += await asyncio.gather(*(_stream(client, target.model) for _ in range(count)))
    return taken


async def _stream(client: httpx2.AsyncClient, model: str) -> float:
    body = {"model": model, "stream": True, "messages": [{"role": "user", "content": "go"}]}
    began = time.perf_counter()
    first = 0.0
    async with client.stream("POST", "/chat/completions", json=body) as response:
        assert response.status_code == 200, await response.aread()
        async for _ in response.aiter_bytes():
            first = first or time.perf_counter() - began
    return first


if __name__ == "__main__":
    main()
