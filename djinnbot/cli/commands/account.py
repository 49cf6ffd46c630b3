"""`djinn login`, `logout`, `whoami`, `keys` and `account`."""

import os
import sys
import time
import webbrowser
from pathlib import Path
from typing import Any

import click

from djinnbot.cli.client import Api, problem_of
from djinnbot.cli.errors import CliError, Exit
from djinnbot.cli.options import Options, current_options, global_options
from djinnbot.cli.output import print_json, print_rows, say
from djinnbot.cli.signed_in import forget_key, keep_key, kept_key
from djinnbot.cli.signin import SignIn, bearer_from_browser, key_made

EXPORT_WITHIN_S = 300.0


@click.command()
@click.option("--user", "-u", default="", help="E-mail address or user name.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@click.option("--with-key", is_flag=True, help="Give a key of the API instead of a password.")
@click.option(
    "--oidc",
    "--browser",
    "in_browser",
    is_flag=True,
    help="Sign in in a browser, here or elsewhere: by your identity provider, or a passkey.",
)
@global_options
def login(user: str, password_stdin: bool, with_key: bool, in_browser: bool) -> None:
    """Sign in to a platform, here or elsewhere (--url), and remember it for 90 days.

    A second factor is asked for when there is one, and a new password when an administrator chose
    the present one. The password is not kept: a key of your own is made for this machine, and
    `djinn logout` revokes it.
    """
    options = current_options()
    url = options.endpoint()[0]
    if with_key:
        key = _secret("Key", password_stdin)
    else:
        api = _stranger()
        bearer = _bearer(api, user, password_stdin, in_browser=in_browser)
        key = str(key_made(api, bearer)["key"])
    me = Api(Options(url=url, api_key=key, timeout=options.timeout)).get("/v1/auth/me")
    keep_key(url, key)
    if options.json:
        print_json(me)
    else:
        say(f"Signed in to {url} as {_name(me)}.")


def _stranger() -> Api:
    """A client without a key that is kept already: it might be the one that ran out."""
    options = current_options()
    return Api(Options(url=options.endpoint()[0], api_key="none", timeout=options.timeout))


def _bearer(api: Api, user: str, password_stdin: bool, *, in_browser: bool) -> dict[str, str]:
    """The header of a session that begins now."""
    if in_browser:
        return bearer_from_browser(api, _show)
    if not user and not sys.stdin.isatty():
        raise CliError("Say who you are: --user NAME.", Exit.USAGE)
    name = user or click.prompt("E-mail address or user name")
    password = _secret("Password", password_stdin)
    return SignIn(api, _code, lambda: _new_password(password_stdin)).bearer(name, password)


def _show(address: str, code: str) -> None:
    say(f"Open {address} in any browser, and let the program with the code {code} in.")
    if os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        webbrowser.open(address)


def _secret(what: str, from_stdin: bool) -> str:
    """Never from the arguments: others see those."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\n")
    return str(click.prompt(what, hide_input=True))


def _new_password(from_stdin: bool) -> str:
    say("An administrator chose this password. Choose your own, of at least 12 characters.")
    if from_stdin:
        return _secret("New password", from_stdin=True)
    return str(click.prompt("New password", hide_input=True, confirmation_prompt=True))


def _code(question: str) -> str:
    return str(click.prompt(question))


def _name(me: dict[str, Any]) -> str:
    shown = me["display_name"] or me["email"] or me["username"]
    return f"{shown} ({me['role']})"


@click.command()
@global_options
def logout() -> None:
    """Forget the key of this machine, and revoke it."""
    options = current_options()
    url = options.endpoint()[0]
    key = kept_key(url)
    if not key:
        raise CliError(f"Nobody is signed in to {url} from here.", Exit.NOT_SIGNED_IN)
    prefix = key.removeprefix("djb_").partition(".")[0]
    api = Api(Options(url=url, api_key=key, timeout=options.timeout))
    try:
        api.delete(f"/v1/auth/api-keys/{prefix}")
    except CliError as error:
        if error.code not in {Exit.NOT_SIGNED_IN, Exit.NOT_FOUND, Exit.REFUSED}:
            raise  # not reached: the key would live on
    forget_key(url)
    say(f"Signed out of {url}.")


@click.command()
@global_options
def whoami() -> None:
    """Show who you are to the platform, and what you may do."""
    me = Api(current_options()).get("/v1/auth/me")
    if current_options().json:
        print_json(me)
        return
    click.echo(f"{_name(me)} at {current_options().endpoint()[0]}")
    click.echo(f"may: {', '.join(me['scopes'])}")


@click.group()
def keys() -> None:
    """List, make and revoke your keys of the API."""


@keys.command("list")
@global_options
def list_keys() -> None:
    """List your keys. Their secrets are not stored."""
    rows = Api(current_options()).get("/v1/auth/api-keys")
    columns = ("id", "name", "scopes", "expires_at", "last_used_at", "revoked")
    if not current_options().json:
        rows = [{**row, "scopes": ",".join(row["scopes"])} for row in rows]
    print_rows(rows, columns)


@keys.command("create")
@click.argument("name")
@click.option("--scope", "scopes", multiple=True, required=True, help="May be given many times.")
@click.option("--days", type=click.IntRange(1, 3650), help="How long it works.")
@click.option("--from", "ip_allow", multiple=True, help="An address or range it works from.")
@global_options
def create_key(
    name: str, scopes: tuple[str, ...], days: int | None, ip_allow: tuple[str, ...]
) -> None:
    """Make a key called NAME and print it, this once."""
    made = Api(current_options()).post(
        "/v1/auth/api-keys",
        {
            "name": name,
            "scopes": list(scopes),
            "expires_in_days": days,
            "ip_allow": list(ip_allow),
        },
    )
    if current_options().json:
        print_json(made)
    else:
        click.echo(made["key"])


@keys.command("revoke")
@click.argument("key_id")
@global_options
def revoke_key(key_id: str) -> None:
    """Revoke the key KEY_ID at once and for good."""
    Api(current_options()).delete(f"/v1/auth/api-keys/{key_id}")
    say(f"{key_id} is revoked.")


@click.group()
def account() -> None:
    """Have all that is kept about you, or end your account."""


@account.command("export")
@click.option(
    "--output", "-o", type=click.Path(dir_okay=False, path_type=Path), help="The zip to write."
)
@global_options
def export_account(output: Path | None) -> None:
    """Fetch all that the platform keeps about you, as a zip of JSON files."""
    path = output or Path("djinnbot-my-data.zip")
    if path.exists():
        raise CliError(f"{path} is there already.", Exit.CONFLICT)
    api = Api(current_options())
    made = _made_export(api)
    answer = api.raw("GET", made["url"])
    if answer.is_error:
        raise problem_of(answer)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(answer.content)
    say(f"{path}: {len(answer.content)} bytes. Nobody but you can read it.")


def _made_export(api: Api) -> dict[str, Any]:
    until = time.monotonic() + EXPORT_WITHIN_S
    while time.monotonic() < until:
        found: dict[str, Any] = api.get("/v1/users/me/export")
        if found["status"] == "done":
            return found
        if found["status"] == "failed":
            raise CliError("The export failed. Ask once more, or your administrator.")
        time.sleep(1)
    raise CliError("The export is not ready yet. Ask again later.", Exit.TIMEOUT)


@account.command("delete")
@click.option("--user", "-u", default="", help="E-mail address or user name.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@click.option("--oidc", "--browser", "in_browser", is_flag=True, help="Sign in in a browser.")
@click.option("--yes", is_flag=True, help="Do not ask whether you mean it.")
@global_options
def delete_account(user: str, password_stdin: bool, in_browser: bool, yes: bool) -> None:
    """End your account for good. You sign in once more for it: a key is not enough.

    Who you were is forgotten; your runs and what they cost stay, without a name.
    """
    api = _stranger()
    bearer = _bearer(api, user, password_stdin, in_browser=in_browser)
    me = api.call("GET", "/v1/auth/me", headers=bearer)
    if not yes:
        click.confirm(f"End the account of {_name(me)} for good?", abort=True)
    body = {"confirm": me["email"] or me["username"]}
    api.call("POST", "/v1/users/me/delete", body=body, headers=bearer)
    forget_key(current_options().endpoint()[0])
    say("Your account has ended.")
