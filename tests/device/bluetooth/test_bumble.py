"""The client against the simulated machine, each with bumble's stack, over a radio in memory and TCP."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from bumble.att import ATT_CID

import lmdecode
from lmdecode.codec.record import Record
from lmdecode.device.bluetooth.bleak_radio import radio_named
from lmdecode.device.bluetooth.connection import BluetoothConnection
from lmdecode.device.bluetooth.driver import BluetoothDriver
from lmdecode.device.bluetooth.finding import find_machines
from lmdecode.device.changing import Outcome, State, making, previewing
from lmdecode.device.errors import (
    BadAnswerError,
    BusyError,
    ConnectionLostError,
    MachineError,
    MissingTokenError,
    NoAnswerError,
    RadioError,
    UnsupportedError,
    WrongKeyError,
)
from lmdecode.device.session import Session, take_snapshot
from lmdecode.simulator.bluetooth.commands import Confirmation
from lmdecode.simulator.bluetooth.peripheral import _Server
from tests.simulator.bluetooth.bare import TOKEN, Served, served

MACHINE = "MR000000"
_READ_BY_GROUP_TYPE = 0x10


def driver_of(machine: Served, **options: Any) -> BluetoothDriver:
    options = {"device": MACHINE, "token": TOKEN, "timeout": 1.0, "search_time": 1.0, **options}
    return BluetoothDriver(radio=f"tcp-client:127.0.0.1:{machine.port}", **options)


def used(
    use: Callable[[BluetoothDriver, Session[Any], Served], Awaitable[Any]],
    *faults: str,
    on_record: Callable[[Record], None] | None = None,
    btsnoop: Path | None = None,
    **options: Any,
) -> Any:
    async def run() -> Any:
        async with AsyncExitStack() as stack:
            machine = await stack.enter_async_context(served(*faults, btsnoop=btsnoop))
            driver = driver_of(machine, **options)
            session: Session[Any] = Session(lambda number: driver.connection(number, on_record), tries=1)
            stack.push_async_callback(session.close)
            return await use(driver, session, machine)

    return asyncio.run(run())


async def mode(driver: BluetoothDriver, session: Session[Any], _machine: Served) -> Record:
    return await session.ask(driver.polls()[0].request)


async def switched_off(driver: BluetoothDriver, session: Session[Any], _machine: Served) -> Outcome:
    preview = await session.run(previewing(driver.plan("power", ["off"])))
    return await session.run(making(preview, looks=(0.0, 0.05)))


def test_all_that_it_tells_and_one_change_are_on_the_air_as_the_client_saw_them(tmp_path: Path) -> None:
    records: list[Record] = []

    async def use(driver: BluetoothDriver, session: Session[Any], machine: Served) -> None:
        snapshot = await take_snapshot(session, driver.snapshot())
        assert snapshot.fields["model"] == "Linea Micra"
        assert snapshot.fields["machine_ser_num"] == MACHINE
        assert not snapshot.silent
        preview = await session.run(previewing(driver.plan("coffee-temp", ["92.5"])))
        assert (await session.run(making(preview))).done
        assert machine.machine.get("coffee_set_temp") == 92.5

    file = tmp_path / "air.btsnoop"
    used(use, on_record=records.append, btsnoop=file)
    seen = [dict(each.fields) for each in records if each.sender == "machine" and each.fields]
    recorded = [dict(each.fields) for each in lmdecode.decode(file) if each.sender == "machine" and each.fields]
    assert len(seen) > 10
    assert recorded == seen


def test_what_happens_is_heard() -> None:
    async def use(driver: BluetoothDriver, _session: Session[Any], machine: Served) -> list[Record]:
        records: list[Record] = []
        connection = driver.connection(0, records.append, listens=True)
        await connection.connect()
        machine.machine.set_target("CoffeeBoiler1", 91.0)
        for _ in range(150):
            await asyncio.sleep(0.02)
            if any("coffee_set_temp" in each.fields for each in records):
                break
        await connection.close()
        return records

    records = used(use)
    reports = [each for each in records if each.kind == "stream"]
    assert [each.fields["coffee_set_temp"] for each in reports if "coffee_set_temp" in each.fields] == [91.0]


@pytest.mark.parametrize(
    ("fault", "error", "words"),
    [
        ("no-token", WrongKeyError, "refuses the token"),
        ("busy", BusyError, "one Bluetooth connection at a time"),
        ("held", RadioError, "MR000000 is not near"),
        ("old-gateway", UnsupportedError, "--generation v3"),
        ("drop", ConnectionLostError, "fallen silent"),
        ("error", NoAnswerError, "does not tell machineMode"),
        ("empty", NoAnswerError, "it is empty"),
        ("garbage", BadAnswerError, "the answer to machineMode is"),
        ("close", ConnectionLostError, "the link to MICRA_MR000000 is lost"),
    ],
)
def test_a_fault_is_one_clear_error_in_time(fault: str, error: type[MachineError], words: str) -> None:
    begun = time.monotonic()
    with pytest.raises(error, match=words) as told:
        used(mode, fault)
    assert "\n" not in str(told.value)
    assert TOKEN not in str(told.value)
    assert time.monotonic() - begun < 8  # s; a machine is busy after three attempts


@pytest.mark.parametrize("fault", ["late-token=0.2", "rest", "text", "delay=0.2", "no-events"])
def test_a_fault_that_harms_nothing(fault: str) -> None:
    assert used(mode, fault).fields == {"power": True}


@pytest.mark.parametrize(
    ("fault", "state", "links"),
    [
        ("no-ok", State.NOT_TAKEN, 1),
        ("lie", State.NOT_TAKEN, 1),
        ("unconfirmed", State.DONE, 1),
        ("late=0.2", State.DONE, 1),
        ("write-error", State.NOT_TAKEN, 1),
        ("lost-before", State.UNKNOWN, 2),
        ("lost-after", State.DONE, 2),
    ],
)
def test_what_came_of_a_command(fault: str, state: State, links: int) -> None:
    records: list[Record] = []
    outcome = used(switched_off, fault, on_record=records.append)
    assert [each.state for each in outcome.results] == [state]
    commands = [each for each in records if each.sender == "app" and each.subject == "0b0b write MachineChangeMode"]
    assert len(commands) == 1
    assert len({each.stream for each in records}) == links


def test_a_value_without_an_end_is_given_up() -> None:
    async def use(driver: BluetoothDriver, session: Session[Any], machine: Served) -> None:
        machine.server.gatt._answer = lambda _name: b" " * 70_000  # type: ignore[method-assign]
        await mode(driver, session, machine)

    with pytest.raises(ConnectionLostError, match="a value of the device has no end"):
        used(use, timeout=10.0)


def test_a_confirmation_without_an_end_does_not_hide_what_came_of_a_command() -> None:
    async def use(driver: BluetoothDriver, session: Session[Any], machine: Served) -> Outcome:
        confirmation = machine.server.gatt._confirmation

        def confirm(value: bytes, fault: str | None) -> Confirmation:
            return confirmation(value, fault)._replace(message="x" * 70_000)

        machine.server.gatt._confirmation = confirm  # type: ignore[method-assign]
        return await switched_off(driver, session, machine)

    records: list[Record] = []
    outcome = used(use, on_record=records.append, timeout=10.0)
    assert [each.state for each in outcome.results] == [State.DONE]
    assert len([each for each in records if each.subject == "0b0b write MachineChangeMode"]) == 1


def test_who_connects_to_a_device_with_endless_services_can_give_up() -> None:
    async def use(driver: BluetoothDriver, _session: Session[Any], _machine: Served) -> float:
        def answer(server: Any, bearer: Any, pdu: Any) -> None:
            if pdu.op_code == _READ_BY_GROUP_TYPE:
                handle = pdu.starting_handle.to_bytes(2, "little")
                bearer.send_l2cap_pdu(ATT_CID, b"\x11\x06" + 2 * handle + b"\x0a\x18")
            else:
                on_gatt_pdu(server, bearer, pdu)

        on_gatt_pdu = _Server.on_gatt_pdu
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(_Server, "on_gatt_pdu", answer)
            connection = driver.connection(0)
            connecting = asyncio.create_task(connection.connect())
            await asyncio.sleep(0.5)
            begun = time.monotonic()
            connecting.cancel()
            await asyncio.wait({connecting})
            await connection.close()
            return time.monotonic() - begun

    assert used(use) < 3.0


def test_pairing_mode_tells_the_token() -> None:
    records: list[Record] = []

    async def use(driver: BluetoothDriver, session: Session[Any], machine: Served) -> Record:
        with pytest.raises(MissingTokenError):
            await mode(driver, session, machine)
        machine.server.gatt.pairing = True
        return await mode(driver, session, machine)

    assert used(use, token="", on_record=records.append).fields == {"power": True}
    assert TOKEN not in repr(records)


def test_all_machines_that_are_near() -> None:
    async def near() -> None:
        async with served() as machine:
            radio = radio_named(f"tcp-client:127.0.0.1:{machine.port}")
            try:
                found = await find_machines(radio, 0.3)
            finally:
                await radio.close()
            assert [each.name for each in found] == ["MICRA_MR000000"]
            assert found[0].is_machine
            assert found[0].rssi is not None

    asyncio.run(near())


def test_a_machine_that_goes_away_and_comes_back() -> None:
    async def use(driver: BluetoothDriver, _session: Session[Any], machine: Served) -> None:
        first = driver.connection(0)
        await first.connect()
        await first.close()
        second: BluetoothConnection = driver.connection(1)
        await second.connect()
        assert (await second.ask(driver.polls()[0].request)).fields == {"power": True}
        await machine.server.close()
        assert isinstance(await asyncio.wait_for(second.wait_lost(), 3), ConnectionLostError)
        await second.close()

    used(use)


@pytest.mark.parametrize(
    ("transport", "words"),
    [
        ("tcp-client:127.0.0.1:1", "nothing listens there"),
        ("rubbish", "is not a radio"),
        ("tcp-client:", "is not a radio"),
        ("serial:/dev/nothing,1000000", "cannot be used"),
    ],
)
def test_a_radio_that_is_none(transport: str, words: str) -> None:
    async def find() -> None:
        radio = radio_named(transport)
        try:
            await find_machines(radio, 0.1)
        finally:
            await radio.close()

    with pytest.raises(RadioError, match=words):
        asyncio.run(find())
