"""The messages that app and machine are known to send, by the size that they have when encrypted.

Encryption hides all of a message but its length, and that to 16 bytes: kind, preamble, two digits a byte, check byte,
filled up with zeros to whole blocks.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

from lmdecode.codec.record import Kind
from lmdecode.codec.v1.key import BLOCK_SIZE
from lmdecode.codec.v1.memory_map import OPENING, REGISTERS, REPORTS, WATER_FLOW, WINDOWS, window_name
from lmdecode.codec.v1.message import letter_of

BARE_SIZE: Final = 11
"""Characters of a message without data: kind, preamble, check byte."""
_HEADER_SIZE: Final = 9
_STABLE: Final = frozenset({"module_ser_num", "machine_ser_num"})  # registers that are the same all of a machine's life


class Part(StrEnum):
    """What a group of frames is in the talk of app and machine."""

    EXCHANGE = "exchange"
    """One request of the app, and its answers."""
    REPORT = "report"
    """What the machine says unasked."""


class Known(NamedTuple):
    """A message that is known from elsewhere: its kind and window."""

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
        """Blocks of the message with its data: a read's answer, a report, a write request."""
        return block_count(self.length)


def block_count(size: int) -> int:
    """Cipher blocks of a message with so many bytes of data.

    >>> [block_count(size) for size in (0, 2, 3, 0x23, 0x2C)]
    [1, 1, 2, 6, 7]
    """
    return -(-(BARE_SIZE + 2 * size) // BLOCK_SIZE)


def data_sizes(blocks: int) -> tuple[int, int]:
    """The least and the most bytes of data in a message of so many blocks.

    >>> data_sizes(1), data_sizes(2), data_sizes(6)
    ((0, 2), (3, 10), (35, 42))
    """
    most = (BLOCK_SIZE * blocks - BARE_SIZE) // 2
    least = 0 if blocks == 1 else (BLOCK_SIZE * (blocks - 1) - BARE_SIZE) // 2 + 1
    return least, most


def stable_blocks(known: Known) -> int:
    """How many first blocks all messages of this window have in common, as the registers there never change.

    Every frame starts from the same IV, so equal beginnings give equal first blocks. The stream of the water flow
    starts with the serial number of the module:

    >>> [stable_blocks(known) for known in KNOWN_REPORTS]
    [0, 0, 0, 2]
    """
    end = known.address
    for register in REGISTERS:
        if register.address == end and register.name in _STABLE and register.end <= known.address + known.length:
            end = register.end
    return (_HEADER_SIZE + 2 * (end - known.address)) // BLOCK_SIZE


def _window(kind: Kind, address: int, length: int) -> Known:
    return Known(kind, address, length, window_name(address, length) or f"0x{address:04X}")


def _writes() -> Iterator[Known]:
    for register in REGISTERS:
        if register.writable and register.name is not None:
            yield Known(Kind.WRITE, register.address, register.size, register.name)


KNOWN_READS: Final = tuple(_window(Kind.READ, window.address, window.length) for window in WINDOWS)
KNOWN_WRITES: Final = tuple(_writes())
KNOWN_REPORTS: Final = (
    *(_window(Kind.READ, window.address, window.length) for window in REPORTS),
    _window(Kind.STREAM, WATER_FLOW.address, WATER_FLOW.length),
)
"""What machines were seen to say unasked."""
KNOWN_OPENING: Final = tuple(
    tuple(_window(Kind.READ, window.address, window.length) for window in either) for either in OPENING
)
"""The app's first requests; of those in one place one is sent, whichever fits the firmware."""


PATIENCE_NS: Final = 1_000_000_000
"""After so long a silence a request is taken for unanswered: reports come about one a second. Our choice."""
_REPORT_PATIENCE_NS: Final = 250_000_000
"""The same where the next frame has the size of a report."""
_MAX_PENDING: Final = 64
_MAX_FIRST_BLOCKS: Final = 8192
_REPORT_BLOCKS: Final = frozenset(known.data_blocks for known in KNOWN_REPORTS)


@dataclass(slots=True)
class Memory:
    """What was learnt of one machine's requests. Bounded."""

    sizes: dict[bytes, Counter[int]] = field(default_factory=dict)
    """Of a request: how often an answer that can be relied on had so many blocks."""
    askers: dict[bytes, bytes | None] = field(default_factory=dict)
    """Of a frame's first block: the request that it answered; None if it came unasked."""


class Pairing:
    """Pairs the frames of one connection."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._pending: deque[tuple[int, bytes]] = deque(maxlen=_MAX_PENDING)
        self._burst: list[tuple[bytes, int, bytes]] | None = []  # since nothing was due; None if unreliable
        self._heard_ns = 0

    def ask(self, time_ns: int, request: bytes) -> None:
        """Take a frame of the app."""
        if not self._pending:
            self.settle()
        self._pending.append((time_ns, request))

    def forget(self) -> None:
        """Frames are missing here: nothing that is due can be relied on."""
        self._pending.clear()
        self._burst = None

    def answer(self, time_ns: int, ciphertext: bytes) -> bytes | None:
        """Take a frame of the machine: the request that it answers, None if it comes unasked."""
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
        """Rely on the answers of the burst that is over, unless something was wrong with it."""
        if not self._pending:
            for request, blocks, first in self._burst or ():
                self._memory.sizes.setdefault(request, Counter())[blocks] += 1
                self._remember(first, request)
            self._burst = []

    def _remember(self, first: bytes, request: bytes | None) -> None:
        askers = self._memory.askers
        if first in askers or len(askers) < _MAX_FIRST_BLOCKS:
            askers[first] = request

    def _choose(self, first: bytes, blocks: int) -> bytes | None:
        """The request to pair a frame with, which is then no longer due."""
        pending, memory = self._pending, self._memory
        if first in memory.askers:  # equal first blocks are one kind and one window
            asker = memory.askers[first]
            for index, (_, request) in enumerate(pending):
                if request == asker:
                    del pending[index]
                    return request
            if asker is None:
                return None
        for index, (_, request) in enumerate(pending):
            sizes = memory.sizes.get(request)
            if sizes is None or sizes.most_common(1)[0][0] == blocks:
                del pending[index]
                return request
        return None if blocks in _REPORT_BLOCKS else pending.popleft()[1]
