"""The working state of one decision: the view, brought up to date by each effect."""

from collections.abc import Iterable
from dataclasses import replace

from apps.pipelines.decisions import (
    CloseLoop,
    CompleteRun,
    Effect,
    EndItem,
    ExecutionView,
    FailRun,
    FanOut,
    LoopItemRef,
    LoopItemView,
    LoopView,
    OpenLoop,
    Outcome,
    QueueStep,
    RetryStep,
    RunView,
    StartItem,
)
from apps.pipelines.definition import Pipeline, Step

DEFAULT_MAX_RETRIES = 3
ACTIVE = frozenset({"pending", "queued", "starting", "running", "finishing"})


class Turn:
    """Collects effects and keeps the picture they make, so that the next rule sees it."""

    def __init__(self, pipeline: Pipeline, view: RunView) -> None:
        self.pipeline = pipeline
        self.variables = {**view.variables, **view.outputs}
        self.executions = list(view.executions)
        self.loops = list(view.loops)
        self.effects: list[Effect] = []
        self.ended = False
        self._last_visit = dict(view.last_visit)
        self._last_generation = dict(view.last_generation)
        self._learned: tuple[str, ...] = ()

    # -- questions -----------------------------------------------------------------------------

    def find(self, outcome: Outcome) -> ExecutionView | None:
        """The attempt the outcome belongs to; None when a newer one or a restart replaced it."""
        wanted = (outcome.step_id, outcome.visit, outcome.attempt)
        return next(
            (
                each
                for each in self.executions
                if (each.step_id, each.visit, each.attempt) == wanted
            ),
            None,
        )

    def newest(self, step_id: str) -> ExecutionView | None:
        return next((e for e in reversed(self.executions) if e.step_id == step_id), None)

    def position(self, step_id: str) -> int:
        """Place of the step's newest visit in the order of queueing; -1: never queued."""
        places = [i for i, each in enumerate(self.executions) if each.step_id == step_id]
        return places[-1] if places else -1

    @property
    def active(self) -> int:
        return sum(each.status in ACTIVE for each in self.executions)

    def newest_loop(self, step_id: str) -> LoopView | None:
        return next((loop for loop in reversed(self.loops) if loop.step_id == step_id), None)

    def loop_of(self, ref: LoopItemRef) -> LoopView:
        return next(
            loop
            for loop in self.loops
            if (loop.step_id, loop.generation) == (ref.step_id, ref.generation)
        )

    def item_context(self, execution: ExecutionView) -> LoopItemRef | None:
        """The open loop item that an execution works on.

        One that carries no item, a visit made by hand say, works on the innermost open one; with
        DAG order it may belong to another branch, so there it works on none.
        """
        if execution.loop_item is not None:
            return execution.loop_item if self._is_running(execution.loop_item) else None
        if self.pipeline.uses_depends_on:
            return None
        return next(
            (ref for loop in reversed(self.loops) for ref in self.running_items(loop)), None
        )

    def running_items(self, loop: LoopView) -> list[LoopItemRef]:
        if not loop.is_open:
            return []
        return [_ref(loop, item) for item in loop.items if item.status == "running"]

    def _is_running(self, ref: LoopItemRef) -> bool:
        return any(ref in self.running_items(loop) for loop in self.loops)

    def entries(self, step: Step, item: LoopItemRef | None) -> int:
        """Visits of a step that count against its limit: those in the same loop item."""
        return sum(e.step_id == step.id and e.loop_item == item for e in self.executions)

    def max_retries(self, step: Step) -> int:
        for value in (step.max_retries, self.pipeline.defaults.max_retries):
            if value is not None:
                return value
        return DEFAULT_MAX_RETRIES

    def next_visit(self, step_id: str) -> int:
        seen = [each.visit for each in self.executions if each.step_id == step_id]
        return max([*seen, self._last_visit.get(step_id, 0)]) + 1

    def next_generation(self, step_id: str) -> int:
        seen = [loop.generation for loop in self.loops if loop.step_id == step_id]
        return max([*seen, self._last_generation.get(step_id, 0)]) + 1

    # -- changes -------------------------------------------------------------------------------

    def learn(self, execution: ExecutionView, outcome: Outcome) -> None:
        status = "completed" if outcome.succeeded else "failed"
        self._put(replace(execution, status=status, outputs=outcome.outputs))
        if outcome.succeeded:
            self.variables.update(outcome.outputs)
            self._learned = tuple(outcome.outputs)

    def add(self, effect: Effect) -> None:
        self.effects.append(effect)
        match effect:
            case QueueStep():
                self._queued(effect.step_id, effect.visit, effect.loop_item)
            case FanOut():
                for visit, ref in effect.visits:
                    self._queued(effect.step_id, visit, ref)
            case RetryStep():
                self._retried(effect)
            case OpenLoop():
                self.loops.append(effect.opened())
            case StartItem():
                self._set_item(effect.item, "running")
            case EndItem():
                self._end_item(effect)
            case CloseLoop():
                self._closed(effect)
            case CompleteRun() | FailRun():
                self.ended = True
            case _:  # NotifyAgent changes nothing here
                pass

    def fail(self, code: str, message: str) -> None:
        self.add(FailRun(code=code, message=message))

    def _put(self, execution: ExecutionView) -> None:
        for place, each in enumerate(self.executions):
            if (each.step_id, each.visit) == (execution.step_id, execution.visit):
                self.executions[place] = execution

    def _queued(self, step_id: str, visit: int, item: LoopItemRef | None) -> None:
        self.executions.append(
            ExecutionView(step_id=step_id, visit=visit, attempt=1, status="queued", loop_item=item)
        )

    def _retried(self, effect: RetryStep) -> None:
        self._put(
            ExecutionView(
                step_id=effect.step_id,
                visit=effect.visit,
                attempt=effect.attempt,
                status="queued",
                loop_item=effect.loop_item,
            )
        )

    def _closed(self, effect: CloseLoop) -> None:
        loop = self.newest_loop(effect.step_id)
        assert loop is not None, "only an open loop is closed"
        self._swap(loop, replace(loop, is_open=False))

    def _set_item(self, ref: LoopItemRef, status: str) -> None:
        loop = self.loop_of(ref)
        items = (
            replace(item, status=status) if item.index == ref.index else item for item in loop.items
        )
        self._swap(loop, replace(loop, items=tuple(items)))

    def _end_item(self, effect: EndItem) -> None:
        item = next(i for i in self.loop_of(effect.item).items if i.index == effect.item.index)
        self._forget(item.produced)
        self._forget(self._learned)
        self._set_item(effect.item, effect.status)

    def _forget(self, names: Iterable[str]) -> None:
        for name in names:
            self.variables.pop(name, None)

    def _swap(self, old: LoopView, new: LoopView) -> None:
        self.loops[self.loops.index(old)] = new


def _ref(loop: LoopView, item: LoopItemView) -> LoopItemRef:
    return LoopItemRef(step_id=loop.step_id, generation=loop.generation, index=item.index)
