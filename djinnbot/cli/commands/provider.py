"""`djinn provider`: model providers, their keys and their models."""

import sys
from pathlib import Path
from typing import Any

import click

from djinnbot.cli.client import Api
from djinnbot.cli.errors import CliError, Exit
from djinnbot.cli.options import current_options, global_options
from djinnbot.cli.output import print_facts, print_json, print_rows, say

_COLUMNS = ("id", "label", "kind", "enabled", "usable", "health", "keys")
_MODEL_COLUMNS = ("name", "context_window", "vision", "tools", "reasoning", "input", "output")
_FACTS = (
    *("id", "label", "kind", "dialect", "base_url", "enabled", "allow_private", "extra", "needs"),
    *("key_variables", "usable", "health", "last_error", "checked_at"),
)


@click.group()
@global_options
def provider() -> None:
    """List providers of models, set their keys, try them."""


@provider.command("list")
@global_options
def list_providers() -> None:
    """List the providers and whose key would be used."""
    found: list[dict[str, Any]] = Api(current_options()).get("/v1/llm/providers")
    if not current_options().json:
        found = [{**one, "keys": [key["scope"] for key in one["keys"]]} for one in found]
    print_rows(found, _COLUMNS)


@provider.command()
@click.argument("provider_id")
@global_options
def show(provider_id: str) -> None:
    """Show a provider and the keys that you may use of it, masked."""
    found = Api(current_options()).get(f"/v1/llm/providers/{provider_id}")
    if current_options().json:
        print_json(found)
        return
    print_facts((name, found.get(name)) for name in _FACTS)
    for key in found["keys"]:
        click.echo(f"key  {key['scope']}  {key['masked']}  {key['status']}")


@provider.command()
@click.argument("slug")
@click.argument("base_url")
@click.option("--label", help="Its name in lists.")
@click.option("--dialect", type=click.Choice(["openai", "anthropic"]), default="openai")
@click.option("--allow-private", is_flag=True, help="It lies in a private network, or here.")
@click.option("--free", is_flag=True, help="Its calls cost nothing.")
@global_options
def add(
    slug: str, base_url: str, label: str | None, dialect: str, allow_private: bool, free: bool
) -> None:
    """Add a server of your own at BASE_URL, such as Ollama or vLLM, as custom-SLUG."""
    body: dict[str, Any] = {
        "slug": slug,
        "base_url": base_url,
        "dialect": dialect,
        "allow_private": allow_private,
        "extra": {"free": True} if free else {},
    }
    if label:
        body["label"] = label
    made = Api(current_options()).post("/v1/llm/providers", body)
    if current_options().json:
        print_json(made)
    else:
        say(f"{made['id']} is set up. Its models are named {made['id']}/….")


@provider.command("set-key")
@click.argument("provider_id")
@click.option("--mine", is_flag=True, help="A key of your own instead of the instance's.")
@click.option("--file", "path", type=click.Path(path_type=Path), help="Read it from a file.")
@click.option("--attended-only", is_flag=True, help="Not for work that nobody started.")
@click.option("--no-share", is_flag=True, help="Do not share a new instance key with everybody.")
@global_options
def set_key(
    provider_id: str, mine: bool, path: Path | None, attended_only: bool, no_share: bool
) -> None:
    """Set a key. It is asked for, or read from --file or standard input; never an argument."""
    Api(current_options()).call(
        "PUT",
        f"/v1/llm/providers/{provider_id}/key",
        params={"scope": "me"} if mine else {},
        body={
            "key": _key(path),
            "allow_unattended": not attended_only,
            "share_with_all": not no_share,
        },
    )
    say(f"The key of {provider_id} is set. Try it with `djinn provider test {provider_id}`.")


@provider.command()
@click.argument("provider_id")
@click.option("--search", default="", help="Only names that contain this.")
@click.option("--refresh", is_flag=True, help="Ask the provider now.")
@global_options
def models(provider_id: str, search: str, refresh: bool) -> None:
    """List a provider's models. Prices are US dollars for a million tokens."""
    path = f"/v1/llm/providers/{provider_id}/models"
    found = Api(current_options()).get(path, refresh="true" if refresh else "")
    rows = [row for row in found["models"] if search.lower() in row["name"].lower()]
    if current_options().json:
        print_json({**found, "models": rows})
        return
    if found["problem"]:
        say(f"This is the {found['source']} list: {found['problem']}")
    print_rows([{**row, **(row["price"] or {})} for row in rows], _MODEL_COLUMNS)


@provider.command("test")
@click.argument("provider_id")
@click.option("--model", help="Which model to ask; otherwise the cheapest.")
@global_options
def try_out(provider_id: str, model: str | None) -> None:
    """Ask a provider the smallest question there is."""
    body = {"model": model} if model else {}
    found = Api(current_options()).post(f"/v1/llm/providers/{provider_id}/test", body)
    if current_options().json:
        print_json(found)
    else:
        click.echo(f"{found['model']} answered in {found['latency_ms']} ms.")


@provider.command()
@click.argument("provider_id")
@click.option("--key", "key_only", is_flag=True, help="Only the instance's key.")
@click.option("--mine", is_flag=True, help="Only your own key.")
@global_options
def remove(provider_id: str, key_only: bool, mine: bool) -> None:
    """Remove a provider of your own, or a key."""
    what = f"the key of {provider_id}" if key_only or mine else provider_id
    if not current_options().yes and not click.confirm(f"Remove {what}?", err=True):
        raise CliError("Nothing was removed.", Exit.REFUSED)
    path = f"/v1/llm/providers/{provider_id}"
    if key_only or mine:
        params = {"scope": "me"} if mine else {}
        Api(current_options()).delete(f"{path}/key", **params)
    else:
        Api(current_options()).delete(path)
    say(f"Removed {what}.")


def _key(path: Path | None) -> str:
    if path is not None:
        try:
            return path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as exc:
            raise CliError(f"{path} cannot be read.") from exc
    if sys.stdin.isatty():
        return str(click.prompt("Key", hide_input=True, err=True))
    return sys.stdin.read().strip()
