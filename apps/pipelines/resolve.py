"""Which model, limits and tools a step gets: the first place that names one wins."""

from collections.abc import Collection, Mapping
from typing import TypeVar

from apps.pipelines.definition import Check, Harness, Pipeline, Step, ThinkingLevel

DEFAULT_TIMEOUT_S = 300
DEFAULT_MAX_TURNS = 999
DEFAULT_MAX_EQUAL_CALLS = 5
DEFAULT_MAX_RETRIES = 3
DEFAULT_MAX_OUTPUT_TOKENS = 32_768
DEFAULT_TEMPERATURE = 0.7
WORKSPACE_TOOLS = frozenset(
    {"read", "write", "edit", "multiedit", "bash", "grep", "find", "ls", "web_search"}
)
ALIASES: Mapping[str, str] = {"research": "web_search"}
T = TypeVar("T", int, float)


def model(
    pipeline: Pipeline,
    step: Step,
    *,
    run_override: str = "",
    agent_config: str = "",
    instance_default: str = "",
) -> str:
    """`provider/model`; empty when nobody names one."""
    return (
        run_override
        or step.model
        or pipeline.agent(step.agent).model
        or pipeline.defaults.model
        or agent_config
        or instance_default
    )


def timeout_s(pipeline: Pipeline, step: Step, *, instance_default: int = DEFAULT_TIMEOUT_S) -> int:
    return step.timeout_s or pipeline.defaults.timeout_s or instance_default


def max_turns(pipeline: Pipeline, step: Step) -> int:
    return step.max_turns or pipeline.defaults.max_turns or DEFAULT_MAX_TURNS


def max_equal_calls(pipeline: Pipeline, step: Step) -> int:
    """How often an agent may make one tool call to no new effect; 0: as often as it likes."""
    return _first(
        step.max_equal_calls,
        pipeline.agent(step.agent).max_equal_calls,
        pipeline.defaults.max_equal_calls,
        default=DEFAULT_MAX_EQUAL_CALLS,
    )


def max_retries(pipeline: Pipeline, step: Step) -> int:
    return _first(step.max_retries, pipeline.defaults.max_retries, default=DEFAULT_MAX_RETRIES)


def max_output_tokens(pipeline: Pipeline, step: Step) -> int:
    return (
        step.max_output_tokens or pipeline.defaults.max_output_tokens or DEFAULT_MAX_OUTPUT_TOKENS
    )


def temperature(pipeline: Pipeline, step: Step) -> float:
    return _first(step.temperature, pipeline.defaults.temperature, default=DEFAULT_TEMPERATURE)


def thinking_level(
    pipeline: Pipeline, step: Step, *, agent_config: ThinkingLevel | None = None
) -> ThinkingLevel:
    return (
        step.thinking_level
        or pipeline.agent(step.agent).thinking_level
        or pipeline.defaults.thinking_level
        or agent_config
        or "off"
    )


def harness(pipeline: Pipeline, step: Step) -> Harness:
    """What runs the agent's loop. An answer of a fixed shape is our own runtime's work."""
    if step.output_schema is not None:
        return "djinnbot"
    of_agent = next((agent.harness for agent in pipeline.agents if agent.id == step.agent), None)
    return step.harness or of_agent or pipeline.defaults.harness or "djinnbot"


def checks(pipeline: Pipeline, step: Step) -> tuple[Check, ...]:
    """What the server runs before it believes the step. A step's list replaces the defaults'."""
    return (pipeline.defaults.checks or ()) if step.checks is None else step.checks


def tool_list(pipeline: Pipeline, step: Step) -> tuple[str, ...]:
    """The names the pipeline asks for; empty: it does not choose."""
    names = step.tools or pipeline.agent(step.agent).tools or pipeline.defaults.tools
    return tuple(dict.fromkeys(ALIASES.get(name, name) for name in names))


def tools(
    pipeline: Pipeline, step: Step, *, available: Collection[str], disabled: Collection[str] = ()
) -> list[str]:
    """Those of `available` a step may use, in that order, without what the agent has disabled.

    A list filters the workspace tools; control, memory and messaging tools stay. With
    `tools_mode: strict` the list is all there is.
    """
    wanted = tool_list(pipeline, step)
    allowed = [name for name in available if name not in disabled]
    if not wanted:
        return allowed
    if "edit" in wanted:
        wanted = (*wanted, "multiedit")  # the same right in another form
    strict = step.tools_mode == "strict"
    return [name for name in allowed if name in wanted or not (strict or name in WORKSPACE_TOOLS)]


def _first(*values: T | None, default: T) -> T:
    return next((value for value in values if value is not None), default)
