"""The grammar as a JSON Schema, for editors: keys, their types, ranges and what they mean.

`parse_pipeline` decides what is valid; this helps to write it. Unknown keys are allowed here as
there. The tests hold both to the same keys.
"""

from collections.abc import Mapping
from typing import Any, get_args

from apps.pipelines.checks import CHECK_TIMEOUT_S, EXIT_CODES, MAX_CHECKS, MAX_COMMAND, NAME_CHARS
from apps.pipelines.definition import Harness, OutputMethod, ThinkingLevel
from apps.pipelines.parse import (
    EQUAL_CALLS,
    ITEMS,
    MAX_ID,
    OUTPUT_TOKENS,
    PARALLEL,
    PIPELINE_ID,
    RETRIES,
    TEMPERATURE,
    TIMEOUT_S,
    TURNS,
    VISITS,
)

Schema = dict[str, Any]


def pipeline_schema() -> Schema:
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Pipeline",
        **_object(
            {
                "id": {
                    "type": "string",
                    "pattern": f"^{PIPELINE_ID.pattern}$",
                    "description": "Its name everywhere: letters, digits, . _ -",
                },
                "name": _text("How people call it."),
                "version": {"type": ["string", "number"], "description": "Shown, not compared."},
                "description": _text("What it is for."),
                "defaults": _defaults(),
                "agents": _list(_agent(), "Who works on the steps."),
                "steps": _list(_step(), "In order: the first one starts, the last one may end it."),
            },
            required=("id", "name", "agents", "steps"),
        ),
    }


def _object(
    properties: Mapping[str, Schema], required: tuple[str, ...] = (), text: str = ""
) -> Schema:
    schema: Schema = {"type": "object", "properties": dict(properties)}
    if required:
        schema["required"] = list(required)
    return {**schema, "description": text} if text else schema


def _text(description: str) -> Schema:
    return {"type": "string", "description": description}


def _flag(description: str) -> Schema:
    return {"type": "boolean", "description": description}


def _list(items: Schema, description: str) -> Schema:
    return {"type": "array", "items": items, "description": description}


def _texts(description: str) -> Schema:
    return _list({"type": "string"}, description)


def _choice(values: tuple[str, ...], description: str) -> Schema:
    return {"enum": list(values), "description": description}


def _range(limits: tuple[float, float], description: str, kind: str = "integer") -> Schema:
    return {
        "type": kind,
        "minimum": limits[0],
        "maximum": limits[1],
        "description": f"{description} {limits[0]} to {limits[1]}.",
    }


def _limits() -> dict[str, Schema]:
    """What `defaults` and steps share."""
    return {
        "model": _text("provider/model. Default: that of the agent, then of the instance."),
        "tools": _texts("Workspace tools: read write edit bash grep find ls web_search."),
        "maxRetries": _range(RETRIES, "Tries after an error; default 3."),
        "timeout": _range(TIMEOUT_S, "Seconds; default 300."),
        "timeoutSeconds": _range(TIMEOUT_S, "Seconds; default 300. Wins over `timeout`."),
        "maxTurns": _range(TURNS, "Turns of the agent; default 999."),
        "maxEqualCalls": _range(EQUAL_CALLS, "Equal tool calls before the loop breaker; 0: never."),
        "maxOutputTokens": _range(OUTPUT_TOKENS, "Tokens of one answer; default 32768."),
        "temperature": _range(TEMPERATURE, "Default 0.7.", "number"),
        "thinkingLevel": _choice(get_args(ThinkingLevel), "How much the model thinks."),
        "harness": _choice(get_args(Harness), "The program that runs the agent."),
        "checks": {
            "type": "array",
            "items": _check(),
            "maxItems": MAX_CHECKS,
            "description": "Commands the server runs before it believes the step.",
        },
    }


def _check() -> Schema:
    command = {"type": "string", "maxLength": MAX_COMMAND, "description": "A shell command."}
    whole = _object(
        {
            "run": command,
            "name": {"type": "string", "maxLength": NAME_CHARS, "description": "How it is shown."},
            "expectExit": _range(EXIT_CODES, "The exit code that passes; default 0."),
            "timeout": _range(CHECK_TIMEOUT_S, "Seconds; default 300."),
            "timeoutSeconds": _range(CHECK_TIMEOUT_S, "Seconds; default 300. Wins over `timeout`."),
            "workdir": _text("A directory below the workspace."),
            "env": {"type": "object", "description": "Variables of the environment."},
            "when": {
                "type": ["string", "array"],
                "description": "Only after this result of the step, or one of these.",
            },
        },
        required=("run",),
    )
    return {"anyOf": [command, whole]}


def _defaults() -> Schema:
    more = {
        "maxVisits": _range(VISITS, "Entries into one step; default 10."),
        "maxParallel": _range(PARALLEL, "Steps side by side under `dependsOn`; default 1."),
    }
    return _object({**_limits(), **more}, text="For all steps that do not say otherwise.")


def _agent() -> Schema:
    limits = _limits()
    shared = ("model", "tools", "thinkingLevel", "harness", "maxEqualCalls")
    return _object(
        {
            "id": {
                "type": "string",
                "maxLength": MAX_ID,
                "description": "An agent of the library.",
            },
            "name": _text("How it is called here."),
            "persona": _text("Where its persona stands; informative only."),
            **{key: limits[key] for key in shared},
        },
        required=("id", "name"),
    )


def _step() -> Schema:
    return _object(
        {
            "id": {"type": "string", "maxLength": MAX_ID, "description": "Upper case by custom."},
            "agent": _text("The id of one of the agents above."),
            "input": _text("What the agent is told: a template, {{name}} is a value."),
            "description": _text("What the step is for."),
            "type": _choice(("standard", "loop"), "A step with `loop` is a loop."),
            "outputs": _texts("Names of what the agent gives back."),
            "onComplete": _text("The next step."),
            "onResult": {
                "type": "object",
                "description": 'By output value: where to go. "*" is any other value.',
                "additionalProperties": _action(),
            },
            "dependsOn": _texts("Steps that must be done before."),
            "loop": _loop(),
            "outputSchema": _object(
                {
                    "name": _text("The name of the answer."),
                    "schema": {"type": "object", "description": "A JSON Schema (2020-12)."},
                    "strict": _flag("Only what the schema says; default true."),
                },
                required=("name", "schema"),
                text="One structured answer, without tools.",
            ),
            "outputMethod": _choice(get_args(OutputMethod), "How the model is held to it."),
            "tools_mode": _choice(("filter", "strict"), "strict: the tool list is all there is."),
            "approval": _flag("A person must agree before each visit."),
            **_limits(),
        },
        required=("id", "agent", "input"),
    )


def _action() -> Schema:
    return _object(
        {
            "goto": _text("Go on with this step."),
            "retry": _flag("Do this step once more."),
            "maxRetries": _range(RETRIES, "How often `retry` may happen."),
            "continueLoop": _flag("The item of the loop is done."),
            "notify": _object(
                {"agent": _text("Who is told."), "message": _text("A template.")},
                required=("agent", "message"),
                text="Send an agent a message.",
            ),
        }
    )


def _loop() -> Schema:
    return _object(
        {
            "over": _text("A variable that holds a JSON array."),
            "onEachComplete": _text("The body of an item goes on here."),
            "onAllComplete": _text("The next step after the last item."),
            "maxItems": _range(ITEMS, "Default 200."),
            "maxParallel": _range(PARALLEL, "Items side by side, without onEachComplete."),
            "onItemFail": _choice(("stop", "continue"), "What a failed item means; default stop."),
        },
        required=("over",),
        text="Once for each item of a list.",
    )
