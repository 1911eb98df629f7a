"""Addresses and ranges of the machine's memory, as people write them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from lmdecode.app.errors import UsageError
from lmdecode.codec.v1.message import ADDRESS_SPACE

if TYPE_CHECKING:
    from lmdecode.device.scan_plan import Piece

_ADDRESS: Final = re.compile(r"(?:0[xX])?([0-9A-Fa-f]{1,4})\Z").match
_COUNT: Final = re.compile(r"(?:0[xX][0-9A-Fa-f]{1,8}|[0-9]{1,20})\Z").match
_END: Final = re.compile(r"(?:0[xX])?0*10000\Z").match


def address_of(text: str) -> int:
    """An address: hexadecimal, with 0x or without.

    Raises:
        UsageError: It is none.
    """
    match = _ADDRESS(text.strip())
    if match is None:
        raise UsageError(f"{text[:40]!r} is no address: give 0x0000 to 0xFFFF")
    return int(match[1], 16)


def count_of(text: str, start: int) -> int:
    """A number of bytes from an address on: decimal, or hexadecimal with 0x.

    Raises:
        UsageError: It is none, or there are not so many.
    """
    if not _COUNT(text):
        raise UsageError(f"{text[:40]!r} is no number of bytes: give 32, or 0x20")
    count = int(text, 16 if text[:2].lower() == "0x" else 10)
    most = min(ADDRESS_SPACE - start, ADDRESS_SPACE - 1)  # a message's length has 16 bits
    if not 0 < count <= most:
        raise UsageError(f"{count} bytes: from 0x{start:04X} on there are 1 to {most}")
    return count


def ranges_of(words: Iterable[str]) -> list[Piece]:
    """Ranges: START END, of which END is the address after the last, or START+LENGTH.

    Raises:
        UsageError: They are none.

    >>> ranges_of(["0x4000", "0x4023", "0x0300+7"])
    [Piece(address=16384, length=35), Piece(address=768, length=7)]
    """
    from lmdecode.device.scan_plan import Piece

    found = []
    rest = iter(words)
    for word in rest:
        first, plus, length = word.partition("+")
        start = address_of(first)
        if plus:
            found.append(Piece(start, count_of(length, start)))
            continue
        last = next(rest, None)
        if last is None or "+" in last:
            raise UsageError(f"{word}: where does it end? give {word} END, or {word}+LENGTH")
        end = ADDRESS_SPACE if _END(last.strip()) else address_of(last)
        if end <= start:
            raise UsageError(f"{word} {last}: END is the address after the last one, so it must be greater than START")
        found.append(Piece(start, end - start))
    return found
