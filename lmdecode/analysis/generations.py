"""Which generation speaks on each connection, and what it says of the machine; no key is needed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from lmdecode.analysis.unnamed import is_known, is_list
from lmdecode.codec.record import Record, Value
from lmdecode.codec.speakers import dialects

_FACTS: Final = ("model", "machine_ser_num", "firmware_ver", "gateway_ver")
"""The fields that say what a machine is."""
_MAX_SUBJECTS: Final = 1000  # that are told apart on a connection


@dataclass(slots=True)
class SpokenConnection:
    """A connection, and the generation that is spoken on it."""

    capture: str | None
    """The capture that it is from, where there are several."""
    stream: int
    app: str
    machine: str
    """The address of the machine, or of the cloud that speaks for it."""
    generation: str
    """The dialect's name."""
    first_ns: int
    last_ns: int
    messages: Counter[str] = field(default_factory=Counter)
    """By sender."""
    problems: int = 0
    subjects: Counter[str] = field(default_factory=Counter)
    """How often there were messages about what; the first thousand subjects."""
    facts: dict[str, Value] = field(default_factory=dict)
    """What the messages say of the machine itself: `model`, `machine_ser_num`, `firmware_ver`, `gateway_ver`."""
    unknown: Counter[str] = field(default_factory=Counter)
    """Names that the vocabulary does not have, and how often they came; the first thousand."""

    @property
    def title(self) -> str:
        """What the generation is, in words."""
        known = dialects().get(self.generation)
        return self.generation if known is None else known.title


class Generations:
    """Takes records of any dialect, and tells the connections' generations. Its memory does not grow with the records.

    >>> generations = Generations()
    >>> generations.add(Record(0, 0, "machine", "10.0.0.7:8081", "10.0.0.2:50000", generation="v3"))
    >>> [(each.generation, each.machine) for each in generations.connections()]
    [('v3', '10.0.0.7:8081')]
    """

    def __init__(self) -> None:
        self._known: dict[tuple[str | None, int, str], SpokenConnection] = {}

    def add(self, record: Record) -> None:
        """Take the next record."""
        place = *record.connection, record.generation
        connection = self._known.get(place)
        if connection is None:
            ends = record.source, record.destination
            app, machine = ends if record.sender == "app" else ends[::-1]
            connection = self._known[place] = SpokenConnection(
                *record.connection, app, machine, record.generation, record.time_ns, record.time_ns
            )
        connection.first_ns = min(connection.first_ns, record.time_ns)
        connection.last_ns = max(connection.last_ns, record.time_ns)
        connection.messages[record.sender] += 1
        connection.problems += bool(record.problems)
        if record.machine is not None and record.subject is not None:
            connection.facts.setdefault("machine_ser_num", record.machine)
        if record.sender == "machine":
            connection.facts.update((name, record.fields[name]) for name in _FACTS if name in record.fields)
        if record.subject is not None:
            _count(connection.subjects, (record.subject,))
            self._note_unknown(connection, record)

    @staticmethod
    def _note_unknown(connection: SpokenConnection, record: Record) -> None:
        if record.kind is not None and record.sender == "machine" and record.extra.get("replay") is not True:
            unknown = [path for path in record.extra if not is_known(record.generation, path) and not is_list(path)]
            _count(connection.unknown, unknown)

    def connections(self) -> Sequence[SpokenConnection]:
        """Return all connections so far, each once for every generation that was spoken on it."""
        return tuple(self._known.values())


def _count(counter: Counter[str], names: Iterable[str]) -> None:
    for name in names:
        if name in counter or len(counter) < _MAX_SUBJECTS:
            counter[name] += 1
