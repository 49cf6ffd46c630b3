"""What the model gateway adds: streams through it, and straight from the same provider, in turns.

The provider is a bare server in a process of its own, so that its own work does not hide ours. So
many streams are open all the time, each followed by the next; per call the time to the first byte.
With DJINNBOT_BENCH_PEER_URL, the base URL of another gateway that serves the model `stream` from
the provider at DJINNBOT_BENCH_PROVIDER_PORT, that one takes its turns too.
Usage: python -m tests.benchmarks gateway
"""

import asyncio
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx2

from tests.benchmarks.bare_provider import STREAM_S
from tests.benchmarks.harness import Interleaved, Samples
from tests.benchmarks.place import platform
from tests.support.live import LiveProcess, free_port

STREAMS = (1, 50, 200)
ROUNDS = 3
CALLS = 200  # a way and round; more where many streams are open, fewer where one is


@dataclass(frozen=True, slots=True)
class Target:
    url: str
    key: str
    model: str


def main() -> None:
    port = int(os.environ.get("DJINNBOT_BENCH_PROVIDER_PORT") or free_port())
    with platform(
        {"OPENAI_BASE_URL": f"http://127.0.0.1:{port}/v1", "OPENAI_API_KEY": "none"}
    ) as world:
        provider = _provider(world.live.log_dir, port)
        try:
            direct = Target(f"http://127.0.0.1:{port}/v1", "any-key", "stream")
            gateway = Target(f"{world.live.url}/v1/internal/llm/v1", _token(), "openai/stream")
            for streams in STREAMS:
                bench = Interleaved(f"time to first byte, {streams} streams")
                bench.add("direct", _way(direct, streams))
                bench.add("gateway", _way(gateway, streams))
                if peer := os.environ.get("DJINNBOT_BENCH_PEER_URL"):
                    key = os.environ.get("DJINNBOT_BENCH_PEER_KEY", "none")
                    bench.add("peer", _way(Target(peer, key, "stream"), streams))
                bench.run(ROUNDS)
        finally:
            provider.kill()


def _provider(log_dir: Path, port: int) -> LiveProcess:
    return LiveProcess(
        name="provider",
        command=[sys.executable, "-m", "tests.benchmarks.bare_provider", str(port)],
        environment=dict(os.environ),
        log_path=log_dir / "provider.log",
        ready=lambda process: "listening" in process.log,
    ).start()


def _token() -> str:
    from apps.accounts.services import session_token_create

    return session_token_create("ses_bench", "bench", grants={"models": ["*"]}, ttl_s=3600)


def _way(target: Target, count: int) -> Callable[[], Samples]:
    return lambda: asyncio.run(_streams(target, count))


async def _streams(target: Target, count: int) -> Samples:
    """`count` streams at any time, begun one after the other, until enough were taken."""
    taken: Samples = []
    wanted = max(CALLS, count * 3) if count > 1 else CALLS // 20
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=count)
    async with httpx2.AsyncClient(base_url=target.url, limits=limits, timeout=60) as client:
        client.headers["authorization"] = f"Bearer {target.key}"

        async def one(number: int) -> None:
            await asyncio.sleep(number * STREAM_S / count)
            await _stream(client, target.model)  # opens the connection
            while len(taken) < wanted:
                taken.append(await _stream(client, target.model))

        await asyncio.gather(*(one(number) for number in range(count)))
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
