"""Which part of the memory a byte belongs to: a register of the map, or nothing that anybody has explained."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import NamedTuple

from lmdecode.codec.errors import RegisterError
from lmdecode.codec.v1.memory_map import REGISTERS
from lmdecode.codec.v1.register import Register, Sure
from lmdecode.codec.v1.values import Value

__all__ = ["Place", "place_of", "places_of", "unexplained_bits"]


class Place(NamedTuple):
    """A register, whole; or one byte that is in none, or in one of which nobody knows what it means."""

    address: int
    length: int
    row: Register | None = None
    """The row of the map, if there is one."""

    @property
    def end(self) -> int:
        """The address after its last byte."""
        return self.address + self.length

    @property
    def name(self) -> str | None:
        """Its name on the map, which says little where `known` is false: `mystery_1` has one."""
        return None if self.row is None else self.row.name

    @property
    def known(self) -> bool:
        """Whether somebody has explained it."""
        return self.row is not None and self.row.sure is not Sure.UNKNOWN and (self.name is not None or self.secret)

    @property
    def secret(self) -> bool:
        """Whether it is kept from all output unless asked for."""
        return self.row is not None and self.row.secret

    def value(self, data: bytes) -> Value | None:
        """What its bytes say; None if it has no name, or they are no value of its kind."""
        if self.row is None or self.row.name is None or len(data) != self.row.size:
            return None
        try:
            return self.row.type.decode(data)
        except RegisterError:
            return None


def place_of(address: int) -> Place:
    """Where a byte belongs. The hour belongs to the whole clock.

    >>> place_of(0x401D).name, place_of(0x401D).address
    ('coffee_temp', 16412)
    >>> place_of(0x4002)
    Place(address=16386, length=1, row=None)
    """
    row = _rows().get(address)
    if row is None or (row.name is None and not row.secret):
        return Place(address, 1, row)
    return Place(row.address, row.size, row)


def places_of(addresses: Iterable[int]) -> Iterator[Place]:
    """Where some bytes belong: each place once, in the order in which the addresses come to it."""
    seen: set[int] = set()
    for place in map(place_of, addresses):
        if place.address not in seen:
            seen.add(place.address)
            yield place


def unexplained_bits(address: int) -> int:
    """The bits of a byte that nobody has explained, as a mask: all, none, or those that its register leaves over.

    >>> [f"{unexplained_bits(address):02X}" for address in (0x4002, 0x4020, 0x401C, 0x401B, 0x4022)]
    ['FF', 'FF', '00', '80', 'FE']
    """
    place = place_of(address)
    if place.row is None or not place.known:
        return 0xFF if not _said_to_be_unused(place) else 0
    kind = place.row.type
    if kind.name == "bit set":
        return 0xFF & ~((1 << len(kind.words)) - 1)
    return 0xFE if kind.name == "bit 0" else 0


def _said_to_be_unused(place: Place) -> bool:
    return place.row is not None and place.row.sure is not Sure.UNKNOWN


@cache
def _rows() -> Mapping[int, Register]:
    """By address, the row that a byte belongs to: of two that overlap the whole, which comes first on the map."""
    rows: dict[int, Register] = {}
    for row in REGISTERS:
        if row.readable:
            for address in range(row.address, row.end):
                rows.setdefault(address, row)
    return rows
