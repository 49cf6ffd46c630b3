"""Every command against a running platform. Steps are scripted; all else is real."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.apps.llm.foreign import Answer, foreign_provider, refused, said
from tests.conftest import own_stack
from tests.support.cli import Answer as Printed
from tests.support.cli import djinn, djinn_interrupted
from tests.support.live import eventually
from tests.support.stack import Stack

pytestmark = pytest.mark.system

GATE = """\
id: gate
name: Gate
version: "1"
defaults: {model: scripted/test}
agents: [{id: stas, name: Stas}]
steps:
  - {id: BUILD, agent: stas, input: build, onComplete: SHIP}
  - {id: SHIP, agent: stas, input: ship, approval: true}
"""
BROKEN = """\
id: broken
name: Broken
version: "1"
agents: [{id: stas, name: Stas}]
steps:
  - id: ONE
    agent: nobody
    input: x
    onComplete: NOWHERE
"""


@pytest.fixture(scope="module")
def stack(_servers: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    executor = {"DJINNBOT_STEP_EXECUTOR": "tests.support.scripted_executor.ScriptedExecutor"}
    with own_stack(tmp_path_factory.mktemp("logs"), executor) as started:
        library = started.home / "pipelines"
        library.mkdir(exist_ok=True)
        (library / "gate.yml").write_text(GATE)
        eventually(lambda: started.api.get("/v1/pipelines/gate").status_code == 200)
        yield started


class Cli:
    def __init__(self, stack: Stack) -> None:
        self.stack = stack

    def __call__(self, *arguments: str, **more: Any) -> Printed:
        return djinn(*arguments, home=self.stack.home, **more)

    def start(self, script: dict[str, Any], pipeline: str = "test-simple") -> str:
        """Start a run without following it."""
        answer = self(
            *("run", pipeline, "a task", "--model", "scripted/test", "--detach"),
            *("--var", f"script={json.dumps(script)}"),
        )
        assert answer.code == 0, answer
        return answer.out.strip()

    def status(self, run_id: str) -> str:
        return str(self("--json", "runs", "show", run_id).json["status"])

    def wait(self, run_id: str, status: str) -> None:
        eventually(lambda: self.stack.run(run_id)["status"] == status, timeout_s=60)

    def wait_step(self, run_id: str, step_id: str, status: str) -> None:
        def there() -> bool:
            steps = self.stack.run(run_id)["steps"]
            return any(s["step_id"] == step_id and s["status"] == status for s in steps)

        eventually(there, timeout_s=60)


@pytest.fixture
def cli(stack: Stack) -> Cli:
    return Cli(stack)


SLOW = {"ANALYZE": [{"sleep_s": 60}]}


def test_a_run_is_followed_to_its_end(cli: Cli) -> None:
    script = {"ANALYZE": [{"outputs": {"analysis": "three points"}}]}
    answer = cli("run", "test-simple", "a task", "--var", f"script={json.dumps(script)}")
    assert answer.code == 0, answer
    assert "▶ ANALYZE" in answer.out
    assert "analysis = three points" in answer.out
    assert "✔ SUMMARIZE" in answer.out
    assert "completed" in answer.out.splitlines()[-2:][0]


def test_run_start_is_the_same_as_run(cli: Cli) -> None:
    assert cli("run", "start", "test-simple", "a task", "--quiet").code == 0


def test_json_lines_are_all_events_in_order_and_the_run_last(cli: Cli) -> None:
    answer = cli("--json", "run", "test-simple", "a task")
    assert answer.code == 0
    *frames, last = answer.lines
    assert [int(frame["id"]) for frame in frames] == list(range(1, len(frames) + 1))
    assert frames[-1]["type"] == "RUN_COMPLETE"
    assert last["type"] == "RUN"
    assert last["run"]["status"] == "completed"


def test_a_failed_run_ends_with_7_and_its_reason(cli: Cli) -> None:
    script = {"ANALYZE": [{"fail": "agent_failed", "error": "no way", "retryable": False}]}
    answer = cli("run", "test-simple", "a task", "--var", f"script={json.dumps(script)}")
    assert answer.code == 7
    assert "no way" in answer.out


def test_the_timeout_ends_with_8_and_the_run_goes_on(cli: Cli) -> None:
    answer = cli(
        *("run", "test-simple", "a task", "--timeout", "3"),
        *("--var", f"script={json.dumps(SLOW)}"),
    )
    assert answer.code == 8
    run_id = answer.err.split("Run ")[1].split()[0]
    assert cli.status(run_id) in {"pending", "running"}
    cli("runs", "cancel", run_id)


def test_ctrl_c_leaves_the_run_and_says_how_to_come_back(cli: Cli, stack: Stack) -> None:
    answer = djinn_interrupted(
        *("run", "test-simple", "a task", "--var", f"script={json.dumps(SLOW)}"),
        home=stack.home,
        after="▶ ANALYZE",
        number=signal.SIGINT,
    )
    assert answer.code == 130, answer
    run_id = answer.out.split("djinn runs watch ")[1].split()[0]
    assert f"djinn runs cancel {run_id}" in answer.out
    assert cli.status(run_id) == "running"
    assert cli("runs", "cancel", run_id, "--reason", "test").code == 0
    cli.wait(run_id, "cancelled")
    assert cli("runs", "watch", run_id).code == 7


def test_watching_survives_a_killed_web_process_without_loss_or_repeat(
    cli: Cli, stack: Stack
) -> None:
    import subprocess

    from tests.support.cli import COMMAND, cli_environment

    run_id = cli.start({"ANALYZE": [{"events": 20, "sleep_s": 8}], "SUMMARIZE": [{"events": 20}]})
    watch = subprocess.Popen(
        [*COMMAND, "--json", "runs", "watch", run_id],
        env=cli_environment(stack.home),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert watch.stdout is not None
    lines = [watch.stdout.readline()]
    stack["web"].kill()
    stack["web"].start()
    rest = watch.stdout.read()  # not `communicate`, which knows nothing of what is buffered
    watch.wait(10)
    watch.stdout.close()
    frames = [json.loads(line) for line in [*lines, *rest.splitlines()]][:-1]
    assert watch.returncode == 0
    assert [int(frame["id"]) for frame in frames] == list(range(1, len(frames) + 1))
    assert frames[-1]["type"] == "RUN_COMPLETE"


def test_lists_parse_and_filter(cli: Cli) -> None:
    done = cli("--json", "run", "test-simple", "for the list").lines[-1]["run"]["id"]
    listed = cli("--json", "runs", "list", "--status", "completed", "--limit", "200").json
    assert done in [run["id"] for run in listed]
    assert {run["status"] for run in listed} == {"completed"}
    plain = cli("runs", "list").out.splitlines()
    assert all(len(line.split("\t")) == 6 for line in plain)
    assert {step["step_id"] for step in cli("--json", "steps", "list", done).json} == {
        "ANALYZE",
        "SUMMARIZE",
    }
    assert cli("--json", "steps", "show", done, "ANALYZE").json["status"] == "completed"
    assert "ANALYZE" in cli("runs", "show", done).out


def test_pause_and_resume(cli: Cli) -> None:
    run_id = cli.start({"ANALYZE": [{"sleep_s": 2}]})
    cli.wait_step(run_id, "ANALYZE", "running")
    assert cli("runs", "pause", run_id).code == 0
    cli.wait(run_id, "paused")
    assert cli("runs", "resume", run_id).code == 0
    cli.wait(run_id, "completed")
    assert cli("runs", "resume", run_id).code == 6


def test_approve_and_reject(cli: Cli) -> None:
    approved, rejected = cli.start({}, "gate"), cli.start({}, "gate")
    for run_id in (approved, rejected):
        cli.wait(run_id, "waiting_human")
    assert cli("runs", "approve", approved, "--comment", "go").code == 0
    assert cli("runs", "reject", rejected, "--comment", "no").code == 0
    cli.wait(approved, "completed")
    assert cli("runs", "watch", rejected, "--timeout", "60").code == 7
    assert cli("runs", "approve", approved).code == 6


def test_a_hint_reaches_the_running_step(cli: Cli) -> None:
    run_id = cli.start({"ANALYZE": [{"steer": True}]})
    cli.wait_step(run_id, "ANALYZE", "running")
    assert cli("runs", "inject", run_id, "ANALYZE", "look left").code == 0
    cli.wait(run_id, "completed")
    assert "look left" in json.dumps(cli("--json", "steps", "show", run_id, "ANALYZE").json)


def test_restart_fork_and_delete(cli: Cli) -> None:
    run_id = cli.start({})
    cli.wait(run_id, "completed")
    assert cli("steps", "restart", run_id, "SUMMARIZE", "--context", "shorter").code == 0
    cli.wait(run_id, "completed")
    assert cli("runs", "restart", run_id, "--context", "again").code == 0
    cli.wait(run_id, "completed")
    forked = cli("runs", "fork", run_id, "--step", "SUMMARIZE")
    assert forked.code == 0, forked
    assert forked.out.strip() != run_id
    refused = cli("runs", "delete", run_id, stdin="n\n")
    assert refused.code == 5
    assert cli.status(run_id) == "completed"
    assert cli("runs", "delete", run_id, "--yes").code == 0
    assert cli("runs", "show", run_id).code == 4


def test_a_running_run_is_deleted_only_by_force(cli: Cli) -> None:
    run_id = cli.start(SLOW)
    cli.wait_step(run_id, "ANALYZE", "running")
    assert cli("runs", "delete", run_id, "--yes").code == 6
    assert cli("runs", "delete", run_id, "--yes", "--force").code == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "no-such-pipeline", "a task"],
        ["runs", "show", "run_000000000000"],
        ["runs", "watch", "run_000000000000"],
        ["runs", "cancel", "run_000000000000"],
        ["runs", "approve", "run_000000000000"],
        ["steps", "show", "run_000000000000", "ONE"],
        ["pipeline", "show", "no-such"],
        ["pipeline", "raw", "no-such"],
        ["pipeline", "validate", "no-such"],
        ["agent", "show", "no-such"],
        ["api", "GET", "/v1/no-such"],
    ],
)
def test_what_is_not_there_ends_with_4_and_one_line(cli: Cli, arguments: list[str]) -> None:
    answer = cli(*arguments)
    assert answer.code == 4, answer
    assert answer.err.count("\n") == 1


def test_a_made_up_key_ends_with_3(cli: Cli, stack: Stack) -> None:
    answer = cli("--api-key", "djb_made_up", "runs", "list")
    assert answer.code == 3
    assert answer.err.count("\n") == 1


def test_a_key_that_may_only_read_ends_with_5(cli: Cli, stack: Stack) -> None:
    made = stack.api.post("/v1/auth/api-keys", json={"name": "reader", "scopes": ["read"]}).json()
    assert cli("--api-key", made["key"], "runs", "list").code == 0
    answer = cli("--api-key", made["key"], "run", "test-simple", "a task")
    assert answer.code == 5
    assert "runs" in answer.err


def test_pipelines(cli: Cli, tmp_path: Path) -> None:
    listed = cli("--json", "pipeline", "list").json
    assert {"engineering", "test-simple", "gate"} <= {pipeline["id"] for pipeline in listed}
    assert cli("pipeline", "raw", "gate").out == GATE
    assert "SHIP" in cli("pipeline", "show", "gate").out
    assert cli("pipeline", "validate", "gate").code == 0
    good, bad = tmp_path / "good.yml", tmp_path / "bad.yml"
    good.write_text(GATE)
    bad.write_text(BROKEN)
    assert cli("pipeline", "validate", str(good)).code == 0
    answer = cli("pipeline", "validate", str(bad))
    assert answer.code == 1
    assert f"{bad}:9:" in answer.err
    problems = cli("--json", "pipeline", "validate", str(bad)).json["problems"]
    assert all(problem["line"] for problem in problems)


def test_a_file_that_is_no_yaml_names_the_line(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "torn.yml"
    path.write_text("id: torn\nsteps: [\n")
    answer = cli("pipeline", "validate", str(path))
    assert answer.code == 1
    assert f"{path}:" in answer.err


def test_agents(cli: Cli) -> None:
    listed = cli("--json", "agent", "list").json
    assert len(listed) >= 11
    shown = cli("agent", "show", "stas")
    assert shown.code == 0
    assert "SOUL.md" in shown.out


def test_api_calls(cli: Cli, tmp_path: Path) -> None:
    assert cli("api", "GET", "runs", "--query", "limit=1").json["items"] is not None
    [found] = cli(
        "api", "GET", "/v1/search?q=engineering&limit=9", "--query", "kinds=pipeline"
    ).json
    assert found["id"] == "engineering"
    body = tmp_path / "body.json"
    body.write_text(json.dumps({"yaml_content": GATE}))
    assert cli("api", "POST", "/v1/pipelines/validate", "--data", f"@{body}").json["valid"]
    assert cli("api", "POST", "pipelines/validate", "-d", "-", stdin=body.read_text()).code == 0
    refused = cli("api", "POST", "/v1/runs", "--data", "{}")
    assert refused.code == 2
    assert "pipeline_id" in refused.err


def test_no_colour_reaches_a_pipe(cli: Cli) -> None:
    answer = cli("run", "test-simple", "a task")
    assert "\x1b[" not in answer.out + answer.err


def test_budgets_and_usage(cli: Cli) -> None:
    agent = ("budget", "set", "agent", "week", "--of", "finn")
    made = cli(*agent, "--usd", "2.5").out.strip()
    assert made.startswith("bgt_")
    assert cli(*agent, "--usd", "3").out.strip() == made
    rows = cli("budget", "list", "--json").json
    limits = {(row["scope"], row["window"]): row["hard_usd"] for row in rows}
    assert limits[("agent", "week")] == 3.0
    assert limits[("run", "total")] == 10.0
    assert "$100.00" in cli("budget").out
    assert cli("budget", "remove", made, "--yes").code == 0
    assert cli(*agent).code == 2
    assert cli("usage", "--json").json == []
    assert cli("usage", "--csv").out.startswith("bucket,provider_id,group,calls")


def test_a_provider_is_set_up_tried_and_removed(cli: Cli) -> None:
    listed = Answer(body={"data": [{"id": "small"}, {"id": "large"}]})
    with foreign_provider(lambda asked: listed if asked.body is None else said()) as foreign:
        assert cli("provider", "add", "mine", foreign.url, "--allow-private", "--free").code == 0
        key = "sk-of-the-command-line-0815"
        assert key not in cli("provider", "set-key", "custom-mine", stdin=f"{key}\n").err
        shown = cli("provider", "show", "custom-mine")
        assert "instance  …0815" in shown.out
        assert key not in shown.out
        rows = {row["id"]: row for row in cli("provider", "list", "--json").json}
        assert rows["custom-mine"]["usable"]
        models = cli("provider", "models", "custom-mine", "--search", "lar", "--json").json
        assert [row["name"] for row in models["models"]] == ["custom-mine/large"]
        tried = cli("provider", "test", "custom-mine", "--model", "small")
        assert "small answered in" in tried.out
        assert {asked.key for asked in foreign.asked} == {key}
        foreign.answer = lambda asked: refused(401, "no such key")
        bad = cli("provider", "test", "custom-mine", "--model", "small")
        assert bad.code == 1
        assert "refused" in bad.err or "no such key" in bad.err
    away = cli("provider", "test", "custom-mine", "--model", "small")
    assert (away.code, "Traceback" in away.err) == (1, False)
    assert cli("provider", "remove", "custom-mine", "--key", "--yes").code == 0
    assert cli("provider", "remove", "custom-mine", "--yes").code == 0
    assert cli("provider", "show", "custom-mine").code == 4


@pytest.mark.parametrize(
    ("arguments", "stdin", "code"),
    [
        (("provider", "show", "nobody"), "", 4),
        (("provider", "set-key", "nobody"), "sk-0123456789abcdef", 4),
        (("provider", "set-key", "openai"), "", 2),
        (("provider", "set-key", "openai", "--file", "/nowhere/key"), "", 1),
        (("provider", "add", "meta", "http://169.254.169.254/v1"), "", 2),
        (("provider", "add", "inside", "http://127.0.0.1:1/v1"), "", 2),
        (("budget", "set", "run", "total", "--usd", "-1"), "", 2),
        (("budget", "remove", "bgt_unknown", "--yes"), "", 4),
        (("usage", "--since", "yesterday-ish"), "", 2),
    ],
)
def test_what_is_wrong_with_models_and_money_is_said(
    cli: Cli, arguments: tuple[str, ...], stdin: str, code: int
) -> None:
    answer = cli(*arguments, stdin=stdin)
    assert (answer.code, "Traceback" in answer.err) == (code, False), answer.err
    assert answer.err.strip()


def test_a_start_says_what_is_likely(cli: Cli) -> None:
    answer = cli("run", "test-simple", "Say hello", "--detach")
    assert answer.code == 0
    assert "From " in answer.err or "nothing can be foretold" in answer.err


def test_homes_and_the_disk_are_looked_into(cli: Cli, tmp_path: Path) -> None:
    source = tmp_path / "notes.txt"
    source.write_bytes(b"remember\n\0")
    assert cli("sandbox", "put", "yang", str(source), "in/notes.txt").code == 0
    assert cli("sandbox", "cat", "yang", "in/notes.txt").out == "remember\n\0"
    assert cli("sandbox", "ls", "yang", "in").out.split("\t")[-2] == "notes.txt"
    assert cli("sandbox", "show", "yang", "--json").json["tree"][0]["name"] == "in"
    assert cli("sandbox", "cat", "yang", "../x").code == 2
    assert cli("sandbox", "rm", "yang", "in").code == 0
    assert cli("sandbox", "cat", "yang", "in/notes.txt").code == 4
    assert cli("sandbox", "reset", "yang").code == 130  # it asks, and nobody answers
    assert cli("sandbox", "reset", "yang", "--yes").code == 0
    assert cli("sandbox", "boxes").code == 0
    assert cli("sandbox", "logs", "1").code == 4

    assert cli("storage", "measure").code == 0
    eventually(lambda: cli("storage", "show", "--json").json["sections"])
    assert "file system" in cli("storage", "show").out
    (cli.stack.home / "runs" / "run_01gone").mkdir(parents=True)
    shown = cli("storage", "clean", "--dry-run", "--json").json
    assert (shown["status"], shown["found"], shown["deletions"]) == ("done", 0, [])  # too young
    assert "0 things, 0 B freed" in cli("storage", "clean", "--yes").err


def test_secrets_are_kept_changed_granted_and_removed(cli: Cli, tmp_path: Path) -> None:
    first, second = "first-value-4711", "second-value-4712"
    made = cli("--json", "secrets", "add", "Deploy token", "--description", "To stage", stdin=first)
    assert made.code == 0, made
    assert (made.json["env_key"], made.json["masked"]) == ("DEPLOY_TOKEN", "…4711")
    taken = cli("secrets", "add", "Deploy token", stdin=first)
    assert (taken.code, taken.out) == (6, "")

    changed = cli("secrets", "set", "DEPLOY_TOKEN", stdin=f"{second}\n")
    assert changed.code == 0, (changed, cli.stack.logs())
    assert changed.err == "DEPLOY_TOKEN has a new value.\n"
    shown = cli("secrets", "show", made.json["id"])
    assert "…4712" in shown.out
    assert "To stage" in shown.out

    assert cli("secrets", "grant", "Deploy token", "stas").code == 0
    assert "stas" in cli("secrets", "show", "DEPLOY_TOKEN").out
    listed = cli("--json", "secrets", "list", "--agent", "stas").json
    assert [row["env_key"] for row in listed] == ["DEPLOY_TOKEN"]
    assert cli("secrets", "grant", "DEPLOY_TOKEN", "nobody").code == 4
    assert cli("secrets", "grant", "DEPLOY_TOKEN", "stas", "--reveal").code == 5
    assert cli("secrets", "revoke", "DEPLOY_TOKEN", "stas").code == 0
    assert cli("secrets", "revoke", "DEPLOY_TOKEN", "stas").code == 4
    assert cli("--json", "secrets", "list", "--agent", "stas").json == []
    assert cli("--json", "secrets", "access", "DEPLOY_TOKEN").json == []

    path = tmp_path / "key.pem"
    path.write_text("a file of its own\n")
    kept = cli("--json", "secrets", "add", "A file", "--type", "file", "--file", str(path))
    assert (kept.json["file_name"], kept.json["masked"]) == ("key.pem", "18 bytes")
    assert cli("secrets", "add", "Short", stdin="abc").code == 2
    assert cli("secrets", "add", "Odd", "--env-key", "PATH", stdin=first).code == 2

    for name in ("DEPLOY_TOKEN", "A_FILE"):
        assert cli("secrets", "remove", name, stdin="n\n").code == 5
        assert cli("--yes", "secrets", "remove", name).code == 0
        assert cli("secrets", "show", name).code == 4
    everything = cli.stack.logs(lines=100_000)
    for value in (first, second):
        for answer in (made, changed, shown, taken):
            assert value not in answer.out + answer.err
        assert value not in everything


def test_who_may_only_read_starts_no_run(cli: Cli, tmp_path: Path) -> None:
    body = {"account": "watcher", "role": "viewer", "name": "watch", "scopes": ["read"]}
    key = cli.stack.api.post("/v1/auth/service-keys", json=body).json()["key"]
    viewer = ("--url", cli.stack.url, "--api-key", key)
    assert djinn(*viewer, "runs", "list", home=tmp_path).code == 0
    for start in (("run", "test-simple", "a task"), ("run", "start", "test-simple", "a task")):
        assert djinn(*viewer, *start, home=tmp_path).code == 5, start
