"""PacketLogger files (.pklg): what Apple's PacketLogger and the Bluetooth profile of an iPhone write.

There is no header: a row of packets, each with its length, its time in seconds and microseconds, and a byte for its
kind. Files have the lowest byte first or last; what the first packets make sense in decides. The packets become those
that pcap has for HCI.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Final, Literal

from lmdecode.capture.formats import Format
from lmdecode.capture.formats._rows import DAMAGED, Rows, read_rows
from lmdecode.capture.net.bluetooth import HCI_H4_WITH_PHDR
from lmdecode.capture.net.packet import Packet
from lmdecode.capture.source import ByteStream, CaptureStatistics, Source

Order = Literal["<", ">"]
_START: Final = 13  # bytes of a packet before its content
_NOT_COUNTED: Final = 4  # of them, those of the length itself
_MOST: Final = 1 << 17  # bytes; HCI has at most 65,540, and there are notes of text
_MILLION: Final = 1_000_000
_KINDS: Final = {0: b"\0\0\0\0\1", 1: b"\0\0\0\1\4", 2: b"\0\0\0\0\2", 3: b"\0\0\0\1\2"}
"""What is put before a command, an event, and data that were sent or received: the direction, and the kind of H4."""
_OTHER_KINDS: Final = frozenset((*range(0x08, 0x10), *range(0xF0, 0x100)))
"""Sound, and notes of several kinds, which are passed over."""
_LOOKED_AT: Final = 3  # packets that must make sense, if there are so many
ENOUGH: Final = 512
"""Bytes by which a file is known."""


def order_of(start: bytes) -> Order | None:
    """Return the byte order of a file that begins so; None if it is no PacketLogger file, or cannot be told."""
    return next((order for order in _ORDERS if _makes_sense(start, order)), None)


_ORDERS: Final[tuple[Order, ...]] = (">", "<")


def _makes_sense(start: bytes, order: Order) -> bool:
    at = 0
    for count in range(_LOOKED_AT):
        if len(start) < at + _START:
            return count > 1
        length, _, fraction, kind = struct.unpack_from(f"{order}IIIB", start, at)
        if not 9 <= length <= _MOST or fraction >= _MILLION or (kind not in _KINDS and kind not in _OTHER_KINDS):
            return False
        at += _NOT_COUNTED + length
    return True


def read_packet_logger(
    file: ByteStream,
    statistics: CaptureStatistics,
    progress: Callable[[int], None] | None = None,
    ports: frozenset[int] | None = None,  # noqa: ARG001 -- there are none
) -> Iterator[list[Packet]]:
    """The packets of a PacketLogger file, as many at a time as one read brought.

    Args:
        file: At its beginning.
        statistics: Gets the number of packets, the bytes read, and warnings.
        progress: Called after each read with the position in the file, in bytes.
        ports: Not used.
    """
    source = Source(file)
    while len(source.buffer) < ENOUGH and source.more(0):
        pass
    record = struct.Struct(f"{order_of(source.buffer) or '>'}IIIB")

    def size(buffer: bytes, at: int) -> int:
        length, _, fraction, _ = record.unpack_from(buffer, at)
        return _NOT_COUNTED + length if 9 <= length <= _MOST and fraction < _MILLION else DAMAGED

    def packet(buffer: bytes, at: int, end: int) -> Packet | None:
        _, seconds, fraction, kind = record.unpack_from(buffer, at)
        before = _KINDS.get(kind)
        if before is None:
            return None
        data = before + buffer[at + _START : end]
        return Packet((seconds * _MILLION + fraction) * 1000, HCI_H4_WITH_PHDR, data, len(data))

    yield from read_rows(source, 0, Rows(_START, size, packet), statistics, progress)


def _begins(start: bytes) -> bool:
    """Return True if a file that begins so is of this kind."""
    return order_of(start) is not None


FORMAT: Final = Format(
    "PacketLogger (Apple's log of Bluetooth)",
    written_by="PacketLogger, iOS with the profile for Bluetooth",
    lacks="TCP; it has Bluetooth",
    has_tcp=False,
    begins=_begins,
    packets=read_packet_logger,
)
