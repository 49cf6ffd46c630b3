"""The movements: into a step, into and through a loop, along dependencies, out of a path.

They lead into each other (a loop that ends enters the next step, which may be a loop), so they
stand together. Each adds effects to the turn and returns nothing.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from typing import Literal

from apps.pipelines.decisions import (
    CloseLoop,
    CompleteRun,
    EndItem,
    ExecutionView,
    FanOut,
    LoopItemRef,
    LoopView,
    OpenLoop,
    QueueStep,
    RetryStep,
    StartItem,
)
from apps.pipelines.definition import Loop, Step
from apps.pipelines.graph import runs_by_dependency
from apps.pipelines.loop_items import parse_items
from apps.pipelines.turn import ACTIVE, Turn

SHOWN_OF_VALUE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """The outcome behind a movement: what a rework item tells the agent."""

    step_id: str = ""
    result: str = ""
    outputs: Mapping[str, str] = field(default_factory=dict)


def goto(turn: Turn, step_id: str, item: LoopItemRef | None, cause: Cause) -> None:
    """Enter a step in the context of an open loop item, or of none."""
    step = turn.pipeline.step(step_id)
    if step.loop is None:
        queue(turn, step, item)
    else:
        _enter_loop(turn, step, step.loop, item, cause)


def queue(turn: Turn, step: Step, item: LoopItemRef | None, *, result_retries: int = 0) -> None:
    """A new visit of a step. Each loop item has its own count of visits."""
    limit = turn.pipeline.defaults.max_visits
    if turn.entries(step, item) >= limit:
        where = f" for {step_label(item)}" if item else ""
        turn.fail("visit_limit", f"Step {step.id} was entered {limit} times{where}.")
        return
    turn.add(
        QueueStep(
            step_id=step.id,
            visit=turn.next_visit(step.id),
            loop_item=item,
            approval=step.approval,
            result_retries=result_retries,
        )
    )


def step_label(item: LoopItemRef) -> str:
    return f"item {item.index + 1} of loop {item.step_id}"


def end_of_path(turn: Turn, item: LoopItemRef | None) -> None:
    """No route leads on: the loop item is done, or dependencies decide, or the run is done."""
    if item is not None:
        complete_item(turn, item)
    elif turn.pipeline.uses_depends_on:
        run_ready(turn)
    else:
        turn.add(CompleteRun())


# -- loops -------------------------------------------------------------------------------------


def complete_item(turn: Turn, item: LoopItemRef) -> None:
    turn.add(EndItem(item=item, status="completed"))
    _advance(turn, turn.loop_of(item))


def fail_step(turn: Turn, item: LoopItemRef | None, code: str, message: str) -> None:
    """A step failed for good: its loop item fails, and the run where no loop goes on without it."""
    if item is None:
        turn.fail(code, message)
        return
    turn.add(EndItem(item=item, status="failed", error=message))
    if _loop(turn, item.step_id).on_item_fail == "stop":
        _skip_pending(turn, item)
    _advance(turn, turn.loop_of(item), code, message)


def _skip_pending(turn: Turn, item: LoopItemRef) -> None:
    for index in _indexes(turn.loop_of(item), "pending"):
        skipped = LoopItemRef(step_id=item.step_id, generation=item.generation, index=index)
        turn.add(EndItem(item=skipped, status="skipped"))


def _advance(
    turn: Turn,
    loop: LoopView,
    code: str = "loop_item_failed",
    message: str = "An item of the loop failed.",
) -> None:
    """After the end of an item: the next one, or wait for those beside it, or leave the loop.

    `code` and `message` say what the loop fails with if it fails.
    """
    step = turn.pipeline.step(loop.step_id)
    pending = _indexes(loop, "pending")
    if pending:
        _start_items(turn, step, loop, pending[:1])
    elif not _indexes(loop, "running"):
        turn.add(CloseLoop(step_id=loop.step_id, generation=loop.generation))
        if _indexes(loop, "failed") and _loop(turn, step.id).on_item_fail == "stop":
            fail_step(turn, loop.parent, code, message)
        else:
            after_all(turn, step, loop.parent)


def after_all(turn: Turn, step: Step, parent: LoopItemRef | None) -> None:
    target = _loop(turn, step.id).on_all_complete or step.on_complete
    if target:
        goto(turn, target, parent, Cause(step_id=step.id))
    else:
        end_of_path(turn, parent)


def _enter_loop(turn: Turn, step: Step, loop: Loop, item: LoopItemRef | None, cause: Cause) -> None:
    newest = turn.newest_loop(step.id)
    if newest is not None and newest.is_open:
        _reenter(turn, step, newest)
        return
    generations = sum(each.step_id == step.id and each.parent == item for each in turn.loops)
    if generations >= turn.pipeline.defaults.max_visits:
        turn.fail("visit_limit", f"Loop {step.id} was opened {generations} times.")
    elif newest is None or newest.parent != item or _has_new_list(turn, loop, newest):
        _open_from_variable(turn, step, loop, item)
    else:
        _open(turn, step, [("rework", _rework_data(cause))], item)


def _reenter(turn: Turn, step: Step, loop: LoopView) -> None:
    """A route back to the loop step repeats the item in hand, or takes the first that waits."""
    running = turn.running_items(loop)
    if running:
        queue(turn, step, running[0])
    else:
        _advance(turn, loop)


def _has_new_list(turn: Turn, loop: Loop, last: LoopView) -> bool:
    """Whether the list was made anew since the loop ran: then it runs again, not as rework."""
    ran = [
        place
        for place, each in enumerate(turn.executions)
        if each.loop_item
        and (each.loop_item.step_id, each.loop_item.generation) == (last.step_id, last.generation)
    ]
    if not ran:
        return bool(parse_items(turn.variables.get(loop.over, "")))
    return any(
        loop.over in turn.pipeline.step(e.step_id).outputs for e in turn.executions[ran[-1] + 1 :]
    )


def _rework_data(cause: Cause) -> str:
    data = {
        "reason_step": cause.step_id,
        "result": cause.result,
        "outputs": dict(cause.outputs),
    }
    return json.dumps(data, ensure_ascii=False)


def _open_from_variable(turn: Turn, step: Step, loop: Loop, parent: LoopItemRef | None) -> None:
    value = turn.variables.get(loop.over, "")
    if not value.strip():
        known = ", ".join(sorted(turn.variables)) or "none"
        turn.fail(
            "loop_variable_missing",
            f"Loop {step.id} runs over {loop.over!r}, which has no value. Known names: {known}.",
        )
        return
    items = parse_items(value)
    if items is None:
        _not_a_list(turn, step, loop, value)
    elif len(items) > loop.max_items:
        turn.fail(
            "loop_too_large",
            f"Loop {step.id} has {len(items)} items; maxItems allows {loop.max_items}.",
        )
    else:
        _open(turn, step, [("item", data) for data in items], parent)


def _not_a_list(turn: Turn, step: Step, loop: Loop, value: str) -> None:
    """Ask the step that made the value once for a proper list, then give up."""
    producer = _producer(turn, loop.over)
    if producer is None or producer.status != "completed" or producer.repair_for == step.id:
        turn.fail(
            "loop_not_array",
            f"Loop {step.id} needs a JSON array in {loop.over!r}. It begins with: "
            f"{value.strip()[:SHOWN_OF_VALUE]}",
        )
        return
    turn.add(
        RetryStep(
            step_id=producer.step_id,
            visit=producer.visit,
            attempt=producer.attempt + 1,
            delay_s=0,
            feedback=f"The output {loop.over!r} must be a JSON array and nothing else, because "
            f"step {step.id} runs once for each of its items. Give it again as a valid array.",
            retry_count=producer.retry_count,
            lost_count=producer.lost_count,
            repair=True,
            repair_for=step.id,
            loop_item=producer.loop_item,
            result_retries=producer.result_retries,
        )
    )


def _producer(turn: Turn, name: str) -> ExecutionView | None:
    return next(
        (
            each
            for each in reversed(turn.executions)
            if name in each.outputs or name in turn.pipeline.step(each.step_id).outputs
        ),
        None,
    )


def _open(
    turn: Turn,
    step: Step,
    items: list[tuple[Literal["item", "rework"], str]],
    parent: LoopItemRef | None,
) -> None:
    generation = turn.next_generation(step.id)
    turn.add(OpenLoop(step_id=step.id, generation=generation, items=tuple(items), parent=parent))
    if not items:
        turn.add(CloseLoop(step_id=step.id, generation=generation))
        after_all(turn, step, parent)
        return
    loop = turn.newest_loop(step.id)
    assert loop is not None, "it was opened above"
    _start_items(turn, step, loop, list(range(len(items)))[: _loop(turn, step.id).max_parallel])


def _start_items(turn: Turn, step: Step, loop: LoopView, indexes: list[int]) -> None:
    refs = [
        LoopItemRef(step_id=step.id, generation=loop.generation, index=index) for index in indexes
    ]
    for ref in refs:
        turn.add(StartItem(item=ref))
    if len(refs) == 1 or step.approval:
        for ref in refs:
            queue(turn, step, ref)
        return
    first = turn.next_visit(step.id)
    turn.add(FanOut(step_id=step.id, visits=tuple(enumerate(refs, start=first))))


def _indexes(loop: LoopView, status: str) -> list[int]:
    return [item.index for item in loop.items if item.status == status]


def _loop(turn: Turn, step_id: str) -> Loop:
    loop = turn.pipeline.step(step_id).loop
    assert loop is not None, "items belong to loop steps"
    return loop


# -- order by dependsOn ------------------------------------------------------------------------


def run_ready(turn: Turn) -> None:
    """Fill the free slots with steps whose dependencies are done; end the run when none is left."""
    while not turn.ended and turn.active < turn.pipeline.defaults.max_parallel:
        step_id = _first_ready(turn)
        if step_id is None:
            break
        goto(turn, step_id, None, Cause())
    if not turn.ended and turn.active == 0:
        turn.add(CompleteRun())


def _first_ready(turn: Turn) -> str | None:
    settled = _settled(turn)
    for step in turn.pipeline.steps:
        if (
            settled.issuperset(step.depends_on)
            and _may_start(turn, step)
            and runs_by_dependency(turn.pipeline, step)
        ):
            return step.id
    return None


def _settled(turn: Turn) -> set[str]:
    """Steps that are done, and not to be done again because one they depend on was."""
    needs = {step.id: step.depends_on for step in turn.pipeline.steps}
    settled: set[str] = set()
    for step_id in TopologicalSorter(needs).static_order():
        step = turn.pipeline.step(step_id)
        if settled.issuperset(needs[step_id]) and _is_done(turn, step) and _is_fresh(turn, step):
            settled.add(step_id)
    return settled


def _may_start(turn: Turn, step: Step) -> bool:
    newest = turn.newest(step.id)
    if newest is None:
        return turn.newest_loop(step.id) is None
    return newest.status == "completed" and not _is_fresh(turn, step)


def _is_done(turn: Turn, step: Step) -> bool:
    loop = turn.newest_loop(step.id)
    newest = turn.newest(step.id)
    if newest is not None and newest.status in ACTIVE:
        return False
    if loop is not None:
        return not loop.is_open
    return newest is not None and newest.status == "completed"


def _is_fresh(turn: Turn, step: Step) -> bool:
    """Not older than the newest visit of a step it depends on. An empty loop has no visits."""
    own = turn.position(step.id)
    return own < 0 or all(turn.position(needed) <= own for needed in step.depends_on)
