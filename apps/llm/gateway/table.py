"""The gateway's addresses: `asgi` answers them, the API's description and tests read them here.

They lie below Django, so no URL pattern names them.
"""

from dataclasses import dataclass
from typing import Final

from apps.core.api.callers import SESSIONS
from apps.llm.calls import Endpoint
from apps.llm.errors import GatewayError
from apps.llm.providers import Dialect

PREFIX: Final = "/v1/internal/llm/v1"
CALLERS: Final = SESSIONS


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayRoute:
    """`dialect`: whose shapes requests, answers and errors have. `name`: the operation's id."""

    method: str
    path: str
    name: str
    scope: str
    about: str
    dialect: Dialect = Dialect.OPENAI
    endpoint: Endpoint = "chat"
    streams: bool = False


ROUTES: Final = (
    GatewayRoute(
        method="GET",
        path=f"{PREFIX}/models",
        name="llm_gateway_models",
        scope="read",
        about="The models that this session may use.",
    ),
    GatewayRoute(
        method="POST",
        path=f"{PREFIX}/chat/completions",
        name="llm_gateway_chat_completions",
        scope="chat",
        about="OpenAI's chat completions; `model` is `provider/model`.",
        streams=True,
    ),
    GatewayRoute(
        method="POST",
        path=f"{PREFIX}/responses",
        name="llm_gateway_responses",
        scope="chat",
        about="OpenAI's responses; `model` is `provider/model`.",
        endpoint="responses",
        streams=True,
    ),
    GatewayRoute(
        method="POST",
        path=f"{PREFIX}/embeddings",
        name="llm_gateway_embeddings",
        scope="chat",
        about="OpenAI's embeddings; `model` is `provider/model`.",
        endpoint="embeddings",
    ),
    GatewayRoute(
        method="POST",
        path=f"{PREFIX}/messages",
        name="llm_gateway_messages",
        scope="chat",
        about="Anthropic's messages; `model` is `provider/model`.",
        dialect=Dialect.ANTHROPIC,
        endpoint="messages",
        streams=True,
    ),
    GatewayRoute(
        method="POST",
        path=f"{PREFIX}/messages/count_tokens",
        name="llm_gateway_count_tokens",
        scope="chat",
        about="How many tokens a request would have. It is not billed and leaves no row.",
        dialect=Dialect.ANTHROPIC,
        endpoint="count_tokens",
    ),
)


def route_of(method: str, path: str) -> GatewayRoute:
    """Raises GatewayError 404 and 405."""
    found = [route for route in ROUTES if route.path == path]
    for route in found:
        if route.method == method:
            return route
    if not found:
        raise GatewayError(f"No such path: {path}", code="not_found", http_status=404)
    raise GatewayError(f"Use {found[0].method} here.", code="method_not_allowed", http_status=405)


def dialect_of(path: str) -> Dialect:
    """The shape of an error's body, also where the method is wrong or nothing is."""
    return next((route.dialect for route in ROUTES if route.path == path), Dialect.OPENAI)
