"""The names without a field."""

from __future__ import annotations

from lmdecode.analysis.unnamed import OTHERS, UnnamedValues, by_generation
from tests.analysis import newer


def collected(*extras: dict[str, object], generation: str = "lion") -> UnnamedValues:
    found = UnnamedValues()
    for index, extra in enumerate(extras):
        found.add(newer.pushed(index, generation, {}, extra=extra))
    return found


def test_places_in_lists_are_one_name():
    (found,) = collected({"a[0].b": 1, "a[1].b": 2}, {"a[0].b": 1, "a[1].b": 3})
    assert (found.path, found.count, found.changes, found.examples) == ("a[].b", 4, 1, ["1", "2", "3"])


def test_replays_and_requests_that_only_ask_are_left_out():
    found = UnnamedValues()
    found.add(newer.pushed(0, "bluetooth", {}, extra={"replay": True, "x": 1}))
    asked = newer.wrote(1, "lion", "POST /things/MR012345/command/New", {})
    found.add(asked._replace(kind="read", extra={"destination": "a"}))
    found.add(asked._replace(extra={"parameter": 1}))
    assert [each.path for each in found] == ["parameter"]


def test_long_values_are_cut_and_very_many_names_are_bounded():
    (found,) = collected({"a": "x" * 5000})
    assert len(found.last) < 500
    many = collected({f"name{index}": index for index in range(5000)})
    assert len(many) == 2001
    assert [each.count for each in many if each.path == OTHERS] == [3000]


def test_by_protocol():
    found = collected({"a": 1})
    found.add(newer.pushed(5, "v3", {}, extra={"b": 1}))
    assert {name: [each.path for each in names] for name, names in by_generation(found).items()} == {
        "lion": ["a"],
        "v3": ["b"],
    }
