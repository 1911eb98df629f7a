"""The rows of the vocabulary agree with each other and with the memory map, and each can be reached."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmdecode.codec.speakers import dialects
from lmdecode.codec.v1.memory_map import UNITS
from lmdecode.codec.vocabulary import FORMS, SOURCES, by_name, fields_of, likely_source, parts, read, rows
from lmdecode.codec.vocabulary_tree import steps_of

MEASURED = {"coffee_temp", "steam_temp"}
OF_TARGETS = ("target", "setpoint", "tset")
MOST_NEW_NAMES = 140  # columns that a table of records gets beside those of v1


def placed(row, *, bare=False):
    """A document whose only value is an example of what a row is about."""
    value = row.type.example if row.type else {"any": ["thing"]}
    for step in reversed(steps_of(row.path)):
        if isinstance(step, str):
            value = {step: value}
        elif isinstance(step, int):
            value = [None] * step + [value]
        else:
            item = value if isinstance(value, dict) or not step else {}
            for path, wanted in step:
                at = item
                for name in path[:-1]:
                    at = at.setdefault(name, {})
                at[path[-1]] = int(wanted) if wanted.lstrip("-").isdigit() else wanted
            value = item if bare else [item]
    return value


def identity(row):
    return f"{row.source}: {row.path} {row.name}"


def test_every_row_is_reached():
    for row in rows():
        found = read(row.source, placed(row))
        assert found.problems == (), identity(row)
        if row.type is not None:
            assert found.fields[row.name] == row.type.read(row.type.example), identity(row)
            assert found.extra == {}, identity(row)
        else:
            assert list(found.extra.values()) == ([] if row.aside else [{"any": ["thing"]}]), identity(row)


def test_a_body_may_stand_in_a_list_of_one_or_alone():
    for row in rows():
        if row.source in {"command", "lion command", "write"} and "days[" not in row.path:
            bare, listed = read(row.source, placed(row, bare=True)), read(row.source, placed(row))
            assert bare.fields == listed.fields, identity(row)
            assert [*bare.extra.values()] == [*listed.extra.values()], identity(row)


def test_every_path_is_written_as_it_is_read():
    for row in rows():
        again = ""
        for step in steps_of(row.path):
            if isinstance(step, str):
                again += f".{step}" if again else step
            elif isinstance(step, int):
                again += f"[{step}]"
            else:
                again += "[" + ",".join(".".join(path) + "=" + value for path, value in step) + "]"
        assert again == row.path, identity(row)


def test_no_two_rows_say_the_same_of_a_place_and_only_one_is_without_a_name():
    places = Counter((row.source, row.path, row.name) for row in rows())
    assert [place for place, count in places.items() if count > 1] == []
    unnamed = {(row.source, row.path) for row in rows() if row.name is None}
    named = {(row.source, row.path) for row in rows() if row.name is not None}
    assert unnamed & named == set()


def test_a_name_has_one_type_and_one_unit():
    for name, found in by_name(rows()):
        assert len({(row.type.json, row.unit) for row in found}) == 1, name


def test_a_name_of_the_memory_map_has_its_type_and_unit():
    of_v1 = dialects()["v1"].fields()
    shared = [(name, found[0]) for name, found in by_name(rows()) if name in of_v1]
    assert len(shared) > 80
    for name, row in shared:
        assert row.type.json == of_v1[name].type, name
        assert row.unit == UNITS.get(name), name


def test_words_that_the_memory_map_has_are_the_same():
    of_v1 = dialects()["v1"].fields()
    for name, found in by_name(rows()):
        for row in found:
            if name in of_v1 and of_v1[name].words:
                assert row.type.words == of_v1[name].words, name


def test_a_target_is_never_a_measured_temperature():
    for row in rows():
        if row.name in MEASURED:
            assert not any(word in row.path.lower() for word in OF_TARGETS), identity(row)
    assert not MEASURED & fields_of("lion").keys()


def test_the_new_names_are_few_enough_to_be_columns():
    new = {name for name, _ in by_name(rows())} - dialects()["v1"].fields().keys()
    assert len(new) <= MOST_NEW_NAMES
    assert all(name == name.lower() and name.replace("_", "a").isalnum() for name in new)


def test_every_source_has_rows_a_form_and_a_dialect():
    assert {row.source for row in rows()} == set(SOURCES) == set(FORMS)
    assert {name for spoken in SOURCES.values() for name in spoken} == dialects().keys() - {"v1"}


def test_a_note_says_what_the_row_does_not():
    for row in rows():
        assert row.note == row.note.strip()
        assert not row.note.endswith("."), identity(row)
        assert (row.name is None) == (row.type is None)
        assert not (row.aside and row.name), identity(row)


@pytest.mark.parametrize("source", SOURCES)
def test_a_document_of_a_source_is_known_by_its_rows(source):
    document = {}
    for row in rows():
        if row.source == source and "[" not in row.path and "." not in row.path:
            document[row.path] = row.type.example if row.type else "x"
    if len(document) > 1:
        assert likely_source(document) == source


def test_the_parts_of_a_document_are_its_rows_and_the_rest():
    document = {"boilers": [{"id": "CoffeeBoiler1", "target": 93, "new": [1]}], "version": "v1", "later": {"a": None}}
    found = [(part.path, part.value, part.row.name if part.row else "-") for part in parts("configuration", document)]
    assert found == [
        ("boilers[id=CoffeeBoiler1].target", 93, "coffee_set_temp"),
        ("boilers[id=CoffeeBoiler1].new", [1], "-"),
        ("version", "v1", None),
        ("later", {"a": None}, "-"),
    ]


_NAMES = sorted({step for row in rows() for step in steps_of(row.path) if isinstance(step, str)})
_WORDS = sorted(
    {value for row in rows() for step in steps_of(row.path) if isinstance(step, tuple) for _, value in step}
)
_SIMPLE = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([10**400, -(10**18), "", "false", "24:0", '{"a":', '[{"id":"SteamBoiler","current":1}]', "**"])
    | st.sampled_from(_WORDS)
    | st.text(max_size=5)
)
_NAMED = st.sampled_from(_NAMES) | st.sampled_from(["id", "mode", "doseIndex", "doseType", "index", "name", "value"])
_ANY = st.recursive(
    _SIMPLE, lambda each: st.lists(each, max_size=4) | st.dictionaries(_NAMED, each, max_size=5), max_leaves=25
)


@given(st.sampled_from(sorted(SOURCES)), _ANY)
def test_any_json_is_read_and_can_be_written_down(source, value):
    found = read(source, value)
    assert all(isinstance(each, bool | int | float | str | list) for each in found.fields.values())
    json.dumps(found.extra)
    assert read(source, value) == found


@settings(max_examples=40)
@given(st.sampled_from(sorted(SOURCES)), st.dictionaries(st.text(min_size=1).map("~".__add__), _ANY, max_size=5))
def test_what_no_row_knows_is_kept_whole(source, value):
    assert read(source, value) == ({}, value, ())
