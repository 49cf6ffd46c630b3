"""Which turn of a script a request asks for, and what its templates stand for.

The conversation in the request is played again from the start: each answer already given used up
one turn, and the tool results after it decide the branches. So any process can answer, and the
same request always gets the same answer.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from apps.llm.facts import SessionFacts
from apps.llm.scripted.conversation import Conversation
from apps.llm.scripted.script import (
    Behaviour,
    Branch,
    Capture,
    Choice,
    Match,
    Script,
    ScriptError,
    Turn,
)

_FLAGS = re.MULTILINE | re.DOTALL
_TEMPLATE = re.compile(r"\{\{\s*([\w.]+)\s*\}\}")


@dataclass(slots=True)
class Scene:
    """What is known at one moment of the play."""

    script: str
    facts: SessionFacts
    conversation: Conversation
    results: list[str] = field(default_factory=list)
    last_result: str = ""
    captured: dict[str, str] = field(default_factory=dict)

    def see(self, results: Sequence[str]) -> None:
        self.results.extend(results)
        self.last_result = "\n".join(results)

    def values(self) -> dict[str, str]:
        facts = self.facts
        return {
            "run": facts.run_id,
            "session": facts.session_id,
            "pipeline": facts.pipeline,
            "step": facts.step,
            "agent": facts.agent,
            "visit": str(facts.visit),
            "attempt": str(facts.attempt),
            "item_index": "" if facts.item_index is None else str(facts.item_index),
            "item": facts.item,
            **_item_fields(facts.item),
            "last_result": self.last_result,
            "prompt": self.conversation.prompt,
            **self.captured,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    turn: Turn  # its templates are filled in
    number: int  # from 0


def has_step(script: Script, facts: SessionFacts) -> bool:
    return facts.step in script.steps or "*" in script.steps


def play(script: Script, name: str, facts: SessionFacts, conversation: Conversation) -> Played:
    """Raises `ScriptError` when the script does not say what comes now."""
    scene = Scene(name, facts, conversation)
    walker = _walk(_behaviour(script, scene).turns, scene)
    for results in conversation.rounds:
        _next(walker, scene)
        scene.see(results)
    turn = _next(walker, scene)
    return Played(turn=_filled(turn, scene), number=len(conversation.rounds))


def _behaviour(script: Script, scene: Scene) -> Behaviour:
    behaviours = script.steps.get(scene.facts.step) or script.steps.get("*")
    if behaviours is None:
        raise _error(scene, "script_step_missing", "has nothing for")
    for behaviour in behaviours:
        if _matches(behaviour.match, scene):
            return behaviour
    raise _error(scene, "script_visit_missing", "has no behaviour that matches")


def _matches(match: Match, scene: Scene) -> bool:
    facts = scene.facts
    wanted: tuple[tuple[Sequence[str | int] | None, str | int | None], ...] = (
        (match.pipeline, facts.pipeline),
        (match.agent, facts.agent),
        (match.visit, facts.visit),
        (match.attempt, facts.attempt),
        (match.item, facts.item_index),
        (match.item_kind and [match.item_kind], facts.item_kind),
    )
    return (
        all(allowed is None or value in allowed for allowed, value in wanted)
        and _found(match.item_matches, facts.item)
        and _found(match.prompt_matches, scene.conversation.prompt)
    )


def _walk(nodes: Sequence[Turn | Choice], scene: Scene) -> Iterator[Turn]:
    """Lazy on purpose: a branch is chosen only when all results before it have been seen."""
    for node in nodes:
        if isinstance(node, Choice):
            yield from _walk(_branch(node, scene).turns, scene)
            continue
        for _ in range(node.repeat):
            for name, capture in node.capture.items():
                scene.captured[name] = _captured(name, capture, scene)
            yield node


def _branch(choice: Choice, scene: Scene) -> Branch:
    for branch in choice.when:
        if (
            _found(branch.last_result_matches, scene.last_result)
            and (
                branch.any_result_matches is None
                or any(_found(branch.any_result_matches, result) for result in scene.results)
            )
            and _found(branch.prompt_matches, scene.conversation.prompt)
        ):
            return branch
    raise _error(
        scene,
        "script_branch_missing",
        f"has no branch for the result {scene.last_result[-300:]!r} in",
    )


def _next(walker: Iterator[Turn], scene: Scene) -> Turn:
    turn = next(walker, None)
    if turn is None:
        raise _error(scene, "script_exhausted", "has no more turns for")
    return turn


def _found(pattern: str | None, text: str) -> bool:
    return pattern is None or re.search(pattern, text, _FLAGS) is not None


def _captured(name: str, capture: Capture, scene: Scene) -> str:
    source = {
        "last_result": scene.last_result,
        "prompt": scene.conversation.prompt,
        "system": scene.conversation.system,
        "item": scene.facts.item,
    }[capture.source]
    found = re.search(capture.regex, source, _FLAGS)
    if found:
        return (found.group(1) if found.re.groups else found.group()) or ""
    if capture.default is not None:
        return capture.default
    raise _error(
        scene,
        "script_capture_missing",
        f"cannot capture {name!r} from {capture.source} {source[-300:]!r} in",
    )


def _filled(turn: Turn, scene: Scene) -> Turn:
    values = scene.values()
    return turn.model_copy(
        update={
            "think": _fill(turn.think, values, scene),
            "say": _fill(turn.say, values, scene),
            "output": _fill(turn.output, values, scene),
            "call": [
                call.model_copy(
                    update={
                        "args": _fill(call.args, values, scene),
                        "raw_args": _fill(call.raw_args, values, scene),
                    }
                )
                for call in turn.call
            ],
        }
    )


def _fill(value: Any, values: Mapping[str, str], scene: Scene) -> Any:
    if isinstance(value, str):
        return _TEMPLATE.sub(lambda found: _value(found.group(1), values, scene), value)
    if isinstance(value, dict):
        return {key: _fill(inner, values, scene) for key, inner in value.items()}
    if isinstance(value, list):
        return [_fill(inner, values, scene) for inner in value]
    return value


def _value(name: str, values: Mapping[str, str], scene: Scene) -> str:
    if name not in values:
        raise _error(scene, "script_variable_missing", f"names {{{{{name}}}}}, unknown in")
    return values[name]


def _item_fields(item: str) -> dict[str, str]:
    """`item.title` and so on, when the loop item is a JSON object."""
    try:
        data = json.loads(item) if item else None
    except json.JSONDecodeError:
        return {}
    if not isinstance(data, dict):
        return {}
    return {
        f"item.{key}": value if isinstance(value, str) else json.dumps(value)
        for key, value in data.items()
    }


def _error(scene: Scene, code: str, what: str) -> ScriptError:
    facts = scene.facts
    turn = len(scene.conversation.rounds)
    item = "" if facts.item_index is None else f", item {facts.item_index}"
    return ScriptError(
        f"The script {scene.script!r} {what} step {facts.step or '(none)'!r}"
        f" (visit {facts.visit}, attempt {facts.attempt}{item}, turn {turn}).",
        code=code,
        script=scene.script,
        step=facts.step,
        visit=facts.visit,
        attempt=facts.attempt,
        turn=turn,
    )
