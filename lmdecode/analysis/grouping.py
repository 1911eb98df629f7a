"""What moves all the time, so that a log of changes can be read: temperatures in one line, not in a hundred."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from lmdecode.analysis.observed_change import Change, ChangeRun
from lmdecode.codec.v1.memory_map import DERIVED
from lmdecode.codec.v1.places import Place
from lmdecode.codec.v1.register import Telling
from lmdecode.codec.v1.values import Value, is_number
from lmdecode.codec.v1.window import registers_in

__all__ = ["grouped", "names_of", "ticks"]

_PAUSE: Final = 30_000_000_000  # ns without a change after which the next one is a line of its own
_FEWEST: Final = 3  # changes that are put together


def ticks(place: Place) -> bool:
    """Whether a place changes by itself all the time: it holds a clock."""
    return place.row is not None and place.row.type.name == "clock"


def grouped(changes: Iterable[Change]) -> list[ChangeRun]:
    """Changes that follow each other closely put together: of one number, text or unknown byte, or of the same bits.

    What was written stands alone, and so do flags and enumerations.
    """
    runs: list[list[Change]] = []
    open_runs: dict[object, list[Change]] = {}
    for change in changes:
        what = _moves(change)
        run = open_runs.get(what)
        if run is None or change.written or run[-1].written or change.time_ns - run[-1].time_ns > _PAUSE:
            run = []
            runs.append(run)
            if what is not None:
                open_runs[what] = run
        run.append(change)
    found = [each for run in runs for each in (_together(run) if len(run) >= _FEWEST else map(_alone, run))]
    return sorted(found, key=lambda run: run.first.time_ns)


def names_of(change: Change) -> frozenset[str]:
    r"""The names by which a change can be asked for: the register's, and those of the parts and bits that changed.

    >>> from lmdecode.codec.v1.places import place_of
    >>> from lmdecode.codec.record import Record
    >>> switched = Change(place_of(0x401B), 0, 0, b"\x01", b"\x21", Record(0, 0, "machine", "m", "a"))
    >>> sorted(names_of(switched))
    ['coffee_heater_on', 'heating_state']
    """
    place, old, new = change.place, change.old, change.new
    changed = {place.address + index for index, (one, other) in enumerate(zip(old, new, strict=True)) if one != other}
    names = {
        row.name
        for row in registers_in(place.address, place.length)
        if row.name and row.readable and not changed.isdisjoint(range(row.address, row.end))
    }
    before, after = place.value(old), place.value(new)
    if isinstance(before, list) and isinstance(after, list):
        names |= set(before) ^ set(after)
    return frozenset(
        names | {row.name for row in DERIVED if row.telling is not Telling.AGAIN and names & {*row.inputs}}
    )


def _moves(change: Change) -> object:
    """What moves, so that its changes can be told from those of others; None if it is not put together."""
    place = change.place
    row = place.row
    if row is None or not place.known or row.type.json in {"integer", "number"} or row.type.name == "front panel text":
        return place[:2]
    if row.type.name == "bit set":
        return place[:2], change.old[0] ^ change.new[0]
    return None


def _alone(change: Change) -> ChangeRun:
    return ChangeRun(change, change)


def _together(run: list[Change]) -> Iterator[ChangeRun]:
    place = run[0].place
    values: list[Value | None] = [place.value(run[0].old), *(place.value(change.new) for change in run)]
    if not place.known:
        values = [int.from_bytes(run[0].old, "big"), *(int.from_bytes(change.new, "big") for change in run)]
    numbers = [value for value in values if is_number(value)]
    yield ChangeRun(run[0], run[-1], len(run), min(numbers, default=None), max(numbers, default=None))
