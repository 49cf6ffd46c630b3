"""`djinn secrets`: values that agents may use. They are asked for or read, never arguments."""

import base64
import sys
from pathlib import Path
from typing import Any

import click

from djinnbot.cli.client import Api
from djinnbot.cli.errors import CliError, Exit
from djinnbot.cli.options import current_options, global_options
from djinnbot.cli.output import print_facts, print_json, print_rows, say

_TYPES = ("env", "file", "ssh_key", "totp", "login")
_COLUMNS = ("env_key", "name", "type", "scope", "masked", "agents", "last_used_at", "id")
_ACCESS_COLUMNS = ("at", "how", "agent_id", "session_id", "run_id", "user_id")
_FACTS = (
    *("id", "name", "env_key", "type", "scope", "project_id", "description", "masked"),
    *("username", "url", "file_name", "has_totp", "reveal", "expires_at", "rotate_after"),
    *("rotation_due", "last_used_at", "version", "created_at", "updated_at"),
)


@click.group()
@global_options
def secrets() -> None:
    """Store secrets and let agents use them. SECRET is an id, an environment name or a name."""


@secrets.command("list")
@click.option("--agent", help="What this agent was granted.")
@global_options
def list_secrets(agent: str | None) -> None:
    """List the secrets that you may see. Their values cannot be read."""
    if agent is not None:
        found: list[dict[str, Any]] = Api(current_options()).get(f"/v1/secrets/agents/{agent}")
        print_rows(found, ("env_key", "name", "type", "may_reveal", "secret_id"))
        return
    found = Api(current_options()).get("/v1/secrets")
    if not current_options().json:
        found = [{**one, "agents": _agents(one)} for one in found]
    print_rows(found, _COLUMNS)


@secrets.command()
@click.argument("secret")
@global_options
def show(secret: str) -> None:
    """Show a secret without its value, and who may use it."""
    found = _find(secret)
    if current_options().json:
        print_json(found)
        return
    print_facts((name, found.get(name)) for name in _FACTS)
    for grant in found["grants"]:
        bounds = [f"project {grant['project_id']}"] if grant["project_id"] else []
        bounds += ["your sessions"] if grant["for_user_id"] else []
        bounds += ["may see it"] if grant["reveal"] else []
        click.echo("  ".join(["grant", grant["agent_id"], *bounds]))


@secrets.command()
@click.argument("name")
@click.option("--type", "kind", type=click.Choice(_TYPES), default="env", show_default=True)
@click.option("--env-key", help="How agents ask for it; otherwise made of the name.")
@click.option("--file", "path", type=click.Path(path_type=Path), help="Read the value from a file.")
@click.option("--instance", is_flag=True, help="The instance's instead of your own.")
@click.option("--project", help="The secret of a project.")
@click.option("--description", default="", help="What it is for; agents read this.")
@click.option("--username", default="", help="Of a login.")
@click.option("--site", default="", help="The address of a login's site.")
@click.option("--with-totp", is_flag=True, help="Also ask for the seed of a login's codes.")
@click.option("--reveal", is_flag=True, help="Its plain text may be given out.")
@click.option("--expires", help="A time, such as 2027-01-31T00:00:00Z.")
@global_options
def add(
    name: str,
    kind: str,
    env_key: str | None,
    path: Path | None,
    instance: bool,
    project: str | None,
    description: str,
    username: str,
    site: str,
    with_totp: bool,
    reveal: bool,
    expires: str | None,
) -> None:
    """Store a secret. Its value is asked for, or read from --file or standard input."""
    body: dict[str, Any] = {
        "name": name,
        "type": kind,
        "scope": "instance" if instance else "project" if project else "user",
        "description": description,
        "username": username,
        "url": site,
        "reveal": reveal,
        **_value(kind, path),
    }
    body |= {"env_key": env_key} if env_key else {}
    body |= {"project_id": project} if project else {}
    body |= {"expires_at": expires} if expires else {}
    if kind == "file" and path is not None:
        body["file_name"] = path.name
    if with_totp:
        body["totp_seed"] = _asked("Seed of one-time codes")
    made = Api(current_options()).post("/v1/secrets", body)
    if current_options().json:
        print_json(made)
    else:
        say(f"Stored as {made['env_key']}. Grant it: djinn secrets grant {made['env_key']} AGENT")


@secrets.command("set")
@click.argument("secret")
@click.option("--file", "path", type=click.Path(path_type=Path), help="Read the value from a file.")
@global_options
def set_value(secret: str, path: Path | None) -> None:
    """Give a secret a new value. It holds from the next use on."""
    found = _find(secret)
    body = _value(found["type"], path)
    Api(current_options()).call("PATCH", f"/v1/secrets/{found['id']}", body=body)
    say(f"{found['env_key']} has a new value.")


@secrets.command()
@click.argument("secret")
@global_options
def remove(secret: str) -> None:
    """Revoke a secret for good, also for sessions that run."""
    found = _find(secret)
    if not current_options().yes and not click.confirm(f"Remove {found['name']}?", err=True):
        raise CliError("Nothing was removed.", Exit.REFUSED)
    Api(current_options()).delete(f"/v1/secrets/{found['id']}")
    say(f"Removed {found['name']}.")


@secrets.command()
@click.argument("secret")
@click.argument("agent_id")
@click.option("--project", help="Only in sessions of this project.")
@click.option("--reveal", is_flag=True, help="The agent may see the plain text.")
@click.option("--expires", help="A time, such as 2027-01-31T00:00:00Z.")
@global_options
def grant(
    secret: str, agent_id: str, project: str | None, reveal: bool, expires: str | None
) -> None:
    """Let an agent use a secret, in sessions that begin from now on."""
    found = _find(secret)
    body: dict[str, Any] = {"reveal": reveal}
    body |= {"project_id": project} if project else {}
    body |= {"expires_at": expires} if expires else {}
    made = Api(current_options()).post(f"/v1/secrets/{found['id']}/grant/{agent_id}", body)
    if current_options().json:
        print_json(made)
    else:
        whose = "sessions that you start" if made["for_user_id"] else "all its sessions"
        say(f"{agent_id} may use {found['env_key']} in {whose}.")


@secrets.command()
@click.argument("secret")
@click.argument("agent_id")
@global_options
def revoke(secret: str, agent_id: str) -> None:
    """End an agent's grant, also in sessions that run."""
    found = _find(secret)
    Api(current_options()).delete(f"/v1/secrets/{found['id']}/grant/{agent_id}")
    say(f"{agent_id} may not use {found['env_key']} any more.")


@secrets.command()
@click.argument("secret")
@global_options
def access(secret: str) -> None:
    """Show who used a secret, newest first."""
    found = _find(secret)
    page = Api(current_options()).get(f"/v1/secrets/{found['id']}/access")
    print_rows(page["items"], _ACCESS_COLUMNS)


def _find(wanted: str) -> dict[str, Any]:
    """By id, else by environment name or name where that is one secret only."""
    every: list[dict[str, Any]] = Api(current_options()).get("/v1/secrets")
    for field in ("id", "env_key", "name"):
        found = [secret for secret in every if secret[field] == wanted]
        if len(found) == 1:
            return found[0]
        if found:
            ids = ", ".join(secret["id"] for secret in found)
            raise CliError(f"Several secrets are called {wanted}. Name one by its id: {ids}")
    raise CliError(f"There is no secret {wanted}.", Exit.NOT_FOUND)


def _agents(secret: dict[str, Any]) -> list[str]:
    return [grant["agent_id"] for grant in secret["grants"]]


def _value(kind: str, path: Path | None) -> dict[str, str]:
    if path is not None:
        try:
            raw = path.read_bytes()
        except OSError as exc:
            raise CliError(f"{path} cannot be read.") from exc
    elif sys.stdin.isatty():
        raw = _asked("Value").encode()
    else:
        raw = sys.stdin.buffer.read()
    if kind == "file":
        return {"value_base64": base64.b64encode(raw).decode()}
    try:
        return {"value": raw.decode()}
    except UnicodeDecodeError as exc:
        raise CliError("The value is no text; store it with --type file.") from exc


def _asked(what: str) -> str:
    return str(click.prompt(what, hide_input=True, err=True))
