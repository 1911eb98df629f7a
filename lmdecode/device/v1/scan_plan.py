"""The plan of a scan: which piece of a machine's memory to read next, given the results so far. No socket, no clock.

Pieces as large as the machine answers come first, in the order of addresses. A piece that gives nothing is put off and
comes again in halves, down to single bytes. So easy bytes are read before those that take time, and in the end exactly
the bytes that give nothing are left. The plan finds out on the way how large a piece may be: after an answer it tries
one that is larger than any before. If that fails and its bytes can be read in smaller pieces, it was too large.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple

from lmdecode.codec.v1.memory import Answer, Memory, Region
from lmdecode.codec.v1.memory_map import REGISTERS
from lmdecode.codec.v1.message import ADDRESS_SPACE
from lmdecode.codec.v1.redaction import touches_secret
from lmdecode.codec.v1.windows import LARGEST_READ, USUAL_READ, WINDOWS


class Piece(NamedTuple):
    """Addresses to read at once."""

    address: int
    length: int

    @property
    def end(self) -> int:
        """The address after the last."""
        return self.address + self.length


def known_ranges() -> list[Piece]:
    """Returns what the memory map knows, in as few ranges as possible, without the machine's cloud account.

    >>> [f"{piece.address:04X}" for piece in known_ranges()][:3]
    ['0000', '0020', '0050']
    """
    known = bytearray(ADDRESS_SPACE)
    spans = [(row.address, row.size) for row in REGISTERS if row.readable]
    for address, length in [*spans, *((window.address, window.length) for window in WINDOWS)]:
        known[address : address + length] = b"\1" * length
    return without_secrets(runs(known))


def runs(wanted: bytearray) -> list[Piece]:
    """Returns the runs of addresses that are marked with 1."""
    found: list[Piece] = []
    start = wanted.find(1)
    while start >= 0:
        end = wanted.find(0, start)
        end = ADDRESS_SPACE if end < 0 else end
        found.append(Piece(start, end - start))
        start = wanted.find(1, end)
    return found


def without_secrets(pieces: Iterable[Piece]) -> list[Piece]:
    """Returns pieces without the machine's cloud account."""
    wanted = bytearray(ADDRESS_SPACE)
    for piece in pieces:
        wanted[piece.address : piece.end] = b"\1" * piece.length
    for row in REGISTERS:
        if row.secret:
            wanted[row.address : row.end] = bytes(row.size)
    return [piece for piece in runs(wanted) if not touches_secret(*piece)]


LARGEST_TRIED: Final = 0x100
"""Bytes in the largest piece that a scan tries by default. Our choice."""


class Nothing(Enum):
    """The result of a read that gives no bytes."""

    SILENCE = "silence"
    """No answer, although the machine answers other reads."""
    ECHO = "echo"
    """The request came back."""
    DAMAGE = "damage"
    """The answer was damaged, or the connection ended: nothing follows from that."""


@dataclass(slots=True)
class _Stretch:
    """Addresses to read in pieces."""

    start: int
    end: int
    size: int | None = None
    """The largest number of bytes in a piece; None: as many as the machine answers."""


class Plan:
    """A scan, seen from its memory.

    Args:
        memory: The bytes that are known already, which are not read again; takes those that are read.
        ranges: The bytes to read.
        answered: Bytes in the largest piece that the machine is known to answer; 0 if none is.
        largest: Bytes in the largest piece to try.
        finest: Bytes in a piece below which it is not halved.
        secrets: Whether to read the machine's cloud account, if it is in the ranges.

    >>> plan = Plan(Memory(), [Piece(0x4000, 0x20)])
    >>> plan.next()
    Piece(address=16384, length=16)
    >>> plan.answered(bytes(16))
    >>> plan.next()
    Piece(address=16400, length=16)
    """

    def __init__(
        self,
        memory: Memory,
        ranges: Iterable[Piece],
        *,
        answered: int = 0,
        largest: int = LARGEST_TRIED,
        finest: int = 1,
        secrets: bool = False,
    ) -> None:
        self.memory = memory
        wanted = bytearray(ADDRESS_SPACE)
        for piece in ranges:
            wanted[piece.address : piece.end] = b"\1" * piece.length
        pieces = runs(wanted)
        self.ranges = tuple(pieces if secrets else without_secrets(pieces))
        """The ranges to read, in order and without overlaps."""
        self._largest = largest
        self._finest = finest
        self._settled = bytearray(ADDRESS_SPACE)  # 1 for each byte that was read, or is known to give nothing
        for address, data in memory.runs():
            self._settle(address, len(data))
        for region in memory.regions:
            self._settle(region.address, region.length)
        self._now = deque(_Stretch(piece.address, piece.end) for piece in self.ranges)
        self._later: list[_Stretch] = []
        self._good = min(answered, largest)
        self._bad = largest + 1  # the smallest size that is known to be too large
        self._eager = True  # whether the piece before this one was answered
        self._probe: Piece | None = None  # a piece that may have been too large
        self._asked: Piece | None = None
        self._again = False  # whether it is asked for the second time
        self.damaged = 0
        """Bytes about which nothing is known, because their answers were damaged."""

    @property
    def largest_answered(self) -> int:
        """Bytes in the largest piece that the machine has answered; 0 if it has answered none."""
        return self._good

    @property
    def total(self) -> int:
        """Bytes to read."""
        return sum(piece.length for piece in self.ranges)

    @property
    def settled(self) -> int:
        """Bytes of those that were read, or are known to give nothing."""
        return sum(self._settled.count(1, piece.address, piece.end) for piece in self.ranges)

    def next(self) -> Piece | None:
        """Returns the piece to read now, the same until its result is noted; None when the scan is done."""
        if self._asked is None:
            self._asked = self._cut()
        return self._asked

    def answered(self, data: bytes) -> None:
        """Notes the bytes of the piece.

        Raises:
            ValueError: The piece has another number of bytes.
        """
        piece = self._taken()
        if len(data) != piece.length:
            raise ValueError(f"{len(data)} bytes came of {piece.length}")
        self.learn(piece.address, data)
        self._eager = True
        if self._probe is not None and self._settled.count(1, *_ends(self._probe)) == self._probe.length:
            self._bad = min(self._bad, self._probe.length)  # all of it could be read, but not at once
            self._probe = None

    def has(self, piece: Piece) -> bool:
        """Whether a piece is inside the ranges to read."""
        return any(each.address <= piece.address and piece.end <= each.end for each in self.ranges)

    def learn(self, address: int, data: bytes) -> None:
        """Notes an answer, perhaps a late one."""
        late = Piece(address, len(data))
        if self._probe is not None and late.address <= self._probe.address and self._probe.end <= late.end:
            self._probe = None  # it was not too large
        self._good = max(self._good, late.length)
        self._bad = max(self._bad, self._good + 1)
        regions = self.memory.regions
        self.memory.write(address, data)
        for region in set(regions).difference(self.memory.regions):  # what lies beside the bytes still is one
            for start, end in ((region.address, address), (late.end, region.end)):
                if start < end:
                    self.memory.mark(Region(start, end - start, region.answer))
        self._settle(*late)

    def failed(self, why: Nothing) -> None:
        """Notes that the piece gave no bytes."""
        if not self._again and why is not Nothing.ECHO and self._is_final():
            self._again = True  # one silence may be an accident
            return
        piece = self._taken()
        self._eager = False
        if piece.length <= self._least:
            self._probe = None
            self._give_up(piece, why)
        elif self._good and piece.length > self._good:
            self._probe = piece
            self._now.appendleft(_Stretch(*_ends(piece), self._good))
        else:
            self._probe = None
            half = max((piece.length + 1) // 2, self._least)
            middle = piece.address
            if not self._good:  # it may be too large, which shows soonest in a part of it
                middle += half
                self._now.appendleft(_Stretch(piece.address, middle, half))
            self._later.append(_Stretch(middle, piece.end, half))

    @property
    def _least(self) -> int:
        """Bytes in a piece that is not halved any further; a size that the machine answers elsewhere."""
        return max(min(self._finest, self._good), 1)

    def _is_final(self) -> bool:
        """Whether a failure of this piece settles something for good."""
        length = self._asked.length if self._asked is not None else 0
        return length <= self._least or length > self._good > 0

    def _taken(self) -> Piece:
        if self._asked is None:
            raise ValueError("nothing was asked")
        piece, self._asked, self._again = self._asked, None, False
        return piece

    def _cut(self) -> Piece | None:
        """Returns the next piece."""
        while self._now or self._later:
            if not self._now:
                self._now.extend(sorted(self._later, key=lambda stretch: stretch.start))
                self._later.clear()
            stretch = self._now[0]
            start = self._settled.find(0, stretch.start, stretch.end)
            if start < 0:
                self._now.popleft()
                continue
            known = self._settled.find(1, start, stretch.end)
            size = self._size()
            if stretch.size is not None:
                size = min(size, stretch.size)
            end = min(start + size, stretch.end if known < 0 else known)
            stretch.start = end
            return Piece(start, end - start)
        return None

    def _size(self) -> int:
        """Returns the number of bytes to read at once now."""
        good, bad = self._good, self._bad
        if not good:
            return min(USUAL_READ, bad - 1)
        if not self._eager or good + 1 >= bad:
            return good
        if good < LARGEST_READ < bad:
            return LARGEST_READ
        if good == LARGEST_READ:
            return good + 1
        return min(2 * good, self._largest) if bad > self._largest else (good + bad) // 2

    def _settle(self, address: int, length: int) -> None:
        self._settled[address : address + length] = b"\1" * length

    def _give_up(self, piece: Piece, why: Nothing) -> None:
        if why is Nothing.DAMAGE:
            self.damaged += piece.length  # not settled, so that a later scan tries again
            return
        self._settle(*piece)
        answer = Answer.ECHO if why is Nothing.ECHO else Answer.SILENT
        start, end = _ends(piece)
        for region in self.memory.regions:
            if region.answer is answer and region.end == start:
                start = region.address
            elif region.answer is answer and region.address == end:
                end = region.end
        self.memory.mark(Region(start, end - start, answer))


def _ends(piece: Piece) -> tuple[int, int]:
    return piece.address, piece.end
