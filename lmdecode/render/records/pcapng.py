"""The capture itself, with what each packet says as its comments: any Wireshark shows them, with no plugin.

A comment is one line, since Wireshark's details pane runs the lines of a comment together, and cuts each comment off
at some 240 characters (`tshark -T fields -e frame.comment` has them whole).

Packets keep their bytes, lengths and times. Comments, interface names and the like that the capture had are not
carried over.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, Final, NoReturn

from lmdecode import __version__
from lmdecode.codec.printable import printable
from lmdecode.codec.record import Record
from lmdecode.render.records import OutputFormat, Style
from lmdecode.render.sentence import sentences

if TYPE_CHECKING:
    from lmdecode.capture.net.packet import Packet

_SECTION_HEADER: Final = 0x0A0D0D0A
_INTERFACE: Final = 1
_ENHANCED_PACKET: Final = 6
_END: Final = 0
_COMMENT: Final = 1
_USER_APPLICATION: Final = 4
_TIME_RESOLUTION: Final = 9

_BLOCK: Final = struct.Struct("<II")
_OPTION: Final = struct.Struct("<HH")
_LENGTH: Final = struct.Struct("<I")
_PACKET: Final = struct.Struct("<IIIII")
_BYTE_ORDER_MAGIC: Final = 0x1A2B3C4D
_LATEST: Final = (1 << 64) - 1  # nanoseconds since 1970 that the format can hold; in the year 2554
_LONGEST_COMMENT: Final = 0xFFFF  # bytes


class PcapngWriter:
    """Writes one section to a binary file, which stays open and is not flushed."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._interfaces: dict[int, int] = {}
        body = struct.pack("<IHHq", _BYTE_ORDER_MAGIC, 1, 0, -1)
        self._block(_SECTION_HEADER, body + _options((_USER_APPLICATION, f"lmdecode {__version__}".encode())))

    def write(
        self,
        time_ns: int,
        link_type: int,
        data: bytes,
        original_length: int | None = None,
        comments: Sequence[str] = (),
    ) -> None:
        """Write one packet.

        Args:
            time_ns: Nanoseconds since 1970. One that the format cannot hold becomes the nearest that it can.
            link_type: A LINKTYPE_ number. Each has its interface, which is described before its first packet.
            data: The packet from its link-layer header on.
            original_length: Bytes that it had on the wire, if not those of `data`.
            comments: What Wireshark shows with it, a line each (all of them since Wireshark 3.6, the first before).
        """
        interface = self._interfaces.get(link_type)
        if interface is None:
            interface = self._interfaces[link_type] = len(self._interfaces)
            resolution = _options((_TIME_RESOLUTION, b"\x09"))  # ten to the minus ninth of a second
            self._block(_INTERFACE, struct.pack("<HHI", link_type & 0xFFFF, 0, 0) + resolution)
        high, low = divmod(min(max(time_ns, 0), _LATEST), 1 << 32)
        wire_length = len(data) if original_length is None else original_length
        body = _PACKET.pack(interface, high, low, len(data), min(wire_length, 0xFFFFFFFF)) + data + _padding(data)
        if comments:
            body += _options(*((_COMMENT, _encoded(comment)) for comment in comments))
        self._block(_ENHANCED_PACKET, body)

    def _block(self, kind: int, body: bytes) -> None:
        size = len(body) + 12
        self._file.write(b"".join((_BLOCK.pack(kind, size), body, _LENGTH.pack(size))))


def _encoded(comment: str) -> bytes:
    """A comment as UTF-8, cut to what an option can hold."""
    return comment.encode("utf-8", "backslashreplace")[:_LONGEST_COMMENT].decode("utf-8", "ignore").encode()


def _options(*options: tuple[int, bytes]) -> bytes:
    pieces = [_OPTION.pack(code, len(value)) + value + _padding(value) for code, value in options]
    return b"".join((*pieces, _OPTION.pack(_END, 0)))


def _padding(data: bytes) -> bytes:
    """What fills a value up to a multiple of four bytes."""
    return bytes(-len(data) % 4)


def write(file: BinaryIO, packets: Iterable[tuple[Packet | None, Sequence[Record]]]) -> None:
    """Write packets as pcapng, with comments that say in words what each completes, one or more a Record.

    Records that come without a packet, since the capture ended before they were whole, are told by comments of the
    packet before them, as what was left at the end; therefore one packet is held back.

    Args:
        file: To write to.
        packets: Each packet with the Records that it completes, in the order of the file.
    """
    writer = PcapngWriter(file)
    last: Packet | None = None
    comments: list[str] = []
    try:
        for packet, records in packets:
            if packet is None:
                comments += _left_over(records)
                continue
            if last is not None:
                writer.write(last.time_ns, last.link_type, last.data, last.original_length, comments)
            last = packet
            comments = [line for record in records for line in sentences(record)]
    finally:  # a capture that cannot be read any further has its last packet too
        if last is not None:
            writer.write(last.time_ns, last.link_type, last.data, last.original_length, comments)


def _left_over(records: Sequence[Record]) -> Iterator[str]:
    for record in records:
        ends = f"{printable(record.source)} to {printable(record.destination)}"
        yield f"left at the end of the capture, connection {record.stream}, {ends}:"
        yield from sentences(record)


def _of_packets(_file: Any, _style: Style) -> NoReturn:  # noqa: ANN401 -- never used
    raise AssertionError("a format of packets has no writer of records")


FORMAT: Final = OutputFormat(open=_of_packets, binary=True, of_packets=True)
