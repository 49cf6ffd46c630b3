"""How the instance is doing: checks of what it stands on, and figures that apps contribute."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import httpx2
import redis
import redis.asyncio
from django.conf import settings
from django.db import connection
from health_check.base import HealthCheck
from health_check.checks import Database
from health_check.contrib.redis import Redis
from health_check.exceptions import ServiceUnavailable

from apps.core.aio import in_thread
from apps.core.dispatch import Queue
from apps.core.redis import redis_client
from apps.core.space import StorageAway, space

LEAST_FREE_BYTES = 512 * 1024 * 1024
STORE_ANSWER_S = 2.0

Figures = Callable[[], Mapping[str, Any]]

_contributed: dict[str, Figures] = {}


def register_status(name: str, figures: Figures) -> None:
    """Add an app's figures to the status under its name. They must be quick to get."""
    _contributed[name] = figures


@dataclasses.dataclass
class FreeSpace(HealthCheck):  # type: ignore[misc]  # the package is untyped
    """Runs write worktrees and logs here; a full disk loses work."""

    def run(self) -> None:
        try:
            free = space().free_bytes
        except StorageAway as exc:
            raise ServiceUnavailable(str(exc)) from exc
        if free < LEAST_FREE_BYTES:
            raise ServiceUnavailable(f"only {free // 1024**2} MB are free")


@dataclasses.dataclass
class Migrated(HealthCheck):  # type: ignore[misc]  # the package is untyped
    """The tables are those that this code knows."""

    def run(self) -> None:
        from django.db.migrations.executor import MigrationExecutor

        try:
            executor = MigrationExecutor(connection)
            if executor.migration_plan(executor.loader.graph.leaf_nodes()):
                raise ServiceUnavailable("migrations are missing: run manage.py migrate")
        finally:
            connection.close()


def _redis() -> "redis.asyncio.Redis":
    return redis.asyncio.Redis.from_url(settings.REDIS_URL, socket_timeout=2.0, protocol=2)


async def health() -> dict[str, str]:
    """`{check: "ok" or what is wrong}`. Texts carry no address and no secret."""
    checks = {
        "database": Database(),
        "migrations": Migrated(),
        "redis": Redis(client_factory=_redis),
        "disk": FreeSpace(),
    }
    results: dict[str, str] = {}
    for name, check in checks.items():
        error = (await check.get_result()).error
        results[name] = "ok" if error is None else str(error.message)
    return results


def storage() -> dict[str, Any]:
    """Room on the data root's disk. `state` is `away` when nothing answers there."""
    store = {}
    if url := settings.OBJECT_STORE_HEALTH_URL:
        store = {"object_store_healthy": _answers(url)}
    try:
        found = space()
    except StorageAway as exc:
        return {"state": "away", "reason": str(exc), **store}
    return {
        "state": found.state,
        "free_percent": found.free_percent,
        "free_bytes": found.free_bytes,
        "total_bytes": found.total_bytes,
        "free_inodes": found.free_inodes,
        "total_inodes": found.total_inodes,
        "filesystem": found.filesystem,
        "juicefs_mounted": found.is_juicefs,
        "juicefs_volume": found.volume.removeprefix("JuiceFS:") if found.is_juicefs else "",
        "mount_age_s": found.mount_age_s,
        **store,
    }


def _answers(url: str) -> bool:
    try:
        return httpx2.get(url, timeout=STORE_ANSWER_S).is_success
    except httpx2.HTTPError:
        return False


async def status() -> dict[str, Any]:
    checks = await health()
    healthy = all(state == "ok" for state in checks.values())
    return {
        "status": "ok" if healthy else "degraded",
        "version": settings.VERSION,
        "checks": checks,
        "queues": await in_thread(queue_lengths),
        "storage": await in_thread(storage),
        **({name: await in_thread(get) for name, get in _contributed.items()} if healthy else {}),
    }


def queue_lengths() -> dict[str, int | None]:
    """Messages that wait for a worker, by queue; None when Redis does not say."""
    try:
        pipeline = redis_client().pipeline(transaction=False)
        for queue in Queue:
            pipeline.llen(str(queue))
        return dict(zip(map(str, Queue), pipeline.execute(), strict=True))
    except redis.RedisError:
        return {str(queue): None for queue in Queue}
