"""The next-step decision, rule by rule, played in memory."""

import json
from dataclasses import replace

import pytest

from apps.pipelines.decide import decide, judged, resume, start
from apps.pipelines.decisions import (
    CompleteRun,
    ExecutionView,
    FailRun,
    FanOut,
    NotifyAgent,
    OpenLoop,
    Outcome,
    QueueStep,
    RetryStep,
    RunView,
)
from tests.apps.pipelines.world import World, failed, pipeline_of, scripted, succeeded


def step(id: str, more: str = "") -> str:
    tail = f", {more}" if more else ""
    return f"  - {{id: {id}, agent: a, input: do{tail}}}\n"


def play(steps: str, script: dict[str, list[object]], *, head: str = "", **given: str) -> World:
    return World(pipeline_of(steps, head), given=dict(given)).play(scripted(script))


def fail_code(world: World) -> str:
    assert isinstance(world.end, FailRun), world.end
    return world.end.code


class TestRouting:
    def test_on_complete_leads_to_the_end(self) -> None:
        world = play(step("A", "onComplete: B") + step("B"), {})
        assert world.path == ["A", "B"]
        assert isinstance(world.end, CompleteRun)

    @pytest.mark.parametrize("value", ["PASS", "pass", "  Pass \n"])
    def test_values_match_trimmed_and_without_case(self, value: str) -> None:
        steps = step("A", "outputs: [x], onResult: {Pass: {goto: C}}") + step("B") + step("C")
        assert play(steps, {"A": [{"x": value}]}).path == ["A", "C"]

    def test_yes_no_on_off_are_keys(self) -> None:
        steps = step("A", "outputs: [x], onResult: {YES: {goto: C}, off: {goto: B}}")
        steps += step("B") + step("C")
        assert play(steps, {"A": [{"x": "OFF"}]}).path == ["A", "B"]

    def test_first_line_of_a_long_value_is_compared(self) -> None:
        steps = step("A", "outputs: [x], onResult: {FAIL: {goto: C}}") + step("B") + step("C")
        assert play(steps, {"A": [{"x": "FAIL\n" + "why " * 100}]}).path == ["A", "C"]

    def test_a_short_value_of_two_lines_is_compared_whole(self) -> None:
        steps = step("A", "outputs: [x], onResult: {FAIL: {goto: C}}") + step("B") + step("C")
        assert fail_code(play(steps, {"A": [{"x": "FAIL\nno"}]})) == "unrouted_result"

    def test_result_outputs_go_before_declared_and_undeclared_ones(self) -> None:
        keys = "onResult: {R: {goto: B}, S: {goto: C}, T: {goto: D}}"
        steps = step("A", f"outputs: [other, a_result, b_status], {keys}")
        steps += step("B") + step("C") + step("D")
        said = {"undeclared": "T", "other": "S", "b_status": "R"}
        assert play(steps, {"A": [said]}).path == ["A", "B"]
        assert play(steps, {"A": [{"undeclared": "T", "other": "S"}]}).path == ["A", "C"]
        assert play(steps, {"A": [{"undeclared": "T"}]}).path == ["A", "D"]

    def test_catch_all_takes_what_no_key_names(self) -> None:
        steps = step("A", 'outputs: [x], onResult: {OK: {goto: B}, "*": {goto: C}}')
        steps += step("B") + step("C")
        assert play(steps, {"A": [{"x": "odd"}]}).path == ["A", "C"]
        assert play(steps, {"A": [{}]}).path == ["A", "C"]
        assert play(steps, {"A": [{"x": "*"}]}).path == ["A", "C"]

    def test_notify_comes_before_the_movement(self) -> None:
        action = "{goto: C, notify: {agent: b, message: 'see {{x}}'}}"
        steps = step("A", f"outputs: [x], onResult: {{FAIL: {action}}}") + step("B") + step("C")
        world = play(steps, {"A": [{"x": "FAIL"}]})
        kinds = [type(effect) for effect in world.effects]
        assert kinds.index(NotifyAgent) < kinds.index(QueueStep, 1)
        assert world.notes == [NotifyAgent(from_agent="a", to_agent="b", message="see {{x}}")]

    def test_a_notify_alone_ends_the_run(self) -> None:
        steps = step("A", "outputs: [x], onResult: {OK: {notify: {agent: b, message: hi}}}")
        world = play(steps + step("B"), {"A": [{"x": "OK"}]})
        assert world.path == ["A"]
        assert isinstance(world.end, CompleteRun)

    def test_a_notify_alone_goes_on_with_on_complete(self) -> None:
        action = "onResult: {OK: {notify: {agent: b, message: hi}}}"
        steps = step("A", f"outputs: [x], {action}, onComplete: B") + step("B")
        assert play(steps, {"A": [{"x": "OK"}]}).path == ["A", "B"]

    def test_an_unnamed_value_goes_on_with_on_complete(self) -> None:
        steps = step("A", "outputs: [x], onResult: {FAIL: {goto: A}}, onComplete: B") + step("B")
        assert play(steps, {"A": [{"x": "PASS"}]}).path == ["A", "B"]

    def test_an_unnamed_value_of_the_last_step_completes(self) -> None:
        steps = step("A", "onComplete: B") + step("B", "outputs: [x], onResult: {FAIL: {goto: A}}")
        world = play(steps, {"B": [{"x": "FAIL"}, {"x": "PASS"}]})
        assert world.path == ["A", "B", "A", "B"]
        assert isinstance(world.end, CompleteRun)

    def test_an_unnamed_value_elsewhere_fails_with_value_and_keys(self) -> None:
        steps = step("A", "outputs: [x], onResult: {OK: {goto: B}, NO: {goto: B}}") + step("B")
        world = play(steps, {"A": [{"x": "maybe"}]})
        assert fail_code(world) == "unrouted_result"
        assert isinstance(world.end, FailRun)
        assert "'maybe'" in world.end.message
        assert "OK, NO" in world.end.message

    def test_a_step_that_leads_nowhere_fails_unless_last(self) -> None:
        world = play(step("A") + step("B"), {})
        assert fail_code(world) == "unrouted_result"

    def test_a_back_edge_is_a_new_visit(self) -> None:
        steps = step("A", "onComplete: B") + step("B", "outputs: [x], onResult: {FAIL: {goto: A}}")
        world = play(steps, {"B": [{"x": "FAIL"}, {"x": "PASS"}]})
        assert [(e.step_id, e.visit) for e in world.executions] == [
            ("A", 1), ("B", 1), ("A", 2), ("B", 2),
        ]  # fmt: skip

    def test_visits_are_limited(self) -> None:
        steps = step("A", "onComplete: B") + step("B", "outputs: [x], onResult: {FAIL: {goto: A}}")
        world = play(steps, {"B": [{"x": "FAIL"}]}, head="defaults: {maxVisits: 3}")
        assert fail_code(world) == "visit_limit"
        assert world.path.count("A") == 3
        assert fail_code(play(steps, {"B": [{"x": "FAIL"}]})) == "visit_limit"

    def test_numbers_of_superseded_visits_are_not_used_again(self) -> None:
        pipeline = pipeline_of(step("A", "onComplete: B") + step("B"))
        world = World(pipeline).start()
        view = replace(world.view(), last_visit={"B": 4})
        effects = decide(pipeline, view, succeeded(world.waiting()[0]))
        assert effects == (QueueStep(step_id="B", visit=5),)


class TestRetryMovement:
    STEPS = step(
        "A", "outputs: [x], onResult: {AGAIN: {retry: true, maxRetries: 2}, OK: {goto: B}}"
    )

    def test_it_repeats_the_step_as_a_counted_visit(self) -> None:
        world = play(self.STEPS + step("B"), {"A": [{"x": "AGAIN"}, {"x": "AGAIN"}, {"x": "OK"}]})
        assert world.path == ["A", "A", "A", "B"]
        assert [e.result_retries for e in world.executions[:3]] == [0, 1, 2]

    def test_it_ends_with_its_own_limit(self) -> None:
        world = play(self.STEPS + step("B"), {"A": [{"x": "AGAIN"}]})
        assert world.path == ["A", "A", "A"]
        assert fail_code(world) == "result_retries_exhausted"

    def test_without_a_limit_of_its_own_the_step_s_counts(self) -> None:
        steps = step("A", "maxRetries: 1, outputs: [x], onResult: {AGAIN: {retry: true}}")
        assert play(steps, {"A": [{"x": "AGAIN"}]}).path == ["A", "A"]

    def test_error_retries_are_counted_apart(self) -> None:
        script: dict[str, list[object]] = {
            "A": [{"x": "AGAIN"}, "timeout", "timeout", "timeout", {"x": "AGAIN"}, {"x": "OK"}]
        }
        world = play(self.STEPS + step("B"), script)
        assert isinstance(world.end, CompleteRun)
        assert world.path == ["A", "A", "A.2", "A.3", "A.4", "A", "B"]


class TestMissingResult:
    STEPS = step("A", "outputs: [a_result, note], onResult: {OK: {goto: B}}") + step("B")

    def test_a_repair_turn_asks_once(self) -> None:
        world = play(self.STEPS, {"A": [{"note": "done"}, {"a_result": "OK"}]})
        assert world.path == ["A", "A.2", "B"]
        repair = next(e for e in world.effects if isinstance(e, RetryStep))
        assert repair.repair
        assert (repair.retry_count, repair.delay_s) == (0, 0)
        assert "a_result" in repair.feedback
        assert "OK" in repair.feedback

    def test_then_the_retry_rule_then_failure(self) -> None:
        world = play(self.STEPS, {"A": [{}]}, head="defaults: {maxRetries: 2}")
        retries = [e for e in world.effects if isinstance(e, RetryStep)]
        assert [(r.repair, r.retry_count) for r in retries] == [(True, 0), (False, 1), (False, 2)]
        assert fail_code(world) == "missing_result"

    def test_the_last_step_needs_no_result(self) -> None:
        steps = step("A", "outputs: [x], onResult: {FAIL: {goto: A}}")
        assert isinstance(play(steps, {"A": [{}]}).end, CompleteRun)

    def test_on_complete_needs_no_result(self) -> None:
        steps = step("A", "outputs: [x], onResult: {FAIL: {goto: A}}, onComplete: B") + step("B")
        assert play(steps, {"A": [{}]}).path == ["A", "B"]

    def test_a_repair_that_fails_stays_a_repair(self) -> None:
        world = play(self.STEPS, {"A": [{}, "timeout", {"a_result": "OK"}]})
        retries = [e for e in world.effects if isinstance(e, RetryStep)]
        assert [(r.repair, r.retry_count) for r in retries] == [(True, 0), (True, 1)]
        assert world.path == ["A", "A.2", "A.3", "B"]


class TestErrors:
    def test_a_claim_that_did_not_hold_is_answered_at_once(self) -> None:
        world = play(step("A", "maxRetries: 1"), {"A": ["checks_failed", {}]})
        assert [e.delay_s for e in world.effects if isinstance(e, RetryStep)] == [0]
        assert world.path == ["A", "A.2"]

    def test_back_off_doubles_up_to_two_minutes(self) -> None:
        world = play(step("A", "maxRetries: 7"), {"A": ["timeout"]})
        retries = [e for e in world.effects if isinstance(e, RetryStep)]
        assert [r.delay_s for r in retries] == [5, 10, 20, 40, 80, 120, 120]
        assert [r.retry_count for r in retries] == [1, 2, 3, 4, 5, 6, 7]
        assert retries[0].feedback == "it was timeout"
        assert fail_code(world) == "timeout"

    def test_three_retries_when_nobody_says(self) -> None:
        assert len(play(step("A"), {"A": ["timeout"]}).path) == 4

    @pytest.mark.parametrize(
        "code",
        [
            "cancelled",
            "visit_limit",
            "unrouted_result",
            "no_provider_key",
            "agent_unknown",
            "loop_x",
        ],
    )
    def test_some_errors_are_final(self, code: str) -> None:
        world = play(step("A"), {"A": [code]})
        assert world.path == ["A"]
        assert fail_code(world) == code

    def test_the_executor_may_forbid_a_retry(self) -> None:
        world = World(pipeline_of(step("A"))).start()
        world.answer(
            world.waiting()[0], failed(world.waiting()[0], "agent_failed", retryable=False)
        )
        assert fail_code(world) == "agent_failed"

    def test_an_error_without_code_has_one_in_the_end(self) -> None:
        world = World(pipeline_of(step("A", "maxRetries: 0"))).start()
        outcome = Outcome(step_id="A", visit=1, attempt=1, succeeded=False)
        world.answer(world.waiting()[0], outcome)
        assert world.end == FailRun(code="step_failed", message="Step A failed.")

    def test_a_lost_worker_is_not_charged_and_limited(self) -> None:
        world = play(step("A"), {"A": ["worker_lost"]})
        retries = [e for e in world.effects if isinstance(e, RetryStep)]
        assert [(r.retry_count, r.lost_count, r.delay_s) for r in retries] == [(0, 1, 0), (0, 2, 0)]
        assert fail_code(world) == "worker_lost"

    def test_losses_leave_the_retries_alone(self) -> None:
        script: dict[str, list[object]] = {"A": ["worker_lost", "timeout", "worker_lost", {}]}
        world = play(step("A", "maxRetries: 1"), script)
        assert isinstance(world.end, CompleteRun)

    @pytest.mark.parametrize("status", ["fail", "FAILED", " Error "])
    def test_a_failing_status_is_a_failure(self, status: str) -> None:
        world = play(step("A"), {"A": [{"status": status}, {}]})
        assert world.path == ["A", "A.2"]
        assert isinstance(world.end, CompleteRun)

    def test_a_routed_status_is_a_result(self) -> None:
        steps = step("A", "outputs: [status], onResult: {FAIL: {goto: B}}") + step("B")
        assert play(steps, {"A": [{"status": "FAIL"}]}).path == ["A", "B"]

    def test_judging_twice_is_judging_once(self) -> None:
        one = pipeline_of(step("A")).step("A")
        outcome = Outcome(
            step_id="A", visit=1, attempt=1, succeeded=True, outputs={"status": "failed"}
        )
        assert judged(one, judged(one, outcome)) == judged(one, outcome)
        assert not judged(one, outcome).succeeded

    def test_a_replaced_attempt_decides_nothing(self) -> None:
        world = World(pipeline_of(step("A"))).start()
        first = world.waiting()[0]
        world.answer(first, failed(first))
        assert decide(world.pipeline, world.view(), succeeded(first)) == ()


LOOP = step("L", "outputs: [code], loop: {over: tasks, onEachComplete: R, onAllComplete: D}")
LOOP += step("R", "outputs: [r_result], onResult: {OK: {continueLoop: true}, NO: {goto: L}}")
LOOP += step(
    "D", "outputs: [d_result], onResult: {FAIL: {goto: L}, OK: {notify: {agent: b, message: m}}}"
)
LOOP += step("Z")


class TestLoop:
    def test_each_item_goes_through_the_body_then_all_complete(self) -> None:
        script: dict[str, list[object]] = {"R": [{"r_result": "OK"}], "D": [{"d_result": "OK"}]}
        world = play(LOOP, script, tasks='["one", {"two": 2}]')
        assert world.path == ["L", "R", "L", "R", "D"]
        assert [item.data for item in world.loop("L").items] == ["one", '{"two": 2}']
        assert world.item_states("L") == ["completed", "completed"]
        assert not world.loop("L").is_open
        assert isinstance(world.end, CompleteRun)

    def test_steps_of_the_body_carry_the_item(self) -> None:
        world = play(
            LOOP, {"R": [{"r_result": "OK"}], "D": [{"d_result": "OK"}]}, tasks='["x", "y"]'
        )
        carried = [
            (e.step_id, e.loop_item.index if e.loop_item else None) for e in world.executions
        ]
        assert carried == [("L", 0), ("R", 0), ("L", 1), ("R", 1), ("D", None)]

    def test_goto_with_an_open_item_repeats_it_and_keeps_outputs(self) -> None:
        script: dict[str, list[object]] = {
            "L": [{"code": "1"}, {"code": "2"}],
            "R": [{"r_result": "NO", "feedback": "bad"}, {"r_result": "OK"}],
            "D": [{"d_result": "OK"}],
        }
        world = World(pipeline_of(LOOP), given={"tasks": '["x"]'})
        seen: list[dict[str, str]] = []
        answer = scripted(script)

        def agent(execution: ExecutionView, world: World) -> object:
            seen.append(dict(world.outputs))
            return answer(execution, world)

        world.play(agent)  # type: ignore[arg-type]
        assert world.path == ["L", "R", "L", "R", "D"]
        assert seen[2] == {"code": "1", "r_result": "NO", "feedback": "bad"}
        assert world.item_states("L") == ["completed"]

    def test_outputs_of_an_item_do_not_leak_into_the_next(self) -> None:
        world = World(pipeline_of(LOOP), given={"tasks": '["x", "y"]'}).start()
        world.answer(world.waiting()[0], {"code": "1"})
        world.answer(world.waiting()[0], {"r_result": "OK", "feedback": "f"})
        assert world.outputs == {}

    def test_goto_an_exhausted_loop_makes_one_rework_item(self) -> None:
        script: dict[str, list[object]] = {
            "R": [{"r_result": "OK"}],
            "D": [{"d_result": "FAIL", "log": "boom"}, {"d_result": "OK"}],
        }
        world = play(LOOP, script, tasks='["x"]')
        assert world.path == ["L", "R", "D", "L", "R", "D"]
        rework = world.loop("L")
        assert (rework.generation, rework.items[0].kind) == (2, "rework")
        assert json.loads(rework.items[0].data) == {
            "reason_step": "D",
            "result": "FAIL",
            "outputs": {"d_result": "FAIL", "log": "boom"},
        }

    def test_generations_are_limited(self) -> None:
        script: dict[str, list[object]] = {"R": [{"r_result": "OK"}], "D": [{"d_result": "FAIL"}]}
        world = play(LOOP, script, head="defaults: {maxVisits: 3}", tasks='["x"]')
        assert fail_code(world) == "visit_limit"
        assert world.path.count("D") == 3

    def test_loops_that_chase_each_other_end(self) -> None:
        steps = step("L", "loop: {over: t, onAllComplete: M}")
        steps += step("M", "loop: {over: t, onAllComplete: L}")
        assert fail_code(play(steps, {}, t='["x"]')) == "visit_limit"
        assert fail_code(play(steps, {}, t="[]")) == "visit_limit"

    def test_rework_that_is_always_refused_ends_by_visits(self) -> None:
        world = play(LOOP, {"R": [{"r_result": "NO"}]}, tasks='["x", "y"]')
        assert fail_code(world) == "visit_limit"
        assert world.path.count("L") == 10

    def test_many_items_are_no_visits_too_many(self) -> None:
        script: dict[str, list[object]] = {"R": [{"r_result": "OK"}], "D": [{"d_result": "OK"}]}
        world = play(LOOP, script, tasks=json.dumps([str(n) for n in range(50)]))
        assert isinstance(world.end, CompleteRun)
        assert world.path.count("L") == 50

    def test_a_new_list_runs_the_loop_again(self) -> None:
        steps = step("P", "outputs: [tasks], onComplete: L")
        steps += step("L", "loop: {over: tasks, onAllComplete: D}")
        steps += step("D", "outputs: [x], onResult: {REPLAN: {goto: P}}")
        script: dict[str, list[object]] = {
            "P": [{"tasks": '["a"]'}, {"tasks": '["b", "c"]'}],
            "D": [{"x": "REPLAN"}, {"x": "OK"}],
        }
        world = play(steps, script)
        assert world.path == ["P", "L", "D", "P", "L", "L", "D"]
        assert [item.kind for item in world.loop("L").items] == ["item", "item"]

    def test_a_new_list_after_an_empty_one_too(self) -> None:
        steps = step("P", "outputs: [tasks], onComplete: L")
        steps += step("L", "loop: {over: tasks, onAllComplete: D}")
        steps += step("D", "outputs: [x], onResult: {REPLAN: {goto: P}}")
        script: dict[str, list[object]] = {
            "P": [{"tasks": "[]"}, {"tasks": '["b", "c"]'}],
            "D": [{"x": "REPLAN"}, {"x": "OK"}],
        }
        assert play(steps, script).path == ["P", "D", "P", "L", "L", "D"]

    @pytest.mark.parametrize(
        ("more", "path"),
        [(", onAllComplete: D", ["D"]), ("", ["C"])],
    )
    def test_an_empty_list_goes_straight_on(self, more: str, path: list[str]) -> None:
        steps = step("L", f"onComplete: C, loop: {{over: t{more}}}")
        steps += step("C", "onComplete: D") + step("D")
        assert play(steps, {}, t="[]").path[:1] == path

    def test_an_empty_list_and_no_route_ends_the_run(self) -> None:
        world = play(step("L", "loop: {over: t}") + step("B"), {}, t="[]")
        assert isinstance(world.end, CompleteRun)
        assert world.path == []

    def test_without_a_body_items_complete_with_the_step(self) -> None:
        world = play(step("L", "loop: {over: t}") + step("B"), {}, t='["x", "y"]')
        assert world.path == ["L", "L"]
        assert isinstance(world.end, CompleteRun)

    def test_a_body_without_route_continues_the_loop(self) -> None:
        steps = step("L", "loop: {over: t, onEachComplete: R}") + step("R") + step("Z")
        world = play(steps, {}, t='["x", "y"]')
        assert world.path == ["L", "R", "L", "R"]
        assert isinstance(world.end, CompleteRun)

    def test_a_body_whose_action_moves_nowhere_continues_the_loop(self) -> None:
        steps = step("L", "loop: {over: t, onEachComplete: R}")
        steps += step("R", "outputs: [x], onResult: {OK: {notify: {agent: b, message: m}}}")
        world = play(steps + step("Z"), {"R": [{"x": "OK"}]}, t='["x", "y"]')
        assert world.path == ["L", "R", "L", "R"]

    def test_a_body_at_the_end_of_the_file_continues_the_loop(self) -> None:
        steps = step("L", "loop: {over: t, onEachComplete: R}")
        steps += step("R", "outputs: [x], onResult: {FAIL: {goto: L}}")
        world = play(steps, {"R": [{"x": "PASS"}]}, t='["x", "y"]')
        assert world.path == ["L", "R", "L", "R"]

    def test_an_unnamed_review_does_not_pass_an_item(self) -> None:
        assert (
            fail_code(play(LOOP, {"R": [{"r_result": "hm"}]}, tasks='["x"]')) == "unrouted_result"
        )

    def test_the_loop_step_s_own_results_are_routed_first(self) -> None:
        steps = step("L", "outputs: [x], loop: {over: t}, onResult: {AGAIN: {retry: true}}")
        world = play(steps, {"L": [{"x": "AGAIN"}, {"x": "ok"}]}, t='["a"]')
        assert world.path == ["L", "L"]
        assert isinstance(world.end, CompleteRun)

    def test_continue_loop_needs_an_open_one(self) -> None:
        steps = step("A", "outputs: [x], onResult: {OK: {continueLoop: true}}")
        assert fail_code(play(steps, {"A": [{"x": "OK"}]})) == "no_open_loop"

    def test_a_visit_made_by_hand_works_on_the_open_item(self) -> None:
        world = World(pipeline_of(LOOP), given={"tasks": '["x", "y"]'}).start()
        world.answer(world.waiting()[0], {})
        world.executions[-1] = replace(world.executions[-1], loop_item=None)
        world.answer(world.waiting()[0], {"r_result": "OK"})
        assert world.item_states("L") == ["completed", "running"]

    def test_a_loop_step_without_item_leaves_the_loop(self) -> None:
        pipeline = pipeline_of(LOOP)
        view = RunView(
            outputs={},
            variables={},
            executions=(ExecutionView(step_id="L", visit=1, attempt=1, status="running"),),
        )
        outcome = Outcome(step_id="L", visit=1, attempt=1, succeeded=True)
        assert decide(pipeline, view, outcome) == (QueueStep(step_id="D", visit=1),)

    def test_an_open_loop_without_running_item_starts_the_next(self) -> None:
        steps = step("A", "onComplete: L") + step("L", "loop: {over: t}")
        world = World(pipeline_of(steps), given={"t": '["x", "y"]'}).start()
        world.answer(world.waiting()[0], {})
        item = world.loop("L").items[0]
        waiting = replace(
            world.loop("L"), items=(replace(item, status="failed"), world.loop("L").items[1])
        )
        view = replace(world.view(), loops=(waiting,), executions=world.view().executions[:1])
        effects = decide(world.pipeline, view, succeeded(world.executions[0]))
        assert [type(effect).__name__ for effect in effects] == ["StartItem", "QueueStep"]


class TestLoopList:
    def loop(self, value: str, more: str = "") -> World:
        return play(step("L", f"loop: {{over: t{more}}}"), {}, t=value)

    @pytest.mark.parametrize(
        "value",
        [
            '["x", "y"]',
            '{"tasks": ["x", "y"], "note": "n"}',
            '```json\n["x", "y"]\n```',
            '  ```\n{"tasks": ["x", "y"]}\n```  \n',
        ],
    )
    def test_lists_in_every_wrapping(self, value: str) -> None:
        assert [item.data for item in self.loop(value).loop("L").items] == ["x", "y"]

    def test_other_items_are_kept_as_json(self) -> None:
        items = self.loop('[1, null, {"ä": [2]}, true]').loop("L").items
        assert [item.data for item in items] == ["1", "null", '{"ä": [2]}', "true"]

    @pytest.mark.parametrize(
        "value",
        ["nope", "{}", '{"a": [], "b": []}', "3", "[1", "[NaN]", "[" * 100_000, "9" * 10_000],
    )
    def test_no_list_fails_with_its_beginning(self, value: str) -> None:
        world = self.loop(value)
        assert fail_code(world) == "loop_not_array"
        assert isinstance(world.end, FailRun)
        assert world.end.message.endswith(value[:200])

    def test_too_many_items(self) -> None:
        assert fail_code(self.loop('["a", "b", "c"]', ", maxItems: 2")) == "loop_too_large"
        assert isinstance(self.loop('["a", "b"]', ", maxItems: 2").end, CompleteRun)

    def test_a_missing_variable_lists_the_known_ones(self) -> None:
        world = play(step("L", "loop: {over: t}"), {}, other="1", t=" ")
        assert fail_code(world) == "loop_variable_missing"
        assert isinstance(world.end, FailRun)
        assert "other" in world.end.message
        assert "none" in str(play(step("L", "loop: {over: t}"), {}).end)


class TestListRepair:
    STEPS = step("P", "outputs: [t], onComplete: Q") + step("Q", "onComplete: L")
    STEPS += step("L", "loop: {over: t}")

    def test_the_step_that_made_it_is_asked_once(self) -> None:
        world = play(self.STEPS, {"P": [{"t": "one, two"}, {"t": '["one", "two"]'}]})
        assert world.path == ["P", "Q", "P.2", "L", "L"]
        repair = next(e for e in world.effects if isinstance(e, RetryStep))
        assert (repair.repair, repair.repair_for, repair.step_id) == (True, "L", "P")
        assert isinstance(world.end, CompleteRun)

    def test_and_then_the_run_fails(self) -> None:
        world = play(self.STEPS, {"P": [{"t": "bad"}, {"t": "still bad"}]})
        assert world.path == ["P", "Q", "P.2"]
        assert fail_code(world) == "loop_not_array"

    def test_a_lost_repair_is_repeated(self) -> None:
        world = play(self.STEPS, {"P": [{"t": "bad"}, "worker_lost", {"t": '["x"]'}]})
        assert world.path == ["P", "Q", "P.2", "P.3", "L"]

    def test_an_undeclared_output_has_a_producer_too(self) -> None:
        steps = step("P", "onComplete: L") + step("L", "loop: {over: t}")
        assert play(steps, {"P": [{"t": "bad"}, {"t": '["x"]'}]}).path == ["P", "P.2", "L"]


class TestFailingItems:
    def test_stop_skips_the_rest_and_fails_the_run(self) -> None:
        world = play(
            step("L", "maxRetries: 0, loop: {over: t}"), {"L": ["timeout"]}, t='["x", "y"]'
        )
        assert fail_code(world) == "timeout"
        assert world.item_states("L") == ["failed", "skipped"]

    def test_continue_goes_on_without_the_item(self) -> None:
        steps = step("L", "maxRetries: 0, loop: {over: t, onItemFail: continue, onAllComplete: D}")
        world = play(steps + step("D"), {"L": ["timeout", {}]}, t='["x", "y"]')
        assert world.item_states("L") == ["failed", "completed"]
        assert world.path == ["L", "L", "D"]
        assert isinstance(world.end, CompleteRun)

    def test_a_failing_body_step_fails_the_item(self) -> None:
        steps = step("L", "loop: {over: t, onEachComplete: R, onItemFail: continue}")
        steps += step("R", "maxRetries: 0")
        world = play(steps, {"R": ["timeout", {}]}, t='["x", "y"]')
        assert world.item_states("L") == ["failed", "completed"]
        assert isinstance(world.end, CompleteRun)


NESTED = step("O", "loop: {over: outer, onEachComplete: I, onAllComplete: Z}")
NESTED += step("I", "outputs: [made], loop: {over: inner, onEachComplete: R, onAllComplete: S}")
NESTED += step(
    "R", "outputs: [x], onResult: {OK: {continueLoop: true}, NO: {goto: I}, UP: {goto: O}}"
)
NESTED += step("S", "outputs: [y], onResult: {OK: {continueLoop: true}, MORE: {goto: I}}")
NESTED += step("Z")


class TestNestedLoops:
    LISTS = {"outer": '["a", "b"]', "inner": '["1", "2"]'}

    def test_the_innermost_loop_takes_continue(self) -> None:
        world = play(NESTED, {"R": [{"x": "OK"}], "S": [{"y": "OK"}]}, **self.LISTS)
        body = ["O", "I", "R", "I", "R", "S"]
        assert world.path == [*body, *body, "Z"]
        assert isinstance(world.end, CompleteRun)

    def test_the_inner_loop_opens_afresh_for_each_outer_item(self) -> None:
        world = play(NESTED, {"R": [{"x": "OK"}], "S": [{"y": "OK"}]}, **self.LISTS)
        inner = [loop for loop in world.loops if loop.step_id == "I"]
        assert [[item.kind for item in loop.items] for loop in inner] == [["item", "item"]] * 2
        assert [loop.parent.index for loop in inner if loop.parent] == [0, 1]

    def test_rework_within_one_outer_item(self) -> None:
        script: dict[str, list[object]] = {
            "R": [{"x": "OK"}],
            "S": [{"y": "MORE"}, {"y": "OK"}],
        }
        world = play(NESTED, script, outer='["a"]', inner='["1"]')
        assert world.path == ["O", "I", "R", "S", "I", "R", "S", "Z"]
        assert world.loop("I").items[0].kind == "rework"

    def test_a_route_to_the_outer_loop_repeats_its_item(self) -> None:
        script: dict[str, list[object]] = {"R": [{"x": "UP"}, {"x": "OK"}], "S": [{"y": "OK"}]}
        world = play(NESTED, script, outer='["a"]', inner='["1"]')
        assert world.path == ["O", "I", "R", "O", "I", "R", "S", "Z"]
        assert isinstance(world.end, CompleteRun)

    def test_an_inner_failure_fails_the_outer_item(self) -> None:
        steps = NESTED.replace("onAllComplete: Z", "onAllComplete: Z, onItemFail: continue")
        script: dict[str, list[object]] = {
            "R": ["no_provider_key", {"x": "OK"}],
            "S": [{"y": "OK"}],
        }
        world = play(steps, script, **self.LISTS)
        assert world.item_states("O") == ["failed", "completed"]
        assert isinstance(world.end, CompleteRun)

    def test_and_the_run_where_nobody_goes_on(self) -> None:
        world = play(NESTED, {"R": ["no_provider_key"]}, **self.LISTS)
        assert fail_code(world) == "no_provider_key"
        assert world.item_states("O") == ["failed", "skipped"]

    def test_an_empty_inner_list_ends_the_outer_item_s_path(self) -> None:
        steps = step("O", "loop: {over: outer, onEachComplete: I}") + step(
            "I", "loop: {over: inner}"
        )
        world = play(steps, {}, outer='["a", "b"]', inner="[]")
        assert world.path == ["O", "O"]
        assert isinstance(world.end, CompleteRun)

    def test_outputs_of_an_outer_item_are_gone_for_the_next(self) -> None:
        steps = step("O", "outputs: [inner], loop: {over: outer, onEachComplete: I}")
        steps += step("I", "loop: {over: inner}")
        script: dict[str, list[object]] = {"O": [{"inner": '["1"]'}, {}]}
        assert fail_code(play(steps, script, outer='["a", "b"]')) == "loop_variable_missing"


class TestParallelItems:
    STEPS = step("L", "maxRetries: 0, loop: {over: t, maxParallel: 2, onAllComplete: D}") + step(
        "D"
    )

    def test_items_fan_out_and_join(self) -> None:
        world = World(pipeline_of(self.STEPS), given={"t": '["a", "b", "c"]'}).start()
        fan = next(e for e in world.effects if isinstance(e, FanOut))
        assert [visit for visit, _ in fan.visits] == [1, 2]
        first, second = world.waiting()
        world.answer(second, {})
        assert [e.visit for e in world.waiting()] == [1, 3]
        world.answer(world.waiting()[1], {})
        assert world.end is None
        world.answer(first, {})
        assert world.path[-1] == "D"
        assert world.item_states("L") == ["completed"] * 3

    def test_a_failure_waits_for_those_beside_it(self) -> None:
        world = World(pipeline_of(self.STEPS), given={"t": '["a", "b", "c"]'}).start()
        first, second = world.waiting()
        world.answer(first, failed(first))
        assert world.end is None
        assert world.item_states("L") == ["failed", "running", "skipped"]
        world.answer(second, {})
        assert fail_code(world) == "loop_item_failed"

    def test_with_approval_each_item_waits_for_a_human(self) -> None:
        steps = self.STEPS.replace("maxRetries: 0", "approval: true")
        world = World(pipeline_of(steps), given={"t": '["a", "b", "c"]'}).start()
        assert len(world.pending()) == 2

    def test_one_item_needs_no_fan_out(self) -> None:
        world = World(pipeline_of(self.STEPS), given={"t": '["a"]'}).start()
        assert not [e for e in world.effects if isinstance(e, FanOut)]


class TestDependencies:
    def test_a_chain_runs_in_order(self) -> None:
        steps = step("A") + step("C", "dependsOn: [B]") + step("B", "dependsOn: [A]")
        world = play(steps, {})
        assert world.path == ["A", "B", "C"]
        assert isinstance(world.end, CompleteRun)

    DIAMOND = step("A") + step("B", "dependsOn: [A]") + step("C", "dependsOn: [A]")
    DIAMOND += step("D", "dependsOn: [B, C]")

    def test_one_at_a_time_unless_told(self) -> None:
        world = World(pipeline_of(self.DIAMOND)).start()
        world.answer(world.waiting()[0], {})
        assert [e.step_id for e in world.waiting()] == ["B"]
        assert play(self.DIAMOND, {}).path == ["A", "B", "C", "D"]

    def test_side_by_side_with_max_parallel(self) -> None:
        world = World(pipeline_of(self.DIAMOND, "defaults: {maxParallel: 2}")).start()
        world.answer(world.waiting()[0], {})
        b, c = world.waiting()
        world.answer(b, {})
        assert [e.step_id for e in world.active()] == ["C"]
        world.answer(c, {})
        assert [e.step_id for e in world.active()] == ["D"]
        world.answer(world.waiting()[0], {})
        assert isinstance(world.end, CompleteRun)

    def test_several_roots(self) -> None:
        steps = step("A") + step("B") + step("C", "dependsOn: [A, B]")
        assert play(steps, {}).path == ["A", "B", "C"]

    def test_a_step_that_only_a_route_leads_to_does_not_start_by_itself(self) -> None:
        steps = step("A", "outputs: [x], onResult: {FAIL: {goto: F}}") + step("F")
        steps += step("B", "dependsOn: [A]")
        assert play(steps, {"A": [{"x": "PASS"}]}).path == ["A", "B"]
        assert play(steps, {"A": [{"x": "FAIL"}]}).path == ["A", "F", "B"]

    def test_a_back_edge_makes_what_depends_on_it_run_again(self) -> None:
        steps = step("A") + step("B", "dependsOn: [A], outputs: [x], onResult: {FAIL: {goto: A}}")
        steps += step("C", "dependsOn: [B]")
        world = play(steps, {"B": [{"x": "FAIL"}, {"x": "PASS"}]})
        assert world.path == ["A", "B", "A", "B", "C"]

    def test_a_loop_counts_as_done_when_it_is_closed(self) -> None:
        steps = step("A") + step("L", "dependsOn: [A], loop: {over: t, onEachComplete: R}")
        steps += step("R") + step("C", "dependsOn: [L]")
        world = play(steps, {}, t='["x", "y"]')
        assert world.path == ["A", "L", "R", "L", "R", "C"]
        assert isinstance(world.end, CompleteRun)

    def test_a_loop_beside_another_branch_holds_what_depends_on_it(self) -> None:
        steps = step("L", "loop: {over: t, onEachComplete: R}") + step("R")
        steps += step("B") + step("C", "dependsOn: [L]")
        world = World(
            pipeline_of(steps, "defaults: {maxParallel: 2}"), given={"t": '["x"]'}
        ).start()
        loop_step, other = world.waiting()
        world.answer(loop_step, {})
        world.answer(other, {})
        assert [e.step_id for e in world.active()] == ["R"]

    def test_an_empty_loop_counts_as_done(self) -> None:
        steps = (
            step("A") + step("L", "dependsOn: [A], loop: {over: t}") + step("C", "dependsOn: [L]")
        )
        assert play(steps, {}, t="[]").path == ["A", "C"]

    def test_continue_in_another_branch_takes_no_foreign_loop(self) -> None:
        steps = step("L", "loop: {over: t}")
        steps += step("B", "outputs: [x], onResult: {OK: {continueLoop: true}}")
        steps += step("C", "dependsOn: [L]")
        world = World(
            pipeline_of(steps, "defaults: {maxParallel: 2}"), given={"t": '["x"]'}
        ).start()
        world.answer(world.waiting()[1], {"x": "OK"})
        assert fail_code(world) == "no_open_loop"

    def test_a_failing_step_fails_the_run(self) -> None:
        assert fail_code(play(self.DIAMOND, {"B": ["no_provider_key"]})) == "no_provider_key"

    def test_a_bad_list_stops_filling_the_slots(self) -> None:
        steps = step("L", "loop: {over: t}") + step("B") + step("C", "dependsOn: [B]")
        world = play(steps, {}, head="defaults: {maxParallel: 3}", t="bad")
        assert fail_code(world) == "loop_not_array"

    def test_a_long_chain_is_no_deep_recursion(self) -> None:
        steps = step("S0") + "".join(
            step(f"S{n}", f"dependsOn: [S{n - 1}]") for n in range(1, 1200)
        )
        pipeline = pipeline_of(steps)
        world = World(pipeline).start()
        world.answer(world.waiting()[0], {})
        assert world.path == ["S0", "S1"]

    def test_a_dependency_that_never_runs_blocks_nothing_else(self) -> None:
        steps = step("A", "outputs: [x], onResult: {FAIL: {goto: F}}") + step("F")
        steps += step("B", "dependsOn: [F]")
        assert isinstance(play(steps, {"A": [{"x": "PASS"}]}).end, CompleteRun)


class TestApproval:
    def test_the_step_waits_for_a_human_at_each_visit(self) -> None:
        steps = step("A", "onComplete: B") + step("B", "approval: true")
        world = play(steps, {})
        assert [e.step_id for e in world.pending()] == ["B"]
        assert world.end is None
        assert resume(world.pipeline, world.view()) == ()


class TestResume:
    STEPS = step("A", "onComplete: B") + step("B")

    def test_a_run_without_executions_starts(self) -> None:
        pipeline = pipeline_of(self.STEPS)
        view = RunView(outputs={}, variables={})
        assert resume(pipeline, view) == start(pipeline, view)

    def test_an_outcome_that_was_stored_is_decided_upon(self) -> None:
        world = World(pipeline_of(self.STEPS)).start()
        world.store(succeeded(world.waiting()[0]))
        world.resume()
        assert world.path == ["A", "B"]

    @pytest.mark.parametrize("code", ["timeout", "worker_lost"])
    def test_a_stored_failure_is_retried(self, code: str) -> None:
        world = World(pipeline_of(self.STEPS)).start()
        world.store(failed(world.waiting()[0], code))
        world.executions[0] = replace(
            world.executions[0], error_code=code.replace("worker_lost", "")
        )
        world.resume()
        assert world.path == ["A", "A.2"]
        assert world.executions[0].lost_count == (code == "worker_lost")

    def test_aborted_attempts_are_repeated(self) -> None:
        world = World(pipeline_of(TestParallelItems.STEPS), given={"t": '["a", "b"]'}).start()
        world.executions = [replace(each, status="cancelled") for each in world.executions]
        world.resume()
        assert world.path == ["L", "L", "L.2", "L.2"]
        assert [e.retry_count for e in world.executions] == [0, 0]

    def test_items_that_ended_while_paused_are_joined(self) -> None:
        world = World(pipeline_of(TestParallelItems.STEPS), given={"t": '["a", "b"]'}).start()
        for each in world.waiting():
            world.store(succeeded(each))
        world.executions = [replace(each, advanced=False) for each in world.executions]
        world.resume()
        assert world.item_states("L") == ["completed", "completed"]
        assert world.path == ["L", "L", "D"]

    def test_an_end_among_several_outcomes_is_the_end(self) -> None:
        steps = step("A", "maxRetries: 0") + step("B") + step("C", "dependsOn: [A]")
        world = World(pipeline_of(steps, "defaults: {maxParallel: 2}")).start()
        a, b = world.waiting()
        world.store(failed(a))
        world.store(succeeded(b))
        world.executions = [replace(each, advanced=False) for each in world.executions]
        world.resume()
        assert fail_code(world) == "timeout"

    def test_what_leads_nowhere_has_stalled(self) -> None:
        world = World(pipeline_of(TestParallelItems.STEPS), given={"t": '["a", "b"]'}).start()
        world.store(succeeded(world.waiting()[0]))
        world.executions = world.executions[:1]
        world.resume()
        assert fail_code(world) == "stalled"


def test_open_loop_takes_a_number_above_superseded_ones() -> None:
    pipeline = pipeline_of(step("L", "loop: {over: t}"))
    view = RunView(
        outputs={}, variables={"t": '["x"]'}, last_generation={"L": 3}, last_visit={"L": 7}
    )
    opened, _, queued = start(pipeline, view)
    assert isinstance(opened, OpenLoop)
    assert isinstance(queued, QueueStep)
    assert (opened.generation, queued.visit) == (4, 8)
