"""Which place wins, for models, limits, tools and variables."""

import json
from dataclasses import replace

import pytest

from apps.pipelines import resolve
from apps.pipelines.definition import Defaults, Pipeline, PipelineAgent, Step
from apps.pipelines.variables import LoopContext, template_variables

STEP = Step(id="S", agent="a", input="x")
AGENT = PipelineAgent(id="a", name="A")


def pipeline(step: Step = STEP, agent: PipelineAgent = AGENT, **defaults: object) -> Pipeline:
    return Pipeline(
        id="p",
        name="P",
        defaults=Defaults(**defaults),  # type: ignore[arg-type]
        agents=(agent,),
        steps=(step,),
    )


def test_model_order() -> None:
    step, agent = replace(STEP, model="m/step"), replace(AGENT, model="m/agent")
    full = pipeline(step, agent, model="m/defaults")
    places = {"agent_config": "m/config", "instance_default": "m/instance"}
    assert resolve.model(full, step, run_override="m/run", **places) == "m/run"
    assert resolve.model(full, step, **places) == "m/step"
    assert resolve.model(full, STEP, **places) == "m/agent"
    assert resolve.model(pipeline(model="m/defaults"), STEP, **places) == "m/defaults"
    assert resolve.model(pipeline(), STEP, **places) == "m/config"
    assert resolve.model(pipeline(), STEP, instance_default="m/instance") == "m/instance"
    assert resolve.model(pipeline(), STEP) == ""


def test_limits_order() -> None:
    step = replace(
        STEP, timeout_s=20, max_turns=2, max_retries=0, temperature=0.0, max_output_tokens=5
    )
    full = pipeline(
        step, timeout_s=30, max_turns=3, max_retries=7, temperature=1.0, max_output_tokens=6
    )
    assert (resolve.timeout_s(full, step), resolve.timeout_s(full, STEP)) == (20, 30)
    assert resolve.timeout_s(pipeline(), STEP) == 300
    assert resolve.timeout_s(pipeline(), STEP, instance_default=99) == 99
    assert (resolve.max_turns(full, step), resolve.max_turns(full, STEP)) == (2, 3)
    assert resolve.max_turns(pipeline(), STEP) == 999
    assert resolve.max_equal_calls(pipeline(), STEP) == 5
    assert (resolve.max_retries(full, step), resolve.max_retries(full, STEP)) == (0, 7)
    assert resolve.max_retries(pipeline(), STEP) == 3
    assert (resolve.temperature(full, step), resolve.temperature(full, STEP)) == (0.0, 1.0)
    assert resolve.temperature(pipeline(), STEP) == 0.7
    assert (resolve.max_output_tokens(full, step), resolve.max_output_tokens(full, STEP)) == (5, 6)
    assert resolve.max_output_tokens(pipeline(), STEP) == 32_768


def test_loop_limit_order() -> None:
    step = replace(STEP, max_equal_calls=0)
    full = pipeline(step, replace(AGENT, max_equal_calls=7), max_equal_calls=9)
    assert resolve.max_equal_calls(full, step) == 0
    assert resolve.max_equal_calls(full, STEP) == 7
    assert resolve.max_equal_calls(pipeline(max_equal_calls=9), STEP) == 9


def test_who_may_edit_may_make_several_edits() -> None:
    step = replace(STEP, tools=("edit",))
    assert resolve.tools(pipeline(step), step, available=("edit", "multiedit")) == [
        "edit",
        "multiedit",
    ]
    step = replace(STEP, tools=("read",))
    assert resolve.tools(pipeline(step), step, available=("read", "multiedit")) == ["read"]


def test_thinking_order() -> None:
    step, agent = replace(STEP, thinking_level="high"), replace(AGENT, thinking_level="low")
    assert resolve.thinking_level(pipeline(step, agent), step) == "high"
    assert resolve.thinking_level(pipeline(STEP, agent), STEP, agent_config="medium") == "low"
    assert resolve.thinking_level(pipeline(), STEP, agent_config="medium") == "medium"
    assert resolve.thinking_level(pipeline(), STEP) == "off"


TOOLS = ["read", "write", "bash", "web_search", "complete", "remember"]


@pytest.mark.parametrize(
    ("step", "agent", "defaults", "expected"),
    [
        ((), (), (), TOOLS),
        ((), (), ("read",), ["read", "complete", "remember"]),
        ((), ("write",), ("read",), ["write", "complete", "remember"]),
        (("research",), ("write",), ("read",), ["web_search", "complete", "remember"]),
        (("unknown",), (), (), ["complete", "remember"]),
    ],
)
def test_a_tool_list_filters_workspace_tools(
    step: tuple[str, ...], agent: tuple[str, ...], defaults: tuple[str, ...], expected: list[str]
) -> None:
    own = replace(STEP, tools=step)
    made = pipeline(own, replace(AGENT, tools=agent), tools=defaults)
    assert resolve.tools(made, own, available=TOOLS) == expected


def test_strict_is_the_whole_list_and_disabled_tools_are_gone() -> None:
    step = replace(STEP, tools=("read", "remember"), tools_mode="strict")
    made = pipeline(step)
    assert resolve.tools(made, step, available=TOOLS) == ["read", "remember"]
    assert resolve.tools(made, step, available=TOOLS, disabled=["remember"]) == ["read"]
    assert resolve.tools(pipeline(), STEP, available=TOOLS, disabled=TOOLS[1:]) == ["read"]


class TestVariables:
    def variables(self, **sources: object) -> dict[str, str]:
        return template_variables(task_description="do", run_id="run_1", **sources)  # type: ignore[arg-type]

    def test_later_sources_win(self) -> None:
        everywhere = {"x": ""}
        order = [
            ("project", {"x": "project"}),
            ("context", '{"x": "context"}'),
            ("variables", {"x": "variables"}),
            ("outputs", {"x": "outputs"}),
        ]
        sources: dict[str, object] = {}
        for name, value in order:
            sources[name] = value
            assert self.variables(**sources)["x"] == name
        assert everywhere == {"x": ""}

    def test_the_run_s_own_names_are_not_overridden(self) -> None:
        found = self.variables(outputs={"task_description": "other", "run_id": "other"})
        assert (found["task_description"], found["run_id"]) == ("do", "run_1")

    def test_only_texts_of_a_json_context_count(self) -> None:
        found = self.variables(context='{"a": "1", "b": 2, "c": ["3"]}')
        assert set(found) == {"a", "task_description", "run_id"}

    @pytest.mark.parametrize("context", ["plain words", "[1]", '"text"', "{broken", "[" * 9999])
    def test_a_plain_context_is_a_human_s(self, context: str) -> None:
        assert self.variables(context=context)["human_context"] == context

    def test_human_context_and_plain_context_stand_together(self) -> None:
        found = self.variables(context="first", human_context="second")
        assert found["human_context"] == "first\n\nsecond"
        assert self.variables(context="same", human_context="same")["human_context"] == "same"
        assert "human_context" not in self.variables(context=" ", human_context='{"a": "b"}')

    def test_loop_names_win_over_all(self) -> None:
        loop = LoopContext(item="now", index=1, count=3, completed=("text", '{"a": 1}', "{no"))
        found = self.variables(outputs={"current_item": "output"}, loop=loop)
        assert found["current_item"] == "now"
        assert json.loads(found["completed_items"]) == ["text", {"a": 1}, "{no"]
        assert (found["item_index"], found["item_count"]) == ("1", "3")
        assert found["progress_file"] == ".djinnbot/progress.md"
