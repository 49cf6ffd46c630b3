"""What can be wrong between the parts of a pipeline. Codes: see `problems.py`."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from graphlib import CycleError, TopologicalSorter

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from apps.pipelines import template
from apps.pipelines.definition import Check, Pipeline, ResultAction, Step
from apps.pipelines.graph import entry_points, routes
from apps.pipelines.problems import Problem, Severity
from apps.pipelines.variables import LOOP_NAMES, is_provided_by_caller


def validate(
    pipeline: Pipeline,
    *,
    lines: Mapping[str, int],
    known_agents: Set[str] | None = None,
    unknown_agent_is_error: bool = False,
) -> list[Problem]:
    """All problems between parts. Parts that could not be read are empty and are passed over."""
    check = _Check(pipeline, lines)
    check.ids()
    check.agents(known_agents, "error" if unknown_agent_is_error else "warning")
    check.targets()
    check.schemas()
    check.cycles()
    check.loops()
    check.movements()
    check.tool_lists()
    check.variables()
    if not any(problem.severity == "error" for problem in check.problems) and pipeline.steps:
        check.reachability()
        check.loop_ends()
        check.exits()
    return check.problems


def unknown_agents(
    pipeline: Pipeline, *, lines: Mapping[str, int], known: Set[str]
) -> list[Problem]:
    """P016 alone, as warnings: the agent library changes without the file."""
    check = _Check(pipeline, lines)
    check.unknown_agents(known, "warning")
    return check.problems


class _Check:
    def __init__(self, pipeline: Pipeline, lines: Mapping[str, int]) -> None:
        self.pipeline = pipeline
        self.lines = lines
        self.problems: list[Problem] = []
        self.step_ids = {step.id for step in pipeline.steps}
        self.agent_ids = {agent.id for agent in pipeline.agents}

    def report(self, code: str, path: str, message: str, severity: Severity = "error") -> None:
        self.problems.append(
            Problem(
                code=code,
                message=message,
                severity=severity,
                path=path,
                line=self.lines.get(path, 0),
            )
        )

    def _steps(self) -> Iterator[tuple[str, Step]]:
        for index, step in enumerate(self.pipeline.steps):
            yield f"steps.{index}", step

    def _actions(self) -> Iterator[tuple[str, Step, str, ResultAction]]:
        for path, step in self._steps():
            for key, action in step.on_result.items():
                yield f"{path}.onResult.{key}", step, key, action

    # -- errors --------------------------------------------------------------------------------

    def ids(self) -> None:
        self._repeated("steps", [step.id for step in self.pipeline.steps])
        self._repeated("agents", [agent.id for agent in self.pipeline.agents])

    def _repeated(self, holder: str, ids: list[str]) -> None:
        for name, count in Counter(filter(None, ids)).items():
            if count > 1:
                second = ids.index(name, ids.index(name) + 1)
                message = f"The id {name!r} is used {count} times in {holder}."
                self.report("P007", f"{holder}.{second}.id", message)

    def agents(self, known: Set[str] | None, severity: Severity) -> None:
        names = _listed(self.agent_ids)
        for path, step in self._steps():
            if step.agent and step.agent not in self.agent_ids:
                message = f"Step {step.id} names agent {step.agent!r}; known agents: {names}."
                self.report("P008", f"{path}.agent", message)
        for path, step, key, action in self._actions():
            if action.notify and action.notify.agent and action.notify.agent not in self.agent_ids:
                message = (
                    f"Step {step.id} notifies agent {action.notify.agent!r} on {key}; "
                    f"known agents: {names}."
                )
                self.report("P010", f"{path}.notify.agent", message)
        if known is not None:
            self.unknown_agents(known, severity)

    def unknown_agents(self, known: Set[str], severity: Severity) -> None:
        for index, agent in enumerate(self.pipeline.agents):
            if agent.id and agent.id not in known:
                message = f"The agent library has no agent {agent.id!r}."
                self.report("P016", f"agents.{index}.id", message, severity)

    def targets(self) -> None:
        for path, step in self._steps():
            for place, target in _named_steps(step):
                if target not in self.step_ids:
                    message = (
                        f"Step {step.id} names step {target!r} in {place}; "
                        f"known steps: {_listed(self.step_ids)}."
                    )
                    self.report("P009", f"{path}.{place}", message)

    def schemas(self) -> None:
        for path, step in self._steps():
            if step.output_schema is None:
                continue
            try:
                Draft202012Validator.check_schema(dict(step.output_schema.schema))
            except SchemaError as error:
                where = ".".join(str(part) for part in error.absolute_path)
                message = f"The schema is no JSON Schema: {error.message[:300]}"
                place = f"{path}.outputSchema.schema"
                self.report("P011", f"{place}.{where}" if where else place, message)

    def cycles(self) -> None:
        needs = {step.id: step.depends_on for step in self.pipeline.steps}
        try:
            TopologicalSorter(needs).prepare()
        except CycleError as error:
            cycle: list[str] = error.args[1]
            index = [step.id for step in self.pipeline.steps].index(cycle[-1])
            message = f"dependsOn goes in a circle: {' → '.join(reversed(cycle))}."
            self.report("P013", f"steps.{index}.dependsOn", message)

    def loops(self) -> None:
        for path, step in self._steps():
            if step.loop and step.loop.max_parallel > 1 and step.loop.on_each_complete:
                message = "maxParallel above 1 and onEachComplete cannot be used together."
                self.report("P014", f"{path}.loop.maxParallel", message)

    def movements(self) -> None:
        for path, step, key, action in self._actions():
            chosen = [
                name
                for name, wanted in (
                    ("goto", action.goto),
                    ("retry", action.retry),
                    ("continueLoop", action.continue_loop),
                )
                if wanted
            ]
            if len(chosen) > 1:
                message = f"Step {step.id} moves twice on {key}: {', '.join(chosen)}."
                self.report("P015", path, message)

    # -- warnings ------------------------------------------------------------------------------

    def tool_lists(self) -> None:
        for path, step in self._steps():
            if step.output_schema is None:
                continue
            if step.tools:
                message = "A step with outputSchema has no tools; its tool list is ignored."
                self.report("W06", f"{path}.tools", message, "warning")
            if step.harness:
                message = "A step with outputSchema is answered without a harness."
                self.report("W08", f"{path}.harness", message, "warning")
            properties = step.output_schema.schema.get("properties")
            names = set(properties) if isinstance(properties, Mapping) else set()
            if step.outputs and not names.intersection(step.outputs):
                message = (
                    f"No property of the schema is an output of step {step.id}; "
                    "a single output takes the whole JSON."
                )
                self.report("W07", f"{path}.outputSchema", message, "info")

    def variables(self) -> None:
        declared = {name for step in self.pipeline.steps for name in step.outputs}
        if any(step.loop for step in self.pipeline.steps):
            declared |= LOOP_NAMES
        for path, step in self._steps():
            texts = [(f"{path}.input", step.input)]
            for key, action in step.on_result.items():
                if action.notify:
                    texts.append((f"{path}.onResult.{key}.notify.message", action.notify.message))
            texts += _check_texts(f"{path}.checks", step.checks)
            self._unprovided(f"Step {step.id}", texts, declared)
        shared = _check_texts("defaults.checks", self.pipeline.defaults.checks)
        self._unprovided("A check of the defaults", shared, declared)

    def _unprovided(self, who: str, texts: list[tuple[str, str]], declared: set[str]) -> None:
        seen: set[str] = set()
        for path, text in texts:
            for name in template.names(text):
                if name in declared or name in seen or is_provided_by_caller(name):
                    continue
                seen.add(name)
                message = (
                    f"{who} uses {name!r}, which no step outputs; it is empty unless "
                    "the run is started with it."
                )
                self.report("W03", path, message, "warning")

    def reachability(self) -> None:
        reached = _reached(self.pipeline)
        for path, step in self._steps():
            if step.id not in reached:
                self.report("W02", path, f"No route leads to step {step.id}.", "warning")

    def loop_ends(self) -> None:
        inside = _inside_loops(self.pipeline)
        for path, step, key, action in self._actions():
            if action.continue_loop and step.id not in inside:
                message = f"Step {step.id} continues a loop on {key}, but no loop leads to it."
                self.report("W04", path, message, "warning")

    def exits(self) -> None:
        """A loop step ends with its loop; a step inside a loop ends its item."""
        if self.pipeline.uses_depends_on:
            return
        inside = _inside_loops(self.pipeline)
        for path, step in list(self._steps())[:-1]:
            leads_on = step.on_complete or step.on_result or step.loop
            if not leads_on and step.id not in inside:
                message = (
                    f"Step {step.id} is not the last one and leads nowhere: a run fails there."
                )
                self.report("W05", path, message, "warning")


def _named_steps(step: Step) -> Iterator[tuple[str, str]]:
    """(place in the step, step it names), `loop` and `onResult` places included."""
    for edge in routes(step):
        match edge.kind.partition(":"):
            case ("result", _, key):
                yield f"onResult.{key}.goto", edge.target
            case ("loop", _, "each"):
                yield "loop.onEachComplete", edge.target
            case ("loop", _, _):
                yield "loop.onAllComplete", edge.target
            case _:
                yield "onComplete", edge.target
    for index, needed in enumerate(step.depends_on):
        yield f"dependsOn.{index}", needed


def _check_texts(path: str, found: Sequence[Check] | None) -> list[tuple[str, str]]:
    """(place, text) of everything in a list of checks that may name a variable."""
    return [
        (f"{path}.{index}", text)
        for index, check in enumerate(found or ())
        for text in (check.run, *check.env.values())
    ]


def _reached(pipeline: Pipeline) -> set[str]:
    """Steps that a run can come to. A step under DAG order needs all it depends on."""
    reached = set(entry_points(pipeline))
    before = -1
    while len(reached) != before:
        before = len(reached)
        for step in pipeline.steps:
            if step.id in reached:
                reached.update(edge.target for edge in routes(step))
            elif step.depends_on and reached.issuperset(step.depends_on):
                reached.add(step.id)
    return reached


def _inside_loops(pipeline: Pipeline) -> set[str]:
    """Loop steps, and the steps that work on an item: what onEachComplete leads to, and on."""
    inside: set[str] = set()
    for loop_step in pipeline.steps:
        if loop_step.loop is None:
            continue
        inside.add(loop_step.id)
        waiting = [loop_step.loop.on_each_complete] if loop_step.loop.on_each_complete else []
        seen = {loop_step.id}
        while waiting:
            step_id = waiting.pop()
            if step_id not in seen:
                seen.add(step_id)
                waiting.extend(edge.target for edge in routes(pipeline.step(step_id)))
        inside |= seen
    return inside


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(filter(None, names))) or "none"
