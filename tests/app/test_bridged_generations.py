"""A machine of a bridge in the newer generations, with a driver in memory."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

import pytest

from lmdecode.analysis.machine_entities import entities_for
from lmdecode.app import bridged_machine
from lmdecode.app.bridged_machine import AWAY, BUSY, CONNECTED, REFUSED, BridgedMachine
from lmdecode.app.mqtt import seconds_passed
from lmdecode.codec.bluetooth.requester import Command, Question
from lmdecode.codec.record import Kind, Record
from lmdecode.config.targets import BluetoothTarget
from lmdecode.device.bluetooth.driver import BluetoothDriver
from lmdecode.device.errors import (
    BusyError,
    ConnectionLostError,
    MissingTokenError,
    NoAnswerError,
    NotNearError,
    RadioError,
    UnconfirmedError,
    UnsupportedError,
)

MICRA = {
    "machineMode": {"power": True},
    "boilers": {"coffee_temp": 93.5, "coffee_set_temp": 94.0, "steam_temp": 125.0, "steam_set_temp": 131.0,
                "steam_boiler_enable": True},
    "tankStatus": {"water_reservoir_contact": True},
    "smartStandBy": {"smart_standby_enable": True, "smart_standby_minutes": 30, "smart_standby_after": "PowerOn"},
    "machineCapabilities": {"model": "Linea Micra"},
}  # fmt: skip


@dataclass
class Fake:
    """A machine, and what was asked of it and told to it."""

    generation: str = "bluetooth"
    serial: str = "MR012345"
    values: dict[str, dict[str, object]] = field(default_factory=lambda: {name: dict(of) for name, of in MICRA.items()})
    asked: list[str] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    connections: list[FakeConnection] = field(default_factory=list)
    refuses: Exception | None = None
    """What connecting gives."""
    loses: bool = False
    """Whether it says nothing to a command."""
    ignores: bool = False
    """Whether it does not do what it says that it does."""
    delay: float = 0.0
    remark: str = ""

    @property
    def name(self):
        return "the machine near"

    @property
    def model(self):
        return None

    def connection(self, number, on_record=None, *, listens=False):
        found = FakeConnection(self, number, on_record, listens)
        self.connections.append(found)
        return found

    def snapshot(self):
        return BluetoothDriver().snapshot()

    def polls(self, names=()):
        return BluetoothDriver().polls(names)

    def queries_of(self, names):
        return BluetoothDriver().queries_of(names)

    def plan(self, name, words=(), options=None):
        if self.generation == "v3":
            raise UnsupportedError(f"{name} cannot be set: gateway v3 has no writes")
        return BluetoothDriver().plan(name, words, options)

    def do(self, command):
        self.commands.append(command)
        given = dict(command.parameter)
        if self.ignores:
            return
        if command.name == "MachineChangeMode":
            self.values["machineMode"]["power"] = given["mode"] == "BrewingMode"
        elif command.name == "SettingBoilerTarget":
            boiler = "coffee" if given["identifier"] == "CoffeeBoiler1" else "steam"
            self.values["boilers"][f"{boiler}_set_temp"] = float(given["value"])


class FakeConnection:
    def __init__(self, machine, number, on_record, listens):
        self.machine, self.number, self.on_record, self.listens = machine, number, on_record, listens
        self.lost = None
        self.is_open = False
        self._ended = asyncio.Event()

    @property
    def name(self):
        return f"MICRA_{self.machine.serial}"

    async def connect(self):
        if self.machine.refuses is not None:
            raise self.machine.refuses
        self.is_open = True
        self.record("app", Kind.WRITE, "request", {})

    async def close(self):
        self.is_open = False

    async def wait_lost(self):
        await self._ended.wait()
        return self.lost

    def lose(self):
        self.lost = ConnectionLostError("the link is lost")
        self._ended.set()

    def record(self, sender, kind, role, fields):
        self.on_record(
            Record(
                time.time_ns(), self.number, sender, "a", "b", kind, role, fields=fields, machine=self.machine.serial,
                generation=self.machine.generation, subject="x",
            )
        )  # fmt: skip

    def push(self, **fields):
        self.record("machine", Kind.STREAM, "report", fields)

    async def ask(self, request):
        if self.lost is not None:
            raise self.lost
        assert isinstance(request, Question)
        await asyncio.sleep(self.machine.delay)
        self.machine.asked.append(request.name)
        found = self.machine.values.get(request.name, {})
        if found is None:
            raise NoAnswerError(f"no answer to {request.name}")
        self.record("machine", Kind.READ, "response", found)
        return Record(0, 0, "machine", "a", "b", Kind.READ, "response", fields=found, subject="x")

    async def write(self, request):
        self.machine.do(request)
        if self.machine.loses:
            raise UnconfirmedError("the machine did not confirm it")


def bridged(machine, told=None, *, stay=False, changed=None, **options):
    return BridgedMachine(
        BluetoothTarget(name="kitchen"), driver=machine, stay=stay, every=1e-6, timeout=1,
        tell=(told if told is not None else []).append, on_change=changed or (lambda _: None), **options,
    )  # fmt: skip


def entity(name, machine):
    return next(each for each in machine.entities if each.name == name)


def change(machine, name, text):
    return machine.change(entity(name, machine), text, received=seconds_passed())


def test_a_visit_connects_reads_and_leaves():
    async def go():
        machine, told = Fake(), []
        found = bridged(machine, told)
        assert await found.read()
        assert (found.id, found.serial, found.model, found.link) == ("MR012345", "MR012345", "Linea Micra", CONNECTED)
        assert found.values["steam_level"] == 3
        assert found.values["coffee_temp"] == 93.5
        assert "shot_running" not in found.values
        assert told == ["kitchen: connected: Linea Micra MR012345"]
        machine.asked.clear()
        assert await found.read()
        # What the machine would push to who stays, a visit asks for.
        assert {"machineMode", "boilers", "tankStatus"} <= set(machine.asked)
        assert [each.is_open for each in machine.connections] == [False, False]
        assert not any(each.listens for each in machine.connections)
        assert machine.commands == []

    asyncio.run(go())


def test_who_stays_hears_a_shot_at_once():
    async def go():
        machine, changes = Fake(), []
        found = bridged(machine, stay=True, changed=changes.append)
        assert await found.read()
        (connection,) = machine.connections
        assert (connection.listens, connection.is_open) == (True, True)
        assert found.values["shot_running"] is False
        count = len(changes)
        connection.push(brew_started_key=5)
        connection.push(flow_seconds=1.2, brew_solenoid_on=True)
        assert len(changes) == count + 2
        assert (found.values["shot_running"], found.values["shot_seconds"], found.is_pouring) == (True, 1.2, True)
        connection.push(brew_stopped_seconds=1.9, brew_stopped_key=5)
        assert (found.values["shot_running"], found.values["last_shot_seconds"]) == (False, 1.9)
        connection.push(brew_started_key=5)
        connection.push(flow_seconds=0.1)
        connection.push(flush_stopped_seconds=0.4, flush_stopped_key=5)
        assert found.values["last_shot_seconds"] == 1.9  # a flush is no shot
        assert "shot_seconds" not in found.values
        assert len(machine.connections) == 1
        await found.close()

    asyncio.run(go())


def test_a_link_that_is_lost_is_made_again_though_nothing_is_to_be_read():
    async def go():
        machine = Fake()
        found = bridged(machine, stay=True)
        assert await found.read()
        machine.connections[0].push(brew_started_key=5)
        machine.connections[0].push(flow_seconds=3.0)
        assert found.is_pouring
        machine.connections[0].lose()
        assert await found.read()
        assert len(machine.connections) == 2
        assert machine.connections[1].is_open
        await found.close()
        assert not found.is_pouring

    asyncio.run(go())


def test_a_gateway_that_notifies_nothing_is_told_of_once():
    async def go():
        machine, told = Fake(remark="this gateway notifies nothing"), []
        found = bridged(machine, told, stay=True)
        await found.read()
        await found.read()
        await found.close()
        return told

    assert asyncio.run(go())[1:] == ["kitchen: this gateway notifies nothing"]


def test_a_setting_is_sent_once_and_read_back():
    async def go():
        machine = Fake()
        found = bridged(machine)
        assert await found.read()
        done = await change(found, "coffee_set_temp", "92.5")
        assert (done.state, done.now, done.complaint) == ("done", 92.5, "")
        same = await change(found, "coffee_set_temp", "92.5")
        assert same.state == "unchanged"
        assert (await change(found, "steam_level", "1")).now == 126.0
        assert found.values["steam_level"] == 1
        assert (await change(found, "power", "off")).now is False
        assert [each.name for each in machine.commands] == ["SettingBoilerTarget"] * 2 + ["MachineChangeMode"]
        assert not any(each.is_open for each in machine.connections)

    asyncio.run(go())


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("coffee_set_temp", "120", "must be 80 to 110 °C, not 120"),
        ("coffee_set_temp", "hot", "is not a number"),
        ("steam_level", "4", "must be 1 to 3, not 4"),
        ("steam_level", "1.5", "is not a whole number"),
        ("smart_standby_minutes", "0", "must be 1 to 240 min, not 0"),
        ("smart_standby_after", "Sunday", "is not one of"),
        ("power", "maybe", "is neither on nor off"),
        ("steam_set_temp", "128", "can only be read"),
        ("coffee_temp", "93", "can only be read"),
    ],
)
def test_what_cannot_be_meant_needs_no_connection(name, text, complaint):
    async def go():
        machine = Fake()
        found = bridged(machine)
        assert await found.read()
        count = len(machine.connections)
        answer = await change(found, name, text)
        assert (len(machine.connections), machine.commands) == (count, [])
        return answer

    answer = asyncio.run(go())
    assert answer.state == REFUSED
    assert complaint in answer.complaint


def test_v3_says_that_it_has_no_writes():
    async def go():
        machine = Fake(generation="v3")
        machine.values["machineCapabilities"]["module_ser_num"] = "Sn0123456789"
        found = bridged(machine)
        assert await found.read()
        assert found.id == "Sn0123456789"
        assert not [each for each in found.entities if each.writable]
        return await change(found, "power", "on")

    answer = asyncio.run(go())
    assert (answer.state, answer.complaint) == (REFUSED, "power cannot be set: gateway v3 has no writes")


def test_success_that_did_not_take_effect_is_not_taken_and_silence_is_settled_by_reading():
    async def go():
        liar, mute, gone = Fake(ignores=True), Fake(loses=True), Fake(loses=True, ignores=True)
        answers = []
        for machine in (liar, mute, gone):
            found = bridged(machine)
            assert await found.read()
            answers.append(await change(found, "power", "off"))
            assert len(machine.commands) == 1  # sent once, whatever came of it
        return [(each.state, each.now) for each in answers]

    assert asyncio.run(go()) == [("not taken", True), ("done", False), ("unknown", True)]


def test_a_command_for_one_machine_is_not_sent_to_the_other_that_is_near():
    async def go():
        machine, told = Fake(), []
        found = bridged(machine, told)
        assert await found.read()
        machine.serial = "MR999999"
        answer = await change(found, "power", "off")
        assert (machine.commands, found.id, found.is_good) == ([], "", False)
        assert await found.read()
        assert found.id == "MR999999"
        assert (await change(found, "power", "off")).state == "done"
        return answer, told

    answer, told = asyncio.run(go())
    assert answer.state == REFUSED
    assert "MR999999, not MR012345" in answer.complaint
    assert any("another machine" in each for each in told)


def test_a_command_whose_connection_took_too_long_is_not_sent(monkeypatch):
    monkeypatch.setattr(bridged_machine, "_STALE", 0.1)

    async def go():
        machine = Fake()
        found = bridged(machine)
        assert await found.read()
        machine.delay = 0.06
        answer = await change(found, "power", "off")
        return machine, answer

    machine, answer = asyncio.run(go())
    assert (answer.state, machine.commands) == (REFUSED, [])


def test_an_end_tells_which_write_is_under_way():
    async def go():
        machine = Fake()
        found = bridged(machine)
        assert await found.read()
        said = []

        def do(command):
            said.append(found.interruption)
            Fake.do(machine, command)

        machine.do = do
        await change(found, "power", "off")
        return said, found.interruption

    (said,), after = asyncio.run(go())
    assert "MachineChangeMode" in said
    assert "whether the machine took it is not known" in said
    assert after == ""


def test_held_by_the_app_is_busy_and_without_a_token_it_ends():
    async def go():
        machine, told = Fake(), []
        found = bridged(machine, told)
        assert await found.read()
        machine.refuses = BusyError("the app is connected")
        assert not await found.read()
        assert (found.link, found.is_good) == (BUSY, True)
        assert not any(each.is_open for each in machine.connections)
        machine.refuses = NotNearError("not near")
        await found.read()
        assert (found.link, found.is_good) == (BUSY, True)  # a machine that the app holds does not advertise
        machine.refuses = RadioError("Bluetooth is off")
        await found.read()
        await found.read()
        assert found.link == AWAY
        fresh = bridged(Fake(refuses=MissingTokenError("no token")))
        with pytest.raises(MissingTokenError):
            await fresh.read()
        await fresh.close()

    asyncio.run(go())


def test_a_machine_without_a_name_is_called_by_its_serial_number():
    async def go():
        found = BridgedMachine(
            BluetoothTarget(), driver=Fake(), stay=False, every=30, timeout=1, tell=lambda _: None,
            on_change=lambda _: None,
        )  # fmt: skip
        assert await found.read()
        return found.title

    assert asyncio.run(go()) == "MR012345"


def test_what_older_firmware_does_not_tell_is_no_entity():
    async def go():
        machine = Fake()
        machine.values |= {"smartStandBy": None, "tankStatus": None}
        found = bridged(machine)
        assert await found.read()
        assert machine.asked.count("smartStandBy") == 3
        machine.asked.clear()
        found._all_at = -bridged_machine._ALL_SECONDS
        assert await found.read()
        assert "boilers" in machine.asked
        assert "smartStandBy" not in machine.asked  # which would cost three connections each time
        return {each.name for each in found.entities}

    found = asyncio.run(go())
    assert found < {each.name for each in entities_for("bluetooth", "Linea Micra")}
    assert "smart_standby_minutes" not in found
