"""Pushes are snapshots; Records have what is new in them."""

from __future__ import annotations

from lmdecode.codec.lion.snapshots import Snapshots
from lmdecode.codec.vocabulary import Reading

NONE = frozenset()


def changes(snapshots, fields, extra=None, *, to="/a", codes=NONE, is_whole=True):
    found = snapshots.changes(to, Reading(fields, extra or {}, ()), codes, is_whole=is_whole)
    return found.fields, found.extra


def test_the_first_has_all_and_the_others_what_differs():
    snapshots = Snapshots()
    assert changes(snapshots, {"power": True, "coffee_set_temp": 93.0}, {"a": [1]})[0] == {
        "power": True,
        "coffee_set_temp": 93.0,
    }
    assert changes(snapshots, {"power": True, "coffee_set_temp": 94.0}, {"a": [1]}) == ({"coffee_set_temp": 94.0}, {})
    assert changes(snapshots, {"power": True, "coffee_set_temp": 94.0}, {"a": [2]}) == ({}, {"a": [2]})


def test_an_event_is_told_whole():
    snapshots = Snapshots()
    coffee = {"last_coffee_time": "2026-11-21T02:55:55.174Z", "last_coffee_key": 5, "power": True}
    changes(snapshots, coffee)
    assert changes(snapshots, {**coffee, "power": False}) == ({"power": False}, {})
    later = {**coffee, "last_coffee_time": "2026-11-21T03:55:55.174Z"}
    assert changes(snapshots, later)[0] == later


def test_what_was_away_is_new_when_it_is_back():
    snapshots = Snapshots()
    for fields in ({"brewing_since": "2026-11-21T02:55:55.174Z"}, {}):
        changes(snapshots, fields)
    assert changes(snapshots, {"brewing_since": "2026-11-21T02:55:55.174Z"})[0]


def test_a_time_that_moves_by_a_millisecond_has_not_changed_but_many_milliseconds_count():
    snapshots = Snapshots()
    times = [f"2026-11-21T02:55:55.{174 + number}Z" for number in range(5)]
    found = [changes(snapshots, {"last_coffee_time": each}, {"a": {"t": 1_762_927_176_702}})[0] for each in times]
    assert found == [{"last_coffee_time": times[0]}, {}, {}, {"last_coffee_time": times[3]}, {}]


def test_true_is_not_one():
    snapshots = Snapshots()
    changes(snapshots, {}, {"a": 1})
    assert changes(snapshots, {}, {"a": True})[1] == {"a": True}


def test_a_push_that_is_cut_off_takes_nothing_back():
    snapshots = Snapshots()
    changes(snapshots, {"power": True, "coffee_set_temp": 93.0}, codes=frozenset(("A", "B")))
    assert changes(snapshots, {"power": False}, codes=frozenset("A"), is_whole=False) == ({"power": False}, {})
    assert changes(snapshots, {"power": False, "coffee_set_temp": 93.0}, codes=frozenset("AB")) == ({}, {})


def test_what_is_too_large_is_not_remembered():
    snapshots = Snapshots()
    for _ in range(2):
        assert snapshots.changes("/a", Reading({"power": True}, {}, ()), NONE, size=1 << 20).fields == {"power": True}


def test_few_destinations_are_remembered():
    snapshots = Snapshots()
    for number in range(100):
        changes(snapshots, {"power": True}, to=f"/{number}")
    assert changes(snapshots, {"power": True}, to="/99")[0] == {}
    assert changes(snapshots, {"power": True}, to="/0")[0] == {"power": True}
