"""A run in memory: it applies the effects of `decide` as `apps.runs` does, without a database."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from apps.pipelines.decide import decide, judged, resume, start
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
    NotifyAgent,
    OpenLoop,
    Outcome,
    QueueStep,
    RetryStep,
    RunView,
    StartItem,
)
from apps.pipelines.definition import Pipeline
from apps.pipelines.parse import parse_pipeline
from apps.pipelines.turn import ACTIVE

Agent = Callable[[ExecutionView, "World"], "Outcome | Mapping[str, str]"]


@dataclass
class World:
    pipeline: Pipeline
    given: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    executions: list[ExecutionView] = field(default_factory=list)
    loops: list[LoopView] = field(default_factory=list)
    made_in: dict[str, list[LoopItemRef]] = field(default_factory=dict)
    notes: list[NotifyAgent] = field(default_factory=list)
    path: list[str] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)
    end: CompleteRun | FailRun | None = None

    # -- driving -------------------------------------------------------------------------------

    def start(self) -> "World":
        self.apply(start(self.pipeline, self.view()))
        return self

    def play(self, agent: Agent, limit: int = 500) -> "World":
        """Start, then let the agent answer the oldest queued step until nothing is queued."""
        self.start()
        for _ in range(limit):
            waiting = self.waiting()
            if self.end or not waiting:
                return self
            self.answer(waiting[0], agent(waiting[0], self))
        raise AssertionError(f"the run does not end: {self.path}")

    def answer(self, execution: ExecutionView, said: "Outcome | Mapping[str, str]") -> None:
        outcome = said if isinstance(said, Outcome) else succeeded(execution, **said)
        effects = decide(self.pipeline, self.view(), outcome)
        assert effects == decide(self.pipeline, self.view(), outcome), "not deterministic"
        self.store(judged(self.pipeline.step(execution.step_id), outcome))
        self.apply(effects)

    def resume(self) -> None:
        self.apply(resume(self.pipeline, self.view()))

    # -- asking --------------------------------------------------------------------------------

    def view(self) -> RunView:
        return RunView(
            outputs=dict(self.outputs),
            variables={**self.given, **self.outputs},
            executions=tuple(self.executions),
            loops=tuple(self._with_produced(loop) for loop in self.loops),
        )

    def waiting(self) -> list[ExecutionView]:
        return [each for each in self.executions if each.status == "queued"]

    def pending(self) -> list[ExecutionView]:
        return [each for each in self.executions if each.status == "pending"]

    def active(self) -> list[ExecutionView]:
        return [each for each in self.executions if each.status in ACTIVE]

    def loop(self, step_id: str) -> LoopView:
        return [loop for loop in self.loops if loop.step_id == step_id][-1]

    def item_states(self, step_id: str) -> list[str]:
        return [item.status for item in self.loop(step_id).items]

    # -- changing ------------------------------------------------------------------------------

    def store(self, outcome: Outcome) -> None:
        place = self._place(outcome.step_id, outcome.visit)
        lost = outcome.error_code == "worker_lost"
        failed = "lost" if lost else "failed"
        self.executions[place] = replace(
            self.executions[place],
            status="completed" if outcome.succeeded else failed,
            outputs=dict(outcome.outputs),
            error_code=outcome.error_code,
            error=outcome.error,
        )
        if outcome.succeeded:
            for key, value in outcome.outputs.items():
                self.outputs[key] = value
                self.made_in[key] = self._running()

    def apply(self, effects: tuple[Effect, ...]) -> None:
        for effect in effects:
            assert self.end is None, f"{effect} after the end"
            self.effects.append(effect)
            self._apply(effect)

    def _apply(self, effect: Effect) -> None:
        match effect:
            case QueueStep():
                status = "pending" if effect.approval else "queued"
                self._queue(
                    effect.step_id,
                    effect.visit,
                    effect.loop_item,
                    status=status,
                    result_retries=effect.result_retries,
                )
            case FanOut():
                assert effect.visits
                for visit, item in effect.visits:
                    self._queue(effect.step_id, visit, item)
            case RetryStep():
                self._retry(effect)
            case OpenLoop():
                self._open(effect)
            case StartItem():
                self._item(effect.item, "pending", "running")
            case EndItem():
                was = "pending" if effect.status == "skipped" else "running"
                self._forget(effect.item)
                self._item(effect.item, was, effect.status)
            case CloseLoop():
                self._close(effect)
            case NotifyAgent():
                self.notes.append(effect)
            case CompleteRun() | FailRun():
                self.end = effect

    def _queue(self, step_id: str, visit: int, item: LoopItemRef | None, **more: object) -> None:
        assert all((e.step_id, e.visit) != (step_id, visit) for e in self.executions)
        base = ExecutionView(
            step_id=step_id, visit=visit, attempt=1, status="queued", loop_item=item
        )
        self.executions.append(replace(base, **more))  # type: ignore[arg-type]
        self.path.append(step_id)

    def _retry(self, effect: RetryStep) -> None:
        place = self._place(effect.step_id, effect.visit)
        old = self.executions[place]
        assert effect.attempt == old.attempt + 1
        assert old.status not in ACTIVE
        self.executions[place] = ExecutionView(
            step_id=effect.step_id,
            visit=effect.visit,
            attempt=effect.attempt,
            status="queued",
            retry_count=effect.retry_count,
            lost_count=effect.lost_count,
            result_retries=effect.result_retries,
            repair=effect.repair,
            repaired=effect.repair or old.repaired,
            repair_for=effect.repair_for,
            loop_item=effect.loop_item,
        )
        self.path.append(f"{effect.step_id}.{effect.attempt}")

    def _open(self, effect: OpenLoop) -> None:
        assert not any(loop.is_open for loop in self.loops if loop.step_id == effect.step_id)
        items = tuple(
            LoopItemView(index=index, kind=kind, status="pending", data=data)
            for index, (kind, data) in enumerate(effect.items)
        )
        self.loops.append(
            LoopView(
                step_id=effect.step_id,
                generation=effect.generation,
                is_open=True,
                items=items,
                parent=effect.parent,
            )
        )

    def _close(self, effect: CloseLoop) -> None:
        place = self._loop_place(effect.step_id, effect.generation)
        assert self.loops[place].is_open
        assert not [i for i in self.loops[place].items if i.status in ("pending", "running")]
        self.loops[place] = replace(self.loops[place], is_open=False)

    def _item(self, ref: LoopItemRef, was: str, now: str) -> None:
        place = self._loop_place(ref.step_id, ref.generation)
        items = list(self.loops[place].items)
        assert items[ref.index].status == was, (ref, items[ref.index].status, now)
        items[ref.index] = replace(items[ref.index], status=now)
        self.loops[place] = replace(self.loops[place], items=tuple(items))

    def _forget(self, ref: LoopItemRef) -> None:
        for key in [key for key, items in self.made_in.items() if ref in items]:
            del self.outputs[key]
            del self.made_in[key]

    def _running(self) -> list[LoopItemRef]:
        return [
            LoopItemRef(step_id=loop.step_id, generation=loop.generation, index=item.index)
            for loop in self.loops
            for item in loop.items
            if item.status == "running"
        ]

    def _with_produced(self, loop: LoopView) -> LoopView:
        def ref(index: int) -> LoopItemRef:
            return LoopItemRef(step_id=loop.step_id, generation=loop.generation, index=index)

        items = (
            replace(
                item,
                produced=tuple(k for k, made in self.made_in.items() if ref(item.index) in made),
            )
            for item in loop.items
        )
        return replace(loop, items=tuple(items))

    def _place(self, step_id: str, visit: int) -> int:
        places = [(each.step_id, each.visit) for each in self.executions]
        return places.index((step_id, visit))

    def _loop_place(self, step_id: str, generation: int) -> int:
        return [(loop.step_id, loop.generation) for loop in self.loops].index((step_id, generation))


def succeeded(execution: ExecutionView, **outputs: str) -> Outcome:
    return Outcome(
        step_id=execution.step_id,
        visit=execution.visit,
        attempt=execution.attempt,
        succeeded=True,
        outputs=outputs,
    )


def failed(execution: ExecutionView, code: str = "timeout", *, retryable: bool = True) -> Outcome:
    return Outcome(
        step_id=execution.step_id,
        visit=execution.visit,
        attempt=execution.attempt,
        succeeded=False,
        error_code=code,
        error=f"it was {code}",
        retryable=retryable,
    )


def scripted(script: Mapping[str, list[object]]) -> Agent:
    """An agent that gives a step's answers in turn; the last one repeats; none is no outputs.

    An answer is a mapping of outputs, or the error code of a failure.
    """
    left = {step_id: list(answers) for step_id, answers in script.items()}

    def agent(execution: ExecutionView, world: World) -> Outcome | Mapping[str, str]:
        answers = left.get(execution.step_id) or [{}]
        said = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(said, str):
            return failed(execution, said)
        assert isinstance(said, dict)
        return said

    return agent


def pipeline_of(steps: str, head: str = "") -> Pipeline:
    """A valid pipeline from its steps' YAML; agent `a` does all."""
    text = (
        f"id: p\nname: P\n{head}\nagents: [{{id: a, name: A}}, {{id: b, name: B}}]\nsteps:\n{steps}"
    )
    result = parse_pipeline(text)
    assert result.valid, result.problems
    assert result.pipeline is not None
    return result.pipeline
