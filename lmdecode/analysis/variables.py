"""What one byte, register or bit was over a capture: its values as runs, and when it was looked at."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from heapq import merge
from itertools import pairwise
from typing import NamedTuple

from lmdecode.analysis.memory_history import History
from lmdecode.codec.v1.memory import Memory
from lmdecode.codec.v1.places import Place, place_of
from lmdecode.codec.v1.values import Value, is_number

__all__ = ["Looks", "Run", "Series", "Variable", "runs_of", "variables_of"]


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
