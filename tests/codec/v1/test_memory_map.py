"""What holds of every row of the memory map. What the rows say is checked by messages of real machines, in `samples`.

No list of rows stands here, so a new register is a line of the map and no line of a test.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter, defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmdecode.codec.errors import RegisterError
from lmdecode.codec.v1.memory_map import BIT_SETS, DAYS, DERIVED, FORMER_NAMES, REGISTERS, UNITS, by_name
from lmdecode.codec.v1.message import ADDRESS_SPACE
from lmdecode.codec.v1.register import Access
from lmdecode.codec.v1.window import decode_window
from tests.codec.v1.samples import SAMPLES

NAMED = [row for row in REGISTERS if row.name]
JSON_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array"}
KNOWN_UNITS = {"°C", "s", "min", "h", "d", "l", "pulses"}


def row_id(row) -> str:
    return f"{row.address:04X}-{row.name}" if hasattr(row, "address") else row.name


def same_copies(rows):
    return {(row.size, row.unit, row.type.name) for row in rows}


def test_rows_are_in_order_within_memory_and_overlap_only_as_whole_and_part():
    order = [(row.address, -row.size) for row in REGISTERS]
    assert order == sorted(order)
    for row in REGISTERS:
        assert 0 <= row.address < row.end <= ADDRESS_SPACE
    for first, second in itertools.combinations(REGISTERS, 2):
        if second.address < first.end:
            assert second.end <= first.end, f"{first.name} and {second.name} overlap"
            assert second.size < first.size, f"{first.name} and {second.name} are the same bytes"


def test_names_are_plain_words():
    for row in (*NAMED, *DERIVED):
        assert re.fullmatch(r"[a-z][a-z0-9_]*", row.name)


def test_the_rows_of_one_name_are_copies_and_at_most_one_can_be_written():
    rows = defaultdict(list)
    for row in NAMED:
        rows[row.name].append(row)
    for name, copies in rows.items():
        assert len(same_copies(copies)) == 1, name
        assert sum(row.writable for row in copies) <= 1, name
        assert set(by_name(name)) == set(copies)
        assert by_name(name)[0].writable is any(row.writable for row in copies)
    assert by_name("no_such_name") == ()


def test_only_named_rows_can_be_written():
    assert all(row.name for row in REGISTERS if row.writable)


@pytest.mark.parametrize("row", [row for row in NAMED if row.writable], ids=row_id)
def test_a_number_that_can_be_written_has_a_range_that_fits_its_bytes(row):
    if row.type.json in {"integer", "number"}:
        assert row.minimum < row.maximum
        for value in (row.minimum, row.maximum):
            assert row.type.decode(row.type.encode(value)) == value
    else:
        assert (row.minimum, row.maximum) == (None, None)


def test_no_temperature_can_be_written_beyond_what_its_app_allows():
    """By hand, since this is the line between a setting and a burst boiler."""
    assert [(row.minimum, row.maximum) for row in (*by_name("coffee_set_temp"), *by_name("steam_set_temp"))] == [
        (87, 100),
        (110, 132),
    ]


@pytest.mark.parametrize("row", REGISTERS, ids=row_id)
@settings(max_examples=30)
@given(data=st.data())
def test_both_directions_invert(row, data):
    memory = data.draw(st.binary(min_size=row.size, max_size=row.size))
    try:
        value = row.type.decode(memory)
    except RegisterError:
        return
    assert JSON_TYPES[type(value)] == row.type.json
    if row.type.name.startswith("ASCII after") and len(value) == row.size:
        return  # the prefix was missing, and there is no room for it
    again = row.type.encode(value)
    assert len(again) == row.size
    assert row.type.decode(again) == value
    if row.type.json in {"integer", "number"}:
        assert again == memory


@pytest.mark.parametrize("row", NAMED, ids=row_id)
def test_a_row_alone_in_its_window_is_decoded_as_its_type_says(row):
    memory = next(memory for fill in (1, 0, 0x41) if (memory := bytes([fill]) * row.size) and is_value(row, memory))
    fields, problems = decode_window(row.address, memory, written=not row.readable)
    assert fields[row.name] == row.type.decode(memory)
    assert problems == ()


def is_value(row, memory):
    try:
        row.type.decode(memory)
    except RegisterError:
        return False
    return True


@pytest.mark.parametrize("row", [row for row in REGISTERS if not row.name], ids=row_id)
def test_a_row_without_a_name_makes_no_field_and_says_why_it_is_there(row):
    for written in (False, True):
        assert decode_window(row.address, bytes(row.size), written=written) == ({}, ())
    assert row.note or row.sure == "unknown"


def test_what_is_secret_has_no_name():
    secrets = [row for row in REGISTERS if row.secret]
    assert [(row.address, row.end, row.name) for row in secrets] == [(0x0111, 0x0150, None)]


def test_units_are_known_and_one_a_name():
    assert set(UNITS.values()) <= KNOWN_UNITS
    for row in (*NAMED, *DERIVED):
        assert row.unit is None or UNITS[row.name] == row.unit


def test_a_derived_value_has_a_name_of_its_own_and_inputs_on_the_map():
    names = {row.name for row in NAMED}
    assert not names & {row.name for row in DERIVED}
    assert set(Counter(row.name for row in DERIVED).values()) == {1}
    for row in DERIVED:
        assert names >= set(row.inputs)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_derived_values_have_the_type_that_they_claim(sample):
    fields, _ = decode_window(sample.address, bytes.fromhex(sample.text[9:]) if "OK" not in sample.text else b"")
    for row in DERIVED:
        if row.name in fields:
            assert JSON_TYPES[type(fields[row.name])] == row.json


def test_a_former_name_is_no_name_of_today():
    assert not FORMER_NAMES.keys() & {row.name for row in (*NAMED, *DERIVED)}
    assert len(FORMER_NAMES) == sum(bool(row.formerly) for row in REGISTERS)
    for former, name in FORMER_NAMES.items():
        assert by_name(former) == by_name(name) != ()


def test_by_name():
    assert [(row.address, row.access) for row in by_name("power")] == [
        (0x0000, Access.READ_WRITE),
        (0x4017, Access.READ),
    ]


def test_the_bits_of_the_sets():
    assert BIT_SETS["sun_auto"] == "auto_bitfield"
    assert BIT_SETS["steam_heater_on"] == "heating_state"
    assert DAYS == ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def test_what_is_refused_is_what_cannot_be_computed():
    for row in {row.refuse: row for row in DERIVED if row.refuse is not None}.values():
        for inputs in itertools.product(range(256), repeat=len(row.inputs)):
            wrong = row.refuse(*inputs)
            if wrong is None:
                row.compute(*inputs)
            else:
                with pytest.raises(ValueError, match=f"^{re.escape(wrong)}$"):
                    row.compute(*inputs)
