"""A bare client of the simulator, and the simulator in the same event loop, for tests of what is on the wire."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any, Literal

from lmdecode.codec.record import Kind
from lmdecode.codec.v1.framing import Deframer, Frame, Skipped, unwrap
from lmdecode.codec.v1.key import Key, decrypt
from lmdecode.codec.v1.message import Message, parse_leniently
from lmdecode.simulator.faults import Faults, frame, parse_fault
from lmdecode.simulator.machine import Machine
from lmdecode.simulator.server import Server

KEY = Key.parse("12345678901234567890123456789012")
POWER = Message(Kind.READ, 0x0000, 1)
OFF = Message(Kind.WRITE, 0x0000, 1, b"\0")


def server(*faults: str, model: str = "GS3 AV", **options: Any) -> Server:
    """A server, not started yet, with faults as on the command line."""
    options.setdefault("faults", Faults(map(parse_fault, faults)))
    return Server(Machine(model), KEY, **options)


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.deframer = Deframer()
        self.events: list[Frame | Skipped] = []

    def send(self, data: Message | bytes) -> None:
        self.writer.write(frame(KEY, data) if isinstance(data, Message) else data)

    async def event(self, seconds: float = 1.0) -> Frame | Skipped | None:
        """What the deframer makes of what comes next; None after a while, or when the connection has ended."""
        with contextlib.suppress(TimeoutError, asyncio.IncompleteReadError):
            async with asyncio.timeout(seconds):
                while not self.events:
                    data = await self.reader.read(4096)
                    if not data:
                        return None
                    self.events = self.deframer.feed(data)
        return self.events.pop(0) if self.events else None

    async def message(self, seconds: float = 1.0) -> Message | None:
        """The next message; problems are raised."""
        event = await self.event(seconds)
        if event is None:
            return None
        assert isinstance(event, Frame), event
        parsed = parse_leniently(decrypt(KEY, unwrap(event.body)))
        if parsed.problems:
            raise ValueError(*parsed.problems)
        return parsed.message

    async def ask(self, request: Message, seconds: float = 1.0) -> Message | None:
        """The answer to a request, whatever is reported meanwhile."""
        self.send(request)
        while (message := await self.message(seconds)) is not None:
            if message[:3] == request[:3]:
                return message
        return None

    async def ended(self, seconds: float = 1.0) -> Literal["reset", "closed"] | None:
        """Whether the connection ends, and how."""
        try:
            async with asyncio.timeout(seconds):
                while await self.reader.read(4096):
                    pass
        except TimeoutError:
            return None
        except ConnectionResetError:
            return "reset"
        return "closed"


@contextlib.asynccontextmanager
async def connected(to: Server) -> AsyncIterator[Client]:
    reader, writer = await asyncio.open_connection(to.host, to.port)
    try:
        yield Client(reader, writer)
    finally:
        writer.close()
