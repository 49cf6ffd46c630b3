"""One answer by a model, beside the conversation: summaries, analyses, research."""

import asyncio

from pydantic_ai import Agent
from pydantic_ai.models import Model
from pydantic_ai.settings import ModelSettings
from pydantic_ai.usage import RunUsage, UsageLimits

SDK_RETRIES = 3


async def delegate(
    model: Model,
    *,
    instructions: str,
    prompt: str,
    usage: RunUsage,
    max_tokens: int,
    timeout_s: float,
    temperature: float | None = None,
) -> str:
    """The model's text. Raises TimeoutError and the library's AgentRunError."""
    settings = ModelSettings(max_tokens=max_tokens, max_retries=SDK_RETRIES)
    if temperature is not None:
        settings["temperature"] = temperature
    agent: Agent[None, str] = Agent(model, instructions=instructions, model_settings=settings)
    async with asyncio.timeout(timeout_s):
        result = await agent.run(prompt, usage=usage, usage_limits=UsageLimits(request_limit=None))
    return result.output
