"""`djinn login-link` and `djinn completion`."""

import click
from click.shell_completion import get_completion_class

from djinnbot.cli.client import Api
from djinnbot.cli.options import current_options, global_options
from djinnbot.cli.output import print_json


@click.command("login-link")
@click.option("--next", "path", default="/", show_default=True, help="Page to open.")
@global_options
def login_link(path: str) -> None:
    """Print a link that signs its first visitor in to the dashboard, once."""
    made = Api(current_options()).post("/v1/auth/login-link", {"next": path})
    if current_options().json:
        print_json(made)
    else:
        click.echo(made["url"])


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script of SHELL, for example: eval "$(djinn completion bash)"."""
    from djinnbot.cli.main import djinn

    found = get_completion_class(shell)
    assert found is not None
    click.echo(found(djinn, {}, "djinn", "_DJINN_COMPLETE").source())
