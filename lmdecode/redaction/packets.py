"""TCP connections as packets, made anew: Ethernet, IPv4 or IPv6 and TCP, of what was said in them.

Nothing of the recorded packets is in them but their times and what was said. Window sizes, time stamps, identifications
and times to live tell a phone's system, and a network's structure, from others; here they are those of nobody.
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Callable
from typing import Final

from lmdecode.codec.record import Sender
from lmdecode.codec.web import HttpRequest, HttpResponse
from lmdecode.redaction.copyist import Copy, End, Ends

ETHERNET: Final = 1
"""The link type of the packets."""

_SYN, _ACK, _PSH = 0x02, 0x10, 0x08
_MOST: Final = 1400  # bytes of a stream in a packet
_APP: Final = bytes.fromhex("020000000001")
_MACHINE: Final = bytes.fromhex("020000000002")
_TO_MACHINE: Final = _MACHINE + _APP
_TO_APP: Final = _APP + _MACHINE


class TcpWriter:
    """Writes connections as packets.

    Args:
        write: Takes the time in nanoseconds since 1970, and the packet from its Ethernet header on.
    """

    def __init__(self, write: Callable[[int, bytes], None]) -> None:
        self._write = write
        self._next: dict[int, list[int]] = {}

    def open(self, number: int, time_ns: int, app: End, machine: End) -> None:
        """Begin a connection with its handshake, unless it is open.

        Args:
            number: Tells it from others.
            time_ns: When.
            app: The app's end.
            machine: The machine's end.
        """
        if number in self._next:
            return
        first, second = 1000, 2000
        there, back = (app, machine, _TO_MACHINE), (machine, app, _TO_APP)
        self._packet(time_ns, there, first, 0, _SYN)
        self._packet(time_ns, back, second, first + 1, _SYN | _ACK)
        self._packet(time_ns, there, first + 1, second + 1, _ACK)
        self._next[number] = [first + 1, second + 1]

    def open_in_the_middle(self, number: int) -> None:
        """Begin a connection whose beginning was not recorded."""
        self._next.setdefault(number, [1001, 2001])

    def send(self, number: int, time_ns: int, app: End, machine: End, data: bytes, *, is_from_app: bool) -> None:
        """Write bytes of one direction of an open connection."""
        numbers = self._next[number]
        own, other = (0, 1) if is_from_app else (1, 0)
        way = (app, machine, _TO_MACHINE) if is_from_app else (machine, app, _TO_APP)
        for at in range(0, len(data), _MOST):
            piece = data[at : at + _MOST]
            self._packet(time_ns, way, numbers[own], numbers[other], _PSH | _ACK, piece)
            numbers[own] = (numbers[own] + len(piece)) & 0xFFFFFFFF

    def _packet(  # noqa: PLR0917 -- in the order of the headers
        self, time_ns: int, way: tuple[End, End, bytes], seq: int, ack: int, flags: int, data: bytes = b""
    ) -> None:
        source, destination, macs = way
        one, other = ipaddress.ip_address(source.host), ipaddress.ip_address(destination.host)
        size = 20 + len(data)
        tcp = struct.pack("!HHIIBBHHH", source.port, destination.port, seq, ack, 0x50, flags, 0xFFFF, 0, 0)
        if one.version == 4:
            pseudo = one.packed + other.packed + struct.pack("!BBH", 0, 6, size)
            head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + size, 0, 0x4000, 64, 6, 0) + one.packed + other.packed
            ip, kind = head[:10] + _checksum(head) + head[12:], 0x0800
        else:
            pseudo = one.packed + other.packed + struct.pack("!IHBB", size, 0, 0, 6)
            ip, kind = struct.pack("!IHBB", 0x60000000, size, 6, 64) + one.packed + other.packed, 0x86DD
        tcp = tcp[:16] + _checksum(pseudo + tcp + data) + tcp[18:]
        self._write(time_ns, macs + kind.to_bytes(2, "big") + ip + tcp + data)


def _checksum(data: bytes) -> bytes:
    """Return the Internet checksum (RFC 1071)."""
    padded = data + bytes(len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return (~total & 0xFFFF).to_bytes(2, "big")


class PcapFile:
    """Writes a pcap file with times in nanoseconds.

    Args:
        write: Takes its bytes.
        link_type: Of all its packets.
    """

    def __init__(self, write: Callable[[bytes], object], link_type: int) -> None:
        self._write_bytes = write
        write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262_144, link_type))

    def write(self, time_ns: int, data: bytes) -> None:
        """Write one packet. A time that the format cannot hold becomes the nearest that it can."""
        seconds, fraction = divmod(min(max(time_ns, 0), (1 << 32) * 1_000_000_000 - 1), 1_000_000_000)
        self._write_bytes(struct.pack("<IIII", seconds, fraction, len(data), len(data)) + data)


def http_request(method: str, path: str, headers: list[tuple[str, str]], body: bytes) -> bytes:
    """Return the bytes of a request of HTTP/1.1."""
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
    return "\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n" + body


def http_response(status: int, headers: list[tuple[str, str]], body: bytes) -> bytes:
    """Return the bytes of an answer of HTTP/1.1."""
    from http import HTTPStatus  # noqa: PLC0415 -- beside its only use

    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    lines = [f"HTTP/1.1 {status} {phrase}", *(f"{name}: {value}" for name, value in headers)]
    return "\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n" + body


def websocket_frame(data: bytes, *, is_text: bool, is_masked: bool) -> bytes:
    """Return a message of a WebSocket as one frame."""
    size = len(data)
    mask = 0x80 if is_masked else 0
    if size < 126:
        length = bytes([mask | size])
    elif size < 1 << 16:
        length = bytes([mask | 126]) + size.to_bytes(2, "big")
    else:
        length = bytes([mask | 127]) + size.to_bytes(8, "big")
    key = bytes(4) if is_masked else b""
    return bytes([0x81 if is_text else 0x82]) + length + key + data


class PacketCopy(Copy):
    """Writes connections of v1 and v3 as packets.

    Args:
        write: Takes the time in nanoseconds since 1970, and the packet from its Ethernet header on.
    """

    def __init__(self, write: Callable[[int, bytes], None]) -> None:
        self._tcp = TcpWriter(write)

    def frame(self, ends: Ends, time_ns: int, sender: Sender, data: bytes) -> bool:
        """Write bytes of a TCP stream."""
        self._tcp.open(ends.number, time_ns, ends.app, ends.machine)
        return self._send(ends, time_ns, sender, data)

    def request(self, ends: Ends, time_ns: int, number: int, request: HttpRequest) -> bool:  # noqa: ARG002
        """Write a request."""
        self._tcp.open(ends.number, time_ns, ends.app, ends.machine)
        data = http_request(request.method, request.path, list(request.headers), request.body)
        return self._send(ends, time_ns, "app", data)

    def response(self, ends: Ends, time_ns: int, number: int, response: HttpResponse) -> bool:  # noqa: ARG002
        """Write an answer."""
        self._tcp.open(ends.number, time_ns, ends.app, ends.machine)
        data = http_response(response.status, list(response.headers), response.body or b"")
        return self._send(ends, time_ns, "machine", data)

    def message(self, ends: Ends, time_ns: int, sender: Sender, data: bytes, *, is_text: bool) -> bool:
        """Write a message of a WebSocket. Its connection may have begun before the recording did."""
        self._tcp.open_in_the_middle(ends.number)
        return self._send(ends, time_ns, sender, websocket_frame(data, is_text=is_text, is_masked=sender == "app"))

    def _send(self, ends: Ends, time_ns: int, sender: Sender, data: bytes) -> bool:
        self._tcp.send(ends.number, time_ns, ends.app, ends.machine, data, is_from_app=sender == "app")
        return True
