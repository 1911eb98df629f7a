"""What a machine says of itself, by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lmdecode.codec.record import Record
from lmdecode.codec.v1.memory_map import UNITS
from lmdecode.codec.v1.values import Value
from lmdecode.device.snapshot import Snapshot

__all__ = ["Status"]


class Status(Mapping[str, Value]):
    """All that a machine says of itself, read once: values by name, in the units of the memory map.

    What it did not answer is not there, but in `silent`.

    >>> import lmdecode
    >>> with lmdecode.simulate("GS3 AV") as simulated, simulated.connect() as machine:
    ...     status = machine.status()
    >>> status["coffee_set_temp"], status.unit("coffee_set_temp"), status["machine_ser_num"]
    (96.2, '°C', 'GS000000')
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self.records: list[Record] = snapshot.records
        """The machine's answers, in the order of addresses."""
        self.silent: dict[str, str] = snapshot.silent
        """By the name of a window that could not be read: why."""
        self._fields = snapshot.fields

    @property
    def problems(self) -> list[str]:
        """What is wrong with the answers, one line each."""
        return [problem for record in self.records for problem in record.problems]

    def unit(self, name: str) -> str | None:
        """The unit of a value; None if it has none."""
        return UNITS.get(name)

    def __getitem__(self, name: str) -> Value:
        return self._fields[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __repr__(self) -> str:
        return f"Status({self._fields!r})"
