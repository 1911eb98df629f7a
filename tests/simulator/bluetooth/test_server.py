"""A simulated machine on a radio in memory, with bumble's own client as the app."""

from __future__ import annotations

import asyncio
import json

import pytest
from bumble.att import ATT_Error
from bumble.core import BaseBumbleError

from lmdecode.capture import decode_capture
from lmdecode.codec.dialect import OwnerAccess
from lmdecode.codec.speakers import Speakers
from lmdecode.simulator.bluetooth.server import BluetoothServer
from lmdecode.simulator.families import FAMILIES
from lmdecode.simulator.json_machine import JsonMachine
from lmdecode.simulator.listening import ServerError
from tests.simulator.bluetooth.bare import TOKEN, app, run, served, until

POWER_OFF = b'{"name":"MachineChangeMode","parameter":{"mode":"StandBy"}}\0'
STEAM_OFF = b'{"name":"SettingBoilerEnable","parameter":{"identifier":"SteamBoiler","state":false}}\0'


def test_it_has_the_characteristics_and_says_who_it_is():
    async def work():
        async with served() as machine, app(machine.port) as phone:
            return (
                set(phone.characteristics),
                await phone.read("2a25"),
                await phone.read("2a24"),
                await phone.read("2a00"),
            )

    names, serial, model, name = run(work)
    assert {"0a0b", "0b0b", "0c0b", "0d0b", "0e0b", "2a25", "2a26", "2a29"} <= names
    assert (serial, model, name) == (b"MR000000", b"Linea Micra", b"MICRA_MR000000")


@pytest.mark.parametrize("mtu", [23, 185, 517])
def test_a_value_that_is_longer_than_the_mtu_is_read_whole(mtu):
    async def work():
        async with served() as machine, app(machine.port, mtu=mtu) as phone:
            await phone.log_in()
            return await phone.ask("machineCapabilities")

    value = run(work)
    assert len(value) > 180
    assert json.loads(value[:-1])[0]["family"] == "MICRA"


def test_nothing_is_answered_before_the_token():
    async def work():
        async with served() as machine, app(machine.port) as phone:
            before = await phone.read("0d0b"), await phone.ask("machineMode")
            await phone.log_in("wrong")
            wrong = await phone.read("0d0b")
            await phone.log_in()
            return before, wrong, await phone.read("0d0b"), await phone.ask("machineMode"), machine

    before, wrong, right, mode, machine = run(work)
    assert before == (b"\0", b"")
    assert wrong == b"\0"
    assert (right, mode) == (b"\1", b'"BrewingMode"\0')
    assert any("wrong token" in each for each in machine.notes)
    assert TOKEN not in repr(machine.records) + "".join(machine.notes)


def test_a_command_changes_the_machine_and_is_confirmed():
    async def work():
        async with served() as machine, app(machine.port) as phone:
            await phone.log_in()
            await phone.write("0b0b", POWER_OFF)
            return machine.machine.physics.on, json.loads((await phone.read("0b0b"))[:-1])

    on, confirmation = run(work)
    assert not on
    assert confirmation["status"] == "success"


def test_a_subscription_begins_with_a_replay_and_then_tells_a_shot():
    async def work():
        async with served(speed=10) as machine, app(machine.port) as phone:
            await phone.log_in()
            await phone.listen()
            assert await until(lambda: len(phone.notified) == 1)
            machine.machine.physics.pull_shot(1, 12)
            assert await until(lambda: any(b"BrewingStopped" in each for each in phone.notified), 4)
            return phone.notified

    replay, *said = run(work)
    assert b"UpdateTemperature" in replay
    said = [json.loads(each) for each in said if b"Group1" in each]
    assert said[0] == {"BrewingStartedGroup1DoseIndex": "ContinuousDose"}
    assert said[-1]["BrewingStoppedGroup1Time"] == 12


def test_a_long_notification_is_cut_to_the_mtu():
    async def work():
        async with served() as machine, app(machine.port, mtu=100) as phone:
            await phone.log_in()
            await phone.listen()
            machine.machine.advance = lambda _: [{"MachineStatistics": "x" * 300}]
            machine.server._tick = machine.machine.advance
            assert await until(lambda: len(phone.notified) > 1)
            return phone.notified[1]

    assert len(run(work)) == 97


def test_what_may_not_be_read_or_written_is_refused():
    async def work():
        found = []
        async with served() as machine, app(machine.port) as phone:
            for name in ("2a25", "0c0b", "0e0b"):
                with pytest.raises(ATT_Error) as refused:
                    await phone.write(name, b"XX999999")
                found.append(refused.value.error_code)
            with pytest.raises(ATT_Error) as refused:
                await phone.read("0e0b")
            await phone.characteristics["2a25"].write_value(b"XX999999", with_response=False)
            return found, refused.value.error_code, await phone.read("2a25")

    assert run(work) == ([3, 3, 3], 2, b"MR000000")


def test_a_long_write_in_pieces_arrives_whole():
    long = json.dumps({"name": "SettingBoilerTarget", "parameter": {"identifier": "CoffeeBoiler1", "value": 91.5}})

    async def work():
        async with served() as machine, app(machine.port, mtu=23) as phone:
            await phone.log_in()
            from bumble import att

            handle, client = phone.characteristics["0b0b"].handle, phone.peer.gatt_client
            whole = long.encode() + b"\0"
            for at in range(0, len(whole), 18):
                await client.send_request(
                    att.ATT_Prepare_Write_Request(
                        attribute_handle=handle, value_offset=at, part_attribute_value=whole[at : at + 18]
                    )
                )
            await client.send_request(att.ATT_Execute_Write_Request(flags=1))
            return machine.machine.registers.get("coffee_set_temp")

    assert run(work) == 91.5


@pytest.mark.parametrize("fault", ["close", "busy", "lost-before", "lost-after"])
def test_a_link_that_is_lost(fault):
    async def work():
        async with served(fault) as machine:
            async with app(machine.port, connected=False) as phone:
                heard = await phone.find()
                with pytest.raises((BaseBumbleError, asyncio.CancelledError, TimeoutError)):
                    await asyncio.wait_for(_use(phone, heard), 2)
            machine.server.faults.clear()
            async with app(machine.port) as phone:
                await phone.log_in()
                return machine.machine.physics.on, await phone.ask("machineMode")

    async def _use(phone, heard):
        await phone.connect(heard.address)
        await phone.log_in()
        await phone.write("0b0b", POWER_OFF)
        await phone.read("0b0b")

    on, mode = run(work)
    assert on is (fault in {"lost-before", "busy"})
    assert mode == (b'"BrewingMode"\0' if on else b'"StandBy"\0')


@pytest.mark.parametrize("fault", ["drop", "never"])
def test_silence_ends_with_the_link(fault):
    async def work():
        async with served(fault) as machine:
            async with app(machine.port) as phone:
                asking = asyncio.create_task(_use(phone))
                done, _ = await asyncio.wait([asking], timeout=0.3)
                asking.cancel()
                await asyncio.gather(asking, return_exceptions=True)
            machine.server.faults.clear()
            async with app(machine.port) as phone:
                await phone.log_in()
                return done, await phone.ask("machineMode")

    async def _use(phone):
        await phone.log_in()
        await phone.ask("machineMode")

    assert run(work) == (set(), b'"BrewingMode"\0')


def test_an_error_of_att_and_a_late_answer():
    async def work():
        async with served("error:1", "delay=0.2:1") as machine, app(machine.port) as phone:
            await phone.log_in()
            with pytest.raises(ATT_Error):
                await phone.ask("machineMode")
            begun = asyncio.get_running_loop().time()
            value = await phone.ask("machineMode")
            return asyncio.get_running_loop().time() - begun, value

    seconds, value = run(work)
    assert seconds >= 0.2
    assert value == b'"BrewingMode"\0'


@pytest.mark.parametrize(
    ("fault", "names"), [("no-events", {"0a0b", "0b0b", "0c0b", "0d0b"}), ("old-gateway", {"050b", "090b"})]
)
def test_older_gateways_have_other_characteristics(fault, names):
    async def work():
        async with served(fault) as machine:
            async with app(machine.port) as phone:
                old = set(phone.characteristics)
            machine.server.faults.clear()
            async with app(machine.port) as phone:
                return old, set(phone.characteristics)

    old, new = run(work)
    assert {each for each in old if each.endswith("0b")} == names
    assert "0e0b" in new


def test_a_machine_that_is_held_cannot_be_found_until_it_is_let_go():
    async def work():
        async with served("held") as machine, app(machine.port, connected=False) as phone:
            held = await phone.find(0.3)
            machine.server.faults.clear()
            return held, await phone.find()

    held, free = run(work)
    assert held is None
    assert free is not None


def test_a_flood_reaches_the_app_and_the_machine_still_answers():
    async def work():
        async with served("flood") as machine, app(machine.port) as phone:
            await phone.log_in()
            await phone.listen()
            machine.machine.physics.pull_shot(1)
            assert await until(lambda: len(phone.notified) > 100)
            return await phone.ask("machineMode")

    assert run(work) == b'"BrewingMode"\0'


def test_what_went_over_the_air_decodes_to_the_same_values(tmp_path):
    path, early = tmp_path / "air.btsnoop", tmp_path / "early.btsnoop"

    async def work():
        async with served(btsnoop=path, speed=5) as machine, app(machine.port) as phone:
            await phone.log_in()
            await phone.read("0d0b")
            seen = [await phone.ask(name) for name in ("boilers", "machineMode", "machineCapabilities", "smartStandBy")]
            await phone.listen()
            machine.machine.physics.pull_shot(1, 7)
            await phone.write("0b0b", STEAM_OFF)
            await phone.read("0b0b")
            assert await until(lambda: any(b"BrewingStopped" in each for each in phone.notified), 4)
            early.write_bytes(path.read_bytes())
            return seen, phone.notified, machine.records

    seen, notified, records = run(work)
    found = list(decode_capture(path, Speakers.open(OwnerAccess())))
    assert [
        bytes.fromhex(each.data) for each in found if each.role == "response" and each.subject.startswith("0a0b")
    ] == seen
    assert [bytes.fromhex(each.data) for each in found if each.role == "report"] == notified
    assert found[0].data == "**"
    assert TOKEN not in repr(found)
    of_the_log = [(each.subject, each.fields, each.problems) for each in records]
    assert [(each.subject, each.fields, each.problems) for each in found] == of_the_log
    # Each packet is in the file as soon as it was sent: what is there before the end has all of it.
    assert list(decode_capture(early, Speakers.open(OwnerAccess()))) == found


def test_a_file_of_another_kind_is_not_overwritten_and_the_new_one_is_private(tmp_path):
    async def work(path):
        server = BluetoothServer(JsonMachine(FAMILIES["Linea Micra"], "bluetooth"), TOKEN, btsnoop=path)
        async with server:
            return path.stat().st_mode & 0o777

    other = tmp_path / "config.json"
    other.write_text('{"key": "x"}')
    with pytest.raises(ServerError, match="another file"):
        run(lambda: work(other))
    assert other.read_text() == '{"key": "x"}'
    air = tmp_path / "air.btsnoop"
    for _ in range(2):
        assert run(lambda: work(air)) == 0o600


def test_a_file_that_cannot_be_written_is_one_clear_line(tmp_path):
    async def work():
        server = BluetoothServer(JsonMachine(FAMILIES["Linea Micra"], "bluetooth"), TOKEN, btsnoop=tmp_path)
        with pytest.raises(ServerError) as refused:
            await server.start()
        return str(refused.value)

    assert "cannot be written" in run(work)
