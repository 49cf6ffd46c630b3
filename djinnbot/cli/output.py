"""What commands print: JSON for programs, tables on a terminal, tabs in a pipe."""

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import click

from djinnbot.cli.options import Options, current_options

if TYPE_CHECKING:
    from rich.console import Console

STATUS_COLOURS = {
    "completed": "green",
    "running": "cyan",
    "failed": "red",
    "lost": "red",
    "cancelled": "yellow",
    "paused": "yellow",
    "waiting_human": "magenta",
    "RUNNING": "green",
    "FATAL": "red",
    "BACKOFF": "red",
    "STOPPED": "yellow",
}


@cache
def console() -> "Console":
    """Standard output. Without a terminal, or on request, it prints no colours."""
    from rich.console import Console

    plain = current_options().no_color or bool(os.environ.get("NO_COLOR"))
    return Console(no_color=plain, highlight=False, soft_wrap=True)


def print_json(document: Any) -> None:
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))


def print_json_line(document: Any) -> None:
    click.echo(json.dumps(document, ensure_ascii=False, separators=(",", ":")))
    sys.stdout.flush()


def say(text: str, *, options: Options | None = None) -> None:
    """A remark on the work, on standard error; not with --quiet or --json."""
    options = options or current_options()
    if not options.quiet and not options.json:
        click.echo(text, err=True)


def print_rows(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """The rows as JSON, a table or tab-separated lines, whichever suits the reader."""
    if current_options().json:
        print_json(rows)
    elif sys.stdout.isatty():
        _print_table(rows, columns)
    else:
        for row in rows:
            click.echo("\t".join(_text(row.get(column)) for column in columns))


def _print_table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(_cell(column, row.get(column)) for column in columns))
    console().print(table)


def _cell(column: str, value: Any) -> str:
    from rich.markup import escape

    text = escape(_text(value))
    colour = STATUS_COLOURS.get(text, "") if column == "status" else ""
    return f"[{colour}]{text}[/]" if colour else text


def print_facts(facts: Mapping[str, Any] | Iterable[tuple[str, Any]]) -> None:
    """Name and value, one a line; empty values are left out."""
    pairs = list(facts.items() if isinstance(facts, Mapping) else facts)
    width = max((len(name) for name, value in pairs if value not in (None, "")), default=0)
    for name, value in pairs:
        if value not in (None, "", [], {}):
            label = click.style(f"{name.replace('_', ' '):<{width}}", dim=True)
            click.echo(f"{label}  {_text(value)}")


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(_text(item) for item in value)
    if isinstance(value, Mapping):
        return json.dumps(value, ensure_ascii=False)
    return str(value).replace("\t", " ").replace("\n", " ")
