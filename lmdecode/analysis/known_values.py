"""What is known of a machine's values while messages pass: what it says, and what it takes."""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from lmdecode.codec.record import MASK, Kind, Record, Value
from lmdecode.codec.v1.message import ADDRESS_SPACE

_NOTHING: Final[Mapping[str, Value]] = {}
_MAX_PENDING: Final = 64  # writes of which no answer came


def machine_of(record: Record) -> str:
    """Which machine a record is about: its name where keys tell it, else its host:port.

    >>> machine_of(Record(0, 0, "app", "10.0.0.2:50000", "10.0.0.7:1774"))
    '10.0.0.7:1774'
    """
    if record.machine is not None:
        return record.machine
    return record.source if record.sender == "machine" else record.destination


def is_trustworthy(record: Record) -> bool:
    """Whether its bytes arrived as they were sent, so that its fields say what was said."""
    return record.kind is not None and record.raw is None


class Known:
    """The values of one machine as far as they are known.

    >>> known = Known()
    >>> report = Record(0, 0, "machine", "m", "a", Kind.READ, "report", 0x401C, 4, fields={"coffee_temp": 95.6})
    >>> known.add(report)
    {'coffee_temp': 95.6}
    >>> known.values["coffee_temp"]
    95.6
    """

    def __init__(self) -> None:
        self.values: dict[str, Value] = {}
        """By name."""
        self._written: deque[Record] = deque(maxlen=_MAX_PENDING)

    def add(self, record: Record) -> Mapping[str, Value]:
        """Take a record; the values that hold from now on by what it says, changed or not."""
        told = self._told(record)
        if told:
            self.values.update(told)
        return told

    def _told(self, record: Record) -> Mapping[str, Value]:
        if not is_trustworthy(record):
            return _NOTHING
        if record.kind is not Kind.WRITE:
            return record.fields if record.sender == "machine" else _NOTHING
        if record.sender == "app":
            self._written.append(record)
            return _NOTHING
        for asked in self._written:
            if (asked.stream, asked.address, asked.length) == (record.stream, record.address, record.length):
                self._written.remove(asked)
                return asked.fields if record.ok else _NOTHING
        return _NOTHING


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
