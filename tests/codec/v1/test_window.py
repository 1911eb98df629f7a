"""Windows to named values, and named values to writes."""

from __future__ import annotations

import re
from datetime import datetime

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from lmdecode.codec.errors import RegisterError
from lmdecode.codec.record import Kind
from lmdecode.codec.v1.memory_map import DERIVED, REGISTERS, by_name
from lmdecode.codec.v1.message import Message, build, parse, parse_leniently
from lmdecode.codec.v1.window import decode_message, decode_window, encode, registers_in
from tests.codec.v1.samples import DAYS, SAMPLE_NAMES, SAMPLES, with_check

DERIVED_NAMES = {row.name for row in DERIVED}
WRITABLE = [row for row in REGISTERS if row.writable]
RANGED = [row for row in WRITABLE if row.minimum is not None]
DAY_BITS = [f"{day}_auto" for day in DAYS]


def name_of(row) -> str:
    return row.name


def slow_oracle(address: int, data: bytes, *, written: bool) -> tuple[dict[str, object], list[str]]:
    """Every register all of whose bytes are there; and the names of the confirmed ones that could not be read."""
    memory = {address + offset: byte for offset, byte in enumerate(data)}
    fields: dict[str, object] = {}
    wrong: list[str] = []
    for row in REGISTERS:
        cells = range(row.address, row.address + row.size)
        if row.name is None or not all(cell in memory for cell in cells) or not (row.readable or written):
            continue
        try:
            value = row.type.decode(bytes(memory[cell] for cell in cells))
        except RegisterError:
            wrong += [row.name] * row.confirmed
            continue
        if fields.setdefault(row.name, value) != value:
            wrong += [row.name] * row.confirmed
    for derived in DERIVED:
        if fields.keys() >= set(derived.inputs):
            try:
                fields[derived.name] = derived.compute(*(fields[name] for name in derived.inputs))
            except ValueError:
                wrong += [derived.name] * derived.confirmed
    return fields, wrong


interesting = st.sampled_from(sorted({edge for row in REGISTERS for edge in (row.address, row.end)}))
near_registers = st.builds(lambda edge, offset: min(max(edge + offset, 0), 0xFFFF), interesting, st.integers(-20, 3))
addresses = near_registers | st.integers(0, 0xFFFF)
byte_patterns = st.binary(max_size=70) | st.lists(st.integers(0, 2), max_size=70).map(bytes)


@pytest.mark.parametrize("sample", SAMPLES, ids=SAMPLE_NAMES)
def test_values_in_messages_of_real_machines(sample):
    fields, problems = decode_message(parse(sample.plaintext))
    assert sample.is_in(fields)
    assert problems == ()


@given(addresses, byte_patterns, st.booleans())
@example(0xFFFF, bytes(20), False)
@example(0x0000, b"", False)
def test_a_window_gives_what_lies_wholly_inside(address, data, written):
    fields, problems = decode_window(address, data, written=written)
    expected, wrong = slow_oracle(address, data, written=written)
    assert fields == expected
    assert [problem.partition(":")[0] for problem in problems] == wrong


@pytest.mark.parametrize("fill", [0x00, 0x01, 0x41, 0xFF])
@pytest.mark.parametrize(("address", "size"), [(0, 0xFFFF), (0x20, 0x6100), (0x4010, 0x2100), (0x00C5, 0x300)])
def test_large_windows(address, size, fill):
    data = bytes([fill]) * size
    fields, problems = decode_window(address, data)
    expected, wrong = slow_oracle(address, data, written=False)
    assert fields == expected
    assert [problem.partition(":")[0] for problem in problems] == wrong


@pytest.mark.parametrize("row", [row for row in REGISTERS if row.name], ids=lambda row: f"{row.address:04X}-{row.name}")
def test_a_register_that_is_cut_is_never_guessed(row):
    data = (b"A" if row.type.json == "string" and row.size > 7 else b"\1") * row.size
    assert row.name in decode_window(row.address, data, written=True)[0]
    assert row.name not in decode_window(row.address, data[:-1], written=True)[0]
    assert row.name not in decode_window(row.address + 1, data[1:], written=True)[0]
    around = decode_window(row.address - 1, b"\0" + data + b"\0", written=True)[0] if row.address else {row.name: None}
    assert row.name in around


@given(addresses, st.integers(0, 80))
@example(0x0115, 0)
def test_registers_in_shares_at_least_one_byte(address, length):
    window = set(range(address, address + length))
    assert registers_in(address, length) == tuple(
        row for row in REGISTERS if window & set(range(row.address, row.address + row.size))
    )


def test_only_data_has_values():
    assert decode_message(Message(Kind.READ, 0x401C, 4)) == ({}, ())
    assert decode_message(Message(Kind.WRITE, 0, 1, status="OK")) == ({}, ())
    assert decode_message(Message(Kind.STREAM, 0x401C, 4, bytes.fromhex("03BC04D8")))[0]["steam_temp"] == 124.0


def test_a_command_is_read_only_where_it_is_written():
    assert decode_window(0x00E1, b"\x82") == ({}, ())
    assert decode_window(0x00E1, b"\x82", written=True) == ({"command": "start_backflush"}, ())
    assert decode_message(Message(Kind.WRITE, 0x00E1, 1, b"\x81"))[0] == {"command": "steam_boiler_on"}
    assert decode_message(Message(Kind.READ, 0x00E1, 1, b"\x81"))[0] == {}


def test_a_damaged_message_gives_what_is_whole():
    short = parse_leniently(with_check("R401C000403BC04")).message
    assert decode_message(short) == ({"coffee_temp": 95.6}, ())


def test_water_flow():
    data = bytes.fromhex("000000000000000000000000" + "02" + "01" + "0009" + "0123" + "03BC" + "04D8")
    assert len(data) == 0x16
    assert decode_window(0x6000, data) == (
        {
            "module_ser_num": "",
            "flow_key": 2,
            "flow_rate": "high",
            "flow_seconds": 0.5625,
            "flow_pulses": 0x123,
            "coffee_temp": 95.6,
            "steam_temp": 124.0,
        },
        (),
    )


def test_values_that_cannot_be_read_are_problems():
    fields, problems = decode_window(0x0000, bytes([7]))
    assert fields == {}
    assert problems == ("power: 7 is neither 0 nor 1",)
    fields, problems = decode_window(0x000B, bytes([9, 11]))
    assert fields == {"prebrewing_ton_k1": 1.1}
    assert len(problems) == 1
    assert problems[0].startswith("prebrew_flag: 0x09 is none of off, prebrewing, preinfusion")


@pytest.mark.parametrize(
    ("address", "data", "written"),
    [
        (0x4063, b"\x98", False),  # t_unit, as a GS3 MP with firmware 1.23 has it: seen on one firmware only
        (0x00E1, b"\x55", True),  # command: claimed
        (0x00D0, b"\xff" * 16, False),  # machine_name: claimed
    ],
)
def test_no_value_of_an_unconfirmed_register_is_neither_field_nor_problem(address, data, written):
    assert decode_window(address, data, written=written) == ({}, ())


def test_the_rest_of_a_window_is_read_beside_such_bytes():
    factory = bytes.fromhex("0000009803A604500050000F000F006400640070000000000001550055000001")
    fields, problems = decode_window(0x4060, factory)
    assert fields.keys() == {"pid_offset", "water_filter_liters", "brew_group_offset_raw", "factory_offset"}
    assert problems == ()


def test_which_rows_are_confirmed():
    for row in REGISTERS:
        assert row.confirmed is (row.sure == "seen" and not row.seen_on)
    assert {row.name for row in REGISTERS if row.seen_on} >= {"t_unit", "factory_offset"}


def test_a_clock_that_is_no_time_still_gives_its_parts():
    fields, problems = decode_window(0x0300, bytes([1, 2, 3, 4, 31, 2, 20]))
    assert fields == {"second": 1, "minute": 2, "hour": 3, "dayofweek": 4, "day": 31, "month": 2, "year": 20}
    assert problems == ("clock: 2020-02-31 03:02:01 is not a time",)


def test_copies_that_disagree_are_a_problem():
    window = bytearray(0x4018)
    window[0] = 1  # power, whose copy at 0x4017 is confirmed as well
    fields, problems = decode_window(0x0000, bytes(window))
    assert fields["power"] is True
    assert "power: another copy, at 4017, says False" in problems


def test_unconfirmed_copies_that_disagree_are_none():
    data = bytearray(b"Sn0000000001".ljust(16, b"\0") + b"Sn0000000001")
    assert decode_window(0x00B0, bytes(data)) == ({"module_ser_num": "Sn0000000001"}, ())
    data[-1:] = b"2"
    assert decode_window(0x00B0, bytes(data)) == ({"module_ser_num": "Sn0000000001"}, ())


# Derived values


@pytest.mark.parametrize(
    ("code", "word", "prebrewing", "preinfusion"),
    [(0, "off", False, False), (1, "prebrewing", True, False), (2, "preinfusion", False, True)],
)
def test_the_prebrew_flag(code, word, prebrewing, preinfusion):
    assert decode_window(0x000B, bytes([code]))[0] == {
        "prebrew_flag": word,
        "enable_prebrewing": prebrewing,
        "enable_preinfusion": preinfusion,
    }


@pytest.mark.parametrize(("activations", "coffee", "flushing"), [(2798, 2339, 459), (5, 5, 0), (1, 3, -2)])
def test_total_flushing(activations, coffee, flushing):
    data = coffee.to_bytes(4, "big") + bytes(8) + activations.to_bytes(4, "big")
    assert decode_window(0x0034, data)[0]["total_flushing"] == flushing
    assert "total_flushing" not in decode_window(0x0034, data[:-1])[0]


def test_days_since_built():
    assert decode_window(0x005C, (36).to_bytes(4, "big"))[0] == {"hours_since_built": 36, "days_since_built": 1.5}


HEATING_BITS = {
    0x01: "pump_on",
    0x02: "brew_solenoid_on",
    0x04: "boiler_fill_solenoid_on",
    0x08: "hot_water_solenoid_on",
    0x10: "heating_on",
    0x20: "coffee_heater_on",
    0x40: "steam_heater_on",
}
AUTO_BITS = {1 << bit: name for bit, name in enumerate(["global_auto", *DAY_BITS])}


@pytest.mark.parametrize(
    ("address", "register", "bits"), [(0x401B, "heating_state", HEATING_BITS), (0x0310, "auto_bitfield", AUTO_BITS)]
)
def test_each_bit(address, register, bits):
    for code in range(256):
        fields, problems = decode_window(address, bytes([code]))
        unnamed = ["0x80"] if code & 0x80 and 0x80 not in bits else []
        assert fields.pop(register) == [name for mask, name in bits.items() if code & mask] + unnamed
        assert fields == {name: bool(code & mask) for mask, name in bits.items()}
        assert problems == ()


def test_times_of_the_schedule():
    hours = [6, 17, 7, 18, 8, 19, 9, 20, 10, 21, 11, 22, 0, 23]
    minutes = [0, 1, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55, 59]
    fields, problems = decode_window(0x0311, bytes(hours + minutes))
    assert problems == ()
    names = [f"{day}_{event}_time" for day in DAYS for event in ("on", "off")]
    times = [fields[name] for name in names]
    assert times[:6] == ["06:00", "17:01", "07:05", "18:10", "08:15", "19:20"]
    assert times[6:] == ["09:25", "20:30", "10:35", "21:40", "11:45", "22:50", "00:55", "23:59"]


@pytest.mark.parametrize(("hour", "minute"), [(24, 0), (0, 60), (255, 255)])
def test_a_time_that_is_none(hour, minute):
    data = bytearray(28)
    data[0], data[14] = hour, minute
    fields, problems = decode_window(0x0311, bytes(data))
    assert "mon_on_time" not in fields
    assert fields["mon_off_time"] == "00:00"
    assert fields["mon_on_hour"] == hour
    assert problems == (f"mon_on_time: {hour:02}:{minute:02} is not a time of day",)


@pytest.mark.parametrize(
    ("unit", "raw", "factory_offset", "offset"),
    [
        (0, 120, 1, 4.0),  # 2 × round((120 − 100) / 10, 1)
        (0, 107, 1, 1.4),
        (0, 100, 200, 0.0),
        (0, 50, 1, -10.0),
        (0, 120, 0, 0.0),
        (1, 216, 1, 4.0),  # 216 °F × 200 / 360 = 120
        (1, 185, 1, 0.6),  # 102.78 − 100 = 2.78, a tenth of which is 0.3 when rounded
        (1, 216, 0, 0.0),
    ],
)
def test_brew_group_offset(unit, raw, factory_offset, offset):
    block = bytearray(0x20)
    block[0x03] = unit
    block[0x1B:0x1D] = raw.to_bytes(2, "little")
    block[0x1D] = factory_offset
    fields, problems = decode_window(0x4060, bytes(block))
    assert problems == ()
    assert fields == {
        "t_unit": "F" if unit else "C",
        "pid_offset": 0.0,
        "water_filter_liters": 0,
        "brew_group_offset_raw": raw,
        "factory_offset": factory_offset,
        "brew_group_offset": offset,
    }


def test_no_group_offset_without_all_it_needs():
    assert "brew_group_offset" not in decode_window(0x4064, bytes(0x1C))[0]
    fields, problems = decode_window(0x4060, bytes(3) + b"\x07" + bytes(0x1C))
    assert "brew_group_offset" not in fields
    assert problems == ()


# Writing


def written(message: Message) -> dict[str, object]:
    """What a write sets, after it has travelled."""
    fields, problems = decode_message(parse(build(message)))
    assert problems == ()
    return fields


@pytest.mark.parametrize("row", RANGED, ids=name_of)
def test_every_value_of_a_range_can_be_written_and_reads_back(row):
    divisor = {1: 1, 0.1: 10}[row.type.step]
    lowest, highest = round(row.minimum * divisor), round(row.maximum * divisor)
    assert highest > lowest
    for stored in range(lowest, highest + 1):
        value = stored / divisor if divisor > 1 else stored
        message = encode(row.name, value)
        assert message == Message(Kind.WRITE, row.address, row.size, stored.to_bytes(row.size, "big"))
        assert decode_message(message) == ({row.name: value}, ())
    assert written(encode(row.name, row.maximum))[row.name] == row.maximum


WORDS = {
    "power": [False, True],
    "prebrew_flag": ["off", "prebrewing", "preinfusion"],
    "command": ["steam_boiler_on", "steam_boiler_off", "start_backflush"],
    "auto_bitfield": [[name for mask, name in AUTO_BITS.items() if code & mask] for code in range(256)],
}


def test_the_writable_registers():
    assert {row.name for row in WRITABLE} == {row.name for row in RANGED} | WORDS.keys() | {"clock"}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name in WORDS for value in WORDS[name]][:8])
def test_each_word_reads_back(name, value):
    assert written(encode(name, value))[name] == value


def test_each_set_of_days_reads_back():
    for code, names in enumerate(WORDS["auto_bitfield"]):
        message = encode("auto_bitfield", names)
        assert message == Message(Kind.WRITE, 0x0310, 1, bytes([code]))
        assert written(message)["auto_bitfield"] == names


@given(st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31, 23, 59, 59)))  # noqa: DTZ001 -- of no zone, like the machine's
def test_every_time_reads_back(moment):
    value = moment.replace(microsecond=0).isoformat()
    message = encode("clock", value)
    assert message.preamble == "03000007"
    assert written(message)["clock"] == value
    assert written(message)["dayofweek"] == moment.isoweekday()


@pytest.mark.parametrize(
    ("name", "value", "plaintext"),
    [
        ("power", True, b"W000000010139"),
        ("power", False, b"W000000010038"),
        ("clock", "2020-12-13T21:15:11", b"W030000070B0F15070D0C14E2"),
        ("coffee_set_temp", 93.5, with_check("W0007000203A7")),
        ("coffee_set_temp", 93, with_check("W0007000203A2")),
        ("steam_set_temp", 124.0, with_check("W0009000204D8")),
        ("prebrewing_ton_k4", 4.4, with_check("W000F00012C")),
        ("prebrewing_toff_k4", 4.4, with_check("W001300012C")),
        ("preinfusion_k1", 24.9, with_check("W00E20001F9")),
        ("command", "start_backflush", with_check("W00E1000182")),
        ("mon_on_min", 30, with_check("W031F00011E")),
        ("auto_bitfield", ["global_auto", "sun_auto"], with_check("W0310000181")),
    ],
)
def test_writes_by_hand(name, value, plaintext):
    assert build(encode(name, value)) == plaintext


@pytest.mark.parametrize("where", ["just below", "just above", "far below", "far above"])
@pytest.mark.parametrize("row", RANGED, ids=name_of)
def test_what_is_out_of_range_is_refused_and_the_range_named(row, where):
    step = row.type.step
    value = {
        "just below": round(row.minimum - step, 1),
        "just above": round(row.maximum + step, 1),
        "far below": -1_000_000,
        "far above": 1_000_000,
    }[where]
    value = int(value) if step == 1 else value
    named = re.escape(f"{row.name} must be {row.minimum:g} to {row.maximum:g}")
    with pytest.raises(RegisterError, match=named):
        encode(row.name, value)


@pytest.mark.parametrize("row", RANGED, ids=name_of)
def test_what_is_off_the_grid_is_refused(row):
    value = row.minimum + row.type.step / 2
    with pytest.raises(RegisterError, match=rf"^{row.name}: .* is not a multiple of {row.type.step:g}$"):
        encode(row.name, value)


@pytest.mark.parametrize(
    ("name", "text"), [("coffee_set_temp", "150"), ("dose_k1", "5000"), ("mon_on_hour", "24"), ("mon_on_min", "2e2")]
)
def test_a_number_written_as_text_does_not_escape_the_range(name, text):
    with pytest.raises(RegisterError, match=name):
        encode(name, text)


@pytest.mark.parametrize(
    "value",
    ["93.5", "warm", "1e5000", True, None, [93.5], {"value": 93.5}, b"93", float("nan"), float("inf")],
    ids=repr,
)
def test_what_is_no_number_is_refused(value):
    with pytest.raises(RegisterError, match=r"^coffee_set_temp"):
        encode("coffee_set_temp", value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("power", 1),
        ("power", "on"),
        ("prebrew_flag", 1),
        ("prebrew_flag", "Prebrewing"),
        ("prebrew_flag", ["off"]),
        ("auto_bitfield", 255),
        ("auto_bitfield", "mon_auto"),
        ("auto_bitfield", ["monday"]),
        ("auto_bitfield", [["mon_auto"]]),
        ("auto_bitfield", [1]),
        ("clock", 0),
        ("clock", "2021-13-01T00:00:00"),
        ("command", "explode"),
        ("command", None),
    ],
)
def test_values_of_the_wrong_kind_are_refused(name, value):
    with pytest.raises(RegisterError, match=f"^{name}: "):
        encode(name, value)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("coffee_temp", "coffee_temp can only be read"),
        ("machine_ser_num", "can only be read"),
        ("second", "can only be read"),
        ("standby_timer", "can only be read"),
        ("steam_boiler_enable", "can only be read"),
        ("mon_on_time", "mon_on_time follows from mon_on_hour, mon_on_min"),
        ("enable_prebrewing", "follows from prebrew_flag"),
        ("coffe_set_temp", "no register 'coffe_set_temp'; did you mean coffee_set_temp?"),
        ("zzzzzz", "no register 'zzzzzz'$"),
        ("", "no register ''"),
    ],
)
def test_names_that_cannot_be_written(name, reason):
    with pytest.raises(RegisterError, match=reason):
        encode(name, 1)


def test_every_other_name_is_refused():
    writable = {row.name for row in WRITABLE}
    for name in {row.name for row in REGISTERS if row.name} - writable | DERIVED_NAMES:
        with pytest.raises(RegisterError, match=name):
            encode(name, 1)


@pytest.mark.parametrize(
    ("name", "value", "model", "reason"),
    [
        ("dose_k1", 100, "GS3 MP", "dose_k1 is not on a GS3 MP, only on the GS3 AV and Linea Mini"),
        ("prebrewing_ton_k2", 1.0, "Linea Mini", "prebrewing_ton_k2 is not on a Linea Mini, only on the GS3 AV"),
        ("dose_hot_water", 8, "Linea Mini", "dose_hot_water is not on a Linea Mini"),
        ("prebrew_flag", "off", "GS3 MP", "prebrew_flag is not on a GS3 MP"),
        ("coffee_set_temp", 93.5, "Linea Micra", "no such model: 'Linea Micra'; known are GS3 AV, GS3 MP, Linea Mini"),
    ],
)
def test_the_wrong_model_is_refused(name, value, model, reason):
    assert encode(name, value).kind is Kind.WRITE
    with pytest.raises(RegisterError, match=reason):
        encode(name, value, model=model)


@pytest.mark.parametrize("row", WRITABLE, ids=name_of)
@pytest.mark.parametrize("model", ["GS3 AV", "GS3 MP", "Linea Mini"])
def test_each_model_takes_what_it_has(row, model):
    value = row.type.decode(bytes([1]) * row.size) if row.minimum is None else row.maximum
    if model in row.models:
        assert encode(row.name, value, model=model) == encode(row.name, value)
    else:
        with pytest.raises(RegisterError, match=f"{row.name} is not on a {model}"):
            encode(row.name, value, model=model)


@given(st.sampled_from(WRITABLE), st.integers(-2000, 2000) | st.floats(-2000, 2000))
def test_what_is_accepted_is_in_range_and_reads_back(row, value):
    try:
        message = encode(row.name, value)
    except RegisterError:
        return
    assume(row.minimum is not None)
    assert row.minimum <= value <= row.maximum
    assert written(message) == {row.name: pytest.approx(value, abs=1e-6)}
    assert by_name(row.name)[0].address == message.address


@pytest.mark.parametrize("value", [3 * 0.1, 0.1 + 0.7, 5.9 - 0.1])
def test_a_number_that_was_worked_out_need_not_be_exact(value):
    assert written(encode("prebrewing_ton_k1", value)) == {"prebrewing_ton_k1": round(value, 1)}
