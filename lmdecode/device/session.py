"""Reads that are made again, and writes that are not: a machine over one connection after another."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from lmdecode.codec.record import Record
from lmdecode.codec.v1.message import Kind, Message
from lmdecode.device.client import Client, bytes_of
from lmdecode.device.errors import EchoError, MachineError, NoConnectionError, RefusedError, WrongKeyError

__all__ = ["TRIES", "Session", "pauses"]

TRIES: Final = 3
"""How often a read is made at most."""
_FIRST_PAUSE: Final = 0.2  # s
_LONGEST_PAUSE: Final = 30.0  # s

Connector = Callable[[int], Client]
"""Makes the connection of a number, not connected yet."""


def pauses(first: float = _FIRST_PAUSE, longest: float = _LONGEST_PAUSE) -> list[float]:
    """Seconds to wait before each next attempt to connect: longer and longer; the last of them for ever.

    >>> pauses(1, 10)
    [1, 2, 4, 8, 10]
    """
    found = [first]
    while found[-1] < longest:
        found.append(min(2 * found[-1], longest))
    return found


class Session:
    """A machine that is read and written over connections that may fail.

    A read that fails is made again, on a new connection, so that no late answer is taken for another. A write is sent
    once, whatever becomes of it.

    Args:
        connector: What makes the connections.
        tries: How often a read is made at most.
        pause: Seconds before it is made again; twice as long before the next time.
    """

    def __init__(self, connector: Connector, *, tries: int = TRIES, pause: float = _FIRST_PAUSE) -> None:
        self._connector = connector
        self._tries = tries
        self._pauses = pauses(pause)
        self._client: Client | None = None
        self._count = 0
        self._broken = False
        self._connecting = asyncio.Lock()

    async def __aenter__(self) -> Self:
        await self._connected()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Disconnect."""
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def read(self, address: int, length: int) -> Record:
        """Read a window, again if need be; the answer.

        Raises:
            MachineError: As `Client.ask`, the last time.
        """
        request = Message(Kind.READ, address, length)
        for attempt in range(self._tries):
            try:
                return await (await self._connected()).ask(request)
            except (EchoError, WrongKeyError):
                raise
            except MachineError as error:
                self._broken = True
                if not self._may_repeat(attempt, error):
                    raise
            await asyncio.sleep(self._pauses[min(attempt, len(self._pauses) - 1)])
        raise AssertionError  # the last attempt raises

    async def data(self, address: int, length: int) -> bytes:
        """Read a window; its bytes.

        Raises:
            MachineError: As `read`; also if a part of the window is secret, and secrets are not shown.
        """
        return bytes_of(await self.read(address, length))

    async def write(self, request: Message) -> None:
        """Write, once.

        Raises:
            RefusedError: The machine did not take it.
            MachineError: Otherwise; if it was sent, it is not known whether the machine took it.
        """
        client = await self._connected()
        try:
            await client.write(request)
        except RefusedError:
            raise
        except MachineError:
            self._broken = True
            raise

    def _may_repeat(self, attempt: int, error: MachineError) -> bool:
        # Who never got through is told so at once; who did has a reason to think that it works again.
        return attempt + 1 < self._tries and not (self._count == 1 and isinstance(error, NoConnectionError))

    async def _connected(self) -> Client:
        async with self._connecting:  # several tasks may ask at once, and the machine takes one connection
            if self._client is not None and (self._broken or self._client.lost is not None):
                await self.close()
            if self._client is None:
                client = self._connector(self._count)
                self._count += 1
                try:
                    await client.connect()
                except BaseException:
                    await client.close()
                    raise
                self._client, self._broken = client, False
            return self._client
