from __future__ import annotations

import asyncio

import pytest

from lmdecode.allowance import Allowance
from lmdecode.analysis.entities import entities_of
from lmdecode.app import bridged_machine
from lmdecode.app.bridged_machine import AWAY, BUSY, CONNECTED, REFUSED, BridgedMachine, switches_off
from lmdecode.app.mqtt import seconds_passed
from lmdecode.codec.v1.key import Key
from lmdecode.config.targets import Target
from lmdecode.device.errors import BusyError, NoConnectionError
from tests.cli.live import KEY, running

POWER = next(each for each in entities_of("GS3 AV") if each.name == "power")


def bridged(port, told, **options):
    return BridgedMachine(
        Target("127.0.0.1", port, Key.parse(KEY), name="kitchen/#"),
        tell=told.append, on_change=lambda _: None, **{"every": 1, "stay": False, "timeout": 2} | options,
    )  # fmt: skip


def test_a_command_that_has_waited_for_too_long_is_not_sent():
    async def late(machine):
        found = bridged(machine.port, [])
        assert await found.read()
        answers = [await found.change(POWER, "off", received=seconds_passed() - seconds) for seconds in (3600, 5.1, 0)]
        await found.close()
        return answers

    with running() as machine:
        *refused, done = asyncio.run(late(machine))
        assert [each.state for each in refused] == [REFUSED, REFUSED]
        assert done.state == "done"
        assert done.now is False
        assert len(machine.writes) == 1


def test_a_command_that_waits_behind_a_read_gets_old_meanwhile(monkeypatch):
    monkeypatch.setattr(bridged_machine, "_STALE", 0.2)

    async def wait(machine):
        found = bridged(machine.port, [])
        assert await found.read()
        async with found._turn:
            waiting = asyncio.create_task(found.change(POWER, "off", received=seconds_passed()))
            await asyncio.sleep(0.4)
        return await waiting

    with running() as machine:
        assert asyncio.run(wait(machine)).state == REFUSED
        assert machine.writes == []


def test_busy_is_not_offline_and_one_lost_packet_is_no_news(monkeypatch):
    told = []

    async def go(machine):
        found = bridged(machine.port, told)
        assert await found.read()
        assert (found.link, found.id, found.is_good) == (CONNECTED, "GS000000", True)
        errors = iter([NoConnectionError("gone"), BusyError("busy"), NoConnectionError("gone"), BusyError("busy")])

        async def fail(_):
            raise next(errors)

        with monkeypatch.context() as patch:
            patch.setattr(found, "_read_due", fail)
            await found.read()
            assert (found.link, found.is_good) == (CONNECTED, True)
            await found.read()
            assert (found.link, found.is_good) == (BUSY, True)
            patch.setattr(bridged_machine, "_BUSY_SECONDS", 0.0)
            assert not found.is_good
            await found.read()
            assert (found.link, found.is_good) == (AWAY, False)
            await found.read()
        found._all_at = -1e9
        assert await found.read()
        assert found.is_good

    with running() as machine:
        asyncio.run(go(machine))
    assert [each.split(": ")[1] for each in told] == ["connected", "busy", "offline", "busy", "connected again"]


def test_a_machine_that_gives_no_serial_number_is_called_as_in_the_config():
    async def go(machine):
        machine.machine.memory.forget(0x0100, 0x11)
        found = bridged(machine.port, [], timeout=0.5)
        assert await found.read()
        return found.id

    with running() as machine:
        assert asyncio.run(go(machine)) == "kitchen_"


@pytest.mark.parametrize("stay", [False, True])
def test_a_wrong_key_at_first_is_an_error(stay):
    from lmdecode.device.errors import WrongKeyError

    async def go(machine):
        found = BridgedMachine(
            Target("127.0.0.1", machine.port, Key.parse("0" * 32)),
            every=1, stay=stay, timeout=2, tell=print, on_change=lambda _: None,
        )  # fmt: skip
        try:
            with pytest.raises(WrongKeyError):
                await found.read()
        finally:
            await found.close()

    with running() as machine:
        asyncio.run(go(machine))


def test_an_end_tells_of_the_write_that_is_under_way_and_of_no_earlier_one():
    async def go(machine):
        found = bridged(machine.port, [])
        assert await found.read()
        assert (await found.change(POWER, "off", received=seconds_passed())).state == "done"
        async with found._turn:  # as while it is read
            idle = found.interruption
        under_way = asyncio.create_task(found.change(POWER, "on", received=seconds_passed()))
        said = ""
        for _ in range(5000):
            said = said or found.interruption
            if under_way.done():
                break
            await asyncio.sleep(0.002)
        await under_way
        return idle, said

    with running("delay=0.1") as machine:
        idle, said = asyncio.run(go(machine))
    assert idle == ""
    assert "W00000001" in said


def entity(name):
    return next(each for each in entities_of("GS3 AV") if each.name == name)


@pytest.mark.parametrize("stay", [False, True])
def test_a_command_for_one_machine_is_not_sent_to_another_that_has_got_its_address(stay):
    told = []

    async def go(machine):
        found = bridged(machine.port, told, stay=stay)
        assert await found.read()
        machine.machine.registers.put("machine_ser_num", "GS999999")
        answer = await found.change(POWER, "off", received=seconds_passed())
        assert (found.id, found.is_good) == ("", False)
        assert await found.read()
        now = await found.change(POWER, "off", received=seconds_passed())
        await found.close()
        return answer, found.id, now

    with running() as machine:
        answer, new, now = asyncio.run(go(machine))
        assert len(machine.writes) == 1
    assert answer.state == REFUSED
    assert "GS999999, not GS000000" in answer.complaint
    assert (new, now.state) == ("GS999999", "done")
    assert any("another machine" in each for each in told)


def test_a_machine_that_is_another_one_at_the_next_visit_gets_its_own_id_and_a_command_in_between_is_refused():
    async def go(machine):
        found = bridged(machine.port, [])
        assert await found.read()
        machine.machine.registers.put("machine_ser_num", "GS999999")
        found._all_at = -bridged_machine._ALL_SECONDS
        await found._turn.acquire()
        waiting = asyncio.create_task(found.change(POWER, "off", received=seconds_passed()))
        await asyncio.sleep(0)
        await found._read_due(found._connection())
        found._succeed()
        found._turn.release()
        answer = await waiting
        await found.read()
        await found.close()
        return answer, found.id

    with running() as machine:
        answer, new = asyncio.run(go(machine))
        assert machine.writes == []
    assert answer.state == REFUSED
    assert new == "GS999999"


def test_a_model_that_shows_only_after_a_command_came_counts():
    async def go(machine):
        found = bridged(machine.port, [])
        async with found._turn:
            waiting = asyncio.create_task(found.change(entity("dose_k2"), "100", received=seconds_passed()))
            await asyncio.sleep(0)
            await found._read_due(found._connection())
        assert found.model == "Linea Mini"
        answer = await waiting
        await found.close()
        return answer

    with running(model="Linea Mini") as machine:
        answer = asyncio.run(go(machine))
        assert machine.writes == []
    assert answer.state == REFUSED
    assert "Linea Mini" in answer.complaint


def test_a_wild_automation_is_slowed_down_and_off_is_never_one_too_many():
    async def go(machine):
        found = bridged(machine.port, [], stay=True)
        found._changes = Allowance(1, 0)
        assert await found.read()
        answers = [
            await found.change(entity(name), text, received=seconds_passed())
            for name, text in (
                ("coffee_set_temp", "93"), ("coffee_set_temp", "93"), ("coffee_set_temp", "94"),
                ("steam_boiler_enable", "off"), ("power", "off"), ("power", "on"),
            )
        ]  # fmt: skip
        await found.close()
        return answers

    with running() as machine:
        answers = asyncio.run(go(machine))
        assert machine.value("power") is False
    assert [each.state for each in answers] == ["done", "unchanged", REFUSED, "done", "done", REFUSED]
    assert "6 a minute" in answers[2].complaint


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("power", " OFF ", True), ("power", "on", False), ("power", "0", True), ("power", "?", False),
        ("steam_boiler_enable", "false", True), ("global_auto", "off", False), ("dose_k1", "off", False),
    ],
)  # fmt: skip
def test_what_switches_a_heater_off(name, text, expected):
    assert switches_off(entity(name), text) is expected
