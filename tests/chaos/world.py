"""A whole platform with servers of its own, every process of which may be killed."""

import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import redis

from djinnbot.embedded.layout import Layout, layout_of
from djinnbot.embedded.postgres import Postgres
from djinnbot.embedded.valkey import Valkey
from tests.support.live import Live, LiveProcess, eventually, live_at, own_home
from tests.support.servers import copy_cluster

EXECUTOR = "tests.chaos.executor.ChaosExecutor"
CONTROL = "worker-control"
SETTLED = ("completed", "failed", "cancelled", "waiting_human", "paused")


@dataclass(slots=True)
class World:
    """Servers, processes, a client, and the list of what the API has promised."""

    live: Live
    layout: Layout
    postgres: LiveProcess
    valkey: LiveProcess
    api: httpx2.Client
    accepted: list[str] = field(default_factory=list)

    @property
    def home(self) -> Path:
        return self.layout.home

    def __getitem__(self, name: str) -> LiveProcess:
        return self.live.started[name]

    def database(self) -> psycopg.Connection[tuple[Any, ...]]:
        url = Postgres.of(self.layout).url()
        return psycopg.connect(url.replace("postgres://", "postgresql://"), autocommit=True)

    def redis(self) -> "redis.Redis":
        return redis.Redis.from_url(Valkey.of(self.layout).url(), decode_responses=True)

    def add_pipeline(self, pipeline_id: str, steps: int, **defaults: int) -> str:
        """A chain of `steps` steps S1…Sn in the data layer."""
        lines = [
            f"id: {pipeline_id}",
            "name: Chain",
            "version: 1",
            f"defaults: {json.dumps({'model': 'scripted/auto', **defaults})}",
            "agents: [{id: yukihiro, name: Yukihiro}]",
            "steps:",
        ]
        for n in range(1, steps + 1):
            lines.append(f"  - id: S{n}")
            lines.append("    agent: yukihiro")
            lines.append(f"    input: step {n} of {{{{task_description}}}}")
            lines.append(f"    outputs: [out_{n}]")
            if n < steps:
                lines.append(f"    onComplete: S{n + 1}")
        directory = self.home / "pipelines"
        directory.mkdir(exist_ok=True)
        (directory / f"{pipeline_id}.yml").write_text("\n".join(lines) + "\n")
        return pipeline_id

    def start_run(self, pipeline_id: str, behaviour: Mapping[str, Any] | None = None) -> str:
        """Start a run without a workspace. `behaviour` tells the executor what a step does."""
        answer = self.api.post(
            "/v1/runs",
            json={
                "pipeline_id": pipeline_id,
                "task": "survive",
                "workspace_type": "none",
                "variables": {"behaviour": json.dumps(behaviour or {})},
            },
        )
        assert answer.status_code == 201, answer.text
        self.accepted.append(str(answer.json()["id"]))
        return self.accepted[-1]

    def status(self, run_id: str) -> str:
        with self.database() as connection:
            row = connection.execute(
                "SELECT status FROM runs_run WHERE id = %s", (run_id,)
            ).fetchone()
        assert row is not None, f"{run_id} is gone"
        return str(row[0])

    def wait(
        self,
        run_ids: Sequence[str],
        *,
        timeout_s: float = 60,
        until: Sequence[str] = SETTLED,
        supervised: bool = False,
    ) -> list[str]:
        """Wait until all runs are in one of the states; they are given back in order.

        `supervised`: a worker that ends meanwhile is started again, as `djinn up` does. Celery ends
        by itself when a task was done while the broker was away and its message can no longer be
        acknowledged.
        """
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            with contextlib.suppress(psycopg.OperationalError):
                states = [self.status(run_id) for run_id in run_ids]
                if all(state in until for state in states):
                    return states
            if supervised:
                self._start_ended_workers()
            time.sleep(0.1)
        raise AssertionError(
            f"not settled after {timeout_s} s: {self.describe(run_ids)}\n{self.logs()}"
        )

    def _start_ended_workers(self) -> None:
        for name, process in self.live.started.items():
            if name.startswith("worker") and not process.is_alive:
                process.start(wait=False)

    def wait_for_step(self, run_id: str, step_id: str, status: str, timeout_s: float = 30) -> None:
        def reached() -> bool:
            with self.database() as connection:
                row = connection.execute(
                    "SELECT 1 FROM runs_stepexecution"
                    " WHERE run_id = %s AND step_id = %s AND status = %s",
                    (run_id, step_id, status),
                ).fetchone()
            return row is not None

        eventually(reached, timeout_s=timeout_s)

    def executions(self, run_id: str) -> list[dict[str, Any]]:
        with self.database() as connection:
            cursor = connection.execute(
                "SELECT step_id, visit, attempt, status, error_code, fence, outputs, lost_count"
                " FROM runs_stepexecution WHERE run_id = %s ORDER BY id",
                (run_id,),
            )
            assert cursor.description is not None
            names = [column.name for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def describe(self, run_ids: Sequence[str]) -> dict[str, Any]:
        return {run_id: (self.status(run_id), self.executions(run_id)) for run_id in run_ids}

    def logs(self, lines: int = 30) -> str:
        processes = [self.postgres, self.valkey, *self.live.started.values()]
        return "\n".join(
            f"--- {process.name}\n" + "\n".join(process.log.splitlines()[-lines:])
            for process in processes
        )

    def start_workers(self, environment: Mapping[str, str] | None = None) -> None:
        self.control_worker(environment)
        self.live.agents_worker(environment)

    def control_worker(self, environment: Mapping[str, str] | None = None) -> LiveProcess:
        """The one that runs already, if nothing special is asked: a start takes seconds."""
        running = self.live.started.get(CONTROL)
        if running is not None and running.is_alive and not environment:
            return running
        return self.live.control_worker(environment)

    def end_workers(self) -> None:
        """All but a control worker as it comes: it serves the next test."""
        for name, process in self.live.started.items():
            ordinary = name == CONTROL and "DJINN_FAULT" not in process.environment
            if name.startswith("worker") and not ordinary:
                process.kill()

    def executed(self) -> list[dict[str, Any]]:
        """A line each time the executor was entered: {run, step, visit, attempt, fence, pid}."""
        journal = self.home / "executed.jsonl"
        if not journal.exists():
            return []
        return [json.loads(line) for line in journal.read_text().splitlines()]


def _server(name: str, layout: Layout, log_dir: Path, *extra: str) -> LiveProcess:
    probe = Postgres.of(layout) if name == "postgres" else Valkey.of(layout)
    return LiveProcess(
        name=name,
        command=[
            *(sys.executable, "-m", "djinnbot.embedded", name),
            *("--home", str(layout.home), "--die-with-parent", *extra),
        ],
        environment=dict(os.environ),
        log_path=log_dir / f"{name}.log",
        ready=lambda _: bool(probe.is_ready()),
    )


def _environment(home: Path) -> dict[str, str]:
    dropped = ("DJINNBOT_", "PYTEST", "DJANGO_", "DATABASE_", "REDIS_", "DJINN_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    return {
        **kept,
        "DJINNBOT_HOME": str(home),
        "DJINNBOT_STEP_EXECUTOR": EXECUTOR,
        "DJINNBOT_MAX_CONCURRENT_AGENTS": "8",
        "DJINNBOT_MAX_CONCURRENT_STEPS_PER_AGENT": "100",
        "DJINNBOT_RATE_LIMITS": "false",
        "DJINNBOT_LEASE_S": "3",
        "DJINNBOT_LEASE_RENEW_S": "1",
        "DJINNBOT_RECONCILE_INTERVAL_S": "1",
        "CHAOS_JOURNAL": str(home / "executed.jsonl"),
    }


@contextlib.contextmanager
def chaos_world(
    log_dir: Path,
    *,
    environment: Mapping[str, str] | None = None,
    durable_redis: bool = True,
) -> Iterator[World]:
    """Servers, web and beat up; no worker yet."""
    with own_home() as home, contextlib.ExitStack() as stack:
        layout = layout_of(home)
        copy_cluster(layout.postgres_data)
        servers = {
            "postgres": _server("postgres", layout, log_dir),
            "valkey": _server(
                "valkey", layout, log_dir, *([] if durable_redis else ["--throwaway"])
            ),
        }
        log_dir.mkdir(parents=True, exist_ok=True)
        for server in servers.values():
            server.start()
            stack.callback(_end, server)
        live = live_at({**_environment(home), **(environment or {})}, log_dir)
        stack.callback(live.close)
        live.manage("setup_instance")
        live.web()
        live.beat()
        key = json.loads((home / "credentials.json").read_text())["api_key"]
        client = stack.enter_context(
            httpx2.Client(base_url=live.url, headers={"Authorization": f"Bearer {key}"}, timeout=30)
        )
        yield World(live, layout, servers["postgres"], servers["valkey"], client)


def _end(server: LiveProcess) -> None:
    if server.is_alive:
        server.signal(signal.SIGCONT)
        server.kill()
