"""A machine's GATT server in memory, behind the seam to the radio, with faults that a test may ask for."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Collection, Sequence
from typing import Any

from lmdecode.codec.bluetooth.requester import AttError
from lmdecode.device.bluetooth.connection import BluetoothConnection, Known
from lmdecode.device.bluetooth.radio import Sighting, Sweep, never
from lmdecode.device.errors import ConnectionLostError

TOKEN = "0123456789abcdef0123456789abcdef"
NAME = "MICRA_MR012345"
ADDRESS = "F0:12:34:56:78:9A"
NEWEST = ("0a0b", "0b0b", "0c0b", "0d0b", "0e0b", "2a24", "2a25", "2a26")
"""The characteristics of the newest firmware."""
CAPABILITIES = {
    "family": "MICRA",
    "groupsNumber": 1,
    "coffeeBoilersNumber": 1,
    "hasCupWarmer": False,
    "steamBoilersNumber": 1,
    "teaDosesNumber": 0,
    "machineModes": ["BrewingMode", "StandBy"],
    "schedulingType": "smartWakeUpSleep",
}


class Peripheral:
    """What a machine holds, and how it misbehaves.

    Args:
        characteristics: Those that it has.
    """

    def __init__(self, characteristics: Sequence[str] = NEWEST, *, family: str = "MICRA") -> None:
        self.characteristics = tuple(characteristics)
        self.values: dict[str, Any] = {
            "machineMode": "StandBy",
            "machineCapabilities": [{**CAPABILITIES, "family": family}],
            "boilers": [
                {"id": "SteamBoiler", "isEnabled": True, "target": 126, "current": 45},
                {"id": "CoffeeBoiler1", "isEnabled": True, "target": 94, "current": 65},
            ],
            "tankStatus": "true",
            "smartStandBy": {"mode": "PowerOn", "minutes": 42, "enabled": "true"},
            "isPlumbedIn": False,
        }
        self.token = TOKEN
        self.pairing = False
        self.written: list[tuple[str, bytes]] = []
        """Every value that was written, but the token, as `(characteristic, value)`."""
        self.commands: list[dict[str, Any]] = []
        """The commands that came, whether they took effect or not."""
        self.connections = 0
        self.connected = False
        # What may be wrong with it.
        self.token_after = 0
        """How many times 0d0b reads nothing before it says yes."""
        self.status: list[bytes] | None = None
        """What 0b0b reads, one after another; None: as it should."""
        self.obeys = True
        self.early: int = 0
        """How many times 0a0b still reads what was written."""
        self.garble: Callable[[bytes], bytes] = lambda value: value
        self.lose_at: Callable[[str, str], bool] = lambda _verb, _characteristic: False
        """Whether the link is lost instead of doing something: `("write", "0b0b")`."""
        self.lose_after: Callable[[str, str], bool] = lambda _verb, _characteristic: False
        self.silent_at: Callable[[str, str], bool] = lambda _verb, _characteristic: False
        self.refuse: Callable[[str, str], int | None] = lambda _verb, _characteristic: None
        self.connect_error: Exception | None = None
        self.connects_only_after = 0
        self._logged_in = False
        self._answers: dict[str, list[bytes]] = {}
        self._token_reads = 0
        self._on_value: Callable[[bytes], None] | None = None
        self._on_lost: Callable[[], None] = lambda: None

    def notify(self, event: object) -> None:
        """Report something."""
        assert self._on_value is not None
        self._on_value(event if isinstance(event, bytes) else json.dumps(event).encode())

    def lose(self) -> None:
        """Lose the link."""
        self.connected = self._logged_in = False
        self._on_value = None
        self._on_lost()

    # What a Peer does.

    def attach(self, on_lost: Callable[[], None]) -> None:
        self._on_lost = on_lost

    async def connect(self) -> None:
        self.connections += 1
        if self.connect_error is not None and self.connections > self.connects_only_after:
            raise self.connect_error
        if self.connections <= self.connects_only_after:
            raise ConnectionLostError("the link is lost: le-connection-abort-by-local")
        self.connected = True
        self._logged_in = False
        self._answers = {}
        self._token_reads = 0

    async def disconnect(self) -> None:
        self.connected = self._logged_in = False
        self._on_value = None

    async def step(self, verb: str, characteristic: str) -> None:
        if self.silent_at(verb, characteristic):
            await asyncio.sleep(3600)
        await asyncio.sleep(0)
        if not self.connected:
            raise ConnectionLostError("the link is lost: not connected")
        if self.lose_at(verb, characteristic):
            self.lose()
            raise ConnectionLostError("the link is lost: disconnected")
        code = self.refuse(verb, characteristic)
        if code is None and characteristic not in self.characteristics:
            code = 0x0A
        if code is not None:
            raise AttError(code)

    async def read(self, characteristic: str) -> bytes:
        await self.step("read", characteristic)
        if characteristic == "0d0b":
            self._token_reads += 1
            return b"\1" if self._logged_in and self._token_reads > self.token_after else b""
        if characteristic == "0c0b":
            return f"{self.token}\0".encode() if self.pairing else b""
        waiting = self._answers.get(characteristic)
        if waiting is not None:
            return self.garble(waiting.pop(0) if len(waiting) > 1 else waiting[0])
        return {"2a24": b"Micra", "2a25": b"MR012345", "2a26": b"v5.4.13"}.get(characteristic, b"")

    async def write(self, characteristic: str, value: bytes) -> None:
        await self.step("write", characteristic)
        if characteristic == "0d0b":
            self._logged_in = value.decode() == self.token
        else:
            self.written.append((characteristic, value))
            assert self._logged_in, "something else than the token was written first"
            assert value.endswith(b"\0")
            text = value[:-1].decode()
            if characteristic == "0a0b":
                answer = json.dumps(self.values[text]).encode() if text in self.values else b""
                self._answers["0a0b"] = [value] * self.early + [answer]
            else:
                self._answers["0b0b"] = self._obeyed(json.loads(text))
        if self.lose_after("write", characteristic):
            self.lose()
            raise ConnectionLostError("the link is lost: disconnected")

    async def subscribe(self, characteristic: str, on_value: Callable[[bytes], None]) -> None:
        await self.step("subscribe", characteristic)
        self._on_value = on_value
        self.notify({"BrewingUpdateGroup1Time": 3.34})  # a replay

    def _obeyed(self, command: dict[str, Any]) -> list[bytes]:
        self.commands.append(command)
        if self.obeys:
            self._obey(command["name"], command["parameter"])
        return self.status or [b'{"id":"1","message":"Success","status":"success"}']

    def _obey(self, name: str, parameter: dict[str, Any]) -> None:
        if name == "MachineChangeMode":
            self.values["machineMode"] = parameter["mode"]
        elif name == "SettingSmartStandby":
            self.values["smartStandBy"] = parameter
        else:
            boiler = next(each for each in self.values["boilers"] if each["id"] == parameter["identifier"])
            if name == "SettingBoilerTarget":
                boiler["target"] = parameter["value"]
            else:
                boiler["isEnabled"] = parameter["state"]


class _Peer:
    def __init__(self, peripheral: Peripheral) -> None:
        self._peripheral = peripheral

    @property
    def characteristics(self) -> Collection[str]:
        return self._peripheral.characteristics

    def __getattr__(self, name: str) -> Any:
        return getattr(self._peripheral, name)


class RadioInMemory:
    """A radio near which some devices are.

    Args:
        near: The devices that it hears, each with its machine, if it is one.
    """

    def __init__(self, near: Sequence[tuple[Sighting, Peripheral | None]]) -> None:
        self.near = list(near)
        self.searches = 0
        self.closed = 0

    async def find(
        self, seconds: float, is_enough: Callable[[Sighting], bool] = never, *, after: float = 0.0
    ) -> list[Sighting]:
        self.searches += 1
        sweep = Sweep(is_enough)
        for sighting, machine in self.near:
            if machine is None or not machine.connected:
                sweep.hear(sighting)
        await sweep.wait(min(seconds, 0.01), min(after, 0.01))
        return sweep.sightings

    def peer(self, sighting: Sighting, on_lost: Callable[[], None]) -> Any:
        machine = next(machine for each, machine in self.near if each == sighting)
        assert machine is not None
        machine.attach(on_lost)
        return _Peer(machine)

    async def close(self) -> None:
        self.closed += 1


def near(peripheral: Peripheral, name: str = NAME, address: str = ADDRESS) -> RadioInMemory:
    """Return a radio near which one machine is."""
    return RadioInMemory([(Sighting(address, name, -60), peripheral)])


def connection_to(peripheral: Peripheral, token: str = TOKEN, **options: Any) -> BluetoothConnection:
    """Return a connection to a machine in memory."""
    radio = near(peripheral)
    return BluetoothConnection(lambda: radio, options.pop("known", Known("")), token, **options)
