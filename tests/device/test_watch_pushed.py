"""A newer machine that is watched: held by the app, not loaded yet, silent, lost and back, also while connecting."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from lmdecode.codec.record import Kind
from lmdecode.device import watch as watching
from lmdecode.device.errors import BusyError, ConnectionLostError, NoConnectionError, UnsupportedError, WrongKeyError
from lmdecode.device.watch import Watcher
from tests.device.pushing import NAME, PLACE, TOKEN, Machine, Pushing, refused, update

PATIENCE = 5.0


class Watching:
    """A watcher at work, and what it has seen."""

    def __init__(self, machine, *, wait=False):
        self.machine, self.records, self.links = machine, [], []
        self.changed = asyncio.Event()
        driver = Pushing(machine)
        self.watcher = Watcher(
            lambda number, on_record: driver.connection(number, on_record, listens=True),
            interval=0.05,
            wait=wait,
            queries=driver.polls(),
            on_record=lambda record: self._note(self.records, record),
            on_link=lambda link: self._note(self.links, link),
        )

    def _note(self, where, what):
        where.append(what)
        self.changed.set()

    async def __aenter__(self):
        self.task = asyncio.create_task(self.watcher.run())
        return self

    async def __aexit__(self, *_):
        self.task.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await self.task

    async def until(self, condition):
        """Wait until something is so."""
        async with asyncio.timeout(PATIENCE):
            while not condition():
                if self.task.done():
                    self.task.result()
                self.changed.clear()
                waiting = asyncio.create_task(self.changed.wait())
                await asyncio.wait({waiting, self.task}, return_when=asyncio.FIRST_COMPLETED)
                waiting.cancel()


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    monkeypatch.setattr(watching, "_FIRST_PAUSE", 0.01)
    monkeypatch.setattr(watching, "_QUIET", 0.1)


def watch(machine, condition, **options):
    """Watches until something is so; returns what was seen."""

    async def run():
        async with Watching(machine, **options) as seen:
            await seen.until(lambda: condition(seen))
            return seen

    return asyncio.run(run())


@pytest.mark.parametrize(("generation", "place"), [("v3", PLACE), ("bluetooth", NAME)])
def test_all_is_read_and_no_setting_written(generation, place):
    seen = watch(Machine(generation), lambda seen: any("power" in record.fields for record in seen.records))
    assert (seen.watcher.connections, seen.watcher.place) == (1, place)
    assert seen.watcher.signal == (-61 if generation == "bluetooth" else None)
    asked = [record for record in seen.records if record.role == "request" and record.kind is Kind.WRITE]
    assert [record.subject for record in asked] == (["0d0b write token"] if generation == "bluetooth" else [])
    assert not any(TOKEN in str(record) for record in seen.records)


def test_it_is_lost_and_comes_back():
    async def run():
        machine = Machine()
        async with Watching(machine) as seen:
            for number in (1, 2, 3):
                await seen.until(lambda number=number: seen.watcher.connections == number and seen.links[-1].connected)
                if number < 3:
                    machine.lose()
            return seen

    seen = asyncio.run(run())
    assert seen.watcher.losses == 2
    outage = seen.watcher.last_outage
    assert 0 < outage.until_ns - outage.since_ns < PATIENCE * 1e9
    assert [record.stream for record in seen.records] == sorted(record.stream for record in seen.records)
    assert "was lost" in next(link.why for link in seen.links if not link.connected)


@pytest.mark.parametrize("late", [False, True])
def test_it_is_lost_again_while_connecting(late):
    async def run():
        machine = Machine("v3", fails_late=late)
        async with Watching(machine) as seen:
            await seen.until(lambda: seen.watcher.connections == 1)
            machine.fails = [ConnectionLostError("lost again"), BusyError("the app is connected"), refused()]
            machine.lose()
            await seen.until(lambda: seen.watcher.connections == 2)
            return seen

    seen = asyncio.run(run())
    whys = [link.why for link in seen.links if link.next_try_ns]
    assert whys[1:3] == ["lost again", "the app is connected"]
    assert "403" in whys[3]
    changes = [link.connected for link in seen.links]
    assert changes.count(True) == 2  # a connection counts only once it is made
    assert {link.since_ns for link in seen.links if link.why} == {seen.watcher.last_outage.since_ns}


@pytest.mark.parametrize("error", [refused(), BusyError("the app is connected"), NoConnectionError("it is not near")])
def test_what_passes_is_waited_for(error):
    assert watch(Machine("v3", [error] * 3), lambda seen: seen.watcher.connections, wait=True)
    for late in (False, True):
        with pytest.raises(NoConnectionError, match=str(error)):
            watch(Machine("v3", [error], fails_late=late), lambda _: False)


@pytest.mark.parametrize("error", [UnsupportedError("install bleak"), WrongKeyError("no such token")])
def test_what_does_not_pass_is_not(error):
    with pytest.raises(type(error)):
        watch(Machine(fails=[error]), lambda _: False, wait=True)


def test_a_key_that_was_right_is_tried_again():
    async def run():
        machine = Machine("v3")
        async with Watching(machine) as seen:
            await seen.until(lambda: seen.watcher.connections == 1)
            machine.fails = [WrongKeyError("status 401")]
            machine.lose()
            await seen.until(lambda: seen.watcher.connections == 2)

    asyncio.run(run())


def test_a_machine_that_says_nothing_any_more_is_connected_anew():
    async def run():
        machine = Machine()
        async with Watching(machine) as seen:
            await seen.until(lambda: seen.watcher.connections == 1)
            machine.deaf = True
            await seen.until(lambda: any("went silent" in link.why for link in seen.links))
            machine.deaf = False
            await seen.until(lambda: seen.watcher.connections == 2 and seen.links[-1].connected)

    asyncio.run(run())


def test_one_that_answers_no_read_but_notifies_stays_connected():
    async def run():
        machine = Machine()
        async with Watching(machine) as seen:
            await seen.until(lambda: seen.watcher.connections == 1)
            machine.deaf = True
            for second in range(30):
                machine.say(update(float(second)))
                await asyncio.sleep(0.01)
            return seen

    assert asyncio.run(run()).watcher.connections == 1
