"""One machine over time, for the report: temperatures, settings, what was on, writes, problems, activity of memory."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Final, NamedTuple

from lmdecode.analysis.activity import Activity
from lmdecode.analysis.memory_history import is_intact, sets_something, values_in
from lmdecode.analysis.status_words import STATUS_WORDS, StatusWords
from lmdecode.analysis.unnamed import UnnamedValues
from lmdecode.codec.record import Kind, Record, Value
from lmdecode.codec.v1.values import is_number

_LEAST_GAP_NS: Final = 60_000_000_000
_LEAST_HELD_NS: Final = 10_000_000_000
_GAP: Final = 5  # a step of so many usual steps means that nobody was listening


class TimeSeries:
    """One value over time.

    >>> series = TimeSeries()
    >>> for second, value in enumerate((96.0, 96.0, 96.0, 95.5)):
    ...     series.add(second * 10**9, value)
    >>> series.points()
    [(0, 96.0), (2000000000, 96.0), (3000000000, 95.5)]
    """

    def __init__(self) -> None:
        self.times = array("q")
        """Nanoseconds since 1970."""
        self.values = array("d")
        self._held: set[int] = set()

    def __len__(self) -> int:
        return len(self.times)

    def add(self, time_ns: int, value: float) -> None:
        """Add a value. One that comes late, as from bytes that were sent again, is put where it belongs."""
        if self.times and time_ns < self.times[-1]:
            index = bisect_right(self.times, time_ns)
            self.times.insert(index, time_ns)
            self.values.insert(index, value)
            return
        self.times.append(time_ns)
        self.values.append(value)

    def hold(self, until_ns: int) -> None:
        """Say that the last value held until then, so that the line goes on: it is said only when it changes."""
        if self.times and until_ns > self.times[-1]:
            self._held.add(until_ns)
            self.add(until_ns, self.values[-1])

    def points(self, limit: int = 20_000) -> list[tuple[int, float | None]]:
        """Return about `limit` points at most for a chart, with None where nothing was heard for long.

        A point between equal neighbours is left out. If that is not enough, the time is cut into equal pieces, and the
        first, the lowest, the highest and the last point of each are kept, so that no peak is lost.
        """
        points: list[tuple[int, float | None]] = []
        for start, end in self._stretches():
            if points:
                points.append((self.times[start - 1] + 1_000_000, None))
            points += self._turns(start, end)
        return points if len(points) <= limit else _thinned(points, limit)

    def _stretches(self) -> list[tuple[int, int]]:
        """Return the parts that can be drawn without a break, as indices from and to."""
        times = self.times
        steps = [later - earlier for earlier, later in pairwise(times)]
        if not steps:
            return [(0, len(times))] if times else []
        heard = steps
        if self._held:
            heard = [step for step, time in zip(steps, times[1:], strict=True) if time not in self._held]
        longest = max(_LEAST_GAP_NS, _GAP * median(heard or steps))
        cuts = [0, *(index for index, step in enumerate(steps, 1) if step > longest and times[index] not in self._held)]
        cuts.append(len(times))
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
"""Values that are on or off."""

_OPPOSITES: Final = {"standby": "power", "reservoir_empty": "water_reservoir_contact"}

_TAKEN: Final = frozenset((*TEMPERATURES, *SET_POINTS, *BANDS, *STATUS_WORDS, *_OPPOSITES.values()))
_MOST_PROBLEMS: Final = 500  # that are kept: with a wrong key, every frame has one
_SILENCE_NS: Final = 60_000_000_000  # after which nobody knows whether what was on still is
_LONG_SILENCE_NS: Final = 300_000_000_000  # the same where somebody asks again over a new connection each time


class Interval(NamedTuple):
    """A time in which something was on, in nanoseconds since 1970."""

    start_ns: int
    end_ns: int


class RecordProblems(NamedTuple):
    """The problems of one record."""

    time_ns: int
    connection: tuple[str | None, int]
    """The capture, where there are several, and the number of the connection there."""
    sender: str
    texts: tuple[str, ...]
    generation: str = "v1"


@dataclass(slots=True)
class Write:
    """A write that the app asked for."""

    request: Record
    ok: bool | None = None
    """Whether the machine took it; None if it did not answer, or has only queued it."""
    is_answered: bool = False
    """Whether there was an answer, of whatever content."""


@dataclass(slots=True)
class ConnectionSummary:
    """A connection: its ends, its first and last time, its messages counted."""

    connection: tuple[str | None, int]
    """The capture, where there are several, and the number of the connection there."""
    app: str
    machine: str
    first_ns: int
    last_ns: int
    messages: int = 0
    generation: str = "v1"


class Timeline:
    """One machine over time."""

    def __init__(self) -> None:
        self.values: dict[str, Value] = {}
        """The latest value of each name, as the machine said or took it."""
        self.activity = Activity()
        """How often each byte of its memory was seen."""
        self.series = {name: TimeSeries() for name in TEMPERATURES}
        """Temperatures, °C."""
        self.set_points: dict[str, list[tuple[int, float]]] = {name: [] for name in SET_POINTS}
        """The times from which on each was set to so much, °C."""
        self.bands: dict[str, list[Interval]] = {name: [] for name in BANDS}
        self.watched: set[str] = set()
        """The bands that the machine said anything about."""
        self.writes: list[Write] = []
        self.problems: list[RecordProblems] = []
        """The first problems."""
        self.problem_count = 0
        self.connections: dict[tuple[str | None, int], ConnectionSummary] = {}
        self.words = StatusWords()
        """The words in which it says how it is; only the newer generations do."""
        self.unnamed = UnnamedValues()
        """The names that make no field."""
        self._pushed_on: dict[str, tuple[str | None, int]] = {}  # the connection of the last of each temperature
        self._heard_on: tuple[str | None, int] | None = None
        self._since: dict[str, int] = {}  # what is on, and from when
        self._heard_ns: int | None = None
        self._on: set[str] = set()  # what is on while nothing is shown
        self._overheard_words: dict[str, Value] = {}
        self._steps: dict[str, float] = {}  # set points that were learnt while nothing was shown
        self._overheard_ns: int | None = None

    def overhear(self, record: Record) -> None:
        """Take the next record of this machine, of a time that is not shown: what it says is known from then on."""
        if self._heard_ns is not None:
            on, words = set(self._since), self.words.now
            self.finish()
            self._on, self._overheard_words, self._overheard_ns, self._heard_ns = on, words, self._heard_ns, None
        self.activity.add(record, counted=False)
        if record.sender == "machine":
            self._write(record)  # it may answer one that is shown
        if record.sender == "machine" and is_intact(record):
            if self._overheard_ns is not None and self._is_forgotten(record, record.time_ns - self._overheard_ns):
                self._on.clear()
                self._overheard_words.clear()
            self._overheard_ns, self._heard_on = record.time_ns, record.connection
        values = values_in(record)
        self.values.update(values)
        for name in SET_POINTS:
            value = values.get(name)
            if value is not None and is_number(value):
                self._steps[name] = value
        for name, on_now in _bands_of(values):
            self.watched.add(name)
            (self._on.add if on_now else self._on.discard)(name)
        if record.generation != "v1":
            self._overheard_words |= {name: values[name] for name in STATUS_WORDS if name in values}

    def add(self, record: Record) -> None:
        """Take the next record of this machine."""
        if self._overheard_ns is not None or self._steps:
            self._go_on(record)
        self._connect(record)
        self.activity.add(record)
        if record.problems:
            self.problem_count += 1
            if len(self.problems) < _MOST_PROBLEMS:
                self.problems.append(
                    RecordProblems(record.time_ns, record.connection, record.sender, record.problems, record.generation)
                )
        self._write(record)
        self.unnamed.add(record)
        time_ns = record.time_ns
        late = False
        if record.sender == "machine" and is_intact(record):
            heard_ns = time_ns if self._heard_ns is None else self._heard_ns
            if self._is_forgotten(record, time_ns - heard_ns):
                self._put_out(heard_ns)
            self._heard_on = record.connection
            late = heard_ns - _SILENCE_NS <= time_ns < heard_ns  # sent again: it says how things were before
            self._heard_ns = heard_ns if late else time_ns
        values = values_in(record)
        self.values.update(values)
        if record.generation != "v1":
            values = _lasting(values)
            if record.sender == "machine":
                self._hold(record, values)
        self._take(time_ns, values, late=late)

    def finish(self) -> None:
        """End what is still on: all records were added."""
        self._end_holding(0, None)
        if self._heard_ns is not None:
            self._put_out(self._heard_ns)

    def _hold(self, record: Record, values: Mapping[str, Value]) -> None:
        """Go on with the temperatures up to a new one: they are pushed when they change, while the machine is on."""
        for name, series in self.series.items():
            if name in values:
                self._hold_until(name, series, record.time_ns - 1_000_000, record.connection)
                if self.values.get("power") is not False:
                    self._pushed_on[name] = record.connection
        if values.get("power") is False:
            self._end_holding(record.time_ns, record.connection)

    def _hold_until(
        self, name: str, series: TimeSeries, until_ns: int, connection: tuple[str | None, int] | None
    ) -> None:
        before = self._pushed_on.get(name)
        if before is None:
            return
        if before != connection:
            until_ns = self.connections[before].last_ns
        if series.times and until_ns - series.times[-1] > _LEAST_HELD_NS:
            series.hold(until_ns)

    def _end_holding(self, until_ns: int, connection: tuple[str | None, int] | None) -> None:
        for name, series in self.series.items():
            self._hold_until(name, series, until_ns, connection)
        self._pushed_on.clear()

    def _is_forgotten(self, record: Record, silence_ns: int) -> bool:
        """Return whether nobody knows any more what was said before a silence.

        v1 is asked again and again. The newer generations say what changes, as long as the connection lasts.
        """
        if record.generation == "v1":
            return abs(silence_ns) > _SILENCE_NS
        return abs(silence_ns) > _LONG_SILENCE_NS and record.connection != self._heard_on

    def _go_on(self, record: Record) -> None:
        """Begin with what was learnt while nothing was shown."""
        time_ns = record.time_ns
        if self._overheard_ns is not None and not self._is_forgotten(record, time_ns - self._overheard_ns):
            self._since = dict.fromkeys(self._on, time_ns)
            self.words.add(time_ns, self._overheard_words)
        for name, value in self._steps.items():
            steps = self.set_points[name]
            if not steps or steps[-1][1] != value:
                steps.append((time_ns, value))
        self._on, self._overheard_words, self._steps, self._overheard_ns = set(), {}, {}, None

    def _connect(self, record: Record) -> None:
        connection = self.connections.get(record.connection)
        if connection is None:
            ends = (record.source, record.destination)
            app, machine = ends if record.sender == "app" else ends[::-1]
            connection = ConnectionSummary(
                record.connection, app, machine, record.time_ns, record.time_ns, generation=record.generation
            )
            self.connections[record.connection] = connection
        connection.last_ns = max(connection.last_ns, record.time_ns)
        connection.messages += record.kind is not None

    def _write(self, record: Record) -> None:
        if record.sender == "app":
            if sets_something(record):
                self.writes.append(Write(record))
        elif record.request is not None and record.request.kind is Kind.WRITE:
            # The one that was asked for last is nearly always the one. Where a reader set the times of a log right, it
            # is another object with the same values.
            write = next((write for write in reversed(self.writes) if write.request == record.request), None)
            if write is not None:
                write.is_answered = True
                write.ok = write.ok if record.ok is None else record.ok  # the cloud queues a write first

    def _take(self, time_ns: int, values: Mapping[str, Value], *, late: bool) -> None:
        if _TAKEN.isdisjoint(values):
            return
        for name, series in self.series.items():
            value = values.get(name)
            if value is not None and is_number(value):
                series.add(time_ns, value)
        if late:
            return
        for name, steps in self.set_points.items():
            value = values.get(name)
            if value is not None and is_number(value) and (not steps or steps[-1][1] != value):
                steps.append((time_ns, value))
        for name, on in _bands_of(values):
            self._switch(name, time_ns, on=on)
        self.words.add(time_ns, values)

    def _switch(self, name: str, time_ns: int, *, on: bool) -> None:
        self.watched.add(name)
        if on:
            self._since.setdefault(name, time_ns)
        elif name in self._since:
            self.bands[name].append(Interval(self._since.pop(name), time_ns))

    def _put_out(self, time_ns: int) -> None:
        """End what is on: nobody knows whether it stays so."""
        for name in list(self._since):
            self._switch(name, time_ns, on=False)
        self.words.end(time_ns)


def _lasting(values: Mapping[str, Value]) -> Mapping[str, Value]:
    """Return values without the valve's, which the newer generations say while it is open and never when it is not."""
    if "brew_solenoid_on" not in values:
        return values
    return {name: value for name, value in values.items() if name != "brew_solenoid_on"}


def _bands_of(values: Mapping[str, Value]) -> Iterator[tuple[str, bool]]:
    """Yield the bands that some values are about, each with whether it is on."""
    for name in BANDS:
        on = values.get(_OPPOSITES.get(name, name))
        if isinstance(on, bool):
            yield name, on is not (name in _OPPOSITES)
