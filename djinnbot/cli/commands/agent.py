"""`djinn agent`: the team."""

from typing import Any

import click

from djinnbot.cli.client import Api
from djinnbot.cli.options import current_options, global_options
from djinnbot.cli.output import print_facts, print_json, print_rows

_COLUMNS = ("id", "emoji", "name", "role", "state", "source")
_FACTS = (
    *("id", "name", "emoji", "role", "origin", "description", "stages", "model"),
    *("state", "enabled", "source", "version", "warnings"),
)


@click.group()
@global_options
def agent() -> None:
    """List and show agents."""


@agent.command("list")
@global_options
def list_agents() -> None:
    """List the agents."""
    answer: Any = Api(current_options()).get("/v1/agents")
    print_rows(answer["items"] if isinstance(answer, dict) else answer, _COLUMNS)


@agent.command()
@click.argument("agent_id")
@global_options
def show(agent_id: str) -> None:
    """Show an agent and its persona."""
    found = Api(current_options()).get(f"/v1/agents/{agent_id}")
    if current_options().json:
        print_json(found)
        return
    print_facts((name, found.get(name)) for name in _FACTS)
    for name, text in (found.get("files") or {}).items():
        click.secho(f"\n{name}", bold=True)
        click.echo(text.rstrip())
