"""One `structuredOutput`: a single answer that fits a JSON schema, with up to 2 repair turns."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import jsonschema
from pydantic_ai import Agent, ModelRetry, NativeOutput, RunContext, StructuredDict, ToolOutput
from pydantic_ai import exceptions as errors
from pydantic_ai.messages import ModelResponse
from pydantic_ai.models import Model
from pydantic_ai.settings import ModelSettings
from pydantic_ai.usage import RunUsage

from workers.protocol.messages import OutputSchema, StructuredOutput
from workers.runtime.errors import StepFailed, diagnose

REPAIR_TURNS = 2
SDK_RETRIES = 5  # of one request; there is no stream here that could be cut
_SHOWN_PROBLEMS = 10


async def structured_answer(
    command: StructuredOutput, *, model: Model, usage: RunUsage, deadline_s: float | None
) -> str:
    """The answer as JSON text. Raises StepFailed."""
    try:
        async with asyncio.timeout(deadline_s):
            if command.output_method == "tool_use":
                return await _ask(command, model, usage, by_tool=True)
            try:
                return await _ask(command, model, usage, by_tool=False)
            except _FormatNotSupported:
                return await _ask(command, model, usage, by_tool=True)
    except TimeoutError as exc:
        raise StepFailed("timeout", f"No answer within {deadline_s:g} seconds.") from exc


class _FormatNotSupported(Exception):
    pass


async def _ask(command: StructuredOutput, model: Model, usage: RunUsage, *, by_tool: bool) -> str:
    wanted = command.output_schema
    answer = StructuredDict(_object_schema(wanted), name=wanted.name)
    agent: Agent[None, dict[str, Any]] = Agent(
        model,
        instructions=command.system_prompt or None,
        output_type=(
            ToolOutput(answer, name=f"submit_{wanted.name}", strict=wanted.strict)
            if by_tool
            else NativeOutput(answer, name=wanted.name, strict=wanted.strict)
        ),
        retries={"tools": REPAIR_TURNS, "output": REPAIR_TURNS},
        model_settings=ModelSettings(
            temperature=command.temperature,
            max_tokens=command.max_output_tokens,
            max_retries=SDK_RETRIES,
        ),
    )
    problems: list[str] = []

    @agent.output_validator
    def fits(ctx: RunContext[None], value: dict[str, Any]) -> dict[str, Any]:
        problems[:] = schema_problems(wanted.json_schema, value)
        if problems:
            raise ModelRetry("The answer does not fit the schema:\n" + "\n".join(problems))
        return value

    try:
        result = await agent.run(command.prompt, usage=usage)
    except errors.AgentRunError as exc:
        if not by_tool and _says_format_unsupported(exc):
            raise _FormatNotSupported from exc
        raise _failure(exc, problems) from exc
    return json.dumps(result.output, ensure_ascii=False)


def schema_problems(schema: Mapping[str, Any], value: Any) -> list[str]:
    """What is wrong with a value, as sentences for the model; an empty list means it fits."""
    validator = jsonschema.Draft202012Validator(dict(schema))
    found = sorted(validator.iter_errors(value), key=lambda error: list(map(str, error.path)))
    problems = [f"{error.json_path}: {error.message[:300]}" for error in found[:_SHOWN_PROBLEMS]]
    if not problems and _is_hollow(value):
        problems.append("$: every list is empty and there is nothing else; give the content")
    return problems


def _is_hollow(value: Any) -> bool:
    """A dictionary with nothing but empty lists: the form without the content."""
    return bool(value) and isinstance(value, dict) and all(item == [] for item in value.values())


def _object_schema(wanted: OutputSchema) -> dict[str, Any]:
    schema = dict(wanted.json_schema)
    if schema.get("type", "object") != "object":
        raise StepFailed("bad_output", "The output schema must describe an object.")
    return {"type": "object", **schema}


def _says_format_unsupported(error: errors.AgentRunError) -> bool:
    if not isinstance(error, errors.ModelHTTPError) or error.status_code != 400:
        return False
    text = str(error.body).lower()
    return "response_format" in text or "json_schema" in text or "structured output" in text


def _failure(error: errors.AgentRunError, problems: list[str]) -> StepFailed:
    if isinstance(error, errors.UnexpectedModelBehavior) and not isinstance(
        error, errors.ContentFilterError
    ):
        if isinstance(error, errors.OutputTokenLimitExceeded) or _was_cut(error):
            return StepFailed("bad_output", "The answer was cut at the token limit.")
        said = "; ".join(problems) or str(error)
        return StepFailed("bad_output", f"No answer fitted the schema: {said}")
    found = diagnose(error)
    return StepFailed(found.code, found.message, recoverable=found.recoverable)


def _was_cut(error: errors.AgentRunError) -> bool:
    messages = getattr(error, "messages", None) or getattr(error, "all_messages", None) or []
    last = messages[-1] if isinstance(messages, list) and messages else None
    return isinstance(last, ModelResponse) and last.finish_reason == "length"
