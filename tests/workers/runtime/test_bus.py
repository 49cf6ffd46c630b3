"""The box's end of its streams, by itself."""

import asyncio

import redis
from django.conf import settings

from workers.protocol.messages import Ready
from workers.runtime.bus import Bus


async def test_sending_ends_whenever_it_is_cancelled(redis_client: redis.Redis) -> None:
    """A cancellation at each of the moments that sending an entry has is kept, none swallowed."""
    for moment in range(60):
        bus = Bus(settings.REDIS_URL, f"ses_{moment}")
        bus.start()
        bus.publish(Ready(run_id="run_1"))
        assert await bus.flushed(20)  # from here on the connection stands
        bus.publish(Ready(run_id="run_1"))
        for _ in range(moment):
            await asyncio.sleep(0)
        sender = bus._sender
        assert sender is not None
        sender.cancel()
        await asyncio.wait({sender}, timeout=30)
        assert sender.cancelled(), f"cancelled {moment} turns of the loop after publishing"
        await bus.close()
