"""A conversation over time: temperatures, what was set, what was on, what was written, what went wrong.

For each machine a `Timeline`, made while records come.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Final, NamedTuple

from lmdecode.analysis.known_values import Activity, Known, is_trustworthy
from lmdecode.codec.record import Kind, Record, Value
from lmdecode.codec.v1.values import is_number

_LEAST_GAP_NS: Final = 60_000_000_000
_GAP: Final = 5  # times the usual pace is so long that nobody was listening


class Series:
    """One value over time.

    >>> series = Series()
    >>> for second, value in enumerate((96.0, 96.0, 96.0, 95.5)):
    ...     series.add(second * 10**9, value)
    >>> series.points()
    [(0, 96.0), (2000000000, 96.0), (3000000000, 95.5)]
    """

    def __init__(self) -> None:
        self.times = array("q")
        """Nanoseconds since 1970."""
        self.values = array("d")

    def __len__(self) -> int:
        return len(self.times)

    def add(self, time_ns: int, value: float) -> None:
        """Add a value; one that comes out of order, as from bytes that were sent again, is put where it belongs."""
        if self.times and time_ns < self.times[-1]:
            index = bisect_right(self.times, time_ns)
            self.times.insert(index, time_ns)
            self.values.insert(index, value)
            return
        self.times.append(time_ns)
        self.values.append(value)

    def points(self, limit: int = 20_000) -> list[tuple[int, float | None]]:
        """What to draw: at most about `limit` points, None where nothing was heard for long.

        Between equal neighbours a point says nothing, so it is left out. If that is not enough, the time is cut into
        equal pieces, and of each the first, the lowest, the highest and the last point are kept: no peak is lost.
        """
        points: list[tuple[int, float | None]] = []
        for start, end in self._stretches():
            if points:
                points.append((self.times[start - 1] + 1_000_000, None))
            points += self._turns(start, end)
        return points if len(points) <= limit else _thinned(points, limit)

    def _stretches(self) -> list[tuple[int, int]]:
        """Where it can be drawn without a break, as indices from and to."""
        times = self.times
        steps = [later - earlier for earlier, later in pairwise(times)]
        if not steps:
            return [(0, len(times))] if times else []
        longest = max(_LEAST_GAP_NS, _GAP * median(steps))
        cuts = [0, *(index + 1 for index, step in enumerate(steps) if step > longest), len(times)]
        return list(pairwise(cuts))

    def _turns(self, start: int, end: int) -> list[tuple[int, float | None]]:
        values = self.values
        return [
            (self.times[i], values[i])
            for i in range(start, end)
            if i in {start, end - 1} or not values[i - 1] == values[i] == values[i + 1]
        ]


def _thinned(points: list[tuple[int, float | None]], limit: int) -> list[tuple[int, float | None]]:
    first, last = points[0][0], points[-1][0]
    width = max((last - first) // max(limit // 4, 1), 1) + 1
    kept: list[tuple[int, float | None]] = []
    bucket: list[tuple[int, float | None]] = []
    number = 0
    for point in points:
        if (point[0] - first) // width != number or point[1] is None:
            kept += _extremes(bucket)
            bucket = []
            number = (point[0] - first) // width
        if point[1] is None:
            kept.append(point)
        else:
            bucket.append(point)
    return kept + _extremes(bucket)


def _extremes(bucket: list[tuple[int, float | None]]) -> list[tuple[int, float | None]]:
    if not bucket:
        return []
    by_value = sorted(bucket, key=lambda point: point[1] or 0.0)
    return sorted({bucket[0], by_value[0], by_value[-1], bucket[-1]}, key=lambda point: point[0])


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
