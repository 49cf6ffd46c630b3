"""`djinn steps`: the steps of one run."""

from typing import Any

import click

from djinnbot.cli.client import Api
from djinnbot.cli.options import current_options, global_options
from djinnbot.cli.output import print_facts, print_json, print_rows, say

_COLUMNS = ("step_id", "agent_id", "status", "visit", "attempt", "model_used", "error")
_CHECKS = ("name", "verdict", "exit_code", "expected_exit", "duration_ms", "commit_hash")
_FACTS = (
    *("step_id", "status", "agent_id", "visit", "attempt", "session_id", "model_used"),
    *("commit_hash", "result_key", "started_at", "finished_at", "error_code", "error"),
)


@click.group()
@global_options
def steps() -> None:
    """List, show and restart the steps of a run."""


@steps.command("list")
@click.argument("run_id")
@click.option("--status", help="Only steps in this state.")
@global_options
def list_steps(run_id: str, status: str | None) -> None:
    """List the steps of a run, each with its latest visit."""
    found = _api().get(f"/v1/runs/{run_id}/steps", status=status)
    print_rows(found["items"] if isinstance(found, dict) else found, _COLUMNS)


@steps.command()
@click.argument("run_id")
@click.argument("step_id")
@global_options
def show(run_id: str, step_id: str) -> None:
    """Show one step with its inputs and outputs."""
    step: dict[str, Any] = _api().get(f"/v1/steps/{run_id}/{step_id}")
    if current_options().json:
        print_json(step)
        return
    print_facts((name, step.get(name)) for name in _FACTS)
    if outputs := step.get("outputs"):
        click.echo()
        print_facts(outputs)


@steps.command()
@click.argument("run_id")
@click.argument("step_id")
@click.option("--visit", type=int, help="Of this visit; else of the newest.")
@click.option("--attempt", type=int, help="Of this attempt; else of the newest.")
@global_options
def checks(run_id: str, step_id: str, visit: int | None, attempt: int | None) -> None:
    """Show what the server found when it checked a step."""
    path = f"/v1/runs/{run_id}/steps/{step_id}/checks"
    found: list[dict[str, Any]] = _api().get(path, visit=visit, attempt=attempt)
    print_rows(found, _CHECKS)
    if not current_options().json:
        for check in found:
            if check["verdict"] not in ("passed", "running") and check["output"]:
                click.echo(f"\n{check['name']}:\n{check['output']}")


@steps.command()
@click.argument("run_id")
@click.argument("step_id")
@click.option("--context", default="", help="A hint for the agent.")
@click.option("--reset-workspace", is_flag=True, help="Take back the commits since that step.")
@global_options
def restart(run_id: str, step_id: str, context: str, reset_workspace: bool) -> None:
    """Go back to a step; what came after it is superseded."""
    body: dict[str, Any] = {"context": context} if context else {}
    if reset_workspace:
        body["reset_workspace"] = True
    done = _api().post(f"/v1/runs/{run_id}/steps/{step_id}/restart", body)
    if current_options().json:
        print_json(done)
    else:
        say(f"Run {run_id} goes on at step {step_id}.")


def _api() -> Api:
    return Api(current_options())
