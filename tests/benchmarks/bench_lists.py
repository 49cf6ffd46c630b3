"""The run list with 10,000 runs: requests a second of one daphne, 16 connections, pages of 50.

The peer is Django REST framework's own ModelSerializer over the same rows and columns (without
what runs cost, which it has no column for), so that the ratio tells what the hot path saves.
Usage: python -m tests.benchmarks lists
"""

import asyncio
import time

import httpx2

from tests.benchmarks.harness import Samples, in_ms, percentile, report, spread
from tests.benchmarks.place import platform
from tests.chaos.world import World

RUNS = 10_000
CONNECTIONS = 16
SECONDS = 4.0
ROUNDS = 3


def main() -> None:
    with platform({"DJINNBOT_BENCH_URLS": "1"}) as world:
        _fill(world)
        key = world.api.headers["Authorization"]
        rates: list[float] = []
        latencies: Samples = []
        for _ in range(ROUNDS):
            taken = asyncio.run(_load(world.live.url, "/v1/runs?limit=50", key))
            latencies += taken
            rates.append(len(taken) / SECONDS)
        report(
            "run list",
            f"{RUNS} runs, 50 a page, {CONNECTIONS} connections",
            requests_s=round(percentile(rates, 0.5), 1),
            rates=spread(rates),
            **in_ms(latencies),
        )
        _serializers()


def _fill(world: World) -> None:
    run_id = world.start_run(world.add_pipeline("bench", 1))
    with world.database() as connection:
        columns = [
            row[0]
            for row in connection.execute(
                "SELECT column_name FROM information_schema.columns"
                " WHERE table_name = 'runs_run' AND is_generated = 'NEVER'"
            ).fetchall()
        ]
        fresh = {
            "id": "'run_' || lpad(n::text, 12, '0')",
            "created_at": "now() - n * interval '1 s'",
        }
        values = ", ".join(fresh.get(name, f'r."{name}"') for name in columns)
        names = ", ".join(f'"{name}"' for name in columns)
        connection.execute(
            f"INSERT INTO runs_run ({names}) SELECT {values}"  # noqa: S608  names of our own columns
            f" FROM runs_run r, generate_series(1, {RUNS - 1}) n WHERE r.id = %s",
            (run_id,),
        )
        connection.execute("ANALYZE runs_run")


async def _load(url: str, path: str, key: str) -> Samples:
    taken: Samples = []
    until = time.perf_counter() + SECONDS

    async def ask(client: httpx2.AsyncClient) -> None:
        while (began := time.perf_counter()) < until:
            answer = await client.get(path)
            assert answer.status_code == 200, answer.text
            taken.append(time.perf_counter() - began)

    limits = httpx2.Limits(max_connections=CONNECTIONS)
    async with httpx2.AsyncClient(
        base_url=url, headers={"Authorization": key}, limits=limits, timeout=30
    ) as client:
        await client.get(path)
        await asyncio.gather(*(ask(client) for _ in range(CONNECTIONS)))
    return taken


def _serializers() -> None:
    """In this process: building and rendering one page, the usual way and ours."""
    from django.db.models import Q
    from rest_framework.renderers import JSONRenderer
    from rest_framework.serializers import ModelSerializer

    from apps.core.api.renderers import OrjsonRenderer
    from apps.runs import selectors
    from apps.runs.models import Run

    class Usual(ModelSerializer[Run]):
        class Meta:
            model = Run
            fields = (*selectors.PLAIN_FIELDS, *selectors.LIST_FIELDS.values())

    def usual() -> None:
        JSONRenderer().render(Usual(Run.objects.all()[:50], many=True).data)

    def ours() -> None:
        OrjsonRenderer().render(list(selectors.run_list(Q())[:50]))

    figures = {name: _timed(way) for name, way in (("ModelSerializer", usual), ("ours", ours))}
    for name, samples in figures.items():
        report(
            "one page of runs",
            name,
            **in_ms(samples),
            ratio=round(percentile(samples, 0.5) / percentile(figures["ModelSerializer"], 0.5), 3),
        )


def _timed(way: object) -> Samples:
    assert callable(way)
    samples = []
    for _ in range(200):
        began = time.perf_counter()
        way()
        samples.append(time.perf_counter() - began)
    return samples[20:]


if __name__ == "__main__":
    main()
