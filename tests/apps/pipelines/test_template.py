"""The template language."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.pipelines.template import MAX_VALUE, names, render


def shown(text: str, **variables: str) -> str:
    return render(text, variables).text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a {{x}} b", "a X b"),
        ("{{ x }}{{\tx }}", "XX"),
        ("{{x}}{{y}}", "X"),
        ("{{x.y}} {{ x|upper }} {{a-b}} {x} {{}}", "{{x.y}} {{ x|upper }} {{a-b}} {x} {{}}"),
        ('{"a": {"b": 1}} {% for x in y %}', '{"a": {"b": 1}} {% for x in y %}'),
        ("{% if x %}yes{% endif %}", "yes"),
        ("{% if y %}yes{% endif %}no", "no"),
        ("{% if blank %}yes{% else %}no{% endif %}", "no"),
        ("{% if x %}yes{% else %}no{% endif %}", "yes"),
        ("{% if x %}a{% if y %}b{% else %}c{% endif %}d{% endif %}e", "acde"),
        ("{% if y %}a{% if x %}b{% endif %}c{% else %}{{x}}{% endif %}", "X"),
        ("{%if x%}{{x}}{%endif%}", "X"),
        ("{% endif %}{% else %}{{x}}", "{% endif %}{% else %}X"),
        ("{% if x %}open {{x}}", "{% if x %}open X"),
        ("{% if x %}a{% else %}b {{x}}", "{% if x %}a{% else %}b X"),
        ("{% if x %}a{% else %}b{% else %}c{% endif %}", "a"),
        ("{% if y %}a{% else %}b{% else %}c{% endif %}", "b{% else %}c"),
        ("{% if x %}{% if y %}a{% endif %}", "{% if x %}"),
        ("", ""),
    ],
)
def test_forms(text: str, expected: str) -> None:
    assert shown(text, x="X", blank=" \n") == expected


def test_unknown_names_are_empty_and_reported_once() -> None:
    rendered = render("{{a}}{{b}}{{a}}{% if c %}{{d}}{% endif %}{{known}}", {"known": ""})
    assert rendered.text == ""
    assert rendered.missing == ("a", "b")


def test_names_include_conditions() -> None:
    assert names("{{a}} {% if b %}{{a}}{% else %}{{c}}{% endif %} {{not a name}}") == (
        "a",
        "b",
        "c",
    )


def test_a_huge_value_loses_its_middle() -> None:
    value = "a" * MAX_VALUE + "b" * MAX_VALUE
    text = shown("{{big}}", big=value)
    assert text.startswith("a" * 1000)
    assert text.endswith("b" * 1000)
    assert ".djinnbot/outputs/big" in text
    assert f"{MAX_VALUE} characters left out" in text
    assert len(text) < MAX_VALUE + 200
    assert shown("{{big}}", big="a" * MAX_VALUE) == "a" * MAX_VALUE


SYNTAX = st.lists(
    st.sampled_from(
        ["{{x}}", "{{y}}", "{{", "}}", "{%", "%}", "{% if x %}", "{% else %}", "{% endif %}", "a"]
    ),
    max_size=12,
).map("".join)


@given(SYNTAX, SYNTAX.filter(bool), SYNTAX.filter(bool))
def test_substituted_values_are_never_expanded_again(text: str, x: str, y: str) -> None:
    """Marks that cannot be read as syntax, put in first and then changed to the values, give the
    same text: so nothing in a value was read as syntax."""
    marked = render(text, {"x": "\x01", "y": "\x02"}).text
    expected = "".join({"\x01": x, "\x02": y}.get(char, char) for char in marked)
    assert render(text, {"x": x, "y": y}).text == expected


@given(st.text(), st.text())
def test_text_without_syntax_comes_back_as_it_is(text: str, value: str) -> None:
    plain = text.replace("{", "(")
    assert shown(plain, x=value) == plain
    assert shown("{{x}}", x=value) == value


def test_many_open_conditions_cost_no_stack() -> None:
    assert shown("{% if x %}" * 5000, x="1") == "{% if x %}" * 5000
    assert shown("{% if x %}" * 5000 + "!" + "{% endif %}" * 5000, x="1") == "!"
