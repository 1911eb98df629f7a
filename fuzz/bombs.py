"""Captures that are made to fill memory, time or disk: the worst that is known of each part of the decode path.

Each bomb is a generator of bytes that can go on for as long as anybody likes. `measure` has the program decode so many
megabytes of one, as a user would, and compares what that took with what a decode may take, whatever it is given:

- memory: `MOST_MEMORY`, with the interpreter and all that it loads. Limits that hold for each connection, packet or
  item do not sum up to a limit, so each bomb fills as many of these as it can.
- time: a second of the processor's time for each megabyte, so that nothing is quadratic.
- output: `MOST_OUTPUT` bytes for each byte of input. The shortest message there is has 26 bytes, and makes a Record of
  some hundred.

`python -m fuzz.bombs` measures all of them.
"""

from __future__ import annotations

import argparse
import base64
import os
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Final, NamedTuple

from tests.capture.building import KEY_TEXT, block, message, seal, section

MOST_MEMORY: Final = 300
"""Megabytes of resident memory."""
MOST_SECONDS: Final = 1.0
"""For each megabyte of input."""
MOST_OUTPUT: Final = 30
"""Bytes for each byte of input."""
_START_SECONDS: Final = 2.0  # what starting takes, on a slow machine under load
_SMALL_OUTPUT: Final = 100_000

Bomb = Callable[[], Iterator[bytes]]

_APP, _MACHINE = bytes((192, 168, 1, 150)), bytes((192, 168, 1, 215))
_PORT: Final = 1774


def ip(payload: bytes, *, protocol: int = 6, place: int = 0, number: int = 1, total: int | None = None) -> bytes:
    """Return an Ethernet frame with an IPv4 packet from app to machine."""
    size = 20 + len(payload) if total is None else total
    header = struct.pack("!BBHHHBBH", 0x45, 0, size, number & 0xFFFF, place, 64, protocol, 0)
    return bytes(12) + b"\x08\x00" + header + _APP + _MACHINE + payload


def tcp(payload: bytes, seq: int, *, port: int = 40_000, flags: int = 0x18, ack: int = 1) -> bytes:
    """Return an Ethernet frame with a segment of the app's."""
    header = struct.pack("!HHIIBBHHH", port, _PORT, seq & 0xFFFFFFFF, ack, 0x50, flags, 512, 0, 0)
    return ip(header + payload)


def answer(payload: bytes, seq: int, *, port: int = 40_000, ack: int = 1) -> bytes:
    """Return an Ethernet frame with a segment of the machine's."""
    header = struct.pack("!HHIIBBHHH", _PORT, port, seq & 0xFFFFFFFF, ack, 0x50, 0x18, 512, 0, 0) + payload
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(header), 1, 0, 64, 6, 0)
    return bytes(12) + b"\x08\x00" + head + _MACHINE + _APP + header


def pcap(packets: Iterator[bytes]) -> Iterator[bytes]:
    """Return the pieces of a pcap file."""
    yield struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 1 << 18, 1)
    for number, packet in enumerate(packets):
        yield struct.pack("<IIII", 1_700_000_000, number & 0xFFFFF, len(packet), len(packet)) + packet


def pcapng(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Return the pieces of a pcapng file."""
    yield section()
    yield from blocks


def stream_of(filler: bytes) -> Bomb:
    """Return a bomb of one connection whose app says the same bytes again and again."""
    size = 60_000
    piece = (filler * (size // len(filler) + 1))[: size // len(filler) * len(filler)]

    def bomb() -> Iterator[bytes]:
        return pcap(tcp(piece, 1 + number * len(piece)) for number in count())

    return bomb


def unfinished_frames() -> Iterator[bytes]:
    """Thousands of connections, each inside a long frame, in both directions."""
    piece = b"@" + b"A" * 60_000
    return pcap(
        (tcp if number % 2 else answer)(
            piece if round_ == 0 else piece[1:], 1 + round_ * 60_001, port=1024 + number // 2
        )
        for round_ in range(4)
        for number in range(8000)
    )


def bytes_beyond_holes() -> Iterator[bytes]:
    """Thousands of connections that wait for the byte before what they have."""
    return pcap(
        tcp(bytes(60_000), 100_000 + round_ * 70_000, port=1024 + number)
        for round_ in range(16)
        for number in range(4000)
    )


def single_bytes_beyond_holes() -> Iterator[bytes]:
    """The same with pieces of one byte, of which each has its own object."""
    return pcap(
        tcp(b"x", 100_000 + round_ * 2, port=1024 + number % 4000, flags=0x18)
        for round_ in count()
        for number in range(4000)
    )


def lost_ranges() -> Iterator[bytes]:
    """Connections that lose every other byte, and whose other side has them all."""
    for_each = (
        packet
        for round_ in count()
        for number in range(4000)
        for packet in (
            tcp(b"x", 100_000 + round_ * 3, port=1024 + number),
            answer(b"", 1, port=1024 + number, ack=100_001 + round_ * 3),
        )
    )
    return pcap(for_each)


def requests_without_an_answer() -> Iterator[bytes]:
    """Thousands of connections on which the app asks and asks."""
    frame = seal(message("R40000020"))
    return pcap(tcp(frame, 1 + round_ * len(frame), port=1024 + number) for round_ in count() for number in range(4000))


def damaged_answers_to_secrets() -> Iterator[bytes]:
    """A thousand open requests, and answers of which each may be to one of them."""
    asked = [seal(message(f"R{address:04X}0001")) for address in range(1024)]
    damaged = base64.b64encode(bytes(16))
    piece = (b"@" + damaged + b"%") * 2300

    def packets() -> Iterator[bytes]:
        position = 1
        for frame in asked:
            yield tcp(frame, position)
            position += len(frame)
        for number in count():
            yield answer(piece, 1 + number * len(piece), ack=position)

    return pcap(packets())


def connections() -> Iterator[bytes]:
    """A new connection with each packet."""
    return pcap(tcp(b"", 1000 * number, port=number & 0xFFFF, flags=2) for number in count())


def copies() -> Iterator[bytes]:
    """Connections of the same ports and numbers from everywhere: each may be a copy of all before."""

    def packets() -> Iterator[bytes]:
        for number in count():
            packet = bytearray(tcp(b"%016d" % number, 1))
            packet[26:30] = number.to_bytes(4, "big")
            yield bytes(packet)

    return pcap(packets())


def fragments() -> Iterator[bytes]:
    """Packets in pieces that overlap, and of which the last never comes."""
    return pcap(ip(bytes(60_000), place=0x2000 | number % 1000, number=number // 1000) for number in count())


def small_fragments() -> Iterator[bytes]:
    """Fragments of eight bytes, of many packets."""
    return pcap(ip(bytes(8), place=0x2000 | number % 8000, number=number // 8000) for number in count())


def large_blocks() -> Iterator[bytes]:
    """Blocks of no known kind, nearly as large as they may be."""
    size = 60 << 20

    def blocks() -> Iterator[bytes]:
        while True:
            yield struct.pack("<II", 0x0BAD, size)
            for _ in range(1, size >> 16):
                yield bytes(1 << 16)
            yield bytes((1 << 16) - 12)
            yield struct.pack("<I", size)

    return pcapng(blocks())


def interfaces() -> Iterator[bytes]:
    """A section with an interface in each block, all different."""
    return pcapng(block(1, struct.pack("<HHI", 1, 0, number & 0xFFFFFFFF)) for number in count())


def layers() -> Iterator[bytes]:
    """Frames of nothing but VLAN tags."""
    return pcap(bytes(12) + b"\x81\x00\x00\x01" * 16_000 + _PORT.to_bytes(2, "big") for _ in count())


def extensions() -> Iterator[bytes]:
    """IPv6 packets of nothing but extension headers."""
    chain = b"\x3c\x00" + bytes(6)
    packet = bytes(12) + b"\x86\xdd\x60\0\0\0\xff\xf8\x3c\x40" + bytes(32) + chain * 8000
    return pcap(packet for _ in count())


def json_of(start: bytes, again: bytes) -> Bomb:
    """Return a bomb of JSON text: a start, and then the same again and again."""

    def bomb() -> Iterator[bytes]:
        yield start
        piece = again * (65_536 // len(again) + 1)
        while True:
            yield piece

    return bomb


def pieces_of(header: bytes, between: bytes = b"") -> Bomb:
    """Return a bomb of captures behind one another, with the same between them."""

    def bomb() -> Iterator[bytes]:
        while True:
            yield (header + between) * 1000

    return bomb


_PCAP_HEADER: Final = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 1 << 18, 1)
_EXPORTED: Final = (
    b'[{"_source":{"layers":{"frame":{"frame.time_epoch":"1.0"},"ip":{"ip.src":"10.0.0.1","ip.dst":"10.0.0.2"},"tcp":'
    b'{"tcp.srcport":"40000","tcp.dstport":"1774","tcp.len":"0","tcp.flags":"0x2","tcp.seq_raw":"1","tcp.ack_raw":"0"}}'
    b"}}"
)
_PACKET: Final = b'[\n  {\n    "_index": "packets",\n    "_source": {\n      "layers": {\n'

_LINE: Final = b"DEBUG [lmdirect.connection] Message=40000020, Data=01\n"

BOMBS: Final[dict[str, Bomb]] = {
    "frame starts": stream_of(b"@"),
    "empty frames": stream_of(b"@%"),
    "short frames": stream_of(b"@abc%"),
    "short unfinished frames": stream_of(b"@a"),
    "junk": stream_of(b"\xff"),
    "junk and frame starts": stream_of(b"%x@%"),
    "the shortest frames": stream_of(b"@" + base64.b64encode(bytes(range(16))) + b"%"),
    "frames that are not base64": stream_of(b"@" + b"!" * 24 + b"%"),
    "unfinished frames": unfinished_frames,
    "bytes beyond holes": bytes_beyond_holes,
    "single bytes beyond holes": single_bytes_beyond_holes,
    "lost ranges": lost_ranges,
    "requests without an answer": requests_without_an_answer,
    "damaged answers to secrets": damaged_answers_to_secrets,
    "connections": connections,
    "copies": copies,
    "fragments": fragments,
    "small fragments": small_fragments,
    "large blocks": large_blocks,
    "interfaces": interfaces,
    "layers": layers,
    "extensions": extensions,
    "JSON lists": json_of(b'[{"_source":{"layers":{"a":[', b"[],"),
    "JSON lists in the layout of tshark": json_of(_PACKET + b'"a": [', b"[],"),
    "JSON objects": json_of(b'[{"_source":{"layers":{"a":[', b'{"":0},'),
    "JSON string": json_of(b'[{"_source":{"layers":{"a":"', b"a"),
    "JSON escapes": json_of(b'[{"_source":{"layers":{"a":"', b"\\"),
    "JSON number": json_of(b'[{"_source":{"layers":{"a":', b"9"),
    "JSON numbers": json_of(b"[", b"1,"),
    "JSON depth": json_of(b"", b"["),
    "JSON keys": json_of(b"[", b'{"_source":{"layers":{"a":0}}},'),
    "line of JSON": json_of(b'{"index":{}}\n{"layers":{"a":"', b"a"),
    "lines of JSON": json_of(b'{"index":{}}\n', b'{"layers":{}}\n'),
    "JSON lists that are cut off": json_of(_EXPORTED + b"]\n", b'[{"_index":"p"},}'),
    "JSON lists and text": json_of(_EXPORTED + b"]", b"\nx\n" + _EXPORTED + b"]"),
    "captures and text": pieces_of(_PCAP_HEADER, b"12 packets captured\n"),
    "captures and damage": pieces_of(_PCAP_HEADER, b"\xff" * 60),
    "log line": json_of(_LINE, b"Message="),
    "log line of digits": json_of(_LINE + b"Message=40000020, Data=", b"0"),
    "log lines": json_of(_LINE, b"Message=x, Data=\n"),
    "log line of messages": json_of(b"a line before it\n", b"Command Succeeded: 40000000: " + b"x" * 30 + b" "),
    "log line of messages and braces": json_of(b"a line before it\n{", b"{" * 80 + b"Message=40000020, Data=01"),
    "log requests": json_of(
        b"".join(b"Sending %08X with None None\n" % (number << 16 | 1) for number in range(1024)),
        b"a line of something else that says nothing of it\nMessage=F0000001, Data=00\n",
    ),
    "log blanks": json_of(_LINE, b"lmdirect Sending "),
}


# A process is charged with the memory of the one that starts it, which here is a whole test run. This one is small.
_WATCH: Final = """
import os, subprocess, sys
process = subprocess.Popen(sys.argv[2:])
_, status, usage = os.wait4(process.pid, 0)
with open(sys.argv[1], "w") as file:
    file.write(f"{os.waitstatus_to_exitcode(status)} {usage.ru_utime + usage.ru_stime} {usage.ru_maxrss}")
"""


class Cost(NamedTuple):
    """What a decode took."""

    name: str
    size: int
    """Bytes of input."""
    seconds: float
    """Of processor time."""
    memory: int
    """Bytes, at most resident at a time."""
    output: int
    """Bytes that were written."""
    code: int
    """The exit code."""
    said: str
    """What it said on standard error."""

    def faults(self, most_memory: float = MOST_MEMORY) -> list[str]:
        """Return which limits were exceeded, one line each."""
        found = []
        megabytes = self.size / (1 << 20)
        if self.memory > most_memory * 1e6:
            found.append(f"{self.name}: {self.memory / 1e6:.0f} MB of memory")
        if self.seconds > _START_SECONDS + megabytes * MOST_SECONDS:
            found.append(f"{self.name}: {self.seconds:.1f} s for {megabytes:.1f} MB")
        if self.output > _SMALL_OUTPUT + self.size * MOST_OUTPUT:
            found.append(f"{self.name}: {self.output:,} bytes of output for {self.size:,} of input")
        if self.code not in {0, 1} or "Traceback" in self.said:
            found.append(f"{self.name}: exit code {self.code}: {self.said[-300:]}")
        return found


def measure(name: str, size: int, folder: Path, *arguments: str) -> Cost:
    """Decode so many bytes of a bomb.

    Args:
        name: Of the bomb.
        size: Bytes, about; a bomb may end earlier.
        folder: Where its file may be written; it is removed again.
        arguments: Further ones of `lmdecode decode`.
    """
    path = folder / f"{name.replace(' ', '-')}.capture"
    usage = path.with_suffix(".usage")
    written = 0
    try:
        with path.open("wb") as file:
            for piece in BOMBS[name]():
                written += file.write(piece[: size - written])
                if written >= size:
                    break
        command = [sys.executable, "-m", "lmdecode", "decode", str(path), "--key", KEY_TEXT, "--json", "--jobs", "1"]
        watched = [sys.executable, "-S", "-c", _WATCH, str(usage), *command, *arguments]
        with tempfile.TemporaryFile() as errors:
            with subprocess.Popen(watched, stdout=subprocess.PIPE, stderr=errors) as process:
                assert process.stdout is not None
                pipe = process.stdout.fileno()
                output = sum(len(piece) for piece in iter(lambda: os.read(pipe, 1 << 20), b""))
            errors.seek(0)
            said = errors.read().decode("utf-8", "replace")
        code, seconds, memory = usage.read_text(encoding="ascii").split()
    finally:
        path.unlink(missing_ok=True)
        usage.unlink(missing_ok=True)
    return Cost(name, written, float(seconds), int(memory) * 1024, output, int(code), said)


def main() -> int:
    """Measure all bombs. Returns the exit code: 1 if any limit was exceeded."""
    parser = argparse.ArgumentParser(prog="python -m fuzz.bombs", description=__doc__)
    parser.add_argument("--megabytes", type=float, default=64, help="of each")
    parser.add_argument("--bomb", action="append", choices=sorted(BOMBS), help="only this one")
    options = parser.parse_args()
    faults: list[str] = []
    print(f"{'':36} {'input':>8} {'s':>6} {'s/MB':>6} {'memory':>8} {'output':>8}")
    with tempfile.TemporaryDirectory() as folder:
        for name in options.bomb or BOMBS:
            cost = measure(name, int(options.megabytes * (1 << 20)), Path(folder))
            size = cost.size / 1e6
            print(
                f"{name:36} {size:5.1f} MB {cost.seconds:6.1f} {cost.seconds / size:6.2f} {cost.memory / 1e6:5.0f} MB "
                f"{cost.output / 1e6:5.1f} MB",
                flush=True,
            )
            faults += cost.faults()
    print("\n".join(faults) or "all within the limits")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
