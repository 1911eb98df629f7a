"""What is known of a machine's values while messages pass: what it says, and what it takes."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Final

from lmdecode.codec.record import Kind, Record, Value

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
