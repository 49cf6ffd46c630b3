"""Known values do not get through, in whatever form and however a text is cut."""

import base64
import json
import string
import subprocess
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workers.protocol.masking import MASK, MaskedStream, Masker, forms

VALUE = 'p@ss w0rd/+é"x-0123456789'
LONG = "-----BEGIN KEY-----\n" + "\n".join(f"line{n}-" + "Zq7wRt41" * 7 for n in range(6)) + "\n"
SECRETS = st.text(string.ascii_letters + string.digits + '+/=-_ %"\\é\n', min_size=8, max_size=60)
TEXT = st.text(string.ascii_letters + " \n%", max_size=80)


def encodings(value: str) -> dict[str, str]:
    raw = value.encode()
    return {
        "plain": value,
        "base64": base64.b64encode(raw).decode(),
        "base64 url": base64.urlsafe_b64encode(raw).decode(),
        "hex": raw.hex(),
        "url": quote(value, safe=""),
        "url path": quote(value),
        "form": quote_plus(value),
        "json": json.dumps(value),
        "json, not ASCII": json.dumps(value, ensure_ascii=False),
        "json in json": json.dumps({"command": json.dumps(value)}),
    }


@pytest.mark.parametrize("name", sorted(encodings(VALUE)))
def test_a_value_is_taken_out_in_each_encoding(name: str) -> None:
    shown = Masker([VALUE]).masked(f"before {encodings(VALUE)[name]} after")
    assert shown.startswith("before ")
    assert shown.endswith(" after")
    assert MASK in shown
    assert "0123456789" not in shown
    assert base64.b64encode(b"0123456789").decode()[:12] not in shown


@pytest.mark.parametrize("before", ["", "a", "ab", "user:"])
@pytest.mark.parametrize("after", ["", "z", "zz"])
def test_a_value_inside_something_encoded_is_taken_out(before: str, after: str) -> None:
    encoded = base64.b64encode(f"{before}{VALUE}{after}".encode()).decode()
    shown = Masker([VALUE]).masked(encoded)
    assert MASK in shown
    # What is left decodes to no more than a letter of the value.
    assert len(shown.replace(MASK, "")) <= len(base64.b64encode((before + after).encode())) + 6


def test_what_base64_breaks_into_lines_is_taken_out() -> None:
    told = subprocess.run(["base64"], input=LONG, capture_output=True, text=True, check=True)
    assert told.stdout.count("\n") > 3
    assert not set(Masker([LONG]).masked(told.stdout)) - set(MASK + "\n=")


def test_single_lines_of_a_long_value_are_taken_out() -> None:
    shown = Masker([LONG]).masked("  3  " + LONG.splitlines()[3])
    assert shown == f"  3  {MASK}"
    assert Masker([LONG]).masked("-----BEGIN KEY-----") == "-----BEGIN KEY-----"


def test_overlapping_values_leave_no_rest() -> None:
    masker = Masker(["abcdefgh", "efghijkl"])
    assert masker.masked("x abcdefghijkl y") == f"x {MASK} y"


def test_nothing_known_changes_nothing() -> None:
    assert not Masker()
    assert not Masker(["", "abc"])  # too short to be told from words
    assert Masker().masked("abc") == "abc"
    stream = MaskedStream(Masker())
    assert stream.feed("abc") == "abc"
    assert stream.flush() == ""


def test_values_are_added_and_stay() -> None:
    masker = Masker(["first-value"])
    stream = MaskedStream(masker)
    assert stream.feed("second-value ") == "second-value "
    masker.add(["second-value"])
    assert stream.feed("second-value first-value ") == f"{MASK} {MASK} "


def test_structures_are_masked_in_depth() -> None:
    found = Masker([VALUE]).masked_value({"a": [VALUE, 3, (VALUE,)], VALUE: None})
    assert found == {"a": [MASK, 3, (MASK,)], MASK: None}


def test_ordinary_text_is_not_held_back() -> None:
    stream = MaskedStream(Masker(["sk-secret-value"]))
    assert stream.feed("Reading the file.") == "Reading the file."
    assert stream.feed(" sk-se") == " "
    assert stream.feed("t theory") == "sk-set theory"


def test_a_repetitive_value_holds_no_stream_for_ever() -> None:
    stream = MaskedStream(Masker(["a" * 20]))
    told = "".join(stream.feed("a" * 50) for _ in range(100))
    assert MASK in told
    assert len(stream.flush()) < 200


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    before=st.binary(max_size=90),
    after=st.binary(max_size=90),
    columns=st.integers(20, 80),
    crlf=st.booleans(),
    cuts=st.lists(st.integers(0, 400), max_size=8),
)
def test_wrapped_lines_hide_nothing(
    before: bytes, after: bytes, columns: int, crlf: bool, cuts: list[int]
) -> None:
    value = "marker-Zq7w/Rt+41 0f9c"
    encoded = base64.b64encode(before + value.encode() + after).decode()
    lines = [encoded[at : at + columns] for at in range(0, len(encoded), columns)]
    text = ("\r\n" if crlf else "\n").join(lines)
    places = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    stream = MaskedStream(Masker([value]))
    pieces = [text[a:b] for a, b in zip(places, places[1:], strict=False)]
    told = "".join(stream.feed(piece) for piece in pieces) + stream.flush()
    told = told.replace("\r", "").replace("\n", "")
    for offset in range(3):
        inner = base64.b64encode(b"\0" * offset + value.encode()).decode()[4:-4]
        for at in range(len(inner) - 7):
            assert inner[at : at + 8] not in told


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(value=SECRETS, before=TEXT, after=TEXT, cuts=st.lists(st.integers(0, 400), max_size=6))
def test_a_stream_tells_what_the_whole_text_would(
    value: str, before: str, after: str, cuts: list[int]
) -> None:
    masker = Masker([value])
    for form in sorted(forms(value)):
        text = before + form + after
        places = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
        stream = MaskedStream(masker)
        pieces = [text[a:b] for a, b in zip(places, places[1:], strict=False)]
        told = "".join(stream.feed(piece) for piece in pieces) + stream.flush()
        assert form not in told
        assert told.replace(MASK, "") == masker.masked(text).replace(MASK, "")
