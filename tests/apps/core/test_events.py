"""The event log: gapless ids in commit order, and readers that skip nothing."""

import pytest

from apps.core.events import NewEvent, events_after, events_append, events_position

pytestmark = pytest.mark.django_db(transaction=True)


def test_ids_of_a_topic_are_consecutive() -> None:
    first = events_append("run:a", [NewEvent(type="A"), NewEvent(type="B")])
    second = events_append("run:a", [NewEvent(type="C", payload={"stepId": "s", "x": 1})], "run_a")
    assert (first, second) == ([1, 2], [3])
    frames = events_after("run:a", 1)
    assert [frame.type for frame in frames] == ["B", "C"]
    assert frames[1].data == {"runId": "run_a", "stepId": "s", "x": 1}
    assert events_position("run:a") == 3
