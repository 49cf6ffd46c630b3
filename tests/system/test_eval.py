"""A recorded run, frozen, and run again on the whole platform: offline, or loudly not."""

from collections.abc import Iterator

import pytest

from tests.conftest import own_stack
from tests.support.capabilities import missing
from tests.support.cli import djinn
from tests.support.live import eventually
from tests.support.stack import Stack

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

PIPELINE = """\
id: greet
name: Greet
version: "1"
defaults: {{model: scripted/greeter}}
agents: [{{id: stas, name: Stas}}]
steps:
  - {{id: GREET, agent: stas, input: "{task}", outputs: [greeting]}}
"""
SCRIPT = """\
description: Greets.
steps:
  "*":
    - turns:
        - call: [{tool: complete, args: {outputs: {greeting: hello}}}]
          usage: {input: 900, output: 100}
"""


@pytest.fixture(scope="module")
def stack(_servers: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    runner = "process" if missing("bubblewrap") else "bubblewrap"
    with own_stack(tmp_path_factory.mktemp("logs"), {"DJINNBOT_RUNNER": runner}) as started:
        library = started.home / "pipelines"
        library.mkdir(exist_ok=True)
        scripts = started.home / "scripts"
        scripts.mkdir(exist_ok=True)
        (scripts / "greeter.yml").write_text(SCRIPT)
        write(started, "Greet somebody.")
        yield started


def write(stack: Stack, task: str) -> None:
    text = PIPELINE.format(task=task)
    (stack.home / "pipelines" / "greet.yml").write_text(text)
    eventually(lambda: task in stack.api.get("/v1/pipelines/greet/raw").text, timeout_s=30)


def test_a_frozen_run_is_replayed_and_compared(stack: Stack) -> None:
    run_id = stack.start_run("greet", "Say hello.", workspace_type="none", record=True)
    assert stack.wait_for_end(run_id, 300)["status"] == "completed"
    assert djinn("eval", "freeze", run_id, "hello", home=stack.home).code == 0

    # Without the script nobody but the recording can answer.
    (stack.home / "scripts" / "greeter.yml").unlink()
    again = djinn("eval", "run", "hello", "--json", home=stack.home, timeout_s=300)
    assert again.code == 0, again.err
    row = again.json["cases"][0]
    assert (row["verdict"], row["same_outputs"], row["calls"]) == (
        "pass",
        True,
        row["calls_before"],
    )

    write(stack, "Greet nobody at all.")
    other = djinn("eval", "run", "--current", "--json", home=stack.home, timeout_s=300)
    assert other.code == 7, other.err
    row = other.json["cases"][0]
    assert (row["verdict"], row["error_code"]) == ("fail", "cassette_miss")
    assert "Greet somebody" in row["error"]
    assert "nobody at all" in row["error"]
