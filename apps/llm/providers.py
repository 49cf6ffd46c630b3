"""The model providers we can speak to, as data, and how a model name names one.

A model name is `provider/model`; the model part may hold slashes (`openrouter/vendor/model`). What
an instance changes, adds and switches off is in rows; `apps.llm.registry` puts both together. Base
URLs can also be replaced by `<PROVIDER>_BASE_URL`, and `custom-<slug>`, any server that speaks
OpenAI's shape, exists as soon as `CUSTOM_<SLUG>_BASE_URL` is set.
"""

import os
import re
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Literal

from apps.llm.calls import Endpoint
from apps.llm.errors import GatewayError

CUSTOM = re.compile(r"custom-[a-z0-9-]{2,32}")
MINIMUM_SIBLING = 5  # characters that two models' names must share for one to speak for the other


class Dialect(StrEnum):
    OPENAI = "openai"  # chat completions, responses, embeddings
    ANTHROPIC = "anthropic"  # messages


_PATHS: dict[Endpoint, str] = {
    "chat": "/chat/completions",
    "responses": "/responses",
    "embeddings": "/embeddings",
    "messages": "/v1/messages",
    "count_tokens": "/v1/messages/count_tokens",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """`trusted`: the base URL comes from us or from the operator's environment, so that it may lead
    anywhere. One that was typed into a form may not, but for `allow_private`.
    """

    id: str
    label: str
    base_url: str
    key_variables: tuple[str, ...]  # the first that is set wins; empty: no key is needed
    dialect: Dialect = Dialect.OPENAI
    key_optional: bool = False
    price_id: str = ""  # its name in the public price list, where that differs
    stream_usage: bool = True  # takes `stream_options.include_usage`
    lists_models: bool = True  # has a list of models to ask for
    key_header: Literal["bearer", "x-api-key", "api-key"] = "bearer"
    needs: str = ""  # what else must be set, in `extra` or the environment
    is_free: bool = False  # nobody is paid for it: a server of one's own
    enabled: bool = True
    trusted: bool = True
    allow_private: bool = False

    @property
    def base_url_variable(self) -> str:
        return f"{self.id.upper().replace('-', '_')}_BASE_URL"

    @property
    def is_custom(self) -> bool:
        return self.id.startswith("custom-")

    @property
    def price_list(self) -> str:
        return self.price_id or self.id

    @property
    def root(self) -> str:
        """The base URL in the form that paths are put behind."""
        base = self.base_url.rstrip("/")
        return base.removesuffix("/v1") if self.dialect is Dialect.ANTHROPIC else base

    def endpoint(self, endpoint: Endpoint) -> str:
        return self.root + _PATHS[endpoint]

    @property
    def models_url(self) -> str:
        return self.root + ("/v1/models" if self.dialect is Dialect.ANTHROPIC else "/models")


def _openai(
    id: str, label: str, base_url: str, *keys: str, price_id: str = "", lists_models: bool = True
) -> Provider:
    return Provider(
        id=id,
        label=label,
        base_url=base_url,
        key_variables=keys,
        price_id=price_id,
        lists_models=lists_models,
    )


_GOOGLE = "https://generativelanguage.googleapis.com/v1beta/openai"
_VERTEX = (
    "https://{location}-aiplatform.googleapis.com/v1/projects/{project}/locations/{location}"
    "/endpoints/openapi"
)

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
            key_header="x-api-key",
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
        _openai("zai", "Z.ai", "https://api.z.ai/api/paas/v4", "ZAI_API_KEY", lists_models=False),
        _openai(
            "minimax",
            "MiniMax",
            "https://api.minimax.io/v1",
            "MINIMAX_API_KEY",
            lists_models=False,
        ),
        _openai(
            "minimax-cn",
            "MiniMax (China)",
            "https://api.minimaxi.com/v1",
            "MINIMAX_CN_API_KEY",
            price_id="minimax",
            lists_models=False,
        ),
        _openai(
            "kimi-coding",
            "Kimi for Coding",
            "https://api.kimi.com/coding/v1",
            "KIMI_API_KEY",
            price_id="moonshotai",
            lists_models=False,
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
        Provider(
            id="azure-openai-responses",
            label="Azure OpenAI",
            base_url="https://{resource}.openai.azure.com/openai/v1",
            key_variables=("AZURE_OPENAI_API_KEY",),
            key_header="api-key",
            price_id="azure",
            lists_models=False,  # models are deployments, typed in
            needs="resource",
        ),
        Provider(
            id="bedrock",
            label="Amazon Bedrock",
            base_url="https://bedrock-runtime.{region}.amazonaws.com/openai/v1",
            key_variables=("AWS_BEARER_TOKEN_BEDROCK",),
            price_id="aws",
            lists_models=False,
            needs="region",
        ),
        Provider(
            id="vertex",
            label="Google Vertex AI",
            base_url=_VERTEX,
            key_variables=("VERTEX_ACCESS_TOKEN",),
            price_id="google",
            lists_models=False,
            needs="project, location",
        ),
        Provider(
            id="ollama",
            label="Ollama",
            base_url="http://127.0.0.1:11434/v1",
            key_variables=(),
            is_free=True,
        ),
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


def from_environment(provider: Provider) -> Provider:
    """The provider with the base URL and the parts of it that the environment sets."""
    override = os.environ.get(provider.base_url_variable)
    if override:
        return replace(provider, base_url=override, needs="", trusted=True)
    parts = {name: os.environ.get(_variable_of(provider, name), "") for name in needed(provider)}
    return filled(provider, {name: value for name, value in parts.items() if value})


def filled(provider: Provider, parts: dict[str, str]) -> Provider:
    """Put `{resource}`, `{region}`, … into the base URL. What is not there stays needed."""
    if not provider.needs:
        return provider
    url = provider.base_url
    for name, value in parts.items():
        url = url.replace(f"{{{name}}}", value)
    return replace(
        provider,
        base_url=url,
        needs=", ".join(name for name in needed(provider) if f"{{{name}}}" in url),
    )


def needed(provider: Provider) -> list[str]:
    return [name.strip() for name in provider.needs.split(",") if name.strip()]


def custom(provider_id: str) -> Provider | None:
    """An empty custom provider of that id. None: it is no custom id."""
    if not CUSTOM.fullmatch(provider_id):
        return None
    variable = provider_id.upper().replace("-", "_")
    return Provider(
        id=provider_id,
        label=provider_id,
        base_url="",
        key_variables=(f"{variable}_API_KEY",),
        key_optional=True,
    )


def unknown_provider(provider_id: str) -> GatewayError:
    known = ", ".join([*sorted(PROVIDERS), "custom-<slug>", SCRIPTED])
    return GatewayError(
        f"No model provider is called {provider_id!r}. Known: {known}.",
        code="unknown_provider",
        http_status=422,
    )


_CLOUD_VARIABLES = {
    ("bedrock", "region"): "AWS_REGION",
    ("vertex", "project"): "GOOGLE_CLOUD_PROJECT",
    ("vertex", "location"): "GOOGLE_CLOUD_LOCATION",
    ("azure-openai-responses", "resource"): "AZURE_OPENAI_RESOURCE",
}


def _variable_of(provider: Provider, name: str) -> str:
    return _CLOUD_VARIABLES[provider.id, name]
