"""btsnoop files: what Android's "Bluetooth HCI snoop log", BlueZ' `btmon -w` and Symbian's recorder write.

A header of 16 bytes, and for each packet 24 bytes, all of them big-endian: its lengths before and after it was cut, its
flags, how many packets were dropped up to there, and its time in microseconds since the year 0. The header's link type
says what a packet holds, and the packets become those of the link type that pcap has for the same:

- 1001, packets of HCI without the byte that says of which kind they are: the flags say it, and it is put before them.
- 1002, the same with that byte (H4), which Android writes.
- 2001, Linux' monitor: the flags are the adapter and the kind.

So a btsnoop file can be written as pcapng, and the same code reads what is in the packets.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Final

from lmdecode.capture.formats import Format
from lmdecode.capture.formats._rows import DAMAGED, Rows, read_rows
from lmdecode.capture.net.bluetooth import HCI_H4_WITH_PHDR, LINUX_MONITOR
from lmdecode.capture.net.packet import Packet
from lmdecode.capture.source import ByteStream, CaptureError, CaptureStatistics, Source

MAGIC: Final = b"btsnoop\0"
_HEADER: Final = struct.Struct(">8sII")
_RECORD: Final = struct.Struct(">IIIIQ")
EPOCH_US: Final = 0x00DCDDB30F2F8000
"""1970 in microseconds since the year 0, as Android, BlueZ and Wireshark count them."""
_MOST: Final = 1 << 18  # bytes of a packet; HCI has at most 65,540
_UNENCAPSULATED, _H4, _MONITOR = 1001, 1002, 2001
_RECEIVED, _COMMAND_OR_EVENT = 1, 2
_COMMAND, _ACL, _EVENT = b"\1", b"\2", b"\4"
_YEARS_US: Final = 200 * 366 * 86_400 * 1_000_000
"""Times are in 200 years around 1970, or are damage."""
OTHERS: Final = {1003: "BCSP", 1004: "H5 (three-wire)", 2002: "Linux' simulator"}


def read_btsnoop(
    file: ByteStream,
    statistics: CaptureStatistics,
    progress: Callable[[int], None] | None = None,
    ports: frozenset[int] | None = None,  # noqa: ARG001 -- there are none
) -> Iterator[list[Packet]]:
    """The packets of a btsnoop file, as many at a time as one read brought.

    Args:
        file: At its beginning.
        statistics: Gets the number of packets, the bytes read, and warnings.
        progress: Called after each read with the position in the file, in bytes.
        ports: Not used.

    Raises:
        CaptureError: The header is not whole, or its link type is not read.
    """
    source = Source(file)
    _, _version, kind = _HEADER.unpack(source.header(_HEADER.size))
    if kind not in {_UNENCAPSULATED, _H4, _MONITOR}:
        name = OTHERS.get(kind, "unknown")
        raise CaptureError(
            f"{file.name} is a btsnoop file of link type {kind} ({name}), which is not read: record with Android's "
            "HCI snoop log, or with btmon -w"
        )
    dropped = 0

    def size(buffer: bytes, at: int) -> int:
        original, captured, _, _, time_us = _RECORD.unpack_from(buffer, at)
        is_damaged = captured > original or original > _MOST or abs(time_us - EPOCH_US) > _YEARS_US
        return DAMAGED if is_damaged else _RECORD.size + captured

    def packet(buffer: bytes, at: int, end: int) -> Packet:
        nonlocal dropped
        original, _, flags, drops, time_us = _RECORD.unpack_from(buffer, at)
        dropped = max(dropped, drops)
        return _packet(kind, flags, (time_us - EPOCH_US) * 1000, buffer[at + _RECORD.size : end], original)

    yield from read_rows(source, _HEADER.size, Rows(_RECORD.size, size, packet), statistics, progress)
    if dropped:
        packets = "1 packet" if dropped == 1 else f"{dropped:,} packets"
        statistics.warnings.append(f"the recorder dropped {packets}, since it was not fast enough")


def _packet(kind: int, flags: int, time_ns: int, data: bytes, original: int) -> Packet:
    """A packet as pcap would have it."""
    if kind == _MONITOR:
        header = struct.pack(">HH", flags >> 16, flags & 0xFFFF)
        return Packet(time_ns, LINUX_MONITOR, header + data, original + len(header))
    header = struct.pack(">I", flags & _RECEIVED)
    if kind == _UNENCAPSULATED:
        header += (_EVENT if flags & _RECEIVED else _COMMAND) if flags & _COMMAND_OR_EVENT else _ACL
    return Packet(time_ns, HCI_H4_WITH_PHDR, header + data, original + len(header))


FORMAT: Final = Format(
    "btsnoop (a log of Bluetooth)",
    written_by="Android's HCI snoop log, btmon",
    lacks="TCP; it has Bluetooth",
    has_tcp=False,
    magics=(MAGIC,),
    packets=read_btsnoop,
)
