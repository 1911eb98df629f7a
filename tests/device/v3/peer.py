"""What listens at a machine's address, and says whatever a test wants."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

from wsproto.utilities import generate_accept_token

from lmdecode.codec.v1.key import Key
from lmdecode.device.v3.driver import WebDriver
from tests.codec.web_building import TEMPERATURES, answer, frame

TOKEN = "abcdefghijklmnopqrstuvwxyz012345"
BODY = (
    b'{"machine_sn":"Sn2301012345","machineMode":"BrewingMode","tankStatus":true,'
    b'"boilers":[{"id":"CoffeeBoiler1","isEnabled":true,"target":93,"current":81.5}]}'
)
CONFIG = answer(BODY)
REFUSED = answer(b"", b"Content-Length: 0", status=b"403 Forbidden")

Says = Callable[[bytes, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
"""Takes the head of a request, and both ends of the connection."""


def saying(data: bytes) -> Says:
    """Says something, and closes the connection."""

    async def say(_head: bytes, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()

    return say


def keeping_open(data: bytes) -> Says:
    """Says something, and then nothing more."""

    async def say(_head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        while await reader.read(4096):
            pass

    return say


def for_ever(data: bytes, begin: bytes = b"", *, pause: float = 0.0) -> Says:
    """Says something again and again."""

    async def say(_head: bytes, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(begin)
        while True:
            writer.write(data)
            await writer.drain()
            await asyncio.sleep(pause)

    return say


def switched(head: bytes) -> bytes:
    """The answer that begins the stream."""
    nonce = next(line[19:] for line in head.split(b"\r\n") if line.startswith(b"Sec-WebSocket-Key: "))
    accept = b"Sec-WebSocket-Accept: " + generate_accept_token(nonce)
    return answer(b"", b"Upgrade: websocket", b"Connection: Upgrade", accept, status=b"101 Switching Protocols")


def streaming(says: Says) -> Says:
    """Begins the stream, and goes on with something else."""

    async def say(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(switched(head))
        await says(head, reader, writer)

    return say


ANSWERING = saying(CONFIG)
PUSHING = streaming(for_ever(frame(TEMPERATURES), pause=0.05))


class Peer:
    """Listens, and says one thing to who asks for the configuration and another to who asks for the stream."""

    def __init__(self, config: Says = ANSWERING, stream: Says = PUSHING) -> None:
        self.config = config
        self.stream = stream
        self.heads: list[bytes] = []
        self.port = 0

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            self.heads.append(head)
            await (self.stream if b"/streaming" in head else self.config)(head, reader, writer)
        writer.close()

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[WebDriver]:
        """Listen; gives the driver of what listens."""
        async with await asyncio.start_server(self._serve, "127.0.0.1", 0) as server:
            self.port = server.sockets[0].getsockname()[1]
            yield driver(self.port)
            server.close()


def driver(port: int) -> WebDriver:
    return WebDriver(host="127.0.0.1", port=port, key=Key.parse(TOKEN), timeout=0.5, keep_alive=0.2)
