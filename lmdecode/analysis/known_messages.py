"""The messages that app and machine are known to send, by the size that they have when encrypted.

Encryption hides all of a message but its length, and that to 16 bytes: kind, preamble, two digits a byte, check byte,
filled up with zeros to whole blocks.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Final, NamedTuple

from lmdecode.codec.v1.key import BLOCK_SIZE
from lmdecode.codec.v1.memory_map import OPENING, REGISTERS, REPORTS, WATER_FLOW, WINDOWS, window_name
from lmdecode.codec.v1.message import Kind

__all__ = [
    "BARE_SIZE",
    "KNOWN_OPENING",
    "KNOWN_READS",
    "KNOWN_REPORTS",
    "KNOWN_WRITES",
    "Known",
    "Part",
    "block_count",
    "data_sizes",
    "stable_blocks",
]

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
        return f"{self.kind.letter}{self.address:04X}{self.length:04X}"

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
