"""From a name and a value to what is written and what must then be read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.codec.errors import RegisterError
from lmdecode.codec.v1.memory import Memory
from lmdecode.codec.v1.memory_map import DAYS, REGISTERS, by_name
from lmdecode.codec.v1.message import build
from lmdecode.codec.v1.setting_change import beside, change, doubts, windows, writes
from lmdecode.codec.v1.window import decode_window

PLAIN = sorted(
    row.name
    for row in REGISTERS
    if row.writable and row.readable and row.minimum is not None and not row.name.endswith(("_hour", "_min"))
)


def memory_with(address, data):
    memory = Memory()
    memory.write(address, data)
    return memory


@given(st.sampled_from(PLAIN), st.data())
def test_what_is_written_is_what_is_then_read(name, data):
    row = by_name(name)[0]
    steps = round((row.maximum - row.minimum) / row.type.step)
    value = round(row.minimum + data.draw(st.integers(0, steps)) * row.type.step, 4)
    asked = change(name, int(value) if row.type.json == "integer" else value)
    memory = Memory()
    assert asked.value_in(memory) is None
    (message,) = writes([asked], memory)
    memory.write(message.address, message.data)
    assert asked.is_made(memory)
    assert asked.value_in(memory) == asked.expected
    assert windows([asked]) == [(message.address, message.length)]
    assert decode_window(message.address, message.data)[0][name] == asked.expected


@pytest.mark.parametrize("name", PLAIN)
def test_beyond_the_range_nothing_is_made(name):
    row = by_name(name)[0]
    for value in (row.minimum - row.type.step, row.maximum + row.type.step):
        with pytest.raises(RegisterError, match=f"{name} must be {row.minimum:g} to {row.maximum:g}"):
            change(name, value)


@given(st.binary(min_size=1, max_size=1), st.sampled_from([*DAYS, "global"]), st.booleans())
def test_one_bit_changes_and_the_others_stay(old, day, state):
    memory = memory_with(0x0310, old)
    asked = change(f"{day}_auto", state)
    (message,) = writes([asked], memory)
    assert (message.address, message.length) == (0x0310, 1)
    before, after = (decode_window(0x0310, data)[0]["auto_bitfield"] for data in (old, message.data))
    assert set(before) ^ set(after) <= {f"{day}_auto"}
    assert (f"{day}_auto" in after) is state
    assert asked.is_made(memory_with(0x0310, message.data))


def test_a_bit_needs_to_be_read_first():
    with pytest.raises(RegisterError, match="must be read first"):
        writes([change("tue_auto", True)], Memory())


def test_a_time_of_day_is_two_writes_for_two_times():
    changes = [change("tue_on_time", "06:30"), change("tue_off_time", "17:00")]
    assert [build(message)[:-2] for message in writes(changes, Memory())] == [b"W031300020611", b"W032100021E00"]
    assert windows(changes) == [(0x0313, 2), (0x0321, 2)]
    memory = memory_with(0x0313, b"\x06\x11")
    memory.write(0x0321, b"\x1e\x00")
    assert [each.value_in(memory) for each in changes] == ["06:30", "17:00"]


def test_a_command_shows_in_another_register():
    on, flush = change("command", "steam_boiler_on"), change("command", "start_backflush")
    assert windows([on]) == [(0x4022, 1)]
    assert on.is_made(memory_with(0x4022, b"\x05"))
    assert not on.is_made(memory_with(0x4022, b"\x04"))
    assert windows([flush]) == []
    assert build(writes([flush], Memory())[0])[:-2] == b"W00E1000182"


@pytest.mark.parametrize(("passed", "made"), [(-1, False), (0, True), (2, True), (5, True), (6, False)])
def test_a_clock_goes_on_while_it_is_read(passed, made):
    asked = change("clock", "2026-11-21T09:30:00")
    read = bytes([30 + passed, 30, 9, 6, 21, 11, 26]) if passed < 0 else bytes([passed, 30, 9, 6, 21, 11, 26])
    if passed < 0:
        read = bytes([59, 29, 9, 6, 21, 11, 26])
    assert asked.is_made(memory_with(0x0300, read)) is made


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("coffee_set_tmp", 93, "did you mean coffee_set_temp"),
        ("coffee_temp", 93, "can only be read"),
        ("pump_on", True, "follows from heating_state"),
        ("tue_auto", 1, "neither true nor false"),
        ("tue_on_time", "24:00", "must be 00:00 to 23:59"),
        ("tue_on_time", "6.30", "is not a time of day"),
        ("tue_on_time", "06:3", "must be 00:00"),
        ("dose_k1", "x", "not a number"),
        ("prebrew_flag", "maybe", "none of off, prebrewing, preinfusion"),
        ("clock", "soon", "is not a time"),
    ],
)
def test_what_cannot_be(name, value, why):
    with pytest.raises(RegisterError, match=why):
        change(name, value)


@pytest.mark.parametrize(
    ("name", "value", "model", "where"),
    [
        ("dose_k2", 100, "Linea Mini", "only on the GS3 AV"),
        ("prebrew_flag", "off", "GS3 MP", "only on the GS3 AV and Linea Mini"),
        ("dose_hot_water", 8, "Linea Mini", "GS3 AV and GS3 MP"),
        ("preinfusion_k1", 1.0, "GS3 MP", "GS3 AV and Linea Mini"),
    ],
)
def test_a_model_without_it(name, value, model, where):
    with pytest.raises(RegisterError, match=where):
        change(name, value, model=model)


@pytest.mark.parametrize(
    ("name", "value", "hazard"),
    [
        ("power", True, "heats the boilers"),
        ("power", False, ""),
        ("coffee_set_temp", 93.0, "coffee boiler"),
        ("steam_set_temp", 120.0, "steam boiler"),
        ("command", "steam_boiler_on", "heats"),
        ("command", "steam_boiler_off", ""),
        ("command", "start_backflush", "moves water"),
        ("dose_k1", 100, ""),
        ("tue_auto", True, ""),
    ],
)
def test_what_heats_or_moves_water_is_known(name, value, hazard):
    found = change(name, value).hazard
    assert hazard in found
    assert bool(hazard) == bool(found)


@given(st.integers(0, 255), st.dictionaries(st.sampled_from(DAYS), st.booleans(), min_size=1))
def test_several_bits_of_a_byte_are_one_write(old, days):
    memory = memory_with(0x0310, bytes([old]))
    (message,) = writes([change(f"{day}_auto", state) for day, state in days.items()], memory)
    fields, _ = decode_window(message.address, message.data)
    before, _ = decode_window(0x0310, bytes([old]))
    assert {f"{day}_auto": fields[f"{day}_auto"] for day in DAYS} == {
        f"{day}_auto": days.get(day, before[f"{day}_auto"]) for day in DAYS
    }
    assert fields["global_auto"] == before["global_auto"]


def test_a_day_that_is_switched_on_after_it_is_off_is_doubtful():
    both = [
        change(f"{day}_{event}_time", time)
        for day in ("mon", "tue")
        for event, time in (("on", "18:00"), ("off", "7:30"))
    ]
    assert doubts(both, Memory()) == ["mon, tue are switched on at 18:00, after they are switched off at 07:30"]
    same = [change("mon_on_time", "07:00"), change("mon_off_time", "7:00")]
    assert doubts(same, Memory()) == ["mon is switched on at 07:00, and off too"]
    assert doubts([change("mon_on_time", "06:00"), change("mon_off_time", "17:00")], Memory()) == []


def test_the_other_time_of_a_day_is_read_for_it():
    alone = [change("sun_off_time", "05:00")]
    assert [decode_window(address, bytes(length))[0] for address, length in beside(alone)] == [
        {"sun_on_hour": 0},
        {"sun_on_min": 0},
    ]
    memory = memory_with(0x031D, bytes([6]))
    memory.write(0x032B, bytes([15]))
    assert doubts(alone, memory) == ["sun is switched on at 06:15, after it is switched off at 05:00"]
    assert doubts(alone, Memory()) == []
    assert beside([*alone, change("sun_on_time", "04:00")]) == []
