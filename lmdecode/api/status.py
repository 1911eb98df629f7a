"""All that a live machine reveals about itself, for programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lmdecode.analysis.columns import current_name
from lmdecode.analysis.units import unit_of
from lmdecode.codec.record import Record, Value
from lmdecode.device.session import Snapshot


class Status(Mapping[str, Value]):
    """Everything a machine reveals about itself, read once: values by name, in the units of the tables.

    What the machine did not answer is listed in `silent`, and its values are missing.

    >>> import lmdecode
    >>> with lmdecode.simulate("GS3 AV") as simulated, simulated.connect() as machine:
    ...     status = machine.status()
    >>> status["coffee_set_temp"], status.unit("coffee_set_temp"), status["machine_ser_num"]
    (96.2, '°C', 'GS000000')
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self.records: list[Record] = snapshot.records
        """The machine's answers, in the order of the questions; `Record.extra` has what no table explains."""
        self.silent: dict[str, str] = snapshot.silent
        """The reason for each question that was not answered, by its name: a window of v1, a name of Bluetooth."""
        self._fields = snapshot.fields

    @property
    def problems(self) -> list[str]:
        """The problems of the answers, one line each."""
        return [problem for record in self.records for problem in record.problems]

    def unit(self, name: str) -> str | None:
        """Returns the unit of a value; None if the value has no unit."""
        return unit_of(current_name(name))

    def __getitem__(self, name: str) -> Value:
        return self._fields[current_name(name)]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __repr__(self) -> str:
        return f"Status({self._fields!r})"
