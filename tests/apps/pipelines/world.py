"""A run in memory: it applies the effects of `decide` as `apps.runs` does, without a database."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from apps.pipelines import rehearsal
from apps.pipelines.decide import decide, resume
from apps.pipelines.decisions import (
    Effect,
    ExecutionView,
    FanOut,
    LoopView,
    Outcome,
    QueueStep,
    RetryStep,
)
from apps.pipelines.definition import Pipeline
from apps.pipelines.parse import parse_pipeline

Agent = Callable[[ExecutionView, "World"], "Outcome | Mapping[str, str]"]


@dataclass
class World(rehearsal.World):
    """That of rehearsals, which remembers how it came about and may be driven by hand."""

    path: list[str] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)

    # -- driving -------------------------------------------------------------------------------

    def start(self) -> "World":
        self.begin()
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
        self.take(outcome)

    def resume(self) -> None:
        self.apply(resume(self.pipeline, self.view()))

    # -- asking --------------------------------------------------------------------------------

    def waiting(self) -> list[ExecutionView]:
        return [each for each in self.executions if each.status == "queued"]

    def pending(self) -> list[ExecutionView]:
        return [each for each in self.executions if each.status == "pending"]

    def loop(self, step_id: str) -> LoopView:
        return [loop for loop in self.loops if loop.step_id == step_id][-1]

    def item_states(self, step_id: str) -> list[str]:
        return [item.status for item in self.loop(step_id).items]

    # -- remembering ---------------------------------------------------------------------------

    def _apply(self, effect: Effect) -> None:
        self.effects.append(effect)
        super()._apply(effect)
        match effect:
            case QueueStep():
                self.path.append(effect.step_id)
            case FanOut():
                self.path.extend(effect.step_id for _ in effect.visits)
            case RetryStep():
                self.path.append(f"{effect.step_id}.{effect.attempt}")
            case _:  # the rest queues nothing
                pass


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
