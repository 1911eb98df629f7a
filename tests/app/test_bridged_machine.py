from __future__ import annotations

import asyncio
import time

import pytest

from lmdecode.analysis.entities import entities_of
from lmdecode.app import bridged_machine
from lmdecode.app.bridged_machine import AWAY, BUSY, CONNECTED, REFUSED, BridgedMachine
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
        answers = [await found.change(POWER, "off", received=time.monotonic() - seconds) for seconds in (3600, 5.1, 0)]
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
            waiting = asyncio.create_task(found.change(POWER, "off", received=time.monotonic()))
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
        assert (await found.change(POWER, "off", received=time.monotonic())).state == "done"
        async with found._turn:  # as while it is read
            idle = found.interruption
        under_way = asyncio.create_task(found.change(POWER, "on", received=time.monotonic()))
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
