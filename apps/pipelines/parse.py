"""The grammar: a YAML file, or a stored snapshot, to a `Pipeline`.

`parse_pipeline` is the one validator of load, draft check, save and start of a run: it collects all
problems of one text. Unknown keys are warnings and stay in the snapshot, so that files written for
other systems stay loadable.
"""

import re
from collections.abc import Set
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, get_args

import orjson

from apps.pipelines.checks import read_checks
from apps.pipelines.definition import (
    Defaults,
    Harness,
    Loop,
    Notify,
    OutputMethod,
    OutputSchema,
    Pipeline,
    PipelineAgent,
    ResultAction,
    Step,
    ThinkingLevel,
)
from apps.pipelines.problems import Problem, is_valid
from apps.pipelines.reader import Reader
from apps.pipelines.validate import validate
from apps.pipelines.yaml_tree import Node, read_tree, tree_from_plain

PIPELINE_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
MAX_ID = 128
RETRIES = (0, 20)
TIMEOUT_S = (10, 86_400)
TURNS = (1, 100_000)
EQUAL_CALLS = (0, 1_000)
OUTPUT_TOKENS = (1, 10_000_000)
TEMPERATURE = (0.0, 2.0)
VISITS = (1, 1000)
PARALLEL = (1, 100)
ITEMS = (1, 10_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class ParseResult:
    """`pipeline` is None when the text has no usable structure; it may be there and not valid.

    `parsed` is the file as JSON, unknown keys included, for `pipeline_from_snapshot`. `lines` has
    the line of every path.
    """

    pipeline: Pipeline | None
    problems: tuple[Problem, ...]
    parsed: dict[str, Any]
    lines: dict[str, int]

    @property
    def valid(self) -> bool:
        return is_valid(self.problems)


def parse_pipeline(
    data: bytes | str,
    *,
    known_agents: Set[str] | None = None,
    unknown_agent_is_error: bool = False,
) -> ParseResult:
    """Parse and validate. `known_agents` are the ids of the agent library; None: do not ask."""
    raw = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
    tree, problems = read_tree(raw)
    if tree is None:
        return ParseResult(pipeline=None, problems=tuple(problems), parsed={}, lines={})
    pipeline = _read_pipeline(Reader(tree, "", problems))
    structure_holds = is_valid(problems)
    lines = _lines(tree)
    problems += validate(
        pipeline,
        lines=lines,
        known_agents=known_agents,
        unknown_agent_is_error=unknown_agent_is_error,
    )
    return ParseResult(
        pipeline=pipeline if structure_holds else None,
        problems=tuple(sorted(problems, key=lambda problem: problem.line)),
        parsed=_plain(tree),
        lines=lines,
    )


def pipeline_from_snapshot(parsed: dict[str, Any]) -> Pipeline:
    """The pipeline of a stored snapshot, which was valid when it was stored."""
    return _from_json(orjson.dumps(parsed, option=orjson.OPT_PASSTHROUGH_SUBCLASS))


@lru_cache(maxsize=256)
def _from_json(text: bytes) -> Pipeline:
    return _read_pipeline(Reader(tree_from_plain(orjson.loads(text)), "", []))


def _plain(tree: Node) -> dict[str, Any]:
    parsed: dict[str, Any] = tree.plain()
    for key in ("version", "description"):
        if key in parsed and not isinstance(parsed[key], dict | list | None):
            parsed[key] = tree.value[key].text  # 1.10 must not become 1.1
    return parsed


def _lines(tree: Node) -> dict[str, int]:
    """Line of every path, such as `steps.2.agent`."""
    lines: dict[str, int] = {}
    waiting: list[tuple[str, Node]] = [("", tree)]
    while waiting:
        prefix, node = waiting.pop()
        for key, inner in _children(node):
            path = f"{prefix}{key}"
            lines[path] = node.key_lines.get(key, inner.line)
            waiting.append((f"{path}.", inner))
    return lines


def _children(node: Node) -> list[tuple[str, Node]]:
    if isinstance(node.value, dict):
        return list(node.value.items())
    if isinstance(node.value, list):
        return [(str(index), inner) for index, inner in enumerate(node.value)]
    return []


# -- the keys ----------------------------------------------------------------------------------


def _read_pipeline(top: Reader) -> Pipeline:
    defaults = top.mapping("defaults")
    pipeline = Pipeline(
        id=top.matching("id", PIPELINE_ID, "1 to 128 letters, digits, '.', '_' or '-'"),
        name=top.required_text("name"),
        version=top.as_text("version", "0.0.0"),
        description=top.as_text("description", ""),
        defaults=_read_defaults(defaults) if defaults else Defaults(),
        agents=tuple(_read_agent(agent) for agent in top.required_readers("agents")),
        steps=tuple(_read_step(step) for step in top.required_readers("steps")),
    )
    if top.has("steps") and top.fields["steps"].value == []:
        top.report("P006", "steps", "The pipeline has no steps.")
    top.warn_unknown()
    return pipeline


def _read_limits(reader: Reader) -> dict[str, Any]:
    """The keys that `defaults` and steps share, as fields of `StepLimits`."""
    alias = reader.whole("timeout", *TIMEOUT_S)
    timeout = reader.whole("timeoutSeconds", *TIMEOUT_S)
    return {
        "model": reader.text("model") or None,
        "tools": reader.texts("tools"),
        "max_retries": reader.whole("maxRetries", *RETRIES),
        "timeout_s": alias if timeout is None else timeout,
        "max_turns": reader.whole("maxTurns", *TURNS),
        "max_equal_calls": reader.whole("maxEqualCalls", *EQUAL_CALLS),
        "max_output_tokens": reader.whole("maxOutputTokens", *OUTPUT_TOKENS),
        "temperature": reader.number("temperature", *TEMPERATURE),
        "thinking_level": reader.choice("thinkingLevel", get_args(ThinkingLevel)),
        "harness": reader.choice("harness", get_args(Harness)),
        "checks": read_checks(reader),
    }


def _read_defaults(reader: Reader) -> Defaults:
    defaults = Defaults(
        **_read_limits(reader),
        max_visits=reader.whole("maxVisits", *VISITS) or Defaults().max_visits,
        max_parallel=reader.whole("maxParallel", *PARALLEL) or Defaults().max_parallel,
    )
    reader.warn_unknown()
    return defaults


def _read_agent(reader: Reader) -> PipelineAgent:
    agent = PipelineAgent(
        id=reader.required_text("id", max_length=MAX_ID),
        name=reader.required_text("name"),
        persona=reader.text("persona"),
        model=reader.text("model") or None,
        tools=reader.texts("tools"),
        thinking_level=reader.choice("thinkingLevel", get_args(ThinkingLevel)),
        harness=reader.choice("harness", get_args(Harness)),
        max_equal_calls=reader.whole("maxEqualCalls", *EQUAL_CALLS),
    )
    reader.warn_unknown()
    return agent


def _read_step(reader: Reader) -> Step:
    schema = reader.mapping("outputSchema")
    step = Step(
        **_read_limits(reader),
        id=reader.required_text("id", max_length=MAX_ID),
        agent=reader.required_text("agent", max_length=MAX_ID),
        input=reader.required_text("input"),
        description=reader.as_text("description", ""),
        outputs=reader.texts("outputs"),
        on_complete=reader.text("onComplete") or None,
        depends_on=reader.texts("dependsOn"),
        on_result={key: _read_action(action) for key, action in reader.entries("onResult")},
        loop=_read_loop_of(reader),
        output_schema=_read_schema(schema) if schema else None,
        output_method=reader.choice("outputMethod", get_args(OutputMethod)) or "response_format",
        tools_mode=_read_tools_mode(reader),
        approval=reader.flag("approval", False),
    )
    reader.warn_unknown()
    return step


def _read_tools_mode(reader: Reader) -> Any:
    key = "tools_mode" if reader.has("tools_mode") else "toolsMode"
    return reader.choice(key, ("filter", "strict")) or "filter"


def _read_loop_of(step: Reader) -> Loop | None:
    """`type` may be left out: a step with `loop` is a loop step."""
    kind = step.choice("type", ("standard", "loop"))
    if kind == "standard":
        if step.has("loop"):
            step.report("W01", "loop", "loop is ignored, because type is 'standard'.", "warning")
        return None
    reader = step.required_mapping("loop") if kind == "loop" else step.mapping("loop")
    return _read_loop(reader) if reader else None


def _read_loop(reader: Reader) -> Loop:
    default = Loop(over="")
    over = reader.text("over")
    if not reader.has("over"):
        reader.report("P004", "over", "Required key 'over' is missing.")
    elif over is not None and not over.strip():
        reader.report("P014", "over", "loop.over must name a variable.")
    loop = Loop(
        over=(over or "").strip(),
        on_each_complete=reader.text("onEachComplete") or None,
        on_all_complete=reader.text("onAllComplete") or None,
        max_items=reader.whole("maxItems", *ITEMS) or default.max_items,
        max_parallel=reader.whole("maxParallel", *PARALLEL) or default.max_parallel,
        on_item_fail=reader.choice("onItemFail", ("stop", "continue")) or "stop",
    )
    reader.warn_unknown()
    return loop


def _read_action(reader: Reader) -> ResultAction:
    notify = reader.mapping("notify")
    action = ResultAction(
        goto=reader.text("goto") or None,
        retry=reader.flag("retry", False),
        max_retries=reader.whole("maxRetries", *RETRIES),
        continue_loop=reader.flag("continueLoop", False),
        notify=_read_notify(notify) if notify else None,
    )
    reader.warn_unknown()
    return action


def _read_notify(reader: Reader) -> Notify:
    notify = Notify(agent=reader.required_text("agent"), message=reader.required_text("message"))
    reader.warn_unknown()
    return notify


def _read_schema(reader: Reader) -> OutputSchema:
    schema = reader.required_mapping("schema")
    read = OutputSchema(
        name=reader.required_text("name"),
        schema=schema.node.plain() if schema and schema.fields else {},
        strict=reader.flag("strict", True),
    )
    reader.warn_unknown()
    return read
