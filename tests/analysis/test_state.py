"""The model of a machine that is watched, fed with what a simulated one says."""

# ruff: noqa: DTZ001 -- the machine's clock has no zone
from __future__ import annotations

import math
from datetime import datetime

import pytest

from lmdecode.analysis.state import LiveMachine
from lmdecode.capture import decode_capture
from lmdecode.codec.record import Kind, Record
from lmdecode.codec.v1 import speakers_with
from lmdecode.codec.v1.decoder import FrameDecoder
from lmdecode.codec.v1.key import Key
from tests.analysis import newer
from tests.cli.conftest import CAPTURES

KEY = Key.parse("12345678901234567890123456789012")


@pytest.fixture
def captured():
    machine, records = (
        LiveMachine(),
        list(decode_capture(CAPTURES / "gs3av-settings.pcap", speakers_with(FrameDecoder(KEY)))),
    )
    for record in records:
        machine.feed(record)
    return machine, records


def test_a_capture(captured):
    machine, records = captured
    assert machine.count == len(records) == 94
    assert machine.damaged == 0
    last = [each.fields["coffee_temp"] for each in records if each.sender == "machine" and "coffee_temp" in each.fields]
    assert machine.fields["coffee_temp"] == last[-1]
    assert machine.fields["coffee_set_temp"] == 93.5  # as it was read after the write, not as it was before
    assert machine.model == "GS3 AV"
    history = machine.history["coffee_temp"]
    assert [time for time, _ in history] == sorted({time for time, _ in history})
    assert {value for _, value in history} <= set(last)
    assert all(each.sender == "machine" for each in machine.messages)


def test_what_is_asked_for_is_not_so_yet():
    machine = LiveMachine()
    machine.feed(Record(0, 0, "app", "a", "m", Kind.WRITE, "request", 7, 2, fields={"coffee_set_temp": 99.0}))
    assert not machine.fields
    assert machine.count == 1


def test_no_value_of_a_damaged_message_is_believed():
    machine = LiveMachine()
    damaged = Record(
        0, 0, "machine", "m", "a", Kind.READ, "report", 0x401C, 4, "03bc04d8", fields={"coffee_temp": 95.6},
        raw=b"@%", problems=("wrong check byte",),
    )  # fmt: skip
    machine.feed(damaged)
    machine.feed(Record(1, 0, "machine", "m", "a", problems=("gap",)))
    assert not machine.fields
    assert machine.damaged == 2
    assert len(machine.messages) == 2


def test_a_value_that_is_none_leaves_the_others():
    machine = LiveMachine()
    record = Record(
        0,
        0,
        "machine",
        "m",
        "a",
        Kind.READ,
        "response",
        0,
        2,
        "07",
        fields={"power": True},
        problems=("clock: no time",),
    )
    machine.feed(record)
    assert machine.fields == {"power": True}
    assert machine.damaged == 1


def test_secrets_are_not_taken_for_bytes():
    machine = LiveMachine()
    machine.feed(Record(0, 0, "machine", "m", "a", Kind.READ, "response", 0x0110, 2, "00**"))
    assert machine.model is None


def test_readings_of_one_moment_are_one():
    machine = LiveMachine()
    for time_ns in (0, 100, 500_000_000, 2_000_000_000):
        machine.feed(Record(time_ns, 0, "machine", "m", "a", Kind.READ, "report", fields={"coffee_temp": 95.0}))
    assert [time for time, _ in machine.history["coffee_temp"]] == [0, 500_000_000, 2_000_000_000]


def test_the_messages_are_those_that_say_something_new():
    machine = LiveMachine()

    def say(time_ns, address, data, problems=(), **fields):
        machine.feed(
            Record(
                time_ns, 0, "machine", "m", "a", Kind.READ, "response", address, len(data) // 2, data, None, fields,
                problems=problems,
            )
        )  # fmt: skip

    say(1, 0x4017, "0101", power=True, water_reservoir_contact=True)
    for time_ns, address, data in ((2, 0x0300, "001a0906020115"), (3, 0x401C, "03bc04d8"), (4, 0x6000, "00" * 22)):
        say(time_ns, address, data)  # shown elsewhere
    say(5, 0x4017, "0101", power=True, water_reservoir_contact=True)
    say(6, 0x4017, "0100", power=True, water_reservoir_contact=False)
    say(7, 0x4017, "0100", ("wrong",), power=True, water_reservoir_contact=False)
    say(8, 0x0003, "02", standby_timer=2)
    say(8, 0x401B, "0003b3", heating_state=[], coffee_temp=94.7)
    say(9, 0x401B, "0003b4", heating_state=[], coffee_temp=94.8)  # shown elsewhere, too
    say(9, 0x0003, "03", standby_timer=2)  # a byte that nobody can name
    assert [(record.time_ns, dict(record.fields)) for record in machine.messages] == [
        (9, {}),
        (8, {"heating_state": []}),
        (8, {"standby_timer": 2}),
        (7, {"power": True, "water_reservoir_contact": False}),
        (6, {"water_reservoir_contact": False}),
        (1, {"power": True, "water_reservoir_contact": True}),
    ]
    assert machine.count == 11


def test_a_machine_that_speaks_of_names():
    machine = LiveMachine()
    for record in newer.local_morning():
        machine.feed(record)
    assert (machine.model, machine.fields["coffee_set_temp"], machine.fields["power"]) == ("LINEA", 93.0, False)
    assert len(machine.history["coffee_temp"]) == 25
    assert machine.shots.count == 3
    told = [record.fields for record in machine.messages]
    assert told[0] == {"power": False}
    assert all("flow_seconds" not in fields and "coffee_temp" not in fields for fields in told)


def test_a_value_holds_until_there_is_another():
    machine = LiveMachine()
    for second, degrees in ((0, 92.0), (1, 95.0), (2.5, 98.0), (60, 95.0)):
        machine.feed(newer.pushed(second, "bluetooth", {"coffee_temp": degrees}))
    kept = [((time - newer.START_NS) / 1e9, value) for time, value in machine.history["coffee_temp"]]
    assert kept == [(0, 95.0), (2.5, 98.0), (60, 95.0)]  # of those close together the last one holds
    machine.disconnect(newer.START_NS + 70 * 10**9)
    machine.disconnect(newer.START_NS + 80 * 10**9)
    assert [math.isnan(value) for _, value in machine.history["coffee_temp"]] == [False] * 3 + [True]
    assert not machine.history["steam_temp"]


def test_names_that_no_table_has_are_news_once():
    machine = LiveMachine()
    for second, value in enumerate(["a", "a", "b", "a"]):
        machine.feed(newer.pushed(second, "v3", {}, extra={"Never": value}))
    assert [record.extra for record in machine.messages] == [{"Never": "a"}, {"Never": "b"}, {"Never": "a"}]


def test_what_is_kept_is_short():
    machine = LiveMachine()
    for second in range(1000):
        long = {f"Name{second}": "x" * 10_000}
        machine.feed(newer.pushed(second, "v3", {"gateway_boot_reason": "y" * 10_000 + str(second)}, extra=long))
    machine.feed(newer.pushed(1001, "v3", {})._replace(problems=("cut",), raw=b"z" * 10_000))
    assert all(len(str(record)) < 2000 for record in machine.messages)
    assert len(machine._extra) <= 500


def test_the_clock_of_a_gateway_goes_on():
    machine = LiveMachine()
    schedule = [{"days": ["saturday"], "enabled": True, "timeOn": "24:0", "timeOff": "9:30"}]
    values = {"clock": "2026-11-21T09:29:00"}
    machine.feed(newer.pushed(0, "v3", values, kind=Kind.READ, extra={"wakeUpSleepEntries": schedule}))
    soon, later = newer.START_NS + 30 * 10**9, newer.START_NS + 90 * 10**9
    assert machine.clock(soon) == datetime(2026, 11, 21, 9, 29, 30)
    assert machine.next_switch(soon) == (datetime(2026, 11, 21, 9, 30), False)
    assert machine.next_switch(later) == (datetime(2026, 11, 28, 9, 30), False)


def test_totals_while_it_goes_on():
    machine = LiveMachine()
    morning = [*newer.brewed(0, 12, "brew", "bluetooth"), *newer.brewed(30, 9, "flush", "bluetooth")]
    for record in [*morning, *newer.brewed(60, 20, "brew", "bluetooth")[:-5]]:
        machine.feed(record)
    last = machine.shots.shots(0)[-1].end_ns
    assert machine.shots.totals(last + 10**9) == (1, 1, 0)  # it runs
    assert machine.shots.totals(last + 10**10) == (1, 1, 1)
    machine.disconnect(last)
    assert machine.shots.running(last) is None
    machine.feed(newer.pushed(80, "bluetooth", {"steam_temp": 130.0}))
    assert machine.shots.running(last) is None  # that says nothing of water
