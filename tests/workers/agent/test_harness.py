"""A step run by another agent's program, the real one, in a real box. The model is a small server.

What the program does not do itself (reporting, stopping, limits, the commit) is ours and tested
here; the gateway with its call log and budget is in `tests/system/test_harness.py`.
"""

import threading
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings, settings

from apps.accounts.models import SessionToken
from apps.accounts.services import user_create
from apps.repos.models import Workspace
from apps.runs import services
from apps.runs.errors import STEP_ERROR_CODES
from apps.runs.models import Run, StepExecution
from apps.secrets.services import secret_create, secret_grant
from apps.sessions.models import AgentSession, ContainerInstance
from tests.apps.repos.conftest import git
from tests.support.boxes import image_ready, kept_by_launcher, processes_of
from tests.support.harnesses import harness_ready
from tests.support.live import eventually
from tests.support.model_server import Answer, calls, fails, says
from tests.support.runs import claim
from tests.workers.agent.conftest import AGENT, Start, World
from workers.engine import boxes, steps
from workers.engine.control import Control
from workers.engine.executor import Cancelled, ClaimedStep, StepOutcome

pytestmark = [pytest.mark.timeout(300)]

WORKSPACE = "/home/agent/run-workspace"
MARK = "COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT"
OPENCODE = [
    calls("write", filePath="notes.txt", content="by another\n"),
    Answer(text="Looking.", tools=[("bash", {"command": "cat notes.txt", "description": "Look"})]),
    says("I wrote the notes.\n\nRESULT: APPROVED\nREASON: because\n  it is so"),
]
MINI = [
    Answer(text="Writing.", tools=[("bash", {"command": "echo by another > notes.txt"})]),
    calls("bash", command="cat notes.txt"),
    calls("bash", command=f"printf '%s\\n' {MARK} 'Done.' 'RESULT: APPROVED' 'REASON: why not'"),
]


@pytest.fixture(autouse=True)
def _real(settings: LazySettings) -> None:
    settings.STEP_EXECUTOR = "workers.engine.agent.AgentExecutor"
    steps.executor.cache_clear()


def begin(world: Start, backend: str, name: str, answers: Any, **step: Any) -> tuple[World, Run]:
    here = world(backend, answers, HARNESS_DIR=harness_ready(name))
    outputs = step.pop("outputs", ["result", "reason"])
    return here, here.run(steps=[{"id": "BUILD", "harness": name, "outputs": outputs, **step}])


@pytest.mark.parametrize(
    ("backend", "name", "answers"),
    [
        pytest.param("docker", "opencode", OPENCODE, marks=pytest.mark.docker, id="docker"),
        pytest.param("bubblewrap", "opencode", OPENCODE, marks=pytest.mark.bubblewrap, id="bwrap"),
        pytest.param("bubblewrap", "mini-swe-agent", MINI, marks=pytest.mark.bubblewrap, id="mini"),
        pytest.param("docker", "mini-swe-agent", MINI, marks=pytest.mark.docker, id="mini-docker"),
    ],
)
def test_a_step_is_done_by_the_program(
    world: Start, backend: str, name: str, answers: list[Answer]
) -> None:
    here, run = begin(world, backend, name, answers)
    ada = user_create(email="ada@example.org", by=None, role="admin", password="correct horse")
    secret = secret_create(by=ada, scope="instance", name="Token", type="env", value="not-for-it")
    secret_grant(secret=secret, agent_id=AGENT, by=ada, is_manager=True)
    outcome = here.execute(run)

    assert outcome.succeeded, outcome.error
    assert outcome.outputs["result"] == "APPROVED"
    (withheld,) = here.events(run, "AGENT_ERROR")
    assert withheld["code"] == "secrets_not_supported"
    assert f"{name} can use no secrets, so TOKEN stays out" in withheld["message"]
    assert SessionToken.objects.get().grants["secrets"] == []
    assert outcome.outputs["reason"].startswith(("because\nit is so", "why not"))
    workspace = Workspace.objects.get(run_id=run.pk)
    shown = git(here.repository, "--git-dir", workspace.mirror_path, "show", outcome.commit_hash)
    assert "+by another" in shown

    ends = here.events(run, "TOOL_CALL_END")
    assert any("by another" in end["result"] for end in ends)
    assert not any(end["isError"] for end in ends), ends
    assert len(here.events(run, "TOOL_CALL_START")) == len(ends) >= 2
    text = "".join(e["chunk"] for e in here.events(run, "STEP_OUTPUT"))
    assert "APPROVED" in text

    asked = here.server.requests[0]
    told = str(asked["messages"])
    assert "Your work ends with your last answer" in told
    assert "`complete`" not in told
    assert asked["model"] == "scripted/test"
    headers = {name.lower(): value for name, value in here.server.headers[0].items()}
    assert headers["authorization"].startswith("Bearer dst_")
    session = AgentSession.objects.get(run_id=run.pk)
    assert (session.status, session.turn_count) == ("completed", 3)
    assert not processes_of(session.pk)
    assert not kept_by_launcher()


@pytest.mark.docker
def test_an_image_may_bring_the_program_along(world: Start, tmp_path: Path) -> None:
    """Nothing of it lies on the host then, and nothing is mounted."""
    here = world("docker", OPENCODE, HARNESS_DIR=tmp_path)
    settings.AGENT_IMAGE = image_ready(harness="opencode")
    boxes.chosen.cache_clear()
    outputs = ["result", "reason"]
    run = here.run(steps=[{"id": "BUILD", "harness": "opencode", "outputs": outputs}])
    outcome = here.execute(run)
    assert outcome.succeeded, outcome.error
    assert outcome.outputs["result"] == "APPROVED"
    (box,) = ContainerInstance.objects.filter(session__run_id=run.pk)
    assert box.image == settings.AGENT_IMAGE

    StepExecution.objects.filter(run=run).update(status="completed")
    other = here.run(steps=[{"id": "BUILD", "harness": "mini-swe-agent"}])
    step = claim(other)
    assert steps.execute(step, Control(step)).error_code == "harness_missing"


def test_a_program_that_is_not_installed_is_named(
    world: Start, settings: LazySettings, tmp_path: Path
) -> None:
    here = world("process", [], HARNESS_DIR=tmp_path)
    run = here.run(steps=[{"id": "BUILD", "harness": "opencode"}])
    step: ClaimedStep = claim(run)
    outcome = steps.execute(step, Control(step))
    assert (outcome.error_code, outcome.retryable) == ("harness_missing", False)
    assert "scripts/install_harness.sh opencode" in outcome.error
    assert STEP_ERROR_CODES[outcome.error_code].remedy
    assert here.server.requests == []


def test_the_gateways_refusal_keeps_its_code(world: Start) -> None:
    """An exhausted budget stops the program, and is not tried again."""
    refusal = fails(402, "budget_exceeded", "The budget of this run is used up.")
    here, run = begin(world, "process", "opencode", [refusal] * 9)
    outcome = here.execute(run)
    assert (outcome.error_code, outcome.retryable) == ("budget_exceeded", False), outcome.error
    assert "used up" in outcome.error


@pytest.mark.bubblewrap
def test_a_cancelled_run_ends_the_program_and_all_it_started(world: Start) -> None:
    sleep = {"command": "sleep 8642", "description": "Wait", "timeout": 600_000}
    here, run = begin(world, "bubblewrap", "opencode", [Answer(tools=[("bash", sleep)])] * 3)
    step: ClaimedStep = claim(run)
    raised: list[BaseException] = []

    def work() -> None:
        try:
            steps.executor().execute(step, Control(step))
        except BaseException as exc:  # noqa: BLE001  told to the test
            raised.append(exc)

    thread = threading.Thread(target=work)
    thread.start()
    eventually(lambda: processes_of("8642"), timeout_s=90)
    services.run_cancel(run_id=run.pk)
    thread.join(60)
    assert [type(each) for each in raised] == [Cancelled]
    assert not processes_of("8642")
    session = AgentSession.objects.get(run_id=run.pk)
    assert session.status == "stopped"
    assert here.events(run, "STEP_STARTED")
    assert StepExecution.objects.get(run=run).session_id == session.pk


def test_a_word_from_outside_is_told_when_the_turn_has_ended(world: Start) -> None:
    here, run = begin(
        world,
        "process",
        "opencode",
        [says("First.", delay_s=3), says("Second.\nRESULT: YES\nREASON: hint")],
    )
    step: ClaimedStep = claim(run)
    outcomes: list[StepOutcome] = []
    thread = threading.Thread(
        target=lambda: outcomes.append(steps.executor().execute(step, Control(step)))
    )
    thread.start()
    eventually(lambda: here.server.requests, timeout_s=60)
    services.step_inject(run_id=run.pk, step_id="BUILD", text="Mind the gap.")
    thread.join(90)
    assert outcomes[0].outputs == {"result": "YES", "reason": "hint"}, outcomes
    last = here.server.requests[-1]["messages"]
    assert "Mind the gap." in str(last[-1])
    assert any("First." in str(message) for message in last), "it is the same session"
