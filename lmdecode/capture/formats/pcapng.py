"""pcapng files, with packets of all interfaces and sections.

A pcapng file is a row of blocks, each with its length at both ends. So blocks of unknown kinds can be skipped, and a
damaged length is noticed, since the two do not agree. What can differ inside one file is kept for each section or
interface:

- The byte order: each section header says it anew. Files of several computers can be put together with `cat`.
- The link type, the unit of times and their offset: each interface has its own, as `dumpcap -i eth0 -i wlan0` writes
  them. A packet's block has only the interface's number.

Packets come in blocks of three kinds: enhanced, which all programs of today write; simple, which has no time (the time
of the packet before it is the best guess); and an obsolete one, of 2004. Names, comments, statistics and secrets of
other protocols are skipped.

As in pcap, the loop looks at packets where they lie, and is one function. Enhanced blocks are judged by the prefilter
before anything is sliced out of them. Damage ends the reading; all packets before it are decoded, and a warning says
where it is.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Generator, Iterator
from typing import Final, Literal, NamedTuple

from lmdecode.capture.formats import Format
from lmdecode.capture.formats._headers import BIG, LITTLE, PCAPNG_MAGIC
from lmdecode.capture.formats._pieces import End, Stop, read_packets
from lmdecode.capture.net.packet import PLAIN_IPV4, Ends, Found, Packet, Prefilter, make_prefilter
from lmdecode.capture.source import ByteStream, CaptureStatistics, Source

_SECTION: Final = 0x0A0D0D0A  # a palindrome, so that it can be read before the byte order is known
_INTERFACE: Final = 1
_OBSOLETE: Final = 2
_SIMPLE: Final = 3
_ENHANCED: Final = 6

_MAX_BLOCK: Final = 1 << 26  # bytes, far above any real block: a damaged length must not fill the memory
_MAX_INTERFACES: Final = 1 << 16  # of a section, far above any computer's
_MIN_BLOCK: Final = 12  # bytes: type, length, length again
_DATA: Final = 28  # bytes of an enhanced block before the packet
_LENGTH: Final = 4  # bytes of a block behind the packet
_RESOLUTION: Final = 9  # the option if_tsresol: a power of 10, or with the highest bit a power of 2; without it 10**6
_TIME_OFFSET: Final = 14  # the option if_tsoffset: seconds to add to each time
_NANO: Final = 1_000_000_000


class _Damaged(Exception):  # noqa: N818 -- a signal between two functions here; nobody else ever sees it
    """A block that contradicts itself or the file."""


class _Interface(NamedTuple):
    link_type: int
    snap_length: int
    ticks: int
    """In a second."""
    offset_ns: int
    prefilter: Prefilter | None

    def time_ns(self, ticks: int) -> int:
        """A packet's time in nanoseconds since 1970."""
        return ticks * _NANO // self.ticks + self.offset_ns


class _Section:
    """A section's byte order and interfaces."""

    def __init__(self, order: Literal["<", ">"], ports: frozenset[int] | None) -> None:
        self.order = order
        self._ports = ports
        self.interfaces: list[_Interface] = []
        self.head = struct.Struct(f"{order}III8xI")
        """The type and length of a block, and of an enhanced one the interface and the captured length."""
        self.unpack_length = struct.Struct(f"{order}I").unpack_from

    def add_interface(self, body: bytes) -> None:
        """Take an interface description block, without its type and lengths."""
        if len(body) < 8 or len(self.interfaces) >= _MAX_INTERFACES:
            raise _Damaged
        link_type, snap_length = struct.unpack_from(f"{self.order}HxxI", body)
        ticks, offset = 1_000_000, 0
        for code, value in self._options(body[8:]):
            if code == _RESOLUTION and value:
                ticks = 1 << (value[0] & 0x7F) if value[0] & 0x80 else 10 ** value[0]
            elif code == _TIME_OFFSET and len(value) == 8:
                (offset,) = struct.unpack(f"{self.order}q", value)
        prefilter = make_prefilter(link_type, self.order, self._ports, f"{_DATA}x")
        self.interfaces.append(_Interface(link_type, snap_length, ticks, offset * _NANO, prefilter))

    def packet(self, kind: int, body: bytes, previous_ns: int) -> Packet:
        """The packet in the body of a block: without the block's type and lengths.

        Args:
            kind: The block's type: _ENHANCED, _SIMPLE or _OBSOLETE.
            body: The block's body.
            previous_ns: Time of the packet before it, which a packet without a time gets.

        Raises:
            _Damaged: The body is too short, or there is no such interface.
        """
        order = self.order
        try:
            if kind == _SIMPLE:
                interface = self.interfaces[0]
                (original,) = struct.unpack_from(f"{order}I", body)
                captured = min(original, interface.snap_length or original)  # it has no captured length either
                time_ns, start = previous_ns, 4
            else:
                layout = "HxxIIII" if kind == _OBSOLETE else "IIIII"
                number, high, low, captured, original = struct.unpack_from(order + layout, body)
                interface = self.interfaces[number]
                time_ns, start = interface.time_ns(high << 32 | low), 20
        except (struct.error, IndexError):
            raise _Damaged from None
        if start + captured > len(body):
            raise _Damaged
        return Packet(time_ns, interface.link_type, body[start : start + captured], original)

    def time_ns(self, buffer: bytes, offset: int) -> int:
        """The time of the enhanced block at an offset, in nanoseconds since 1970."""
        number: int
        number, high, low = struct.unpack_from(f"{self.order}III", buffer, offset + 8)
        return self.interfaces[number].time_ns(high << 32 | low)

    def _options(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        position = 0
        while len(data) - position >= 4:
            code, length = struct.unpack_from(f"{self.order}HH", data, position)
            if not code:
                return
            position += 4
            yield code, data[position : position + length]
            position += (length + 3) & ~3


def read_pcapng(
    file: ByteStream,
    statistics: CaptureStatistics,
    progress: Callable[[int], None] | None = None,
    ports: frozenset[int] | None = None,
) -> Iterator[list[Packet]]:
    """The packets of a pcapng file, and of what was put behind it. Arguments and errors are those of `read_packets`."""
    return read_packets(file, statistics, progress, ports)


def walk_pcapng(  # noqa: C901, PLR0912, PLR0915, PLR0917 -- one loop: a call for each packet would cost more than all the rest
    source: Source,
    offset: int,
    statistics: CaptureStatistics,
    progress: Callable[[int], None] | None,
    ports: frozenset[int] | None,
    ends: Ends | None = None,  # noqa: ARG001 -- each packet is read by itself
) -> Generator[list[Found], None, Stop]:
    """The packets of pcapng sections that follow each other, as many at a time as one read brought.

    The arguments are those of `walk_pcap`.

    Raises:
        CaptureError: The first block is not whole.
    """
    try:
        section = _Section(_byte_order(source.header(offset + _MIN_BLOCK, offset)), ports)
    except _Damaged:
        raise source.cut_in_header() from None
    source.header(offset + (section.unpack_length(source.buffer, offset + 4)[0] & 0xFFFF), offset)
    count, previous_ns = statistics.packets, 0
    unpack, unpack_length, interfaces = section.head.unpack_from, section.unpack_length, section.interfaces
    damaged = at_end = False
    buffer, size = source.buffer, len(source.buffer)
    while True:
        packets: list[Found] = []
        last = size - (_MIN_BLOCK if at_end else section.head.size)
        wanted = _MIN_BLOCK
        left_out = -1  # the offset of the last packet, if it was left out
        try:
            while offset <= last:
                kind, length, number, captured = unpack(buffer, offset)
                if kind == _SECTION:
                    if left_out >= 0:
                        previous_ns = section.time_ns(buffer, left_out)
                        left_out = -1
                    section = _Section(_byte_order(buffer[offset : offset + _MIN_BLOCK]), ports)
                    unpack, unpack_length = section.head.unpack_from, section.unpack_length
                    interfaces = section.interfaces
                    (length,) = unpack_length(buffer, offset + 4)
                if length < _MIN_BLOCK or length > _MAX_BLOCK:
                    raise _Damaged  # noqa: TRY301 -- so that all damage ends in one place
                end = offset + ((length + 3) & ~3)
                if end > size:
                    wanted = length
                    break
                # Before the filter, so that what is damage does not depend on the ports that are wanted.
                if unpack_length(buffer, end - _LENGTH)[0] != length:
                    raise _Damaged  # noqa: TRY301 -- as above
                if kind == _ENHANCED and length > _DATA + _LENGTH:
                    prefilter = interfaces[number].prefilter
                    if prefilter is not None and captured >= prefilter.reach:
                        if offset + _DATA + captured > end - _LENGTH:
                            raise _Damaged  # noqa: TRY301 -- as above
                        protocol, first, place, from_port, to_port = prefilter.look.unpack_from(buffer, offset)
                        if (
                            protocol == prefilter.ipv4
                            and first == PLAIN_IPV4
                            and place & prefilter.judged in prefilter.plain
                            and from_port not in prefilter.ports
                            and to_port not in prefilter.ports
                        ):
                            count += 1  # a packet that is left out is counted too
                            left_out = offset
                            offset = end
                            continue
                if kind == _INTERFACE:
                    section.add_interface(buffer[offset + 8 : end - _LENGTH])
                elif kind in {_ENHANCED, _SIMPLE, _OBSOLETE}:
                    if left_out >= 0:
                        previous_ns = section.time_ns(buffer, left_out)
                        left_out = -1
                    packet = section.packet(kind, buffer[offset + 8 : end - _LENGTH], previous_ns)
                    previous_ns = packet.time_ns
                    count += 1
                    packets.append(packet)
                offset = end
        except (_Damaged, IndexError):
            damaged = True
        if left_out >= 0:
            previous_ns = section.time_ns(buffer, left_out)
        statistics.packets = count
        statistics.bytes_read = source.base + offset
        if packets:
            yield packets
        if damaged:
            return Stop(offset, End.DAMAGED)
        if progress is not None:
            progress(statistics.bytes_read)
        if at_end:
            break
        if source.more(offset, wanted):
            offset = 0
            buffer, size = source.buffer, len(source.buffer)
        else:
            at_end = True
            buffer = source.buffer + bytes(section.head.size)  # so that the look at a short last block stays inside
    rest = size - offset
    return Stop(offset, End.CUT if rest or source.failure else End.WHOLE, rest, wanted)


def _byte_order(section_header: bytes) -> Literal["<", ">"]:
    mark = section_header[8:12]
    if mark == LITTLE:
        return "<"
    if mark == BIG:
        return ">"
    raise _Damaged


FORMAT: Final = Format("pcapng", written_by="Wireshark, dumpcap, tshark", magics=(PCAPNG_MAGIC,), packets=read_packets)
