"""Getting a person from the terminal into the dashboard."""

from urllib.parse import quote

from djinnbot.cli.client import Api
from djinnbot.cli.errors import CliError
from djinnbot.cli.options import Options


def login_link(options: Options, page: str = "") -> str:
    """A link that signs its first visitor in, once, and then shows `page`."""
    url = str(Api(options).post("/v1/auth/login-link")["url"])
    return f"{url.partition('?')[0]}?next={quote(page)}" if page else url


def dashboard_link(options: Options, page: str = "") -> str:
    """The same; the plain address when this key may not make such links."""
    try:
        return login_link(options, page)
    except CliError:
        return f"{options.endpoint()[0]}{page or '/'}"
