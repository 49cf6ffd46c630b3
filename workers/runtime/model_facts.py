"""What is known of models by their names: the context window, and what they can look at."""

DEFAULT_WINDOW = 128_000

# Of the name after its last slash; the longest prefix that fits counts.
_WINDOWS: dict[str, int] = {
    "claude": 200_000,
    "gpt-4-": 128_000,
    "gpt-4o": 128_000,
    "gpt-4.1": 1_047_576,
    "gpt-5": 400_000,
    "gpt-oss": 131_072,
    "o1": 200_000,
    "o3": 200_000,
    "o4": 200_000,
    "gemini": 1_048_576,
    "gemma-3": 131_072,
    "deepseek": 131_072,
    "glm-4": 131_072,
    "glm-4.6": 200_000,
    "grok-4": 256_000,
    "grok-code": 256_000,
    "kimi-k2": 262_144,
    "llama-3": 131_072,
    "minimax-m2": 204_800,
    "mistral": 131_072,
    "devstral": 131_072,
    "qwen": 131_072,
    "qwen3-coder": 262_144,
}
_SEEING = (
    "claude", "gpt-4o", "gpt-4.1", "gpt-5", "o1", "o3", "o4", "gemini", "gemma-3", "grok-4",
    "llama-4", "pixtral", "mistral-medium-3", "mistral-small-3", "kimi-k2.5", "qwen-vl",
)  # fmt: skip
_SEEING_PARTS = ("vision", "-vl")
_BLIND = ("claude-2", "o1-mini", "o3-mini")
_READING_PDF = ("claude", "gpt-4o", "gpt-4.1", "gpt-5", "o1", "o3", "o4", "gemini")
SEEING_EXAMPLES = "anthropic/claude-sonnet-4-5, openai/gpt-5 or google/gemini-2.5-pro"


def context_window(name: str, override: int = 0) -> int:
    """Tokens that fit into one request and its answer."""
    if override:
        return override
    bare = _bare(name)
    fits = [prefix for prefix in _WINDOWS if bare.startswith(prefix)]
    return _WINDOWS[max(fits, key=len)] if fits else DEFAULT_WINDOW


def sees_images(name: str) -> bool:
    bare = _bare(name)
    if bare.startswith(_BLIND):
        return False
    return bare.startswith(_SEEING) or any(part in bare for part in _SEEING_PARTS)


def reads_pdf(name: str) -> bool:
    bare = _bare(name)
    return bare.startswith(_READING_PDF) and not bare.startswith(_BLIND)


def _bare(name: str) -> str:
    return name.rpartition("/")[2].lower()
