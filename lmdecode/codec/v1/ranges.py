"""Addresses and ranges of the machine's memory, as users write them.

There is one grammar, for `--range`, `--where address=`, `scan` and `explain`:

    0x4000                             one byte
    0x4000-0x4022, 0x4000..0x4022      from the first to the last, both included
    0x4000+35, 0x4000+0x23             a number of bytes from an address on

An address always begins with 0x: 4000 alone would be 0x4000 to some and 0x0FA0 to others. A number of bytes is decimal
unless it begins with 0x.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from lmdecode.codec.errors import LmdecodeError
from lmdecode.codec.v1.message import ADDRESS_SPACE

FORMS: Final = "0x4000, 0x4000-0x4022, 0x4000..0x4022 or 0x4000+35"
"""The ways to write a range, for messages and help texts."""

_RANGE: Final = re.compile(
    r"0[xX]([0-9A-Fa-f]{1,8})(?:\s*(?:-|\.\.)\s*0[xX]([0-9A-Fa-f]{1,8})|\s*\+\s*(0[xX][0-9A-Fa-f]{1,8}|[0-9]{1,8}))?\Z"
).match
_ADDRESS: Final = re.compile(r"\s*(?:0[xX])?([0-9A-Fa-f]{1,4})\s*\Z").match
_COUNT: Final = re.compile(r"(?:0[xX][0-9A-Fa-f]{1,8}|[0-9]{1,20})\Z").match
_END: Final = re.compile(r"\s*(?:0[xX])?0*10000\s*\Z").match  # the address after the last one
_BARE: Final = re.compile(r"\s*(?=[0-9A-Fa-f]{1,4}\s*(?:\+|\Z))").match
_QUOTED: Final = 40  # characters of what was given that a message repeats
_LONGEST: Final = ADDRESS_SPACE - 1  # bytes: a message's length has 16 bits


class AddressRangeError(LmdecodeError, ValueError):
    """A text that is not an address or a range, or is not in the memory: one line that shows how to write one."""

    exit_code = 2


def address_range(text: str) -> range:
    """Returns the addresses that a range names. A single address is a range of one byte.

    Raises:
        AddressRangeError: The text is not a range, or the range is empty or goes beyond 0xFFFF.

    >>> address_range("0x4000-0x40FF"), address_range("0x4000+0x20"), address_range("0x4000+32")
    (range(16384, 16640), range(16384, 16416), range(16384, 16416))
    """
    parts = _RANGE(text.strip())
    shown = repr(text[:_QUOTED])
    if parts is None:
        raise AddressRangeError(f"{shown} is not a range of addresses: write {FORMS}")
    first = int(parts[1], 16)
    if parts[2] is not None:
        end, empty = int(parts[2], 16) + 1, "ends before it begins: write the lower address first"
    else:
        end, empty = first + (_number(parts[3]) if parts[3] else 1), "has no bytes: give at least 1 after the +"
    if max(first + 1, end) > ADDRESS_SPACE:
        raise AddressRangeError(f"{shown} goes beyond the last address, which is 0xFFFF")
    if end <= first:
        raise AddressRangeError(f"{shown} {empty}")
    return range(first, end)


def address_ranges(words: Iterable[str]) -> list[range]:
    """Returns the ranges that the words of `lmdecode scan` name.

    Each word is a range. Two addresses one after the other are START and END, and there END is the address *after* the
    last byte. For START, alone or with a number of bytes, `scan` does without the 0x.

    Raises:
        AddressRangeError: A word is not a range, or END does not follow START.

    >>> address_ranges(["0x4000", "0x4023", "0x0300+7", "0x0050-0x0067"])
    [range(16384, 16419), range(768, 775), range(80, 104)]
    """
    found = []
    waiting = [word if _BARE(word) is None else f"0x{word.strip()}" for word in words]
    while waiting:
        word = waiting.pop(0)
        if waiting and _ADDRESS(word) and (_ADDRESS(waiting[0]) or _END(waiting[0])):
            found.append(_from_start_to_end(word, waiting.pop(0)))
        else:
            found.append(address_range(word))
    return found


def address_of(text: str) -> int:
    """Returns an address: hexadecimal, with 0x or without.

    Raises:
        AddressRangeError: The text is not an address.
    """
    match = _ADDRESS(text)
    if match is None:
        raise AddressRangeError(f"{text[:_QUOTED]!r} is not an address: give 0x0000 to 0xFFFF")
    return int(match[1], 16)


def byte_count(text: str, start: int) -> int:
    """Returns a number of bytes to read from an address on: decimal, or hexadecimal with 0x.

    Raises:
        AddressRangeError: The text is not a number, or one message cannot read so many bytes from there.
    """
    if not _COUNT(text):
        raise AddressRangeError(f"{text[:_QUOTED]!r} is not a number of bytes: give 32, or 0x20")
    count, most = _number(text), min(ADDRESS_SPACE - start, _LONGEST)
    if not 0 < count <= most:
        raise AddressRangeError(f"{count} bytes: from 0x{start:04X} on there are 1 to {most}")
    return count


def _number(text: str) -> int:
    return int(text, 16 if text[:2].lower() == "0x" else 10)


def _from_start_to_end(first: str, after_last: str) -> range:
    start = address_of(first)
    end = ADDRESS_SPACE if _END(after_last) else address_of(after_last)
    if end <= start:
        raise AddressRangeError(
            f"{first} {after_last}: the second is the address after the last byte, so it must be the greater; "
            f"or write {FORMS}"
        )
    return range(start, end)
