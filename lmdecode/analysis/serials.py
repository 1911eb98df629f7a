"""One name for each machine, also where only some of its messages say whose they are."""

from __future__ import annotations

from typing import Final, NamedTuple

from lmdecode.analysis.memory_history import machine_of
from lmdecode.codec.record import Record

_OWN_ADDRESS: Final = frozenset(("v3", "bluetooth"))
"""The protocols in which the other end of a connection is one machine. At the cloud's address are all machines."""
CLOUDS: Final = frozenset(("cloud1", "lion"))
"""The protocols of the maker's clouds."""


class Renamed(NamedTuple):
    """A machine whose serial number turned up."""

    before: str
    """Its address, under which it was known until then."""
    name: str


class SerialNumbers:
    """Tells the name of the machine of each record, in the order of the records.

    >>> names = SerialNumbers()
    >>> first = Record(0, 0, "machine", "AA:BB", "phone", generation="bluetooth")
    >>> names.of(first), names.of(first._replace(machine="MR012345")), names.renamed
    ('AA:BB', 'MR012345', Renamed(before='AA:BB', name='MR012345'))
    >>> names.of(first)
    'MR012345'
    """

    def __init__(self) -> None:
        self.renamed: Renamed | None = None
        """The machine that the last record gave another name; None if it gave none."""
        self._at: dict[str, str] = {}

    def of(self, record: Record) -> str:
        """Return the serial number of the record's machine, or the name of its key; without either its address."""
        self.renamed = None
        if record.generation not in _OWN_ADDRESS:
            return machine_of(record)
        end = record.source if record.sender == "machine" else record.destination
        if record.machine is None:
            return self._at.get(end, end)
        if end not in self._at:
            self.renamed = Renamed(end, record.machine)
        self._at[end] = record.machine
        return record.machine


def is_account(record: Record) -> bool:
    """Return whether a message is about an account of the cloud and not about one machine."""
    return record.generation in CLOUDS and record.machine is None
