"""Captures made by hand, byte by byte, so that they do not depend on the code under test or on scapy."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Callable, Collection, Iterable
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Literal, Self

from Crypto.Cipher import AES

from lmdecode.capture import CaptureStatistics, decode_capture
from lmdecode.capture.net.packet import ACK, FIN, PSH, SYN, Endpoint, Segment
from lmdecode.codec.dialect import Tally
from lmdecode.codec.record import Record, Sender
from lmdecode.codec.v1 import speakers_with
from lmdecode.codec.v1.decoder import FrameDecoder
from lmdecode.codec.v1.key import Key

KEY_TEXT = "12345678901234567890123456789012"
CAPTURES = Path(__file__).parents[2] / "captures"
SECOND = 1_000_000_000
START_NS = 1_700_000_000 * SECOND

APP = Endpoint("192.168.1.150", 36364)
MACHINE = Endpoint("192.168.1.215", 1774)
APP6 = Endpoint("fe80::1", 36364)
MACHINE6 = Endpoint("fe80::2", 1774)


Order = Literal["<", ">"]
"""A file's byte order, as in `struct`."""


def new_decoder(*, show_secrets: bool = False) -> FrameDecoder:
    return FrameDecoder(Key.parse(KEY_TEXT), show_secrets=show_secrets)


@cache
def seal(plaintext: str) -> bytes:
    """A frame, made with an ordinary CBC cipher."""
    data = plaintext.encode()
    data += bytes(-len(data) % 16)
    return b"@" + base64.b64encode(AES.new(KEY_TEXT.encode(), AES.MODE_CBC, bytes(16)).encrypt(data)) + b"%"


def unseal(frame: bytes) -> str:
    ciphertext = base64.b64decode(frame[1:-1])
    return AES.new(KEY_TEXT.encode(), AES.MODE_CBC, bytes(16)).decrypt(ciphertext).rstrip(b"\0").decode()


def message(body: str) -> str:
    return f"{body}{sum(body.encode()) & 0xFF:02X}"


def report(number: int) -> str:
    """A machine's report that no other number makes."""
    return message(f"R401C0004{number & 0xFFFF:04X}04D8")


ASK = message("R40000020")


def tcp(segment: Segment, options: bytes = b"") -> bytes:
    options += bytes(-len(options) % 4)
    offset = (20 + len(options)) // 4 << 4
    return (
        struct.pack(
            "!HHIIBBHHH",
            segment.source.port,
            segment.destination.port,
            segment.seq & 0xFFFFFFFF,
            segment.ack & 0xFFFFFFFF,
            offset,
            segment.flags,
            512,
            0,
            0,
        )
        + options
        + segment.payload
    )


def ipv4(
    segment: Segment,
    payload: bytes | None = None,
    *,
    options: bytes = b"",
    identification: int = 1,
    fragment: int = 0,
    total_length: int | None = None,
) -> bytes:
    payload = tcp(segment) if payload is None else payload
    header_length = 20 + len(options)
    total_length = header_length + len(payload) if total_length is None else total_length
    return (
        struct.pack(
            "!BBHHHBBH4s4s",
            0x40 | header_length // 4,
            0,
            total_length,
            identification,
            fragment,
            64,
            6,
            0,
            ip_address(segment.source.host).packed,
            ip_address(segment.destination.host).packed,
        )
        + options
        + payload
    )


def ipv6(
    segment: Segment, payload: bytes | None = None, *, following: int = 6, payload_length: int | None = None
) -> bytes:
    payload = tcp(segment) if payload is None else payload
    return (
        struct.pack(
            "!IHBB16s16s",
            6 << 28,
            len(payload) if payload_length is None else payload_length,
            following,
            64,
            ip_address(segment.source.host).packed,
            ip_address(segment.destination.host).packed,
        )
        + payload
    )


def ip(segment: Segment) -> bytes:
    return ipv6(segment) if ":" in segment.source.host else ipv4(segment)


def ether_type(segment: Segment) -> bytes:
    return b"\x86\xdd" if ":" in segment.source.host else b"\x08\x00"


def ethernet(segment: Segment, packet: bytes | None = None, tags: bytes = b"") -> bytes:
    return bytes(12) + tags + ether_type(segment) + (ip(segment) if packet is None else packet)


def pcap(
    packets: Iterable[tuple[int, bytes]],
    *,
    link_type: int = 1,
    order: Order = "<",
    nanoseconds: bool = False,
    snap: int | None = None,
) -> bytes:
    """A pcap file out of (time_ns, data); with `snap` every packet is cut to so many bytes."""
    magic = 0xA1B23C4D if nanoseconds else 0xA1B2C3D4
    parts = [struct.pack(f"{order}IHHIIII", magic, 2, 4, 0, 0, 262144, link_type)]
    for time_ns, data in packets:
        seconds, rest = divmod(time_ns, SECOND)
        kept = data if snap is None else data[:snap]
        header = struct.pack(f"{order}IIII", seconds, rest if nanoseconds else rest // 1000, len(kept), len(data))
        parts.append(header + kept)
    return b"".join(parts)


def block(kind: int, body: bytes, order: Order = "<") -> bytes:
    body += bytes(-len(body) % 4)
    length = struct.pack(f"{order}I", len(body) + 12)
    return struct.pack(f"{order}I", kind) + length + body + length


def option(code: int, value: bytes, order: Order = "<") -> bytes:
    return struct.pack(f"{order}HH", code, len(value)) + value + bytes(-len(value) % 4)


def section(order: Order = "<") -> bytes:
    return block(0x0A0D0D0A, struct.pack(f"{order}IHHq", 0x1A2B3C4D, 1, 0, -1), order)


def interface(link_type: int = 1, options: bytes = b"", order: Order = "<") -> bytes:
    end = option(0, b"", order) if options else b""
    return block(1, struct.pack(f"{order}HHI", link_type, 0, 0) + options + end, order)


def enhanced(number: int, ticks: int, data: bytes, order: Order = "<", original_length: int | None = None) -> bytes:
    size = len(data) if original_length is None else original_length
    head = struct.pack(f"{order}IIIII", number, ticks >> 32, ticks & 0xFFFFFFFF, len(data), size)
    return block(6, head + data, order)


class Talk:
    """A connection that runs as it should: each call adds the segments of one step.

    Args:
        app: Its end.
        machine: The other.
        seqs: The first sequence numbers (those of the SYNs) of app and machine.
        time_ns: Of the first segment; each comes a millisecond after the one before.
    """

    def __init__(
        self,
        app: Endpoint = APP,
        machine: Endpoint = MACHINE,
        seqs: tuple[int, int] = (1000, 5000),
        time_ns: int = START_NS,
    ) -> None:
        self.ends: dict[Sender, Endpoint] = {"app": app, "machine": machine}
        self.seqs: dict[Sender, int] = {"app": seqs[0], "machine": seqs[1]}
        self.time_ns = time_ns
        self.segments: list[Segment] = []

    def add(self, sender: Sender, flags: int, payload: bytes = b"", missing: int = 0) -> Self:
        other: Sender = "machine" if sender == "app" else "app"
        ack = self.seqs[other] & 0xFFFFFFFF if flags & ACK else 0
        self.segments.append(
            Segment(
                self.time_ns,
                self.ends[sender],
                self.ends[other],
                flags,
                self.seqs[sender] & 0xFFFFFFFF,
                ack,
                payload,
                missing,
            )
        )
        self.time_ns += SECOND // 1000
        self.seqs[sender] += len(payload) + missing + bool(flags & (SYN | FIN))
        return self

    def open(self) -> Self:
        return self.add("app", SYN).add("machine", SYN | ACK).add("app", ACK)

    def send(self, sender: Sender, payload: bytes, *, acked: bool = True) -> Self:
        self.add(sender, PSH | ACK, payload)
        return self.add("machine" if sender == "app" else "app", ACK) if acked else self

    def close(self) -> Self:
        return self.add("app", FIN | ACK).add("machine", FIN | ACK).add("app", ACK)

    def idle(self, seconds: float) -> Self:
        self.time_ns += int(seconds * SECOND)
        return self


def talk(reports: int = 3, **about: Any) -> Talk:
    """A whole connection: one request, reports, the end."""
    made = Talk(**about).open().send("app", seal(ASK))
    for number in range(reports):
        made.send("machine", seal(report(number)))
    return made.close()


def packets(segments: Iterable[Segment], wrap: Callable[[Segment], bytes] = ethernet) -> list[tuple[int, bytes]]:
    return [(segment.time_ns, wrap(segment)) for segment in segments]


def decode(path: Path, data: bytes | None = None, **arguments: Any) -> tuple[list[Record], CaptureStatistics, Tally]:
    """Records, statistics and tally of a file, which is written first if there is data."""
    if data is not None:
        path.write_bytes(data)
    statistics = CaptureStatistics()
    speakers = speakers_with(new_decoder(), arguments.pop("port", None))
    records = list(decode_capture(path, speakers, statistics=statistics, **arguments))
    return records, statistics, statistics.tallies.total()


def told(records: Iterable[Record]) -> list[tuple[Sender, str | None]]:
    return [(record.sender, record.plaintext) for record in records]


def exported(
    segments: Iterable[Segment],
    *,
    iso: bool = False,
    colons: bool = True,
    raw: bool = True,
    payload: str = "tcp.payload",
    lacking: Collection[str] = (),
) -> bytes:
    """The segments as tshark's JSON export has them."""
    items = []
    for segment in segments:
        seconds, rest = divmod(segment.time_ns, SECOND)
        time = f"{seconds}.{rest:09}"
        if iso:
            from datetime import UTC, datetime

            time = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{rest:09}Z"
        six = ":" in segment.source.host
        layer = "ipv6" if six else "ip"
        fields = {
            "tcp.srcport": str(segment.source.port),
            "tcp.dstport": str(segment.destination.port),
            "tcp.len": str(len(segment.payload) + segment.missing),
            "tcp.seq": str(segment.seq),
            "tcp.ack": str(segment.ack),
            "tcp.flags": f"0x{segment.flags:04x}",
        }
        if raw:
            fields |= {"tcp.seq_raw": fields["tcp.seq"], "tcp.ack_raw": fields["tcp.ack"], "tcp.seq": "1"}
        layers = {
            "frame": {
                "frame.time_epoch": time,
                "frame.len": "200",
                "frame.cap_len": "100" if segment.missing else "200",
            },
            layer: {f"{layer}.src": segment.source.host, f"{layer}.dst": segment.destination.host},
            "tcp": fields,
        }
        if segment.payload:
            digits = segment.payload.hex(":") if colons else segment.payload.hex()
            if payload == "tcp.payload":
                fields[payload] = digits
            elif payload == "data.data":
                layers["data"] = {payload: digits}
        for name in lacking:
            for holder in layers.values():
                holder.pop(name, None)
        items.append({"_index": "packets", "_source": {"layers": layers}})
    return json.dumps(items, indent=2).encode()


def as_bom_utf16(data: bytes) -> bytes:
    """As PowerShell writes what is redirected to a file."""
    return b"\xff\xfe" + data.decode().encode("utf-16-le")
