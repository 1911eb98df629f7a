"""Makes `gs3av-day.pcapng.zst`: a day of a simulated GS3 AV, as a router between it and an app would capture it.

The machine is lmdecode's own simulator; its clock runs from second to second without anybody waiting for it. All
chance has a fixed seed, so what comes out is always the same. Acknowledgements without data are left out: they say
nothing, and would be a third of the file.

    python captures/make_day.py                    makes the sample capture anew
    python captures/make_day.py --all-day FILE     one in which the app is there for all of the 24 hours
"""

from __future__ import annotations

import io
import random
import struct
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import zstandard

from lmdecode.codec.record import Kind, Value
from lmdecode.codec.v1.key import Key
from lmdecode.codec.v1.memory_map import by_name
from lmdecode.codec.v1.message import Message
from lmdecode.codec.v1.windows import WINDOWS
from lmdecode.render.records.pcapng import PcapngWriter
from lmdecode.simulator.console import Console
from lmdecode.simulator.faults import Fault, Faults, Then, frame, outgoing, parse_fault
from lmdecode.simulator.machine import Machine
from lmdecode.simulator.script import Script, parse_script

TARGET: Final = Path(__file__).parent / "gs3av-day.pcapng.zst"
KEY: Final = Key.parse("12345678901234567890123456789012")
START: Final = datetime(2026, 11, 20, tzinfo=UTC)  # midnight; the machine's clock shows UTC too

BEFORE: Final = """\
0 set fri_on_hour 6
0 set fri_on_min 30
0 set fri_off_hour 19
0 set fri_off_min 0
0 set power off
0 set coffee_temp 23.4
0 set steam_temp 24.8
"""

MACHINE: Final = (
    ("06:48:02", "shot 5 3"),  # a flush
    ("06:48:30", "shot 1"),
    ("06:49:41", "shot 1"),
    ("06:52:10", "hot-water 8"),
    ("07:35:05", "shot 2"),
    ("07:36:30", "shot 3"),
    ("09:10:12", "shot 4"),
    ("10:10:00", "shot 2"),  # the app has switched prebrewing on
    ("10:42:00", "shot 1"),  # the connection is reset in this one
    ("12:45:20", "shot 1"),  # nobody is connected: only the counters tell of it
    ("13:02:40", "shot 2"),
    ("16:05:00", "hot-water 12"),
    ("16:06:20", "shot 3"),
    ("16:30:00", "shot 1"),  # two packets of it are not in the capture
    ("16:30:16", "stop"),
    ("17:29:30", "shot 2"),  # the reservoir runs empty
    ("17:29:41", "set water_reservoir_contact off"),
    ("17:34:00", "set water_reservoir_contact on"),
    ("17:34:30", "shot 2"),
    ("18:30:00", "shot 5 31"),
)
"""What is done by hand at the machine."""

APP: Final[tuple[tuple[str, str, Value], ...]] = (
    ("08:15:00", "coffee_set_temp", 93.5),
    ("08:16:10", "dose_k1", 1200),  # more than the machine takes
    ("08:16:40", "dose_k1", 126),
    ("10:05:00", "prebrew_flag", "prebrewing"),
    ("10:05:02", "prebrewing_ton_k2", 2.0),
    ("10:05:04", "prebrewing_toff_k2", 3.0),
    ("15:30:00", "coffee_set_temp", 95.0),
    ("17:40:00", "command", "steam_boiler_off"),
    ("18:20:00", "command", "steam_boiler_on"),
    ("18:45:00", "command", "start_backflush"),
    ("19:05:00", "sun_on_min", 30),
)
"""What the app writes."""

CONNECTED: Final = (
    ("06:25:00", "08:30:00", "close"),
    ("09:05:00", "10:42:12", "reset"),
    ("10:42:19", "11:00:00", "close"),
    ("15:10:00", "17:45:00", "close"),
    ("18:15:00", "19:10:00", "close"),
)
"""When the app is there, and how that ends."""

FAULTS: Final = (("09:20:00", "drop"), ("15:20:00", "wrong-check"), ("15:40:00", "garbage"), ("17:00:00", "delay=2.5"))
"""What befalls the answer to the first poll after a time."""

NOT_CAPTURED: Final = ("16:30:05", "16:30:08.2")
"""The first packet of the machine's after each of these times is missing in the capture."""

POLLS: Final = (("status", 30), ("front panel", 60), ("configuration", 300), ("drink counters", 300), ("usage", 900))
"""Windows that the app reads, and every how many seconds."""
AT_FIRST: Final = ("serial number", "schedule", "preinfusion", "factory", "clock")
"""Those that it reads when it has connected."""


def seconds(text: str) -> float:
    """A time of day in seconds since midnight."""
    hours, minutes, rest = text.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(rest)


@dataclass
class Side:
    """One end of the line."""

    mac: bytes
    address: bytes
    port: int
    sent: int = 0
    """The number of its next byte."""


@dataclass
class Line:
    """A TCP connection, its packets made by hand."""

    write: Callable[[float, bytes], None]
    app: Side
    machine: Side
    skip: list[float] = field(default_factory=list)

    def packet(self, at: float, source: Side, flags: int, payload: bytes = b"") -> None:
        """Write one packet; unless it is one that the capture lacks."""
        other = self.machine if source is self.app else self.app
        acknowledged = other.sent if flags & 0x10 else 0
        head = struct.pack(">HHIIBBHHH", source.port, other.port, source.sent, acknowledged, 0x50, flags, 64240, 0, 0)
        pseudo = source.address + other.address + struct.pack(">BBH", 0, 6, len(head) + len(payload))
        tcp = head[:16] + _checksum(pseudo + head + payload) + head[18:] + payload
        ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0x4000, 64, 6, 0) + source.address + other.address
        ip = ip[:10] + _checksum(ip) + ip[12:]
        source.sent += len(payload) + bool(flags & 0x03)  # SYN and FIN count as a byte
        if payload and source is self.machine and self.skip and at >= self.skip[0]:
            self.skip.pop(0)
            return
        self.write(at, other.mac + source.mac + b"\x08\0" + ip + tcp)

    def open(self, at: float) -> None:
        """Shake hands."""
        self.packet(at, self.app, 0x02)
        self.packet(at + 0.004, self.machine, 0x12)
        self.packet(at + 0.0042, self.app, 0x10)

    def end(self, at: float, how: str) -> None:
        """End it as by the machine's power failing, or as the app does."""
        if how == "reset":
            self.packet(at, self.machine, 0x14)
            return
        self.packet(at, self.app, 0x11)
        self.packet(at + 0.004, self.machine, 0x11)
        self.packet(at + 0.0041, self.app, 0x10)


def _checksum(data: bytes) -> bytes:
    data += bytes(len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return struct.pack(">H", total ^ 0xFFFF)


class Day:
    """A machine, an app, and what passes between them.

    Args:
        write: Takes each packet, from its Ethernet header on, with its time in seconds since midnight.
        connected: When the app is there, and how that ends.
    """

    def __init__(self, write: Callable[[float, bytes], None], connected: Sequence[tuple[str, str, str]]) -> None:
        self._connected = [(seconds(begin), seconds(end), how) for begin, end, how in connected]
        self._begin = self._connected[0][0] - 1  # before that the machine is in standby, and cold
        self.machine = Machine("GS3 AV", now=START + timedelta(seconds=self._begin))
        console = Console(self.machine, Faults())
        Script(console, parse_script(BEFORE), lambda _: None).advance(0)
        by_hand = "".join(f"{seconds(time) - self._begin} {command}\n" for time, command in MACHINE)
        self._script = Script(console, parse_script(by_hand), lambda _: None)
        self._chance = random.Random(1120)  # noqa: S311 -- nothing is to be kept secret by it
        self._write = write
        self._writes = [(seconds(time), name, value) for time, name, value in APP]
        self._faults: list[tuple[float, Fault]] = [(seconds(time), parse_fault(name)) for time, name in FAULTS]
        self._skip = [seconds(time) for time in NOT_CAPTURED]
        self._line: Line | None = None
        self._lines = 0
        self._said = 0.0

    def run(self) -> None:
        """Let the day pass."""
        now, end = self._begin, self._connected[-1][1]
        while now < end:
            step = 0.5 if self.machine.physics.pour is not None else 1.0 - now % 1.0
            now += step
            for message in self._script.advance(step):
                if self._line is not None:
                    self._say(now, self._line.machine, frame(KEY, message))
            self._begin_or_end(now)
            if self._line is not None and not now % 1.0:
                for request in self._requests(now):
                    self._ask(now, self._line, request)

    def _begin_or_end(self, now: float) -> None:
        for begin, end, how in self._connected:
            if now == begin:
                app = Side(bytes.fromhex("020000000096"), bytes((192, 168, 1, 150)), 40862 + 2 * self._lines)
                machine = Side(bytes.fromhex("0200000000d7"), bytes((192, 168, 1, 215)), 1774)
                app.sent, machine.sent = self._chance.getrandbits(31), self._chance.getrandbits(31)
                self._line = Line(self._write, app, machine, self._skip)
                self._lines += 1
                self._line.open(self._soon(now))
            elif now == end and self._line is not None:
                self._line.end(self._soon(now), how)
                self._line = None

    def _requests(self, now: float) -> Iterator[Message]:
        """What the app asks at a second."""
        begin = next((begin for begin, _, _ in reversed(self._connected) if begin <= now), 0.0)
        names = [name for name, every in POLLS if (now - begin) % every == 0]
        for name in ([*AT_FIRST] if now == begin else []) + names:
            window = [each for each in WINDOWS if each.name == name][-1]  # the newer firmware's
            yield Message(Kind.READ, window.address, window.length)
        for time, name, value in self._writes:
            if time == now:
                row = by_name(name)[0]
                yield Message(Kind.WRITE, row.address, row.size, row.type.encode(value))

    def _ask(self, now: float, line: Line, request: Message) -> None:
        asked = self._say(now, line.app, frame(KEY, request))
        answer = self.machine.receive(request)
        if answer is None:
            return
        fault = self._faults.pop(0)[1] if self._faults and now >= self._faults[0][0] else None
        leaving = outgoing(answer, KEY, fault, self._chance)
        if leaving.then is not Then.GO_ON:
            raise ValueError(f"{fault}: this day's connections end by CONNECTED")
        if leaving.data:
            self._say(asked + leaving.delay, line.machine, leaving.data, least=0.012)

    def _say(self, at: float, side: Side, data: bytes, *, least: float = 0.0) -> float:
        """Send it a little later than it could be, and after what was sent before."""
        time = self._soon(at + least)
        if self._line is not None:
            self._line.packet(time, side, 0x18, data)
        return time

    def _soon(self, at: float) -> float:
        self._said = max(at, self._said) + self._chance.randrange(1, 25) / 1000
        return self._said


def make(connected: Sequence[tuple[str, str, str]] = CONNECTED) -> bytes:
    """The capture, not yet compressed."""
    file = io.BytesIO()
    writer = PcapngWriter(file)
    start = int(START.timestamp()) * 1_000_000_000
    note = ["simulated: made by captures/make_day.py, not recorded from a machine"]

    def write(at: float, packet: bytes) -> None:
        writer.write(start + round(at * 10_000) * 100_000, 1, packet, comments=note)
        note.clear()

    Day(write, connected).run()
    return file.getvalue()


def main(arguments: Sequence[str]) -> None:
    """Write the file."""
    all_day = arguments[:1] == ["--all-day"]
    target = Path(arguments[1]) if all_day else TARGET
    capture = make([("00:00:01", "23:59:59", "close")] if all_day else CONNECTED)
    target.write_bytes(zstandard.ZstdCompressor(level=22).compress(capture))


if __name__ == "__main__":
    main(sys.argv[1:])
