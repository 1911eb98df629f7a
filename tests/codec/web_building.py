"""What tests of HTTP/1.1 and WebSocket in bytes are made of."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Sequence

from lmdecode.codec.dialect import RECORDS, Conversation, OwnerAccess, Place, Tally
from lmdecode.codec.record import Record, Sender
from lmdecode.codec.v3.conversation import speaker

Said = tuple[Sender, bytes]

CONFIG = b"GET /api/v1/config HTTP/1.1\r\nHost: 192.168.1.215:8081\r\nAuthorization: Bearer of-the-machine\r\n\r\n"
UPGRADE = (
    b"GET /api/v1/streaming HTTP/1.1\r\nHost: 192.168.1.215:8081\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
TEMPERATURES = b'[{"CoffeeBoiler1UpdateTemperature":93.5},{"SteamBoilerUpdateTemperature":128.0}]'


def new_conversation(access: OwnerAccess | None = None) -> tuple[Conversation[Record], Tally]:
    tally = Tally()
    return speaker(access or OwnerAccess()).conversation(RECORDS, Place(), tally), tally


def heard(*said: Said, access: OwnerAccess | None = None) -> list[Record]:
    """Everything that is made of what both sides say, a second apart."""
    conversation, _ = new_conversation(access)
    records: list[Record] = []
    for number, (sender, data) in enumerate(said):
        records += conversation.receive(number * 1_000_000_000, sender, data)
    return [*records, *conversation.close(len(said) * 1_000_000_000)]


def answer(body: bytes, *headers: bytes, status: bytes = b"200 OK") -> bytes:
    known = headers or (b"Content-Length: %d" % len(body), b"Content-Type: application/json")
    return b"\r\n".join((b"HTTP/1.1 " + status, *known, b"", body))


def frame(payload: bytes, opcode: int = 1, *, final: bool = True, mask: bytes = b"", rsv1: bool = False) -> bytes:
    """A frame of a WebSocket, made by hand."""
    first = (0x80 if final else 0) | (0x40 if rsv1 else 0) | opcode
    masked = 0x80 if mask else 0
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", first, masked | size)
    elif size < 1 << 16:
        head = struct.pack("!BBH", first, masked | 126, size)
    else:
        head = struct.pack("!BBQ", first, masked | 127, size)
    if mask:
        payload = bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
    return head + mask + payload


def deflater(*, takeover: bool = True) -> Callable[[bytes], bytes]:
    """What compresses one message after another, as RFC 7692 says."""

    def fresh() -> zlib._Compress:
        return zlib.compressobj(9, zlib.DEFLATED, -15)

    kept = fresh()

    def deflate(message: bytes) -> bytes:
        packer = kept if takeover else fresh()
        return (packer.compress(message) + packer.flush(zlib.Z_SYNC_FLUSH)).removesuffix(b"\0\0\xff\xff")

    return deflate


def told(records: Sequence[Record]) -> list[tuple[object, ...]]:
    """What Records say, without their times."""
    return [
        (record.sender, record.subject, record.plaintext, tuple(record.fields.items()), record.raw, record.problems)
        for record in records
    ]
