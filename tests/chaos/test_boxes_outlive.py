"""A worker is killed while its agent works in a real box (F03): containers outlive it and are
adopted, other boxes end with it and the step is tried again."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.chaos.test_worker_killed import LEASE_AND_RECONCILER_S
from tests.chaos.world import World
from tests.support.boxes import image_ready, processes_of
from tests.support.live import eventually

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(300)]

SCRIPT = """
description: One slow command, whose result is the step's.
steps:
  S1:
    - turns:
        - call: [{tool: bash, args: {command: "echo begun >> marks; sleep 8; echo late"}}]
        - capture: {word: "(late)"}
          call: [{tool: complete, args: {outputs: {out_1: "{{ word }}"}}}]
"""
AGENT = {
    "DJINNBOT_STEP_EXECUTOR": "workers.engine.agent.AgentExecutor",
    "DJINNBOT_LEASE_S": "12",  # a box's start on a busy machine takes longer than this world's 3 s
}


def agent_pipeline(world: World) -> str:
    for place in ("scripts", "pipelines"):
        (world.home / place).mkdir(exist_ok=True)
    (world.home / "scripts" / "slow.yml").write_text(SCRIPT)
    pipeline = {
        "id": "slow",
        "name": "Slow",
        "version": "1",
        "defaults": {"model": "scripted/slow"},
        "agents": [{"id": "yukihiro", "name": "Yukihiro"}],
        "steps": [{"id": "S1", "agent": "yukihiro", "input": "x", "outputs": ["out_1"]}],
    }
    (world.home / "pipelines" / "slow.yml").write_text(json.dumps(pipeline))
    return "slow"


def rows(world: World, statement: str, run_id: str) -> list[tuple[Any, ...]]:
    with world.database() as connection:
        return connection.execute(statement, (run_id,)).fetchall()


def tools_ended(world: World, run_id: str) -> list[str]:
    found = rows(
        world,
        "SELECT payload ->> 'toolName' FROM core_event"
        " WHERE run_id = %s AND type = 'TOOL_CALL_END' ORDER BY id",
        run_id,
    )
    return [name for (name,) in found]


def boxes(world: World, run_id: str) -> list[tuple[Any, ...]]:
    return rows(
        world,
        "SELECT c.external_id, s.id FROM agent_sessions_containerinstance c"
        " JOIN agent_sessions_agentsession s ON s.id = c.session_id WHERE s.run_id = %s"
        " ORDER BY c.id",
        run_id,
    )


def killed_at_work(world: World, settings: Mapping[str, str]) -> str:
    """A run whose worker was killed while the agent's command ran; another worker is there."""
    (world.home / "sandboxes" / "yukihiro" / "marks").unlink(missing_ok=True)
    world.control_worker()
    worker = world.live.agents_worker({**AGENT, **settings})
    run_id = world.start_run(agent_pipeline(world))
    marks = world.home / "sandboxes" / "yukihiro" / "marks"
    eventually(marks.exists, timeout_s=90)
    worker.kill()
    assert tools_ended(world, run_id) == []
    worker.start()
    return run_id


@pytest.mark.docker
def test_a_container_is_adopted_and_its_step_ends_once(world: World) -> None:
    image = image_ready()
    run_id = killed_at_work(world, {"DJINNBOT_RUNNER": "docker", "DJINNBOT_AGENT_IMAGE": image})
    ((container, session),) = boxes(world, run_id)

    ended = world.wait([run_id], timeout_s=LEASE_AND_RECONCILER_S + 90)
    assert ended == ["completed"], world.describe([run_id])
    (execution,) = world.executions(run_id)
    assert (execution["status"], execution["attempt"], execution["lost_count"]) == (
        "completed",
        1,
        1,
    )
    assert execution["outputs"] == {"out_1": "late"}
    assert boxes(world, run_id) == [(container, session)], "no other box was made"
    assert (world.home / "sandboxes" / "yukihiro" / "marks").read_text() == "begun\n"
    assert tools_ended(world, run_id) == ["bash", "complete"]
    calls = rows(world, "SELECT count(*) FROM llm_llmcall WHERE run_id = %s", run_id)
    assert calls == [(2,)]
    completions = rows(
        world,
        "SELECT count(*) FROM core_event WHERE run_id = %s AND type = 'STEP_COMPLETE'",
        run_id,
    )
    assert completions == [(1,)]

    import docker
    from docker.errors import NotFound

    client = docker.from_env()
    with pytest.raises(NotFound):
        client.api.inspect_container(container)
    client.close()


@pytest.mark.parametrize(
    "backend", [pytest.param("bubblewrap", marks=pytest.mark.bubblewrap), "process"]
)
def test_another_box_ends_with_its_worker_and_the_step_is_tried_again(
    world: World, backend: str
) -> None:
    run_id = killed_at_work(world, {"DJINNBOT_RUNNER": backend})
    _, first = boxes(world, run_id)[0]
    eventually(lambda: not processes_of(first))

    ended = world.wait([run_id], timeout_s=LEASE_AND_RECONCILER_S + 90)
    assert ended == ["completed"], world.describe([run_id])
    lost, done = world.executions(run_id)
    assert (lost["status"], lost["error_code"]) == ("lost", "worker_lost")
    assert (done["status"], done["attempt"]) == ("completed", 2)
    assert done["outputs"] == {"out_1": "late"}
    assert [session for _, session in boxes(world, run_id)][:1] == [first]
    assert len(boxes(world, run_id)) == 2
    assert (world.home / "sandboxes" / "yukihiro" / "marks").read_text() == "begun\nbegun\n"
    told = rows(
        world,
        "SELECT payload ->> 'errorCode' FROM core_event WHERE run_id = %s AND type = 'STEP_FAILED'",
        run_id,
    )
    assert told == [("worker_lost",)]
    with world.redis() as client:  # what the lost worker left is soon removed
        eventually(lambda: not [user for user in client.acl_users() if first in str(user)])
