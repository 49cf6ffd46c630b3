"""How large a request is, before anybody has counted its tokens."""

from typing import Any

from apps.llm.gateway.request import ModelRequest

BYTES_A_TOKEN = 3  # code and JSON run near 3, prose near 4: rather too many tokens than too few
MOST_BYTES_A_TOKEN = 8
IMAGE_TOKENS = 1_600  # the most that a large picture costs with the common providers
DEFAULT_OUTPUT_TOKENS = 4_096
OUTPUT_CAP = 32_000  # no reservation is larger, whatever a model could say
_LIMITS = ("max_completion_tokens", "max_output_tokens", "max_tokens")


def input_tokens(request: ModelRequest) -> int:
    """From the size of the request; what pictures and files weigh in bytes is left out."""
    count, size = _media(request.body.get("messages") or request.body.get("input"))
    return max(0, request.size_bytes - size) // BYTES_A_TOKEN + count * IMAGE_TOKENS


def least_input_tokens(request: ModelRequest) -> int:
    """Fewer than any tokenizer would make of it: above a model's window it is surely too long."""
    _, size = _media(request.body.get("messages") or request.body.get("input"))
    return max(0, request.size_bytes - size) // MOST_BYTES_A_TOKEN


def output_limit(request: ModelRequest, model_limit: int | None) -> int:
    """What the request allows, else what the model can say, else a usual answer."""
    for name in _LIMITS:
        asked = request.body.get(name)
        if isinstance(asked, int) and asked > 0:
            return min(asked, OUTPUT_CAP)
    return min(model_limit or DEFAULT_OUTPUT_TOKENS, OUTPUT_CAP)


def _media(content: object) -> tuple[int, int]:
    """How many pictures and files are in it, and how many bytes of base64."""
    if isinstance(content, list):
        found = [_media(part) for part in content if isinstance(part, dict)]
        return sum(count for count, _ in found), sum(size for _, size in found)
    if not isinstance(content, dict):
        return 0, 0
    if "role" in content:
        return _media(content.get("content"))
    data = _data_of(content)
    return (1, len(data)) if data is not None else (0, 0)


def _data_of(part: dict[str, Any]) -> str | None:
    """The data or address of one part: OpenAI's `image_url`, `input_image` and `file`, Anthropic's
    `source`. None: a text."""
    for name, inner in (("image_url", "url"), ("source", "data"), ("file", "file_data")):
        value = part.get(name)
        if isinstance(value, str):
            return value
        if isinstance(value, dict):
            return str(value.get(inner) or "")
    return None
