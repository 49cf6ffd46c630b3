"""The executor on real boxes, with a real database, Redis and git; the model is a small server."""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis
from django.conf import LazySettings

from apps.agents.sync import agents_sync
from apps.core.models import Event
from apps.repos.services import workspace_prepare
from apps.runs import services
from apps.runs.claims import ClaimedStep, StepOutcome
from apps.runs.models import Run
from djinnbot import celery  # noqa: F401  tasks are sent through the configured app
from djinnbot.embedded.layout import layout_of
from tests.apps.repos.conftest import make_repository
from tests.support.boxes import image_ready
from tests.support.events import _events_are_as_described  # noqa: F401  a fixture
from tests.support.model_server import Answer, ModelServer
from tests.support.runs import claim, make_run, start
from workers.engine import boxes
from workers.engine.agent import AgentExecutor
from workers.engine.control import Control

AGENT = "yukihiro"


@dataclass
class World:
    home: Path
    repository: Path
    server: ModelServer
    redis: redis.Redis

    def run(
        self, *, steps: Sequence[Mapping[str, Any]] = (), workspace: bool = True, **fields: Any
    ) -> Run:
        agents_sync()
        kind = "git_worktree" if workspace else "none"
        run = make_run(
            [{"agent": AGENT, **step} for step in steps or [{"id": "BUILD"}]],
            workspace_type=kind,
            **fields,
        )
        if workspace:
            made = workspace_prepare(run_id=run.pk, repository=str(self.repository))
            services.run_workspace_set(run_id=run.pk, workspace_id=made.pk, reset_to="")
        start(run)
        return run

    def execute(self, run: Run) -> StepOutcome:
        step: ClaimedStep = claim(run)
        return self.execute_claimed(step)

    def execute_claimed(self, step: ClaimedStep) -> StepOutcome:
        control = Control(step)
        outcome = AgentExecutor().execute(step, control)
        control.flush()
        return outcome

    def events(self, run: Run, *types: str) -> list[dict[str, Any]]:
        found = Event.objects.filter(run_id=run.pk)
        if types:
            found = found.filter(type__in=types)
        return [{"type": e.type, **e.payload} for e in found.order_by("id")]


Start = Callable[..., World]


@pytest.fixture
def world(
    transactional_db: None,
    redis_client: redis.Redis,
    settings: LazySettings,
    tmp_path: Path,
) -> Iterator[Callable[..., World]]:
    """`world("bubblewrap", [answers…])`"""
    layout = layout_of(Path(settings.DJINNBOT_HOME))
    servers: list[ModelServer] = []

    def begin(backend: str, answers: Sequence[Answer], **overrides: Any) -> World:
        settings.RUNNER = backend
        settings.API_SOCKET = str(layout.api_socket)
        settings.BASE_URL = "http://platform"
        for name, value in overrides.items():
            setattr(settings, name, value)
        boxes.chosen.cache_clear()
        if backend == "docker":
            settings.AGENT_IMAGE = image_ready()
        server = ModelServer(answers, unix_socket=layout.api_socket)
        servers.append(server)
        repository = make_repository(tmp_path / "inventory")
        return World(layout.home, repository, server, redis_client)

    yield begin
    for server in servers:
        server.close()
    for name in ("boxes", "sandboxes", "runs", "workspaces"):
        shutil.rmtree(layout.home / name, ignore_errors=True)
    if boxes.chosen.cache_info().currsize and boxes.chosen().runner.name == "docker":
        boxes.chosen().runner.cool()
    boxes.chosen.cache_clear()
