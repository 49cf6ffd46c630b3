"""Getting a person from the terminal into the dashboard."""

from djinnbot.cli.client import Api
from djinnbot.cli.errors import CliError
from djinnbot.cli.options import Options


def dashboard_link(options: Options, path: str = "/") -> str:
    """A link that signs its first visitor in once; the plain address when none can be made."""
    url = options.endpoint()[0]
    try:
        made = Api(options).post("/v1/auth/login-link", {"next": path})
    except CliError:
        return f"{url}{path}"
    return str(made["url"])
