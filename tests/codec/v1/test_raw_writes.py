"""What the memory map says against bytes that are to be written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.codec.errors import RegisterError
from lmdecode.codec.record import Kind
from lmdecode.codec.v1.message import Message
from lmdecode.codec.v1.setting_change import check_raw_write


def check(address, digits, model=None):
    data = bytes.fromhex(digits)
    return check_raw_write(Message(Kind.WRITE, address, len(data), data), model=model)


@pytest.mark.parametrize(
    ("address", "digits"),
    [(0x001E, "08"), (0x0014, "0079"), (0x0311, "0611"), (0x0300, "0B0F15070D0C14"), (0x00E1, "82")],
)
def test_known_registers_in_their_range(address, digits):
    assert check(address, digits) == []


@pytest.mark.parametrize(
    ("address", "digits", "why"),
    [
        (0x001E, "1F", "dose_hot_water must be 1 to 30 s, not 31"),
        (0x0014, "08", "dose_k1 has 2 bytes, from 0x0014 on"),
        (0x0015, "08", "dose_k1 has 2 bytes, from 0x0014 on"),
        (0x0301, "00", "clock has 7 bytes"),
        (0x0007, "03AC00", "steam_set_temp has 2 bytes"),
        (0x000B, "03", "3 is none of"),
        (0x0110, "0000", "cloud account"),
        (0xFFFF, "0000", "past the end"),
    ],
)
def test_what_is_refused(address, digits, why):
    with pytest.raises(RegisterError, match=why):
        check(address, digits)


def test_a_model_without_it_is_refused():
    with pytest.raises(RegisterError, match="only on the GS3 AV"):
        check(0x0016, "0079", model="Linea Mini")


def test_what_nobody_knows_is_said():
    assert check(0x0001, "00") == ["nobody knows what is at 0x0001"]
    assert check(0x5000, "000000") == ["nobody knows what is at 0x5000 and 2 more"]
    assert check(0x4001, "78") == ["firmware_ver is not known to be writable"]


@given(st.integers(0, 0xFFFF), st.binary(min_size=1, max_size=40))
def test_it_ends_in_a_list_or_one_line(address, data):
    try:
        found = check_raw_write(Message(Kind.WRITE, address, len(data), data))
    except RegisterError as error:
        found = [str(error)]
    assert all("\n" not in line for line in found)
