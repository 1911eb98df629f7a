"""Pairing without the key: the messages that fit a frame's size, and which frame answers which request."""

# How frames are paired that nobody can read
#
# With the key, an answer names the window that it answers. Without it there is little to go by, and most of it follows
# from the cipher. All frames of a machine are encrypted with one key from one IV, so equal messages are equal frames,
# and frames with an equal first block begin with the same 16 characters: the same kind, address and length. The length
# of a message shows to a block of 16 characters.
#
# The machine answers one request after the other, but it also says things unasked, some requests stay unanswered, and
# the capture may lack either. So a frame of the machine is tried in this order, the strongest reason first:
#  1. Its first block was learnt to answer a certain request, or to come unasked.
#  2. The oldest request that is due and whose answers are usually of this size, or of which no size is known.
#  3. If reports are of this size: it is one. Otherwise it answers the oldest request that is due, for want of a better.
# A request that is due for too long is given up first. The next frame would pass for its answer, and each later one for
# that of the request before.
#
# The same shift would spoil what is learnt. So sizes and first blocks are learnt only from whole bursts, from a moment
# when nothing was due until nothing is due again, in which all went well: no gap, nothing given up, no answer too many.

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

from lmdecode.codec.record import Kind
from lmdecode.codec.v1.key import BLOCK_SIZE
from lmdecode.codec.v1.memory_map import REGISTERS
from lmdecode.codec.v1.message import letter_of
from lmdecode.codec.v1.windows import OPENING, REPORTS, WATER_FLOW, WINDOWS, window_name

BARE_SIZE: Final = 11
"""Characters of a message without data: kind, address and length, check byte."""
_HEADER_SIZE: Final = 9
_LEAST_OPENING: Final = 4  # requests, up to the drink counters, whose answer has a size of its own
_STABLE: Final = frozenset({"module_ser_num", "machine_ser_num"})  # registers that are the same all of a machine's life


class GroupKind(StrEnum):
    """The two kinds of groups of frames."""

    EXCHANGE = "exchange"
    """One request of the app, and the answers to it."""
    REPORT = "report"
    """Frames of one size that the machine sends unasked."""


class KnownMessage(NamedTuple):
    """A message that an app or a machine is known to send: its kind and window."""

    kind: Kind
    address: int
    length: int
    name: str

    @property
    def preamble(self) -> str:
        """Kind, address and length, as the message begins: `R40000020`."""
        return f"{letter_of(self.kind)}{self.address:04X}{self.length:04X}"

    @property
    def data_blocks(self) -> int:
        """Cipher blocks of the message with its data: a read's answer, a report, a write request."""
        return block_count(self.length)


def block_count(size: int) -> int:
    """Return how many cipher blocks a message with so many bytes of data has: two characters for each byte.

    >>> [block_count(size) for size in (0, 2, 3, 0x23, 0x2C)]
    [1, 1, 2, 6, 7]
    """
    return -(-(BARE_SIZE + 2 * size) // BLOCK_SIZE)


def data_sizes(blocks: int) -> tuple[int, int]:
    """Return the least and the most bytes of data in a message of so many blocks.

    >>> data_sizes(1), data_sizes(2), data_sizes(6)
    ((0, 2), (3, 10), (35, 42))
    """
    most = (BLOCK_SIZE * blocks - BARE_SIZE) // 2
    least = 0 if blocks == 1 else (BLOCK_SIZE * (blocks - 1) - BARE_SIZE) // 2 + 1
    return least, most


def stable_blocks(known: KnownMessage) -> int:
    """Return how many first blocks all messages of a window share because the registers in them never change.

    The message about the water flow starts with the serial number of the module:

    >>> [stable_blocks(known) for known in KNOWN_REPORTS]
    [0, 0, 0, 2]
    """
    end = known.address
    for register in REGISTERS:
        if register.address == end and register.name in _STABLE and register.end <= known.address + known.length:
            end = register.end
    return (_HEADER_SIZE + 2 * (end - known.address)) // BLOCK_SIZE


def _window(kind: Kind, address: int, length: int) -> KnownMessage:
    return KnownMessage(kind, address, length, window_name(address, length) or f"0x{address:04X}")


def _writes() -> Iterator[KnownMessage]:
    for register in REGISTERS:
        if register.writable and register.name is not None:
            yield KnownMessage(Kind.WRITE, register.address, register.size, register.name)


KNOWN_READS: Final = tuple(_window(Kind.READ, window.address, window.length) for window in WINDOWS)
KNOWN_WRITES: Final = tuple(_writes())
KNOWN_REPORTS: Final = (
    *(_window(Kind.READ, window.address, window.length) for window in REPORTS),
    _window(Kind.STREAM, WATER_FLOW.address, WATER_FLOW.length),
)
"""Messages that machines were seen to send unasked."""
KNOWN_OPENING: Final = tuple(
    tuple(_window(Kind.READ, window.address, window.length) for window in either) for either in OPENING
)
"""The app's first requests, in order. It sends one of those at each place: the one that fits the firmware."""


def known_requests(
    app_blocks: int, answer_blocks: int, answered: int, *, shared: bool
) -> tuple[tuple[KnownMessage, ...], list[str]]:
    """Return the known requests of this size with answers of that size, and the reasons."""
    writes = tuple(known for known in KNOWN_WRITES if known.data_blocks == app_blocks)
    if app_blocks > 1:  # a read request is 11 characters
        if answer_blocks > 1:
            return (), ["no request this long has an answer this long"]
        return writes, ["too long for a read request"]
    if not answer_blocks:
        why = "which answer is its own cannot be told" if answered else "no answer"
        return (*KNOWN_READS, *writes), [why]
    if shared:
        return writes, ["same answer as to another request: OKs of one register"]
    reads = tuple(known for known in KNOWN_READS if known.data_blocks == answer_blocks)
    if answer_blocks == 1:
        return (*reads, *writes), ["answer as short as an OK"]
    return reads, ["answer's size"]


def openings(asks: list[bytes], sizes: list[int]) -> Iterator[tuple[int, KnownMessage]]:
    """Yield the places at which the requests of a connection run like the opening sequence, from its start.

    A part of the sequence from its middle does not count: where one answer is missing, each request gets the answer of
    the next, and that looks just like such a part.
    """
    for start in range(len(asks)):
        run: list[KnownMessage] = []
        for size, expected in zip(sizes[start:], KNOWN_OPENING, strict=False):
            known = next((known for known in expected if known.data_blocks == size), None)
            if known is None:
                break
            run.append(known)
        if len(run) >= _LEAST_OPENING and len(set(asks[start : start + len(run)])) == len(run):
            yield from enumerate(run, start)


PATIENCE_NS: Final = 1_000_000_000
"""After a silence longer than this a request is given up. Our choice: answers take less than 0.1 s."""
_REPORT_PATIENCE_NS: Final = 250_000_000
"""The same if the next frame has the size of a report: one comes about every second, and rather is one."""
_MAX_PENDING: Final = 64
_MAX_FIRST_BLOCKS: Final = 8192
_REPORT_BLOCKS: Final = frozenset(known.data_blocks for known in KNOWN_REPORTS)


@dataclass(slots=True)
class PairingStatistics:
    """What was learnt about one machine's requests and answers, on all of its connections."""

    sizes: dict[bytes, Counter[int]] = field(default_factory=dict)
    """For each request: how many of its reliable answers had so many blocks."""
    askers: dict[bytes, bytes | None] = field(default_factory=dict)
    """The request that each first block of a frame answered, or None if the frame came unasked."""


class Pairing:
    """Pairs the frames of one connection."""

    def __init__(self, statistics: PairingStatistics) -> None:
        self._statistics = statistics
        self._pending: deque[tuple[int, bytes]] = deque(maxlen=_MAX_PENDING)
        self._burst: list[tuple[bytes, int, bytes]] | None = []  # pairs since nothing was due; None: unreliable
        self._heard_ns = 0

    def ask(self, time_ns: int, request: bytes) -> None:
        """Take a frame of the app."""
        if not self._pending:
            self.settle()
        self._pending.append((time_ns, request))

    def forget(self) -> None:
        """Note that frames are missing here: no request that is due can be relied on."""
        self._pending.clear()
        self._burst = None

    def answer(self, time_ns: int, ciphertext: bytes) -> bytes | None:
        """Take a frame of the machine. Returns the request that it answers, or None if it comes unasked."""
        pending = self._pending
        blocks = len(ciphertext) // BLOCK_SIZE
        first = ciphertext[:BLOCK_SIZE]
        patience = _REPORT_PATIENCE_NS if blocks in _REPORT_BLOCKS else PATIENCE_NS
        while pending and time_ns - max(pending[0][0], self._heard_ns) > patience:
            pending.popleft()
            self._burst = None
        request = self._choose(first, blocks) if pending else None
        if request is not None:
            self._heard_ns = time_ns
            if self._burst is not None:
                self._burst.append((request, blocks, first))
                if len(self._burst) > _MAX_PENDING:
                    self._burst = None
        elif blocks in _REPORT_BLOCKS:
            self._remember(first, None)
        elif not pending:  # an answer too many: a report was taken for one before
            self._burst = None
        return request

    def settle(self) -> None:
        """Learn from the burst that is over, unless something was wrong with it."""
        if not self._pending:
            for request, blocks, first in self._burst or ():
                self._statistics.sizes.setdefault(request, Counter())[blocks] += 1
                self._remember(first, request)
            self._burst = []

    def _remember(self, first: bytes, request: bytes | None) -> None:
        askers = self._statistics.askers
        if first in askers or len(askers) < _MAX_FIRST_BLOCKS:
            askers[first] = request

    def _choose(self, first: bytes, blocks: int) -> bytes | None:
        """Return the request that a frame answers, and take it off the requests that are due."""
        pending, statistics = self._pending, self._statistics
        if first in statistics.askers:  # equal first blocks are one kind and one window
            asker = statistics.askers[first]
            for index, (_, request) in enumerate(pending):
                if request == asker:
                    del pending[index]
                    return request
            if asker is None:
                return None
        for index, (_, request) in enumerate(pending):
            sizes = statistics.sizes.get(request)
            if sizes is None or sizes.most_common(1)[0][0] == blocks:
                del pending[index]
                return request
        return None if blocks in _REPORT_BLOCKS else pending.popleft()[1]
