"""`djinn login-link` and `djinn completion`."""

import click
from click.shell_completion import get_completion_class

from djinnbot.cli import session
from djinnbot.cli.options import current_options, global_options
from djinnbot.cli.output import print_json


@click.command("login-link")
@click.option("--page", default="", help="Page to open, for example /runs/run_….")
@global_options
def login_link(page: str) -> None:
    """Print a link that signs its first visitor in to the dashboard, once."""
    link = session.login_link(current_options(), page)
    if current_options().json:
        print_json({"url": link})
    else:
        click.echo(link)


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script of SHELL, for example: eval "$(djinn completion bash)"."""
    from djinnbot.cli.main import djinn

    found = get_completion_class(shell)
    assert found is not None
    click.echo(found(djinn, {}, "djinn", "_DJINN_COMPLETE").source())
