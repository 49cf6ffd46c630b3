"""The model of a session: a name at our gateway, never a provider's own address or key.

`anthropic/…` speaks Anthropic's shape, everything else OpenAI's chat completions.
"""

from collections.abc import Mapping
from typing import Any

from httpx2 import AsyncClient, Timeout
from pydantic_ai.models import Model
from pydantic_ai.settings import ModelSettings

from workers.protocol.messages import ThinkingLevel
from workers.runtime.api import http_client
from workers.runtime.config import RuntimeConfig

GATEWAY_PATH = "/v1/internal/llm"
# The retries are ours (`conversation.py`): they cover a cut stream too, and are seen.
SDK_RETRIES = 0

# Efforts that vendors behind our OpenAI-shaped gateway take; the nearest one is sent. Vendors that
# are not listed are not asked to think: some refuse a request that names a setting they lack.
_EFFORTS: Mapping[str, list[str]] = {
    "openrouter": ["minimal", "low", "medium", "high", "xhigh"],
    "google": ["low", "medium", "high"],
    "gemini": ["low", "medium", "high"],
    "xai": ["low", "high"],
    "groq": ["low", "medium", "high"],
    "cerebras": ["low", "medium", "high"],
    "fireworks": ["low", "medium", "high"],
    "together": ["low", "medium", "high"],
    "scripted": ["minimal", "low", "medium", "high", "xhigh"],
}


def build_model(name: str, config: RuntimeConfig) -> Model:
    """A model that reaches the gateway, over its Unix socket where the box has no network."""
    if name.startswith("anthropic/"):
        return _anthropic(name, config)
    return _openai(name, config)


def model_settings(
    *, thinking: ThinkingLevel, temperature: float | None, max_tokens: int | None
) -> ModelSettings:
    settings = ModelSettings(max_retries=SDK_RETRIES)
    if thinking != "off":
        settings["thinking"] = thinking
    if temperature is not None:
        settings["temperature"] = temperature
    if max_tokens is not None:
        settings["max_tokens"] = max_tokens
    return settings


def _http_client(config: RuntimeConfig) -> AsyncClient:
    # No read limit here: the inactivity watchdog is the one that knows what silence means.
    return http_client(config, timeout=Timeout(None, connect=10))


def _openai(name: str, config: RuntimeConfig) -> Model:
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.profiles.openai import openai_model_profile
    from pydantic_ai.providers.openai import OpenAIProvider

    provider = OpenAIProvider(
        base_url=f"{config.api_url}{GATEWAY_PATH}/v1",
        api_key=config.token,
        http_client=_http_client(config),
    )
    vendor, _, bare = name.partition("/")
    profile: dict[str, Any] = dict(openai_model_profile(bare) or {}) if vendor == "openai" else {}
    if vendor in _EFFORTS:
        profile |= {"supports_thinking": True, "openai_reasoning_efforts": _EFFORTS[vendor]}
    # Whether a provider takes `response_format` shows when it is asked; the fallback is a tool.
    profile["supports_json_schema_output"] = True
    return OpenAIChatModel(name, provider=provider, profile=profile)  # type: ignore[arg-type]


def _anthropic(name: str, config: RuntimeConfig) -> Model:
    from anthropic import AsyncAnthropic
    from pydantic_ai.models.anthropic import AnthropicModel
    from pydantic_ai.providers.anthropic import AnthropicProvider

    client = AsyncAnthropic(
        base_url=f"{config.api_url}{GATEWAY_PATH}",
        api_key=config.token,
        http_client=_http_client(config),
        max_retries=SDK_RETRIES,
    )
    return AnthropicModel(name, provider=AnthropicProvider(anthropic_client=client))
