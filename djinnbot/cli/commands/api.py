"""`djinn api`: any call, signed in."""

import json
import sys
from typing import Any
from urllib.parse import parse_qsl

import click

from djinnbot.cli.client import Api, problem_of
from djinnbot.cli.errors import CliError, Exit
from djinnbot.cli.options import current_options, global_options
from djinnbot.cli.output import print_json

_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


@click.command()
@click.argument("method", type=click.Choice(_METHODS, case_sensitive=False))
@click.argument("path")
@click.option("--data", "-d", help="JSON body; @FILE reads a file, - standard input.")
@click.option("--query", multiple=True, metavar="NAME=VALUE", help="Query parameter.")
@click.option("--header", "-H", multiple=True, metavar="NAME:VALUE", help="Request header.")
@global_options
def api(
    method: str, path: str, data: str | None, query: tuple[str, ...], header: tuple[str, ...]
) -> None:
    """Call METHOD PATH and print the answer, for example: djinn api GET /v1/runs."""
    client = Api(current_options())
    path, _, asked = path.partition("?")
    answer = client.raw(
        method.upper(),
        path if path.startswith("/") else f"/v1/{path}",
        body=_body(data),
        params=dict([*parse_qsl(asked, keep_blank_values=True), *(_pair(q, "=") for q in query)]),
        headers=dict(_pair(item, ":") for item in header),
    )
    if answer.is_error:
        raise problem_of(answer)
    _print(answer.text)


def _print(text: str) -> None:
    try:
        print_json(json.loads(text))
    except ValueError:
        click.echo(text)


def _body(data: str | None) -> Any:
    if data is None:
        return None
    try:
        text = _read(data)
        return json.loads(text)
    except (OSError, UnicodeDecodeError) as exc:
        raise CliError(f"Cannot read {data}: {exc}.", Exit.USAGE) from exc
    except ValueError as exc:
        raise CliError(f"The body is not JSON: {exc}.", Exit.USAGE) from exc


def _read(data: str) -> str:
    if data == "-":
        return sys.stdin.read()
    if data.startswith("@"):
        with open(data[1:], encoding="utf-8") as file:
            return file.read()
    return data


def _pair(text: str, separator: str) -> tuple[str, str]:
    name, found, value = text.partition(separator)
    if not found:
        raise CliError(f"{text!r} is not of the form NAME{separator}VALUE.", Exit.USAGE)
    return name.strip(), value.strip()
