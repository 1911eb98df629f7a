"""What is not the same in two memories."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lmdecode.analysis.observed_change import Change, Difference
from lmdecode.codec.v1.memory import Memory, Region
from lmdecode.codec.v1.message import ADDRESS_SPACE
from lmdecode.codec.v1.places import Place, place_of, places_of

__all__ = ["Differences", "differences", "with_changes"]


@dataclass(frozen=True, slots=True)
class Differences:
    """What leads from one memory to another."""

    changed: tuple[Difference, ...]
    """What both know, in the order of addresses."""
    only_old: tuple[tuple[int, bytes], ...]
    """Runs of bytes that only the first knows: address, bytes."""
    only_new: tuple[tuple[int, bytes], ...]
    """Runs of bytes that only the second knows."""
    old_regions: tuple[Region, ...] = ()
    """Where reads give no bytes in the first."""
    new_regions: tuple[Region, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.changed or self.only_old or self.only_new or self.old_regions != self.new_regions)

    def apply(self, old: Memory) -> Memory:
        """The second memory, from the first; the first stays as it is."""
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
    r"""What is not the same in two memories.

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


def with_changes(found: Differences, changes: Iterable[Change]) -> Differences:
    """The differences, each with the last of some changes of its place that led to what it is now."""
    last: dict[int, Change] = {}
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


def _of(place: Place, last: Mapping[int, Change]) -> Iterable[Change | None]:
    return map(last.get, range(place.address, place.end))


def _paired(changed: list[int], old: Memory, new: Memory) -> Iterable[Difference]:
    """The changed bytes by register; byte by byte where one of the memories does not know all of it."""
    for place in places_of(changed):
        before, after = old.read(place.address, place.length), new.read(place.address, place.length)
        if before is not None and after is not None:
            yield Difference(place, before, after)
            continue
        for address in (each for each in changed if place_of(each) == place):
            yield Difference(Place(address, 1, place.row), old.read(address, 1) or b"", new.read(address, 1) or b"")


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
