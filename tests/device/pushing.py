"""A machine of a newer generation without socket or radio: a driver whose connections say what a test tells them to.

The Records are made by the dialects themselves, of the texts that a gateway streams, or of the values that a machine
notifies.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from lmdecode.codec.bluetooth.messages import Messages
from lmdecode.codec.dialect import FieldKind, Place, Tally
from lmdecode.codec.record import Record
from lmdecode.codec.v3.conversation import Web
from lmdecode.codec.vocabulary import fields_of
from lmdecode.codec.web import HttpRequest, HttpResponse
from lmdecode.device.driver import OnRecord, Query
from lmdecode.device.errors import (
    ConnectionLostError,
    MachineError,
    NoAnswerError,
    NoConnectionError,
    UnsupportedError,
)

NAME: Final = "MICRA_MR000000"
PLACE: Final = "192.168.1.20:8081"
TOKEN: Final = "t0ken-of-a-machine-that-nobody-should-see"
CONFIGURATION: Final = {
    "machineMode": "BrewingMode",
    "machineCapabilities": [{"family": "LINEA"}],
    "boilers": [
        {"id": "SteamBoiler", "isEnabled": True, "target": 123.9000015258789, "current": 122.5},
        {"id": "CoffeeBoiler1", "isEnabled": True, "target": 93.5, "current": 93.4},
    ],
    "tankStatus": True,
    "wakeUpSleepEntries": [
        {"id": "aB1cD2e", "days": ["saturday"], "enabled": True, "steam": True, "timeOn": "6:30", "timeOff": "17:0"}
    ],
    "clock": "2026-11-21T09:30:00",
    "firmwareVersions": [{"name": "machine_firmware", "fw_version": "1.40"}],
}
READS: Final = {
    "machineMode": '"BrewingMode"',
    "boilers": '[{"id":"SteamBoiler","isEnabled":true,"target":131,"current":127},'
    '{"id":"CoffeeBoiler1","isEnabled":true,"target":94,"current":92}]',
    "tankStatus": '"true"',
    "smartStandBy": '{"mode":"LastBrewing","minutes":30,"enabled":"true"}',
    "machineCapabilities": '[{"family":"MICRA"}]',
}


@dataclass
class Machine:
    """The machine, and what is wrong with it."""

    generation: str = "bluetooth"
    fails: list[MachineError] = field(default_factory=list)
    """What the next connections fail with, in turn, while they are made."""
    fails_late: bool = False
    """Whether they fail only after the machine has said something."""
    deaf: bool = False
    """Whether it answers no read."""
    signal: int | None = -61
    connections: list[Connection] = field(default_factory=list)
    """All that were made, the newest last."""
    made: asyncio.Event = field(default_factory=asyncio.Event)
    remark: str = ""
    ahead_ns: int = 0
    """By how much its time is ahead of ours: a test does not wait."""

    @property
    def now_ns(self) -> int:
        return time.time_ns() + self.ahead_ns

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.ahead_ns += round(seconds * 1e9)

    def pour(self, seconds: float, *end: Mapping[str, Any]) -> None:
        """Let water flow, with what is said at its beginning, about once a second, and at its end."""
        self.say(started())
        at = 0.1
        self.wait(at)
        while at < seconds:
            self.say(update(round(at, 3)))
            step = min(1.07, seconds - at)
            self.wait(step)
            at += step
        self.say(*end)

    @property
    def last(self) -> Connection:
        return self.connections[-1]

    def say(self, *items: Mapping[str, Any]) -> None:
        """Push something over the connection that is there."""
        self.last.say(*items)

    def lose(self, why: str = "the link to MICRA_MR000000 was lost") -> None:
        """Lose the connection."""
        self.last.lose(ConnectionLostError(why))


class Connection:
    """A connection to it."""

    def __init__(self, machine: Machine, number: int, on_record: OnRecord | None) -> None:
        self._machine = machine
        self._on_record = on_record or (lambda _: None)
        self._lost: MachineError | None = None
        self._changed = asyncio.Event()
        self.signal = machine.signal if machine.generation == "bluetooth" else None
        self.asked: list[str] = []
        place = Place(number, "this computer", self.name, name=NAME if machine.generation == "bluetooth" else "")
        self._messages = Messages(place, Tally())
        self._web = Web(place, Tally())

    @property
    def name(self) -> str:
        return NAME if self._machine.generation == "bluetooth" else PLACE

    @property
    def lost(self) -> MachineError | None:
        return self._lost

    async def connect(self) -> None:
        await asyncio.sleep(0)
        machine = self._machine
        machine.connections.append(self)
        if machine.fails and not machine.fails_late:
            raise machine.fails.pop(0)
        if machine.generation == "v3":
            self._configuration()
        else:
            self._on_record(self._messages.wrote(self._machine.now_ns, "0d0b", TOKEN.encode()))
            self._on_record(self._messages.answered(self._machine.now_ns, "0d0b", b"\1"))
        if machine.fails:
            raise machine.fails.pop(0)
        machine.made.set()

    async def close(self) -> None:
        self.lose(ConnectionLostError("disconnected"))

    async def wait_lost(self) -> MachineError:
        while self._lost is None:
            self._changed.clear()
            await self._changed.wait()
        return self._lost

    async def ask(self, request: str) -> Record:
        await asyncio.sleep(0)
        self.asked.append(request)
        if self._lost is not None:
            raise self._lost
        if self._machine.deaf:
            raise NoAnswerError(f"{self.name} did not answer {request} in time")
        if self._machine.generation == "v3":
            return self._configuration()
        self._on_record(self._messages.wrote(self._machine.now_ns, "0a0b", f"{request}\0".encode()))
        answer = self._messages.answered(self._machine.now_ns, "0a0b", READS[request].encode())
        self._on_record(answer)
        return answer

    async def write(self, request: str) -> None:
        raise AssertionError(f"a watch never writes: {request}")

    def say(self, *items: Mapping[str, Any]) -> None:
        for each in items:
            now_ns = self._machine.now_ns
            if self._machine.generation == "v3":
                text = json.dumps([{name: value} for name, value in each.items()]).encode()
                for record in self._web.message(now_ns, "machine", text):
                    self._on_record(record)
            else:
                self._on_record(self._messages.notified(now_ns, "0e0b", json.dumps(each).encode()))

    def lose(self, why: MachineError) -> None:
        self._lost = self._lost or why
        self._changed.set()

    def _configuration(self) -> Record:
        now_ns, path = self._machine.now_ns, "/api/v1/config"
        headers = [("Authorization", f"Bearer {TOKEN}")]
        records = [
            *self._web.request(now_ns, HttpRequest("GET", "192.168.1.20", path, headers)),
            *self._web.response(now_ns, HttpResponse(200, (), json.dumps(CONFIGURATION).encode())),
        ]
        for each in records:
            self._on_record(each)
        return records[-1]


@dataclass(frozen=True)
class Pushing:
    """Its driver."""

    machine: Machine
    model: str | None = None

    @property
    def remark(self) -> str:
        return self.machine.remark

    @property
    def generation(self) -> str:
        return self.machine.generation

    @property
    def name(self) -> str:
        return "kitchen's Micra" if self.generation == "bluetooth" else PLACE

    @property
    def readable(self) -> Mapping[str, FieldKind]:
        return fields_of(self.generation)

    def connection(self, number: int, on_record: OnRecord | None = None, *, listens: bool = False) -> Connection:
        assert listens
        return Connection(self.machine, number, on_record)

    def snapshot(self) -> Sequence[Query[str]]:
        return self.polls()

    def polls(self, names: Iterable[str] = ()) -> Sequence[Query[str]]:
        if self.generation == "v3":
            return [Query("configuration", "config", 60.0)]
        wanted = [*READS] if not [*names] else ["boilers"]
        return [Query(name, name, 0.0 if name == "boilers" else 60.0) for name in wanted]

    def queries_of(self, names: Iterable[str]) -> Sequence[tuple[Query[str], Sequence[str]]]:
        wanted = [*names]
        for name in wanted:
            if name not in self.readable:
                raise UnsupportedError(f"{name} is not told")
        return [(query, wanted) for query in self.polls(wanted)]

    def plan(self, *_: object, **__: object) -> Any:
        raise AssertionError("a watch never writes")


def refused() -> NoConnectionError:
    """What a machine says that has no token yet."""
    return NoConnectionError(f"{PLACE} refuses with status 403: it has no token yet")


def started(key: str = "ContinuousDose") -> dict[str, Any]:
    return {"BrewingStartedGroup1DoseIndex": key}


def update(seconds: float, **more: Any) -> dict[str, Any]:
    return {"BrewingUpdateGroup1Time": seconds, "BrewingUpdateGroup1Ev": True, **more}


def stopped(seconds: float, what: str = "Brewing") -> dict[str, Any]:
    return {f"{what}StoppedGroup1DoseIndex": "ContinuousDose", f"{what}StoppedGroup1Time": seconds}
