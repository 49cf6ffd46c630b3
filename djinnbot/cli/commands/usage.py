"""`djinn usage`: what model calls used and cost. `djinn budget`: what they may."""

from collections.abc import Mapping
from typing import Any

import click

from djinnbot.cli.client import Api
from djinnbot.cli.errors import CliError, Exit
from djinnbot.cli.money import count, dollars
from djinnbot.cli.options import current_options, global_options
from djinnbot.cli.output import print_json, print_rows, say

_GROUPS = ("model", "provider", "agent", "user", "project", "run", "kind", "key_source", "none")
_SCOPES = ("instance", "user", "project", "agent", "run", "session")
_WINDOWS = ("hour", "day", "week", "month", "total")
_USAGE = ("when", "what", "calls", "failed", "input", "output", "cached", "cost", "unpriced")
_STANDING = ("budget", "of", "window", "limit", "spent", "held", "used", "state", "action", "until")


@click.command()
@click.option("--by", "group_by", type=click.Choice(_GROUPS), default="model", show_default=True)
@click.option(
    "--bucket",
    type=click.Choice(("hour", "day", "week", "month", "total")),
    default="total",
    show_default=True,
    help="One line for each of these.",
)
@click.option("--since", help="From this moment on (RFC 3339 or a date); 30 days ago by default.")
@click.option("--until", help="Up to this moment.")
@click.option("--agent", "agent_id", help="Of this agent only.")
@click.option("--run", "run_id", help="Of this run only.")
@click.option("--csv", is_flag=True, help="Print CSV.")
@global_options
def usage(csv: bool, **asked: str | None) -> None:
    """Show calls, tokens and cost. An admin sees everybody's, others their own."""
    query = {name: _moment(name, value) for name, value in asked.items() if value}
    api = Api(current_options())
    if csv:
        answer = api.raw("GET", "/v1/llm/usage/export", params=query)
        if answer.is_error:
            raise CliError(f"The platform answered {answer.status_code}.")
        click.echo(answer.text, nl=False)
        return
    rows = api.get("/v1/llm/usage", **query)
    if current_options().json:
        print_json(rows)
        return
    print_rows([_usage_row(row) for row in rows], _USAGE)


def _moment(name: str, value: str) -> str:
    """A day means its beginning."""
    return f"{value}T00:00:00Z" if name in ("since", "until") and len(value) == 10 else value


def _usage_row(row: Mapping[str, Any]) -> dict[str, str]:
    what = str(row.get("group", "all"))
    if row.get("provider_id"):
        what = f"{row['provider_id']}/{what}"
    return {
        "when": str(row.get("bucket", ""))[:16].replace("T", " "),
        "what": what or "-",
        "calls": count(row["calls"]),
        "failed": count(row["failed_calls"]),
        "input": count(row["input_tokens"]),
        "output": count(row["output_tokens"]),
        "cached": count(row["cache_read_tokens"]),
        "cost": dollars(row["cost_total"]) or "unknown",
        "unpriced": count(row["cost_unknown_calls"]),
    }


@click.group(invoke_without_command=True)
@click.pass_context
@global_options
def budget(ctx: click.Context) -> None:
    """Show, set and remove limits on what model calls may cost."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_budgets)


@budget.command("list")
@global_options
def list_budgets() -> None:
    """Show every budget, and what is spent and held under it in its present window."""
    rows = Api(current_options()).get("/v1/llm/budgets/status")
    if current_options().json:
        print_json(rows)
        return
    print_rows([_standing_row(row) for row in rows], _STANDING)


def _standing_row(row: Mapping[str, Any]) -> dict[str, str]:
    return {
        "budget": row["budget_id"],
        "of": f"{row['scope']} {row['subject'] or 'each'}" if row["scope"] != "instance" else "all",
        "window": row["window"],
        "limit": _amounts(row, "hard") or f"soft {_amounts(row, 'soft')}",
        "spent": _amounts(row, "spent", like="hard"),
        "held": dollars(row["held_usd"]),
        "used": "" if row["percent"] is None else f"{row['percent']:.0f} %",
        "state": row["state"],
        "action": " ".join(filter(None, (row["action"], row["downgrade_model"]))),
        "until": str(row["window_end"] or "")[:16].replace("T", " "),
    }


def _amounts(row: Mapping[str, Any], kind: str, like: str = "") -> str:
    """What is limited of money, tokens and calls."""
    limited = [
        measure
        for measure in ("usd", "tokens", "calls")
        if row[f"{like or kind}_{measure}"] is not None
    ] or (["usd"] if like else [])
    parts = {
        "usd": dollars(row.get(f"{kind}_usd")),
        "tokens": f"{count(row.get(f'{kind}_tokens'))} tokens",
        "calls": f"{count(row.get(f'{kind}_calls'))} calls",
    }
    return ", ".join(parts[measure] for measure in limited)


@budget.command("set")
@click.argument("scope", type=click.Choice(_SCOPES))
@click.argument("window", type=click.Choice(_WINDOWS))
@click.option("--of", "ref", default="", help="Id of one; without it, each of the scope.")
@click.option("--usd", "hard_usd", type=float, help="Never above this.")
@click.option("--soft-usd", type=float, help="Tell when this is reached.")
@click.option("--tokens", "hard_tokens", type=int)
@click.option("--calls", "hard_calls", type=int)
@click.option("--action", type=click.Choice(("pause", "warn", "downgrade")))
@click.option("--downgrade-to", "downgrade_model", help="Model for `--action downgrade`.")
@global_options
def set_budget(scope: str, window: str, ref: str, **limits: Any) -> None:
    """Set the budget of SCOPE in each WINDOW; what is not given stays as it is.

    djinn budget set run total --usd 10 · djinn budget set run total --of run_1a2b3c --usd 25
    """
    changes = {name: value for name, value in limits.items() if value is not None}
    if not changes:
        raise CliError("Say what to limit: --usd, --tokens or --calls.", Exit.USAGE)
    api = Api(current_options())
    same = {"scope": scope, "window": window, "ref": ref}
    found = next(
        (row for row in api.get("/v1/llm/budgets") if all(row[k] == v for k, v in same.items())),
        None,
    )
    if found is None:
        answer = api.post("/v1/llm/budgets", {**same, **changes})
    else:
        body = {**changes, "version": found["version"]}
        answer = api.call("PATCH", f"/v1/llm/budgets/{found['id']}", body=body)
    if current_options().json:
        print_json(answer)
    else:
        click.echo(answer["id"])


@budget.command()
@click.argument("budget_id")
@global_options
def remove(budget_id: str) -> None:
    """Take a limit away."""
    if not current_options().yes and not click.confirm(f"Take the limit {budget_id} away?"):
        raise click.Abort
    Api(current_options()).delete(f"/v1/llm/budgets/{budget_id}")
    say("Done.")
