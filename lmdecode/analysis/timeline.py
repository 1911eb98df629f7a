"""A conversation over time: temperatures, what was set, what was on, what was written, what went wrong.

For each machine a `Timeline`, made while records come.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from lmdecode.analysis.activity import Activity
from lmdecode.analysis.known_values import Known, is_trustworthy
from lmdecode.analysis.series import Series
from lmdecode.codec.record import Record
from lmdecode.codec.v1.message import Kind
from lmdecode.codec.v1.values import Value, is_number

__all__ = ["BANDS", "SET_POINTS", "TEMPERATURES", "Connection", "Interval", "Problem", "Timeline", "Write"]

TEMPERATURES: Final = ("coffee_temp", "steam_temp")
SET_POINTS: Final = ("coffee_set_temp", "steam_set_temp")
BANDS: Final = (
    "power",
    "coffee_heater_on",
    "steam_heater_on",
    "pump_on",
    "brew_solenoid_on",
    "hot_water_solenoid_on",
    "boiler_fill_solenoid_on",
    "standby",
    "reservoir_empty",
)
"""What is on or off."""

_OPPOSITES: Final = {"standby": "power", "reservoir_empty": "water_reservoir_contact"}

_TOLD: Final = frozenset((*TEMPERATURES, *SET_POINTS, *BANDS, *_OPPOSITES.values()))
_MOST_PROBLEMS: Final = 500  # that are kept: with a wrong key, every frame is one
_SILENCE_NS: Final = 60_000_000_000  # after which nobody knows whether what was on still is


class Interval(NamedTuple):
    """A time in which something was on, in nanoseconds since 1970."""

    start_ns: int
    end_ns: int


class Problem(NamedTuple):
    """Something that is wrong with a message, or with the capture."""

    time_ns: int
    stream: int
    sender: str
    texts: tuple[str, ...]


@dataclass(slots=True)
class Write:
    """What the app wrote."""

    time_ns: int
    stream: int
    address: int
    length: int
    data: str | None
    """Hex, `**` for a secret byte."""
    fields: Mapping[str, Value]
    ok: bool | None = None
    """Whether the machine took it; None: it did not say."""


@dataclass(slots=True)
class Connection:
    """A TCP connection."""

    stream: int
    app: str
    machine: str
    first_ns: int
    last_ns: int
    messages: int = 0


class Timeline:
    """One machine's."""

    def __init__(self) -> None:
        self.known = Known()
        """Its values; those at the end, when all records were added."""
        self.activity = Activity()
        """How much was said of its memory."""
        self.series = {name: Series() for name in TEMPERATURES}
        """Temperatures, °C."""
        self.set_points: dict[str, list[tuple[int, float]]] = {name: [] for name in SET_POINTS}
        """Each as the times from which on it was known to be so much, °C."""
        self.bands: dict[str, list[Interval]] = {name: [] for name in BANDS}
        self.watched: set[str] = set()
        """The bands of which the machine said anything."""
        self.writes: list[Write] = []
        self.problems: list[Problem] = []
        """The first of them."""
        self.problem_count = 0
        self.connections: dict[int, Connection] = {}
        self._since: dict[str, int] = {}  # what is on, and from when
        self._heard_ns: int | None = None

    def add(self, record: Record) -> None:
        """Take the next record of this machine."""
        self._connect(record)
        self.activity.add(record)
        if record.problems:
            self.problem_count += 1
            if len(self.problems) < _MOST_PROBLEMS:
                self.problems.append(Problem(record.time_ns, record.stream, record.sender, record.problems))
        if record.kind is Kind.WRITE and record.address is not None and record.length is not None:
            self._write(record, record.address, record.length)
        time_ns = record.time_ns
        late = False
        if record.sender == "machine" and is_trustworthy(record):
            heard_ns = time_ns if self._heard_ns is None else self._heard_ns
            if abs(time_ns - heard_ns) > _SILENCE_NS:
                self._put_out(heard_ns)
            late = heard_ns - _SILENCE_NS <= time_ns < heard_ns  # sent again, and what it says is past
            self._heard_ns = heard_ns if late else time_ns
        self._take(time_ns, self.known.add(record), late=late)

    def finish(self) -> None:
        """All records were added."""
        if self._heard_ns is not None:
            self._put_out(self._heard_ns)

    def _connect(self, record: Record) -> None:
        connection = self.connections.get(record.stream)
        if connection is None:
            ends = (record.source, record.destination)
            app, machine = ends if record.sender == "app" else ends[::-1]
            connection = Connection(record.stream, app, machine, record.time_ns, record.time_ns)
            self.connections[record.stream] = connection
        connection.last_ns = max(connection.last_ns, record.time_ns)
        connection.messages += record.kind is not None

    def _write(self, record: Record, address: int, length: int) -> None:
        if record.sender == "app":
            fields = record.fields if is_trustworthy(record) else {}
            self.writes.append(Write(record.time_ns, record.stream, address, length, record.data, fields))
            return
        for write in reversed(self.writes[-64:]):
            if (write.stream, write.address, write.length) == (record.stream, address, length) and write.ok is None:
                write.ok = record.ok
                return

    def _take(self, time_ns: int, told: Mapping[str, Value], *, late: bool) -> None:
        if _TOLD.isdisjoint(told):
            return
        for name, series in self.series.items():
            value = told.get(name)
            if value is not None and is_number(value):
                series.add(time_ns, value)
        if late:
            return
        for name, steps in self.set_points.items():
            value = told.get(name)
            if value is not None and is_number(value) and (not steps or steps[-1][1] != value):
                steps.append((time_ns, value))
        for name in BANDS:
            on = told.get(_OPPOSITES.get(name, name))
            if isinstance(on, bool):
                self._switch(name, time_ns, on=on is not (name in _OPPOSITES))

    def _switch(self, name: str, time_ns: int, *, on: bool) -> None:
        self.watched.add(name)
        if on:
            self._since.setdefault(name, time_ns)
        elif name in self._since:
            self.bands[name].append(Interval(self._since.pop(name), time_ns))

    def _put_out(self, time_ns: int) -> None:
        """Nobody knows how it goes on."""
        for name in list(self._since):
            self._switch(name, time_ns, on=False)
