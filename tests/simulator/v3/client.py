"""A bare client of the simulator with gateway v3, and the simulator in the same event loop."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any, Literal

import h11
from wsproto import WSConnection
from wsproto.connection import ConnectionType
from wsproto.events import AcceptConnection, CloseConnection, Event, RejectConnection, Request, TextMessage

from lmdecode.codec.v1.key import Key
from lmdecode.simulator.families import FAMILIES
from lmdecode.simulator.faults import Faults, parse_fault
from lmdecode.simulator.json_machine import JsonMachine
from lmdecode.simulator.v3.faults import V3_FAULTS
from lmdecode.simulator.v3.server import Server

KEY = Key.parse("12345678901234567890123456789012")
CONFIGURATION = "/api/v1/config"


def server(*faults: str, model: str = "GS3 AV", **options: Any) -> Server:
    """A server, not started yet, with faults as on the command line and, unless one says else, its token loaded."""
    options.setdefault("loaded_after", 0)
    wrong = Faults([parse_fault(each, V3_FAULTS) for each in faults], table=V3_FAULTS)
    return Server(JsonMachine(FAMILIES[model]), KEY, faults=wrong, **options)


def request(path: str = CONFIGURATION, bearer: str = KEY.secret.decode(), method: str = "GET") -> bytes:
    return f"{method} {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {bearer}\r\n\r\n".encode("latin-1")


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.http = h11.Connection(h11.CLIENT)

    async def get(self, path: str = CONFIGURATION, **other: str) -> tuple[int, str]:
        """The status and the body of an answer over this connection."""
        if self.http.our_state is not h11.IDLE:
            self.http.start_next_cycle()
        self.http.send(h11.Request(method="GET", target=path, headers=[("Host", "a")]))
        self.http.send(h11.EndOfMessage())
        self.writer.write(request(path, **other))
        status, body = 0, b""
        while True:
            event = self.http.next_event()
            if event is h11.NEED_DATA:
                self.http.receive_data(await asyncio.wait_for(self.reader.read(4096), 2))
            elif isinstance(event, h11.Response):
                status = event.status_code
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage):
                return status, body.decode()

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


class Listener:
    """The client's side of the stream."""

    def __init__(self, client: Client, bearer: str = KEY.secret.decode()) -> None:
        self.client = client
        self.ws = WSConnection(ConnectionType.CLIENT)
        headers = [(b"Authorization", b"Bearer " + bearer.encode("latin-1"))]
        client.writer.write(self.ws.send(Request(host="a", target="/api/v1/streaming", extra_headers=headers)))
        self.events: list[Event] = []

    def send(self, event: Event) -> None:
        self.client.writer.write(self.ws.send(event))

    async def event(self, seconds: float = 1.0) -> Event | None:
        """What comes next; None after a while, or when the connection has ended."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not self.events:
                    data = await self.client.reader.read(4096)
                    if not data:
                        return None
                    self.ws.receive_data(data)
                    self.events = [*self.ws.events()]
        return self.events.pop(0) if self.events else None

    async def accepted(self, seconds: float = 1.0) -> bool:
        """Whether the machine lets us listen."""
        event = await self.event(seconds)
        assert event is None or isinstance(event, AcceptConnection | RejectConnection)
        return isinstance(event, AcceptConnection)

    async def text(self, seconds: float = 1.0) -> str | None:
        """The next text; None if none comes, or the machine has closed the stream."""
        whole = ""
        while (event := await self.event(seconds)) is not None and not isinstance(event, CloseConnection):
            if isinstance(event, TextMessage):
                whole += event.data
                if event.message_finished:
                    return whole
        return None

    async def value(self, seconds: float = 1.0) -> Any:
        """The next text as JSON."""
        text = await self.text(seconds)
        return None if text is None else json.loads(text)


@contextlib.asynccontextmanager
async def listening(to: Server) -> AsyncIterator[Listener]:
    """A client that has heard how the stream opens."""
    async with connected(to) as client:
        listener = Listener(client)
        assert await listener.accepted()
        yield listener
