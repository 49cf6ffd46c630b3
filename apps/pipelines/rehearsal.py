"""A run in memory: the effects of `decide`, applied without a database.

`rehearse` walks a pipeline in it, with made-up answers: nothing is started, written or paid for.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from apps.llm.facts import SessionFacts
from apps.llm.scripted.auto import auto_outputs
from apps.llm.scripted.sample import sample
from apps.pipelines import template
from apps.pipelines.decide import decide, judged, start
from apps.pipelines.decisions import (
    CloseLoop,
    CompleteRun,
    Effect,
    EndItem,
    ExecutionView,
    FailRun,
    FanOut,
    LoopItemRef,
    LoopView,
    NotifyAgent,
    OpenLoop,
    Outcome,
    QueueStep,
    RetryStep,
    RunView,
    StartItem,
)
from apps.pipelines.definition import CATCH_ALL, Pipeline, Step
from apps.pipelines.turn import ACTIVE
from apps.pipelines.variables import LoopContext, template_variables

ATTEMPTS: Final = 200
SHOWN: Final = 4_000
_RUN_ID: Final = "run_rehearsal"


@dataclass
class World:
    """`pending` executions wait for a person, `queued` ones for an agent."""

    pipeline: Pipeline
    given: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    executions: list[ExecutionView] = field(default_factory=list)
    loops: list[LoopView] = field(default_factory=list)
    made_in: dict[str, list[LoopItemRef]] = field(default_factory=dict)
    notes: list[NotifyAgent] = field(default_factory=list)
    end: CompleteRun | FailRun | None = None

    def begin(self) -> None:
        self.apply(start(self.pipeline, self.view()))

    def take(self, outcome: Outcome) -> None:
        """An attempt has ended so."""
        effects = decide(self.pipeline, self.view(), outcome)
        self.store(judged(self.pipeline.step(outcome.step_id), outcome))
        self.apply(effects)

    def view(self) -> RunView:
        return RunView(
            outputs=dict(self.outputs),
            variables={**self.given, **self.outputs},
            executions=tuple(self.executions),
            loops=tuple(self._with_produced(loop) for loop in self.loops),
        )

    def active(self) -> list[ExecutionView]:
        return [each for each in self.executions if each.status in ACTIVE]

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

    def _queue(
        self,
        step_id: str,
        visit: int,
        item: LoopItemRef | None,
        *,
        status: str = "queued",
        result_retries: int = 0,
    ) -> None:
        assert all((e.step_id, e.visit) != (step_id, visit) for e in self.executions)
        self.executions.append(
            ExecutionView(
                step_id=step_id,
                visit=visit,
                attempt=1,
                status=status,
                loop_item=item,
                result_retries=result_retries,
            )
        )

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

    def _open(self, effect: OpenLoop) -> None:
        assert not any(loop.is_open for loop in self.loops if loop.step_id == effect.step_id)
        self.loops.append(effect.opened())

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


# Walking a pipeline


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """One attempt of the walk. `missing` are variables of the input that have no value."""

    step_id: str
    visit: int
    attempt: int
    agent_id: str
    item: str
    approval: bool
    input: str
    missing: tuple[str, ...]
    outputs: Mapping[str, str]
    result: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """`status` is `completed`, `failed`, or `stopped` when the walk took too long."""

    status: str
    code: str
    message: str
    steps: tuple[Played, ...]
    outputs: Mapping[str, str]


Results = Mapping[str, tuple[str, ...]]


def rehearse(pipeline: Pipeline, *, task: str, results: Results | None = None) -> Rehearsal:
    """Walk the pipeline with the answers of the automatic script.

    `results` names, by step, the result of each of its visits in turn; the last one is given from
    then on. A step that is not named gives its results in turn, again and again, so that ways back
    are walked and left.
    """
    world = World(pipeline, given=template_variables(task_description=task, run_id=_RUN_ID))
    choose = _chooser(pipeline, results or {})
    played: list[Played] = []
    world.begin()
    while world.end is None and world.active() and len(played) < ATTEMPTS:
        execution = world.active()[0]
        step = pipeline.step(execution.step_id)
        result = choose(step, execution.visit)
        outputs = _outputs(pipeline, step, result)
        played.append(_played(world, step, execution, outputs, result))
        world.take(
            Outcome(
                step_id=step.id,
                visit=execution.visit,
                attempt=execution.attempt,
                succeeded=True,
                outputs=outputs,
            )
        )
    return _ended(world, played)


def _ended(world: World, played: list[Played]) -> Rehearsal:
    match world.end:
        case CompleteRun():
            status, code, message = "completed", "", ""
        case FailRun(code=code, message=message):
            status = "failed"
        case _:
            status, code = "stopped", "too_long"
            message = f"It had not ended after {len(played)} attempts."
    return Rehearsal(
        status=status, code=code, message=message, steps=tuple(played), outputs=world.outputs
    )


def _chooser(pipeline: Pipeline, results: Results) -> Callable[[Step, int], str]:
    """Where the file goes on without a result, none is one of the choices."""

    def choose(step: Step, visit: int) -> str:
        if wanted := results.get(step.id):
            return wanted[min(visit, len(wanted)) - 1]
        keys = [key for key in step.on_result if key != CATCH_ALL]
        if step.on_complete or step is pipeline.steps[-1]:
            keys.append("")
        return keys[(visit - 1) % len(keys)] if keys else ""

    return choose


def _played(
    world: World, step: Step, execution: ExecutionView, outputs: Mapping[str, str], result: str
) -> Played:
    loop = _loop_context(world, execution)
    variables = template_variables(
        task_description=world.given["task_description"],
        run_id=_RUN_ID,
        outputs=world.outputs,
        loop=loop,
    )
    rendered = template.render(step.input, variables)
    return Played(
        step_id=step.id,
        visit=execution.visit,
        attempt=execution.attempt,
        agent_id=step.agent,
        item=loop.item if loop else "",
        approval=execution.status == "pending",
        input=rendered.text[:SHOWN],
        missing=rendered.missing,
        outputs=outputs,
        result=result,
    )


def _loop_context(world: World, execution: ExecutionView) -> LoopContext | None:
    ref = execution.loop_item
    loops = [
        loop
        for loop in world.loops
        if ref and (loop.step_id, loop.generation) == (ref.step_id, ref.generation)
    ]
    if ref is None or not loops:
        return None
    items = loops[0].items
    done = tuple(item.data for item in items if item.status == "completed")
    item = items[ref.index]
    return LoopContext(item=item.data, index=item.index, count=len(items), completed=done)


def _outputs(pipeline: Pipeline, step: Step, result: str) -> dict[str, str]:
    if step.output_schema is not None:
        return _structured(step, step.output_schema.schema)
    facts = SessionFacts(
        pipeline=pipeline.id,
        step=step.id,
        agent=step.agent,
        outputs=step.outputs or (("result",) if result else ()),
        results=(result,) if result else (),
        loop_names=tuple(each.loop.over for each in pipeline.steps if each.loop),
    )
    return auto_outputs(facts)


def _structured(step: Step, schema: Mapping[str, Any]) -> dict[str, str]:
    """Properties that are outputs, each by its name; else a single output takes all of it."""
    value = sample(schema)
    found = {
        name: inner if isinstance(inner, str) else json.dumps(inner)
        for name, inner in (value.items() if isinstance(value, dict) else ())
        if name in step.outputs
    }
    return found or ({step.outputs[0]: json.dumps(value)} if step.outputs else {})
