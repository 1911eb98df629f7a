"""Changes of named values, of the generations that speak of names and not of addresses."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from lmdecode.analysis.name_changes import NamedChange, NamedRun, NameHistory, grouped_names
from lmdecode.codec.record import Kind, Record
from tests.analysis import newer


def history(records: list[Record]) -> NameHistory:
    found = NameHistory()
    for record in records:
        found.add(record)
    return found


def told(changes: list[NamedChange]) -> list[tuple[str, object, object]]:
    return [(change.name, change.old, change.new) for change in changes]


def named(records: list[Record], name: str) -> list[NamedChange]:
    return [change for change in history(records).changes if change.name == name]


def test_what_is_seen_first_is_no_change():
    assert history([newer.pushed(0, "lion", {"power": True}), newer.pushed(9, "lion", {"power": True})]).changes == []


def test_a_command_of_the_cloud_is_the_cause_of_what_it_settles():
    records = newer.cloud_morning()
    (change,) = named(records, "coffee_set_temp")
    assert (change.old, change.new, change.written) == (93.0, 94.0, False)
    assert [write.fields for write in change.writes] == [{"coffee_set_temp": 94.0}]
    on, off = named(records, "power")
    assert [write.fields for write in on.writes] == [{"power": True}]
    assert [write.subject for write in off.writes] == [
        "POST /things/MR012345/command/CoffeeMachineSettingCoffeeBoilerTargetTemperature",
        "POST /things/MR012345/command/CoffeeMachineBackFlushStartCleaning",
    ][-1:]


def test_an_accepted_write_is_a_change_of_its_own():
    (change,) = named(newer.radio_morning(), "coffee_set_temp")
    assert (change.old, change.new, change.written) == (93.0, 94.0, True)


def test_a_name_without_a_field_that_appears():
    records = [
        newer.pushed(0, "lion", {}, extra={"CMOld": {"a": 1}}),
        newer.pushed(5, "lion", {}, extra={"CMNew": {"b": {"c": 2}}}),
    ]
    assert told(history(records).changes) == [("CMNew.b.c", None, "2")]
    records.append(newer.pushed(9, "lion", {}, extra={"CMNew": {"b": {"c": 3}}, "CMOld": {"a": 1}}))
    change = history(records).changes[-1]
    assert (change.name, change.old, change.new, change.is_field) == ("CMNew.b.c", "2", "3", False)
    assert (change.time_ns - change.since_ns) == 4 * 10**9


def test_what_is_replayed_or_damaged_says_nothing():
    records = [
        newer.pushed(0, "bluetooth", {"coffee_temp": 93.0}),
        newer.pushed(1, "bluetooth", {}, extra={"replay": True, "coffee_temp": 40.0}),
        newer.pushed(2, "bluetooth", {"coffee_temp": 12.0})._replace(kind=None),
        newer.pushed(3, "bluetooth", {"coffee_temp": 13.0})._replace(raw=b"?"),
    ]
    assert history(records).changes == []


def test_a_number_that_keeps_moving_is_one_line_and_a_word_is_not():
    records = [
        newer.pushed(second, "v3", {"coffee_temp": 20.0 + second, "power": second % 2 == 0}) for second in range(10)
    ]
    runs = grouped_names(history(records).changes)
    (moving,) = [run for run in runs if run.first.name == "coffee_temp"]
    assert (moving.changes, moving.least, moving.most) == (9, 20.0, 29.0)
    assert sum(run.first.name == "power" for run in runs) == 9


def test_water_that_flows_is_said():
    change = history(
        [
            *newer.brewed(0, 5, "brew", "v3", 1),
            newer.pushed(5.5, "v3", {"coffee_temp": 90.0}),
            newer.pushed(6, "v3", {"coffee_temp": 91.0}),
        ]
    )
    assert named_flowing(change) == [True]


def test_what_is_pushed_long_after_a_shot_did_not_change_while_water_flowed():
    said = {
        0: {"power": True, "steam_temp": 126.0, "steam_set_temp": 126.0},
        4: {"flow_seconds": 4.0},
        5: {"steam_temp": 123.0},
        6: {"brew_stopped_seconds": 5.1},
        14: {"power": False},
    }
    records = [newer.pushed(second, "bluetooth", fields) for second, fields in said.items()]
    assert [(each.name, each.flowing) for each in history(records).changes] == [("steam_temp", True), ("power", False)]
    # Of what was only asked for, nobody knows when it changed since it was asked for before.
    asked = newer.pushed(20, "bluetooth", {"steam_set_temp": 128.0})._replace(kind=Kind.READ, role="response")
    assert history([*records, asked]).changes[-1].flowing


def named_flowing(found: NameHistory) -> list[bool]:
    return [change.flowing for change in found.changes if change.name == "coffee_temp"]


def test_a_flag_that_becomes_a_number_has_changed():
    assert told(history([newer.pushed(0, "v3", {"new": True}), newer.pushed(1, "v3", {"new": 1})]).changes) == [
        ("new", True, 1)
    ]


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)


@settings(max_examples=40)
@given(st.lists(st.dictionaries(st.text(max_size=4), values, max_size=4), max_size=6))
def test_whatever_is_said_is_read(extras):
    records = [newer.pushed(index, "lion", {}, extra=extra) for index, extra in enumerate(extras)]
    for run in grouped_names(history(records).changes):
        assert isinstance(run, NamedRun)
        assert run.first.old != run.first.new
        assert run.first.record.kind is Kind.STREAM
