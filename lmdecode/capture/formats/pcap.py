"""pcap files, with times in micro- or nanoseconds, in either byte order.

The format has no marks to find a packet by: a header of 24 bytes, and then for each packet its times and lengths and
its bytes. So one wrong length loses all that follows, and must be noticed: a captured length above libpcap's own limit
is damage. The header of another file that was appended looks like the record of a packet of no bytes, and is told from
one by the whole of it. An end inside a packet is common, since recorders are killed, disks fill up, and files are
copied while they are still written. All packets before the damage are decoded, and a warning says where it is.

The loop looks at packets where they lie in the buffer, rejects those of other ports by the prefilter, and slices out
only the others. It is one function, since a call for each packet would take longer than all that it does. Packets are
handed on as many at a time as one read brought, so that a capture that is watched live is shown at once, and a large
one is decoded in few steps. The snap length in the file's header is not looked at: network cards hand over packets that
are longer than it says.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Generator, Iterator
from typing import Final, Literal

from lmdecode.capture.formats import Format
from lmdecode.capture.formats._headers import PCAP_HEADER, PCAP_MAGICS, find_header, is_text
from lmdecode.capture.formats._pieces import End, Stop, read_found, read_packets
from lmdecode.capture.net.ip_header import TCP
from lmdecode.capture.net.packet import (
    ETHERNET,
    PLAIN,
    PLAIN_IPV4,
    PLAIN_KIND,
    Ends,
    Found,
    Packet,
    Prefilter,
    Segment,
    make_prefilter,
)
from lmdecode.capture.source import ByteStream, CaptureStatistics, Source

_RECORD_HEADER: Final = 16
_MAX_PACKET: Final = 1 << 18  # bytes; libpcap's own limit for a snap length (MAXIMUM_SNAPLEN)
_LINK_TYPE_MASK: Final = 0xFFFF  # the bits above say how long the frame check sequence is
_BEFORE_PACKET: Final = "IIII"  # a record's header: seconds, their fraction, the captured and the original length
_NANOSECONDS: Final = 0xA1B23C4D
_SECOND: Final = 1_000_000_000
_YEARS: Final = 10 * 366 * 86_400  # seconds, in which the packets of one capture are
_LEAST_PACKET: Final = 8
"""Bytes on the wire, which every packet exceeds. Where the record of one begins, a file's header says 0 or 4: that part
of it holds zeros, whether or not a few blanks stand before it."""
_LEAST_PLAIN: Final = 54  # bytes of a plain packet: the headers without options
_LEAST_BLANKS: Final = 7  # bytes before a header that are not noticed by a length that is too high


def read_pcap(
    file: ByteStream,
    statistics: CaptureStatistics,
    progress: Callable[[int], None] | None = None,
    ports: frozenset[int] | None = None,
) -> Iterator[list[Packet]]:
    """The packets of a pcap file, and of what was put behind it. Arguments and errors are those of `read_packets`."""
    return read_packets(file, statistics, progress, ports)


def walk_pcap(  # noqa: C901, PLR0912, PLR0915, PLR0917 -- one loop: a call for each packet would cost more than all the rest
    source: Source,
    offset: int,
    statistics: CaptureStatistics,
    progress: Callable[[int], None] | None,
    ports: frozenset[int] | None,
    ends: Ends | None = None,
) -> Generator[list[Found], None, Stop]:
    """The packets of one pcap capture, as many at a time as one read brought.

    Args:
        source: Where they are.
        offset: Of the capture's header, in the source's buffer.
        statistics: Counts go on in it.
        progress: Called after each read with the position in the file, in bytes.
        ports: As of `read_packets`.
        ends: As of `read_found`.

    Raises:
        CaptureError: The header is not whole.
    """
    header = source.header(offset + PCAP_HEADER, offset)
    order: Literal["<", ">"] = "<" if header[0] in {0xD4, 0x4D} else ">"
    magic, *_, link_type = struct.unpack(f"{order}I16xI", header)
    link_type &= _LINK_TYPE_MASK
    scale = 1 if magic == _NANOSECONDS else 1000
    prefilter = make_prefilter(link_type, order, ports, _BEFORE_PACKET)
    filtering = prefilter is not None
    # One that is never asked keeps the loop the same, with a look as long.
    look, reach, ipv4, judged, plain, wanted = prefilter or Prefilter(
        struct.Struct(f"{order}{_BEFORE_PACKET}HBIHH{_LEAST_BLANKS}x"), 0, 0, 0, frozenset(), frozenset()
    )
    unpack = look.unpack_from
    record = struct.Struct(f"{order}IIII")
    unpack_record = record.unpack_from
    buffer, count = source.buffer, statistics.packets
    offset += PCAP_HEADER
    at_end = is_over = False
    earlier = b""
    new = tuple.__new__  # a third of the time of calling a NamedTuple
    unpack_plain, known = PLAIN.unpack_from, ends if link_type == ETHERNET and ends is not None else {}
    mostly_known = True
    while True:
        packets: list[Found] = []
        before_read = count
        look_for_known = bool(known) and mostly_known
        size = len(source.buffer)
        last = size - (_RECORD_HEADER if at_end else look.size)
        first = offset
        while offset <= last:
            if look_for_known:
                seconds, fraction, captured, original = unpack_record(buffer, offset)
                start = offset + _RECORD_HEADER
                end = start + captured
                if end > size:
                    break
                if captured == original and captured >= _LEAST_PLAIN:
                    kind, total, place, protocol, both, seq, ack, header_size, flags = unpack_plain(buffer, start)
                    payload, stop = 34 + (header_size >> 4) * 4, 14 + total
                    if (
                        kind == PLAIN_KIND
                        and protocol == TCP
                        and not place & 0x3FFF
                        and 54 <= payload <= stop <= captured
                        and both in known
                    ):
                        source_end, destination = known[both]
                        time_ns = seconds * 1_000_000_000 + fraction * scale
                        content = buffer[start + payload : start + stop]
                        count += 1
                        offset = end
                        packets.append(new(Segment, (time_ns, source_end, destination, flags, seq, ack, content, 0)))
                        continue
            if filtering:
                seconds, fraction, captured, original, protocol, version, place, from_port, to_port = unpack(
                    buffer, offset
                )
                if (
                    from_port not in wanted
                    and to_port not in wanted
                    and protocol == ipv4
                    and version == PLAIN_IPV4
                    and place & judged in plain
                    and captured >= reach
                ):
                    end = offset + _RECORD_HEADER + captured
                    if end > size:
                        break
                    count += 1  # a packet that is left out is counted too
                    offset = end
                    continue
            else:
                seconds, fraction, captured, original = unpack_record(buffer, offset)
            start = offset + _RECORD_HEADER
            end = start + captured
            if end > size:
                break
            if original < _LEAST_PACKET and _begins_anew(source.buffer, first, offset):
                is_over = True
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
        mostly_known = 2 * len(packets) >= count - before_read
        if progress is not None:
            progress(statistics.bytes_read)
        if is_over or (size - offset >= _RECORD_HEADER and not _makes_sense(record, scale, source.buffer, offset)):
            before = _last_packets(record, scale, earlier + source.buffer[first:offset])
            if is_over or unpack_record(source.buffer, offset)[2] > _MAX_PACKET or _has_header(before):
                return Stop(offset, End.DAMAGED, before=before)
        if at_end:
            break
        read = source.buffer, first, offset
        if source.more(offset):
            earlier = read[0][read[1] : read[2]]
            offset = 0
            buffer = source.buffer
        else:
            at_end = True
            buffer = source.buffer + bytes(look.size)  # so that the look at a short last packet stays inside
    rest = size - offset
    before = _last_packets(record, scale, earlier + source.buffer[first:offset])
    if not rest and not source.failure:
        return Stop(offset, End.WHOLE, before=before)
    if rest < _RECORD_HEADER:
        return Stop(offset, End.CUT, rest, _RECORD_HEADER, before)
    return Stop(offset, End.CUT, rest - _RECORD_HEADER, unpack_record(source.buffer, offset)[2], before)


def _begins_anew(data: bytes, first: int, at: int) -> bool:
    """Whether the header of a capture stands where a packet's record should begin.

    It may stand a few blanks behind it, or begin before it: in the bytes that a packet lacks that was cut off.
    """
    found = find_header(data, max(at - PCAP_HEADER + 1, first), at + _LEAST_BLANKS)
    return found is not None and found.kind is not None and is_text(data[at : found.at])


def _has_header(data: bytes) -> bool:
    found = find_header(data)
    return found is not None and found.kind is not None


def _makes_sense(record: struct.Struct, scale: int, data: bytes, at: int) -> bool:
    """Whether a packet's record can stand at an offset. Damaged ones, and such of odd programs, may not."""
    fraction: int
    _, fraction, captured, original = record.unpack_from(data, at)
    return fraction * scale < _SECOND and 0 < captured <= original <= _MAX_PACKET


def _last_packets(record: struct.Struct, scale: int, records: bytes) -> bytes:
    """The last of some packets, with their records, and those before them from the first on that makes no sense.

    That is where the packet can be that was cut off before another file was appended.
    """
    start, offset = 0, 0
    while offset <= len(records) - _RECORD_HEADER and _makes_sense(record, scale, records, offset):
        seconds, _, captured, _ = record.unpack_from(records, offset)
        if abs(seconds - record.unpack_from(records)[0]) > _YEARS:
            break
        start, offset = offset, offset + _RECORD_HEADER + captured
    return records[start:]


FORMAT: Final = Format(
    "pcap",
    written_by="tcpdump, Wireshark, routers, PCAPdroid",
    magics=PCAP_MAGICS,
    packets=read_packets,
    found=read_found,
)
