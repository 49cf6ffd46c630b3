"""Whatever a pipeline looks like and its agents say, a run moves on, within limits, to an end."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from apps.pipelines.definition import (
    Defaults,
    Loop,
    Notify,
    Pipeline,
    PipelineAgent,
    ResultAction,
    Step,
)
from tests.apps.pipelines.world import World, failed, succeeded

IDS = ("A", "B", "C", "D", "E")
WORDS = ("PASS", "FAIL", "MORE", "odd", "")
LISTS = ("[]", '["x"]', '["x", "y", "z"]', "no list", '{"t": ["x"]}', "")
CODES = ("timeout", "worker_lost", "no_provider_key")
MAX_VISITS = 4


def maybe(ids: tuple[str, ...] = IDS) -> st.SearchStrategy[str | None]:
    return st.none() | st.sampled_from(ids)


@st.composite
def actions(draw: st.DrawFn) -> ResultAction:
    kind = draw(st.sampled_from(["goto", "retry", "continue", "none"]))
    return ResultAction(
        goto=draw(st.sampled_from(IDS)) if kind == "goto" else None,
        retry=kind == "retry",
        max_retries=draw(st.none() | st.integers(0, 2)),
        continue_loop=kind == "continue",
        notify=draw(st.none() | st.just(Notify(agent="a", message="m"))),
    )


@st.composite
def loops(draw: st.DrawFn) -> Loop:
    each = draw(maybe())
    return Loop(
        over=draw(st.sampled_from(["t", "out"])),
        on_each_complete=each,
        on_all_complete=draw(maybe()),
        max_items=draw(st.sampled_from([2, 200])),
        max_parallel=1 if each else draw(st.integers(1, 3)),
        on_item_fail=draw(st.sampled_from(["stop", "continue"])),
    )


@st.composite
def pipelines(draw: st.DrawFn) -> Pipeline:
    by_dependency = draw(st.booleans())
    steps = []
    for index, step_id in enumerate(IDS):
        needs = draw(st.sets(st.sampled_from(IDS[:index]))) if by_dependency and index else set()
        keys = draw(st.sets(st.sampled_from(["PASS", "FAIL", "MORE", "*"]), max_size=3))
        steps.append(
            Step(
                id=step_id,
                agent="a",
                input="do",
                outputs=("r_result", "out"),
                on_complete=draw(maybe()),
                depends_on=tuple(sorted(needs)),
                on_result={key: draw(actions()) for key in sorted(keys)},
                loop=draw(st.none() | loops()),
                max_retries=draw(st.integers(0, 2)),
            )
        )
    return Pipeline(
        id="p",
        name="P",
        defaults=Defaults(max_visits=MAX_VISITS, max_parallel=draw(st.integers(1, 3))),
        agents=(PipelineAgent(id="a", name="A"),),
        steps=tuple(steps),
    )


def play(pipeline: Pipeline, data: st.DataObject) -> World:
    """Answer queued steps in any order with anything, until nothing is queued."""
    world = World(pipeline, given={"t": data.draw(st.sampled_from(LISTS))}).start()
    check(world)
    for _ in range(60):
        waiting = world.waiting()
        if world.end or not waiting:
            break
        execution = data.draw(st.sampled_from(waiting))
        if data.draw(st.integers(0, 5)) == 0:
            world.answer(execution, failed(execution, data.draw(st.sampled_from(CODES))))
        else:
            said = {
                "r_result": data.draw(st.sampled_from(WORDS)),
                "out": data.draw(st.sampled_from(LISTS)),
            }
            world.answer(execution, succeeded(execution, **{k: v for k, v in said.items() if v}))
        check(world)
    return world


def check(world: World) -> None:
    assert world.end or world.active(), world.path
    entries = Counter((each.step_id, each.loop_item) for each in world.executions)
    assert max(entries.values(), default=0) <= MAX_VISITS
    opened = Counter((loop.step_id, loop.parent) for loop in world.loops)
    assert max(opened.values(), default=0) <= MAX_VISITS
    for each in world.executions:
        assert each.retry_count <= (world.pipeline.step(each.step_id).max_retries or 0)
        assert each.lost_count < 3


@settings(max_examples=300, deadline=None)
@given(pipelines(), st.data())
def test_there_is_always_queued_work_or_an_end(pipeline: Pipeline, data: st.DataObject) -> None:
    """`World` checks on the way that effects are deterministic, item moves legal, numbers new."""
    play(pipeline, data)


@settings(max_examples=100, deadline=None)
@given(pipelines())
def test_agents_that_always_say_the_same_come_to_an_end(pipeline: Pipeline) -> None:
    world = World(pipeline, given={"t": '["x", "y"]'})
    world.play(
        lambda each, _: succeeded(each, r_result="FAIL", out='["x"]'),
        limit=20_000,
    )
    assert world.end
