"""Makes bluetooth-morning.btsnoop: what a telephone's log has of a morning with a Linea Micra.

    python captures/make/bluetooth.py  # writes it anew

Every byte is made up here, in the shapes that are known; the same bytes come out each time. The story is that of
lion.py, at the same times: the machine MR012345 is switched on, heats up, makes two shots and a flush, its tank is
empty once, a temperature is set from 93.0 to 94.0, and it goes to standby. Headphones are connected all the while, and
a keyboard for a moment: a telephone's log has such things, and nothing of them is to be shown.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

OUTPUT: Final = Path(__file__).parents[1] / "bluetooth-morning.btsnoop"

EPOCH_US: Final = 0x00DCDDB30F2F8000
BEGIN: Final = datetime(2026, 11, 21, 6, 29, 30, tzinfo=UTC)
SERIAL: Final = "MR012345"
TOKEN: Final = hashlib.sha256(b"a made-up token").hexdigest()
PHONE: Final = "DC:A6:32:0A:1B:2C"
MACHINE: Final = "C8:2B:96:12:34:56"
HEADPHONES: Final = "00:1B:66:AA:BB:01"
KEYBOARD: Final = "D4:3A:2C:77:88:99"
MACHINE_HANDLE, HEADPHONES_HANDLE, KEYBOARD_HANDLE, AGAIN_HANDLE = 0x40, 0x41, 0x42, 0x43
MTU: Final = 247
ACL_SIZE: Final = 27
"""Bytes of L2CAP in a fragment: what the first controllers of Low Energy take."""

VALUE_HANDLES: Final = {
    "2a00": 0x03,
    "2a25": 0x0E,
    "2a26": 0x10,
    "0a0b": 0x29,
    "0b0b": 0x2B,
    "0d0b": 0x2D,
    "0e0b": 0x2F,
}
SUBSCRIBE_HANDLE: Final = 0x30
SUFFIX: Final = "7847e12b09a8b04b8e0922a9abab"


def uuid(name: str) -> bytes:
    """Return a UUID as ATT has it, by its first four digits."""
    short = bytes.fromhex(name)[::-1]
    return short if name.startswith("2") else bytes.fromhex(name + SUFFIX)[::-1]


def address(text: str) -> bytes:
    """Return a device's address as HCI has it."""
    return bytes.fromhex(text.replace(":", ""))[::-1]


class Log:
    """A btsnoop file that grows."""

    def __init__(self) -> None:
        self.packets: list[tuple[int, int, bytes]] = []
        self.now_us = 0

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now_us += round(seconds * 1_000_000)

    def until(self, clock: str) -> None:
        """Let time pass until a clock of that morning in UTC, "HH:MM:SS.mmm"."""
        moment = datetime.fromisoformat(f"{BEGIN:%Y-%m-%d}T{clock}+00:00")
        passed_us = round((moment - BEGIN).total_seconds() * 1_000_000)
        if passed_us < self.now_us:
            raise ValueError(f"{clock} is over already")
        self.now_us = passed_us

    def packet(self, data: bytes, *, is_received: bool) -> None:
        """Add a packet of HCI."""
        self.wait(0.0004)
        flags = int(is_received) | (2 if data[0] in {1, 4} else 0)
        self.packets.append((self.now_us, flags, data))

    def command(self, opcode: int, parameters: bytes = b"") -> None:
        """Add a command of the host."""
        self.packet(struct.pack("<BHB", 1, opcode, len(parameters)) + parameters, is_received=False)

    def event(self, code: int, parameters: bytes) -> None:
        """Add an event of the radio."""
        self.packet(bytes((4, code, len(parameters))) + parameters, is_received=True)

    def data(self, handle: int, channel: int, data: bytes, *, is_received: bool) -> None:
        """Add a packet of L2CAP, in fragments."""
        whole = struct.pack("<HH", len(data), channel) + data
        for at in range(0, len(whole), ACL_SIZE):
            piece = whole[at : at + ACL_SIZE]
            boundary = 1 if at else 2 if is_received else 0
            header = struct.pack("<BHH", 2, handle | boundary << 12, len(piece))
            self.packet(header + piece, is_received=is_received)

    def bytes(self) -> bytes:
        """Return the file."""
        begin_us = round(BEGIN.timestamp() * 1_000_000) + EPOCH_US
        rows = [struct.pack(">8sII", b"btsnoop\0", 1, 1002)]
        for time_us, flags, data in sorted(self.packets, key=lambda each: each[0]):
            rows.append(struct.pack(">IIIIQ", len(data), len(data), flags, 0, begin_us + time_us) + data)
        return b"".join(rows)


class Att:
    """The telephone and a device, speaking ATT on one connection."""

    def __init__(self, log: Log, handle: int) -> None:
        self.log = log
        self.handle = handle

    def app(self, pdu: bytes) -> None:
        """Add a PDU of the telephone."""
        self.log.wait(0.018)
        self.log.data(self.handle, 4, pdu, is_received=False)

    def machine(self, pdu: bytes) -> None:
        """Add a PDU of the device."""
        self.log.wait(0.027)
        self.log.data(self.handle, 4, pdu, is_received=True)

    def write(self, name: str, value: bytes) -> None:
        """Write a value, with the receipt for it."""
        self.app(struct.pack("<BH", 0x12, VALUE_HANDLES[name]) + value)
        self.machine(b"\x13")

    def read(self, name: str, value: bytes) -> None:
        """Read a value, in as many pieces as it takes."""
        handle = VALUE_HANDLES[name]
        self.app(struct.pack("<BH", 0x0A, handle))
        self.machine(b"\x0b" + value[: MTU - 1])
        at = MTU - 1
        while at <= len(value):
            self.app(struct.pack("<BHH", 0x0C, handle, at))
            self.machine(b"\x0d" + value[at : at + MTU - 1])
            at += MTU - 1

    def ask(self, name: str, answer: object) -> None:
        """Ask the machine for something: write its name, and read the answer."""
        self.write("0a0b", name.encode() + b"\0")
        self.read("0a0b", json.dumps(answer, separators=(",", ":")).encode() + b"\0")

    def order(self, name: str, parameter: dict[str, object], answer: dict[str, object]) -> None:
        """Give a command, and read what became of it."""
        text = json.dumps({"name": name, "parameter": parameter}, separators=(",", ":"))
        self.write("0b0b", text.encode() + b"\0")
        self.log.wait(0.3)
        self.read("0b0b", json.dumps(answer, separators=(",", ":")).encode() + b"\0")

    def notify(self, **values: object) -> None:
        """Add a notification of the machine."""
        text = json.dumps(values, separators=(",", ":"))
        self.log.data(self.handle, 4, struct.pack("<BH", 0x1B, VALUE_HANDLES["0e0b"]) + text.encode(), is_received=True)


def advertisement(where: str, name: str) -> bytes:
    """Return the event of a device that advertises its name."""
    said = bytes((2, 1, 6)) + bytes((len(name) + 1, 9)) + name.encode()
    return bytes((2, 1, 0, 0)) + address(where) + bytes((len(said),)) + said + b"\xc4"


def connected(handle: int, where: str) -> bytes:
    """Return the event of a connection that the telephone made."""
    return struct.pack("<BBHBB6sHHHB", 1, 0, handle, 0, 0, address(where), 24, 0, 500, 0)


def discover(att: Att) -> None:
    """The telephone asks which attributes the machine has, as Android does."""
    service = bytes.fromhex("d30a" + SUFFIX)[::-1]
    att.app(struct.pack("<BHHH", 0x10, 1, 0xFFFF, 0x2800))
    att.machine(bytes((0x11, 6)) + struct.pack("<HHHHHH", 1, 9, 0x1800, 0x0B, 0x12, 0x180A))
    att.app(struct.pack("<BHHH", 0x10, 0x13, 0xFFFF, 0x2800))
    att.machine(bytes((0x11, 20)) + struct.pack("<HH", 0x28, 0x32) + service)
    att.app(struct.pack("<BHHH", 0x10, 0x33, 0xFFFF, 0x2800))
    att.machine(struct.pack("<BBHB", 1, 0x10, 0x33, 0x0A))
    for first, last, names in (
        (1, 9, ("2a00",)),
        (0x0B, 0x12, ("2a25", "2a26")),
        (0x28, 0x32, ("0a0b", "0b0b", "0d0b", "0e0b")),
    ):
        att.app(struct.pack("<BHHH", 0x08, first, last, 0x2803))
        items = []
        for name in names:
            handle, properties = VALUE_HANDLES[name], 0x10 if name == "0e0b" else 0x0A
            items.append(struct.pack("<HBH", handle - 1, properties, handle) + uuid(name))
        att.machine(bytes((0x09, len(items[0]))) + b"".join(items))
    att.app(struct.pack("<BHH", 0x04, SUBSCRIBE_HANDLE, 0x32))
    att.machine(bytes((0x05, 1)) + struct.pack("<HH", SUBSCRIBE_HANDLE, 0x2902))
    att.app(struct.pack("<BHH", 0x04, SUBSCRIBE_HANDLE + 1, 0x32))
    att.machine(struct.pack("<BBHB", 1, 0x04, SUBSCRIBE_HANDLE + 1, 0x0A))


def log_in(att: Att) -> None:
    """The telephone writes the token, and asks until the machine accepts it."""
    att.write("0d0b", TOKEN.encode())
    att.read("0d0b", b"\0")
    att.log.wait(0.05)
    att.read("0d0b", b"\1")


def subscribe(att: Att, **last: object) -> None:
    """The telephone subscribes; the machine repeats the last of its notifications."""
    att.app(struct.pack("<BH", 0x12, SUBSCRIBE_HANDLE) + b"\1\0")
    att.machine(b"\x13")
    att.log.wait(0.03)
    att.notify(**last)


def boilers(coffee: float, steam: float, target: float = 93) -> list[dict[str, object]]:
    """Return what the machine says of its boilers."""
    return [
        {"id": "SteamBoiler", "isEnabled": True, "target": 131, "current": steam},
        {"id": "CoffeeBoiler1", "isEnabled": True, "target": target, "current": coffee},
    ]


def pour(att: Att, seconds: float) -> None:
    """The machine reports about once a second while water flows."""
    att.notify(BrewingStartedGroup1DoseIndex="ContinuousDose")
    told, passed = 0.097, 0.0
    while told < seconds:
        att.log.wait(told - passed)
        seconds_told = round(told, 3)
        att.notify(BrewingUpdateGroup1Time=seconds_told, BrewingUpdateGroup1Ev=True, BrewingUpdateGroup1Backflush=False)
        passed, told = told, told + 1.072
    att.log.wait(seconds - passed)


def shot(att: Att, seconds: float) -> None:
    """One shot."""
    pour(att, seconds)
    att.notify(
        BrewingStoppedGroup1StopType="Continuous",
        BrewingStoppedGroup1StopReason="Manual",
        BrewingStoppedGroup1DoseIndex="ContinuousDose",
        BrewingStoppedGroup1Time=seconds,
    )


def flush(att: Att, seconds: float) -> None:
    """One flush."""
    pour(att, seconds)
    att.notify(FlushStoppedGroup1DoseIndex="ContinuousDose", FlushStoppedGroup1Time=seconds)


def others(log: Log) -> Iterator[None]:
    """Headphones and a keyboard: a bit of theirs at each step. Each value is one that would be noticed."""
    log.event(0x3E, advertisement(HEADPHONES, "Private Headphones"))
    log.event(0x3E, connected(HEADPHONES_HANDLE, HEADPHONES))
    headphones = Att(log, HEADPHONES_HANDLE)
    level = 87
    while True:
        headphones.app(struct.pack("<BH", 0x0A, 0x29))
        headphones.machine(b"\x0b" + bytes((level,)))
        headphones.machine(struct.pack("<BH", 0x1B, 0x2B) + b'{"song":"private song"}')
        log.data(HEADPHONES_HANDLE, 0x47, bytes(range(60)), is_received=False)
        level -= 1
        yield


def type_something(log: Log) -> None:
    """A keyboard is connected, and a word is typed."""
    log.event(0x3E, advertisement(KEYBOARD, "Private Keyboard"))
    log.event(0x3E, connected(KEYBOARD_HANDLE, KEYBOARD))
    keyboard = Att(log, KEYBOARD_HANDLE)
    for key in b"secret":
        keyboard.machine(struct.pack("<BH", 0x1B, 0x1A) + bytes((0, 0, key - 93, 0, 0, 0, 0, 0)))
        log.wait(0.2)
    log.event(5, struct.pack("<BHB", 0, KEYBOARD_HANDLE, 0x13))


def heat_up(att: Att) -> None:
    """Both boilers heat up. The machine reports the coffee boiler every 3 °C and the steam boiler every 5 °C."""
    warmer = [(30.5 + 12.12 * step, "CoffeeBoiler1", 27 + 3 * step) for step in range(23)]
    warmer += [(31.5 + 18.8 * step, "SteamBoiler", 31 + 5 * step) for step in range(21)]
    for seconds, boiler, temperature in sorted(warmer):
        att.log.until(f"06:{30 + int(seconds // 60)}:{seconds % 60:06.3f}")
        att.notify(**{f"{boiler}UpdateTemperature": temperature})


def first_connection(log: Log, step: Iterator[None]) -> None:
    """The machine is switched on and heats up; a shot and a flush."""
    log.event(0x3E, connected(MACHINE_HANDLE, MACHINE))
    att = Att(log, MACHINE_HANDLE)
    att.app(struct.pack("<BH", 0x02, 517))
    att.machine(struct.pack("<BH", 0x03, MTU))
    discover(att)
    att.read("2a00", f"MICRA_{SERIAL}".encode())
    att.read("2a25", SERIAL.encode())
    att.read("2a26", b"v5.4.13")
    log_in(att)
    subscribe(att, Sleep="command")
    att.ask("machineCapabilities", [CAPABILITIES])
    att.ask("machineMode", "StandBy")
    att.ask("tankStatus", "true")
    att.ask("boilers", boilers(24, 26))
    att.ask("smartStandBy", {"mode": "PowerOn", "minutes": 30, "enabled": "true"})
    next(step)
    log.until("06:30:20.120")
    att.order("MachineChangeMode", {"mode": "BrewingMode"}, done(1))
    att.notify(MachineMode="BrewingMode")
    heat_up(att)
    log.until("06:37:30.000")
    type_something(log)
    att.ask("boilers", boilers(93, 131))
    log.until("06:40:01.195")
    shot(att, 25.612)
    log.until("06:40:40.733")
    att.notify(CoffeeBoiler1UpdateTemperature=90)
    log.until("06:40:55.114")
    att.notify(CoffeeBoiler1UpdateTemperature=93)
    log.until("06:41:00.916")
    flush(att, 3.204)
    next(step)
    log.until("06:41:40.000")
    log.event(5, struct.pack("<BHB", 0, MACHINE_HANDLE, 0x08))


def second_connection(log: Log, step: Iterator[None]) -> None:
    """The telephone comes back, and knows the handles from before; a shot, an empty tank, a temperature, the end."""
    log.event(0x3E, connected(AGAIN_HANDLE, MACHINE))
    att = Att(log, AGAIN_HANDLE)
    att.app(struct.pack("<BH", 0x02, 517))
    att.machine(struct.pack("<BH", 0x03, MTU))
    log_in(att)
    subscribe(att, FlushStoppedGroup1DoseIndex="ContinuousDose", FlushStoppedGroup1Time=3.204)  # from before
    log.until("06:45:10.340")
    shot(att, 27.918)
    log.wait(0.4)
    att.notify(MachineStatistics=json.dumps(STATISTICS, separators=(",", ":")))
    next(step)
    log.until("06:46:29.000")
    att.ask("tankStatus", "false")
    log.until("06:47:39.000")
    att.ask("tankStatus", True)
    log.until("06:50:00.250")
    att.order("SettingBoilerTarget", {"identifier": "CoffeeBoiler1", "value": 94}, done(2))
    att.ask("boilers", boilers(93, 131, 94))
    log.until("06:50:20.000")
    att.ask("boilers", boilers(94, 131, 94))
    log.until("07:00:00.380")
    att.order("MachineChangeMode", {"mode": "StandBy"}, done(3))
    att.notify(MachineMode="StandBy")
    att.notify(Sleep="command")
    log.wait(9)
    log.event(5, struct.pack("<BHB", 0, AGAIN_HANDLE, 0x16))


def done(number: int) -> dict[str, object]:
    """Return what the machine says of a command that it has carried out."""
    return {"id": str(number), "message": "Success", "status": "success"}


def morning() -> bytes:
    """Return the file."""
    log = Log()
    log.command(0x1009)
    log.event(0x0E, struct.pack("<BHB", 1, 0x1009, 0) + address(PHONE))
    log.command(0x200C, b"\1\0")
    step = others(log)
    next(step)
    log.event(0x3E, advertisement(MACHINE, f"MICRA_{SERIAL}"))
    log.wait(0.4)
    log.until("06:29:53.000")
    first_connection(log, step)
    log.until("06:44:30.000")
    log.event(0x3E, advertisement(MACHINE, f"MICRA_{SERIAL}"))
    second_connection(log, step)
    return log.bytes()


CAPABILITIES: Final = {
    "family": "MICRA",
    "groupsNumber": 1,
    "coffeeBoilersNumber": 1,
    "hasCupWarmer": False,
    "steamBoilersNumber": 1,
    "teaDosesNumber": 0,
    "machineModes": ["BrewingMode", "StandBy"],
    "schedulingType": "smartWakeUpSleep",
    "hasWhaterProbe": True,
}
STATISTICS: Final = {
    "groups": [
        {
            "doses": [{"DoseA": 1620}, {"DoseB": 0}, {"DoseC": 0}, {"DoseD": 0}, {"ContinuousDose": 0}],
            "clean": 3,
            "ev_activations": 2986,
            "ev_ontime": 42940,
        }
    ],
    "tot_doses": 1620,
    "boilers": [{"rsteam_ontime": 113}, {"rcoffee_ontime": 161}],
    "tea": {"count": 0, "ev_activation": 0, "ev_ontime": 0},
    "pump_ontime": 34470,
    "machine_ontime": 19011,
    "refill_ontime": 1073,
    "count_liter": 0,
}


if __name__ == "__main__":
    OUTPUT.write_bytes(morning())
