"""The air of simulated radios: programs that come, go, die and collide, and what is no radio."""

from __future__ import annotations

import asyncio
import contextlib
import logging

import pytest
from bumble.core import AdvertisingData
from bumble.device import Peer

from lmdecode.simulator.bluetooth.server import BluetoothServer
from lmdecode.simulator.families import FAMILIES
from lmdecode.simulator.json_machine import JsonMachine
from lmdecode.simulator.listening import ServerError
from tests.simulator.bluetooth.bare import TOKEN, app, run, served, until


@pytest.mark.parametrize("model", FAMILIES)
def test_it_advertises_as_machines_do(model):
    async def work():
        async with served(model=model) as machine, app(machine.port, connected=False) as phone:
            return await phone.find()

    heard = run(work)
    assert heard.data.get(AdvertisingData.COMPLETE_LOCAL_NAME) == FAMILIES[model].bluetooth_name
    assert heard.is_connectable


def test_apps_come_and_go_and_one_that_dies_is_no_harm():
    async def work():
        async with served() as machine:
            for number in range(6):
                async with app(machine.port) as phone:
                    await phone.log_in()
                    assert await phone.ask("machineMode") == b'"BrewingMode"\0'
                    if number % 3 == 0:
                        await phone.peer.connection.disconnect()
                    elif number % 3 == 1:
                        phone.transport.sink.transport.abort()
            assert await until(lambda: not machine.server.gatt.is_connected)
            return machine

    machine = run(work)
    assert sum("disconnected" in each for each in machine.notes) == 6


def test_one_that_dies_while_it_connects_is_no_harm():
    async def work():
        async with served() as machine:
            for steps in range(1, 12):
                async with app(machine.port, connected=False) as phone:
                    heard = await phone.find()
                    connecting = asyncio.create_task(phone.connect(heard.address))
                    await asyncio.sleep(steps * 0.004)
                    phone.transport.sink.transport.abort()
                    connecting.cancel()
                    await asyncio.gather(connecting, return_exceptions=True)
            async with app(machine.port) as phone:
                await phone.log_in()
                return await phone.ask("tankStatus")

    assert run(work) == b"true\0"


def test_one_app_at_a_time():
    async def work():
        async with (
            served() as machine,
            app(machine.port) as phone,
            app(machine.port, connected=False, address="F0:F1:F2:F3:F4:F6") as other,
        ):
            while_held = await other.find(0.4)
            await phone.peer.connection.disconnect()
            return while_held, await other.find()

    while_held, after = run(work)
    assert while_held is None
    assert after is not None


def test_of_two_that_connect_at_once_the_later_one_learns_it():
    async def work():
        async with (
            served() as machine,
            app(machine.port, connected=False) as one,
            app(machine.port, connected=False, address="F0:F1:F2:F3:F4:F6") as other,
        ):
            heard = await one.find()
            both = (one, other)
            return await asyncio.gather(*(each.connect(heard.address) for each in both), return_exceptions=True)

    assert sorted(type(each).__name__ for each in run(work)) == ["ConnectionResetError", "NoneType"]


def test_an_app_may_use_its_public_address():
    async def work():
        async with served() as machine, app(machine.port, connected=False) as phone:
            heard = await phone.find()
            link = await phone.device.connect(heard.address, own_address_type=0, timeout=2)
            return await Peer(link).request_mtu(200)

    assert run(work) == 200


def test_garbage_on_the_port_is_turned_away():
    async def work():
        async with served() as machine:
            for text in (
                b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
                b"\x01\x03\x0c\x00",
                b"\x02\x01\x00\xff\xff" + b"x" * 40_000,
                b"",
            ):
                reader, writer = await asyncio.open_connection("127.0.0.1", machine.port)
                writer.write(text)
                if text.startswith(b"GET"):
                    with contextlib.suppress(ConnectionResetError):
                        assert await reader.read() == b""
                writer.close()
            async with app(machine.port) as phone:
                await phone.log_in()
                return machine.notes, await phone.ask("machineMode")

    notes, mode = run(work)
    assert any("does not speak HCI" in each for each in notes)
    assert mode == b'"BrewingMode"\0'


@pytest.mark.parametrize("packet", [b"\1\3\x0c\0", b"\1\0\0\0", b"\2\x40\0\5\0\1\0\4\0\xff"])
def test_a_flood_of_packets_is_turned_away(packet):
    async def work():
        async with served() as machine:
            reader, writer = await asyncio.open_connection("127.0.0.1", machine.port)
            with contextlib.suppress(OSError):
                writer.write(packet * 300_000)
                await writer.drain()
                while await reader.read(4096):
                    pass
            async with app(machine.port) as phone:
                await phone.log_in()
                assert await phone.ask("machineMode") == b'"BrewingMode"\0'
            writer.transport.abort()
            return machine.notes

    assert "a program that tells its radio more than any means is turned away" in run(work)


def test_more_programs_than_radios_are_turned_away():
    async def work():
        async with served() as machine:
            pairs = [await asyncio.open_connection("127.0.0.1", machine.port) for _ in range(9)]
            gone = await until(lambda: any("turned away" in each for each in machine.notes))
            for _, writer in pairs:
                writer.close()
            assert await until(lambda: sum("are gone" in each for each in machine.notes) == 8)
            async with app(machine.port) as phone:
                await phone.log_in()
                return gone, await phone.read("0d0b")

    assert run(work) == (True, b"\1")


def test_nothing_of_bumble_is_logged(capfd):
    logging.getLogger("bumble").setLevel(logging.NOTSET)

    async def work():
        async with served("random=0.4") as machine:
            for _ in range(3):
                async with app(machine.port, connected=False) as phone:
                    heard = await phone.find()
                    if heard is None:
                        continue
                    with contextlib.suppress(Exception, asyncio.CancelledError):
                        async with asyncio.timeout(0.4):
                            await phone.connect(heard.address)
                            await phone.log_in()
                            while True:
                                await phone.ask("boilers")

    run(work)
    assert capfd.readouterr() == ("", "")


def test_a_port_that_is_taken_is_one_clear_line():
    async def work():
        async with served() as machine:
            second = BluetoothServer(machine.machine, TOKEN, port=machine.port)
            with pytest.raises(ServerError) as refused:
                await second.start()
            return str(refused.value)

    assert "is in use" in run(work)


@pytest.mark.parametrize(
    ("radio", "why"),
    [
        ("usb:77", "usb:77 cannot be used"),
        ("nonsense", "nonsense cannot be used"),
        ("tcp-client:127.0.0.1:1", "cannot be used"),
        ("serial:/dev/there-is-none", "cannot be used"),
        ("usb:", "cannot be used"),
    ],
)
def test_a_radio_that_cannot_be_used_is_one_clear_line(radio, why):
    async def work():
        server = BluetoothServer(JsonMachine(FAMILIES["Linea Micra"], "bluetooth"), TOKEN, radio=radio)
        with pytest.raises(ServerError) as refused:
            await server.start()
        return str(refused.value)

    said = run(work)
    assert why in said
    assert "\n" not in said


def test_another_machine_on_a_radio_of_the_same_air():
    async def work():
        async with served() as first:
            other = JsonMachine(FAMILIES["GS3 AV"], "bluetooth")
            server = BluetoothServer(other, TOKEN, radio=f"tcp-client:127.0.0.1:{first.port}")
            async with server, app(first.port, connected=False) as phone:
                names = set()
                while len(names) < 2:
                    heard = await phone.find()
                    names.add(heard.data.get(AdvertisingData.COMPLETE_LOCAL_NAME))
                    if heard.data.get(AdvertisingData.COMPLETE_LOCAL_NAME) == server.gatt.name:
                        address = heard.address
                await phone.connect(address)
                await phone.log_in()
                family = await phone.ask("machineCapabilities")
                running = asyncio.create_task(server.run())
                await asyncio.sleep(0)
                await first.server.close()
                with pytest.raises(ServerError, match="is gone"):
                    await asyncio.wait_for(running, 5)
            return names, family

    names, family = run(work)
    assert names == {"MICRA_MR000000", FAMILIES["GS3 AV"].bluetooth_name}
    assert b"GS3AV" in family


def test_another_address_than_loopback_is_warned_of():
    async def work():
        notes = []
        machine = JsonMachine(FAMILIES["Linea Micra"], "bluetooth")
        async with BluetoothServer(machine, TOKEN, host="0.0.0.0", on_note=notes.append):
            return notes

    assert any("whoever can reach" in each for each in run(work))
