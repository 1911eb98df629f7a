"""The functions written for windows say what the steps of the plan say."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.codec.v1 import _compiled as quick
from lmdecode.codec.v1.memory_map import REGISTERS
from lmdecode.codec.v1.window import decode_by_steps, decode_window, quick_decoder
from lmdecode.codec.v1.windows import WINDOWS

BASES = [row.address for row in REGISTERS]


def compare(address, data, *, written):
    quick = quick_decoder(address, len(data), written=written)
    values, problems = decode_by_steps(address, data, written=written)
    assert decode_window(address, data, written=written) == (values, problems)
    for _ in range(2):  # once more, of what is remembered
        fields, wrong = quick.fields(data)
        assert (list(fields.items()), wrong) == (list(values.items()), problems)
        assert quick.json(data) == (orjson.dumps(values).decode(), problems)
        assert quick.problems(data) == problems


@pytest.mark.parametrize("window", WINDOWS, ids=lambda window: window.name)
@pytest.mark.parametrize("byte", [0, 1, 2, 12, 0x30, 0xFF])
def test_known_windows(window, byte):
    compare(window.address, bytes([byte]) * window.length, written=False)


@given(
    address=st.sampled_from(BASES),
    offset=st.integers(-3, 3),
    data=st.binary(min_size=1, max_size=80) | st.lists(st.integers(0, 3), min_size=1, max_size=80).map(bytes),
    written=st.booleans(),
)
def test_any_window(address, offset, data, written):
    compare(max(address + offset, 0), data, written=written)


@given(st.sampled_from(WINDOWS), st.data())
def test_any_bytes_in_known_windows(window, data):
    compare(window.address, data.draw(st.binary(min_size=window.length, max_size=window.length)), written=False)


@pytest.mark.parametrize("row", [row for row in REGISTERS if row.name and row.size == 1], ids=lambda row: row.name)
def test_any_byte(row):
    for byte in range(256):
        compare(row.address, bytes([byte]), written=True)


def test_no_byte_is_read_as_a_neighbour():
    """Each register of a window alone gives what it gives among the others."""
    for window in WINDOWS:
        data = bytes(range(1, 1 + min(window.length, 255)))
        whole, _ = decode_window(window.address, data)
        for row in REGISTERS:
            start = row.address - window.address
            if row.name in whole and start >= 0 and start + row.size <= len(data) and row.readable:
                alone, _ = decode_window(row.address, data[start : start + row.size])
                assert alone.get(row.name, whole[row.name]) == whole[row.name]


@pytest.mark.usefixtures("with_all_parts")
def test_what_is_remembered_is_bounded():
    """However many values a machine says."""
    decode = quick_decoder(0x401C, 4)
    for raw in range(0x10000):
        data = raw.to_bytes(2, "big") * 2
        assert decode.json(data)[0] == f'{{"coffee_temp":{raw / 10},"steam_temp":{raw / 10}}}'
    tables = [thing for thing in decode.json.__globals__.values() if isinstance(thing, quick._Table)]
    assert len(tables) == 2
    assert all(len(table) <= 4096 for table in tables)
