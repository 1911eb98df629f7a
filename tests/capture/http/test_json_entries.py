"""Objects cut out of JSON: any values, however the file is split."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from lmdecode.capture.http.json_entries import Tally, entries

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.sampled_from(['"', "\\", '\\"}]', "entries"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=12,
)
OBJECTS = st.lists(st.dictionaries(TEXTS, VALUES, max_size=3), max_size=4)


def cut(content: bytes, size: int):
    return [content[i : i + size] for i in range(0, len(content), size)]


@given(OBJECTS, VALUES, st.booleans(), st.integers(1, 40))
def test_any_objects_in_pieces_of_any_size(objects, other, ascii_only, size):
    tally = Tally()
    before = {} if isinstance(other, dict | list) else {"a": other}
    content = json.dumps({"log": {**before, "entries": objects}}, ensure_ascii=ascii_only).encode()
    assert list(entries(cut(content, size), tally, b"")) == objects
    assert tally == Tally(whole=len(objects))


@given(OBJECTS, st.sampled_from(["lines", "list"]), st.integers(1, 40))
def test_without_a_list_of_entries(objects, form, size):
    objects = [{"no": json.dumps(each)} for each in objects]
    content = json.dumps(objects) if form == "list" else "\n".join(map(json.dumps, objects))
    assert list(entries(cut(content.encode(), size), Tally(), b"")) == objects


@given(st.binary(max_size=60) | st.text('{}[]"\\:,1entris', max_size=60).map(str.encode), st.integers(1, 9))
def test_any_bytes(content, size):
    tally, other = Tally(), Tally()
    found = list(entries(cut(content, size), tally, b""))
    assert repr(found) == repr(list(entries([content], other, b"")))
    assert tally == other


def test_what_is_lost_is_counted_only_if_it_matters(monkeypatch):
    monkeypatch.setattr("lmdecode.capture.http.json_entries.LARGEST", 50)
    tally = Tally()
    content = json.dumps([{"a": "x" * 60}, {"a": "The.Maker" * 8}, {"a": 1}]).encode()
    assert list(entries([content], tally, b"the.maker")) == [{"a": 1}]
    assert tally == Tally(whole=1, too_large=1)


def test_json_within_a_string_is_one_part(monkeypatch):
    monkeypatch.setattr("lmdecode.capture.http.json_entries._MOST_PARTS", 20)
    long, many = {"a": json.dumps([{"b": ["c"]}] * 50)}, {"a": [{"b": ["c"]}] * 50}
    tally = Tally()
    assert list(entries([json.dumps([long, many]).encode()], tally, b"")) == [long]
    assert tally == Tally(whole=1, too_large=1)
