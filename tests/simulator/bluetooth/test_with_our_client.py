"""Our own client with the simulated machine: over a virtual link, recorded, and decoded to what the client saw."""

from __future__ import annotations

import asyncio

import pytest

from lmdecode.capture import decode_capture
from lmdecode.codec.dialect import OwnerAccess
from lmdecode.codec.speakers import Speakers
from lmdecode.device.bluetooth.driver import BluetoothDriver
from lmdecode.device.changing import State, making, previewing
from lmdecode.device.errors import BusyError, MachineError, NoConnectionError, WrongKeyError
from lmdecode.device.session import Session, take_snapshot
from tests.simulator.bluetooth.bare import TOKEN, run, served


def driver_of(machine, **options):
    options = {"device": machine.server.gatt.name, "token": TOKEN, "search_time": 2.0, "timeout": 2.0} | options
    return BluetoothDriver(radio=f"tcp-client:127.0.0.1:{machine.port}", **options)


async def changed(session, driver, *words):
    preview = await session.run(previewing(driver.plan(words[0], words[1:])))
    return await session.run(making(preview, looks=(0.0, 0.05)))


@pytest.mark.parametrize("model", ["Linea Micra", "Linea Mini", "GS3 AV", "GS3 MP"])
def test_all_that_it_tells_is_read(model):
    async def work():
        async with served(model=model) as machine:
            driver = driver_of(machine)
            async with Session(driver.connection) as session:
                return machine.machine, await take_snapshot(session, driver.snapshot())

    machine, snapshot = run(work)
    number = machine.registers.number
    assert snapshot.fields["model"] == model
    assert snapshot.fields["machine_ser_num"] == machine.serial_number
    assert snapshot.fields["power"] is machine.physics.on
    assert snapshot.fields["coffee_set_temp"] == number("coffee_set_temp", 0)
    assert snapshot.fields["coffee_temp"] == round(number("coffee_temp", 0))
    assert snapshot.fields["water_reservoir_contact"] is True
    assert snapshot.fields["smart_standby_minutes"] == 10
    assert not snapshot.silent


def test_what_the_client_saw_is_what_the_recording_says(tmp_path):
    path = tmp_path / "air.btsnoop"
    seen = []

    async def work():
        async with served(btsnoop=path, speed=5) as machine:
            driver = driver_of(machine)
            async with Session(lambda number: driver.connection(number, seen.append, listens=True)) as session:
                await take_snapshot(session, driver.snapshot())
                outcome = await changed(session, driver, "coffee_set_temp", "91.5")
                machine.machine.physics.pull_shot(1, 8)
                for _ in range(300):
                    await asyncio.sleep(0.01)
                    if any("brew_stopped_seconds" in each.fields for each in seen):
                        break
                return outcome

    outcome = run(work)
    found = list(decode_capture(path, Speakers.open(OwnerAccess())))

    def told(records, *, notified):
        return [
            (each.sender, each.subject, each.role, each.fields, dict(each.extra), each.problems)
            for each in records
            if (each.role == "report") == notified
        ]

    assert outcome.results[0].state is State.DONE
    # A notification and an answer that are on the air at the same time reach the client in either order.
    for notified in (True, False):
        assert told(found, notified=notified) == told(seen, notified=notified)
    assert any(each.fields.get("brew_stopped_seconds") == 8 for each in found)
    assert TOKEN not in repr(found) + repr(seen)


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (("power", "off"), {"power": False}),
        (("coffee_set_temp", "92.5"), {"coffee_set_temp": 92.5}),
        (("steam_level", "1"), {"steam_set_temp": 126.0}),
        (("steam_boiler_enable", "off"), {"steam_boiler_enable": False}),
        (("standby", "42"), {"smart_standby_minutes": 42, "smart_standby_enable": True}),
    ],
)
def test_each_setting_is_made_and_shows_in_the_machine(words, shown):
    async def work():
        async with served() as machine:
            driver = driver_of(machine)
            async with Session(driver.connection) as session:
                return await changed(session, driver, *words), {name: machine.machine.get(name) for name in shown}

    outcome, held = run(work)
    assert outcome.done
    assert not outcome.complaint
    assert held == shown


@pytest.mark.parametrize(
    ("fault", "state", "is_off"),
    [
        ("no-ok", State.NOT_TAKEN, False),
        ("lie", State.NOT_TAKEN, False),
        ("unconfirmed", State.DONE, True),
        ("late=0.2", State.DONE, True),
        ("late=3", State.DONE, True),
        ("write-error", State.NOT_TAKEN, False),
        ("lost-before:1", State.UNKNOWN, False),
        ("lost-after:1", State.DONE, True),
    ],
)
def test_what_becomes_of_a_command_is_settled_by_reading(fault, state, is_off):
    async def work():
        async with served(fault) as machine:
            driver = driver_of(machine)
            async with Session(driver.connection, pause=0.05) as session:
                outcome = await changed(session, driver, "power", "off")
            written = [each for each in machine.records if each.subject == "0b0b write MachineChangeMode"]
            return outcome, not machine.machine.physics.on, len(written)

    outcome, off, written = run(work)
    assert (outcome.results[0].state, off, written) == (state, is_off, 1)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("no-token", WrongKeyError),
        ("held", NoConnectionError),
        ("busy", BusyError),
        ("drop", MachineError),
        ("garbage", MachineError),
        ("half", MachineError),
        ("empty", MachineError),
        ("error", MachineError),
        ("close", MachineError),
    ],
)
def test_each_fault_ends_in_one_clear_error(fault, error):
    async def work():
        async with served(fault) as machine:
            driver = driver_of(machine, timeout=0.3, search_time=0.5)
            with pytest.raises(error) as failed:
                async with Session(driver.connection, tries=1) as session:
                    await session.ask(driver.polls(["coffee_temp"])[0].request)
            return str(failed.value)

    said = run(work)
    assert said
    assert "\n" not in said
    assert TOKEN not in said


@pytest.mark.parametrize("fault", ["text", "rest", "late-token=0.2", "delay=0.2", "no-events", "mute", "flood"])
def test_what_is_odd_but_sound_is_read_all_the_same(fault):
    async def work():
        async with served(fault) as machine:
            machine.machine.physics.set("water_reservoir_contact", False)
            driver = driver_of(machine)
            async with Session(lambda number: driver.connection(number, listens=True)) as session:
                return await take_snapshot(session, driver.snapshot())

    fields = run(work).fields
    assert fields["water_reservoir_contact"] is False
    assert fields["smart_standby_enable"] is False
    assert fields["coffee_boiler_enable"] is True


def test_a_wrong_token_shows_before_anything_is_asked():
    async def work():
        async with served() as machine:
            driver = driver_of(machine, token="f" * 64)
            with pytest.raises(WrongKeyError):
                async with Session(driver.connection):
                    pass
            return [each.subject for each in machine.records]

    assert {each.split()[0] for each in run(work)} <= {"0d0b"}
