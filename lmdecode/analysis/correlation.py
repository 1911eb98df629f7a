"""Statistical tests of whether two variables in memory change together more often than by chance."""

# Which tests, and why these
#
# The question is whether an unknown byte has to do with a known register. A wrong hint costs somebody an evening at the
# machine, so both tests are made to say too little rather than too much. The usual ones would say too much, since the
# values of two messages in a row are not independent: temperatures drift, counters only go up, and everything that
# happens at all happens while somebody uses the machine.
#
# When they change (`Coverage`, `at_least`). At each change of the byte: did the register change at about the same time?
# Chance alone gives hits where the register changes often, so each change of the byte has a chance of its own: the
# share of the looks within ten minutes around it that are near a change of the register. A rate over the whole capture
# would be wrong: in an idle night it is nearly 0, and then any two things that happen at breakfast look related. How
# likely so many hits are with these unequal chances is the tail of a Poisson binomial distribution, which is worked out
# exactly. Changes so close together that one change of the register hits both are one event (`occasions`).
#
# Which way they change (`step_chance`). Spearman's correlation, since nobody knows the unit or the scale of the unknown
# byte, and ranks do without them. It is taken of the steps from one value to the next, not of the values: two counters
# that only rise agree in their values whatever they count. Where a value goes up and down by turns, each step is tied
# to the one before it; that widens the spread of the correlation, so only half of the steps are counted.
#
# A hint is given if the smaller of the two probabilities stays below the limit after Bonferroni's correction; see
# unknowns.py.

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
from lmdecode.codec.v1.window import Span, span_of

_NEIGHBOURHOOD: Final = 600_000_000_000  # ns on each side of a change: what is usual there is what chance would give
_FEWEST_LOOKS: Final = 20  # on each side; where looks are rare, the neighbourhood grows until it has so many
_MOST: Final = 400  # changes that are tested; more would make the answer no clearer, and take the square of the time


class Coverage(NamedTuple):
    """The looks at one variable that are near a change of another one."""

    looks: Sequence[int]
    """The times of all looks at the one, in order; nanoseconds."""
    starts: Sequence[int]
    """The index of the first look of each unbroken run of looks that are near a change of the other."""
    ends: Sequence[int]
    """The index after the last look of each run."""
    before: Sequence[int]
    """How many looks there are in all runs before each run."""

    @classmethod
    def of(cls, looks: Sequence[int], changes: Sequence[int], within_ns: int) -> Coverage:
        """Return the coverage of some looks by the changes of the other; both are times in order."""
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
        """Return whether the other changes at about the time of a look."""
        index = bisect_left(self.looks, time_ns)
        return self._until(index + 1) > self._until(index)

    def share(self, time_ns: int) -> float:
        """Return the share of the looks in the minutes around a time that are near a change of the other."""
        low = bisect_left(self.looks, time_ns - _NEIGHBOURHOOD)
        high = bisect_right(self.looks, time_ns + _NEIGHBOURHOOD)
        middle = bisect_left(self.looks, time_ns)
        low, high = min(low, max(middle - _FEWEST_LOOKS, 0)), max(high, min(middle + _FEWEST_LOOKS, len(self.looks)))
        return (self._until(high) - self._until(low)) / max(high - low, 1)

    def _until(self, index: int) -> int:
        """Return how many of the looks before an index are near a change."""
        run = bisect_right(self.starts, index - 1) - 1
        return 0 if run < 0 else self.before[run] + min(index, self.ends[run]) - self.starts[run]


def occasions(times: Sequence[int], within_ns: int) -> list[int]:
    """Return the times of the changes that are far enough from each other to be events of their own.

    >>> occasions([0, 3, 5, 30, 31], 10)
    [0, 30]
    """
    found: list[int] = []
    for time_ns in times:
        if not found or time_ns - found[-1] > 2 * within_ns:
            found.append(time_ns)
    return found


def at_least(count: int, chances: Sequence[float]) -> float:
    """Return the probability that at least `count` of some events happen, each of which has its own chance.

    >>> at_least(2, [0.5, 0.5])
    0.25
    """
    if len(chances) > _MOST:  # take some of them, evenly, and the same share of the count
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
    """Return the rank of each value, from 1 on; equal values share the mean of their ranks.

    >>> ranks([10, 30, 20, 30])
    [1.0, 3.5, 2.0, 3.5]
    """
    order = sorted(values)
    return [(bisect_left(order, value) + 1 + bisect_right(order, value)) / 2 for value in values]


def spearman(one: Sequence[float], other: Sequence[float]) -> float | None:
    """Return Spearman's rank correlation, −1 to 1. Returns None if one of the two is constant.

    >>> spearman([1, 2, 3], [10, 20, 15])
    0.5
    """
    try:
        return max(-1.0, min(correlation(ranks(one), ranks(other)), 1.0))
    except StatisticsError:
        return None


def step_chance(one: Sequence[float], other: Sequence[float]) -> float:
    """Return the probability that chance makes the steps of two series agree so well, by rank, up or down.

    It is 1 where there are too few values, or where one of the series is constant.
    """
    steps = [[after - before for before, after in pairwise(series)] for series in (one, other)]
    rho = spearman(*steps) if len(one) > 2 else None
    if rho is None:
        return 1.0
    # Of a series that mostly takes the same step, only the other steps say anything.
    telling = min(len(each) - max(Counter(each).values()) for each in steps)
    count = min(len(one) - 2, 2 * telling)
    # Without a relation, rho × √n is about normal; n is half the count, as the head of this file says.
    return math.erfc(abs(rho) * math.sqrt(count / 2) / math.sqrt(2))


class ValueRun(NamedTuple):
    """A time during which a variable had one value."""

    value: float | None
    """None if the value is not a number."""
    first_ns: int
    """When it was first seen."""
    last_ns: int
    """When it was last seen before another value."""
    looks: int
    """How often it was seen."""


class Variable(NamedTuple):
    """Something in memory that has a value: some bits of a byte, a register, one bit of a set."""

    place: Span
    name: str
    read: Callable[[bytes], float | None]
    """Return the value as a number that can be compared. Returns None if the values have no order."""
    mask: bytes
    """The bits of the place that belong to the variable."""


class Course(NamedTuple):
    """The values of one variable over one capture."""

    variable: Variable
    looks: tuple[int, ...]
    """The times when it was looked at, in order."""
    runs: tuple[ValueRun, ...]

    @property
    def changes(self) -> list[int]:
        """The times when it was first seen to have changed, in order."""
        return [run.first_ns for run in self.runs[1:]]

    def timed_changes(self) -> list[int]:
        """Return the times of the changes whose time is known: those that do not follow a long time without a look."""
        gaps = sorted(after - before for before, after in pairwise(self.looks))
        usual = gaps[len(gaps) // 2] if gaps else 0
        longest = max(10 * usual, 5_000_000_000)
        return [after.first_ns for before, after in pairwise(self.runs) if after.first_ns - before.last_ns <= longest]

    def at(self, time_ns: int) -> float | None:
        """Return the value at a time; the first value if it had not been seen by then."""
        index = bisect_right(self.runs, time_ns, key=lambda run: run.first_ns) - 1
        return self.runs[max(index, 0)].value


class Looks:
    """The times when each place of a memory was looked at."""

    def __init__(self, history: History) -> None:
        self._windows = history.windows
        self._merged: dict[tuple[tuple[int, int], ...], tuple[int, ...]] = {}

    def at(self, place: Span) -> tuple[int, ...]:
        """Return the times, in order; places that were always looked at together share one tuple."""
        windows = tuple(
            (address, length)
            for address, length in self._windows
            if address <= place.address and place.end <= address + length
        )
        if windows not in self._merged:
            self._merged[windows] = tuple(merge(*(self._windows[window] for window in windows)))
        return self._merged[windows]


def variables_of(place: Span) -> Iterator[Variable]:
    """Yield the variables that a known register holds: one for each bit of a set, otherwise one."""
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


def course_of(variable: Variable, history: History, first: Memory, looks: Looks) -> Course | None:
    """Return the values of a variable over a capture, or None if no message held all of its bytes.

    Args:
        variable: The variable.
        history: The memory over the capture.
        first: Each byte as it was when it was first seen.
        looks: The times when each place was looked at.
    """
    place, _, read, mask = variable
    times = looks.at(place)
    data = first.read(place.address, place.length)
    if not times or data is None:
        return None
    starts = [times[0]]
    contents = [_under(data, mask)]
    whole = span_of(place.address)  # the hour changes as a part of the clock
    offset = place.address - whole.address
    for change in history.changes_at(whole):
        content = _under(change.new[offset : offset + place.length], mask)
        if content != contents[-1]:
            starts.append(change.time_ns)
            contents.append(content)
    indices = [0, *(bisect_left(times, start) for start in starts[1:]), len(times)]
    runs = [
        ValueRun(read(content), start, times[max(end - 1, begin)] if begin < len(times) else start, max(end - begin, 1))
        for content, start, begin, end in zip(contents, starts, indices, indices[1:], strict=False)
    ]
    return Course(variable, times, tuple(runs))


def _under(data: bytes, mask: bytes) -> bytes:
    return bytes(byte & bits for byte, bits in zip(data, mask, strict=True))


def _masked(mask: bytes) -> Callable[[bytes], float | None]:
    return lambda data: float(bool(data[0] & mask[0]))


def _number(place: Span) -> Callable[[bytes], float | None]:
    def read(data: bytes) -> float | None:
        value: Value | None = place.value(data)
        if is_number(value) or isinstance(value, bool):
            return float(value)
        return float(data[0]) if place.row is not None and place.row.type.name == "enum" else None

    return read
