"""Steps run by other agents' programs on the whole platform: the real gateway stands between them
and the scripted model, with its call log and its budgets."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import own_stack
from tests.support.boxes import processes_of
from tests.support.capabilities import missing
from tests.support.harnesses import harness_ready
from tests.support.live import eventually
from tests.support.stack import Stack

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

SLEEP = "97153"
MARK = "COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT"
PIPELINE = """
id: by-others
name: By others
version: 1
defaults: {model: scripted/by-others, maxRetries: 0}
agents: [{id: yukihiro, name: Yukihiro}]
steps:
  - {id: STEP, agent: yukihiro, harness: HARNESS, input: "{{task_description}}", outputs: [result]}
"""
SCRIPT = f"""
description: Another agent's program at work.
steps:
  OPENCODE:
    - match: {{prompt_matches: wait for ever}}
      turns:
        - call:
            - tool: bash
              args: {{command: "sleep {SLEEP}", description: Wait, timeout: 600000}}
    - turns:
        - say: I write.
          call: [{{tool: write, args: {{filePath: notes.txt, content: "by another\\n"}}}}]
        - call: [{{tool: bash, args: {{command: cat notes.txt, description: Look}}}}]
        - say: "It is written.\\n\\nRESULT: {{{{ last_result }}}}"
  MINI:
    - turns:
        - call: [{{tool: bash, args: {{command: "echo by another > notes.txt; cat notes.txt"}}}}]
        - call: [{{tool: bash, args: {{command: "printf '%s\\\\n' {MARK} 'RESULT: by another'"}}}}]
"""
OPENCODE, MINI = ("opencode", "OPENCODE"), ("mini-swe-agent", "MINI")


@pytest.fixture(scope="module")
def platform(_servers: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    runner = "process" if missing("bubblewrap") else "bubblewrap"
    settings = {"DJINNBOT_RUNNER": runner, "DJINNBOT_HARNESS_DIR": str(harness_ready("opencode"))}
    with own_stack(tmp_path_factory.mktemp("logs"), settings) as stack:
        for place in ("scripts", "pipelines"):
            (stack.home / place).mkdir(exist_ok=True)
        (stack.home / "scripts" / "by-others.yml").write_text(SCRIPT)
        for harness, step in (OPENCODE, MINI):
            text = PIPELINE.replace("HARNESS", harness).replace("STEP", step)
            text = text.replace("id: by-others", f"id: by-{harness}")
            (stack.home / "pipelines" / f"by-{harness}.yml").write_text(text)
        yield stack


def calls_of(stack: Stack, run_id: str) -> list[dict[str, Any]]:
    answer = stack.api.get("/v1/llm/calls", params={"run_id": run_id, "limit": 100})
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


def events_of(stack: Stack, run_id: str, *types: str) -> list[dict[str, Any]]:
    answer = stack.api.get(f"/v1/runs/{run_id}/logs", params={"limit": 200, "tail": True})
    assert answer.status_code == 200, answer.text
    return [event for event in answer.json()["items"] if event["type"] in types]


@pytest.mark.parametrize(("harness", "step"), [OPENCODE, MINI], ids=lambda value: str(value))
def test_each_call_of_the_program_is_logged_and_each_of_its_acts_told(
    platform: Stack, harness: str, step: str
) -> None:
    harness_ready(harness)
    run_id = platform.start_run(f"by-{harness}", "Write notes.")
    run = platform.wait_for_end(run_id, 300)
    assert run["status"] == "completed", (run, platform.logs())
    assert "by another" in run["outputs"]["result"]

    calls = calls_of(platform, run_id)
    assert len(calls) >= 2
    assert {call["status"] for call in calls} == {"completed"}
    assert {(call["step_id"], call["agent_id"]) for call in calls} == {(step, "yukihiro")}
    assert all(call["input_tokens"] and call["output_tokens"] for call in calls)
    (session,) = {call["session_id"] for call in calls}
    assert platform.api.get(f"/v1/sessions/{session}").json()["status"] == "completed"

    ends = events_of(platform, run_id, "TOOL_CALL_END")
    assert any("by another" in str(end) for end in ends)
    begun = events_of(platform, run_id, "TOOL_CALL_START")
    assert len(begun) == len(ends) >= 2
    (told,) = events_of(platform, run_id, "STEP_COMPLETE")
    assert "by another" in str(told)
    assert not processes_of(session)


def test_a_stop_ends_the_program_and_all_that_it_started(platform: Stack) -> None:
    run_id = platform.start_run("by-opencode", "Please wait for ever.")
    eventually(lambda: processes_of(SLEEP), timeout_s=120)
    answer = platform.api.post(f"/v1/runs/{run_id}/cancel")
    assert answer.status_code in {200, 202}, answer.text
    assert platform.wait_for_end(run_id)["status"] == "cancelled"
    eventually(lambda: not processes_of(SLEEP))
    session = calls_of(platform, run_id)[0]["session_id"]
    assert platform.api.get(f"/v1/sessions/{session}").json()["status"] == "stopped"


def test_a_budget_stops_the_program(platform: Stack) -> None:
    """Its second call is refused by the gateway, and the step ends with the gateway's reason."""
    body = {"scope": "session", "window": "total", "hard_calls": 1}
    made = platform.api.post("/v1/llm/budgets", json=body)
    assert made.status_code == 201, made.text
    try:
        run_id = platform.start_run("by-opencode", "Write notes.")
        run = platform.wait_for_end(run_id, 300)
    finally:
        platform.api.delete(f"/v1/llm/budgets/{made.json()['id']}")
    assert (run["status"], run["error_code"]) == ("failed", "budget_exceeded"), run
    statuses = [call["status"] for call in calls_of(platform, run_id)]
    assert statuses.count("completed") == 1
