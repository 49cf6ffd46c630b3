"""Which `onResult` action a step's outputs select."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from apps.pipelines.definition import CATCH_ALL, ResultAction, Step

LONG_VALUE = 200
RESULT_SUFFIXES = ("_result", "_status")
RESULT_NAMES = frozenset({"result", "status"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """`value` is what was compared; empty when the catch-all key took a step without outputs."""

    key: str
    value: str
    action: ResultAction


def match_result(step: Step, outputs: Mapping[str, str]) -> Match | None:
    actions = {key.strip().casefold(): key for key in sorted(step.on_result)}
    values = list(_compared(step, outputs))
    for value in values:
        key = actions.get(value.casefold())
        if key is not None and key != CATCH_ALL:
            return Match(key=key, value=value, action=step.on_result[key])
    if CATCH_ALL in step.on_result:
        value = result_value(step, outputs)
        return Match(key=CATCH_ALL, value=value, action=step.on_result[CATCH_ALL])
    return None


def result_value(step: Step, outputs: Mapping[str, str]) -> str:
    """The value that should have been routed, or empty when the step gave no result at all.

    A step that declares result outputs has given a result only through one of them.
    """
    named = [name for name in step.outputs if _names_result(name)]
    wanted = named or list(_by_precedence(step, outputs))
    return next((value for name in wanted if (value := _comparable(outputs.get(name, "")))), "")


def gives_result(step: Step, outputs: Mapping[str, str], results: Iterable[str]) -> bool:
    """Whether a value of the step equals one of `results`, as a key of `onResult` would."""
    wanted = {result.strip().casefold() for result in results}
    return any(value.casefold() in wanted for value in _compared(step, outputs))


def moves(action: ResultAction) -> bool:
    return bool(action.goto or action.retry or action.continue_loop)


def _compared(step: Step, outputs: Mapping[str, str]) -> Iterator[str]:
    for name in _by_precedence(step, outputs):
        value = _comparable(outputs.get(name, ""))
        if value:
            yield value


def _by_precedence(step: Step, outputs: Mapping[str, str]) -> Iterator[str]:
    """Declared results first, then the other declared outputs, then the undeclared ones."""
    yield from (name for name in step.outputs if name.endswith(RESULT_SUFFIXES))
    yield from (name for name in step.outputs if not name.endswith(RESULT_SUFFIXES))
    yield from (name for name in outputs if name not in step.outputs)


def _names_result(name: str) -> bool:
    return name.endswith(RESULT_SUFFIXES) or name in RESULT_NAMES


def _comparable(value: str) -> str:
    value = value.strip()
    if len(value) > LONG_VALUE:
        value = value.splitlines()[0].strip()
    return value
