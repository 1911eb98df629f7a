"""Whether two things that change are likely to have to do with each other.

Both tests are made to say too little rather than too much, for what is looked at is not independent from one message to
the next: temperatures drift, counters only go up, and all that happens at all happens while the machine is used.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from heapq import merge
from itertools import pairwise
from statistics import StatisticsError, correlation
from typing import Final, NamedTuple

from lmdecode.analysis.memory_history import History
from lmdecode.codec.record import Value
from lmdecode.codec.v1.memory import Memory
from lmdecode.codec.v1.values import is_number
from lmdecode.codec.v1.window import Place, place_of

_NEIGHBOURHOOD: Final = 600_000_000_000  # ns on each side of a change: what is usual there is what chance would give
_FEWEST_LOOKS: Final = 20  # on each side, if it was looked at less often than that in this time
_MOST: Final = 400  # changes that are tested; with more the answer is as clear


class Coverage(NamedTuple):
    """At which of the looks at one thing another one changes at about the same time."""

    looks: Sequence[int]
    """When the one was looked at, in order; nanoseconds."""
    starts: Sequence[int]
    """Of each unbroken run of looks near a change of the other, the index of the first."""
    ends: Sequence[int]
    """And of the one after its last."""
    before: Sequence[int]
    """How many looks the runs before it have together."""

    @classmethod
    def of(cls, looks: Sequence[int], changes: Sequence[int], within_ns: int) -> Coverage:
        """Find out where the changes of the other, in order, are near."""
        starts: list[int] = []
        ends: list[int] = []
        for time_ns in changes:
            start, end = bisect_left(looks, time_ns - within_ns), bisect_right(looks, time_ns + within_ns)
            if ends and start <= ends[-1]:
                ends[-1] = max(end, ends[-1])
            elif start < end:
                starts.append(start)
                ends.append(end)
        before = [0]
        for start, end in zip(starts, ends, strict=True):
            before.append(before[-1] + end - start)
        return cls(looks, starts, ends, before)

    def near(self, time_ns: int) -> bool:
        """Whether the other changes at about the time of a look."""
        index = bisect_left(self.looks, time_ns)
        return self._until(index + 1) > self._until(index)

    def share(self, time_ns: int) -> float:
        """In which part of the looks in the minutes around a time it does."""
        low = bisect_left(self.looks, time_ns - _NEIGHBOURHOOD)
        high = bisect_right(self.looks, time_ns + _NEIGHBOURHOOD)
        middle = bisect_left(self.looks, time_ns)
        low, high = min(low, max(middle - _FEWEST_LOOKS, 0)), max(high, min(middle + _FEWEST_LOOKS, len(self.looks)))
        return (self._until(high) - self._until(low)) / max(high - low, 1)

    def _until(self, index: int) -> int:
        """How many of the looks before an index are near a change."""
        run = bisect_right(self.starts, index - 1) - 1
        return 0 if run < 0 else self.before[run] + min(index, self.ends[run]) - self.starts[run]


def occasions(times: Sequence[int], within_ns: int) -> list[int]:
    """The times of changes that are far enough from each other to be events of their own.

    >>> occasions([0, 3, 5, 30, 31], 10)
    [0, 30]
    """
    found: list[int] = []
    for time_ns in times:
        if not found or time_ns - found[-1] > 2 * within_ns:
            found.append(time_ns)
    return found


def at_least(count: int, chances: Sequence[float]) -> float:
    """How likely at least so many of some events are, each with its own chance.

    >>> at_least(2, [0.5, 0.5])
    0.25
    """
    if len(chances) > _MOST:  # of too many take some, evenly, and as large a part of those
        step = len(chances) / _MOST
        count = math.floor(count / step)
        chances = [chances[int(index * step)] for index in range(_MOST)]
    odds = [1.0] + [0.0] * len(chances)
    for number, chance in enumerate(chances, 1):
        for index in range(number, 0, -1):
            odds[index] += (odds[index - 1] - odds[index]) * chance
        odds[0] *= 1 - chance
    return min(math.fsum(odds[count:]), 1.0)


def ranks(values: Sequence[float]) -> list[float]:
    """The rank of each value from 1 on; equal values share theirs.

    >>> ranks([10, 30, 20, 30])
    [1.0, 3.5, 2.0, 3.5]
    """
    order = sorted(values)
    return [(bisect_left(order, value) + 1 + bisect_right(order, value)) / 2 for value in values]


def spearman(one: Sequence[float], other: Sequence[float]) -> float | None:
    """Spearman's rank correlation, −1 to 1; None if one of them is constant.

    >>> spearman([1, 2, 3], [10, 20, 15])
    0.5
    """
    try:
        return max(-1.0, min(correlation(ranks(one), ranks(other)), 1.0))
    except StatisticsError:
        return None


def step_chance(one: Sequence[float], other: Sequence[float]) -> float:
    """How likely chance makes the steps of two series agree so well, by rank, up or down.

    Steps and not values, for two series that both only rise agree in their values whatever they are. The steps of an
    alternating series are not independent of each other; that costs up to half of them, and is reckoned with.
    """
    steps = [[after - before for before, after in pairwise(series)] for series in (one, other)]
    rho = spearman(*steps) if len(one) > 2 else None
    if rho is None:
        return 1.0
    telling = min(len(each) - max(Counter(each).values()) for each in steps)  # of many equal steps the others tell
    count = min(len(one) - 2, 2 * telling)
    return math.erfc(abs(rho) * math.sqrt(count / 2) / math.sqrt(2))


class Run(NamedTuple):
    """One value from when it was first seen until it was seen for the last time before another."""

    value: float | None
    """None where there is no number to it."""
    first_ns: int
    last_ns: int
    looks: int
    """How often it was seen."""


class Variable(NamedTuple):
    """Something in memory that has a value: some bits of a byte, a register, one bit of a set."""

    place: Place
    name: str
    read: Callable[[bytes], float | None]
    """Its value as a number, for comparing; None if there is no order in it."""
    mask: bytes
    """The bits of the place that are it."""


class Series(NamedTuple):
    """A variable over a capture."""

    variable: Variable
    looks: tuple[int, ...]
    """When it was looked at, in order."""
    runs: tuple[Run, ...]

    @property
    def changes(self) -> list[int]:
        """When it was first seen to have changed, in order."""
        return [run.first_ns for run in self.runs[1:]]

    def timed_changes(self) -> list[int]:
        """Those of which the time is known as well as it usually is: not after a long time of not looking."""
        gaps = sorted(after - before for before, after in pairwise(self.looks))
        usual = gaps[len(gaps) // 2] if gaps else 0
        longest = max(10 * usual, 5_000_000_000)
        return [after.first_ns for before, after in pairwise(self.runs) if after.first_ns - before.last_ns <= longest]

    def at(self, time_ns: int) -> float | None:
        """The value at a time; before it was first seen, the first."""
        index = bisect_right(self.runs, time_ns, key=lambda run: run.first_ns) - 1
        return self.runs[max(index, 0)].value


class Looks:
    """When each place of a memory was looked at."""

    def __init__(self, history: History) -> None:
        self._windows = history.windows
        self._merged: dict[tuple[tuple[int, int], ...], tuple[int, ...]] = {}

    def at(self, place: Place) -> tuple[int, ...]:
        """The times, in order; places that were always looked at together share theirs."""
        windows = tuple(
            (address, length)
            for address, length in self._windows
            if address <= place.address and place.end <= address + length
        )
        if windows not in self._merged:
            self._merged[windows] = tuple(merge(*(self._windows[window] for window in windows)))
        return self._merged[windows]


def variables_of(place: Place) -> Iterator[Variable]:
    """The variables that a known register holds: each bit of a set, else one."""
    row = place.row
    if row is None or row.name is None or not place.known or place.secret:
        return
    if row.type.name == "bit set":
        for bit, name in enumerate(row.type.words):
            mask = bytes([1 << bit])
            yield Variable(place, name, _masked(mask), mask)
    elif row.type.name == "bit 0":
        yield Variable(place, row.name, _masked(b"\x01"), b"\x01")
    else:
        yield Variable(place, row.name, _number(place), b"\xff" * place.length)


def runs_of(variable: Variable, history: History, first: Memory, looks: Looks) -> Series | None:
    """A variable over a capture; None if not all of it was seen at once.

    Args:
        variable: Which.
        history: What the capture tells.
        first: Each byte as it was first told.
        looks: When each place was looked at.
    """
    place, _, read, mask = variable
    times = looks.at(place)
    data = first.read(place.address, place.length)
    if not times or data is None:
        return None
    starts = [times[0]]
    contents = [_under(data, mask)]
    whole = place_of(place.address)  # the hour is told of as a part of the clock
    offset = place.address - whole.address
    for change in history.changes_at(whole):
        content = _under(change.new[offset : offset + place.length], mask)
        if content != contents[-1]:
            starts.append(change.time_ns)
            contents.append(content)
    indices = [0, *(bisect_left(times, start) for start in starts[1:]), len(times)]
    runs = [
        Run(read(content), start, times[max(end - 1, begin)] if begin < len(times) else start, max(end - begin, 1))
        for content, start, begin, end in zip(contents, starts, indices, indices[1:], strict=False)
    ]
    return Series(variable, times, tuple(runs))


def _under(data: bytes, mask: bytes) -> bytes:
    return bytes(byte & bits for byte, bits in zip(data, mask, strict=True))


def _masked(mask: bytes) -> Callable[[bytes], float | None]:
    return lambda data: float(bool(data[0] & mask[0]))


def _number(place: Place) -> Callable[[bytes], float | None]:
    def read(data: bytes) -> float | None:
        value: Value | None = place.value(data)
        if is_number(value) or isinstance(value, bool):
            return float(value)
        return float(data[0]) if place.row is not None and place.row.type.name == "enum" else None

    return read
