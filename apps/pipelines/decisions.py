"""What the next-step decision is told and what it answers. Values only; see `decide.py`.

`decide` sees a `RunView` as it was *before* the outcome, plus the outcome, and answers with effects
in the order in which they must be applied. `apps.runs` applies them in one transaction.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionView:
    """The newest attempt of one visit of a step in the run's current generation.

    Superseded visits are left out. `status` is a value of `StepStatus`. `loop_item` is the item in
    whose context the visit was queued: every step inside a loop has it, not its loop step alone.
    """

    step_id: str
    visit: int
    attempt: int
    status: str
    retry_count: int = 0  # charged error retries before this attempt
    lost_count: int = 0  # attempts of this visit whose worker was lost (not charged)
    result_retries: int = 0  # `retry: true` movements that led here
    repair: bool = False
    repaired: bool = False  # this attempt of the visit or an earlier one was a repair
    repair_for: str = ""  # loop step that waits for the repaired output, see `RetryStep`
    loop_item: "LoopItemRef | None" = None
    outputs: Mapping[str, str] = field(default_factory=dict)  # of this attempt
    # Read by `resume` only. Not advanced: it has ended and its outcome was not decided upon yet.
    advanced: bool = True
    error_code: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopItemRef:
    step_id: str
    generation: int
    index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopItemView:
    index: int
    kind: Literal["item", "rework"]
    status: str
    data: str
    produced: tuple[str, ...] = ()  # names of current outputs made since the item began


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopView:
    """One generation of a loop step's loop."""

    step_id: str
    generation: int
    is_open: bool
    items: tuple[LoopItemView, ...]
    parent: LoopItemRef | None = None  # the open item of an outer loop, see `OpenLoop`


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """`executions` come in the order in which their visits were queued, `loops` (every generation
    that is not superseded) in the order of opening.
    """

    outputs: Mapping[str, str]  # current outputs of finished steps, one flat name space
    variables: Mapping[str, str]  # all that a template may name: outputs, run variables, context
    executions: tuple[ExecutionView, ...] = ()
    loops: tuple[LoopView, ...] = ()
    # Highest visit and loop generation of a step ever used, superseded ones included, so that a new
    # number never meets an old row. What is not named here is counted from the tuples above.
    last_visit: Mapping[str, int] = field(default_factory=dict)
    last_generation: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How one attempt ended. `outputs` in the order in which the agent gave them."""

    step_id: str
    visit: int
    attempt: int
    succeeded: bool
    outputs: Mapping[str, str] = field(default_factory=dict)
    error_code: str = ""
    error: str = ""
    retryable: bool = True


# -- effects -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueStep:
    """A new visit of a step, attempt 1. With `approval` it waits for a human first."""

    step_id: str
    visit: int
    loop_item: LoopItemRef | None = None
    approval: bool = False
    result_retries: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryStep:
    """The next attempt of the same visit, not before `delay_s`. `feedback` goes to the agent.

    With `repair` the attempt only asks for an output that is missing or malformed. With
    `repair_for` the visit had already completed; the loop step of that name is entered after it.
    """

    step_id: str
    visit: int
    attempt: int
    delay_s: float
    feedback: str
    retry_count: int
    lost_count: int
    repair: bool = False
    repair_for: str = ""
    loop_item: LoopItemRef | None = None
    result_retries: int = 0  # as before: it belongs to the visit


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenLoop:
    """A new generation of a loop. Each item is (kind, data). `parent` is the item it opens in."""

    step_id: str
    generation: int
    items: tuple[tuple[Literal["item", "rework"], str], ...]
    parent: LoopItemRef | None = None

    def opened(self) -> LoopView:
        """The loop as it begins: every item waits."""
        items = tuple(
            LoopItemView(index=index, kind=kind, status="pending", data=data)
            for index, (kind, data) in enumerate(self.items)
        )
        return LoopView(
            step_id=self.step_id,
            generation=self.generation,
            is_open=True,
            items=items,
            parent=self.parent,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StartItem:
    item: LoopItemRef


@dataclass(frozen=True, slots=True, kw_only=True)
class EndItem:
    """A loop item ends. The outputs made since it began leave the name space and are kept on it."""

    item: LoopItemRef
    status: Literal["completed", "failed", "skipped"]
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseLoop:
    step_id: str
    generation: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FanOut:
    """Run the loop step for these items side by side, each as a new visit.

    When one ends, `decide` starts the next pending item in its place; the join is decided when the
    last one ends.
    """

    step_id: str
    visits: tuple[tuple[int, LoopItemRef], ...]  # (visit, item)


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifyAgent:
    """`message` is a template, to be rendered with the variables after this outcome."""

    from_agent: str
    to_agent: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CompleteRun:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class FailRun:
    code: str
    message: str


Effect = (
    QueueStep
    | RetryStep
    | OpenLoop
    | StartItem
    | EndItem
    | CloseLoop
    | FanOut
    | NotifyAgent
    | CompleteRun
    | FailRun
)
