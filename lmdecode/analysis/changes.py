"""Changes of a machine's memory: those that a capture shows, and the differences between two memories."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from lmdecode.codec.record import Kind, Record, Value
from lmdecode.codec.v1.memory import Memory, Region
from lmdecode.codec.v1.memory_map import DERIVED
from lmdecode.codec.v1.message import ADDRESS_SPACE
from lmdecode.codec.v1.register import Redundancy
from lmdecode.codec.v1.values import is_number
from lmdecode.codec.v1.window import Span, registers_in, span_of, spans_of


class ObservedChange(NamedTuple):
    """A register, or a byte outside all registers, was seen with another value than before."""

    place: Span
    time_ns: int
    """When the new value was first seen: nanoseconds since 1970, UTC."""
    since_ns: int
    """When the old value was last seen. The change happened somewhere between the two."""
    old: bytes
    new: bytes
    record: Record
    """The message that showed it: an answer, a report, or the answer to the write that made it."""
    writes: tuple[Record, ...] = ()
    """The app's last writes before it, the latest last: those since `since_ns`, or the last one if that was less than a
    minute before."""
    requests: tuple[Record, ...] = ()
    """The app's last requests of any kind before it, the latest last, without those for the window that shows it."""
    flowing: bool = False
    """Whether water flowed just before."""

    @property
    def written(self) -> bool:
        """Whether a write made it: the machine said that it took the value."""
        return self.record.kind is Kind.WRITE


class ChangeRun(NamedTuple):
    """Changes of one place that followed each other closely; often only one."""

    first: ObservedChange
    last: ObservedChange
    changes: int = 1
    least: Value | None = None
    """The smallest value between the first and the last change. None if only one changed, or if it is not a number."""
    most: Value | None = None


class Difference(NamedTuple):
    """A place that two memories know, with different bytes."""

    place: Span
    old: bytes
    new: bytes
    change: ObservedChange | None = None
    """The last change of the place, if one was seen that led to the new bytes."""


@dataclass(frozen=True, slots=True)
class Differences:
    """The differences between two memories."""

    changed: tuple[Difference, ...]
    """The places that both know with different bytes, in the order of addresses."""
    only_old: tuple[tuple[int, bytes], ...]
    """Runs of bytes that only the first knows: address, bytes."""
    only_new: tuple[tuple[int, bytes], ...]
    """Runs of bytes that only the second knows."""
    old_regions: tuple[Region, ...] = ()
    """The regions of the first in which reads give no bytes."""
    new_regions: tuple[Region, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.changed or self.only_old or self.only_new or self.old_regions != self.new_regions)

    def apply(self, old: Memory) -> Memory:
        """Return the second memory, given the first, which is not changed."""
        memory = Memory()
        for address, data in old.runs():
            memory.write(address, data)
        for difference in self.changed:
            memory.write(difference.place.address, difference.new)
        for address, data in self.only_old:
            memory.forget(address, len(data))
        for address, data in self.only_new:
            memory.write(address, data)
        for region in self.new_regions:
            memory.mark(region)
        return memory


def differences(old: Memory, new: Memory) -> Differences:
    r"""Return the differences between two memories.

    >>> old, new = Memory(), Memory()
    >>> old.write(0x401C, b"\x03\xbc")
    >>> new.write(0x401C, b"\x03\xbd\x04")
    >>> found = differences(old, new)
    >>> [(each.place.name, each.old.hex(), each.new.hex()) for each in found.changed], found.only_new
    ([('coffee_temp', '03bc', '03bd')], ((16414, b'\x04'),))
    """
    mine, theirs = dict(_bytes(old)), dict(_bytes(new))
    changed = [address for address, byte in mine.items() if theirs.get(address, byte) != byte]
    return Differences(
        tuple(_paired(changed, old, new)),
        tuple(_runs({address: byte for address, byte in mine.items() if address not in theirs})),
        tuple(_runs({address: byte for address, byte in theirs.items() if address not in mine})),
        old.regions,
        new.regions,
    )


def with_changes(found: Differences, changes: Iterable[ObservedChange]) -> Differences:
    """Return the differences, each with the last of some changes that touched its place."""
    last: dict[int, ObservedChange] = {}
    for change in changes:
        for address in range(change.place.address, change.place.end):
            last[address] = change
    return Differences(
        tuple(
            each._replace(
                change=max(filter(None, _of(each.place, last)), key=lambda change: change.time_ns, default=None)
            )
            for each in found.changed
        ),
        found.only_old,
        found.only_new,
        found.old_regions,
        found.new_regions,
    )


def _of(place: Span, last: Mapping[int, ObservedChange]) -> Iterable[ObservedChange | None]:
    return map(last.get, range(place.address, place.end))


def _paired(changed: list[int], old: Memory, new: Memory) -> Iterable[Difference]:
    """Yield the changed bytes by register, or byte by byte if one of the memories does not know the whole register."""
    for place in spans_of(changed):
        before, after = old.read(place.address, place.length), new.read(place.address, place.length)
        if before is not None and after is not None:
            yield Difference(place, before, after)
            continue
        for address in (each for each in changed if span_of(each) == place):
            yield Difference(Span(address, 1, place.row), old.read(address, 1) or b"", new.read(address, 1) or b"")


def _bytes(memory: Memory) -> Iterable[tuple[int, int]]:
    for address, data in memory.runs():
        yield from enumerate(data, address)


def _runs(found: Mapping[int, int]) -> Iterable[tuple[int, bytes]]:
    start, data = 0, bytearray()
    for address in range(ADDRESS_SPACE) if found else ():
        if address in found:
            start = start if data else address
            data.append(found[address])
        elif data:
            yield start, bytes(data)
            data = bytearray()
    if data:
        yield start, bytes(data)


_PAUSE: Final = 30_000_000_000  # ns without a change; the next one starts a new run
_FEWEST: Final = 3  # changes that are worth to be put together


def ticks(place: Span) -> bool:
    """Return True if a place changes all the time by itself, because it holds a clock."""
    return place.row is not None and place.row.type.name == "clock"


def grouped(changes: Iterable[ObservedChange]) -> list[ChangeRun]:
    """Put together changes of one number, text, unknown byte or set of bits that follow each other closely.

    Written values, flags and enumerations stay alone: each of their changes is an event.
    """
    runs: list[list[ObservedChange]] = []
    open_runs: dict[object, list[ObservedChange]] = {}
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


def names_of(change: ObservedChange) -> frozenset[str]:
    r"""Return the names by which a user can ask for a change: of the register, and of the parts and bits that changed.

    >>> from lmdecode.codec.v1.window import span_of
    >>> from lmdecode.codec.record import Record
    >>> switched = ObservedChange(span_of(0x401B), 0, 0, b"\x01", b"\x21", Record(0, 0, "machine", "m", "a"))
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
        names | {row.name for row in DERIVED if row.redundancy is not Redundancy.PART and names & {*row.inputs}}
    )


def _moves(change: ObservedChange) -> object:
    """Return a key that is equal for changes that belong together. Returns None if the change stays alone."""
    place = change.place
    row = place.row
    if row is None or not place.known or row.type.json in {"integer", "number"} or row.type.name == "front panel text":
        return place[:2]
    if row.type.name == "bit set":
        return place[:2], change.old[0] ^ change.new[0]
    return None


def _alone(change: ObservedChange) -> ChangeRun:
    return ChangeRun(change, change)


def _together(run: list[ObservedChange]) -> Iterator[ChangeRun]:
    place = run[0].place
    values: list[Value | None] = [place.value(run[0].old), *(place.value(change.new) for change in run)]
    if not place.known:
        values = [int.from_bytes(run[0].old, "big"), *(int.from_bytes(change.new, "big") for change in run)]
    numbers = [value for value in values if is_number(value)]
    yield ChangeRun(run[0], run[-1], len(run), min(numbers, default=None), max(numbers, default=None))
