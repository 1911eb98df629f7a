"""When the machine switches itself next."""

# ruff: noqa: DTZ001 -- the machine's clock has no zone
from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.analysis.schedule import clock_of, has_schedule, next_switch
from lmdecode.codec.v1.memory import NamedMemory
from lmdecode.codec.v1.memory_map import DAYS
from lmdecode.codec.v1.window import decode_window
from lmdecode.simulator.machine import default_memory
from lmdecode.simulator.physics import switched


def fields(clock="2026-11-21T09:30:00", auto=("global_auto", "sat_auto"), **times):  # a Saturday
    return {"clock": clock, "auto_bitfield": list(auto)} | {"sat_on_time": "06:00", "sat_off_time": "17:00"} | times


@pytest.mark.parametrize(
    ("given_fields", "expected"),
    [
        (fields(), (datetime(2026, 11, 21, 17), False)),
        (fields("2026-11-21T05:59:59"), (datetime(2026, 11, 21, 6), True)),
        (fields("2026-11-21T06:00:00"), (datetime(2026, 11, 21, 17), False)),
        (fields("2026-11-21T17:00:00"), (datetime(2026, 11, 28, 6), True)),
        (fields(auto=["sat_auto"]), None),
        (fields(auto=["global_auto"]), None),
        (fields(sat_on_time="17:00"), None),
        (fields(sat_off_time="99:99"), (datetime(2026, 11, 28, 6), True)),
        (fields("2021-13-01"), None),
        ({}, None),
        ({"clock": "2026-11-21T09:30:00"}, None),
        ({"clock": "2026-11-21T09:30:00", "auto_bitfield": ["global_auto", "sat_auto"]}, None),
    ],
)
def test_next(given_fields, expected):
    assert next_switch(given_fields) == expected


minutes = st.integers(0, 24 * 60 - 1)


@given(st.lists(minutes, min_size=14, max_size=14), st.integers(0, 255), st.integers(0, 7 * 24 * 60))
def test_it_is_what_the_simulated_machine_does(times, bits, start):
    memory = default_memory("GS3 AV")
    hours, mins = bytes(each // 60 for each in times), bytes(each % 60 for each in times)
    memory.write(0x0310, bytes([bits]) + hours + mins)
    now = datetime(2026, 11, 16) + timedelta(minutes=start)
    values, problems = decode_window(0x0310, memory.read(0x0310, 29))
    assert not problems
    found = next_switch(values | {"clock": now.isoformat()})
    registers = NamedMemory(memory)
    expected = None
    candidates = sorted(
        {now + timedelta(days=d) - timedelta(minutes=now.hour * 60 + now.minute - at) for d in range(8) for at in times}
    )
    for moment in candidates:
        on = switched(registers, moment)
        if moment > now and on is not None and expected is None:
            expected = moment, on
    assert found == expected
    assert len(DAYS) == 7


def entry(on="6:30", off="17:0", days=("saturday",), *, enabled=True):
    return {"id": "aB1cD2e", "days": list(days), "enabled": enabled, "steam": True, "timeOn": on, "timeOff": off}


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([entry()], (datetime(2026, 11, 21, 17), False)),
        ([entry(), entry("9:31", "24:0", ["Saturday", "sunday"])], (datetime(2026, 11, 21, 9, 31), True)),
        ([entry(off="24:0")], (datetime(2026, 11, 28, 6, 30), True)),
        ([entry(enabled=False)], None),
        ([entry("8:0", "8:0")], None),
        ([entry("25:00", "x")], None),
        ([{"days": "saturday", "enabled": True}, 5, {"enabled": True}], None),
        ([], None),
    ],
)
def test_the_schedule_of_gateways_since_2024(entries, expected):
    assert next_switch({"clock": "2026-11-21T09:30:00"}, entries) == expected
    assert next_switch({}, entries) is None


def test_the_weekly_schedule_of_earlier_gateways():
    flags = {"clock": "2026-11-21T09:30:00", "global_auto": True, "sat_auto": True}
    times = {"sat_on_time": "06:00", "sat_off_time": "24:00", "sun_on_time": "07:00", "sun_off_time": "08:00"}
    assert next_switch(flags | times) == (datetime(2026, 11, 28, 6), True)
    assert next_switch(flags | times | {"sun_auto": True}) == (datetime(2026, 11, 22, 7), True)
    assert next_switch(flags | times | {"global_auto": False}) is None


def test_a_clock_that_nobody_has_set():
    assert clock_of({"clock": "1901-01-01T00:00:12"}) is None
    assert clock_of({"clock": "2026-11-21T09:30:00+01:00"}) == datetime(2026, 11, 21, 9, 30)
    assert next_switch({"clock": "1901-01-01T00:00:12"}, [entry()]) is None


def test_whether_there_is_a_schedule():
    assert has_schedule({}) is None
    assert has_schedule({"auto_bitfield": ["global_auto"]}) is True
    assert has_schedule({"global_auto": False}) is False
    assert has_schedule({"global_auto": False}, [entry()]) is True
