"""Bluetooth made by hand: what app and machine say in ATT, in every file that has it."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from lmdecode.capture import CaptureStatistics, decode_capture
from lmdecode.codec.dialect import OwnerAccess
from lmdecode.codec.record import Record, Sender
from lmdecode.codec.speakers import Speakers
from tests.capture.building import enhanced, interface, pcap, section

START_US = 1_795_229_755_174_158
EPOCH_US = 0x00DCDDB30F2F8000
PHONE = bytes.fromhex("2c1b0a32a6dc")
MACHINE = bytes.fromhex("563412962bc8")
ACCESS = b"\x9a\x12\x65\xaf"
SUFFIX = bytes.fromhex("7847e12b09a8b04b8e0922a9abab")
READ, COMMAND, TOKEN, EVENTS, SUBSCRIBE = 0x29, 0x2B, 0x2D, 0x2F, 0x30
SECRET = b"0123456789abcdef" * 4


class Said(NamedTuple):
    """An ATT PDU."""

    time_us: int
    sender: Sender
    pdu: bytes


def uuid(short: str) -> bytes:
    return (bytes.fromhex(short) + SUFFIX)[::-1]


def write(handle: int, value: bytes) -> bytes:
    return struct.pack("<BH", 0x12, handle) + value


def read(handle: int) -> bytes:
    return struct.pack("<BH", 0x0A, handle)


def notify(values: dict[str, object] | bytes, handle: int = EVENTS) -> bytes:
    data = values if isinstance(values, bytes) else json.dumps(values).encode()
    return struct.pack("<BH", 0x1B, handle) + data


def declarations() -> bytes:
    """The machine's answer to a search for characteristics."""
    rows = ((READ, "0a0b"), (COMMAND, "0b0b"), (TOKEN, "0d0b"), (EVENTS, "0e0b"))
    return b"\x09\x15" + b"".join(struct.pack("<HBH", handle - 1, 10, handle) + uuid(name) for handle, name in rows)


DISCOVERY: Sequence[tuple[Sender, bytes]] = (
    ("app", b"\x02\x05\x02"),
    ("machine", b"\x03\xf7\x00"),
    ("app", struct.pack("<BHHH", 8, 0x28, 0x32, 0x2803)),
    ("machine", declarations()),
    ("app", struct.pack("<BHH", 4, 0x30, 0x32)),
    ("machine", struct.pack("<BBHH", 5, 1, 0x30, 0x2902)),
)
TALK: Sequence[tuple[Sender, bytes]] = (
    ("app", write(TOKEN, SECRET)),
    ("machine", b"\x13"),
    ("app", read(TOKEN)),
    ("machine", b"\x0b\x01"),
    ("app", write(SUBSCRIBE, b"\1\0")),
    ("machine", b"\x13"),
    ("machine", notify({"Sleep": "command"})),
    ("app", write(READ, b"machineMode\0")),
    ("machine", b"\x13"),
    ("app", read(READ)),
    ("machine", b'\x0b"BrewingMode"\0'),
    ("app", write(COMMAND, b'{"name":"MachineChangeMode","parameter":{"mode":"StandBy"}}\0')),
    ("machine", b"\x13"),
    ("app", read(COMMAND)),
    ("machine", b'\x0b{"id":"1","message":"Success","status":"success"}\0'),
    ("machine", notify({"CoffeeBoiler1UpdateTemperature": 92})),
)


def said(pdus: Iterable[tuple[Sender, bytes]] = (*DISCOVERY, *TALK), every_us: int = 50_000) -> list[Said]:
    return [Said(START_US + number * every_us, sender, pdu) for number, (sender, pdu) in enumerate(pdus)]


def event(code: int, parameters: bytes) -> bytes:
    return bytes((4, code, len(parameters))) + parameters


def connected(handle: int = 0x40, where: bytes = MACHINE, role: int = 0) -> bytes:
    return event(0x3E, struct.pack("<BBHBB6sHHHB", 1, 0, handle, role, 0, where, 24, 0, 500, 0))


def advertised(name: str, where: bytes = MACHINE) -> bytes:
    data = bytes((len(name) + 1, 9)) + name.encode()
    return event(0x3E, bytes((2, 1, 0, 0)) + where + bytes((len(data),)) + data + b"\xc4")


def acl(pdu: bytes, *, sent: bool, handle: int = 0x40, size: int = 27) -> list[bytes]:
    """The fragments of a PDU, in packets of H4."""
    whole = struct.pack("<HH", len(pdu), 4) + pdu
    pieces = [whole[at : at + size] for at in range(0, len(whole), size)]
    return [
        struct.pack("<BHH", 2, handle | (1 if number else 0 if sent else 2) << 12, len(piece)) + piece
        for number, piece in enumerate(pieces)
    ]


class Hci(NamedTuple):
    """A packet of a host's log."""

    time_us: int
    is_sent: bool
    data: bytes
    """H4."""


def hci(talk: Sequence[Said], *, begins: bool = True, size: int = 27, handle: int = 0x40) -> list[Hci]:
    packets = [Hci(START_US - 10, False, connected(handle))] if begins else []
    for time_us, sender, pdu in talk:
        sent = sender == "app"
        packets += [Hci(time_us, sent, data) for data in acl(pdu, sent=sent, handle=handle, size=size)]
    return packets


def btsnoop(packets: Sequence[Hci], kind: int = 1002) -> bytes:
    rows = [struct.pack(">8sII", b"btsnoop\0", 1, kind)]
    for time_us, is_sent, data in packets:
        flags = (not is_sent) | (2 if data[0] in {1, 4} else 0)
        if kind == 1001:
            data = data[1:]  # noqa: PLW2901
        elif kind == 2001:
            flags = {1: 2, 4: 3, 2: 4 if is_sent else 5}[data[0]]
            data = data[1:]  # noqa: PLW2901
        rows.append(struct.pack(">IIIIQ", len(data), len(data), flags, 0, EPOCH_US + time_us) + data)
    return b"".join(rows)


def packet_logger(packets: Sequence[Hci], order: str = ">") -> bytes:
    rows = [struct.pack(f"{order}IIIB", 9 + 4, START_US // 10**6, 0, 0xFC) + b"note"]
    for time_us, is_sent, data in packets:
        kind = {1: 0, 4: 1, 2: 2 if is_sent else 3}[data[0]]
        rows.append(struct.pack(f"{order}IIIB", 9 + len(data) - 1, *divmod(time_us, 10**6), kind) + data[1:])
    return b"".join(rows)


def as_link_type(link_type: int, packets: Sequence[Hci]) -> list[tuple[int, bytes]]:
    """The packets as pcap has them, with their times in microseconds."""
    found = []
    for time_us, is_sent, data in packets:
        if link_type == 201:
            data = struct.pack(">I", not is_sent) + data  # noqa: PLW2901
        elif link_type == 254:
            data = struct.pack(">HH", 0, {1: 2, 4: 3, 2: 4 if is_sent else 5}[data[0]]) + data[1:]  # noqa: PLW2901
        found.append((time_us, data))
    return found


class Air(NamedTuple):
    """A packet of the link layer."""

    time_us: int
    sender: Sender
    access: bytes
    pdu: bytes


def connect_request() -> Air:
    body = PHONE + MACHINE + ACCESS + bytes(18)
    return Air(START_US - 3_000, "app", b"\xd6\xbe\x89\x8e", bytes((0x05, len(body))) + body)


def air(talk: Sequence[Said], *, size: int = 27) -> list[Air]:
    """Two sides that take turns: in each event of the connection one packet of each, often an empty one."""
    packets: list[Air] = []
    numbers = {"app": 0, "machine": 0}

    def add(time_us: int, sender: Sender, kind: int, body: bytes) -> None:
        header = kind | numbers[sender] << 3
        numbers[sender] ^= 1
        packets.append(Air(time_us, sender, ACCESS, bytes((header, len(body))) + body))

    for time_us, sender, pdu in talk:
        whole = struct.pack("<HH", len(pdu), 4) + pdu
        for number, at in enumerate(range(0, len(whole), size)):
            piece, kind = whole[at : at + size], 1 if at else 2
            now = time_us + number * 1_200
            mine, other = (piece, b"") if sender == "app" else (b"", piece)
            add(now, "app", kind if mine else 1, mine)
            add(now + (len(mine) + 10) * 8 + 150, "machine", kind if other else 1, other)
    return packets


def as_air(link_type: int, packets: Sequence[Air]) -> list[tuple[int, bytes]]:
    found = []
    for time_us, sender, access, pdu in packets:
        data = access + pdu + b"\0\0\0"
        if link_type == 256:
            kind = 0 if access[0] == 0xD6 else 2 if sender == "app" else 3
            data = struct.pack("<BbbBIH", 7, -60, -90, 0, 0, 0x0C03 | kind << 7) + data
        elif link_type == 272:
            header = struct.pack("<BBBBHI", 10, 1 | (2 if sender == "app" else 0), 7, 60, 0, 0)
            kind = 2 if access[0] == 0xD6 else 6
            data = struct.pack("<BHBHB", 1, len(header) + len(data), 3, 0, kind) + header + data
        found.append((time_us, data))
    return found


def as_pcap(link_type: int, packets: Sequence[tuple[int, bytes]]) -> bytes:
    return pcap([(time_us * 1000, data) for time_us, data in packets], link_type=link_type)


def as_pcapng(link_type: int, packets: Sequence[tuple[int, bytes]]) -> bytes:
    return section() + interface(link_type) + b"".join(enhanced(0, time_us, data) for time_us, data in packets)


def speakers(handles: dict[int, str] | None = None, *, show_secrets: bool = False) -> Speakers:
    return Speakers.open(OwnerAccess(show_secrets=show_secrets, handles=handles or {}))


def decoded(
    path: Path, data: bytes, statistics: CaptureStatistics | None = None, handles: dict[int, str] | None = None
) -> list[Record]:
    """What comes of a file."""
    path.write_bytes(data)
    return list(decode_capture(path, speakers(handles), statistics=statistics))
