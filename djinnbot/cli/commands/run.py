"""`djinn run`: start a run and follow it."""

import contextlib
from pathlib import Path
from typing import Any

import click

from djinnbot.cli.client import Api
from djinnbot.cli.errors import CliError, Exit
from djinnbot.cli.money import forecast_line
from djinnbot.cli.options import current_options, global_options
from djinnbot.cli.output import print_json, say
from djinnbot.cli.watch import watch_run


class _RunCommand(click.Command):
    """`djinn run start …` means the same as `djinn run …`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, args[1:] if args[:1] == ["start"] else args)


def _variables(
    _ctx: click.Context, _param: click.Parameter, values: tuple[str, ...]
) -> dict[str, str]:
    found = {}
    for value in values:
        name, separator, text = value.partition("=")
        if not separator or not name:
            raise click.BadParameter(f"{value!r} is not of the form NAME=VALUE.")
        found[name] = text
    return found


@click.command(cls=_RunCommand)
@click.argument("pipeline")
@click.argument("task")
@click.option("--repo", help="Repository to work on: a directory on the server, or a git URL.")
@click.option("--context", help="More about the task, or @FILE to read it from a file.")
@click.option("--model", help="Model for every step, as provider/model.")
@click.option("--var", "variables", multiple=True, callback=_variables, metavar="NAME=VALUE")
@click.option("--project", help="Project the run belongs to.")
@click.option("--record", is_flag=True, help="Keep what models answer, for `djinn eval freeze`.")
@click.option("--follow/--detach", default=True, help="Show progress until the end, or return.")
@global_options
def run(
    pipeline: str,
    task: str,
    repo: str | None,
    context: str | None,
    model: str | None,
    variables: dict[str, str],
    project: str | None,
    record: bool,
    follow: bool,
) -> int:
    """Start PIPELINE on TASK and show each step, tool call and result.

    Exit code 7 if the run fails, 8 if it does not end within --timeout. Ctrl-C stops watching,
    not the run.
    """
    body: dict[str, Any] = {"pipeline_id": pipeline, "task": task}
    optional = {
        "repository": _repository(repo),
        "context": _text(context),
        "model_override": model,
        "variables": variables,
        "project_id": project,
        "record": record,
    }
    body.update({name: value for name, value in optional.items() if value})
    api = Api(current_options())
    _say_forecast(api, pipeline, model or "")
    started = api.post("/v1/runs", body)
    run_id = str(started["id"])
    if not follow:
        _print_started(started)
        return Exit.OK
    say(f"Run {run_id} started.")
    return watch_run(api, run_id, timeout_s=current_options().timeout)


def _say_forecast(api: Api, pipeline: str, model: str) -> None:
    """What it will likely cost, before it starts. Whatever is wrong, the start itself will say."""
    with contextlib.suppress(CliError):
        asked = {"pipeline_id": pipeline, "model_override": model}
        say(forecast_line(api.post("/v1/runs/forecast", asked)))


def _print_started(started: dict[str, Any]) -> None:
    if current_options().json:
        print_json(started)
    else:
        click.echo(started["id"])


def _repository(given: str | None) -> str | None:
    """A local directory by its full path; anything else as it is."""
    if given is None or "://" in given or given.startswith("git@"):
        return given
    path = Path(given).expanduser()
    if not path.is_dir():
        raise CliError(
            f"{given} is neither a directory nor the address of a repository.", Exit.USAGE
        )
    return str(path.resolve())


def _text(given: str | None) -> str | None:
    if given is None or not given.startswith("@"):
        return given
    try:
        return Path(given[1:]).read_text()
    except (OSError, UnicodeDecodeError) as exc:
        raise CliError(f"Cannot read {given[1:]}: {exc}.", Exit.USAGE) from exc
