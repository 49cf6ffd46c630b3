"""A pipeline step on a server that nobody here wrote: a structured answer under its grammar.

Opt-in, as `tests/apps/llm/test_real_server.py`: DJINNBOT_REAL_LLM_URL and DJINNBOT_REAL_LLM_MODEL.
"""

import json
import os
from collections.abc import Iterator

import pytest

from tests.conftest import own_stack
from tests.support.capabilities import missing
from tests.support.cli import djinn
from tests.support.live import eventually
from tests.support.stack import Stack

URL = os.environ.get("DJINNBOT_REAL_LLM_URL", "")
MODEL = f"custom-real/{os.environ.get('DJINNBOT_REAL_LLM_MODEL', 'any')}"

pytestmark = [
    pytest.mark.system,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not URL, reason="DJINNBOT_REAL_LLM_URL names no server"),
]

SCHEMA = {
    "type": "object",
    "properties": {
        "verdict": {"type": "string", "enum": ["good", "bad"]},
        "points": {"type": "integer", "minimum": 0, "maximum": 9},
    },
    "required": ["verdict", "points"],
    "additionalProperties": False,
}
PIPELINE = f"""\
id: judge
name: Judge
version: "1"
defaults: {{model: {json.dumps(MODEL)}, maxRetries: 0}}
agents: [{{id: stas, name: Stas}}]
steps:
  - id: JUDGE
    agent: stas
    input: Judge this text. {{{{task_description}}}}
    outputs: [verdict, points]
    outputSchema: {json.dumps({"name": "judgement", "schema": SCHEMA})}
"""


@pytest.fixture(scope="module")
def stack(_servers: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    runner = "process" if missing("bubblewrap") else "bubblewrap"
    with own_stack(tmp_path_factory.mktemp("logs"), {"DJINNBOT_RUNNER": runner}) as started:
        library = started.home / "pipelines"
        library.mkdir(exist_ok=True)
        (library / "judge.yml").write_text(PIPELINE)
        eventually(lambda: started.api.get("/v1/pipelines/judge").status_code == 200)
        yield started


def test_a_structured_step_runs_on_a_real_server(stack: Stack) -> None:
    added = djinn("provider", "add", "real", URL, "--allow-private", "--free", home=stack.home)
    assert added.code == 0, added.err
    run_id = stack.start_run("judge", "The sky is blue.", workspace_type="none")
    run = stack.wait_for_end(run_id, 600)
    assert run["status"] == "completed", run
    assert run["outputs"]["verdict"] in ("good", "bad")
    assert int(run["outputs"]["points"]) in range(10)
    calls = stack.api.get("/v1/llm/calls", params={"run_id": run_id}).json()
    assert [row["model"] for row in calls["items"]] == [MODEL.removeprefix("custom-real/")]
    assert calls["items"][0]["output_tokens"] > 0
    assert float(run["cost_total"]) == 0
