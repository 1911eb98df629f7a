"""How much is known of each byte of the machine's memory: how often it was said, and how often it was another then."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from typing import Final, NamedTuple

from lmdecode.analysis.known_values import is_trustworthy
from lmdecode.codec.record import MASK, Record
from lmdecode.codec.v1.message import ADDRESS_SPACE, Kind

__all__ = ["Activity", "Run"]

_SECRET: Final = 256
_UNKNOWN: Final = 257


class Run(NamedTuple):
    """Neighbouring bytes that were seen."""

    address: int
    seen: list[int]
    """How often each was said."""
    changed: list[int]
    """How often each was another than before."""
    last: str
    """What they were at the end, in hex, `**` for a secret one."""


class Activity:
    """Counts, byte by byte, what the machine says of its memory."""

    def __init__(self) -> None:
        self._seen = array("L", bytes(ADDRESS_SPACE * array("L").itemsize))
        self._changed = array("L", bytes(ADDRESS_SPACE * array("L").itemsize))
        self._last = array("H", [_UNKNOWN]) * ADDRESS_SPACE

    def add(self, record: Record) -> None:
        """Take a record; requests, writes and damaged messages say nothing here."""
        address, data = record.address, record.data
        if record.sender != "machine" or record.kind is Kind.WRITE or address is None or data is None:
            return
        if not is_trustworthy(record):
            return
        for offset in range(min(len(data) // 2, ADDRESS_SPACE - address)):
            digits = data[2 * offset : 2 * offset + 2]
            byte = _SECRET if digits == MASK else int(digits, 16)
            place = address + offset
            self._seen[place] += 1
            if self._last[place] != byte:
                self._changed[place] += self._last[place] != _UNKNOWN
                self._last[place] = byte

    def runs(self) -> Iterator[Run]:
        """Each unbroken run of bytes that were seen, in order."""
        start = 0
        while start < ADDRESS_SPACE:
            if not self._seen[start]:
                start += 1
                continue
            end = start
            while end < ADDRESS_SPACE and self._seen[end]:
                end += 1
            last = "".join(MASK if byte == _SECRET else f"{byte:02x}" for byte in self._last[start:end])
            yield Run(start, list(self._seen[start:end]), list(self._changed[start:end]), last)
            start = end
