"""Ranges of addresses as users write them."""

from __future__ import annotations

import re
from typing import Final

from lmdecode.codec.errors import LmdecodeError
from lmdecode.codec.v1.message import ADDRESS_SPACE

_RANGE: Final = re.compile(
    r"\s*0[xX]([0-9A-Fa-f]{1,8})\s*(?:(-|\.\.|\+)\s*(?:0[xX]([0-9A-Fa-f]{1,8})|([0-9]{1,8})))?\s*\Z"
).match
_HOW: Final = "a range is written 0x4000-0x40FF, with the last address, or 0x4000+0x20, with the number of bytes"


class AddressRangeError(LmdecodeError, ValueError):
    """A range that cannot be understood or is not in the memory: one line that says how one is written."""


def address_range(text: str) -> range:
    """The addresses that a range names; one address is a range of one.

    Raises:
        AddressRangeError: It is none, or goes beyond 0xFFFF.

    >>> address_range("0x4000-0x40FF"), address_range("0x4000+0x20"), address_range("0x4000+32")
    (range(16384, 16640), range(16384, 16416), range(16384, 16416))
    """
    parts = _RANGE(text)
    if parts is None or (parts[2] in {"-", ".."} and parts[4] is not None):  # a last address is not decimal
        raise AddressRangeError(f"{text!r}: {_HOW}")
    first = int(parts[1], 16)
    number = int(parts[3], 16) if parts[3] else int(parts[4] or 1)
    end = number + 1 if parts[2] in {"-", ".."} else first + number
    if max(first + 1, end) > ADDRESS_SPACE:
        raise AddressRangeError(f"{text!r} goes beyond the last address, which is 0xFFFF")
    if end <= first:
        raise AddressRangeError(f"{text!r} has no bytes: {_HOW}")
    return range(first, end)
