"""The `djinn` command. Each subcommand is imported when it is called, so that help is quick."""

import importlib
import sys
from collections.abc import Sequence
from typing import Any

import click

from djinnbot.cli.errors import CliError, Exit
from djinnbot.cli.options import global_options
from djinnbot.embedded.errors import EmbeddedError

# Command: (module, attribute, one line for the list of commands).
COMMANDS: dict[str, tuple[str, str, str]] = {
    "up": ("platform", "up", "Start the platform on this machine."),
    "down": ("platform", "down", "Stop the platform."),
    "status": ("platform", "status", "Show processes, and whether the API answers."),
    "logs": ("platform", "logs", "Show the logs of the platform's processes."),
    "manage": ("platform", "manage", "Run a management command with this install's settings."),
    "demo": ("demo", "demo", "Run the built-in example from start to end."),
    "login": ("account", "login", "Sign in to a platform, with a password or a key."),
    "logout": ("account", "logout", "End the sign-in of this machine."),
    "whoami": ("account", "whoami", "Show who you are to the platform."),
    "account": ("account", "account", "Have your data, or end your account."),
    "keys": ("account", "keys", "List, make and revoke keys of the API."),
    "login-link": ("session", "login_link", "Print a one-time link to the dashboard."),
    "run": ("run", "run", "Start a run and follow it."),
    "runs": ("runs", "runs", "List, show, watch and steer runs."),
    "steps": ("steps", "steps", "List, show and restart the steps of a run."),
    "pipeline": ("pipeline", "pipeline", "List, show and check pipelines."),
    "agent": ("agent", "agent", "List and show agents."),
    "eval": ("eval", "evaluate", "Freeze runs as cases; run them again and compare."),
    "usage": ("usage", "usage", "Show what model calls used and cost."),
    "budget": ("usage", "budget", "Show, set and remove limits on cost."),
    "provider": ("provider", "provider", "List providers of models, set keys, try them."),
    "secrets": ("secret", "secrets", "Store secrets and let agents use them."),
    "api": ("api", "api", "Call the API directly."),
    "sandbox": ("sandbox", "sandbox", "Look into agents' homes and boxes."),
    "storage": ("storage", "storage", "Show what takes up the disk, and clean up."),
    "images": ("images", "images", "Build and list the images of boxes."),
    "completion": ("session", "completion", "Print the completion script of a shell."),
}


class LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, attribute, _ = COMMANDS[cmd_name]
        found = getattr(importlib.import_module(f"djinnbot.cli.commands.{module}"), attribute)
        assert isinstance(found, click.Command)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, _, line) in COMMANDS.items()])


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@global_options
@click.version_option(package_name="djinnbot", prog_name="djinn")
def djinn() -> None:
    """Run teams of AI agents on your own machine.

    Start the platform with `djinn up`, see it work with `djinn demo`, start work with
    `djinn run PIPELINE TASK`.

    Exit codes: 0 done, 1 error, 2 wrong usage, 3 not signed in, 4 not found, 5 refused,
    6 conflict, 7 the run failed, 8 timeout, 130 interrupted.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point: every failure becomes one line on standard error and an exit code."""
    sys.exit(_run(arguments))


def _run(arguments: Sequence[str] | None) -> int:
    try:
        answer: Any = djinn.main(arguments, standalone_mode=False)
    except CliError as error:
        return _fail(error.message, error.code)
    except EmbeddedError as error:
        return _fail(str(error), Exit.ERROR)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        return Exit.INTERRUPTED
    except BrokenPipeError:
        return _output_closed()
    return int(answer) if isinstance(answer, int) else Exit.OK


def _fail(message: str, code: Exit) -> int:
    click.secho(f"djinn: {message}", fg="red", err=True)
    return code


def _output_closed() -> int:
    """`djinn … | head` ended early: no fault of ours, and nothing more can be written."""
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return Exit.ERROR


if __name__ == "__main__":
    main()
