"""A watch of a gateway of v3: the token that comes late, the program that has the stream, the stream that ends."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from lmdecode.codec.record import Record
from lmdecode.device.errors import BusyError, NotReadyError, WrongKeyError
from lmdecode.device.v3.driver import WebDriver
from lmdecode.device.watch import Link, Watcher
from lmdecode.simulator.faults import parse_fault
from lmdecode.simulator.v3.faults import V3_FAULTS
from lmdecode.simulator.v3.server import Server
from tests.device.v3.peer import CONFIG, REFUSED, Peer, saying
from tests.simulator.v3.client import KEY, server


class Watch:
    """A watch, and what it has said."""

    def __init__(self, driver: WebDriver, *, wait: bool = False) -> None:
        self.records: list[Record] = []
        self.links: list[Link] = []
        self.changed = asyncio.Event()
        self.watcher = Watcher(
            lambda number, note: driver.connection(number, note, listens=True),
            interval=0.1,
            wait=wait,
            on_record=self._record,
            on_link=self._link,
            queries=driver.polls(),
        )

    def _record(self, record: Record) -> None:
        self.records.append(record)
        self.changed.set()

    def _link(self, link: Link) -> None:
        self.links.append(link)
        self.changed.set()

    async def until_connected(self, times: int = 1) -> None:
        """Watch until the machine has been connected so many times."""
        task = asyncio.create_task(self.watcher.run())
        try:
            async with asyncio.timeout(8):
                while self.watcher.connections < times:
                    self.changed.clear()
                    waiting = asyncio.create_task(self.changed.wait())
                    await asyncio.wait([task, waiting], return_when=asyncio.FIRST_COMPLETED)
                    waiting.cancel()
                    if task.done():
                        await task
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


def driver_of(machine: Server) -> WebDriver:
    return WebDriver(host=machine.host, port=machine.port, key=KEY, timeout=0.5)


def test_a_token_that_comes_late_is_waited_for() -> None:
    async def go() -> Watch:
        async with server(loaded_after=0.5) as machine:
            watch = Watch(driver_of(machine), wait=True)
            await watch.until_connected()
            return watch

    watch = asyncio.run(go())
    assert "has no token yet" in watch.links[0].why
    assert [link.connected for link in watch.links].count(True) == 1
    subjects = [record.subject for record in watch.records if record.role == "response"]
    assert subjects[0] == "403 GET /api/v1/config"
    assert subjects[-2:] == ["200 GET /api/v1/config", "101 GET /api/v1/streaming"]


def test_who_does_not_wait_is_told_at_once() -> None:
    async def go(*faults: str, **options: float) -> None:
        async with server(*faults, **options) as machine:
            await Watch(driver_of(machine)).until_connected()

    with pytest.raises(NotReadyError):
        asyncio.run(go(loaded_after=60))
    with pytest.raises(WrongKeyError):
        asyncio.run(go("wrong-bearer"))


def test_a_key_that_is_refused_is_not_waited_for() -> None:
    async def go() -> None:
        async with server("wrong-bearer") as machine:
            await Watch(driver_of(machine), wait=True).until_connected()

    with pytest.raises(WrongKeyError):
        asyncio.run(go())


def test_a_machine_that_streams_to_another_was_never_connected() -> None:
    """Although it answers what it is asked."""

    async def go() -> Watch:
        peer = Peer(saying(CONFIG), saying(REFUSED))
        async with peer.listening() as found:
            watch = Watch(found)
            with pytest.raises(BusyError, match="another program has the stream"):
                await watch.until_connected()
            return watch

    watch = asyncio.run(go())
    assert watch.watcher.connections == 0
    assert any(record.fields for record in watch.records)
    assert not any(link.connected for link in watch.links)


def test_a_stream_that_ends_is_asked_for_again() -> None:
    async def go() -> Watch:
        async with server(speed=20) as machine:
            watch = Watch(driver_of(machine))
            watching = asyncio.create_task(watch.until_connected(2))
            async with asyncio.timeout(5):
                while not watch.watcher.connections:
                    await watch.changed.wait()
                    await asyncio.sleep(0)
            machine.faults.add(parse_fault("bad-frame:1", V3_FAULTS))
            await watching
            return watch

    watch = asyncio.run(go())
    assert [link.connected for link in watch.links] == [True, False, False, True]
    assert "no frame of a WebSocket" in watch.links[1].why
