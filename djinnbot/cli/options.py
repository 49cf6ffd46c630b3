"""Options that every command takes, before or after its name."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from djinnbot.cli.errors import CliError, Exit
from djinnbot.cli.platform.config import platform_home
from djinnbot.cli.signed_in import kept_key

F = TypeVar("F", bound=Callable[..., Any])

DEFAULT_URL = "http://127.0.0.1:8000"
DEFAULT_TIMEOUT_S = 30.0


@dataclass(slots=True)
class Options:
    """What the caller asked of every command. Flags win over the environment, that over files."""

    url: str = ""
    api_key: str = ""
    profile: str = ""
    json: bool = False
    quiet: bool = False
    no_color: bool = False
    timeout: float = 0.0  # 0: not given
    yes: bool = False

    @property
    def request_timeout_s(self) -> float:
        return self.timeout or DEFAULT_TIMEOUT_S

    def endpoint(self) -> tuple[str, str]:
        """(address, key) of the platform to speak to."""
        stored = self._stored()
        url = self.url or os.environ.get("DJINNBOT_URL") or stored.get("url") or DEFAULT_URL
        given = self.api_key or os.environ.get("DJINNBOT_API_KEY")
        key = given or kept_key(url) or _key_for(stored, url)
        if not url.startswith(("http://", "https://")):
            raise CliError(f"{url} is no address: it must begin with http:// or https://.")
        return url.rstrip("/"), key

    def _stored(self) -> dict[str, str]:
        path = self._credentials()
        try:
            found = json.loads(path.read_text())
        except FileNotFoundError:
            if self.profile:
                raise CliError(f"There is no profile {self.profile} ({path}).") from None
            return {}
        except (OSError, ValueError):
            raise CliError(
                f"{path} cannot be read as credentials. Make it anew with `djinn manage "
                "setup_instance`, or give --url and --api-key.",
                Exit.NOT_SIGNED_IN,
            ) from None
        return found if isinstance(found, dict) else {}

    def _credentials(self) -> Path:
        home = platform_home()
        return (
            home / "profiles" / f"{self.profile}.json"
            if self.profile
            else (home / "credentials.json")
        )


def _key_for(stored: dict[str, str], url: str) -> str:
    """The kept key, for the address it was made for only: a key is not shown to strangers."""
    same = stored.get("url", "").rstrip("/") == url.rstrip("/")
    return stored.get("api_key", "") if same else ""


def current_options() -> Options:
    return click.get_current_context().ensure_object(Options)


def _store(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    assert param.name is not None
    if ctx.get_parameter_source(param.name) is not ParameterSource.DEFAULT:
        setattr(ctx.ensure_object(Options), param.name, value)
    if param.name == "no_color" and (value or os.environ.get("NO_COLOR")):
        ctx.color = False


_GLOBALS = (
    click.option("--url", help="Address of the platform (DJINNBOT_URL)."),
    click.option("--api-key", help="Key of the API (DJINNBOT_API_KEY)."),
    click.option("--profile", help="Use profiles/NAME.json of the home for address and key."),
    click.option("--json", is_flag=True, help="Print JSON, one document or one line an event."),
    click.option("--quiet", "-q", is_flag=True, help="Print results only."),
    click.option("--no-color", is_flag=True, help="Print no colours (also NO_COLOR)."),
    click.option(
        "--timeout", type=click.FloatRange(min=0, min_open=True), help="Give up after SECONDS."
    ),
    click.option("--yes", "-y", is_flag=True, help="Answer yes to questions."),
)


def global_options(function: F) -> F:
    """Let a command take the global options; their values go to `current_options()`."""
    for option in reversed(_GLOBALS):
        function = option(function)
    known = getattr(function, "__click_params__", [])
    for parameter in known[-len(_GLOBALS) :]:
        parameter.expose_value = False
        parameter.callback = _store
    return function
