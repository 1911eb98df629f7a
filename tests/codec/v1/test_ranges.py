"""Ranges of addresses as users write them."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmdecode.codec.v1.ranges import AddressRangeError, address_of, address_range, address_ranges, byte_count


@given(st.integers(0, 0xFFFF), st.integers(0, 0xFFFF))
def test_each_way_to_write_it(one, other):
    first, last = sorted((one, other))
    expected = range(first, last + 1)
    assert address_range(f"0x{first:04X}-0x{last:x}") == expected
    assert address_range(f" 0X{first:x} .. 0x{last:04X} ") == expected
    assert address_range(f"0x{first:x}..0x{last:x}") == expected
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
        ("0x40FF-0x4000", "ends before it begins"),
        ("0x4000+0", "has no bytes: give at least 1"),
        ("0x4000-40", "write 0x4000, 0x4000-0x4022, 0x4000..0x4022 or 0x4000+35"),
        ("0x4000-4022", "write 0x4000"),
        ("0x4000+AB", "write 0x4000"),
        ("4000-40FF", "write 0x4000"),
        ("4000", "write 0x4000"),
        ("", "write 0x4000"),
        ("0x4000-", "write 0x4000"),
        ("0x" + "9" * 5000, "write 0x4000"),
    ],
)
def test_what_is_not_a_range(text, reason):
    with pytest.raises(AddressRangeError) as error:
        address_range(text)
    assert reason in str(error.value)


@given(st.text())
def test_no_text_makes_it_crash(text):
    with contextlib.suppress(AddressRangeError):
        assert address_range(text)


@given(st.lists(st.tuples(st.integers(0, 0xFFFF), st.integers(1, 0x200), st.integers(0, 4)), max_size=5))
def test_ranges_in_any_notation_and_two_words_for_start_and_end(pieces):
    words, expected = [], []
    for first, count, notation in pieces:
        end = min(first + count, 0x10000)
        expected.append(range(first, end))
        words += [
            [f"0x{first:x}", f"0x{end:x}"],
            [f"{first:04X}", f"{end:X}"],
            [f"0x{first:x}-0x{end - 1:x}"],
            [f"0x{first:x}..0x{end - 1:x}"],
            [f"{first:x}+{end - first}"],
        ][notation]
    assert address_ranges(words) == expected


def test_a_single_address_is_one_byte_where_no_end_follows():
    assert address_ranges(["0x4000"]) == [range(0x4000, 0x4001)]
    assert address_ranges(["0x4000", "0x0300+7"]) == [range(0x4000, 0x4001), range(0x0300, 0x0307)]
    assert address_ranges([]) == []


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("0x0200 0x0200", "the address after the last byte"),
        ("0x0200 0x0100", "or write 0x4000, 0x4000-0x4022"),
        ("hello 0x10", "'hello' is not a range"),
        ("0x10000", "beyond the last address"),
        ("0x0000+x", "write 0x4000"),
    ],
)
def test_words_that_name_no_ranges(words, reason):
    with pytest.raises(AddressRangeError) as error:
        address_ranges(words.split())
    assert reason in str(error.value)


@given(st.lists(st.text(max_size=12), max_size=4))
def test_no_words_make_it_crash(words):
    with contextlib.suppress(AddressRangeError):
        assert all(address_ranges(words))


def test_an_address_and_a_number_of_bytes():
    assert (address_of("0x401C"), address_of(" 401c "), byte_count("32", 0), byte_count("0x20", 0)) == (
        *(0x401C, 0x401C),
        *(32, 32),
    )
    for text in ("", "0x12345", "x", "-1"):
        with pytest.raises(AddressRangeError, match="is not an address"):
            address_of(text)
    for text, reason in (("x", "not a number of bytes"), ("0", "1 to 65535"), ("2", "1 to 1")):
        with pytest.raises(AddressRangeError, match=reason):
            byte_count(text, 0xFFFF if text == "2" else 0)
