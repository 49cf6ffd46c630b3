"""`djinn runs`: look at runs and steer them."""

from collections.abc import Callable
from typing import Any

import click

from djinnbot.cli.client import Api
from djinnbot.cli.errors import CliError, Exit
from djinnbot.cli.options import current_options, global_options
from djinnbot.cli.output import print_facts, print_json, print_rows, say
from djinnbot.cli.watch import watch_run

_COLUMNS = ("id", "pipeline_id", "status", "current_step", "created_at", "task")
_STEP_COLUMNS = ("step_id", "agent_id", "status", "visit", "attempt", "error")
_FACTS = (
    *("id", "status", "pipeline_id", "task", "current_step", "task_branch", "repository"),
    *("model_override", "human_context", "created_at", "started_at", "completed_at", "error"),
)


@click.group()
@global_options
def runs() -> None:
    """List, show, watch and steer runs."""


@runs.command("list")
@click.option("--status", help="Only runs in this state.")
@click.option("--pipeline", help="Only runs of this pipeline.")
@click.option("--limit", "-n", type=click.IntRange(1, 200), default=20, show_default=True)
@global_options
def list_runs(status: str | None, pipeline: str | None, limit: int) -> None:
    """List runs, newest first."""
    page = _api().get("/v1/runs", status=status, pipeline_id=pipeline, limit=limit)
    print_rows(page["items"], _COLUMNS)


@runs.command()
@click.argument("run_id")
@global_options
def show(run_id: str) -> None:
    """Show a run with its steps and outputs."""
    run = _api().get(f"/v1/runs/{run_id}")
    if current_options().json:
        print_json(run)
        return
    print_facts((name, run.get(name)) for name in _FACTS)
    if steps := run.get("steps"):
        click.echo()
        print_rows(steps, _STEP_COLUMNS)
    if outputs := run.get("outputs"):
        click.echo()
        print_facts(outputs)


@runs.command()
@click.argument("run_id")
@click.option("--since", default="0", help="Event to start after; 0 shows all, $ only new ones.")
@global_options
def watch(run_id: str, since: str) -> int:
    """Show a run's events until it ends. Exit code 7 if it failed."""
    return watch_run(_api(), run_id, since=since, timeout_s=current_options().timeout)


@runs.command()
@click.argument("run_id")
@click.option("--reason", default="", help="Kept with the run.")
@global_options
def cancel(run_id: str, reason: str) -> None:
    """Stop a run. What its step has done is kept on the branch."""
    _act(run_id, "cancel", {"reason": reason} if reason else {})


@runs.command()
@click.argument("run_id")
@click.option("--now", is_flag=True, help="Abort the step that runs instead of letting it end.")
@global_options
def pause(run_id: str, now: bool) -> None:
    """Let the running step end, then wait."""
    _act(run_id, "pause", {"now": True} if now else {})


@runs.command()
@click.argument("run_id")
@global_options
def resume(run_id: str) -> None:
    """Go on with a paused run."""
    _act(run_id, "resume", {})


@runs.command()
@click.argument("run_id")
@click.option("--context", default="", help="A hint for the agents.")
@click.option("--fresh-workspace", is_flag=True, help="Start from the base branch again.")
@global_options
def restart(run_id: str, context: str, fresh_workspace: bool) -> None:
    """Run the whole pipeline again, under the same id."""
    body: dict[str, Any] = {"context": context} if context else {}
    _act(run_id, "restart", {**body, **({"fresh_workspace": True} if fresh_workspace else {})})


@runs.command()
@click.argument("run_id")
@click.option("--force", is_flag=True, help="Cancel it first if it still runs.")
@global_options
def delete(run_id: str, force: bool) -> None:
    """Delete a run with its events and workspace."""
    _confirm(f"Delete run {run_id} with its events and workspace?")
    done = _api().delete(f"/v1/runs/{run_id}", **({"force": "true"} if force else {}))
    _answer(done, f"Run {run_id} is deleted.")


@runs.command()
@click.argument("run_id")
@click.argument("step_id")
@click.argument("context")
@global_options
def inject(run_id: str, step_id: str, context: str) -> None:
    """Give the running STEP_ID a hint between two of its turns."""
    done = _api().post(f"/v1/runs/{run_id}/steps/{step_id}/inject", {"context": context})
    _answer(done, f"Step {step_id} gets the hint at its next turn.")


@runs.command()
@click.argument("run_id")
@click.option("--step", "step_id", required=True, help="Step to start from.")
@click.option("--visit", type=click.IntRange(1), help="Which visit of the step; the latest.")
@click.option("--model", default="", help="Model of the new run.")
@click.option("--context", default="", help="A hint for the agents.")
@global_options
def fork(run_id: str, step_id: str, visit: int | None, model: str, context: str) -> None:
    """Start a new run that equals RUN_ID up to a step."""
    body = {"step_id": step_id, "visit": visit, "model_override": model, "context": context}
    made = _api().post(
        f"/v1/runs/{run_id}/fork", {name: value for name, value in body.items() if value}
    )
    if current_options().json:
        print_json(made)
    else:
        click.echo(made["id"])


def _decision(name: str, decision: str, line: str) -> Callable[..., None]:
    @runs.command(name, help=line)
    @click.argument("run_id")
    @click.argument("approval_id", required=False)
    @click.option("--comment", default="", help="Told to the agents.")
    @global_options
    def decide(run_id: str, approval_id: str | None, comment: str) -> None:
        api = _api()
        chosen = approval_id or _only_approval(api, run_id)
        done = api.post(
            f"/v1/runs/{run_id}/approvals/{chosen}", {"decision": decision, "comment": comment}
        )
        _answer(done, f"Approval {chosen}: {decision}.")

    return decide


approve = _decision("approve", "approve", "Approve what a run waits for.")
reject = _decision("reject", "reject", "Reject what a run waits for.")


def _only_approval(api: Api, run_id: str) -> str:
    """The id of the one approval the run waits for."""
    found = api.get(f"/v1/runs/{run_id}/approvals")
    items = found["items"] if isinstance(found, dict) else found
    pending = [item["id"] for item in items if item["status"] == "pending"]
    if len(pending) != 1:
        count = f"{len(pending)} approvals: {', '.join(pending)}" if pending else "no approval"
        raise CliError(f"Run {run_id} waits for {count}.", Exit.CONFLICT)
    return str(pending[0])


def _api() -> Api:
    return Api(current_options())


def _act(run_id: str, action: str, body: dict[str, Any]) -> None:
    done = _api().post(f"/v1/runs/{run_id}/{action}", body)
    status = done.get("status", "") if isinstance(done, dict) else ""
    _answer(done, f"Run {run_id} is {status}." if status else f"Run {run_id}: {action}.")


def _answer(document: Any, sentence: str) -> None:
    if current_options().json:
        print_json(document)
    else:
        say(sentence)


def _confirm(question: str) -> None:
    options = current_options()
    if not options.yes and not click.confirm(question, err=True):
        raise CliError("Nothing was changed.", Exit.REFUSED)
