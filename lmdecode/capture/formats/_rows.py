"""Files that are a row of packets, each with its lengths before it, and nothing else: one loop for all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from lmdecode.capture.net.packet import Packet
from lmdecode.capture.source import CaptureStatistics, Source

DAMAGED: Final = -1
"""In place of a packet's size: what stands there is no packet."""


class Rows(NamedTuple):
    """How the packets of a format are read."""

    start: int
    """Bytes that each packet has before its content."""
    size: Callable[[bytes, int], int]
    """Returns the bytes of the packet at an offset, with those before its content; or `DAMAGED`."""
    packet: Callable[[bytes, int, int], Packet | None]
    """Makes the packet between two offsets; None if it is of no use."""


def read_rows(
    source: Source,
    offset: int,
    rows: Rows,
    statistics: CaptureStatistics,
    progress: Callable[[int], None] | None,
) -> Iterator[list[Packet]]:
    """The packets of a file, as many at a time as one read brought.

    Args:
        source: The file.
        offset: Of the first packet, in the source's buffer.
        rows: How the packets are read.
        statistics: Gets the number of packets, the bytes read, and warnings.
        progress: Called after each read with the position in the file, in bytes.
    """
    statistics.packets = 0
    while True:
        buffer = source.buffer
        packets: list[Packet] = []
        size = rows.start
        while offset + rows.start <= len(buffer):
            size = rows.size(buffer, offset)
            if size == DAMAGED or offset + size > len(buffer):
                break
            packet = rows.packet(buffer, offset, offset + size)
            if packet is not None:
                packets.append(packet)
            statistics.packets += 1
            offset += size
            size = rows.start
        statistics.bytes_read = source.base + offset
        if packets:
            yield packets
        if progress is not None:
            progress(statistics.bytes_read)
        if size == DAMAGED:
            source.note_damage(offset, statistics)
            return
        if not source.more(offset, size):
            break
        offset = 0
    rest = len(source.buffer) - offset
    if rest or source.failure:
        source.note_end(max(0, rest - rows.start), size - rows.start, statistics)
