"""Each packaged pipeline loads with exactly its known warnings, and runs to its designed end."""

import json
from collections import Counter
from pathlib import Path

import pytest

from apps.pipelines.decisions import CompleteRun, FailRun, NotifyAgent
from apps.pipelines.definition import Pipeline
from apps.pipelines.files import LIBRARY
from apps.pipelines.parse import ParseResult, parse_pipeline, pipeline_from_snapshot
from apps.pipelines.problems import Problem
from apps.pipelines.template import render
from apps.pipelines.turn import ACTIVE
from apps.pipelines.variables import LOOP_NAMES
from tests.apps.pipelines.world import World, scripted

FILES = sorted(LIBRARY.glob("*.yml"))
IDS = {
    "bugfix", "engineering", "execute", "feature", "import", "planning", "planning-agentic",
    "resolve", "test-sandbox", "test-simple",
}  # fmt: skip
PERSONAS = {"eric", "finn", "shigeo", "yukihiro", "chieko", "stas", "yang"}
WARNINGS = {
    "engineering": {
        ("W02", "DX"), ("W03", "implementation_notes"), ("W03", "dx_problem"),
        ("W03", "requesting_agent"),
    },
    "bugfix": {("W03", "root_cause"), ("W03", "fix_notes"), ("W03", "files_changed")},
    "feature": {("W03", "implementation_notes"), ("W03", "files_changed")},
    "planning": {
        ("W07", "DECOMPOSE"), ("W07", "VALIDATE"), ("W07", "DECOMPOSE_SUBTASKS"),
        ("W07", "VALIDATE_SUBTASKS"),
    },
}  # fmt: skip
MODELS = {
    "minimax": "openrouter/minimax/minimax-m2.5",
    "kimi": "openrouter/moonshotai/kimi-k2.5",
    "opus": "anthropic/claude-opus-4-6",
}
FILE_TOOLS = ("read", "write", "edit", "bash", "grep", "find", "ls")
SHAPES = {
    "engineering": ("minimax", 3, 4800, ("read", "write", "bash")),
    "feature": ("minimax", 2, 900, FILE_TOOLS),
    "bugfix": ("minimax", 2, 600, FILE_TOOLS),
    "execute": ("minimax", 2, 600, FILE_TOOLS),
    "planning": ("kimi", None, 600, ()),
    "planning-agentic": ("opus", 1, 3600, ()),
    "resolve": ("kimi", 2, 1200, FILE_TOOLS),
    "import": ("kimi", 2, 7200, (*FILE_TOOLS, "remember", "share_knowledge")),
    "test-simple": ("minimax", 1, 120, ()),
    "test-sandbox": ("kimi", None, 120, ()),
}
AGENTS = {
    "engineering": "SPEC:eric DESIGN:finn UX:shigeo IMPLEMENT:yukihiro REVIEW:finn TEST:chieko "
    "DEPLOY:stas DX:yang",
    "feature": "DESIGN:finn IMPLEMENT:yukihiro REVIEW:finn TEST:chieko",
    "bugfix": "FIX:yukihiro VALIDATE:chieko",
    "execute": "EXECUTE:yukihiro",
    "planning": "DECOMPOSE:eric VALIDATE:finn DECOMPOSE_SUBTASKS:eric VALIDATE_SUBTASKS:finn",
    "planning-agentic": "PLAN:finn",
    "resolve": "ANALYZE:yukihiro IMPLEMENT:yukihiro VALIDATE:chieko PR:yukihiro",
    "import": "CLONE:yang ANALYZE_ARCHITECTURE:finn CODE_QUALITY:yukihiro MARKET_RESEARCH:eric "
    "GENERATE_TASKS:finn",
    "test-simple": "ANALYZE:finn SUMMARIZE:finn",
    "test-sandbox": "PYTHON_TEST:eric NODE_TEST:eric GO_TEST:eric PERSISTENCE_TEST:eric "
    "ISOLATION_TEST:eric",
}


def result_of(path: Path) -> ParseResult:
    return parse_pipeline(path.read_bytes(), known_agents=PERSONAS)


def load(pipeline_id: str) -> Pipeline:
    pipeline = result_of(LIBRARY / f"{pipeline_id}.yml").pipeline
    assert pipeline is not None
    return pipeline


def _subject(problem: Problem, pipeline: Pipeline) -> str:
    """The variable a warning is about, or the step."""
    if problem.code == "W03":
        return problem.message.split("'")[1]
    return pipeline.steps[int(problem.path.split(".")[1])].id


def test_the_ten_are_there() -> None:
    assert {path.stem for path in FILES} == IDS


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
class TestEach:
    def test_it_is_valid_with_exactly_its_warnings(self, path: Path) -> None:
        result = result_of(path)
        assert result.valid
        assert result.pipeline is not None
        found = Counter((each.code, _subject(each, result.pipeline)) for each in result.problems)
        assert found == Counter(WARNINGS.get(path.stem, set()))
        assert all(problem.line for problem in result.problems)

    def test_it_has_its_id_defaults_steps_and_agents(self, path: Path) -> None:
        pipeline = load(path.stem)
        assert pipeline.id == path.stem
        defaults = pipeline.defaults
        model, retries, timeout, tools = SHAPES[path.stem]
        assert defaults.model == MODELS[model]
        assert (defaults.max_retries, defaults.timeout_s) == (retries, timeout)
        assert defaults.tools == tools
        assert [f"{s.id}:{s.agent}" for s in pipeline.steps] == AGENTS[path.stem].split()

    def test_it_survives_a_snapshot(self, path: Path) -> None:
        result = result_of(path)
        assert pipeline_from_snapshot(json.loads(json.dumps(result.parsed))) == result.pipeline

    def test_its_prompts_render_and_ask_for_every_output(self, path: Path) -> None:
        for step in load(path.stem).steps:
            rendered = render(step.input, {})
            assert "{%" not in rendered.text
            assert "{{" not in rendered.text
            if step.output_schema is None:
                assert [name for name in step.outputs if f"`{name}`" not in step.input] == []

    def test_it_runs_to_its_end_when_all_goes_well(self, path: Path) -> None:
        good: dict[str, list[object]] = {
            "DESIGN": [{"task_breakdown_json": '["one", "two"]'}],
            "REVIEW": [{"review_result": "APPROVED"}],
            "TEST": [{"test_result": "PASS"}],
            "VALIDATE": [{"validation_result": "PASS"}],
            "DEPLOY": [{"deploy_result": "SUCCESS"}],
        }
        world = World(load(path.stem)).play(scripted(good))
        assert isinstance(world.end, CompleteRun), world.end
        reached = set(world.path)
        expected = {step.id for step in world.pipeline.steps} - {"DX"}
        assert reached == expected
        assert not [each for each in world.executions if each.status in ACTIVE]

    def test_it_fails_when_its_first_step_keeps_failing(self, path: Path) -> None:
        pipeline = load(path.stem)
        world = World(pipeline).play(scripted({pipeline.steps[0].id: ["timeout"]}))
        assert world.end == FailRun(code="timeout", message="it was timeout")


def test_engineering_with_a_rejection_two_items_and_a_failed_deployment() -> None:
    script: dict[str, list[object]] = {
        "DESIGN": [
            {"architecture_doc": "d", "task_breakdown_json": '[{"title": "1"}, {"title": "2"}]'}
        ],
        "REVIEW": [
            {"review_result": "CHANGES_REQUESTED", "review_feedback": "line 3"},
            {"review_result": "APPROVED", "review_feedback": ""},
        ],
        "TEST": [{"test_result": "PASS"}, {"test_result": "FAIL"}, {"test_result": "PASS"}],
        "DEPLOY": [
            {"deploy_result": "FAIL", "deploy_summary": "no route"},
            {"deploy_result": "SUCCESS", "deploy_summary": "up"},
        ],
    }
    world = World(load("engineering")).play(scripted(script))
    assert world.path == [
        "SPEC", "DESIGN", "UX",
        "IMPLEMENT", "REVIEW", "IMPLEMENT", "REVIEW", "TEST",
        "IMPLEMENT", "REVIEW", "TEST", "IMPLEMENT", "REVIEW", "TEST",
        "DEPLOY", "IMPLEMENT", "REVIEW", "TEST", "DEPLOY",
    ]  # fmt: skip
    assert isinstance(world.end, CompleteRun)
    assert [(loop.generation, len(loop.items)) for loop in world.loops] == [(1, 2), (2, 1)]
    rework = world.loop("IMPLEMENT").items[0]
    assert rework.kind == "rework"
    assert json.loads(rework.data) == {
        "reason_step": "DEPLOY",
        "result": "FAIL",
        "outputs": {"deploy_result": "FAIL", "deploy_summary": "no route"},
    }
    assert [(note.from_agent, note.to_agent) for note in world.notes] == [
        ("stas", "yukihiro"),
        ("stas", "eric"),
    ]
    notified = [i for i, effect in enumerate(world.effects) if isinstance(effect, NotifyAgent)]
    assert type(world.effects[notified[0] + 1]).__name__ == "OpenLoop"


def test_engineering_shows_the_item_to_review_and_test() -> None:
    pipeline = load("engineering")
    for step_id in ("IMPLEMENT", "REVIEW", "TEST"):
        assert "{{current_item}}" in pipeline.step(step_id).input
    assert "current_item" in LOOP_NAMES


@pytest.mark.parametrize(
    ("pipeline_id", "script", "path"),
    [
        (
            "feature",
            {
                "REVIEW": [{"review_result": "CHANGES_REQUESTED"}, {"review_result": "APPROVED"}],
                "TEST": [{"test_result": "FAIL"}, {"test_result": "PASS"}],
            },
            "DESIGN IMPLEMENT REVIEW IMPLEMENT REVIEW TEST IMPLEMENT REVIEW TEST",
        ),
        (
            "bugfix",
            {"VALIDATE": [{"validation_result": "FAIL"}, {"validation_result": "PASS"}]},
            "FIX VALIDATE FIX VALIDATE",
        ),
        (
            "resolve",
            {"VALIDATE": [{"validation_result": "FAIL"}, {"validation_result": "PASS"}]},
            "ANALYZE IMPLEMENT VALIDATE IMPLEMENT VALIDATE PR",
        ),
        ("planning", {"DECOMPOSE": ["timeout", {}]}, "DECOMPOSE DECOMPOSE.2 VALIDATE"
         " DECOMPOSE_SUBTASKS VALIDATE_SUBTASKS"),
        ("test-sandbox", {}, "PYTHON_TEST NODE_TEST GO_TEST PERSISTENCE_TEST ISOLATION_TEST"),
    ],
)  # fmt: skip
def test_the_way_back(pipeline_id: str, script: dict[str, list[object]], path: str) -> None:
    world = World(load(pipeline_id)).play(scripted(script))
    assert world.path == path.split()
    assert isinstance(world.end, CompleteRun)
