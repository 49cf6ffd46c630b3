"""Holds the events of a test against the table that the API's description is made from."""

from collections.abc import Iterator
from typing import Any

import pytest

from apps.core.event_types import EVENT_TYPES
from apps.core.models import Event

_COLUMNS = {"run_id": "runId", "step_id": "stepId", "session_id": "sessionId"}


def event_data(event: Event) -> dict[str, Any]:
    """`data` as a client gets it."""
    known = {name: getattr(event, column) for column, name in _COLUMNS.items()}
    return {**{name: value for name, value in known.items() if value}, **event.payload}


@pytest.fixture(autouse=True)
def _events_are_as_described(request: pytest.FixtureRequest) -> Iterator[None]:
    """Every event of a known type that a test's code appended has the shape that is told."""
    yield
    if request.node.get_closest_marker("django_db") is None:
        return
    for event in Event.objects.filter(type__in=EVENT_TYPES):
        EVENT_TYPES[event.type].data.model_validate(event_data(event))
