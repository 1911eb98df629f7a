"""How often each byte of a machine's memory was seen, and how often it had changed."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from typing import Final, NamedTuple

from lmdecode.analysis.memory_history import is_intact
from lmdecode.codec.record import MASK, Kind, Record
from lmdecode.codec.v1.message import ADDRESS_SPACE

_SECRET: Final = 256
_UNKNOWN: Final = 257


class ActivityRun(NamedTuple):
    """Neighbouring bytes of memory that were seen."""

    address: int
    seen: list[int]
    """How often each byte was seen."""
    changed: list[int]
    """How often each byte had changed."""
    last: str
    """The bytes at the end, in hex, `**` for a secret one."""


class Activity:
    """Counts how often each byte of the memory was seen, and how often it had changed."""

    def __init__(self) -> None:
        self._seen = array("L", bytes(ADDRESS_SPACE * array("L").itemsize))
        self._changed = array("L", bytes(ADDRESS_SPACE * array("L").itemsize))
        self._last = array("H", [_UNKNOWN]) * ADDRESS_SPACE

    def add(self, record: Record, *, counted: bool = True) -> None:
        """Take a record. Only undamaged answers to reads, reports and pushed messages hold bytes of the memory.

        Args:
            record: The record.
            counted: Whether to count what it shows, rather than only to know the bytes from then on.
        """
        address, data = record.address, record.data
        if record.sender != "machine" or record.kind is Kind.WRITE or address is None or data is None:
            return
        if not is_intact(record):
            return
        for offset in range(min(len(data) // 2, ADDRESS_SPACE - address)):
            digits = data[2 * offset : 2 * offset + 2]
            byte = _SECRET if digits == MASK else int(digits, 16)
            place = address + offset
            self._seen[place] += counted
            if self._last[place] != byte:
                self._changed[place] += counted and self._last[place] != _UNKNOWN
                self._last[place] = byte

    def runs(self) -> Iterator[ActivityRun]:
        """Yield each unbroken run of bytes that were seen, in order."""
        start = 0
        while start < ADDRESS_SPACE:
            if not self._seen[start]:
                start += 1
                continue
            end = start
            while end < ADDRESS_SPACE and self._seen[end]:
                end += 1
            last = "".join(MASK if byte == _SECRET else f"{byte:02x}" for byte in self._last[start:end])
            yield ActivityRun(start, list(self._seen[start:end]), list(self._changed[start:end]), last)
            start = end
