"""Which register a byte belongs to, and which bits nobody has explained."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lmdecode.codec.confidence import Confidence
from lmdecode.codec.v1.memory_map import REGISTERS
from lmdecode.codec.v1.window import span_of, spans_of, unexplained_bits


@given(st.integers(0, 0xFFFF))
def test_a_byte_is_in_its_place_and_so_are_all_others_there(address):
    place = span_of(address)
    assert place.address <= address < place.end
    assert {span_of(each) for each in range(place.address, place.end)} == {place}


def test_every_register_is_in_a_place_that_holds_all_of_it():
    for row in REGISTERS:
        if row.readable:
            (place,) = spans_of([row.address])
            assert place.address <= row.address
            assert (row.end <= place.end) is (row.name is not None or row.secret)


def test_what_is_known_and_what_is_not():
    for row in REGISTERS:
        place = span_of(row.address)
        if row.sure is Confidence.UNKNOWN:
            assert not place.known
            assert unexplained_bits(row.address) == 0xFF
        elif row.readable and row.name:
            assert place.known
    assert not span_of(0x00E1).known  # it can only be written, and holds nothing to read
    assert unexplained_bits(0x0111) == 0  # the account is explained, and nobody's business
    assert unexplained_bits(0x0070) == 0  # said to be unused
    assert unexplained_bits(0x8000) == 0xFF


def test_values_of_a_place():
    assert span_of(0x401C).value(b"\x03\xbc") == 95.6
    assert span_of(0x401C).value(b"\x03") is None
    assert span_of(0x4063).value(b"\x98") is None
    assert span_of(0x8000).value(b"\x00") is None
    assert span_of(0x0300).name == "clock"
    assert [place.name for place in spans_of(range(0x401B, 0x4020))] == ["heating_state", "coffee_temp", "steam_temp"]
