"""Makes `v3-morning.pcap`: a morning of a Linea Micra with gateway v3, as a router between it and an app captures it.

The story is told in `captures/README.md`. All values are made up, in the shapes of gateway v3.6; the token and the
network's addresses look real but are made up. Nothing here is left to chance, so what comes out is always the
same.

    python captures/make/v3.py
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Ether
from wsproto.frame_protocol import FrameProtocol

TARGET: Final = Path(__file__).parents[1] / "v3-morning.pcap"
START: Final = datetime(2026, 11, 21, 6, 30, tzinfo=UTC)
APP: Final = ("192.168.1.150", "02:00:00:00:01:50")
MACHINE: Final = ("192.168.1.215", "02:00:00:00:02:15")
PORT: Final = 8081
TOKEN: Final = "Kq7vT2mXc9LdRw4ZbN6yHs3JfP8gUe5A"  # noqa: S105 -- no machine has it
FIRMWARE: Final = "1.40"
GATEWAY: Final = "v3.6-rc4"

_LINK_TYPE: Final = 1
_MASK: Final = b"\x37\xfa\x21\x3d"  # that of RFC 6455, in its example; a client's is random


class Capture:
    """The packets of one TCP connection after another, on one clock."""

    def __init__(self) -> None:
        self.packets: list[tuple[int, bytes]] = []
        self.at = 0.0
        """Seconds since `START`."""
        self._numbers = [0, 0]  # of the next bytes of app and machine
        self._app_port = 50610

    def connect(self) -> None:
        """Open a connection."""
        self._app_port += 1
        self._numbers = [1000 * self._app_port, 2000 * self._app_port]
        self._packet(0, "S")
        self._packet(1, "SA")
        self._packet(0, "A")

    def say(self, who: int, data: bytes) -> None:
        """Send bytes, in segments of an Ethernet's size, and have them acknowledged.

        Args:
            who: 0 for the app, 1 for the machine.
            data: The bytes.
        """
        for start in range(0, len(data), 1448):
            self._packet(who, "PA", data[start : start + 1448])
        self._packet(1 - who, "A")

    def close(self, who: int) -> None:
        """Close the connection."""
        self._packet(who, "FA")
        self._packet(1 - who, "FA")
        self._packet(who, "A")

    def _packet(self, who: int, flags: str, payload: bytes = b"") -> None:
        self.at += 0.0013
        (source, source_mac), (destination, destination_mac) = (APP, MACHINE) if who == 0 else (MACHINE, APP)
        ports = (self._app_port, PORT) if who == 0 else (PORT, self._app_port)
        number, acked = self._numbers[who], self._numbers[1 - who]
        layers = (
            Ether(src=source_mac, dst=destination_mac)
            / IP(src=source, dst=destination, id=len(self.packets) + 1, flags="DF")
            / TCP(
                sport=ports[0],
                dport=ports[1],
                seq=number,
                ack=acked if "A" in flags else 0,
                flags=flags,
                window=5840,
            )
            / payload
        )
        time_us = int(START.timestamp()) * 1_000_000 + round(self.at * 1_000_000)
        self.packets.append((time_us, bytes(layers)))
        self._numbers[who] += len(payload) + ("S" in flags) + ("F" in flags)

    def pcap(self) -> bytes:
        """Return the capture as a file."""
        pieces = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, _LINK_TYPE)]
        for time_us, packet in self.packets:
            pieces += (struct.pack("<IIII", *divmod(time_us, 1_000_000), len(packet), len(packet)), packet)
        return b"".join(pieces)


class Stream:
    """The WebSocket, once both sides have agreed on it."""

    def __init__(self, capture: Capture) -> None:
        self._capture = capture
        self._frames = FrameProtocol(client=False, extensions=[])

    def at(self, seconds: float) -> None:
        """Let time pass.

        Args:
            seconds: Since the start of the capture.
        """
        if seconds < self._capture.at:
            raise ValueError(f"{seconds} s is over already: it is {self._capture.at} s")
        self._capture.at = seconds

    def push(self, *items: tuple[str, object]) -> None:
        """Send one text: a list of objects with one member each."""
        self._capture.say(1, self._frames.send_data(_json([{name: value} for name, value in items])))

    def push_whole(self, name: str, value: object) -> None:
        """Send one text: an object whose member is JSON in a text."""
        self._capture.say(1, self._frames.send_data(_json({name: _json(value)})))

    def ping(self) -> None:
        """Ask whether the app is there, which it says."""
        self._capture.say(1, self._frames.ping(b"lm"))
        self._capture.say(0, _masked(0x8A, b"lm"))

    def close(self) -> None:
        """Have the app end it, and the machine agree."""
        self._capture.say(0, _masked(0x88, struct.pack("!H", 1000)))
        self._capture.say(1, self._frames.close(1000))


def _masked(first: int, payload: bytes) -> bytes:
    """Return a frame of the app's: masked, always with the same mask."""
    hidden = bytes(byte ^ _MASK[index % 4] for index, byte in enumerate(payload))
    return bytes((first, 0x80 | len(payload))) + _MASK + hidden


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def _request(path: str, *further: str) -> bytes:
    lines = (
        f"GET {path} HTTP/1.1",
        f"Host: {MACHINE[0]}:{PORT}",
        f"Authorization: Bearer {TOKEN}",
        "User-Agent: La Marzocco/2.1.3 (iPhone; iOS 16.0.2; Scale/3.00)",
        "Accept: */*",
        *further,
        "",
        "",
    )
    return "\r\n".join(lines).encode()


def _answer(status: str, body: str = "", *further: str) -> bytes:
    about = (f"Content-Length: {len(body)}", "Content-Type: application/json") if body else further
    if not body and not further:
        about = ("Content-Length: 0",)
    return "\r\n".join((f"HTTP/1.1 {status}", *about, "", body)).encode()


def _boilers(coffee: float, steam: float, target: float = 93.0) -> list[dict[str, object]]:
    return [
        {"id": "SteamBoiler", "isEnabled": True, "target": 131, "current": steam},
        {"id": "CoffeeBoiler1", "isEnabled": True, "target": target, "current": coffee},
    ]


def configuration(mode: str, coffee: float, steam: float) -> dict[str, object]:
    """Return what the machine answers when it is asked for its configuration.

    Args:
        mode: "BrewingMode" or "StandBy".
        coffee: °C of the coffee boiler.
        steam: °C of the steam boiler.
    """
    dose = {"groupNumber": "Group1", "doseIndex": "DoseA", "doseType": "PulsesType", "stopTarget": 0}
    group = {
        "groupType": "AV_Group",
        "groupNumber": "Group1",
        "boilerId": "CoffeeBoiler1",
        "hasScale": False,
        "hasFlowmeter": False,
        "numberOfDoses": 1,
    }
    prebrewing = {
        "groupNumber": "Group1",
        "doseType": "DoseA",
        "preWetTime": 0.699999988079071,
        "preWetHoldTime": 1.2999999523162842,
    }
    return {
        "version": "v1",
        "preinfusionModesAvailable": ["ByDoseType"],
        "machineCapabilities": [
            {
                "family": "MICRA",
                "groupsNumber": 1,
                "coffeeBoilersNumber": 1,
                "hasCupWarmer": False,
                "steamBoilersNumber": 1,
                "teaDosesNumber": 1,
                "machineModes": ["BrewingMode", "StandBy"],
                "schedulingType": "smartWakeUpSleep",
            }
        ],
        "machine_sn": "Sn2611210345",
        "machine_hw": "2",
        "isPlumbedIn": False,
        "isBackFlushEnabled": False,
        "standByTime": 0,
        "tankStatus": True,
        "groupCapabilities": [
            {"capabilities": group, "doses": [dose], "doseMode": {"groupNumber": "Group1", "brewingType": "ManualType"}}
        ],
        "machineMode": mode,
        "teaDoses": {"DoseA": {"doseIndex": "DoseA", "stopTarget": 0}},
        "boilers": _boilers(coffee, steam),
        "boilerTargetTemperature": {"SteamBoiler": 131, "CoffeeBoiler1": 93},
        "preinfusionMode": {"Group1": {"groupNumber": "Group1", "preinfusionStyle": "PreinfusionByDoseType"}},
        "preinfusionSettings": {"mode": "Enabled", "Group1": [prebrewing]},
        "wakeUpSleepEntries": [
            {
                "days": ["monday", "tuesday", "wednesday", "thursday", "friday"],
                "enabled": True,
                "id": "A1b2C3d",
                "steam": True,
                "timeOn": "6:30",
                "timeOff": "24:0",
            }
        ],
        "smartStandBy": {"mode": "LastBrewing", "minutes": 10, "enabled": True},
        "clock": "2026-11-21T06:30:04",
        "firmwareVersions": [
            {"name": "machine_firmware", "fw_version": FIRMWARE},
            {"name": "gateway_firmware", "fw_version": GATEWAY},
        ],
    }


def _system_info(up_time: int) -> dict[str, object]:
    return {
        "network_interfaces": [
            {
                "name": "wifi_sta",
                "address": MACHINE[0],
                "mac": MACHINE[1],
                "auth": "WPA2",
                "channel": 6,
                "rssi": -58,
            }
        ],
        "connections": {"ws": 1, "ble": 0, "mqtt": 1, "wifi": 1},
        "free_ram": 68212,
        "cpu": 11,
        "up_time": up_time,
        "curr_time": "2026-11-21T06:40:00",
        "boot_reason": "POWERON_RESET",
    }


def _statistics(shots: int) -> dict[str, object]:
    activations = shots + 1376
    doses = [{"DoseA": shots}, {"DoseB": 0}, {"DoseC": 0}, {"DoseD": 0}, {"ContinuousDose": 0}]
    return {
        "groups": [{"doses": doses, "clean": 41, "ev_activations": activations, "ev_ontime": 14 * activations}],
        "tot_doses": shots,
        "boilers": [{"rsteam_ontime": 152}, {"rcoffee_ontime": 217}],  # hours
        "tea": {"count": 88, "ev_activation": 88, "ev_ontime": 702},
        "pump_ontime": 11 * activations,  # seconds
        "machine_ontime": 25594,  # minutes
        "refill_ontime": 1432,
        "count_liter": 0,
    }


def _warming(begin: float, end: float, share: float) -> float:
    """Return a temperature on the way from one to another."""
    return round(begin + (end - begin) * (1 - (1 - share) ** 2), 1)


def _pour(stream: Stream, begin: float, seconds: float, *, is_flush: bool, shots: int = 0) -> None:
    """Let water flow: the start, news each second, the end, and what the machine says of it all."""
    stream.at(begin)
    group = "Group1"
    stream.push((f"BrewingStarted{group}StopType", "Volume"), (f"BrewingStarted{group}DoseIndex", "DoseA"),
                (f"BrewingStarted{group}VolumeTarget", 0))  # fmt: skip
    for second in range(1, int(seconds) + 1):
        passed = round(second * 1.062, 3)
        if passed >= seconds:
            break
        stream.at(begin + passed)
        stream.push((f"BrewingUpdate{group}Time", passed), (f"BrewingUpdate{group}Ev", not 1.4 < passed < 2.8),
                    (f"BrewingUpdate{group}Volume", 0))  # fmt: skip
    stream.at(begin + seconds)
    what = "Flush" if is_flush else "Brewing"
    stopped = [(f"{what}Stopped{group}DoseIndex", "DoseA"), (f"{what}Stopped{group}Time", seconds)]
    if not is_flush:
        stopped = [(f"{what}Stopped{group}StopType", "Continuous"), *stopped,
                   (f"{what}Stopped{group}StopReason", "Manual")]  # fmt: skip
    stream.push(*stopped, (f"{what}Stopped{group}Volume", 0))
    if not is_flush:
        stream.at(begin + seconds + 0.4)
        stream.push(("MachineStatistics", _json(_statistics(shots))))


def _temperatures(stream: Stream, begin: float, values: Sequence[tuple[float, float, float]]) -> None:
    for after, coffee, steam in values:
        stream.at(begin + after)
        stream.push(("CoffeeBoiler1UpdateTemperature", coffee), ("SteamBoilerUpdateTemperature", steam))


def _heating() -> Iterator[tuple[float, float, float]]:
    for step in range(31):
        share = step / 30
        yield step * 9.6, _warming(24.2, 93.0, share), _warming(26.8, 131.0, share)


def make() -> bytes:
    """Return the capture."""
    capture = Capture()
    capture.connect()
    capture.say(0, _request("/api/v1/config"))  # the machine has just been plugged in, and has no token yet
    capture.at += 0.02
    capture.say(1, _answer("403 Forbidden"))
    capture.at += 3.2  # meanwhile the cloud loads it, which is not in this capture
    capture.say(0, _request("/api/v1/config"))
    capture.at += 0.08
    capture.say(1, _answer("200 OK", _json(configuration("StandBy", 24.2, 26.8))))
    capture.close(0)

    capture.connect()
    upgrade = ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13")
    capture.say(0, _request("/api/v1/streaming", *upgrade, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="))
    capture.at += 0.03
    accept = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    capture.say(1, _answer("101 Switching Protocols", "", *upgrade[:2], accept))

    stream = Stream(capture)
    stream.at(5)
    stream.push_whole("SystemInfo", _system_info(12))
    stream.at(8)
    stream.push(("WakeUp", "manual"), ("MachineMode", "BrewingMode"))
    _temperatures(stream, 10, [*_heating()])  # up to second 298
    stream.at(300)
    stream.push(("Boilers", _json(_boilers(93.0, 131.0))))
    stream.ping()
    _pour(stream, 330, 4.521, is_flush=True)
    _pour(stream, 352.4, 27.843, is_flush=False, shots=1812)
    _temperatures(stream, 383, [(0, 90.4, 130.2), (9, 92.1, 131.0), (18, 93.0, 131.0)])
    stream.at(430)
    stream.push(("TankStatus", "empty"))
    stream.at(471.5)
    stream.push(("TankStatus", "full"))
    stream.at(520)  # set in the app, which tells the cloud, which tells the machine
    stream.push(("CoffeeBoiler1UpdateSetPoint", 94.0))
    stream.push(("BoilersTargetTemperature", _json({"SteamBoiler": 131, "CoffeeBoiler1": 94})),
                ("Boilers", _json(_boilers(93.0, 131.0, 94.0))))  # fmt: skip
    _temperatures(stream, 526, [(0, 93.6, 131.0), (10, 94.0, 131.0)])
    stream.ping()
    _pour(stream, 560.2, 25.612, is_flush=False, shots=1813)
    _temperatures(stream, 592, [(0, 91.1, 130.5), (12, 93.2, 131.0), (24, 94.0, 131.0)])
    stream.at(660)
    stream.push(("KeepAlive", ""))
    stream.at(900)
    stream.push(("Sleep", "command"), ("MachineMode", "StandBy"))
    _temperatures(stream, 930, [(0, 92.8, 128.4), (60, 90.2, 121.9)])
    stream.at(995)
    stream.close()
    capture.close(0)
    return capture.pcap()


if __name__ == "__main__":
    TARGET.write_bytes(make())
    print(f"{TARGET.name}: {TARGET.stat().st_size:,} bytes")  # noqa: T201 -- a script's result
