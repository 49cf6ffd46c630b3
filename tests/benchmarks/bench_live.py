"""An event from its commit to many websocket clients, at a calm rate and in a burst; and how fast
a client that was away gets the events that it missed.

Latency runs from before the event is appended (PostgreSQL commit included) to the arrival of its
frame at a client. Usage: python -m tests.benchmarks live
"""

import asyncio
import base64
import json
import os
import time
from dataclasses import dataclass, field

from tests.benchmarks.harness import Samples, in_ms, report
from tests.benchmarks.place import platform
from tests.chaos.world import World

CLIENTS = (1, 50, 500)
CALM_MESSAGES = 150
TEXT = "x" * 300
MISSED = 10_000
STREAMS_A_USER = 20


@dataclass
class Crowd:
    """What all clients of one round have received."""

    latencies: Samples = field(default_factory=list)

    def clear(self) -> None:
        self.latencies.clear()


class Client(asyncio.Protocol):
    """A bare websocket client: it subscribes once and looks for the time stamp in what comes."""

    def __init__(self, crowd: Crowd, key: str, topic: str, since: int | None = None) -> None:
        self.crowd = crowd
        self.key = key
        self.topic = topic
        self.since = since
        self.buffer = b""
        self.open = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        nonce = base64.b64encode(os.urandom(16)).decode()
        transport.write(
            (
                "GET /ws/ HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
                f"Connection: Upgrade\r\nSec-WebSocket-Key: {nonce}\r\n"
                f"Sec-WebSocket-Version: 13\r\nAuthorization: Bearer {self.key}\r\n\r\n"
            ).encode()
        )

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if not self.open.done():
            self._handshake()
            return
        now = time.time()
        while True:
            start = self.buffer.find(b"<T")
            end = self.buffer.find(b"T>", start + 2)
            if start < 0 or end < 0:
                return
            self.crowd.latencies.append(now - float(self.buffer[start + 2 : end]))
            self.buffer = self.buffer[end + 2 :]

    def _handshake(self) -> None:
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        if b" 101 " not in self.buffer[:20]:
            self.open.set_exception(RuntimeError(self.buffer[:200].decode(errors="replace")))
            return
        self.buffer = self.buffer[end + 4 :]
        wish: dict[str, object] = {"op": "subscribe", "topic": self.topic}
        if self.since is not None:
            wish["last_event_id"] = self.since
        message = json.dumps(wish).encode()
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[i % 4] for i, byte in enumerate(message))
        self.transport.write(bytes([0x81, 0x80 | len(message)]) + mask + masked)
        self.open.set_result(None)


def main() -> None:
    with platform() as world:
        keys = _keys(max(CLIENTS) // STREAMS_A_USER + 1)
        run_id = world.start_run(world.add_pipeline("bench", 1))
        topic = f"run:{run_id}"
        for clients in CLIENTS:
            asyncio.run(_round(world, topic, clients, keys))
        asyncio.run(_replay(world, f"run:{world.start_run('bench')}", keys[0]))


def _keys(users: int) -> list[str]:
    """API keys of as many administrators: a user may hold only so many streams."""
    from apps.accounts.models import User
    from apps.accounts.services import api_key_create

    made = []
    for n in range(users):
        user = User.objects.create_superuser(f"bench{n}", password=None)
        made.append(api_key_create(user=user, name="bench", scopes=["admin", "read", "runs"]))
    return made


async def _round(world: World, topic: str, clients: int, keys: list[str]) -> None:
    crowd = Crowd()
    loop = asyncio.get_running_loop()
    opened = []
    for n in range(clients):
        key = keys[n // STREAMS_A_USER]
        _, client = await loop.create_connection(
            lambda key=key: Client(crowd, key, topic),  # type: ignore[misc]
            "127.0.0.1",
            world.live.platform.port,
        )
        opened.append(client)
        await client.open
    await asyncio.sleep(1 + clients / 200)
    await _calm(crowd, topic, clients)
    await _burst(crowd, topic, clients)
    for client in opened:
        client.transport.abort()


async def _calm(crowd: Crowd, topic: str, clients: int) -> None:
    rate = 50 if clients <= 50 else 10
    crowd.clear()
    for _ in range(CALM_MESSAGES if clients <= 50 else CALM_MESSAGES // 3):
        await asyncio.to_thread(_append, topic, 1)
        await asyncio.sleep(1 / rate)
    await _quiet(crowd)
    sent = (CALM_MESSAGES if clients <= 50 else CALM_MESSAGES // 3) * clients
    report(
        "live events",
        f"{clients} clients, {rate}/s",
        **in_ms(crowd.latencies),
        lost=sent - len(crowd.latencies),
    )


async def _burst(crowd: Crowd, topic: str, clients: int) -> None:
    messages = max(60, min(3000, 30_000 // clients))
    crowd.clear()
    began = time.time()
    for _ in range(messages // 20):
        await asyncio.to_thread(_append, topic, 20)
    last = await _quiet(crowd)
    sent = messages // 20 * 20 * clients
    report(
        "live events",
        f"{clients} clients, burst of {messages}",
        deliveries_s=round(len(crowd.latencies) / (last - began)),
        lost_percent=round(100 * (1 - len(crowd.latencies) / sent), 2),
        **in_ms(crowd.latencies),
    )


async def _replay(world: World, topic: str, key: str) -> None:
    """One client asks for a topic from its beginning, and reads everything that ever happened."""
    for _ in range(MISSED // 500):
        await asyncio.to_thread(_append, topic, 500)
    crowd = Crowd()
    rates = []
    for _ in range(3):
        crowd.clear()
        _, client = await asyncio.get_running_loop().create_connection(
            lambda: Client(crowd, key, topic, since=0), "127.0.0.1", world.live.platform.port
        )
        await client.open
        began = time.time()
        last = await _quiet(crowd)
        rates.append(len(crowd.latencies) / (last - began))
        client.transport.abort()
    report(
        "live events",
        f"one client that missed {MISSED}",
        events_s=round(sorted(rates)[1]),
        lost=MISSED - len(crowd.latencies),
    )


def _append(topic: str, count: int) -> None:
    from django.db import connection, transaction

    from apps.core.events import NewEvent, events_append

    with transaction.atomic():
        text = f"{TEXT}<T{time.time():.6f}T>"
        event = NewEvent(type="AGENT_STATE", payload={"text": text}, lifecycle=False)
        events_append(topic, [event] * count)
    connection.close()  # the next call may come from another thread


async def _quiet(crowd: Crowd) -> float:
    """Wait until nothing has come for two seconds; when the last frame came."""
    seen, last = -1, time.time()
    while time.time() - last < 2:
        if len(crowd.latencies) != seen:
            seen, last = len(crowd.latencies), time.time()
        await asyncio.sleep(0.02)
    return last


if __name__ == "__main__":
    main()
