"""JSON text that is damaged, cut off or odd: what can be read of it is, and what is said of it is true."""

from __future__ import annotations

import json

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmdecode.codec.json_text import DEEPEST, parsed


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1, "b": [1, 2, {"c": true, "d', {"a": 1, "b": [1, 2, {"c": True}]}),
        ('{"a": 1, "b": 12', {"a": 1}),
        ('{"a": 1, "b": 12 ', {"a": 1, "b": 12}),
        ('{"a": 1, "b": 1.5e', {"a": 1}),
        ('{"a": 1, "b": "te', {"a": 1}),
        ('{"a": 1, "b": tr', {"a": 1}),
        ('{"a": 1,', {"a": 1}),
        ('{"a": {"b": 1}', {"a": {"b": 1}}),
        ('{"a": 1, "b": {', {"a": 1}),
        ("[1, 2", [1]),
        ('{"a', None),
        ("{", None),
        ("", None),
        (r'{"a": "[{\"id\":\"x\",\"v\":1},{\"id\":\"y', {"a": [{"id": "x", "v": 1}, {"id": "y"}]}),
        (r'{"a": "[{\"id\":\"x\",\"v\":1},{\"id\":\"', {"a": [{"id": "x", "v": 1}]}),
        (r'{"m": "{\"inner\":\"[{\\\"t\\\":1},{\\\"t', {"m": {"inner": [{"t": 1}]}}),
        (r'{"m": "{\"a\":1,\"b\":\"\u00', {"m": {"a": 1}}),
    ],
)
def test_what_stands_before_a_cut_is_read(text, value):
    if text.endswith('\\"y'):  # the last text within the text has no end
        value = {"a": [{"id": "x", "v": 1}]}
    assert parsed(text) == (value, "the JSON is cut off", False)


@pytest.mark.parametrize(
    ("text", "value", "at"),
    [
        ('{"a": 1, "b": ?, "c": 3}', {"a": 1}, 15),
        ('{"a": 1} {"b": 2}', {"a": 1}, 10),
        ("[1, 2 3]", [1, 2], 7),
        ("<html>", None, 1),
        ('{"a": 1}}', {"a": 1}, 9),
    ],
)
def test_damage_is_told_with_its_place(text, value, at):
    assert parsed(text) == (value, f"the JSON is damaged at character {at}", False)


@pytest.mark.parametrize(
    ("text", "value", "problem"),
    [
        ("[NaN, 1]", ["NaN", 1], "the JSON has NaN for a number"),
        ('{"a": -Infinity}', {"a": "-Infinity"}, "the JSON has -Infinity for a number"),
        ("[1e999]", ["1e999"], "the JSON has a number that is too great"),
        ('{"a": 1, "a": 2}', {"a": 2}, "the JSON has a member twice, and the last one is used"),
        (f"[{'9' * 5000}]", ["9" * 5000], "the JSON has a number of 5000 digits"),
    ],
)
def test_what_nobody_could_write_down_again_becomes_text(text, value, problem):
    assert parsed(text) == (value, problem, False)
    json.loads(json.dumps(parsed(text).value, allow_nan=False))


def test_numbers_that_only_look_odd_are_numbers():
    assert parsed('["NaN", 1e100, 1e-999, 123]') == (["NaN", 1e100, 0.0, 123], "", True)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 500, "[" * 500 + "]" * 500, "[1, [2, " + "[" * 70])
def test_what_is_nested_too_deeply_is_said_to_be(text):
    assert parsed(text) == (None, "the JSON is nested too deeply", False)


def test_nesting_is_not_the_same_as_many_brackets():
    text = json.dumps([[each] for each in range(500)])
    assert parsed(text).problem == ""
    nested = "[" * (DEEPEST - 1) + "]" * (DEEPEST - 1)
    assert parsed(nested).problem == ""


def test_a_line_break_within_a_text_is_no_damage():
    assert parsed('{"a": "b\nc"}') == ({"a": "b\nc"}, "", True)


_INTEGERS = st.integers(-(1 << 63), (1 << 64) - 1)
_ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), (1 << 64) - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda each: st.lists(each, max_size=4) | st.dictionaries(st.text(max_size=4), each, max_size=4),
    max_leaves=20,
)


@settings(max_examples=60)
@given(_ANY, st.data())
def test_every_cut_gives_a_part_of_the_value(value, data):
    text = json.dumps(value)
    assert parsed(text) == (value, "", True)
    cut = data.draw(st.integers(0, len(text)))
    found = parsed(text[:cut])
    if isinstance(value, dict | list):
        assert is_part(found.value, value)
        assert found.problem == ("the JSON is cut off" if cut < len(text) else "")


def is_part(part, whole):
    """Whether a value has nothing that the whole has not; the beginning of a text in a text counts as its value."""
    if part is None or part == whole:
        return True
    if isinstance(part, dict) and isinstance(whole, dict):
        return all(name in whole and is_part(each, whole[name]) for name, each in part.items())
    if isinstance(part, list) and isinstance(whole, list):
        return len(part) <= len(whole) and all(is_part(one, other) for one, other in zip(part, whole, strict=False))
    return isinstance(whole, str) and whole.lstrip()[:1] in {"{", "["}


@given(st.text(alphabet='{}[]",:\\ntrue0123.eu\x00 ', max_size=60))
def test_any_text_gives_something_that_can_be_written_down(text):
    json.dumps(parsed(text).value, allow_nan=False)


@pytest.mark.parametrize(
    ("text", "value", "problem"),
    [
        ('{"\\ud800": ["\\uDFFF!"]}', {"\ufffd": ["\ufffd!"]}, "the JSON has half a character"),
        ('["\ud800"]', ["\ufffd"], "the JSON has half a character"),
        ('["\\ud83d\\ude00"]', ["\U0001f600"], ""),
        ("[18446744073709551616]", ["18446744073709551616"], "the JSON has a number of 20 digits"),
        ("[18446744073709551615]", [18446744073709551615], ""),
    ],
)
def test_a_value_can_be_written_down_by_every_program(text, value, problem):
    found = parsed(text)
    assert (found.value, found.problem) == (value, problem)
    orjson.dumps(found.value)
