"""A machine that is watched: it goes away and comes back, says half of something, has another key."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from lmdecode.codec.record import Kind
from lmdecode.codec.v1.key import Key
from lmdecode.codec.v1.requester import requesters
from lmdecode.device import watch as watching
from lmdecode.device.client import Client
from lmdecode.device.errors import BusyError, ConnectionLostError, NoConnectionError, WrongKeyError
from lmdecode.device.v1.driver import MemoryDriver
from lmdecode.device.watch import Watcher
from lmdecode.simulator.faults import parse_fault
from tests.simulator.client import KEY, server

PATIENCE = 10.0


class Watching:
    """A watcher at work, and what it has seen."""

    def __init__(self, to, *, key=KEY, wait=False, timeout=0.4, keep_alive=None, **options):
        self.records, self.links = [], []
        self.changed = asyncio.Event()

        def connector(number, on_record):
            return Client(
                to.host,
                to.port,
                requesters(key),
                timeout=timeout,
                stream=number,
                keep_alive=keep_alive,
                on_record=on_record,
            )

        self.watcher = Watcher(
            connector,
            interval=options.get("interval", 0.2),
            queries=MemoryDriver(host="", key=KEY).polls(),
            wait=wait,
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

    def answers(self):
        return [each for each in self.records if each.role == "response"]

    def names(self):
        return {name for record in self.records if record.sender == "machine" for name in record.fields}


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    monkeypatch.setattr(watching, "_FIRST_PAUSE", 0.05)


def run(coroutine):
    return asyncio.run(coroutine)


def test_all_is_read_and_nothing_written():
    async def watch():
        async with server() as machine, Watching(machine) as seen:
            await seen.until(lambda: len(seen.answers()) >= 7)
            return seen

    seen = run(watch())
    assert {
        "coffee_temp",
        "power",
        "heating_state",
        "coffee_set_temp",
        "mon_on_time",
        "drinks_k1",
        "machine_ser_num",
    } <= seen.names()
    assert {record.kind for record in seen.records if record.sender == "app"} == {Kind.READ}
    assert [link.connected for link in seen.links] == [True]


def test_the_machine_goes_away_and_comes_back():
    async def watch():
        machine = server(speed=60)
        async with machine:
            seen = Watching(machine)
            await seen.__aenter__()
            await seen.until(seen.answers)
        await seen.until(lambda: any(link.next_try_ns for link in seen.links))
        await seen.until(lambda: seen.links[-1].why and "refuses" in seen.links[-1].why)
        gone = seen.links[-1].since_ns
        async with server(port=machine.port):
            count = len(seen.answers())
            await seen.until(lambda: len(seen.answers()) > count)
            await seen.__aexit__()
        return seen, gone

    seen, gone = run(watch())
    changes = [link.connected for link in seen.links]
    assert changes[0] is changes[-1] is True
    assert seen.watcher.connections == 2
    first_gone = next(link for link in seen.links if not link.connected)
    assert "closed the connection" in first_gone.why or "reset" in first_gone.why
    assert {link.since_ns for link in seen.links if not link.connected} == {gone}
    assert seen.links[-1].since_ns > gone
    streams = [record.stream for record in seen.records]
    assert streams == sorted(streams)


@pytest.mark.parametrize("fault", ["half:1", "reset:1", "close:1"])
def test_a_connection_that_breaks_is_made_again(fault):
    async def watch():
        machine = server(fault)
        async with machine, Watching(machine, wait=True, keep_alive=0.5) as seen:
            await seen.until(lambda: len(seen.answers()) >= 4)
            return seen

    seen = run(watch())
    assert seen.watcher.connections >= 1
    assert seen.records[-1].stream >= 1
    if fault == "half:1":
        assert any(record.problems for record in seen.records)


@pytest.mark.parametrize(
    "fault", ["drop:1", "garbage:1", "wrong-check:1", "wrong-preamble:1", "wrong-key:1", "delay=0.6:1"]
)
def test_a_bad_answer_is_asked_for_again_on_the_same_connection(fault):
    async def watch():
        machine = server(speed=60)
        async with machine, Watching(machine) as seen:
            await seen.until(lambda: len(seen.answers()) >= 3)
            machine.faults.add(parse_fault(fault))
            count = len(seen.answers())
            await seen.until(lambda: len(seen.answers()) > count + 2)
            return seen

    seen = run(watch())
    assert seen.watcher.connections == 1
    assert {link.connected for link in seen.links} == {True}


def test_the_wrong_key_ends_it():
    async def watch():
        async with server(speed=60) as machine, Watching(machine, key=Key.parse("x" * 32), wait=True) as seen:
            await seen.until(lambda: False)

    with pytest.raises(WrongKeyError, match="nothing decrypts"):
        run(watch())


def test_a_machine_that_is_not_there():
    async def watch(wait):
        machine = server()
        async with machine:
            pass
        async with Watching(machine, wait=wait) as seen:
            await seen.until(lambda: len([link for link in seen.links if link.next_try_ns]) >= 3)
            return seen.links

    with pytest.raises(NoConnectionError, match="refuses the connection"):
        run(watch(wait=False))
    links = [link for link in run(watch(wait=True)) if link.next_try_ns]
    assert len({link.since_ns for link in links}) == 1  # since it was first tried
    tries = [link.next_try_ns for link in links]
    assert tries[2] - tries[1] > tries[1] - tries[0] > 0  # longer and longer
    assert not any(link.connected for link in links)


@pytest.mark.parametrize("fault", ["never", "busy"])
def test_a_machine_that_talks_to_somebody_else(fault):
    async def watch():
        async with server(fault) as machine, Watching(machine) as seen:
            await seen.until(lambda: False)

    with pytest.raises(BusyError, match="one connection at a time"):
        run(watch())


def test_silence_is_noticed():
    async def watch():
        machine = server(speed=60)
        async with machine, Watching(machine, keep_alive=0.3, interval=60.0) as seen:
            await seen.until(lambda: len(seen.answers()) >= 5)
            machine._active.muted = True
            await seen.until(lambda: seen.watcher.connections == 2)
            return seen

    seen = run(watch())
    assert any("went silent" in link.why for link in seen.links)


def test_damage_before_anything_else_is_no_machine():
    async def talk(reader, writer):
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        await reader.read(10)
        writer.close()

    async def watch():
        listener = await asyncio.start_server(talk, "127.0.0.1", 0)
        async with listener:
            listener.host, listener.port = listener.sockets[0].getsockname()
            async with Watching(listener) as seen:
                await seen.until(lambda: False)

    with pytest.raises((ConnectionLostError, NoConnectionError)):
        run(watch())
