"""Runs from their start to their designed end, through the services and the real step loop."""

from typing import Any

import pytest

from apps.runs.models import RunOutput
from tests.support.runs import drive, make_run, path

pytestmark = pytest.mark.django_db


def test_steps_follow_each_other_and_outputs_are_merged() -> None:
    run = drive(
        make_run(
            [{"id": "A", "onComplete": "B", "outputs": ["plan"]}, {"id": "B"}],
            {"A": [{"outputs": {"plan": "p", "blank": "  "}}], "B": [{"outputs": {"done": "yes"}}]},
        )
    )
    assert run.status == "completed"
    assert run.outputs == {"plan": "p", "done": "yes"}
    assert path(run) == ["A.1.1 completed", "B.1.1 completed"]


def test_a_rejection_goes_back_and_makes_a_new_visit() -> None:
    run = drive(
        make_run(
            [
                {"id": "MAKE", "onComplete": "REVIEW"},
                {
                    "id": "REVIEW",
                    "outputs": ["review_result"],
                    "onResult": {"NO": {"goto": "MAKE"}, "YES": {"goto": "END"}},
                },
                {"id": "END"},
            ],
            {
                "REVIEW": [
                    {"outputs": {"review_result": "NO"}},
                    {"outputs": {"review_result": "YES"}},
                ]
            },
        )
    )
    assert run.status == "completed"
    assert path(run) == [
        "MAKE.1.1 completed",
        "REVIEW.1.1 completed",
        "MAKE.2.1 completed",
        "REVIEW.2.1 completed",
        "END.1.1 completed",
    ]
    # History is rows: both answers are there, one is current.
    values = RunOutput.objects.filter(run=run, key="review_result").order_by("id")
    assert list(values.values_list("value", "current")) == [("NO", False), ("YES", True)]


LOOP: list[dict[str, Any]] = [
    {"id": "PLAN", "onComplete": "BUILD", "outputs": ["items"]},
    {
        "id": "BUILD",
        "loop": {"over": "items", "onEachComplete": "CHECK", "onAllComplete": "SHIP"},
    },
    {
        "id": "CHECK",
        "outputs": ["check_result"],
        "onResult": {"OK": {"continueLoop": True}, "BAD": {"goto": "BUILD"}},
    },
    {"id": "SHIP"},
]


def test_a_loop_takes_each_item_and_keeps_feedback_to_its_item() -> None:
    run = drive(
        make_run(
            LOOP,
            {
                "PLAN": [{"outputs": {"items": '["one", "two"]'}}],
                "CHECK": [
                    {"outputs": {"check_result": "BAD", "feedback": "again"}},
                    {"outputs": {"check_result": "OK"}},
                    {"outputs": {"check_result": "OK"}},
                ],
            },
        )
    )
    assert run.status == "completed", run.error
    assert [line.split()[0] for line in path(run)] == [
        "PLAN.1.1",
        "BUILD.1.1",
        "CHECK.1.1",
        "BUILD.2.1",
        "CHECK.2.1",
        "BUILD.3.1",
        "CHECK.3.1",
        "SHIP.1.1",
    ]
    loop = run.loops.get()
    assert loop.closed_at is not None
    items = list(loop.items.values_list("data", "status", "output"))
    assert items == [
        ("one", "completed", {"check_result": "OK", "feedback": "again"}),
        ("two", "completed", {"check_result": "OK"}),
    ]
    assert run.outputs == {"items": '["one", "two"]'}


def test_an_error_is_retried_with_a_note_until_the_limit() -> None:
    run = drive(
        make_run(
            [{"id": "A", "maxRetries": 1}],
            {"A": [[{"fail": "agent_failed", "error": "no compiler"}, {"outputs": {"x": "1"}}]]},
        )
    )
    assert run.status == "completed"
    second = run.executions.get(attempt=2)
    assert "no compiler" in second.human_context
    assert second.retry_count == 1

    run = drive(make_run([{"id": "A", "maxRetries": 1}], {"A": [{"fail": "agent_failed"}]}))
    assert (run.status, run.error_code) == ("failed", "agent_failed")
    assert path(run) == ["A.1.1 failed", "A.1.2 failed"]


def test_what_cannot_be_mended_is_not_retried() -> None:
    run = drive(make_run([{"id": "A"}], {"A": [{"fail": "no_provider_key"}]}))
    assert (run.status, run.error_code) == ("failed", "no_provider_key")
    assert path(run) == ["A.1.1 failed"]


def test_a_value_that_no_route_names_fails_the_run() -> None:
    run = drive(
        make_run(
            [
                {"id": "A", "outputs": ["r_result"], "onResult": {"X": {"goto": "B"}}},
                {"id": "B"},
            ],
            {"A": [{"outputs": {"r_result": "Z"}}]},
        )
    )
    assert (run.status, run.error_code) == ("failed", "unrouted_result")
    assert "Z" in run.error


def test_items_side_by_side_join_once() -> None:
    run = drive(
        make_run(
            [
                {"id": "PLAN", "onComplete": "WORK", "outputs": ["items"]},
                {
                    "id": "WORK",
                    "loop": {"over": "items", "maxParallel": 3, "onAllComplete": "END"},
                },
                {"id": "END"},
            ],
            {"PLAN": [{"outputs": {"items": "[1, 2, 3, 4, 5]"}}]},
        )
    )
    assert run.status == "completed", run.error
    assert run.executions.filter(step_id="WORK", status="completed").count() == 5
    assert run.executions.filter(step_id="END").count() == 1


def test_dependencies_decide_the_order() -> None:
    run = drive(
        make_run(
            [
                {"id": "C", "dependsOn": ["A", "B"]},
                {"id": "A"},
                {"id": "B", "dependsOn": ["A"]},
            ]
        )
    )
    assert run.status == "completed"
    assert [line.split(".")[0] for line in path(run)] == ["A", "B", "C"]


def test_a_fault_of_ours_fails_the_step_and_not_the_worker() -> None:
    run = drive(make_run([{"id": "A", "maxRetries": 0}], {"A": [{"crash": True}]}))
    assert (run.status, run.error_code) == ("failed", "internal_error")
    assert "ZeroDivisionError" in run.error
