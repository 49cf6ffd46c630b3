"""Done is what the server finds to be done: checks on the committed tree, in boxes of their own."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings

from apps.core.models import Event
from apps.pipelines.decide import LOST_ATTEMPT_LIMIT
from apps.repos.models import Workspace
from apps.runs import services
from apps.runs.errors import STEP_ERROR_CODES
from apps.runs.models import Run, StepCheck, StepClaim, StepExecution
from tests.support.boxes import BACKENDS, processes_of
from tests.support.live import eventually
from tests.support.model_server import calls
from tests.support.runs import claim, drive, path
from tests.workers.agent.conftest import Start
from workers.engine import boxes, checks, steps
from workers.engine.checks import BoxLost, believed, reap_checks
from workers.engine.control import Control, HandedOver
from workers.engine.executor import Cancelled, ClaimedStep, StepOutcome
from workers.engine.shutdown import shutting_down
from workers.runners.base import Box, BoxState
from workers.runners.registry import Choice

AGENT = "yukihiro"
Work = Mapping[str, Sequence[Mapping[str, Any]]]


@pytest.fixture
def here(world: Start, settings: LazySettings) -> Iterator[Callable[..., Run]]:
    """`here([check…], work, backend)`: a run whose one step commits files and claims success."""
    settings.STEP_EXECUTOR = "tests.support.committing_executor.CommittingExecutor"
    steps.executor.cache_clear()

    def begin(
        wanted: Sequence[Any],
        attempts: Sequence[Mapping[str, Any]] = ({},),
        backend: str = "process",
        *,
        workspace: bool = True,
        **step: Any,
    ) -> Run:
        made = world(backend, [])
        return made.run(
            steps=[{"id": "BUILD", "checks": list(wanted), **step}],
            variables={"work": json.dumps({"BUILD": list(attempts)})},
            workspace=workspace,
        )

    yield begin
    steps.executor.cache_clear()
    assert not list(checks.places().glob("*")), "a checkout was left"


def rows(run: Run) -> list[tuple[int, int, str, str, int | None]]:
    """(attempt, index, name, verdict, exit code) of every check."""
    found = StepCheck.objects.filter(step_execution__run=run).order_by("id")
    return [
        (row.step_execution.attempt, row.index, row.name, row.verdict, row.exit_code)
        for row in found.select_related("step_execution")
    ]


def told(run: Run, *types: str) -> list[dict[str, Any]]:
    events = Event.objects.filter(run_id=run.pk, type__in=types).order_by("id")
    return [{"type": event.type, **event.payload} for event in events]


def text_of_failure(run: Run, attempt: int = 1) -> str:
    return StepExecution.objects.get(run=run, attempt=attempt).error


# -- the whole platform's way, with an agent -----------------------------------------------------

TESTS = "python3 -B -c 'from src.stock import count; assert count() == 2, count()'"


def test_an_agent_that_lies_twice_is_believed_when_it_has_mended_the_code(
    world: Start, settings: LazySettings
) -> None:
    """It claims green tests; the server finds them red, tells it, and tells it again."""
    settings.STEP_EXECUTOR = "workers.engine.agent.AgentExecutor"
    steps.executor.cache_clear()
    green = calls("complete", outputs={"result": "PASS"}, summary="All tests are green.")
    edit = calls("edit", path="src/stock.py", oldText="return 1", newText="return 2")
    made = world("bubblewrap", [green, green, edit, green])
    run = made.run(
        steps=[{"id": "BUILD", "outputs": ["result"], "checks": [{"name": "tests", "run": TESTS}]}]
    )

    drive(run)

    assert run.status == "completed"
    assert path(run) == ["BUILD.1.1 failed", "BUILD.1.2 failed", "BUILD.1.3 completed"]
    assert rows(run) == [
        (1, 0, "tests", "failed", 1), (2, 0, "tests", "failed", 1), (3, 0, "tests", "passed", 0),
    ]  # fmt: skip
    second = json.dumps(made.server.requests[1]["messages"])
    assert "The server ran 1 check" in second
    assert "AssertionError: 1" in second, "the agent reads what the check said"
    last = StepExecution.objects.get(run=run, attempt=3)
    workspace = Workspace.objects.get(run_id=run.pk)
    check = StepCheck.objects.get(step_execution=last)
    assert check.commit_hash == last.commit_hash == workspace.head_commit
    assert StepExecution.objects.get(run=run, attempt=1).error_code == "checks_failed"


def test_an_agent_that_lies_for_ever_fails_the_run(here: Callable[..., Run]) -> None:
    run = here(["echo red >&2; exit 3"], maxRetries=2)

    drive(run)

    assert (run.status, run.error_code) == ("failed", "checks_failed")
    assert STEP_ERROR_CODES[run.error_code].remedy
    assert "red" in run.error
    assert path(run) == [f"BUILD.1.{n} failed" for n in (1, 2, 3)]
    retries = told(run, "STEP_RETRYING")
    assert [each["delaySeconds"] for each in retries] == [0, 0], "waiting would mend nothing"
    assert run.outputs == {}


# -- what a check sees ---------------------------------------------------------------------------


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_check_sees_the_commit_and_nothing_of_the_agent(
    here: Callable[..., Run], backend: str
) -> None:
    files = {"done.txt": "yes\n", ".gitignore": "cache/\n", "cache/secret": "not committed\n"}
    run = here(
        [
            "test -f done.txt && test ! -e cache && git status --porcelain | wc -l | grep -qx 0",
            'test "$(git log -1 --format=%s)" = work && test "$(git rev-parse HEAD)" != ""',
            'test -z "$(ls -A "$HOME" | grep -v -e run-workspace -e .djinn)" && touch left',
            "test ! -e left",
            'test -z "${DJINNBOT_SESSION_TOKEN:-}${REDIS_URL:-}${SECRET_KEY:-}"; test $CI = true',
            {"run": "pwd | grep -q /src$ && ls stock.py", "workdir": "src"},
            {"run": "exit 4", "expectExit": 4},
            {"run": 'test "$LEVEL" = "high yes"', "env": {"LEVEL": "high {{seen}}"}},
            "false | true || exit 0; exit 1",
        ],
        [{"files": files, "outputs": {"seen": "yes"}}],
        backend,
    )

    drive(run)

    assert [(index, verdict) for _, index, _, verdict, _ in rows(run)] == [
        (index, "passed") for index in range(9)
    ], run.error
    assert run.status == "completed"
    assert [e["type"] for e in told(run, "CHECK_STARTED", "CHECK_FINISHED")] == [
        "CHECK_STARTED", "CHECK_FINISHED",
    ] * 9  # fmt: skip
    assert not processes_of(f"djinnbot-check-{StepExecution.objects.get(run=run).pk}-")


@pytest.mark.parametrize("backend", BACKENDS[:2])
def test_a_check_reaches_no_network(here: Callable[..., Run], backend: str) -> None:
    run = here(
        ["test $(grep -c : /proc/net/dev) = $(grep -c lo: /proc/net/dev)"],
        backend=backend,
    )  # noqa: E501
    drive(run)
    assert run.status == "completed", run.error


def test_an_output_of_an_agent_runs_nothing(here: Callable[..., Run], tmp_path: Path) -> None:
    hit = tmp_path / "hit"
    evil = f"$(touch {hit}); touch {hit} `touch {hit}`"
    run = here(
        ["echo {{value}} '{{value}}' \"{{value}}\"{% if value %} set{% endif %}"],
        [{"outputs": {"value": evil}}],
    )
    drive(run)
    assert run.status == "completed", run.error
    assert not hit.exists()
    output = StepCheck.objects.get(step_execution__run=run).output
    assert f"{evil} set" in output


def test_a_persistent_directory_is_copied_and_a_run_without_one_has_an_empty_tree(
    here: Callable[..., Run],
) -> None:
    run = here(['test -z "$(ls -A)"'], workspace=False)
    drive(run)
    assert run.status == "completed", run.error


# -- verdicts ------------------------------------------------------------------------------------


def test_all_checks_are_run_and_all_failures_told(here: Callable[..., Run]) -> None:
    long = "for i in $(seq 30000); do echo line $i; done; exit 1"
    run = here(
        [
            {"name": "long", "run": long},
            {"name": "slow", "run": "echo begun; sleep 60", "timeout": 1},
            {"name": "nowhere", "run": "true", "workdir": "no/such"},
            {"name": "unknown", "run": "no-such-program"},
            "true",
        ],
        maxRetries=0,
    )
    drive(run)
    assert [row[2:] for row in rows(run)] == [
        ("long", "failed", 1),
        ("slow", "timeout", None),
        ("nowhere", "failed", None),
        ("unknown", "failed", 127),
        ("true", "passed", 0),
    ]
    output = StepCheck.objects.get(step_execution__run=run, index=0).output
    assert output.endswith("line 30000")
    assert len(output) <= 16_000
    error = text_of_failure(run)
    assert "4 did not pass" in error
    for part in ("line 30000", "begun\nIt ran longer than 1 seconds.", "no/such", "127"):
        assert part in error
    assert len(error) < 16_000


def test_a_link_is_no_directory_to_work_in(here: Callable[..., Run]) -> None:
    run = here([{"run": "true", "workdir": "src/up"}], maxRetries=0)
    workspace = Workspace.objects.get(run_id=run.pk)
    Path(workspace.path, "src", "up").symlink_to("/etc")
    drive(run)
    assert "There is no directory src/up" in text_of_failure(run)


@pytest.mark.parametrize(("said", "ends"), [("FAIL", "completed"), (" pass", "checks_failed")])
def test_a_check_may_ask_for_a_result(here: Callable[..., Run], said: str, ends: str) -> None:
    """A tester that finds faults says FAIL, and is right; only its PASS is doubted."""
    run = here(
        [{"run": "exit 1", "when": "PASS"}],
        [{"outputs": {"test_result": said}}],
        maxRetries=0,
        outputs=["test_result"],
        onResult={"PASS": {}, "FAIL": {}},
    )
    drive(run)
    assert (run.error_code or run.status) == ends
    assert len(rows(run)) == (ends == "checks_failed")


def test_an_agent_that_owns_up_to_a_failure_is_believed(here: Callable[..., Run]) -> None:
    run = here(["exit 1"], [{"outputs": {"status": "failed"}}], maxRetries=0)
    drive(run)
    assert (run.status, run.error_code) == ("failed", "agent_failed")
    assert rows(run) == []


# -- trouble -------------------------------------------------------------------------------------


class Flaky:
    """A runner whose boxes are lost before they run anything, so many times."""

    def __init__(self, runner: Any, failures: int) -> None:
        self._runner, self.failures = runner, failures

    def __getattr__(self, name: str) -> Any:
        return getattr(self._runner, name)

    def start(self, box: Box) -> None:
        if self.failures > 0:
            self.failures -= 1
        else:
            self._runner.start(box)

    def state(self, box: Box) -> BoxState:
        state: BoxState = self._runner.state(box)
        return state


@pytest.mark.parametrize(("failures", "ends"), [(2, "completed"), (3, "failed")])
def test_a_box_that_breaks_is_not_the_agents_fault(
    here: Callable[..., Run], monkeypatch: pytest.MonkeyPatch, failures: int, ends: str
) -> None:
    run = here(["true"], maxRetries=0)
    choice = boxes.chosen()
    flaky = Choice(Flaky(choice.runner, failures), reason="")  # type: ignore[arg-type]  # a wrapper
    monkeypatch.setattr(checks, "chosen", lambda: flaky)
    monkeypatch.setattr(checks, "PAUSE_S", 0.0)
    drive(run)
    assert run.status == ends
    assert rows(run)[0][3] == ("passed" if ends == "completed" else "error")
    if ends == "failed":
        assert run.error_code == BoxLost.default_code, "not checks_failed"


def test_a_cancelled_run_stops_its_check_at_once(here: Callable[..., Run]) -> None:
    run = here(["sleep 300"])
    step: ClaimedStep = claim(run)
    name = f"djinnbot-check-{step.execution_id}-0"
    failures: list[BaseException] = []
    control = Control(step)

    def work() -> None:
        try:
            believed(step, control, lambda: steps.executor().execute(step, control))
        except BaseException as exc:  # noqa: BLE001  told to the test
            failures.append(exc)

    thread = threading.Thread(target=work)
    thread.start()
    eventually(lambda: bool(processes_of(name)), timeout_s=60)
    assert StepExecution.objects.get(id=step.execution_id).status == "finishing"
    services.run_cancel(run_id=run.pk)
    thread.join(30)
    assert not thread.is_alive()
    assert [type(each) for each in failures] == [Cancelled]
    assert not processes_of(name)
    assert rows(run)[0][3] == "cancelled"


def test_a_claim_outlives_its_worker(here: Callable[..., Run]) -> None:
    """The worker dies in the second check: neither the agent nor the first check is run again."""
    run = here(["true", "true"])
    step: ClaimedStep = claim(run)
    asked: list[int] = []

    def agent() -> StepOutcome:
        asked.append(step.attempt)
        return StepOutcome(succeeded=True, outputs={"a": "1"}, summary="done", model_used="m")

    class Dead(BaseException):
        pass

    class DyingControl(Control):
        def check(self) -> None:
            if StepCheck.objects.filter(step_execution_id=step.execution_id, index=1).exists():
                raise Dead

    with pytest.raises(Dead):
        believed(step, DyingControl(step), agent)
    before = StepCheck.objects.get(step_execution_id=step.execution_id, index=0)
    StepExecution.objects.filter(id=step.execution_id).update(lease_until="2000-01-01T00:00Z")
    services.step_lost(run_id=run.pk, execution_id=step.execution_id)
    assert path(run) == ["BUILD.1.1 queued"]

    again: ClaimedStep = claim(run)
    outcome = believed(again, Control(again), agent)

    assert (outcome.succeeded, outcome.outputs, outcome.summary) == (True, {"a": "1"}, "done")
    assert asked == [1]
    after = StepCheck.objects.get(step_execution_id=step.execution_id, index=0)
    assert after.finished_at == before.finished_at, "a verdict stands"
    assert [row[3] for row in rows(run)] == ["passed", "passed"]
    assert len(told(run, "CHECK_FINISHED")) == 2


def test_a_worker_that_shuts_down_hands_its_claim_over(
    here: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = here(["true"])
    step: ClaimedStep = claim(run)
    monkeypatch.setattr(shutting_down, "is_over", lambda: True)
    with pytest.raises(HandedOver):
        believed(step, Control(step), lambda: StepOutcome(succeeded=True))
    monkeypatch.undo()
    services.step_hand_over(run_id=run.pk, execution_id=step.execution_id, fence=step.fence)
    again = StepExecution.objects.get(id=step.execution_id)
    assert (again.status, again.lost_count) == ("queued", 0)


def test_a_check_that_kills_its_workers_ends(here: Callable[..., Run]) -> None:
    run = here(["true"])
    for _ in range(LOST_ATTEMPT_LIMIT):
        step: ClaimedStep = claim(run)
        services.claim_store(
            step=step, outcome=StepOutcome(succeeded=True), commit="", checks_s=300
        )
        StepExecution.objects.filter(id=step.execution_id).update(lease_until="2000-01-01T00:00Z")
        services.step_lost(run_id=run.pk, execution_id=step.execution_id)
    run.refresh_from_db()
    assert (run.status, run.error_code) == ("failed", "worker_lost")


def test_nothing_is_written_for_another_owner(here: Callable[..., Run]) -> None:
    run = here(["true"])
    step: ClaimedStep = claim(run)
    StepExecution.objects.filter(id=step.execution_id).update(fence=step.fence + 1)
    claimed = StepOutcome(succeeded=True)
    assert not services.claim_store(step=step, outcome=claimed, commit="", checks_s=1)
    check = step.step.checks[0]  # type: ignore[index]  # it has one
    assert not services.check_start(step=step, index=0, check=check, commit="")
    assert not StepClaim.objects.exists()
    assert not StepCheck.objects.exists()


def test_what_a_lost_worker_left_is_removed(here: Callable[..., Run]) -> None:
    run = here(["true"])
    step: ClaimedStep = claim(run)
    for name in (str(step.execution_id), "999999", "junk"):
        (checks.places() / name / "tree").mkdir(parents=True)
    reap_checks()
    assert [each.name for each in checks.places().iterdir()] == [str(step.execution_id)]
    services.run_cancel(run_id=run.pk)
    services.step_aborted(run_id=run.pk, execution_id=step.execution_id, fence=step.fence)
    reap_checks()
    assert not list(checks.places().iterdir())
