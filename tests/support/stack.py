"""The whole platform for system and chaos tests."""

import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from tests.support.live import Live, LiveProcess

TERMINAL = {"completed", "failed", "cancelled"}


@dataclass(frozen=True, slots=True)
class Stack:
    """Processes by name (`web`, `worker-control`, `worker-agents`, `beat`) and a client."""

    live: Live
    api: httpx2.Client
    api_key: str

    @property
    def home(self) -> Path:
        return self.live.platform.home

    @property
    def url(self) -> str:
        return self.live.url

    @property
    def environment(self) -> dict[str, str]:
        return self.live.environment

    def __getitem__(self, name: str) -> LiveProcess:
        return self.live.started[name]

    def start_run(self, pipeline_id: str, task: str, **body: Any) -> str:
        """Start a run and give back its id."""
        answer = self.api.post("/v1/runs", json={"pipeline_id": pipeline_id, "task": task, **body})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def run(self, run_id: str) -> dict[str, Any]:
        answer = self.api.get(f"/v1/runs/{run_id}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def wait_for_end(self, run_id: str, timeout_s: float = 120) -> dict[str, Any]:
        """The run in its final state. While the web process is away, keep asking."""
        deadline = time.monotonic() + timeout_s
        last: Any = None
        while time.monotonic() < deadline:
            with contextlib.suppress(httpx2.TransportError):
                last = self.run(run_id)
                if last["status"] in TERMINAL:
                    return dict(last)
            time.sleep(0.1)
        raise AssertionError(f"run {run_id} did not end in {timeout_s} s: {last}\n{self.logs()}")

    def logs(self, lines: int = 40) -> str:
        """The end of each process's log, for a failure message."""
        parts = []
        for name, process in self.live.started.items():
            tail = "\n".join(process.log.splitlines()[-lines:])
            parts.append(f"--- {name}\n{tail}")
        return "\n".join(parts)


@contextlib.contextmanager
def running_stack(live: Live) -> Iterator[Stack]:
    with contextlib.closing(live):
        live.manage("setup_instance")
        live.web()
        live.control_worker()
        live.agents_worker()
        live.beat()
        key = json.loads((live.platform.home / "credentials.json").read_text())["api_key"]
        with httpx2.Client(
            base_url=live.url, headers={"Authorization": f"Bearer {key}"}, timeout=30
        ) as client:
            yield Stack(live, client, key)
