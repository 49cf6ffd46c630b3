"""A parsed pipeline: plain frozen values, the same in API, worker and snapshot.

Made by `parse.py`, from YAML or from a stored snapshot. Key names of the file stand in its
docstrings where they differ from the field.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

ThinkingLevel = Literal["off", "minimal", "low", "medium", "high", "xhigh"]
OutputMethod = Literal["response_format", "tool_use"]
# What runs an agent's loop inside its box: our own runtime, or another agent's command line.
Harness = Literal["djinnbot", "opencode", "mini-swe-agent"]
CATCH_ALL = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputSchema:
    name: str
    schema: Mapping[str, Any]
    strict: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Notify:
    agent: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultAction:
    """At most one of `goto`, `retry`, `continue_loop`; `notify` goes with any of them."""

    goto: str | None = None
    retry: bool = False
    max_retries: int | None = None
    continue_loop: bool = False
    notify: Notify | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    over: str
    on_each_complete: str | None = None
    on_all_complete: str | None = None
    max_items: int = 200
    max_parallel: int = 1
    on_item_fail: Literal["stop", "continue"] = "stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A command that the server runs on the committed tree before it believes the agent.

    `run` is a template whose values reach the shell as environment only, see `checks.py`.
    `workdir` is a directory below the tree; empty is its top.
    """

    run: str
    name: str
    expect_exit: int = 0  # expectExit
    timeout_s: int = 300  # timeout, timeoutSeconds
    workdir: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    when: tuple[str, ...] = ()  # only after one of these results; empty: always


@dataclass(frozen=True, slots=True, kw_only=True)
class StepLimits:
    """Values of `defaults` and of a step alike; None means: ask the next level."""

    model: str | None = None
    tools: tuple[str, ...] = ()
    max_retries: int | None = None
    timeout_s: int | None = None
    max_turns: int | None = None
    max_equal_calls: int | None = None  # of one tool call, to no new effect; 0: no limit
    max_output_tokens: int | None = None
    temperature: float | None = None
    thinking_level: ThinkingLevel | None = None
    harness: Harness | None = None
    checks: tuple[Check, ...] | None = None  # an empty list asks for none


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults(StepLimits):
    max_visits: int = 10
    max_parallel: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineAgent:
    id: str
    name: str
    persona: str | None = None
    model: str | None = None
    tools: tuple[str, ...] = ()
    thinking_level: ThinkingLevel | None = None
    harness: Harness | None = None
    max_equal_calls: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step(StepLimits):
    id: str
    agent: str
    input: str
    description: str = ""
    outputs: tuple[str, ...] = ()
    on_complete: str | None = None
    depends_on: tuple[str, ...] = ()
    on_result: Mapping[str, ResultAction] = field(default_factory=dict)
    loop: Loop | None = None
    output_schema: OutputSchema | None = None
    output_method: OutputMethod = "response_format"
    tools_mode: Literal["filter", "strict"] = "filter"
    approval: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """`steps` keeps the order of the file: the first is the start, the last is an end."""

    id: str
    name: str
    version: str = "0.0.0"
    description: str = ""
    defaults: Defaults = field(default_factory=Defaults)
    agents: tuple[PipelineAgent, ...]
    steps: tuple[Step, ...]

    def step(self, step_id: str) -> Step:
        return next(step for step in self.steps if step.id == step_id)

    def agent(self, agent_id: str) -> PipelineAgent:
        return next(agent for agent in self.agents if agent.id == agent_id)

    @property
    def uses_depends_on(self) -> bool:
        return any(step.depends_on for step in self.steps)
