"""A worker dies while the server checks a step: nobody is asked again, no verdict is lost."""

import json
from pathlib import Path

import pytest

from tests.chaos.test_worker_killed import (
    LEASE_AND_RECONCILER_S,
    agents_worker_dying_at,
    wait_for_death,
)
from tests.chaos.world import World

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(300)]

CHECKS = ["true", "true"]


def checked_pipeline(world: World) -> str:
    step = {"id": "S1", "agent": "yukihiro", "input": "x", "outputs": ["out_1"], "checks": CHECKS}
    directory = world.home / "pipelines"
    directory.mkdir(exist_ok=True)
    pipeline = {
        "id": "checked",
        "name": "Checked",
        "version": "1",
        "defaults": {"model": "scripted/auto"},
        "agents": [{"id": "yukihiro", "name": "Yukihiro"}],
        "steps": [step],
    }
    (directory / "checked.yml").write_text(json.dumps(pipeline))
    return "checked"


@pytest.mark.parametrize("fault", ["checks.claimed", "checks.running"])
def test_killed_in_the_middle_of_checks(world: World, tmp_path: Path, fault: str) -> None:
    world.control_worker()
    doomed = agents_worker_dying_at(world, fault, tmp_path / "fired")
    run_id = world.start_run(checked_pipeline(world))

    wait_for_death(doomed, timeout_s=120)
    doomed.start()

    assert world.wait([run_id], timeout_s=LEASE_AND_RECONCILER_S + 90) == ["completed"]
    (execution,) = world.executions(run_id)
    assert (execution["status"], execution["attempt"]) == ("completed", 1)
    assert execution["outputs"] == {"out_1": "S1 visit 1 attempt 1"}
    assert len([line for line in world.executed() if line["run"] == run_id]) == 1
    with world.database() as connection:
        found = connection.execute(
            "SELECT verdict FROM runs_stepcheck WHERE step_execution_id IN"
            " (SELECT id FROM runs_stepexecution WHERE run_id = %s) ORDER BY index",
            (run_id,),
        ).fetchall()
        ended = connection.execute(
            "SELECT count(*) FROM core_event WHERE run_id = %s AND type = 'CHECK_FINISHED'",
            (run_id,),
        ).fetchone()
    assert found == [("passed",), ("passed",)]
    assert ended == (2,)
