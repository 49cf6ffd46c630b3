"""The grammar: every key, alias and default, and the way through a snapshot."""

import json

from hypothesis import example, given, settings
from hypothesis import strategies as st

from apps.pipelines.definition import (
    Defaults,
    Loop,
    Notify,
    OutputSchema,
    PipelineAgent,
    ResultAction,
    Step,
)
from apps.pipelines.parse import parse_pipeline, pipeline_from_snapshot

FULL = """\
id: full.test_1-x
name: Full
version: 1.10
description: 42
extra: {kept: [yes, 1.5, null]}
defaults:
  model: openrouter/minimax/minimax-m2.5
  tools: [read, bash]
  maxRetries: 2
  timeout: 60
  timeoutSeconds: 90
  maxTurns: 300
  maxOutputTokens: 32768
  temperature: 1
  thinkingLevel: low
  maxVisits: 5
  maxParallel: 2
agents:
  - id: eric
    name: Eric
    persona: agents/eric.md
    model: anthropic/claude-opus-4-6
    tools: [write]
    thinkingLevel: xhigh
  - {id: finn, name: Finn, tools: [], model: }
steps:
  - id: PLAN
    agent: eric
    description: Plans
    input: |
      {{task_description}} {"json": {"stays": true}}
    outputs: [plan, plan_result]
    model: openai/gpt-4o-mini
    maxRetries: 0
    timeout: 30
    maxTurns: 10
    maxOutputTokens: 100
    temperature: 0.2
    thinkingLevel: "off"
    tools: [grep]
    tools_mode: strict
    outputMethod: tool_use
    outputSchema: {name: plan, strict: false, schema: {type: object, properties: {z: {}, a: {}}}}
    approval: true
    onComplete: BUILD
  - id: BUILD
    agent: finn
    input: x
    type: loop
    loop:
      {over: plan, onEachComplete: CHECK, onAllComplete: LAST, maxItems: 7, onItemFail: continue}
  - id: CHECK
    agent: finn
    input: x
    onResult:
      YES: {goto: BUILD}
      no: {continueLoop: true}
      ON: {retry: true, maxRetries: 1}
      OFF:
      1: {notify: {agent: eric, message: "hi {{plan}}"}}
      "*": {goto: LAST}
  - id: LAST
    agent: finn
    input: x
    dependsOn: [CHECK]
    loop: {over: plan, maxParallel: 3}
    toolsMode: filter
"""


def test_every_key_is_read() -> None:
    result = parse_pipeline(FULL)
    assert result.valid, result.problems
    pipeline = result.pipeline
    assert pipeline is not None
    assert (pipeline.id, pipeline.name) == ("full.test_1-x", "Full")
    assert (pipeline.version, pipeline.description) == ("1.10", "42")
    assert pipeline.defaults == Defaults(
        model="openrouter/minimax/minimax-m2.5",
        tools=("read", "bash"),
        max_retries=2,
        timeout_s=90,
        max_turns=300,
        max_output_tokens=32768,
        temperature=1.0,
        thinking_level="low",
        max_visits=5,
        max_parallel=2,
    )
    assert pipeline.agents == (
        PipelineAgent(
            id="eric",
            name="Eric",
            persona="agents/eric.md",
            model="anthropic/claude-opus-4-6",
            tools=("write",),
            thinking_level="xhigh",
        ),
        PipelineAgent(id="finn", name="Finn"),
    )
    assert pipeline.step("PLAN") == Step(
        id="PLAN",
        agent="eric",
        description="Plans",
        input='{{task_description}} {"json": {"stays": true}}\n',
        outputs=("plan", "plan_result"),
        model="openai/gpt-4o-mini",
        max_retries=0,
        timeout_s=30,
        max_turns=10,
        max_output_tokens=100,
        temperature=0.2,
        thinking_level="off",
        tools=("grep",),
        tools_mode="strict",
        output_method="tool_use",
        output_schema=OutputSchema(
            name="plan", strict=False, schema={"type": "object", "properties": {"z": {}, "a": {}}}
        ),
        approval=True,
        on_complete="BUILD",
    )
    assert pipeline.step("BUILD").loop == Loop(
        over="plan",
        on_each_complete="CHECK",
        on_all_complete="LAST",
        max_items=7,
        on_item_fail="continue",
    )
    assert dict(pipeline.step("CHECK").on_result) == {
        "YES": ResultAction(goto="BUILD"),
        "no": ResultAction(continue_loop=True),
        "ON": ResultAction(retry=True, max_retries=1),
        "OFF": ResultAction(),
        "1": ResultAction(notify=Notify(agent="eric", message="hi {{plan}}")),
        "*": ResultAction(goto="LAST"),
    }
    assert pipeline.step("LAST").loop == Loop(over="plan", max_parallel=3)
    assert pipeline.uses_depends_on


def test_defaults_of_what_is_left_out() -> None:
    text = "id: p\nname: P\nagents: [{id: a, name: A}]\nsteps: [{id: S, agent: a, input: i}]"
    pipeline = parse_pipeline(text).pipeline
    assert pipeline is not None
    assert (pipeline.version, pipeline.description) == ("0.0.0", "")
    assert pipeline.defaults == Defaults()
    assert pipeline.steps == (Step(id="S", agent="a", input="i"),)
    assert pipeline.steps[0].output_method == "response_format"


def test_yaml_is_read_as_version_1_2() -> None:
    parsed = parse_pipeline(
        "a: [yes, no, on, off, 0o17, 0x1F, 010, 1e3, .5, ~, True, .inf, 1_0, 12:30]"
    ).parsed
    assert parsed["a"] == [
        "yes", "no", "on", "off", 15, 31, 10, 1000.0, 0.5, None, True, ".inf", "1_0", "12:30",
    ]  # fmt: skip


def test_quoted_and_tagged_scalars() -> None:
    text = "a: ['1', \"true\", !!str 2, !!int '3', 99999999999999999999, 1e999, 2001-01-01]"
    assert parse_pipeline(text).parsed["a"] == [
        "1", "true", "2", 3, "99999999999999999999", "1e999", "2001-01-01",
    ]  # fmt: skip


def test_a_bom_and_windows_lines_are_no_trouble() -> None:
    text = FULL.replace("\n", "\r\n").encode("utf-8-sig")
    assert parse_pipeline(text).pipeline == parse_pipeline(FULL).pipeline


def test_unknown_keys_stay_in_the_snapshot() -> None:
    result = parse_pipeline(FULL)
    assert [problem.path for problem in result.problems if problem.code == "W01"] == ["extra"]
    assert result.parsed["extra"] == {"kept": ["yes", 1.5, None]}


def test_a_whole_float_is_a_whole_number() -> None:
    text = FULL.replace("maxItems: 7", "maxItems: 7.0")
    assert parse_pipeline(text).pipeline == parse_pipeline(FULL).pipeline


def test_a_snapshot_gives_the_same_pipeline() -> None:
    result = parse_pipeline(FULL)
    stored = json.loads(json.dumps(result.parsed))
    assert pipeline_from_snapshot(stored) == result.pipeline
    schema = pipeline_from_snapshot(stored).step("PLAN").output_schema
    assert schema is not None
    assert list(schema.schema["properties"]) == ["z", "a"]


def test_a_snapshot_is_parsed_once() -> None:
    parsed = parse_pipeline(FULL).parsed
    assert pipeline_from_snapshot(parsed) is pipeline_from_snapshot(dict(parsed))


TOKENS = st.sampled_from(
    ["id", "name", "agents", "steps", "loop", "over", "onResult", "1", "true", "~", "é"]
    + [":", " ", "\n", "- ", "  ", "{", "}", "[", "]", ",", "&a ", "*a", "'", '"', "|", ">", "#"]
    + ["?", "---", "...", "\t", "!!str ", "!x ", "\x00", "\ufeff", "%YAML 1.1\n"]
)


@settings(max_examples=400, deadline=None)
@example(b"\xef\xbb\xbf")
@given(st.lists(TOKENS, max_size=40).map("".join).map(str.encode) | st.binary(max_size=200))
def test_any_text_gives_problems_and_no_exception(data: bytes) -> None:
    result = parse_pipeline(data)
    assert not result.valid or result.pipeline
    assert result.problems or result.pipeline
    json.dumps(result.parsed, allow_nan=False)
