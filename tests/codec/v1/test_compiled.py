"""The functions written for windows say what the plan says, or raise."""

from __future__ import annotations

from contextlib import suppress

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.codec.v1 import _compiled as quick
from lmdecode.codec.v1 import window as fields
from lmdecode.codec.v1.memory_map import REGISTERS
from lmdecode.codec.v1.window import decode_window, quick_decoder, registers_in
from lmdecode.codec.v1.windows import WINDOWS

BASES = [row.address for row in REGISTERS]


@pytest.fixture
def slowly(monkeypatch):
    """Decode by the steps of the plan alone."""

    def decode(address, data, *, written):
        plan = fields._plan(address, len(data), written)
        with monkeypatch.context() as patch:
            patch.setattr(fields, "_plan", lambda *_: fields._Plan(plan.steps, plan.derived, plan.has_copies))
            return decode_window(address, data, written=written)

    return decode


def compare(address, data, slowly, *, written):
    quick = quick_decoder(address, len(data), written=written)
    if quick is None:
        return False
    values, problems = slowly(address, data, written=written)
    try:
        assert quick.fields(data) == values
    except (LookupError, ValueError):
        assert problems or leaves_out(address, data, values, written=written)
        with pytest.raises((LookupError, ValueError)):
            quick.json(data)
        return False
    assert quick.json(data) == orjson.dumps(values).decode()
    assert quick.json(data) == orjson.dumps(values).decode(), "once more, of what is remembered"
    assert problems == ()
    return True


def leaves_out(address, data, values, *, written):
    """Whether an unconfirmed register of the window has no value."""
    return any(
        row.name not in values
        for row in registers_in(address, len(data))
        if row.name and not row.confirmed and (row.readable or written)
    )


@pytest.mark.parametrize("window", WINDOWS, ids=lambda window: window.name)
@pytest.mark.parametrize("byte", [0, 1, 2, 12])
def test_known_windows(window, byte, slowly):
    compare(window.address, bytes([byte]) * window.length, slowly, written=False)


def test_most_known_windows_can_be_read_so(slowly):
    read = [compare(window.address, bytes(window.length), slowly, written=False) for window in WINDOWS]
    assert read.count(True) > len(read) / 2


@given(
    address=st.sampled_from(BASES),
    offset=st.integers(-3, 3),
    data=st.binary(min_size=1, max_size=80),
    written=st.booleans(),
)
def test_any_window(address, offset, data, written):
    address = max(address + offset, 0)
    quick = quick_decoder(address, len(data), written=written)
    values, problems = decode_window(address, data, written=written)
    with suppress(LookupError, ValueError):
        if quick is not None:
            assert (quick.fields(data), ()) == (values, problems)
            assert quick.json(data) == orjson.dumps(values).decode()


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


def test_what_is_remembered_is_bounded():
    """However many values a machine says."""
    decode = quick_decoder(0x401C, 4)
    for raw in range(0x10000):
        data = raw.to_bytes(2, "big") * 2
        assert decode.json(data) == f'{{"coffee_temp":{raw / 10},"steam_temp":{raw / 10}}}'
    tables = [thing for thing in decode.json.__globals__.values() if isinstance(thing, quick._Table)]
    assert len(tables) == 2
    assert all(len(table) <= 4096 for table in tables)
