"""The next-step decision: definition, state of the run and an outcome in, effects out.

Pure: no Django, no clock, no I/O. `apps.runs` applies the effects, in their order, in the
transaction that stores the outcome.

    start(pipeline, view)            the first effects of a run
    decide(pipeline, view, outcome)  after an attempt ended; () for one that a newer one replaced,
                                     and while steps beside it still work
    resume(pipeline, view)           when nothing is active: after a pause, or by the reconciler
    judged(step, outcome)            the outcome as it counts, see there
"""

from dataclasses import replace

from apps.pipelines import flow
from apps.pipelines.decisions import (
    Effect,
    ExecutionView,
    LoopItemRef,
    NotifyAgent,
    Outcome,
    RetryStep,
    RunView,
)
from apps.pipelines.definition import Pipeline, ResultAction, Step
from apps.pipelines.flow import Cause
from apps.pipelines.routing import Match, match_result, moves, result_value
from apps.pipelines.turn import ACTIVE, Turn

LOST_ATTEMPT_LIMIT = 3
BACKOFF_FIRST_S = 5.0
BACKOFF_MAX_S = 120.0
FAILING_STATUS = frozenset({"fail", "failed", "error"})
# What another attempt can mend at once: waiting would help nothing.
AT_ONCE = frozenset({"checks_failed"})
NOT_RETRYABLE = frozenset(
    {"cancelled", "visit_limit", "unrouted_result", "no_provider_key", "agent_unknown"}
)


def start(pipeline: Pipeline, view: RunView) -> tuple[Effect, ...]:
    turn = Turn(pipeline, view)
    if pipeline.uses_depends_on:
        flow.run_ready(turn)
    else:
        flow.goto(turn, pipeline.steps[0].id, None, Cause())
    return tuple(turn.effects)


def decide(pipeline: Pipeline, view: RunView, outcome: Outcome) -> tuple[Effect, ...]:
    turn = Turn(pipeline, view)
    _follow(turn, outcome)
    return tuple(turn.effects)


def resume(pipeline: Pipeline, view: RunView) -> tuple[Effect, ...]:
    """Go on where the run stands. `view` includes what ended, with its outputs or error.

    Aborted attempts are repeated; otherwise the outcomes that were not advanced are decided upon,
    or the newest one again. A run that then has nothing to do has stalled.
    """
    if any(each.status in ACTIVE for each in view.executions):
        return ()
    if not view.executions:
        return start(pipeline, view)
    aborted = [each for each in view.executions if each.status in ("cancelled", "skipped")]
    if aborted:
        return tuple(_repeat(each) for each in aborted)
    turn = Turn(pipeline, view)
    last = view.executions[-1]
    for each in [each for each in view.executions if not each.advanced] or [last]:
        if not turn.ended:
            _follow(turn, _outcome_of(each))
    if not turn.ended and not turn.active:
        turn.fail("stalled", f"Nothing runs and nothing follows step {last.step_id}.")
    return tuple(turn.effects)


def _follow(turn: Turn, outcome: Outcome) -> None:
    execution = turn.find(outcome)
    if execution is None:
        return
    step = turn.pipeline.step(outcome.step_id)
    outcome = judged(step, outcome)
    turn.learn(execution, outcome)
    _Ending(turn, step, execution, outcome).decide()


def judged(step: Step, outcome: Outcome) -> Outcome:
    """An agent that reports `status: failed` has failed, unless the pipeline routes that value."""
    reported = outcome.outputs.get("status", "").strip()
    if not outcome.succeeded or reported.casefold() not in FAILING_STATUS:
        return outcome
    if match_result(step, outcome.outputs):
        return outcome
    return replace(
        outcome,
        succeeded=False,
        error_code="agent_failed",
        error=f"The agent reported status {reported!r}.",
    )


def _outcome_of(execution: ExecutionView) -> Outcome:
    lost = "worker_lost" if execution.status == "lost" else ""
    return Outcome(
        step_id=execution.step_id,
        visit=execution.visit,
        attempt=execution.attempt,
        succeeded=execution.status == "completed",
        outputs=execution.outputs,
        error_code=execution.error_code or lost,
        error=execution.error,
    )


def _repeat(execution: ExecutionView) -> RetryStep:
    return RetryStep(
        step_id=execution.step_id,
        visit=execution.visit,
        attempt=execution.attempt + 1,
        delay_s=0,
        feedback="",
        retry_count=execution.retry_count,
        lost_count=execution.lost_count,
        repair=execution.repair,
        repair_for=execution.repair_for,
        loop_item=execution.loop_item,
        result_retries=execution.result_retries,
    )


class _Ending:
    """What follows the end of one attempt."""

    def __init__(self, turn: Turn, step: Step, execution: ExecutionView, outcome: Outcome) -> None:
        self.turn = turn
        self.step = step
        self.execution = execution
        self.outcome = outcome
        self.item: LoopItemRef | None = turn.item_context(execution)

    def decide(self) -> None:
        if not self.outcome.succeeded:
            self._after_failure()
        elif self.execution.repair_for:
            flow.goto(self.turn, self.execution.repair_for, self.item, self._cause(None))
        else:
            self._after_success()

    # -- success -------------------------------------------------------------------------------

    def _after_success(self) -> None:
        match = match_result(self.step, self.outcome.outputs)
        if match:
            self._notify(match.action)
        if match and moves(match.action):
            self._move(match)
        elif self.step.loop:
            self._after_loop_step(self.step.loop.on_each_complete, match)
        elif self.step.on_complete:
            flow.goto(self.turn, self.step.on_complete, self.item, self._cause(match))
        else:
            self._without_route(match)

    def _notify(self, action: ResultAction) -> None:
        if action.notify:
            self.turn.add(
                NotifyAgent(
                    from_agent=self.step.agent,
                    to_agent=action.notify.agent,
                    message=action.notify.message,
                )
            )

    def _move(self, match: Match) -> None:
        if match.action.goto:
            flow.goto(self.turn, match.action.goto, self.item, self._cause(match))
        elif match.action.retry:
            self._retry_for_result(match)
        elif self.item is None:
            self.turn.fail(
                "no_open_loop",
                f"Step {self.step.id} gave {match.value!r}, which continues a loop; none is open.",
            )
        else:
            flow.complete_item(self.turn, self.item)

    def _retry_for_result(self, match: Match) -> None:
        limit = match.action.max_retries
        if limit is None:
            limit = self.turn.max_retries(self.step)
        done = self.execution.result_retries
        if done < limit:
            flow.queue(self.turn, self.step, self.item, result_retries=done + 1)
        else:
            self._fail_step(
                "result_retries_exhausted",
                f"Step {self.step.id} still gave {match.value!r} after {limit} retries.",
            )

    def _after_loop_step(self, on_each_complete: str | None, match: Match | None) -> None:
        if self.item is None:
            flow.after_all(self.turn, self.step, None)
        elif on_each_complete:
            flow.goto(self.turn, on_each_complete, self.item, self._cause(match))
        else:
            flow.complete_item(self.turn, self.item)

    def _without_route(self, match: Match | None) -> None:
        """No movement, no onComplete: an end if it is meant as one, else a fault."""
        value = result_value(self.step, self.outcome.outputs)
        if match or self._may_end():
            flow.end_of_path(self.turn, self.item)
        elif value or not self.step.on_result:
            self.turn.fail("unrouted_result", self._unrouted(value))
        else:
            self._ask_for_result()

    def _may_end(self) -> bool:
        """The last step of the file, any step under DAG order, the end of a loop item's path."""
        pipeline = self.turn.pipeline
        in_loop_without_results = self.item is not None and not self.step.on_result
        return (
            self.step.id == pipeline.steps[-1].id
            or pipeline.uses_depends_on
            or in_loop_without_results
        )

    def _unrouted(self, value: str) -> str:
        if not self.step.on_result:
            return f"No route leads on from step {self.step.id}, and it is not the last one."
        keys = ", ".join(self.step.on_result)
        return f"Step {self.step.id} gave {value!r}, which onResult does not name. Keys: {keys}."

    def _ask_for_result(self) -> None:
        """A repair turn first, then the step again while retries last, then failure."""
        wanted = ", ".join(self.step.outputs) or "a result"
        keys = ", ".join(self.step.on_result)
        feedback = (
            f"The step gave no result that can be routed. Outputs: {wanted}. "
            f"One of them must be exactly one of: {keys}."
        )
        done = self.execution
        if not done.repaired:
            self._again(feedback, delay_s=0, repair=True)
        elif done.retry_count < self.turn.max_retries(self.step):
            self._charged_retry(feedback, repair=False)
        else:
            self._fail_step("missing_result", feedback)

    # -- failure -------------------------------------------------------------------------------

    def _after_failure(self) -> None:
        if self.outcome.error_code == "worker_lost":
            self._after_loss()
        elif self._is_retryable() and self._retries_left():
            self._charged_retry(self._reason(), repair=self.execution.repair)
        else:
            self._fail_step(self.outcome.error_code or "step_failed", self._reason())

    def _after_loss(self) -> None:
        lost = self.execution.lost_count + 1
        if lost < LOST_ATTEMPT_LIMIT:
            self._again("", delay_s=0, repair=self.execution.repair, lost_count=lost)
        else:
            self._fail_step("worker_lost", f"Step {self.step.id} lost its worker {lost} times.")

    def _is_retryable(self) -> bool:
        code = self.outcome.error_code
        return self.outcome.retryable and code not in NOT_RETRYABLE and not code.startswith("loop_")

    def _retries_left(self) -> bool:
        return self.execution.retry_count < self.turn.max_retries(self.step)

    def _reason(self) -> str:
        return self.outcome.error or self.outcome.error_code or f"Step {self.step.id} failed."

    # -- both ----------------------------------------------------------------------------------

    def _charged_retry(self, feedback: str, *, repair: bool) -> None:
        count = self.execution.retry_count
        delay = min(BACKOFF_FIRST_S * 2.0 ** min(count, 10), BACKOFF_MAX_S)
        if self.outcome.error_code in AT_ONCE:
            delay = 0
        self._again(feedback, delay_s=delay, repair=repair, retry_count=count + 1)

    def _again(
        self,
        feedback: str,
        *,
        delay_s: float,
        repair: bool,
        retry_count: int | None = None,
        lost_count: int | None = None,
    ) -> None:
        done = self.execution
        self.turn.add(
            RetryStep(
                step_id=done.step_id,
                visit=done.visit,
                attempt=done.attempt + 1,
                delay_s=delay_s,
                feedback=feedback,
                retry_count=done.retry_count if retry_count is None else retry_count,
                lost_count=done.lost_count if lost_count is None else lost_count,
                repair=repair,
                repair_for=done.repair_for,
                loop_item=done.loop_item,
                result_retries=done.result_retries,
            )
        )

    def _fail_step(self, code: str, message: str) -> None:
        flow.fail_step(self.turn, self.item, code, message)

    def _cause(self, match: Match | None) -> Cause:
        return Cause(
            step_id=self.step.id,
            result=match.value if match else "",
            outputs=self.outcome.outputs,
        )
