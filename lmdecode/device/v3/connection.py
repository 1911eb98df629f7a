"""A connection to a gateway of v3: its configuration, asked over TCP connections of their own, and its stream.

A gateway answers `GET` and closes; the stream is a WebSocket, and there is one at a time. So each read has a TCP
connection to itself, also while the stream runs, and all of them together are one `Connection` for whoever uses it.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections.abc import Callable
from typing import Final

from lmdecode.codec.record import Record
from lmdecode.codec.v3.requester import CONFIGURATION, SPEAKS_TLS, STREAM, Get
from lmdecode.device.client import Client
from lmdecode.device.errors import (
    BusyError,
    ConnectionLostError,
    FloodError,
    MachineError,
    NoAnswerError,
    NoConnectionError,
    UnsupportedError,
    WrongKeyError,
)

NO_WRITES: Final = (
    "gateway v3 tells what the machine does and takes no command: use the maker's app, or, after the gateway's update "
    "to v5, Bluetooth: --bluetooth"
)
"""Why nothing can be set."""
_GRACE: Final = 0.3  # s within which a machine ends a stream that another program has
_FRESH: Final = 5.0  # s for which what was read while connecting is the answer to who asks the same
_TLS_TIMEOUT: Final = 1.0  # s


class WebConnection:
    """A connection to a gateway of v3; a `Connection`.

    Args:
        connector: Makes the client of a new TCP connection, for the stream or for one read.
        listens: Whether to have the stream for as long as the connection lasts.
    """

    def __init__(self, connector: Callable[[bool], Client[Get]], *, listens: bool) -> None:
        self._connector = connector
        self._listens = listens
        self._next = connector(False)  # for the next read
        self._stream: Client[Get] | None = None
        self._first: tuple[Record, float] | None = None  # the configuration that was read while connecting, and when
        self._turn = asyncio.Lock()
        self._closed = asyncio.Event()

    @property
    def name(self) -> str:
        """The machine, as host:port."""
        return self._next.name

    @property
    def lost(self) -> MachineError | None:
        """Why the stream has ended, or that this side has disconnected; None while neither is so."""
        if self._stream is not None and self._stream.lost is not None:
            return self._stream.lost
        return ConnectionLostError(f"disconnected from {self.name}") if self._closed.is_set() else None

    async def connect(self) -> None:
        """Connects. One that listens reads the configuration first, so that what the stream says then is newer.

        Raises:
            NoConnectionError: Nothing listens there; or what does is no gateway of v3.
            BusyError: Another program has the stream.
            NotReadyError: The machine has no token yet, or another one.
            WrongKeyError: The machine refuses the key.
            MachineError: Something else failed.
        """
        await self._next.connect()
        if not self._listens:
            return
        self._first = await self._asked(CONFIGURATION), time.monotonic()
        self._stream = self._connector(True)
        await self._stream.connect()
        await self._stream.ask(STREAM)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GRACE):
                raise await self._stream.wait_lost()

    async def close(self) -> None:
        """Disconnects."""
        self._closed.set()
        for client in (self._next, self._stream):
            if client is not None:
                await client.close()

    async def wait_lost(self) -> MachineError:
        """Waits until the stream has ended, or until this side disconnects; returns why."""
        if self._stream is not None:
            return await self._stream.wait_lost()
        await self._closed.wait()
        return self.lost or ConnectionLostError(f"disconnected from {self.name}")

    async def ask(self, request: Get) -> Record:
        """Asks, over a TCP connection of its own. What was read a moment ago, while connecting, is not read again.

        Raises:
            NoAnswerError: There is no answer, but the stream goes on.
            MachineError: As for `connect`; also if the stream has ended.
        """
        async with self._turn:
            if self.lost is not None:
                raise self.lost
            first, self._first = self._first, None
            if first is not None and request == CONFIGURATION and time.monotonic() - first[1] < _FRESH:
                return first[0]
            try:
                return await self._asked(request)
            except (FloodError, WrongKeyError):
                raise
            except (NoConnectionError, ConnectionLostError) as error:
                if self._stream is None or self._stream.lost is not None:
                    raise
                raise NoAnswerError(str(error)) from None

    async def write(self, request: Get) -> None:  # noqa: ARG002
        """Raises an error: there are no writes.

        Raises:
            UnsupportedError: Always.
        """
        raise UnsupportedError(NO_WRITES)

    async def _asked(self, request: Get) -> Record:
        client = self._next
        if client.lost is not None or not client.is_connected:
            await client.close()
            client = self._next = self._connector(False)
            await client.connect()
        try:
            return await client.ask(request)
        except BusyError:
            if await speaks_tls(client.host, client.port):
                raise NoConnectionError(f"{self.name} {SPEAKS_TLS}") from None
            raise
        finally:
            await client.close()


async def speaks_tls(host: str, port: int) -> bool:
    """Returns whether what listens answers to the beginning of TLS.

    Most servers with TLS close a connection without a word if they are spoken to in plain, as a busy machine does.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    hello = ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLError):  # it waits for an answer
        context.wrap_bio(ssl.MemoryBIO(), hello, server_hostname="machine").do_handshake()
    writer = None
    try:
        async with asyncio.timeout(_TLS_TIMEOUT):
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(hello.read())
            return (await reader.readexactly(2))[1] == 3
    except (OSError, EOFError):
        return False
    finally:
        if writer is not None:
            writer.transport.abort()
