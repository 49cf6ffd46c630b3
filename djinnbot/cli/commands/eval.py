"""`djinn eval`: freeze finished runs as cases, run them again, compare."""

import time
from collections.abc import Mapping
from typing import Any

import click

from djinnbot.cli.client import Api
from djinnbot.cli.errors import CliError, Exit
from djinnbot.cli.money import dollars, span
from djinnbot.cli.options import current_options, global_options
from djinnbot.cli.output import print_json, print_rows, say

_CASES = ("name", "id", "pipeline", "status", "cost", "time", "calls", "from_run")
_COMPARED = ("case", "verdict", "status", "cost", "before", "time", "time_before", "outputs", "why")
_POLL_S = 1.0


@click.group("eval")
@global_options
def evaluate() -> None:
    """Freeze finished runs as cases, and run them again to compare."""


@evaluate.command()
@click.argument("run_id")
@click.argument("name")
@global_options
def freeze(run_id: str, name: str) -> None:
    """Make the case NAME of a finished run that was started with --record."""
    case = Api(current_options()).post("/v1/evals/cases", {"run_id": run_id, "name": name})
    if current_options().json:
        print_json(case)
    else:
        click.echo(case["id"])


@evaluate.command()
@global_options
def cases() -> None:
    """List the cases."""
    rows = Api(current_options()).get("/v1/evals/cases")
    if current_options().json:
        print_json(rows)
        return
    print_rows([_case_row(row) for row in rows], _CASES)


def _case_row(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **row,
        "pipeline": row["pipeline_id"],
        "cost": dollars(row["cost_total"]) or "unknown",
        "time": _span(row["duration_s"]),
        "from_run": row["source_run_id"],
    }


@evaluate.command()
@click.argument("case")
@global_options
def forget(case: str) -> None:
    """Forget a case and what was recorded for it."""
    Api(current_options()).delete(f"/v1/evals/cases/{case}")
    say("Done.")


@evaluate.command("run")
@click.argument("cases", nargs=-1)
@click.option("--pipeline", default="", help="Run this pipeline in place of each case's own.")
@click.option("--current", is_flag=True, help="Run pipelines as they are now, not as frozen.")
@click.option("--model", default="", help="Model for every step; with --live.")
@click.option("--live", is_flag=True, help="Ask models again. Without it nothing is spent.")
@global_options
def run_cases(cases: tuple[str, ...], pipeline: str, current: bool, model: str, live: bool) -> int:
    """Run CASES (all without any) again and compare, offline unless --live.

    Exit code 0 if every case passes, 7 if one does not, 8 after --timeout seconds.
    """
    api = Api(current_options())
    body = {
        "cases": list(cases),
        "mode": "live" if live else "replay",
        "pipeline_id": pipeline,
        "current_pipeline": current,
        "model_override": model,
    }
    found = _finished(api, api.post("/v1/evals", body))
    if current_options().json:
        print_json(found)
    else:
        print_rows([_compared_row(row) for row in found["cases"]], _COMPARED)
        say(f"{found['passed']} passed, {found['failed']} failed.")
    return Exit.OK if not found["failed"] else Exit.RUN_FAILED


def _finished(api: Api, found: dict[str, Any]) -> dict[str, Any]:
    limit_s = current_options().timeout
    began = time.monotonic()
    while not found["finished"]:
        if limit_s and time.monotonic() - began > limit_s:
            raise CliError(f"Evaluation {found['id']} still runs.", Exit.TIMEOUT)
        time.sleep(_POLL_S)
        found = api.get(f"/v1/evals/{found['id']}")
    return found


def _compared_row(row: Mapping[str, Any]) -> dict[str, Any]:
    missing = ", ".join(row["missing_outputs"])
    outputs = "same" if row["same_outputs"] else f"no {missing}" if missing else "other"
    return {
        "case": row["name"],
        "verdict": row["verdict"],
        "status": row["status"],
        "cost": dollars(row["cost_total"]) or "unknown",
        "before": dollars(row["cost_before"]) or "unknown",
        "time": _span(row["duration_s"]),
        "time_before": _span(row["duration_before_s"]),
        "outputs": outputs,
        "why": row["error"],
    }


def _span(seconds: float | None) -> str:
    return "" if seconds is None else span(seconds)
