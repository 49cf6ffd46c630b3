"""Two thousand calls at once through one web process: each is answered or told why not."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import orjson
import pytest

from apps.core.aio import in_thread
from apps.llm import services
from apps.llm.models import Budget, BudgetCounter, BudgetHold, LlmCall
from tests.apps.llm.conftest import Caller, Gateway
from tests.apps.llm.foreign import said

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.chaos,
    pytest.mark.timeout(600),
]
CALLS = 2000
ALLOWED = 1500
A_CLIENT = 100  # a client's own pool slows down with its size
MEMORY_MB = 500
TYPED = {"budget_exceeded", "dependency_down"}


@asynccontextmanager
async def slow_provider() -> AsyncIterator[str]:
    """Answers each request after two seconds, so that they pile up in the gateway."""
    body = orjson.dumps(said().body)
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                asked = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = re.search(rb"content-length: *(\d+)", asked)
                await reader.readexactly(int(length[1]) if length else 0)
                await asyncio.sleep(2)
                writer.write(head % len(body) + body)
                await writer.drain()
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=CALLS)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    finally:
        server.close()


async def ask(client: httpx2.AsyncClient) -> str:
    """ "" for an answer, else the code of the refusal."""
    body = {"model": "custom-crowd/any", "messages": [{"role": "user", "content": "go"}]}
    answer = await client.post("/chat/completions", json=body)
    if answer.status_code == 200:
        assert answer.json()["choices"][0]["message"]["content"] == "hello"
        return ""
    return str(answer.json()["error"]["code"])


async def some(caller: Caller) -> list[str]:
    limits = httpx2.Limits(max_connections=None)
    headers = {"authorization": f"Bearer {caller.token}"}
    async with httpx2.AsyncClient(
        base_url=f"{caller.url}/v1/internal/llm/v1", headers=headers, limits=limits, timeout=400
    ) as client:
        return await asyncio.gather(*(ask(client) for _ in range(A_CLIENT)))


def peak_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) / 1024


async def crowd(callers: Sequence[Caller], register: Callable[[str], None]) -> list[str]:
    async with slow_provider() as url:
        await in_thread(register, url)
        found = await asyncio.gather(*(some(caller) for caller in callers))
    return [code for part in found for code in part]


def test_two_thousand_calls_at_once(gateway: Gateway, caller: Callable[..., Caller]) -> None:
    pid = gateway.live.started["web"].pid
    before_mb = peak_mb(pid)
    Budget.objects.all().delete()
    Budget.objects.create(scope="run", window="total", hard_calls=ALLOWED)
    callers = [caller("custom-crowd/*", run_id="run_crowd") for _ in range(CALLS // A_CLIENT)]

    def register(url: str) -> None:
        free = {"free": True}
        services.provider_create(slug="crowd", base_url=url, allow_private=True, extra=free)

    codes = Counter(asyncio.run(crowd(callers, register)))
    assert codes.total() == CALLS
    assert set(codes) <= {"", *TYPED}, codes
    assert 0 < codes[""] <= ALLOWED
    assert not BudgetHold.objects.filter(released_at=None).exists()
    counter = BudgetCounter.objects.get(subject="run_crowd")
    assert (counter.held_calls, counter.spent_calls) == (0, codes[""])
    answered = LlmCall.objects.filter(run_id="run_crowd", error_class="")
    assert answered.count() == codes[""]
    assert not LlmCall.objects.filter(ended_at=None).exists()
    assert peak_mb(pid) - before_mb < MEMORY_MB
