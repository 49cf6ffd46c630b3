"""Every code of the validator, with the place it names."""

from dataclasses import dataclass

import pytest

from apps.pipelines.parse import ParseResult, parse_pipeline
from apps.pipelines.problems import Problem, is_valid

HEAD = """\
id: p
name: P
agents:
  - {id: a, name: A}
  - {id: b, name: B}
steps:
"""  # steps begin on line 7


def check(text: str | bytes, **options: object) -> ParseResult:
    return parse_pipeline(text, **options)  # type: ignore[arg-type]


def steps(*lines: str) -> str:
    return HEAD + "".join(f"  - {line}\n" for line in lines)


def codes(result: ParseResult) -> list[str]:
    return [problem.code for problem in result.problems]


@dataclass(frozen=True)
class Case:
    code: str
    text: str | bytes
    line: int
    path: str
    says: str
    severity: str = "error"

    def __str__(self) -> str:
        return f"{self.code}-{self.says[:24]}"


STEP = "{id: A, agent: a, input: x}"


def in_step(code: str, keys: str, place: str, says: str, severity: str = "error") -> Case:
    """A step with more keys; the problem stands at one of them."""
    text = steps(STEP.replace("}", f", {keys}}}"))
    return Case(code, text, 7, f"steps.0.{place}", says, severity)


CASES = [
    Case("P001", b"id: p\nname: \xff\xfe", 2, "", "not UTF-8"),
    Case("P001", "x" * (1024 * 1024 + 1), 0, "", "1 MiB"),
    Case("P002", "id: [p\nname: P", 2, "", "line 2"),
    Case("P002", "id: p\n\tname: P", 2, "", "column 1"),
    Case("P002", "id: p\nid: q\n", 2, "", "first on line 1"),
    Case("P002", "id: !python/object:x p\n", 1, "", "Tag"),
    Case("P002", "id: &x [*x]\n", 1, "", "anchor"),
    Case("P002", "id: p\nname: *nobody\n", 2, "", "anchor"),
    Case("P002", "id: p\n? [a, b]\n: 1\n", 2, "", "A key must"),
    Case("P002", "[" * 300, 1, "", "Nested deeper"),
    Case("P002", "id: p\nname: \x07\n", 0, "", "not allowed"),
    Case("P002", 'id: p\nname: "\\0"\n', 2, "", "NUL"),
    Case("P002", 'id: p\nname: "\\ud800"\n', 2, "", "half a pair"),
    Case("P003", "", 1, "", "empty"),
    Case("P003", "# only a comment\n", 1, "", "empty"),
    Case("P003", "- id: p\n", 1, "", "mapping"),
    Case("P003", "just text", 1, "", "mapping"),
    Case("P003", "id: p\n---\nid: q\n", 2, "", "more than one document"),
    Case("P004", "name: P\nagents: []\nsteps: []\n", 1, "id", "missing"),
    Case("P004", HEAD + "  - {id: A, input: x}\n", 7, "steps.0.agent", "missing"),
    Case("P004", steps(STEP, "{id: B, agent: a, input: [x]}"), 8, "steps.1.input", "must be text"),
    Case("P004", steps("{id: '', agent: a, input: x}"), 7, "steps.0.id", "empty"),
    Case("P004", steps("no mapping"), 7, "steps.0", "must be a mapping"),
    Case("P004", "id: p\nname: P\nagents: {}\nsteps: []\n", 3, "agents", "must be a list"),
    in_step("P004", "maxRetries: many", "maxRetries", "whole"),
    in_step("P004", "maxRetries: true", "maxRetries", "whole"),
    in_step("P004", "temperature: hot", "temperature", "number"),
    in_step("P004", "approval: yes", "approval", "true or false"),
    in_step("P004", "tools: [1]", "tools.0", "must be text"),
    in_step("P004", "type: loop", "loop", "missing"),
    in_step("P004", "loop: {}", "loop.over", "missing"),
    in_step("P004", "description: [x]", "description", "text"),
    in_step("P004", "onResult: {X: {notify: {agent: a}}}", "onResult.X.notify.message", "missing"),
    in_step("P004", "outputSchema: {name: n}", "outputSchema.schema", "missing"),
    Case("P005", HEAD.replace("id: p", "id: p q") + f"  - {STEP}\n", 1, "id", "128 letters"),
    Case(
        "P005", HEAD.replace("id: p", f"id: {'p' * 129}") + f"  - {STEP}\n", 1, "id", "128 letters"
    ),
    in_step("P005", "maxRetries: 21", "maxRetries", "between 0 and 20"),
    in_step("P005", "timeout: 9", "timeout", "between 10"),
    in_step("P005", "timeoutSeconds: 86401", "timeoutSeconds", "86400"),
    in_step("P005", "temperature: 2.5", "temperature", "between"),
    in_step("P005", "type: parallel", "type", "standard, loop"),
    in_step("P005", "thinkingLevel: deep", "thinkingLevel", "xhigh"),
    in_step("P005", "outputMethod: prose", "outputMethod", "tool_use"),
    in_step("P005", "loop: {over: t, onItemFail: cry}", "loop.onItemFail", "stop"),
    Case(
        "P005",
        steps(f"{{id: {'A' * 129}, agent: a, input: x}}"),
        7,
        "steps.0.id",
        "longer than 128",
    ),
    Case("P006", HEAD.replace("steps:", "steps: []"), 6, "steps", "no steps"),
    Case("P007", steps(STEP, STEP), 8, "steps.1.id", "2 times"),
    Case("P007", HEAD.replace("id: b", "id: a") + f"  - {STEP}\n", 5, "agents.1.id", "2 times"),
    Case("P008", steps("{id: A, agent: c, input: x}"), 7, "steps.0.agent", "known agents: a, b"),
    in_step("P009", "onComplete: Z", "onComplete", "known steps: A"),
    in_step("P009", "onResult: {X: {goto: Z}}", "onResult.X.goto", "'Z'"),
    in_step("P009", "dependsOn: [Z]", "dependsOn.0", "'Z'"),
    in_step("P009", "loop: {over: t, onEachComplete: Z}", "loop.onEachComplete", "'Z'"),
    in_step("P009", "loop: {over: t, onAllComplete: Z}", "loop.onAllComplete", "'Z'"),
    in_step(
        "P010",
        "onResult: {X: {notify: {agent: c, message: m}}}",
        "onResult.X.notify.agent",
        "known agents: a, b",
    ),
    in_step(
        "P011",
        "outputSchema: {name: n, schema: {type: thing}}",
        "outputSchema.schema.type",
        "no JSON Schema",
    ),
    Case(
        "P013",
        steps(
            "{id: A, agent: a, input: x, dependsOn: [B]}",
            "{id: B, agent: a, input: x, dependsOn: [A]}",
        ),
        7,
        "steps.0.dependsOn",
        "→",
    ),
    in_step("P013", "dependsOn: [A]", "dependsOn", "A → A"),
    in_step("P014", "loop: {over: ' '}", "loop.over", "name a variable"),
    in_step(
        "P014", "loop: {over: t, maxParallel: 2, onEachComplete: A}", "loop.maxParallel", "together"
    ),
    in_step("P015", "onResult: {X: {goto: A, retry: true}}", "onResult.X", "goto, retry"),
    in_step(
        "P015", "onResult: {X: {retry: true, continueLoop: true}}", "onResult.X", "moves twice"
    ),
    in_step("W01", "colour: red", "colour", "'colour'", "warning"),
    Case("W01", f"extra: 1\n{steps(STEP)}", 1, "extra", "'extra'", "warning"),
    in_step("W01", "type: standard, loop: {over: t}", "loop", "ignored", "warning"),
    Case(
        "W02",
        steps(
            "{id: A, agent: a, input: x, onComplete: B}",
            "{id: C, agent: a, input: x, onComplete: B}",
            "{id: B, agent: a, input: x}",
        ),
        8,
        "steps.1",
        "step C",
        "warning",
    ),
    Case(
        "W03",
        steps("{id: A, agent: a, input: 'see {{nothing}}'}"),
        7,
        "steps.0.input",
        "'nothing'",
        "warning",
    ),
    Case(
        "W03",
        steps("{id: A, agent: a, input: '{% if nothing %}x{% endif %}'}"),
        7,
        "steps.0.input",
        "'nothing'",
        "warning",
    ),
    in_step(
        "W03",
        "onResult: {X: {notify: {agent: a, message: '{{nothing}}'}}}",
        "onResult.X.notify.message",
        "'nothing'",
        "warning",
    ),
    Case(
        "W03",
        steps("{id: A, agent: a, input: '{{current_item}}'}"),
        7,
        "steps.0.input",
        "'current_item'",
        "warning",
    ),
    in_step("W04", "onResult: {X: {continueLoop: true}}", "onResult.X", "no loop leads", "warning"),
    Case(
        "W05",
        steps(
            "{id: A, agent: a, input: x, onComplete: B}",
            "{id: B, agent: a, input: x}",
            "{id: C, agent: a, input: x, onComplete: A}",
        ),
        8,
        "steps.1",
        "leads nowhere",
        "warning",
    ),
    in_step(
        "W06", "tools: [read], outputSchema: {name: n, schema: {}}", "tools", "no tools", "warning"
    ),
    in_step(
        "W07",
        "outputs: [o], outputSchema: {name: n, schema: {properties: {p: {}}}}",
        "outputSchema",
        "whole JSON",
        "info",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_each_problem_has_its_code_place_and_words(case: Case) -> None:
    found = [problem for problem in check(case.text).problems if problem.code == case.code]
    matching = [problem for problem in found if case.says in problem.message]
    assert matching, check(case.text).problems
    problem = matching[0]
    assert (problem.line, problem.path, problem.severity) == (case.line, case.path, case.severity)
    assert check(case.text).valid == (case.severity != "error")


def test_every_code_but_the_library_s_has_a_case() -> None:
    all_codes = {f"P{n:03}" for n in range(1, 17)} | {f"W{n:02}" for n in range(1, 8)}
    assert {case.code for case in CASES} == all_codes - {"P012", "P016"}


def test_unknown_agents_warn_at_load_and_stop_a_start() -> None:
    text = steps(STEP)
    (warning,) = check(text, known_agents={"a"}).problems
    assert (warning.code, warning.severity, warning.path, warning.line) == (
        "P016",
        "warning",
        "agents.1.id",
        5,
    )
    assert check(text, known_agents={"a"}).valid
    assert not check(text, known_agents={"a"}, unknown_agent_is_error=True).valid
    assert check(text, known_agents={"a", "b"}).problems == ()


def test_a_good_file_has_no_problems() -> None:
    assert check(steps(STEP)).problems == ()


def test_all_problems_come_at_once_in_the_order_of_lines() -> None:
    text = steps(
        "{id: A, agent: nobody, input: x, onComplete: NOWHERE}",
        "{id: A, agent: a, input: x, maxRetries: 99, odd: 1}",
    )
    assert codes(check(text)) == ["P008", "P009", "P005", "W01", "P007"]


def test_a_file_with_broken_structure_gives_no_pipeline() -> None:
    assert check("id: p\nname: P\nagents: []\nsteps: []").pipeline is None
    assert check("[1").pipeline is None


def test_missing_parts_cause_no_second_complaint() -> None:
    assert codes(check(HEAD + "  - {id: A}\n")) == ["P004", "P004"]


def test_a_long_alias_bomb_is_refused() -> None:
    lines = ["id: p", "a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 6)]
    assert codes(check("\n".join(lines))) == ["P002"]


def test_a_modest_alias_is_expanded() -> None:
    text = "id: p\nname: P\nx: &tools [read]\nagents: [{id: a, name: A, tools: *tools}]\n"
    result = check(text + "steps: [{id: A, agent: a, input: x}]")
    assert result.pipeline
    assert result.pipeline.agents[0].tools == ("read",)


def test_steps_inside_a_loop_need_no_exit() -> None:
    text = steps(
        "{id: L, agent: a, input: x, loop: {over: t, onEachComplete: R}}",
        "{id: R, agent: a, input: x}",
        "{id: Z, agent: a, input: x, onComplete: L}",
    )
    assert [code for code in codes(check(text)) if code == "W05"] == []


def test_continue_inside_a_loop_is_no_warning() -> None:
    text = steps(
        "{id: L, agent: a, input: x, loop: {over: t, onEachComplete: R, onAllComplete: D}}",
        "{id: R, agent: a, input: x, onComplete: T}",
        "{id: T, agent: a, input: x, onResult: {OK: {continueLoop: true}}}",
        "{id: D, agent: a, input: x, onResult: {OK: {continueLoop: true}}}",
    )
    (warning,) = [problem for problem in check(text).problems if problem.code == "W04"]
    assert "step D" in warning.message.lower() or "Step D" in warning.message


def test_with_dependencies_other_roots_are_reachable() -> None:
    text = steps(
        "{id: A, agent: a, input: x}",
        "{id: B, agent: a, input: x}",
        "{id: C, agent: a, input: x, dependsOn: [A, B]}",
    )
    assert codes(check(text)) == []


def test_what_depends_on_an_unreachable_step_is_unreachable() -> None:
    text = steps(
        "{id: A, agent: a, input: x}",
        "{id: B, agent: a, input: x, onComplete: B}",
        "{id: C, agent: a, input: x, dependsOn: [B]}",
    )
    assert codes(check(text)) == ["W02", "W02"]


def test_a_problem_reads_as_a_sentence() -> None:
    assert str(Problem(code="P004", message="m", path="id", line=3)) == "P004 (id, line 3): m"
    assert str(Problem(code="P001", message="m")) == "P001 (file): m"
    assert is_valid([Problem(code="W01", message="m", severity="warning")])
