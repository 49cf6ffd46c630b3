"""The models that a session may use, in OpenAI's shape, with the dialect each wants."""

from typing import Any

from apps.llm.errors import GatewayError
from apps.llm.gateway.request import is_allowed
from apps.llm.providers import SCRIPTED, Dialect, provider_get, split_model
from apps.llm.scripted.library import AUTO, script_names


def catalog(patterns: tuple[str, ...]) -> dict[str, Any]:
    """Patterns of providers' models stand for themselves: their lists are not asked for here."""
    scripts = [f"{SCRIPTED}/{name}" for name in (AUTO, *script_names())]
    named = [name for name in patterns if "*" not in name]
    names = {*named, *(name for name in scripts if is_allowed(name, patterns))}
    return {"object": "list", "data": [_entry(name) for name in sorted(names)]}


def _entry(name: str) -> dict[str, Any]:
    provider_id = name.partition("/")[0]
    return {
        "id": name,
        "object": "model",
        "created": 0,
        "owned_by": provider_id,
        "dialects": _dialects(name),
    }


def _dialects(name: str) -> list[str]:
    try:
        provider_id, _ = split_model(name)
        if provider_id == SCRIPTED:
            return [str(dialect) for dialect in Dialect]
        return [str(provider_get(provider_id).dialect)]
    except GatewayError:
        return []  # granted, but not to be had
