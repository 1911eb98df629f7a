"""Values as logs show them: read as they were written, and as they are when a log was changed on its way."""

from __future__ import annotations

import json
import time
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmdecode.codec.log_literal import DEEPEST, NoLiteralError, compact, read_literal, unescaped
from lmdecode.codec.log_text import plain

NAMES = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=8)
SCALARS = st.none() | st.booleans() | st.integers(-(10**15), 10**15) | st.floats(-1e6, 1e6).map(lambda x: round(x, 6))


def values(texts):
    return st.recursive(
        SCALARS | texts, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4)
    )


ANY = values(st.text(max_size=12))
WORDS = values(st.text("abcXYZ019 ./:_-", max_size=12).map(" ".join).map(str.split).map(" ".join))


@given(ANY.filter(lambda value: isinstance(value, dict | list)))
@settings(max_examples=100, deadline=None)
def test_what_python_and_json_write_is_read_as_it_was(value):
    for text in (repr(value), json.dumps(value), json.dumps(value, ensure_ascii=False)):
        found = read_literal(f"  {text} and more")
        assert found.value == value
        assert (found.end, found.is_cut) == (2 + len(text), False)


@given(WORDS.filter(lambda value: isinstance(value, dict | list)))
@settings(max_examples=80, deadline=None)
def test_a_text_that_was_made_plain_says_the_same(value):
    for text in (repr(value), json.dumps(json.dumps(value)), repr(repr(value))):
        made = plain(text.encode()).strip("\"'")
        assert read_literal(made, is_plain=True).value == value


@given(ANY.filter(bool), st.data())
@settings(max_examples=100, deadline=None)
def test_what_is_cut_off_is_closed_and_said(value, data):
    value = {"whole": value, "last": "end"}
    text = repr(value)
    cut = data.draw(st.integers(1, len(text) - 1))
    found = read_literal(text[:cut])
    assert found.is_cut
    assert isinstance(found.value, dict)
    assert not is_more(found.value, value)


def is_more(part, whole):
    """Whether a part has anything that the whole has not: half a number, half a word."""
    if isinstance(part, dict):
        return any(name not in whole or is_more(each, whole[name]) for name, each in part.items())
    if isinstance(part, list):
        return any(is_more(*each) for each in zip(part, whole, strict=False)) or len(part) > len(whole)
    return part != whole


def test_where_a_value_is_cut_is_said():
    found = read_literal("{'widgets': [{'code': 'CMCoffeeBoiler', 'output': {'targetTemperature': 9")
    assert found.value == {"widgets": [{"code": "CMCoffeeBoiler", "output": {}}]}
    assert found.cut_in == "targetTemperature"


def test_json_text_in_a_string_stays_text():
    inner = compact([{"id": "CoffeeBoiler1", "target": 93.5}, []])
    text = json.dumps([{"Boilers": inner, "empty": "[]"}])
    assert read_literal(text).value == [{"Boilers": inner, "empty": "[]"}]
    assert read_literal(plain(text.encode()), is_plain=True).value == [{"Boilers": inner, "empty": "[]"}]


@pytest.mark.parametrize("text", [r"b'{\"name\":\"x\"}\x00'", r"bytearray(b'{\"name\":\"x\"}\x00')"])
def test_bytes(text):
    found = read_literal(f"{text} to 0b0b")
    assert found.value == b'{"name":"x"}\x00'
    assert found.end == len(text)


def test_bytes_that_are_no_text():
    assert read_literal(repr(bytes(range(256)))).value == bytes(range(256))


def test_words_of_python_that_are_no_values():
    found = read_literal("{'code': <WidgetType.X: 'CMX'>, 'when': datetime.now, 'n': 1}")
    assert found.value == {"code": "<WidgetType.X: 'CMX'>", "when": "datetime.now", "n": 1}


@pytest.mark.parametrize("text", ["", "   ", "=", "{" * (DEEPEST + 1), "[" * 100_000])
def test_no_value(text):
    with pytest.raises(NoLiteralError):
        read_literal(text)


def test_escapes_of_json_and_python():
    assert unescaped(r"a\n\t\"\'\\\/\x41\u00e9\U0001F600\101") == "a\n\t\"'\\/Aé😀A"
    assert unescaped(r"\ud83d\ude00") == "😀"
    assert unescaped(r"\ud83d") == "\ufffd"
    assert unescaped(r"\q\U99999999") == "\\q\ufffd"


@pytest.mark.parametrize("unit", ["{'a': ", "['x', ", "'", "\\", '"a" ', "{", "[]", "b'", '"{"', "<", "1", '"[{"a":"'])
def test_twice_as_long_a_text_takes_about_twice_as_long(unit):
    def seconds(size, *, is_plain):
        begin = time.process_time()
        with suppress(NoLiteralError):
            read_literal("{'x': [" + unit * (size // len(unit)), is_plain=is_plain)
        return time.process_time() - begin

    def growth(*, is_plain):
        return seconds(60_000, is_plain=is_plain) / max(seconds(30_000, is_plain=is_plain), 0.01)

    assert any(growth(is_plain=False) < 2.8 for _ in range(4))
    assert any(growth(is_plain=True) < 2.8 for _ in range(4))
