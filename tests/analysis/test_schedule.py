"""When the machine switches itself next."""

# ruff: noqa: DTZ001 -- the machine's clock has no zone
from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.analysis.state import next_switch
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
