"""Makes the captures of the benchmark: always the same ones, since all chance in them has a fixed seed.

- *dense*: app and machine talk without a pause; the answers hold random values, each legal for its register, so that no
  cache of messages can help. Its twin's answers are random bytes, as a firmware that nobody knows may send them: two
  of five hold a value that no register of theirs allows.
- *haystack*: the same talk, thinly strewn into a household's other traffic.
- *fleet*: many captures of such talk, each of a day of its own.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from lmdecode.codec.record import Kind
from lmdecode.codec.v1.framing import wrap
from lmdecode.codec.v1.key import Key, encrypt
from lmdecode.codec.v1.memory_map import REGISTERS
from lmdecode.codec.v1.message import Message, build
from lmdecode.codec.v1.register import Register

KEY_TEXT = "12345678901234567890123456789012"
APP, MACHINE = bytes((192, 168, 1, 150)), bytes((192, 168, 1, 215))
START_US = 1_795_229_755_000_000
WINDOWS = (
    (0x4000, 0x23),
    (0x0000, 0x1F),
    (0x401C, 0x04),
    (0x0310, 0x1D),
    (0x401C, 0x04),
    (0x0020, 0x2C),
    (0x401C, 0x04),
    (0x0050, 0x18),
    (0x0300, 0x07),
    (0x4022, 0x01),
)
_FILE_HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
_RECORD = struct.Struct("<IIII")


def make_dense(path: Path, frames: int, *, legal: bool = True) -> None:
    """Write a capture of `frames` frames, half of them requests and half answers, one a packet.

    Args:
        path: Of the capture.
        frames: How many.
        legal: Whether each value is legal for its register; if not, the answers are wholly random.
    """
    with path.open("wb") as file:
        file.write(_FILE_HEADER)
        for number, packet in enumerate(_talk(frames, legal=legal)):
            file.write(_record(START_US + 500 * number, packet))


def make_fleet(folder: Path, captures: int, frames: int) -> None:
    """Write a folder of captures of `frames` frames each, one for each day, back from the dense capture's.

    All have one key. No two captures are the same, but every tenth has the same talk on another day: to make up all of
    it anew would take minutes.
    """
    folder.mkdir()
    talks = [list(_talk(frames, seed=1775 + number)) for number in range(min(captures, 10))]
    for number in range(captures):
        start_us = START_US - 86_400_000_000 * number
        with (folder / f"day-{number:04}.pcap").open("wb") as file:
            file.write(_FILE_HEADER)
            for place, packet in enumerate(talks[number % len(talks)]):
                file.write(_record(start_us + 500_000 * place, packet))


def make_haystack(path: Path, packets: int, frames: int) -> None:
    """Write a capture of `packets` packets of a household, `frames` of which are frames of the protocol."""
    chance = random.Random(828)
    talk = _talk(frames)
    every = packets // frames
    others = [_other(chance) for _ in range(997)]
    with path.open("wb", buffering=1 << 20) as file:
        file.write(_FILE_HEADER)
        for number in range(packets):
            packet = next(talk, others[0]) if number % every == 0 else others[number % 997]
            file.write(_record(START_US + 4000 * number, packet))


def _talk(frames: int, *, legal: bool = True, seed: int = 1774) -> Iterator[bytes]:
    key = Key.parse(KEY_TEXT)
    chance = random.Random(seed)
    sent = {APP: 1000, MACHINE: 5000}
    for number in range(frames):
        address, length = WINDOWS[number // 2 % len(WINDOWS)]
        data = None
        if number % 2:
            data = _memory(chance, address, length) if legal else chance.randbytes(length)
        payload = wrap(encrypt(key, build(Message(Kind.READ, address, length, data))))
        source, destination = (MACHINE, APP) if number % 2 else (APP, MACHINE)
        ports = (1774, 36364) if number % 2 else (36364, 1774)
        yield _tcp(source, destination, ports, sent[source], sent[destination], payload)
        sent[source] += len(payload)


def _memory(chance: random.Random, address: int, length: int) -> bytes:
    """Random bytes that are legal where a register says what is."""
    memory = bytearray(chance.randbytes(length))
    for row in reversed(REGISTERS):  # a whole clock comes before its parts in the map, so here after them
        start = row.address - address
        if start >= 0 and start + row.size <= length and row.name is not None:
            memory[start : start + row.size] = _value(chance, row)
    return bytes(memory)


def _value(chance: random.Random, row: Register) -> bytes:
    if row.name == "clock":
        moment = datetime(2026, 1, 1) + timedelta(seconds=chance.randrange(365 * 86400))  # noqa: DTZ001 -- of no zone
        return row.type.encode(moment.isoformat())
    if row.minimum is not None and row.maximum is not None:
        steps = int((row.maximum - row.minimum) / (row.type.step or 1))
        return row.type.encode(row.minimum + chance.randrange(steps + 1) * (row.type.step or 1))
    if row.type.name == "enum":
        return row.type.encode(chance.choice(row.type.words))
    if row.type.json == "boolean":
        return bytes([chance.randrange(2)])
    if row.type.json == "string" and row.size > 1:
        return bytes(chance.choices(b"ABCDEF0123456789", k=row.size))
    return chance.randbytes(row.size)


def _tcp(source: bytes, destination: bytes, ports: tuple[int, int], seq: int, ack: int, payload: bytes) -> bytes:
    tcp = struct.pack(">HHIIBBHHH", *ports, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, 0x50, 0x18, 1000, 0, 0)
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 40 + len(payload), 1, 0, 64, 6, 0, source, destination)
    return b"\x02\0\0\0\0\x01\x02\0\0\0\0\x02\x08\0" + ip + tcp + payload


def _other(chance: random.Random) -> bytes:
    """A packet of somebody else's: mostly HTTPS, of the sizes that it has."""
    size = chance.choices((0, chance.randrange(40, 600), 1448), weights=(40, 30, 30))[0]
    host = bytes((chance.randrange(1, 224), *chance.randbytes(3)))
    ports = (443, chance.randrange(32768, 61000))
    return _tcp(host, APP, ports, chance.getrandbits(32), chance.getrandbits(32), chance.randbytes(size))


def _record(time_us: int, packet: bytes) -> bytes:
    return _RECORD.pack(time_us // 1_000_000, time_us % 1_000_000, len(packet), len(packet)) + packet
