"""A platform of its own for a benchmark, with this process as one of its Django processes."""

import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import django
import psycopg

from djinnbot.embedded.postgres import Postgres
from tests.chaos.world import World, chaos_world

AS_SHIPPED = {
    "DJINNBOT_LEASE_S": "30",
    "DJINNBOT_LEASE_RENEW_S": "10",
    "DJINNBOT_RECONCILE_INTERVAL_S": "5",
}


@contextlib.contextmanager
def platform(environment: Mapping[str, str] | None = None) -> Iterator[World]:
    """PostgreSQL with fsync on, Valkey with its append-only file, web and beat; no worker yet."""
    with tempfile.TemporaryDirectory(prefix="djinnbot-bench-") as logs:
        chosen = {**AS_SHIPPED, **(environment or {})}
        with chaos_world(Path(logs), environment=chosen) as world:
            os.environ.update(world.live.environment, LOG_LEVEL="WARNING")
            django.setup()
            from djinnbot import celery  # noqa: F401  tasks are sent through the configured app

            yield world


def peer_database(world: World, name: str) -> str:
    """The URL of an empty database for a peer, on the same server as ours."""
    with world.database() as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {name}")
    ours = Postgres.of(world.layout).url().replace("postgres://", "postgresql://")
    parts = psycopg.conninfo.conninfo_to_dict(ours)
    return f"postgresql://{parts['user']}@/{name}?host={parts['host']}"
