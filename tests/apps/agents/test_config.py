"""config.yml: one wrong value costs its own key; saving touches only what changed."""

import difflib
import json
from typing import Any

import pytest
from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from apps.agents.config import (
    CONFIG_KEYS,
    NIGHT,
    blackout,
    check_values,
    clock_time,
    config_text_with,
    effective,
    flattened,
    nested,
    parse_config,
)


def values(text: str) -> dict[str, Any]:
    parsed = parse_config(text)
    assert parsed.values is not None, parsed.findings
    return parsed.values


def test_defaults_of_every_key() -> None:
    config = effective()

    assert config["thinking_level"] == "off"
    assert config["max_concurrent_steps"] == 2
    assert config["tools"] == ["read", "write", "bash"]
    assert config["thread_mode"] == "passive"
    assert config["slack_decision_timeout_ms"] == 15_000
    assert config["pulse_enabled"] is False
    assert config["pulse_interval_minutes"] == 30
    assert config["pulse_container_timeout_ms"] == 120_000
    assert config["pulse_max_consecutive_skips"] == 5
    assert config["pulse_blackouts"] == [NIGHT]
    assert config["coordination"] == {
        "max_concurrent_pulse_sessions": 2,
        "wake_guardrails": {
            "cooldown_seconds": 300,
            "max_daily_session_minutes": 120,
            "max_wakes_per_day": 12,
            "max_wakes_per_pair_per_day": 5,
        },
    }
    assert config["max_wake_depth"] == 4
    assert config["run_when_idle"] is False
    assert config["model"] is None


@pytest.mark.parametrize(
    "text",
    [
        "thinking_model: snake\nthinkingModel: camel\n",
        "thinkingModel: camel\nthinking_model: snake\n",
    ],
)
def test_snake_case_wins_over_its_alias_wherever_it_stands(text: str) -> None:
    assert values(text) == {"thinking_model": "snake"}


def test_an_alias_alone_counts() -> None:
    assert values("executorModel: a/b\nthreadMode: active\n") == {
        "executor_model": "a/b",
        "thread_mode": "active",
    }


@pytest.mark.parametrize("word", ["off", "'off'", "false", "Off"])
def test_off_in_any_spelling_is_off(word: str) -> None:
    assert values(f"thinking_level: {word}\n") == {"thinking_level": "off"}


@pytest.mark.parametrize(
    ("given_time", "stored"),
    [("07:00", "07:00"), ("7:05", "07:05"), (420, "07:00"), (1380, "23:00"), (1439, "23:59")],
)
def test_times_of_day_are_mended(given_time: object, stored: str) -> None:
    assert clock_time(given_time) == stored


@pytest.mark.parametrize("given_time", ["24:00", "7", 1440, -1, True, None, "07:60", 7.5])
def test_other_times_of_day_are_refused(given_time: object) -> None:
    with pytest.raises(ValueError, match="HH:MM"):
        clock_time(given_time)


def test_blackouts_take_both_spellings() -> None:
    assert blackout({"type": "one-off", "start": "2026-05-01", "end": "2026-05-02T10:00"}) == {
        "type": "one_off",
        "label": "",
        "start_time": "2026-05-01T00:00:00",
        "end_time": "2026-05-02T10:00:00",
    }
    assert blackout({"start_time": 1380, "end_time": "7:00"})["days_of_week"] == list(range(7))


def test_wrong_value_costs_only_its_own_key_and_names_its_line() -> None:
    parsed = parse_config("model: a/b\npulse_interval_minutes: often\npulse_enabled: yes\n")

    assert parsed.values == {"model": "a/b", "pulse_enabled": True}
    (finding,) = parsed.findings
    assert (finding.code, finding.line, finding.path) == (
        "config_bad_value",
        2,
        "pulse_interval_minutes",
    )


def test_unknown_keys_are_kept_and_told() -> None:
    parsed = parse_config("model: a/b\nfuture:\n  deep: [1, 2]\n")

    assert parsed.values == {"model": "a/b", "future": {"deep": [1, 2]}}
    assert [(f.code, f.line) for f in parsed.findings] == [("config_unknown_key", 2)]
    assert effective(parsed.values)["future"] == {"deep": [1, 2]}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("model: a\n  bad: [\n", 2),
        ("model: a\nmodel: b\n", 2),
        ("- just\n- a list\n", 1),
        ("model: a\n\ttabs: b\n", 2),
    ],
)
def test_malformed_file_tells_the_line(text: str, line: int) -> None:
    parsed = parse_config(text)

    assert parsed.values is None
    assert [(f.code, f.line) for f in parsed.findings] == [("config_malformed", line)]


def test_a_small_file_that_stands_for_a_huge_tree_is_malformed() -> None:
    lines = ["a0: &a0 [1,1,1,1,1,1,1,1,1,1]"]
    lines += [f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 9)]

    assert parse_config("\n".join(lines)).values is None


@pytest.mark.parametrize("text", ["a: &a [*a]\n", "a: &a {b: *a}\n", "a: &a\n  b: *a\n"])
def test_an_endless_tree_ends(text: str) -> None:
    parsed = parse_config(text)
    assert parsed.values is None or json.dumps(parsed.values)


@given(st.text(max_size=400))
def test_any_text_is_a_config(text: str) -> None:
    parsed = parse_config(text)
    if parsed.values is not None:
        assert set(effective(parsed.values)) >= {"model", "tools", "coordination"}


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(sorted(CONFIG_KEYS)), _JSON))
def test_values_are_either_checked_or_refused(given_values: dict[str, Any]) -> None:
    checked, errors = check_values(given_values)

    assert set(checked) | set(errors) == set(given_values)
    again, none = check_values(checked)
    assert (again, none) == (checked, {}), "a stored value is a legal value"


@given(st.dictionaries(st.sampled_from(sorted(CONFIG_KEYS)), st.integers()))
def test_nesting_is_undone_by_flattening(flat: dict[str, Any]) -> None:
    assert flattened(nested(flat)) == flat


FILE = """\
# How Ada runs.
model: a/b   # the cheap one

thinkingModel: x/y
thinking_level: off
pulse_columns:
- Ready
- Failed      # rework first
notes: >
  kept as it
  was written
coordination:
  wake_guardrails:
    cooldown_seconds: 5   # five
"""


def changed_lines(before: str, after: str) -> list[str]:
    lines = difflib.ndiff(before.splitlines(), after.splitlines())
    return [line for line in lines if line[0] in "+-"]


def test_saving_rewrites_only_what_changed() -> None:
    after = config_text_with(FILE, {"model": "c/d"})

    assert changed_lines(FILE, after) == [
        "- model: a/b   # the cheap one",
        "+ model: c/d   # the cheap one",
    ]


def test_saving_keeps_the_alias_that_the_file_uses() -> None:
    after = config_text_with(FILE, {"thinking_model": "q"})
    assert changed_lines(FILE, after) == ["- thinkingModel: x/y", "+ thinkingModel: q"]


def test_saving_a_nested_key_goes_into_its_place() -> None:
    after = config_text_with(FILE, {"coordination.wake_guardrails.max_wakes_per_day": 3})
    assert changed_lines(FILE, after) == ["+     max_wakes_per_day: 3"]


def test_none_removes_a_key() -> None:
    after = config_text_with(FILE, {"model": None, "thinking_model": None})
    assert changed_lines(FILE, after) == [
        "- model: a/b   # the cheap one",
        "- ",
        "- thinkingModel: x/y",
    ]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("thinking_level", "off"),
        ("model", "yes"),
        ("timezone", "Europe/Berlin"),
        ("pulse_blackouts", [NIGHT]),
        ("pulse_columns", ["On", "12:30"]),
    ],
)
def test_what_is_saved_reads_the_same_in_both_yaml_dialects(key: str, value: Any) -> None:
    text = config_text_with("", {key: value})

    assert values(text) == {key: value}
    old = YAML(typ="safe", pure=True)
    old.version = (1, 1)
    assert old.load(text) == {key: value}


_MODELS = st.text(
    st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=20
)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "model": _MODELS,
            "pulse_interval_minutes": st.integers(1, 10_080),
            "pulse_columns": st.lists(_MODELS, max_size=4),
            "run_when_idle": st.booleans(),
            "coordination.wake_guardrails.max_wakes_per_day": st.integers(0, 100),
            "max_daily_cost_usd": st.floats(0, 1e6),
        },
    )
)
def test_what_is_saved_is_read_back_and_the_rest_stays(changes: dict[str, Any]) -> None:
    changes, errors = check_values(changes)
    assert errors == {}
    before = values(FILE)
    assert values(config_text_with(FILE, changes)) == {**before, **changes}


def test_every_key_is_documented() -> None:
    text = (settings.BASE_DIR / "docs/agents.md").read_text()
    assert [name for name in CONFIG_KEYS if f"`{name}`" not in text] == []
