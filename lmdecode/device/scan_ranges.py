"""Which addresses a scan is of."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from lmdecode.codec.v1.memory_map import REGISTERS, WINDOWS
from lmdecode.codec.v1.message import ADDRESS_SPACE
from lmdecode.codec.v1.redaction import touches_secret

__all__ = ["Piece", "known_ranges", "runs", "without_secrets"]


class Piece(NamedTuple):
    """Some addresses to read at once."""

    address: int
    length: int

    @property
    def end(self) -> int:
        """The address after the last."""
        return self.address + self.length


def known_ranges() -> list[Piece]:
    """What the memory map knows, as few ranges as it takes; without the machine's cloud account.

    >>> [f"{piece.address:04X}" for piece in known_ranges()][:3]
    ['0000', '0020', '0050']
    """
    known = bytearray(ADDRESS_SPACE)
    spans = [(row.address, row.size) for row in REGISTERS if row.readable]
    for address, length in [*spans, *((window.address, window.length) for window in WINDOWS)]:
        known[address : address + length] = b"\1" * length
    return without_secrets(runs(known))


def runs(wanted: bytearray) -> list[Piece]:
    """The addresses that are marked with 1."""
    found: list[Piece] = []
    start = wanted.find(1)
    while start >= 0:
        end = wanted.find(0, start)
        end = ADDRESS_SPACE if end < 0 else end
        found.append(Piece(start, end - start))
        start = wanted.find(1, end)
    return found


def without_secrets(pieces: Iterable[Piece]) -> list[Piece]:
    """What is left of some pieces without the machine's cloud account."""
    wanted = bytearray(ADDRESS_SPACE)
    for piece in pieces:
        wanted[piece.address : piece.end] = b"\1" * piece.length
    for row in REGISTERS:
        if row.secret:
            wanted[row.address : row.end] = bytes(row.size)
    return [piece for piece in runs(wanted) if not touches_secret(*piece)]
