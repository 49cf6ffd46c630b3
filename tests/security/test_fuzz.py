"""The whole API, called with whatever its description allows and forbids, by everybody.

No answer is a fault of ours, none is outside the description, and none tells of somebody else.
`API_FUZZ_EXAMPLES=200` searches longer, and `API_FUZZ_SEED=7` elsewhere.
"""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import hypothesis
import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from apps.core.api.renderers import to_json
from apps.llm.gateway.table import PREFIX
from tests.security.conftest import CALLERS, forbidden_to, undone
from tests.security.world import World

EXAMPLES = int(os.environ.get("API_FUZZ_EXAMPLES", "3"))
# Who gets further than the door is tried more.
EXAMPLES_OF = {"anonymous": max(1, EXAMPLES // 3), "member": EXAMPLES, "admin": EXAMPLES}
SEED = os.environ.get("API_FUZZ_SEED", "")
# 500 is nowhere in the description; 502 and 503 are only where they belong.
CHECKS = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


def is_elsewhere(path: str) -> bool:
    """What Django does not serve, and streams, which do not end: `test_fuzz_live` calls those."""
    return (
        path.startswith(PREFIX) or path.endswith("/stream") or path.startswith("/v1/events/stream")
    )


@cache
def operations() -> list[Any]:
    generator: Any = SchemaGenerator  # untyped
    described = json.loads(to_json(generator().get_schema(request=None, public=True)))
    schema = schemathesis.openapi.from_dict(described)
    schema.app = get_wsgi_application()
    every: list[Any] = [found.ok() for found in schema.get_all_operations()]  # type: ignore[union-attr]  # all are well
    return [found for found in every if not is_elsewhere(found.path)]


@cache
def cases_of(operation: Any) -> st.SearchStrategy[Any]:
    modes = [operation.as_strategy(generation_mode=GenerationMode.POSITIVE)]
    if operation.body or operation.query or operation.path_parameters:
        modes.append(operation.as_strategy(generation_mode=GenerationMode.NEGATIVE))
    return st.one_of(modes)


@pytest.fixture(autouse=True)
def _one_connection() -> Iterator[None]:
    """As Django's test client does: a request would end this test's transaction."""
    for moment in (request_started, request_finished):
        moment.disconnect(close_old_connections)
    yield
    for moment in (request_started, request_finished):
        moment.connect(close_old_connections)


def with_known_ids(data: st.DataObject, case: Case[Any], world: World) -> None:
    """Put ids of things that are there in place of made-up ones, most of the time."""
    for values in (case.path_parameters, case.query):
        for name in values or {}:
            known = [p.ids[name] for p in world.people.values() if name in p.ids]
            if known and data.draw(st.sampled_from([True, True, True, False])):
                values[name] = data.draw(st.sampled_from(known))


def leaked(text: str, sent: str, forbidden: frozenset[str]) -> list[str]:
    return sorted(word for word in forbidden if word in text and word not in sent)


@pytest.mark.parametrize("caller", CALLERS)
def test_every_operation(caller: str, world: World) -> None:
    forbidden = forbidden_to(caller, world)
    problems: list[str] = []
    answers: Counter[int] = Counter()
    for operation in operations():
        try:
            examples_of(operation, world, caller, forbidden, answers)()
        except (FailureGroup, AssertionError) as exc:
            problems.append(f"{operation.label}\n{exc}")
    if os.environ.get("API_FUZZ_SHOW"):
        print(caller, sorted(answers.items()))  # noqa: T201
    assert not problems, f"{len(problems)} operations:\n\n" + "\n\n".join(problems)


def examples_of(
    operation: Any,
    world: World,
    caller: str,
    forbidden: frozenset[str],
    answers: Counter[int],
) -> Callable[[], None]:
    cases = cases_of(operation)
    headers = CALLERS[caller](world)

    @hypothesis.settings(
        max_examples=EXAMPLES_OF.get(caller, max(1, EXAMPLES * 2 // 3)),
        derandomize=not SEED,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[hypothesis.Phase.generate],
    )
    @hypothesis.given(st.data())
    def check(data: st.DataObject) -> None:
        case = data.draw(cases)
        with_known_ids(data, case, world)
        with undone():
            response = case.call(headers=headers)
        answers[response.status_code] += 1
        case.validate_response(response, checks=CHECKS)
        sent = f"{case.formatted_path} {case.query} {case.body}"
        found = leaked(response.content.decode("utf-8", "replace"), sent, forbidden)
        assert not found, f"{case.as_curl_command()}\ntold of {found}"

    return hypothesis.seed(int(SEED))(check) if SEED else check
