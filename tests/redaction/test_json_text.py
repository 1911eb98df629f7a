"""Values in texts of JSON and of Python are replaced where they stand; all else stays, and damage ends the text."""

from __future__ import annotations

import ast
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.redaction.json_text import rewritten

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


class Keep:
    def key(self, name: str) -> str:
        return name

    def text(self, _name: str, value: str) -> str:
        return value

    def number(self, _name: str, digits: str) -> str:
        return digits


class Mark(Keep):
    """Puts the name into the place of each value."""

    def text(self, name: str, _value: str) -> str:
        return f"<{name}>"


def marked(value: object, name: str = "") -> object:
    if isinstance(value, dict):
        alias = value["name"] if isinstance(value.get("name"), str) and value["name"] else None
        names = list(value)
        return {
            each: marked(
                inner, alias if each == "value" and alias and names.index("name") < names.index("value") else each
            )
            for each, inner in value.items()
        }
    if isinstance(value, list):
        return [marked(each, name) for each in value]
    return f"<{name}>" if isinstance(value, str) else value


@given(VALUES, st.sampled_from([None, 1]), st.booleans())
def test_what_a_rule_keeps_stays_to_the_character(value, indent, ascii_only):
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    assert rewritten(text, Keep()) == (text, True)


@given(VALUES)
def test_each_text_is_replaced_by_its_name_and_nothing_else_changes(value):
    found = rewritten(json.dumps(value), Mark())
    assert found.is_whole
    assert json.loads(found.text) == marked(value)


@given(VALUES)
def test_what_python_prints_is_read_like_json(value):
    found = rewritten(repr(value), Mark())
    assert found.is_whole
    assert ast.literal_eval(found.text) == marked(value)


@given(VALUES, st.data())
def test_a_text_that_is_cut_off_gives_no_value_unchanged(value, data):
    text = json.dumps(value)
    cut = text[: data.draw(st.integers(0, len(text)))]
    found = rewritten(cut, Mark())
    assert json.dumps(marked(value)).startswith(found.text)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ('{"a": "x", "b": %', '{"a": "<a>", "b": '),
        ('{"a": "x" "secret"}', '{"a": "<a>" "<a>"}'),
        ('{"a": secret}', '{"a": '),
        ('"unfinished', ""),
        ("no JSON", ""),
    ],
)
def test_what_stands_behind_damage_is_left_out(text, kept):
    found = rewritten(text, Mark())
    assert found.text == kept
    assert not found.is_whole or kept.endswith("}")


def test_the_first_micras_name_their_values_by_another_member():
    text = '[{"name": "MachineMode", "value": "StandBy"}]'
    assert rewritten(text, Mark()).text == '[{"name": "<name>", "value": "<MachineMode>"}]'


def test_depth_is_no_problem():
    found = rewritten("[" * 100_000, Keep())
    assert not found.is_whole
