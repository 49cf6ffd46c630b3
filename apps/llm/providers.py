"""The model providers we can speak to, as data, and how a model name names one.

A model name is `provider/model`; the model part may hold slashes (`openrouter/vendor/model`).
Base URLs can be replaced by `<PROVIDER>_BASE_URL`. `custom-<slug>` is any server that speaks
OpenAI's shape; it exists as soon as `CUSTOM_<SLUG>_BASE_URL` is set.
"""

import os
import re
from dataclasses import dataclass, replace
from enum import StrEnum

from apps.llm.errors import GatewayError

_CUSTOM = re.compile(r"custom-[a-z0-9-]{2,32}")


class Dialect(StrEnum):
    OPENAI = "openai"  # chat completions
    ANTHROPIC = "anthropic"  # messages


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    id: str
    label: str
    base_url: str
    key_variables: tuple[str, ...]  # the first that is set wins; empty: no key is needed
    dialect: Dialect = Dialect.OPENAI
    key_optional: bool = False
    price_id: str = ""  # its name in the public price list, where that differs
    stream_usage: bool = True  # takes `stream_options.include_usage`

    @property
    def base_url_variable(self) -> str:
        return f"{self.id.upper().replace('-', '_')}_BASE_URL"

    @property
    def endpoint(self) -> str:
        base = self.base_url.rstrip("/")
        if self.dialect is Dialect.OPENAI:
            return f"{base}/chat/completions"
        return f"{base.removesuffix('/v1')}/v1/messages"


def _openai(id: str, label: str, base_url: str, *keys: str, price_id: str = "") -> Provider:
    return Provider(id=id, label=label, base_url=base_url, key_variables=keys, price_id=price_id)


_GOOGLE = "https://generativelanguage.googleapis.com/v1beta/openai"

PROVIDERS: dict[str, Provider] = {
    provider.id: provider
    for provider in (
        _openai("openai", "OpenAI", "https://api.openai.com/v1", "OPENAI_API_KEY"),
        Provider(
            id="anthropic",
            label="Anthropic",
            base_url="https://api.anthropic.com",
            key_variables=("ANTHROPIC_API_KEY",),
            dialect=Dialect.ANTHROPIC,
        ),
        _openai("openrouter", "OpenRouter", "https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"),
        _openai("google", "Google Gemini", _GOOGLE, "GEMINI_API_KEY", "GOOGLE_API_KEY"),
        _openai("groq", "Groq", "https://api.groq.com/openai/v1", "GROQ_API_KEY"),
        _openai("xai", "xAI", "https://api.x.ai/v1", "XAI_API_KEY", price_id="x-ai"),
        _openai("cerebras", "Cerebras", "https://api.cerebras.ai/v1", "CEREBRAS_API_KEY"),
        Provider(
            id="mistral",
            label="Mistral",
            base_url="https://api.mistral.ai/v1",
            key_variables=("MISTRAL_API_KEY",),
            stream_usage=False,
        ),
        _openai("deepseek", "DeepSeek", "https://api.deepseek.com/v1", "DEEPSEEK_API_KEY"),
        _openai("opencode", "OpenCode Zen", "https://opencode.ai/zen/v1", "OPENCODE_API_KEY"),
        _openai("zai", "Z.ai", "https://api.z.ai/api/paas/v4", "ZAI_API_KEY"),
        _openai("minimax", "MiniMax", "https://api.minimax.io/v1", "MINIMAX_API_KEY"),
        _openai(
            "minimax-cn",
            "MiniMax (China)",
            "https://api.minimaxi.com/v1",
            "MINIMAX_CN_API_KEY",
            price_id="minimax",
        ),
        _openai(
            "kimi-coding",
            "Kimi for Coding",
            "https://api.kimi.com/coding/v1",
            "KIMI_API_KEY",
            price_id="moonshotai",
        ),
        _openai("moonshotai", "Moonshot AI", "https://api.moonshot.ai/v1", "MOONSHOT_API_KEY"),
        _openai("together", "Together AI", "https://api.together.xyz/v1", "TOGETHER_API_KEY"),
        _openai(
            "fireworks", "Fireworks", "https://api.fireworks.ai/inference/v1", "FIREWORKS_API_KEY"
        ),
        _openai("huggingface", "Hugging Face", "https://router.huggingface.co/v1", "HF_TOKEN"),
        _openai(
            "vercel-ai-gateway",
            "Vercel AI Gateway",
            "https://ai-gateway.vercel.sh/v1",
            "AI_GATEWAY_API_KEY",
        ),
        _openai("ollama", "Ollama", "http://127.0.0.1:11434/v1"),
    )
}

SCRIPTED = "scripted"  # answered inside the gateway; see `apps.llm.scripted`


def split_model(name: str) -> tuple[str, str]:
    """`provider/model` → both parts."""
    provider, slash, model = name.partition("/")
    if not slash or not provider or not model:
        raise GatewayError(
            f"The model name {name!r} does not name a provider; write it as provider/model.",
            code="malformed_model",
            http_status=422,
        )
    return provider, model


def provider_get(provider_id: str) -> Provider:
    """The provider with its base URL as the environment sets it."""
    provider = PROVIDERS.get(provider_id) or _custom(provider_id)
    if provider is None:
        known = ", ".join([*sorted(PROVIDERS), "custom-<slug>", SCRIPTED])
        raise GatewayError(
            f"No model provider is called {provider_id!r}. Known: {known}.",
            code="unknown_provider",
            http_status=422,
        )
    override = os.environ.get(provider.base_url_variable)
    if override:
        provider = replace(provider, base_url=override)
    if not provider.base_url:
        raise GatewayError(
            f"Set {provider.base_url_variable} to the base URL of the provider {provider_id!r}.",
            code="no_base_url",
            http_status=422,
        )
    return provider


def _custom(provider_id: str) -> Provider | None:
    if not _CUSTOM.fullmatch(provider_id):
        return None
    variable = provider_id.upper().replace("-", "_")
    return Provider(
        id=provider_id,
        label=provider_id,
        base_url="",
        key_variables=(f"{variable}_API_KEY",),
        key_optional=True,
    )
