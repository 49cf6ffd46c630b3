"""`checks:` and `harness:`: reading, inheriting, and shell text that no value can break out of."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.pipelines import resolve
from apps.pipelines.checks import MAX_VALUE_BYTES, ValueTooLong, due, script
from apps.pipelines.definition import Check, Pipeline
from apps.pipelines.parse import ParseResult, parse_pipeline, pipeline_from_snapshot

TOP = """\
id: checked
name: Checked
"""
AGENTS = """\
agents: [{id: eric, name: Eric}, {id: finn, name: Finn, harness: opencode}]
"""


def parsed(steps: str, defaults: str = "") -> ParseResult:
    return parse_pipeline(f"{TOP}{defaults}{AGENTS}steps:\n{steps}")


def pipeline(steps: str, defaults: str = "") -> Pipeline:
    result = parsed(steps, defaults)
    assert result.valid, result.problems
    assert result.pipeline is not None
    assert pipeline_from_snapshot(result.parsed) == result.pipeline
    return result.pipeline


def test_a_command_alone_and_a_whole_check() -> None:
    step = pipeline(
        """\
  - id: BUILD
    agent: eric
    input: x
    checks:
      - |

        pytest -q
        echo done
      - name: types
        run: mypy .
        expectExit: 2
        timeout: 7
        workdir: server/./app
        env: {LEVEL: 3, NOTE: "as is"}
"""
    ).step("BUILD")
    assert step.checks == (
        Check(run="\npytest -q\necho done\n", name="pytest -q"),
        Check(
            run="mypy .",
            name="types",
            expect_exit=2,
            timeout_s=7,
            workdir="server/app",
            env={"LEVEL": "3", "NOTE": "as is"},
        ),
    )


def test_a_step_takes_the_checks_of_the_defaults_unless_it_has_its_own() -> None:
    found = pipeline(
        """\
  - {id: A, agent: eric, input: x, onComplete: B}
  - {id: B, agent: eric, input: x, checks: [make lint], onComplete: C}
  - {id: C, agent: eric, input: x, checks: []}
""",
        defaults="defaults: {checks: [make test]}\n",
    )
    runs = {step.id: [c.run for c in resolve.checks(found, step)] for step in found.steps}
    assert runs == {"A": ["make test"], "B": ["make lint"], "C": []}


def test_the_nearest_harness_wins_and_a_structured_answer_has_none() -> None:
    found = pipeline(
        """\
  - {id: A, agent: eric, input: x, onComplete: B}
  - {id: B, agent: finn, input: x, onComplete: C}
  - {id: C, agent: finn, input: x, harness: djinnbot, onComplete: D}
  - {id: D, agent: finn, input: x, outputs: [a], outputSchema: {name: n, schema: {}}}
""",
        defaults="defaults: {harness: mini-swe-agent}\n",
    )
    chosen = {step.id: resolve.harness(found, step) for step in found.steps}
    assert chosen == {"A": "mini-swe-agent", "B": "opencode", "C": "djinnbot", "D": "djinnbot"}


@pytest.mark.parametrize(
    ("check", "code", "path", "line"),
    [
        ("checks: make", "P004", "checks", 8),
        ("checks: [7]", "P004", "checks.0", 8),
        ("checks:\n      - {name: x}", "P004", "checks.0.run", 9),
        ("checks:\n      - run: ' '", "P004", "checks.0.run", 9),
        (
            "checks:\n      - a\n      - run: b\n        expectExit: 256",
            "P005",
            "checks.1.expectExit",
            11,
        ),  # noqa: E501
        ("checks:\n      - run: b\n        timeout: 0", "P005", "checks.0.timeout", 10),
        ("checks:\n      - run: b\n        workdir: /etc", "P005", "checks.0.workdir", 10),
        ("checks:\n      - run: b\n        workdir: a/../..", "P005", "checks.0.workdir", 10),
        ("checks:\n      - run: b\n        env: {'A B': c}", "P005", "checks.0.env.A B", 10),
        ("checks:\n      - run: b\n        env:\n          A: [c]", "P004", "checks.0.env.A", 11),
        ("checks:\n      - run: b\n        shell: zsh", "W01", "checks.0.shell", 10),
        ("checks:\n      - echo {{nobody}}", "W03", "checks.0", 9),
        ("harness: emacs", "P005", "harness", 8),
        ("harness: opencode\n    outputSchema: {name: n, schema: {}}", "W08", "harness", 8),
        (f"checks: [{', '.join(['a'] * 21)}]", "P005", "checks", 8),
    ],
)
def test_what_is_wrong_is_told_with_its_line(check: str, code: str, path: str, line: int) -> None:
    result = parsed(f"  - id: A\n    agent: eric\n    input: x\n    {check}\n")
    found = [(p.code, p.path, p.line) for p in result.problems]
    assert (code, f"steps.0.{path}", line) in found, result.problems


def test_a_check_may_wait_for_a_result() -> None:
    step = pipeline(
        """\
  - id: TEST
    agent: eric
    input: x
    outputs: [notes, test_result]
    checks:
      - always
      - {run: passed, when: PASS}
      - {run: either, when: [fail, unsure]}
    onResult: {PASS: , FAIL: , UNSURE: }
"""
    ).step("TEST")
    for value, expected in (
        (" pass ", ["always", "passed"]),
        ("FAIL", ["always", "either"]),
        ("", ["always"]),
    ):
        found = due(step.checks or (), step, {"test_result": value, "notes": "long text"})
        assert [check.run for check in found] == expected


def test_a_value_reaches_the_shell_as_a_variable_only() -> None:
    check = Check(
        run="pytest {{path}} '{{path}}' {{ gone }}{% if path %} -v{% endif %}",
        name="t",
        env={"TARGET": "x{{path}}"},
    )
    ready = script(check, {"path": "a; rm -rf ~", "unused": "secret"})
    assert ready.text == "pytest ${DJINN_VAR_path} '${DJINN_VAR_path}'  -v"
    assert ready.env == {"DJINN_VAR_path": "a; rm -rf ~", "TARGET": "xa; rm -rf ~"}


def test_a_blank_value_is_no_value_to_a_condition() -> None:
    check = Check(run="a{% if x %} {{x}}{% else %} none{% endif %}", name="t")
    assert script(check, {"x": "  "}).text == "a none"


def test_a_value_too_long_for_an_environment_is_told() -> None:
    with pytest.raises(ValueTooLong, match="big"):
        script(Check(run="echo {{big}}", name="t"), {"big": "ä" * (MAX_VALUE_BYTES // 2 + 1)})


@given(value=st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
@settings(max_examples=60, deadline=None)
def test_no_value_becomes_a_command(value: str) -> None:
    ready = script(Check(run='printf %s "{{x}}"', name="t"), {"x": value})
    done = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", ready.text],
        env={**ready.env, "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
        capture_output=True,
        check=True,
    )
    assert done.stdout.decode() == (value.replace("\0", "") if value.strip() else "")


def test_no_value_leaves_a_file_behind(tmp_path: Path) -> None:
    """The same unquoted, where a shell splits words: still nothing is run."""
    for value in ("; touch hit", "$(touch hit)", "`touch hit`", "\ntouch hit\n", "&& touch hit"):
        ready = script(Check(run="echo {{x}}", name="t"), {"x": value})
        subprocess.run(
            ["bash", "-c", ready.text],
            env={**ready.env, "PATH": "/usr/bin:/bin"},
            cwd=tmp_path,
            check=True,
            capture_output=True,
        )
    assert list(tmp_path.iterdir()) == []
