"""pcap files, with times in micro- or nanoseconds, in either byte order.

The format has no marks to find a packet by: a header of 24 bytes, and then for each packet its times and lengths and
its bytes. So one wrong length loses all that follows, and must be noticed: a captured length above libpcap's own limit
is damage. An end inside a packet is common, since recorders are killed, disks fill up, and files are copied while they
are still written. All packets before the damage are decoded, and a warning says where it is.

The loop looks at packets where they lie in the buffer, rejects those of other ports by the prefilter, and slices out
only the others. It is one function, since a call for each packet would take longer than all that it does. Packets are
handed on as many at a time as one read brought, so that a capture that is watched live is shown at once, and a large
one is decoded in few steps. The snap length in the file's header is not looked at: network cards hand over packets that
are longer than it says.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Final, Literal

from lmdecode.capture.formats import Format
from lmdecode.capture.net.packet import PLAIN_IPV4, Packet, Prefilter, make_prefilter
from lmdecode.capture.source import ByteStream, CaptureStatistics, Source

_FILE_HEADER: Final = 24
_RECORD_HEADER: Final = 16
_MAX_PACKET: Final = 1 << 18  # bytes; libpcap's own limit for a snap length (MAXIMUM_SNAPLEN)
_LINK_TYPE_MASK: Final = 0xFFFF  # the bits above say how long the frame check sequence is
_BEFORE_PACKET: Final = "8xI4x"  # a record's header, of which the captured length is wanted
_NANOSECONDS: Final = 0xA1B23C4D


def read_pcap(  # noqa: C901, PLR0912, PLR0915 -- one loop: a call for each packet would cost more than all the rest
    file: ByteStream,
    statistics: CaptureStatistics,
    progress: Callable[[int], None] | None = None,
    ports: frozenset[int] | None = None,
) -> Iterator[list[Packet]]:
    """The packets of a pcap file, as many at a time as one read brought.

    Args:
        file: At its beginning.
        statistics: Gets the number of packets, of those left out too, the bytes read, and warnings.
        progress: Called after each read with the position in the file, in bytes.
        ports: If given, packets that are plainly neither from nor to one of these TCP ports are left out.

    Raises:
        CaptureError: The file's header is not whole.
    """
    source = Source(file)
    header = source.header(_FILE_HEADER)
    order: Literal["<", ">"] = "<" if header[0] in {0xD4, 0x4D} else ">"
    magic, *_, link_type = struct.unpack(f"{order}I16xI", header)
    link_type &= _LINK_TYPE_MASK
    scale = 1 if magic == _NANOSECONDS else 1000
    prefilter = make_prefilter(link_type, order, ports, _BEFORE_PACKET)
    filtering = prefilter is not None
    # One that is never asked keeps the loop the same, with a look of the same kind.
    look, reach, ipv4, fragment, wanted = prefilter or Prefilter(
        struct.Struct(f"{order}{_BEFORE_PACKET}HBHHH"), 0, 0, 0, frozenset()
    )
    unpack = look.unpack_from
    unpack_record = struct.Struct(f"{order}IIII").unpack_from
    buffer, offset, count = source.buffer, _FILE_HEADER, 0
    at_end = False
    new = tuple.__new__  # a third of the time of calling a NamedTuple
    while True:
        packets: list[Packet] = []
        size = len(source.buffer)
        last = size - (_RECORD_HEADER if at_end else look.size)
        while offset <= last:
            if filtering:
                captured, protocol, first, place, from_port, to_port = unpack(buffer, offset)
                if (
                    from_port not in wanted
                    and to_port not in wanted
                    and protocol == ipv4
                    and first == PLAIN_IPV4
                    and not place & fragment
                    and captured >= reach
                ):
                    end = offset + _RECORD_HEADER + captured
                    if end > size:
                        break
                    count += 1  # a packet that is left out is counted too
                    offset = end
                    continue
            seconds, fraction, captured, original = unpack_record(buffer, offset)
            start = offset + _RECORD_HEADER
            end = start + captured
            if end > size:
                break
            count += 1
            offset = end
            packets.append(
                new(Packet, (seconds * 1_000_000_000 + fraction * scale, link_type, buffer[start:end], original))
            )
        statistics.packets = count
        statistics.bytes_read = source.base + offset
        if packets:
            yield packets
        if progress is not None:
            progress(statistics.bytes_read)
        if at_end:
            break
        if size - offset >= _RECORD_HEADER and unpack_record(source.buffer, offset)[2] > _MAX_PACKET:
            source.note_damage(offset, statistics)
            return
        if source.more(offset):
            offset = 0
            buffer = source.buffer
        else:
            at_end = True
            buffer = source.buffer + bytes(look.size)  # so that the look at a short last packet stays inside
    rest = len(source.buffer) - offset
    if rest >= _RECORD_HEADER:
        captured = unpack_record(source.buffer, offset)[2]
        if captured > _MAX_PACKET:
            source.note_damage(offset, statistics)
        else:
            source.note_end(rest - _RECORD_HEADER, captured, statistics)
    elif rest or source.failure:
        source.note_end(rest, _RECORD_HEADER, statistics)


FORMAT: Final = Format(
    "pcap",
    magics=(b"\xa1\xb2\xc3\xd4", b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\x3c\x4d", b"\x4d\x3c\xb2\xa1"),
    packets=read_pcap,
)
