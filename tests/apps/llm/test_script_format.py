"""Scripts: what is refused and where it says so; what is played and when."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.llm.facts import SessionFacts
from apps.llm.providers import Dialect
from apps.llm.scripted.conversation import Conversation, conversation_of
from apps.llm.scripted.library import PACKAGED
from apps.llm.scripted.play import play
from apps.llm.scripted.script import Script, ScriptError, load_script, parse_script


def talk(*rounds: str, prompt: str = "Do it.") -> Conversation:
    return Conversation(prompt=prompt, rounds=tuple((text,) for text in rounds))


def said(script: Script, facts: SessionFacts, conversation: Conversation) -> str:
    return play(script, "test", facts, conversation).turn.say


def script(text: str) -> Script:
    return parse_script(text, "test")


@pytest.mark.parametrize("path", sorted(PACKAGED.glob("*.yml")), ids=lambda path: path.stem)
def test_each_packaged_script_is_valid(path: Path) -> None:
    loaded = load_script(path)
    assert loaded.description
    assert loaded.steps or loaded.otherwise == "auto"


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("steps:\n  A:\n    - turns:\n        - sya: hi\n", 4, "sya"),
        ("steps:\n  A:\n    - match: {visits: 1}\n      turns: [{say: x}]\n", 3, "visits"),
        ("steps:\n  A:\n    - turns:\n        - error:\n            status: 200\n", 5, "status"),
        ("steps:\n  A:\n    - turns: []\n", 3, "turns"),
        ("steps: [\n", 2, "expected the node content"),
        (
            "steps:\n  A:\n    - turns:\n        - when:\n"
            "            - last_result_matches: '('\n              turns: []\n",
            5,
            "regular expression",
        ),
    ],
)
def test_a_wrong_script_is_refused_with_its_line(text: str, line: int, words: str) -> None:
    with pytest.raises(ScriptError, match=rf"line {line}: .*{words}") as caught:
        script(text)
    assert caught.value.code == "script_invalid"
    assert not caught.value.transient


def test_an_error_of_a_script_survives_pickle() -> None:
    import pickle

    with pytest.raises(ScriptError) as caught:
        script("steps: 7")
    again = pickle.loads(pickle.dumps(caught.value))  # noqa: S301  our own bytes
    assert (again.message, again.code, again.http_status) == (
        caught.value.message,
        "script_invalid",
        422,
    )


def test_behaviours_are_chosen_by_what_is_known_of_the_step() -> None:
    played = script("""
    steps:
      BUILD:
        - match: {attempt: [2, 3]}
          turns: [{say: once more}]
        - match: {item_kind: rework}
          turns: [{say: rework}]
        - match: {item: 1}
          turns: [{say: second item}]
        - match: {visit: 2}
          turns: [{say: second visit}]
        - match: {item_matches: paint}
          turns: [{say: "paint it {{ item.colour }}"}]
        - turns: [{say: first}]
      "*":
        - turns: [{say: "{{ step }} of {{ pipeline }}"}]
    """)
    facts = SessionFacts(step="BUILD")
    for expected, more in (
        ("first", {}),
        ("second visit", {"visit": 2}),
        ("second item", {"visit": 2, "item_index": 1}),
        ("rework", {"item_index": 1, "item_kind": "rework"}),
        ("once more", {"attempt": 2, "item_kind": "rework"}),
        ("paint it red", {"item": '{"task": "paint", "colour": "red"}'}),
    ):
        assert said(played, replace(facts, **more), talk()) == expected
    assert said(played, SessionFacts(step="TEST", pipeline="p"), talk()) == "TEST of p"


def test_branches_follow_the_results_and_come_back() -> None:
    played = script("""
    steps:
      A:
        - turns:
            - say: run it
            - when:
                - last_result_matches: "exit code 0"
                  turns: [{say: green}]
                - turns: [{say: red}, {say: mended, capture: {code: 'exit code (\\d)'}}]
            - say: done
    """)
    facts = SessionFacts(step="A")
    assert said(played, facts, talk()) == "run it"
    assert said(played, facts, talk("exit code 0")) == "green"
    assert said(played, facts, talk("exit code 0", "")) == "done"
    assert said(played, facts, talk("exit code 1")) == "red"
    assert said(played, facts, talk("exit code 1", "exit code 0")) == "mended"
    assert said(played, facts, talk("exit code 1", "exit code 0", "")) == "done"


def test_captures_are_kept_for_later_turns() -> None:
    played = script("""
    steps:
      A:
        - turns:
            - capture: {name: {regex: 'for (\\w+)', source: prompt}}
              say: look
            - capture: {count: 'Ran (\\d+)'}
              say: again
            - say: "{{ name }} has {{ count }} tests"
              call: [{tool: complete, args: {outputs: {report: ["{{ count }}"]}}}]
    """)
    conversation = talk("Ran 12 tests", "Ran 13 tests", prompt="Do it for Ann.")
    turn = play(played, "test", SessionFacts(step="A"), conversation).turn
    assert turn.say == "Ann has 12 tests"
    assert turn.call[0].args == {"outputs": {"report": ["12"]}}


@pytest.mark.parametrize(
    ("text", "conversation", "code"),
    [
        ("steps: {B: [{turns: [{say: x}]}]}", talk(), "script_step_missing"),
        ("steps: {A: [{match: {visit: 9}, turns: [{say: x}]}]}", talk(), "script_visit_missing"),
        ("steps: {A: [{turns: [{say: x}]}]}", talk("r"), "script_exhausted"),
        ("steps: {A: [{turns: [{say: '{{ nope }}'}]}]}", talk(), "script_variable_missing"),
        ("steps: {A: [{turns: [{capture: {a: zzz}}]}]}", talk(), "script_capture_missing"),
        (
            "steps: {A: [{turns: [{when: [{last_result_matches: zzz, turns: []}]}]}]}",
            talk(),
            "script_branch_missing",
        ),
    ],
)
def test_what_a_script_does_not_say_fails_loudly(
    text: str, conversation: Conversation, code: str
) -> None:
    with pytest.raises(ScriptError, match="'test'.*'A'") as caught:
        play(script(text), "test", SessionFacts(step="A"), conversation)
    assert caught.value.code == code
    assert not caught.value.transient


def test_a_repeated_turn_is_answered_so_many_times() -> None:
    played = script("steps: {A: [{turns: [{say: again, repeat: 3}, {say: enough}]}]}")
    facts = SessionFacts(step="A")
    heard = [said(played, facts, talk(*["r"] * count)) for count in range(4)]
    assert heard == ["again", "again", "again", "enough"]


TEXT = st.text(max_size=20)
SHAPES = st.lists(st.lists(TEXT, min_size=1, max_size=3), max_size=5)


@given(prompt=TEXT, rounds=SHAPES)
def test_both_dialects_tell_a_script_the_same(prompt: str, rounds: list[list[str]]) -> None:
    openai: list[dict[str, Any]] = [{"role": "user", "content": prompt}]
    anthropic: list[dict[str, Any]] = [{"role": "user", "content": prompt}]
    for results in rounds:
        ids = [f"call_{number}" for number in range(len(results))]
        calls = [{"id": id, "function": {"name": "t", "arguments": "{}"}} for id in ids]
        uses = [{"type": "tool_use", "id": id, "name": "t", "input": {}} for id in ids]
        openai.append({"role": "assistant", "content": None, "tool_calls": calls})
        anthropic.append({"role": "assistant", "content": uses})
        pairs = list(zip(ids, results, strict=True))
        openai += [{"role": "tool", "tool_call_id": id, "content": text} for id, text in pairs]
        blocks = [
            {"type": "tool_result", "tool_use_id": id, "content": [{"type": "text", "text": text}]}
            for id, text in pairs
        ]
        anthropic.append({"role": "user", "content": blocks})
    ours = conversation_of(Dialect.OPENAI, {"messages": openai})
    theirs = conversation_of(Dialect.ANTHROPIC, {"messages": anthropic})
    assert ours.rounds == theirs.rounds == tuple(tuple(results) for results in rounds)
    assert ours.prompt == theirs.prompt == prompt


@given(turns=st.integers(1, 30), repeats=st.lists(st.integers(1, 4), min_size=1, max_size=8))
def test_every_turn_comes_once_and_in_order(turns: int, repeats: list[int]) -> None:
    nodes = [{"say": str(number), "repeat": count} for number, count in enumerate(repeats)]
    played = Script.model_validate({"steps": {"A": [{"turns": nodes}]}})
    expected = [str(number) for number, count in enumerate(repeats) for _ in range(count)]
    heard = [
        said(played, SessionFacts(step="A"), talk(*["r"] * number))
        for number in range(min(turns, len(expected)))
    ]
    assert heard == expected[: len(heard)]


def test_shared_turns_are_played_in_place() -> None:
    played = script("""
    shared: &look
      - say: look
      - say: listen
    steps:
      A: [{turns: [*look, {say: act}]}]
    """)
    heard = [said(played, SessionFacts(step="A"), talk(*["r"] * count)) for count in range(3)]
    assert heard == ["look", "listen", "act"]


def test_results_are_json_safe_in_arguments() -> None:
    played = script(
        "steps: {A: [{turns: [{say: go}, {call: [{tool: t, args: {x: '{{ last_result }}'}}]}]}]}"
    )
    turn = play(played, "test", SessionFacts(step="A"), talk('a "quoted"\nline')).turn
    assert json.loads(json.dumps(turn.call[0].args)) == {"x": 'a "quoted"\nline'}
