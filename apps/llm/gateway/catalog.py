"""The models that a session may use, in OpenAI's shape, with the dialect each wants."""

from typing import Any

from apps.llm.errors import GatewayError
from apps.llm.gateway.request import is_allowed
from apps.llm.providers import SCRIPTED, Dialect
from apps.llm.registry import Registry
from apps.llm.resolution import models_of
from apps.llm.scripted.library import AUTO, script_names


def catalog(patterns: tuple[str, ...], registry: Registry) -> dict[str, Any]:
    """What a pattern stands for: scripts, aliases, and models that providers have told of."""
    scripts = [f"{SCRIPTED}/{name}" for name in (AUTO, *script_names())]
    entries = [facts.name for models in registry.entries.values() for facts in models.values()]
    known = [*scripts, *registry.aliases, *entries]
    named = [name for name in patterns if "*" not in name]
    names = {*named, *(name for name in known if is_allowed(name, patterns))}
    return {"object": "list", "data": [_entry(name, registry) for name in sorted(names)]}


def _entry(name: str, registry: Registry) -> dict[str, Any]:
    return {
        "id": name,
        "object": "model",
        "created": 0,
        "owned_by": name.partition("/")[0] if "/" in name else "alias",
        "dialects": _dialects(name, registry),
    }


def _dialects(name: str, registry: Registry) -> list[str]:
    """Empty: granted, but not to be had."""
    try:
        providers = {provider for provider, _ in models_of(registry, name).models}
        if SCRIPTED in providers:
            return [str(dialect) for dialect in Dialect]
        return sorted({str(registry.provider(provider).dialect) for provider in providers})
    except GatewayError:
        return []
