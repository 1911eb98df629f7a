"""pcapng files, written block by block: packets of several link types, times in nanoseconds, comments.

The format: https://www.ietf.org/archive/id/draft-ietf-opsawg-pcapng-02.html. scapy's PcapNgWriter is not used: it
takes a second to import and dissects what it writes, and all that is needed is these three blocks.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import BinaryIO, Final

from lmdecode import __version__

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
