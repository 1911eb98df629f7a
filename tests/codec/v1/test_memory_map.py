"""The memory map against a table written by hand from PROTOCOL.md §3, in both directions."""

from __future__ import annotations

import itertools
import json
import re
from collections import Counter
from typing import NamedTuple

import pytest

from lmdecode.codec.v1.memory_map import DAYS, DERIVED, REGISTERS, UNITS, by_name
from lmdecode.codec.v1.register import Access
from lmdecode.codec.v1.window import decode_window, registers_in
from lmdecode.codec.v1.windows import WINDOWS, window_name

# address | bytes | name | bytes in memory | value | unit | sure | write preamble and range
# A name of - is a row that nobody can read; "secret" one that nobody should. Values are JSON.
TABLE = """
0000 |  1 | power                   | 01               | true            |        | seen     | 00000001
0002 |  1 | standby_timer           | 3C               | 60              | min    | inferred |
0003 |  4 | -                       | 026E3139         |                 |        | unknown  |
0007 |  2 | coffee_set_temp         | 03C2             | 96.2            | °C     | seen     | 00070002 87..100
0009 |  2 | steam_set_temp          | 04D7             | 123.9           | °C     | seen     | 00090002 110..132
000B |  1 | prebrew_flag            | 02               | "preinfusion"   |        | seen     | 000B0001
000C |  1 | prebrewing_ton_k1       | 0B               | 1.1             | s      | seen     | 000C0001 0..5.9
000D |  1 | prebrewing_ton_k2       | 16               | 2.2             | s      | seen     | 000D0001 0..5.9
000E |  1 | prebrewing_ton_k3       | 21               | 3.3             | s      | seen     | 000E0001 0..5.9
000F |  1 | prebrewing_ton_k4       | 2C               | 4.4             | s      | seen     | 000F0001 0..5.9
0010 |  1 | prebrewing_toff_k1      | 3B               | 5.9             | s      | seen     | 00100001 0..5.9
0011 |  1 | prebrewing_toff_k2      | 00               | 0.0             | s      | seen     | 00110001 0..5.9
0012 |  1 | prebrewing_toff_k3      | 12               | 1.8             | s      | seen     | 00120001 0..5.9
0013 |  1 | prebrewing_toff_k4      | 18               | 2.4             | s      | seen     | 00130001 0..5.9
0014 |  2 | dose_k1                 | 0078             | 120             | pulses | seen     | 00140002 1..1000
0016 |  2 | dose_k2                 | 0076             | 118             | pulses | seen     | 00160002 1..1000
0018 |  2 | dose_k3                 | 006E             | 110             | pulses | seen     | 00180002 1..1000
001A |  2 | dose_k4                 | 0082             | 130             | pulses | seen     | 001A0002 1..1000
001C |  2 | dose_k5                 | 03E8             | 1000            | pulses | seen     | 001C0002 1..1000
001E |  1 | dose_hot_water          | 08               | 8               | s      | seen     | 001E0001 1..30
0020 |  4 | drinks_k1               | 0000014B         | 331             |        | seen     |
0024 |  4 | drinks_k2               | 00000098         | 152             |        | seen     |
0028 |  4 | drinks_k3               | 000001B1         | 433             |        | seen     |
002C |  4 | drinks_k4               | 00000025         | 37              |        | seen     |
0030 |  4 | continuous              | 0000056A         | 1386            |        | seen     |
0034 |  4 | total_coffee            | 00000923         | 2339            |        | seen     |
0038 |  4 | hot_water               | 00000018         | 24              |        | seen     |
003C |  4 | drink_mystery           | 0000000A         | 10              |        | seen     |
0040 |  4 | total_coffee_activations| 00000AEE         | 2798            |        | seen     |
0044 |  4 | hot_water_2             | 01000018         | 16777240        |        | seen     |
0048 |  4 | drinks_hot_water        | 0000003A         | 58              |        | seen     |
0050 |  4 | coffee_heating_element_hours | 0000006B    | 107             | h      | claimed  |
0054 |  4 | steam_heating_element_hours  | 00000086    | 134             | h      | claimed  |
0058 |  4 | machine_running_minutes | 00003F7B         | 16251           | min    | inferred |
005C |  4 | hours_since_built       | 00001FB8         | 8120            | h      | claimed  |
0060 |  4 | pump_on_seconds         | 00000000         | 0               | s      | claimed  |
0064 |  4 | water_on_seconds        | 000004DF         | 1247            | s      | claimed  |
0070 | 64 | -                       | FF*64            |                 |        | claimed  |
00B0 | 12 | module_ser_num          | 536E30313233343536373839 | "Sn0123456789" |   | claimed  |
00C0 | 12 | module_ser_num          | 536E30313233343536373839 | "Sn0123456789" |   | claimed  |
00D0 | 16 | machine_name            | 47533300*13      | "GS3"           |        | claimed  |
00E1 |  1 | command                 | 82               | "start_backflush" |      | claimed  | 00E10001 only
00E2 |  1 | preinfusion_k1          | F9               | 24.9            | s      | claimed  | 00E20001 0..24.9
00E3 |  1 | preinfusion_k2          | 1E               | 3.0             | s      | claimed  | 00E30001 0..24.9
00E4 |  1 | preinfusion_k3          | 01               | 0.1             | s      | claimed  | 00E40001 0..24.9
00E5 |  1 | preinfusion_k4          | 00               | 0.0             | s      | claimed  | 00E50001 0..24.9
0100 | 17 | machine_ser_num         | 5A475330313233343500*8 | "GS012345" |        | seen     |
0111 | 63 | secret                  | 61*63            |                 |        | claimed  |
0150 | 28 | cloud_broker            | 6D717474733A2F2F6100*19 | "mqtts://a" |      | claimed  |
0300 |  7 | clock                   | 0B0F15070D0C14   | "2020-12-13T21:15:11" |  | seen     | 03000007
0300 |  1 | second                  | 0B               | 11              |        | seen     |
0301 |  1 | minute                  | 0F               | 15              |        | seen     |
0302 |  1 | hour                    | 15               | 21              |        | seen     |
0303 |  1 | dayofweek               | 07               | 7               |        | seen     |
0304 |  1 | day                     | 0D               | 13              |        | seen     |
0305 |  1 | month                   | 0C               | 12              |        | seen     |
0306 |  1 | year                    | 14               | 20              |        | seen     |
0310 |  1 | auto_bitfield           | 83               | ["global_auto", "mon_auto", "sun_auto"] | | seen | 03100001
0311 |  1 | mon_on_hour             | 06               | 6               | h      | seen     | 03110001 0..23
0312 |  1 | mon_off_hour            | 11               | 17              | h      | seen     | 03120001 0..23
0313 |  1 | tue_on_hour             | 00               | 0               | h      | seen     | 03130001 0..23
0314 |  1 | tue_off_hour            | 17               | 23              | h      | seen     | 03140001 0..23
0315 |  1 | wed_on_hour             | 08               | 8               | h      | seen     | 03150001 0..23
0316 |  1 | wed_off_hour            | 0C               | 12              | h      | seen     | 03160001 0..23
0317 |  1 | thu_on_hour             | 09               | 9               | h      | seen     | 03170001 0..23
0318 |  1 | thu_off_hour            | 0A               | 10              | h      | seen     | 03180001 0..23
0319 |  1 | fri_on_hour             | 01               | 1               | h      | seen     | 03190001 0..23
031A |  1 | fri_off_hour            | 02               | 2               | h      | seen     | 031A0001 0..23
031B |  1 | sat_on_hour             | 03               | 3               | h      | seen     | 031B0001 0..23
031C |  1 | sat_off_hour            | 04               | 4               | h      | seen     | 031C0001 0..23
031D |  1 | sun_on_hour             | 05               | 5               | h      | seen     | 031D0001 0..23
031E |  1 | sun_off_hour            | 07               | 7               | h      | seen     | 031E0001 0..23
031F |  1 | mon_on_min              | 3B               | 59              | min    | seen     | 031F0001 0..59
0320 |  1 | mon_off_min             | 00               | 0               | min    | seen     | 03200001 0..59
0321 |  1 | tue_on_min              | 01               | 1               | min    | seen     | 03210001 0..59
0322 |  1 | tue_off_min             | 02               | 2               | min    | seen     | 03220001 0..59
0323 |  1 | wed_on_min              | 03               | 3               | min    | seen     | 03230001 0..59
0324 |  1 | wed_off_min             | 04               | 4               | min    | seen     | 03240001 0..59
0325 |  1 | thu_on_min              | 05               | 5               | min    | seen     | 03250001 0..59
0326 |  1 | thu_off_min             | 06               | 6               | min    | seen     | 03260001 0..59
0327 |  1 | fri_on_min              | 07               | 7               | min    | seen     | 03270001 0..59
0328 |  1 | fri_off_min             | 08               | 8               | min    | seen     | 03280001 0..59
0329 |  1 | sat_on_min              | 09               | 9               | min    | seen     | 03290001 0..59
032A |  1 | sat_off_min             | 0A               | 10              | min    | seen     | 032A0001 0..59
032B |  1 | sun_on_min              | 0B               | 11              | min    | seen     | 032B0001 0..59
032C |  1 | sun_off_min             | 1E               | 30              | min    | seen     | 032C0001 0..59
4001 |  1 | firmware_ver            | 78               | "1.20"          |        | seen     |
4003 | 12 | module_ser_num          | 536E30313233343536373839 | "Sn0123456789" |   | seen     |
400F |  1 | power_mystery           | 01               | 1               |        | unknown  |
4011 |  1 | key_active              | 03               | 3               |        | claimed  |
4013 |  2 | current_pulse_count     | 0102             | 258             | pulses | claimed  |
4017 |  1 | power                   | 01               | true            |        | seen     |
4018 |  1 | water_reservoir_contact | 00               | false           |        | seen     |
401B |  1 | heating_state           | 31               | ["pump_on", "heating_on", "coffee_heater_on"] | | seen |
401C |  2 | coffee_temp             | 03BC             | 95.6            | °C     | seen     |
401E |  2 | steam_temp              | 04D8             | 124.0           | °C     | seen     |
4020 |  1 | mystery_1               | 07               | 7               |        | unknown  |
4021 |  1 | mystery_2               | 02               | 2               |        | unknown  |
4022 |  1 | steam_boiler_enable     | 05               | true            |        | seen     |
4063 |  1 | t_unit                  | 01               | "F"             |        | seen     |
4074 |  1 | pid_offset              | 0F               | 1.5             |        | seen     |
4076 |  1 | water_filter_liters     | 64               | 100             | l      | seen     |
407B |  2 | brew_group_offset_raw   | 7800             | 120             |        | seen     |
407D |  1 | factory_offset          | 02               | 2               |        | seen     |
6000 | 12 | module_ser_num          | 536E30313233343536373839 | "Sn0123456789" |   | seen     |
600C |  1 | flow_key                | 02               | 2               |        | seen     |
600D |  1 | flow_rate               | 01               | "high"          |        | seen     |
600E |  2 | flow_seconds            | 0009             | 0.5625          | s      | inferred |
6010 |  2 | flow_pulses             | 0123             | 291             | pulses | seen     |
6012 |  2 | coffee_temp             | 03BC             | 95.6            | °C     | seen     |
6014 |  2 | steam_temp              | 04D8             | 124.0           | °C     | seen     |
60DA | 18 | -                       | 00*18            |                 |        | unknown  |
60EF | 16 | front_panel_display     | 39355FDF20DBFF00*9 | "95_° □■"     |        | seen     |
"""


class Row(NamedTuple):
    address: int
    size: int
    name: str | None
    memory: bytes
    value: object
    unit: str | None
    sure: str
    access: str
    window: str | None
    minimum: float | None
    maximum: float | None
    secret: bool


def sample_bytes(text: str) -> bytes:
    """Hex; `00*8` at the end is the last byte eight times."""
    digits, star, times = text.partition("*")
    data = bytes.fromhex(digits)
    return data[:-1] + data[-1:] * int(times) if star else data


def row_of(line: str) -> Row:
    address, size, name, memory, value, unit, sure, write = (cell.strip() for cell in line.split("|"))
    window, _, limits = write.partition(" ")
    low, high = (float(limit) for limit in limits.split("..")) if ".." in limits else (None, None)
    access = "write" if limits == "only" else "read, write" if window else "read"
    return Row(
        int(address, 16),
        int(size),
        None if name in {"-", "secret"} else name,
        sample_bytes(memory),
        json.loads(value) if value else None,
        unit or None,
        sure,
        access,
        window or None,
        low,
        high,
        name == "secret",
    )


ROWS = [row_of(line) for line in TABLE.strip().splitlines()]
KEYED = {(row.address, row.size): row for row in REGISTERS}


def row_id(row: Row) -> str:
    return f"{row.address:04X}-{row.name}"


def test_the_table_and_the_map_have_the_same_rows():
    by_hand = Counter((row.name, row.address, row.size) for row in ROWS)
    in_code = Counter((row.name, row.address, row.size) for row in REGISTERS)
    assert by_hand - in_code == Counter()
    assert in_code - by_hand == Counter()
    assert set(by_hand.values()) == {1}


@pytest.mark.parametrize("row", ROWS, ids=row_id)
def test_a_row(row):
    register = KEYED[row.address, row.size]
    assert len(row.memory) == row.size
    assert (register.name, register.unit, register.sure.value) == (row.name, row.unit, row.sure)
    assert (register.minimum, register.maximum) == (row.minimum, row.maximum)
    assert (register.access.value, register.secret) == (row.access, row.secret)
    assert (register.readable, register.writable) == (row.access != "write", row.access != "read")
    if row.window:
        assert f"{register.address:04X}{register.size:04X}" == row.window


@pytest.mark.parametrize("row", [row for row in ROWS if row.name], ids=row_id)
def test_a_value(row):
    register = KEYED[row.address, row.size]
    fields, problems = decode_window(row.address, row.memory, written=row.access == "write")
    assert fields[row.name] == register.type.decode(row.memory) == row.value
    assert type(fields[row.name]) is type(row.value)
    assert problems == ()
    json_types = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array"}
    assert register.type.json == json_types[type(row.value)]


@pytest.mark.parametrize("row", [row for row in ROWS if not row.name], ids=row_id)
def test_rows_of_unknown_or_secret_meaning_make_no_field(row):
    for written in (False, True):
        assert decode_window(row.address, row.memory, written=written) == ({}, ())


def test_at_most_one_row_of_a_name_is_writable():
    writable = Counter(row.name for row in REGISTERS if row.writable)
    assert None not in writable
    assert set(writable.values()) == {1}


def test_names_that_stand_at_several_addresses():
    addresses: dict[str, list[int]] = {}
    for row in REGISTERS:
        if row.name:
            addresses.setdefault(row.name, []).append(row.address)
    assert {name: found for name, found in addresses.items() if len(found) > 1} == {
        "power": [0x0000, 0x4017],
        "module_ser_num": [0x00B0, 0x00C0, 0x4003, 0x6000],
        "coffee_temp": [0x401C, 0x6012],
        "steam_temp": [0x401E, 0x6014],
    }


def test_rows_are_in_order_and_overlap_only_within_the_clock():
    order = [(row.address, -row.size) for row in REGISTERS]
    assert order == sorted(order)
    for first, second in itertools.combinations(REGISTERS, 2):
        if second.address < first.end:
            assert first.name == "clock"
            assert second.end <= first.end


def test_by_name():
    assert [(row.address, row.access) for row in by_name("power")] == [
        (0x0000, Access.READ_WRITE),
        (0x4017, Access.READ),
    ]
    assert [row.address for row in by_name("module_ser_num")] == [0x00B0, 0x00C0, 0x4003, 0x6000]
    assert by_name("no_such_name") == ()


DERIVED_BY_HAND = {
    "enable_prebrewing": ("boolean", None, "seen"),
    "enable_preinfusion": ("boolean", None, "seen"),
    "total_flushing": ("integer", None, "seen"),
    "days_since_built": ("number", "d", "claimed"),
    "brew_group_offset": ("number", "°C", "claimed"),
    "pump_on": ("boolean", None, "seen"),
    "brew_solenoid_on": ("boolean", None, "seen"),
    "boiler_fill_solenoid_on": ("boolean", None, "claimed"),
    "hot_water_solenoid_on": ("boolean", None, "seen"),
    "heating_on": ("boolean", None, "seen"),
    "coffee_heater_on": ("boolean", None, "seen"),
    "steam_heater_on": ("boolean", None, "seen"),
    "global_auto": ("boolean", None, "seen"),
    **{f"{day}_auto": ("boolean", None, "seen") for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")},
    **{
        f"{day}_{event}_time": ("string", None, "seen")
        for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
        for event in ("on", "off")
    },
}


def test_the_derived_values():
    assert {row.name: (row.json, row.unit, row.sure.value) for row in DERIVED} == DERIVED_BY_HAND
    assert len(DERIVED) == len(DERIVED_BY_HAND)
    names = {row.name for row in REGISTERS}
    for row in DERIVED:
        assert row.name not in names
        assert names >= set(row.inputs)


def test_the_unit_of_each_name():
    by_hand = {row.name: row.unit for row in ROWS if row.name and row.unit}
    by_hand |= {name: unit for name, (_, unit, _) in DERIVED_BY_HAND.items() if unit}
    assert by_hand == UNITS


PREAMBLES = [
    *("0000001F", "0020002C", "00500018", "01000011", "03000007", "0310001D", "40000020", "40000023"),
    *("401C0004", "40220001", "40600020", "60000016", "60DA0012", "60EF0010"),
]


@pytest.mark.parametrize("preamble", PREAMBLES)
def test_the_windows_of_the_protocol_have_names(preamble):
    assert window_name(int(preamble[:4], 16), int(preamble[4:], 16))


def test_windows():
    assert len({(window.address, window.length) for window in WINDOWS}) == len(WINDOWS)
    assert window_name(0x4000, 0x21) is None
    for window in WINDOWS:
        assert registers_in(window.address, window.length)


def test_days_are_in_order():
    assert DAYS == ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def test_names_are_plain_words():
    for row in (*REGISTERS, *DERIVED):
        assert row.name is None or re.fullmatch(r"[a-z][a-z0-9_]*", row.name)
