"""An agent that goes round in circles is stopped; one that works, however it repeats, is not."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.model_server import Answer, calls
from tests.workers.runtime.conftest import Start
from workers.protocol.messages import Text
from workers.runtime.loops import Loop, LoopBreaker


def play(breaker: LoopBreaker, made: list[tuple[str, str, str]]) -> tuple[int, Loop | None]:
    """Make calls until one is refused: how many were made, and why the next was not."""
    for number, (tool, args, result) in enumerate(made):
        found = breaker.call(tool, args)
        if found is not None:
            return number, found
        breaker.result(tool, args, result)
    return len(made), None


def test_the_fifth_equal_call_is_not_made() -> None:
    made, found = play(LoopBreaker(5), [("ls", "{}", "a\nb")] * 9)
    assert made == 4
    assert found is not None
    assert "ls 5 times with equal arguments" in found.reason


def test_spacing_order_and_durations_do_not_make_a_call_another() -> None:
    runs = [
        ("bash", '{"command": "pytest", "timeout": 9}', "1 failed in 0.13s at 10:11:12"),
        ("bash", '{"timeout":9,"command":"pytest"}', "1 failed in 2.07s at 10:12:55"),
    ] * 5
    made, found = play(LoopBreaker(5), runs)
    assert (made, found is not None) == (4, True)


@pytest.mark.parametrize("length", [2, 3, 6])
def test_a_circle_of_several_calls_is_seen_by_its_fifth_round(length: int) -> None:
    circle = [("read", json.dumps({"path": f"f{n}"}), f"text {n}") for n in range(length)]
    made, found = play(LoopBreaker(5), circle * 9)
    assert found is not None
    assert made <= 4 * length + length


def test_a_wide_circle_is_seen_too() -> None:
    circle = [("read", json.dumps({"path": f"f{n}"}), f"text {n}") for n in range(12)]
    made, found = play(LoopBreaker(5), circle * 9)
    assert found is not None
    assert "nothing" in found.reason
    assert made < 12 * 5


def test_the_same_tests_after_each_edit_are_work() -> None:
    made = []
    for number in range(20):
        made.append(("edit", json.dumps({"newText": f"try {number}"}), f"diff {number}"))
        made.append(("bash", '{"command": "make test"}', "1 failed"))
    assert play(LoopBreaker(5), made) == (40, None)


def test_a_poll_whose_answer_changes_may_go_on_for_longer() -> None:
    made = [("bash", '{"command": "tail -1 build.log"}', f"step {n} done") for n in range(30)]
    count, found = play(LoopBreaker(5), made)
    assert count == 14
    assert found is not None
    assert "15 times in a row" in found.reason


def test_a_limit_of_zero_stops_nobody() -> None:
    assert play(LoopBreaker(0), [("ls", "{}", "")] * 50) == (50, None)


def test_what_was_forgotten_may_be_looked_at_again() -> None:
    breaker = LoopBreaker(5)
    assert play(breaker, [("ls", "{}", "a")] * 4)[1] is None
    breaker.forget()
    assert play(breaker, [("ls", "{}", "a")] * 4)[1] is None


@given(st.lists(st.tuples(st.sampled_from("abc"), st.text(max_size=3)), max_size=60, unique=True))
def test_calls_that_never_repeat_are_never_a_loop(made: list[tuple[str, str]]) -> None:
    assert (
        play(LoopBreaker(2), [(tool, json.dumps([args]), "same") for tool, args in made])[1] is None
    )


# In a session


async def test_a_looping_agent_is_stopped_by_its_fifth_equal_call(start: Start) -> None:
    driver = start([calls("bash", command="echo hi")] * 9)
    end = await driver.step()
    assert (end.success, end.error_code, end.recoverable) == (False, "loop_detected", True)
    assert "bash 5 times with equal arguments" in end.result
    assert len(driver.tools()) == 4
    (note,) = driver.messages(Text)
    assert "nothing new came of it" in note.content


async def test_parallel_equal_calls_of_one_answer_count(start: Start) -> None:
    driver = start([Answer(tools=[("ls", {})] * 3)] * 4)
    end = await driver.step()
    assert end.error_code == "loop_detected"
    assert end.turns <= 2


async def test_the_limit_is_the_steps(start: Start) -> None:
    driver = start([calls("ls")] * 6 + [calls("complete")])
    assert (await driver.step(max_equal_calls=3)).error_code == "loop_detected"
    again = start([calls("ls")] * 6 + [calls("complete")])
    assert (await again.step(max_equal_calls=0)).success


async def test_a_legal_run_of_fifteen_steps_is_not_a_loop(start: Start) -> None:
    work = []
    for number in range(5):
        work += [
            calls("write", path="a.py", content=f"x = {number}\n"),
            calls("bash", command="grep -c x a.py"),
            calls("read", path="a.py"),
        ]
    driver = start([*work, calls("complete", summary="done")])
    end = await driver.step()
    assert (end.success, end.turns) == (True, 16)
