"""Evidence before belief: the checks of a step, run by the server on what was committed.

    the executor says: done → the claim is stored → each check in a box of its own → the outcome

A check's box has the image and the limits of an agent's, a fresh checkout of the commit, an empty
home, and nothing else: no network, no token, nothing that the agent installed or left running.
A worker that takes over from a lost one finds the claim, and goes on after the checks that ended.
"""

import os
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import structlog
from django.conf import settings

from apps.core.errors import DjinnError, RunnerError
from apps.core.faults import fault_point
from apps.pipelines import resolve
from apps.pipelines.checks import Script, ValueTooLong, due, script
from apps.pipelines.decide import judged
from apps.pipelines.decisions import Outcome
from apps.pipelines.definition import Check
from apps.repos.checkouts import checkout_create, directory_give
from apps.repos.git import COMMITTER, mask, person_environment
from apps.repos.models import Workspace
from apps.repos.services import box_user
from apps.runs import services
from apps.runs.choices import STEP_HELD, CheckVerdict
from apps.runs.claims import ClaimedStep, StepOutcome
from apps.runs.models import StepCheck, StepExecution
from workers.engine.boxes import HOME, WORKSPACE, chosen, instance
from workers.engine.control import Control
from workers.engine.executor import Cancelled, LeaseLost
from workers.engine.known import masker_of
from workers.engine.session import stored
from workers.runners.base import (
    LABEL_APP,
    LABEL_INSTANCE,
    Box,
    BoxSpec,
    BoxState,
    Limits,
    Mount,
    Network,
    Runner,
)
from workers.runners.registry import runners

log = structlog.get_logger(__name__)

LABEL_EXECUTION = "execution"
CHECK_APP = "djinnbot-check"
TRIES = 3  # of a check whose box could not be made or was lost
POLL_S = (0.02, 0.5)
PAUSE_S = 1.0
LOG_LINES = 400
FEEDBACK_CHARS = 3_000  # of one check's output
_SHELL = ("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c")
# Says that the command itself was reached: an end before that is no verdict.
_STARTED = ".djinn-check-started"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What became of one check."""

    check: Check
    verdict: CheckVerdict
    exit_code: int | None = None
    duration_ms: int = 0
    output: str = ""


class BoxLost(RunnerError):
    """A check's box ended before it ran the command, or nobody saw how it ended."""

    default_code = "container_crashed"


def believed(
    step: ClaimedStep, control: Control, execute: Callable[[], StepOutcome]
) -> StepOutcome:
    """`execute`, and if it claims success, the checks of the step: the outcome that counts.

    Raises what `execute` raises, Cancelled, LeaseLost, and RunnerError when no check can be run.
    """
    checks = resolve.checks(step.pipeline, step.step)
    if not checks:
        return execute()
    claim = stored(lambda: services.claim_find(step.execution_id))
    if claim is None:
        claim = execute()
        checks = due(checks, step.step, claim.outputs)
        if not checks or not _claims_success(step, claim):
            return claim
    else:
        log.info("going on with the checks of a claim")
        checks = due(checks, step.step, claim.outputs)
    if not control.is_running:
        control.running()
    verification = _Verification(step, control, claim, checks)
    return verification.run()


def _claims_success(step: ClaimedStep, outcome: StepOutcome) -> bool:
    """Of an agent that owns up to a failure nothing needs to be checked."""
    told = Outcome(
        step_id=step.step_id,
        visit=step.visit,
        attempt=step.attempt,
        succeeded=outcome.succeeded,
        outputs=outcome.outputs,
    )
    return judged(step.step, told).succeeded


class _Verification:
    """The checks of one claim, in their order. All are run, so that the agent hears of all."""

    def __init__(
        self, step: ClaimedStep, control: Control, claim: StepOutcome, checks: Sequence[Check]
    ) -> None:
        self._step = step
        self._control = control
        self._checks = checks
        self._workspace = stored(lambda: Workspace.objects.filter(id=step.workspace_id).first())
        commit = claim.commit_hash or (self._workspace.head_commit if self._workspace else "")
        self._claim = replace(claim, commit_hash=commit)
        self._place = places() / str(step.execution_id)

    def run(self) -> StepOutcome:
        checks_s = sum(check.timeout_s for check in self._checks)
        self._control.flush()
        self._must(
            lambda: services.claim_store(
                step=self._step,
                outcome=self._claim,
                commit=self._claim.commit_hash,
                checks_s=checks_s,
            )
        )
        fault_point("checks.claimed")
        known = stored(self._known)
        try:
            findings = [
                known.get(index) or self._found(index, check)
                for index, check in enumerate(self._checks)
            ]
        finally:
            shutil.rmtree(self._place, ignore_errors=True)
        return self._outcome(findings)

    def _known(self) -> dict[int, Finding]:
        """Checks that a lost worker had brought to their end."""
        rows = StepCheck.objects.filter(
            step_execution_id=self._step.execution_id,
            verdict__in=(CheckVerdict.PASSED, CheckVerdict.FAILED, CheckVerdict.TIMEOUT),
        )
        return {
            row.index: Finding(
                check=self._checks[row.index],
                verdict=CheckVerdict(row.verdict),
                exit_code=row.exit_code,
                duration_ms=row.duration_ms or 0,
                output=row.output,
            )
            for row in rows
            if row.index < len(self._checks)
        }

    def _found(self, index: int, check: Check) -> Finding:
        """Run one check and store what came of it."""
        began = time.monotonic()
        self._must(
            lambda: services.check_start(
                step=self._step, index=index, check=check, commit=self._claim.commit_hash
            )
        )
        try:
            finding = self._tried(index, check)
        except (Cancelled, DjinnError, OSError) as exc:
            verdict = CheckVerdict.CANCELLED if isinstance(exc, Cancelled) else CheckVerdict.ERROR
            reason = str(exc) if isinstance(exc, Cancelled) else _reason(exc)
            self._store(index, Finding(check=check, verdict=verdict, output=reason), began)
            raise
        return self._store(index, finding, began)

    def _store(self, index: int, finding: Finding, began: float) -> Finding:
        ms = finding.duration_ms or round((time.monotonic() - began) * 1000)
        finding = replace(finding, duration_ms=ms)
        self._must(
            lambda: services.check_end(
                step=self._step,
                index=index,
                verdict=finding.verdict,
                exit_code=finding.exit_code,
                duration_ms=ms,
                output=finding.output,
            )
        )
        fault_point("checks.stored")
        return finding

    def _tried(self, index: int, check: Check) -> Finding:
        """A box that fails us is made again: that is not the agent's fault."""
        for attempt in range(1, TRIES + 1):
            try:
                return _CheckBox(self._step, self._control, self._workspace, self._claim).run(
                    index, check, self._place
                )
            except RunnerError as exc:
                if attempt == TRIES or not exc.extra.get("retryable", True):
                    raise
                log.warning("a check's box failed and is made again", error=exc.message)
                _pause(self._control)
        raise AssertionError("the loop returns or raises")

    def _outcome(self, findings: Sequence[Finding]) -> StepOutcome:
        failed = [each for each in findings if each.verdict != CheckVerdict.PASSED]
        if not failed:
            return self._claim
        return StepOutcome(
            succeeded=False,
            error_code="checks_failed",
            error=feedback(findings, self._claim.commit_hash),
            commit_hash=self._claim.commit_hash,
            model_used=self._claim.model_used,
        )

    def _must(self, write: Callable[[], bool]) -> None:
        if not stored(write):
            raise LeaseLost


class _CheckBox:
    """One try at one check."""

    def __init__(
        self,
        step: ClaimedStep,
        control: Control,
        workspace: Workspace | None,
        claim: StepOutcome,
    ) -> None:
        self._step = step
        self._control = control
        self._workspace = workspace
        self._claim = claim
        self._runner: Runner = chosen().runner
        self._uid, self._gid = box_user()

    def run(self, index: int, check: Check, place: Path) -> Finding:
        try:
            ready = script(check, {**self._step.variables, **self._claim.outputs})
        except ValueTooLong as exc:
            return Finding(check=check, verdict=CheckVerdict.FAILED, output=str(exc))
        shutil.rmtree(place, ignore_errors=True)
        home, tree = place / "home", place / "tree"
        home.mkdir(mode=0o755, parents=True)
        directory_give(home)
        with self._control.holding():
            beside = checkout_create(self._workspace, self._claim.commit_hash, tree)
        if not _is_directory(tree, check.workdir):
            note = f"There is no directory {check.workdir} in what was committed."
            return Finding(check=check, verdict=CheckVerdict.FAILED, output=note)
        mounts = [
            Mount(source=home, target=HOME, read_only=False),
            Mount(source=tree, target=WORKSPACE, read_only=False),
            *(Mount(source=m.path, target=str(m.path), read_only=m.read_only) for m in beside),
        ]
        name = f"{CHECK_APP}-{self._step.execution_id}-{index}"
        spec = BoxSpec(
            name=name,
            image=settings.AGENT_IMAGE,
            command=(*_SHELL, f': > "$HOME/{_STARTED}"\n{ready.text}'),
            env=self._environment(name, ready, mounts[0]),
            mounts=mounts,
            workdir=str(PurePosixPath(self._runner.seen(mounts[1]), check.workdir)),
            limits=Limits(
                memory_mb=settings.BOX_MEMORY_MB, cpus=settings.BOX_CPUS, pids=settings.BOX_PIDS
            ),
            labels={
                LABEL_APP: CHECK_APP,
                LABEL_INSTANCE: instance(),
                LABEL_EXECUTION: str(self._step.execution_id),
            },
            network=Network.NONE,
            uid=self._uid,
            gid=self._gid,
        )
        return self._in_box(check, spec, home / _STARTED)

    def _environment(self, name: str, ready: Script, home: Mount) -> dict[str, str]:
        return {
            **person_environment(COMMITTER),
            # The mirror's objects belong to the platform's user, not to the box's.
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
            "CI": "true",
            "RUN_ID": self._step.run_id,
            "STEP_ID": self._step.step_id,
            "PYTHONPATH": "",  # the image's own is for the agent runtime
            **ready.env,
            "HOME": self._runner.seen(home),
            "TMPDIR": self._runner.tmp(name),
        }

    def _in_box(self, check: Check, spec: BoxSpec, started: Path) -> Finding:
        runner, began = self._runner, time.monotonic()
        box: Box | None = None
        try:
            with self._control.holding():
                box = runner.create(spec)
                runner.start(box)
            fault_point("checks.running")
            state = self._ended(box, began + check.timeout_s)
            # A secret that the agent left in its work may turn up in what a check prints.
            known = stored(lambda: masker_of(_session_of(self._step)))
            output = known.masked(mask(runner.logs(box, tail=LOG_LINES)))
        finally:
            if box is not None:
                runner.remove(box)
        ms = round((time.monotonic() - began) * 1000)
        if state is None:
            note = f"It ran longer than {check.timeout_s} seconds."
            return Finding(
                check=check,
                verdict=CheckVerdict.TIMEOUT,
                duration_ms=ms,
                output=f"{output}\n{note}".strip(),
            )
        if not os.path.lexists(started) or state.exit_code is None:
            tail = output.strip()[-500:]
            raise BoxLost(f"The box of a check did not run its command. {tail}".strip())
        if state.oom_killed:
            output = f"{output}\nIt used more than its {settings.BOX_MEMORY_MB} MB of memory."
        held = state.exit_code == check.expect_exit and not state.oom_killed
        return Finding(
            check=check,
            verdict=CheckVerdict.PASSED if held else CheckVerdict.FAILED,
            exit_code=state.exit_code,
            duration_ms=ms,
            output=output.strip(),
        )

    def _ended(self, box: Box, deadline: float) -> BoxState | None:
        """Wait for the box, listening to stop signs. None: its time is up."""
        pause_s = POLL_S[0]
        while True:
            state = self._runner.state(box)
            if not state.running:
                return state
            if time.monotonic() > deadline:
                return None
            self._control.check()
            time.sleep(pause_s)
            pause_s = min(pause_s * 1.5, POLL_S[1])


def feedback(findings: Sequence[Finding], commit: str) -> str:
    """What the next attempt is told, and people."""
    failed = [each for each in findings if each.verdict != CheckVerdict.PASSED]
    where = f"commit {commit[:10]}" if commit else "what the step left"
    count = "1 check" if len(findings) == 1 else f"{len(findings)} checks"
    head = f"The server ran {count} on {where} in a clean box; {len(failed)} did not pass."
    return "\n\n".join([head, *(_told(each) for each in failed)])


def _told(finding: Finding) -> str:
    check = finding.check
    title = check.run.strip() if check.name in check.run else f"{check.name}: {check.run.strip()}"
    end = (
        f"exited with {finding.exit_code}, expected {check.expect_exit}"
        if finding.exit_code is not None
        else "did not end in time"
        if finding.verdict == CheckVerdict.TIMEOUT
        else "could not pass"
    )
    tail = finding.output[-FEEDBACK_CHARS:].strip()
    return f"$ {title}\n({end})\n{tail}".strip()


def _is_directory(tree: Path, workdir: str) -> bool:
    """Whether it is there, and reached without a link: what is committed is the agent's."""
    place = tree
    for part in PurePosixPath(workdir).parts:
        place = place / part
        if place.is_symlink():
            return False
    return place.is_dir()


def _session_of(step: ClaimedStep) -> str:
    found = StepExecution.objects.filter(id=step.execution_id).values_list("session_id", flat=True)
    return found.first() or ""


def _reason(exc: DjinnError | OSError) -> str:
    return exc.message if isinstance(exc, DjinnError) else f"{type(exc).__name__}: {exc}"


def _pause(control: Control) -> None:
    until = time.monotonic() + PAUSE_S
    while time.monotonic() < until:
        control.check()
        time.sleep(0.05)


# Looking after what a lost worker left


def places() -> Path:
    """Where checkouts for checks lie, one directory an execution."""
    return Path(settings.DATA_ROOT) / "checks"


def reap_checks() -> int:
    """Remove boxes and checkouts of checks that nobody runs any more; how many boxes went."""
    removed = 0
    known = runners(boxes_dir=settings.BOXES_DIR, image="")
    for runner in (each for each in known.values() if not each.unavailable()):
        for box in runner.list({LABEL_APP: CHECK_APP, LABEL_INSTANCE: instance()}):
            if not _is_checked(box.labels.get(LABEL_EXECUTION, "")):
                log.warning("removing the box of a check that nobody runs", box=box.name)
                runner.remove(box)
                removed += 1
    if places().is_dir():
        for place in places().iterdir():
            if not _is_checked(place.name):
                shutil.rmtree(place, ignore_errors=True)
    return removed


def _is_checked(execution: str) -> bool:
    held = StepExecution.objects.filter(status__in=STEP_HELD)
    return execution.isdigit() and held.filter(id=int(execution)).exists()
