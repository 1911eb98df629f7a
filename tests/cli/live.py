"""A simulated machine in a thread, for commands that are processes of their own."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from typing import Any

from lmdecode.codec.record import Kind, Record, Value
from lmdecode.simulator.server import Server
from tests.simulator.client import server

KEY = "12345678901234567890123456789012"


class Running:
    """A machine that runs."""

    def __init__(self, machine: Server, records: list[Record]) -> None:
        self.port = machine.port
        self.machine = machine.machine
        self.faults = machine.faults
        self.records = records
        self.options = ["--host", "127.0.0.1", "--port", machine.port, "--key", KEY]

    def value(self, name: str) -> Value | None:
        return self.machine.registers.get(name)

    @property
    def writes(self) -> list[str | None]:
        """The plaintexts of the writes that it was asked for."""
        return [each.plaintext for each in self.records if each.role == "request" and each.kind is Kind.WRITE]


@contextlib.contextmanager
def running(*faults: str, **options: Any) -> Iterator[Running]:
    """Run a machine, with faults as on the command line."""
    ready = threading.Event()
    records: list[Record] = []
    found: list[tuple[Running, asyncio.AbstractEventLoop, asyncio.Event]] = []

    def main() -> None:
        async def serve() -> None:
            async with server(*faults, on_record=records.append, **options) as machine:
                stop = asyncio.Event()
                found.append((Running(machine, records), asyncio.get_running_loop(), stop))
                ready.set()
                await stop.wait()

        asyncio.run(serve())

    thread = threading.Thread(target=main, daemon=True)
    thread.start()
    assert ready.wait(10)
    ((machine, loop, stop),) = found
    try:
        yield machine
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
