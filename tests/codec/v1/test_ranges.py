"""Ranges of addresses as users write them."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.codec.v1.ranges import AddressRangeError, address_range


@given(st.integers(0, 0xFFFF), st.integers(0, 0xFFFF))
def test_each_way_to_write_it(one, other):
    first, last = sorted((one, other))
    expected = range(first, last + 1)
    assert address_range(f"0x{first:04X}-0x{last:x}") == expected
    assert address_range(f" 0X{first:x} .. 0x{last:04X} ") == expected
    assert address_range(f"0x{first:x}+{len(expected)}") == expected
    assert address_range(f"0x{first:x}+0x{len(expected):x}") == expected
    assert address_range(f"0x{first:x}") == range(first, first + 1)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("0x4000-0x10000", "beyond the last address, which is 0xFFFF"),
        ("0xFFF0+0x20", "beyond the last address"),
        ("0x10000", "beyond the last address"),
        ("0x10000+0", "beyond the last address"),
        ("0x40FF-0x4000", "has no bytes"),
        ("0x4000+0", "has no bytes"),
        ("0x4000-40", "is written 0x4000-0x40FF"),
        ("4000-40FF", "is written"),
        ("", "is written"),
        ("0x4000-", "is written"),
        ("0x" + "9" * 5000, "is written"),
    ],
)
def test_what_is_none(text, reason):
    with pytest.raises(AddressRangeError) as error:
        address_range(text)
    assert reason in str(error.value)


@given(st.text())
def test_no_text_makes_it_crash(text):
    with contextlib.suppress(AddressRangeError):
        assert address_range(text)
