"""The clients of the proxy: who is served, and how many connections, how much time and how much memory they get.

mitmproxy waits ten minutes for a request, and keeps all of it in memory until it is whole, however long its first line
is. Anybody in the network could fill the memory with that, so what a connection may send ahead of a request is limited
where mitmproxy reads from it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from lmdecode.mitm.addresses import is_neighbour

if TYPE_CHECKING:
    from mitmproxy.connection import Client

_MOST: Final = 128  # connections at once; a phone has some dozens
_MOST_OF_ONE: Final = 64
_FIRST: Final = 64 << 10  # bytes until a request has begun; its head has some hundred
_AHEAD: Final = 4 << 20  # bytes from one request to the next; a request's body is limited to 2 MB
_PATIENCE: Final = 30.0  # seconds until a request has begun


class Clients:
    """Admits clients and limits them."""

    def __init__(self) -> None:
        self._hosts: dict[str, str] = {}
        self._allowances: dict[str, _Allowance] = {}

    def refusal(self, client: Client) -> str:
        """Why a client is not served, "" if it is."""
        host = host_of(client.peername)
        counts = Counter(self._hosts.values())
        if not is_neighbour(host, host_of(client.sockname)):
            return f"{host} is not in this computer's networks"
        if counts[host] >= _MOST_OF_ONE or counts.total() >= _MOST:
            return "there are too many connections at once"
        return ""

    def admit(self, client: Client, connections: dict[Any, Any]) -> None:
        """Serve a client from here on.

        Args:
            client: The client.
            connections: mitmproxy's own record of its connections.
        """
        self._hosts[client.id] = host_of(client.peername)
        handler = connections.get(client.id)
        reader = handler.transports[client].reader if handler else None
        if isinstance(reader, asyncio.StreamReader):  # those of other modes than a proxy's are not asyncio's
            self._allowances[client.id] = _Allowance(reader)

    def leave(self, client: Client) -> None:
        """Forget a client."""
        self._hosts.pop(client.id, None)
        self._allowances.pop(client.id, None)

    def asked(self, client: Client) -> None:
        """A request of a client has begun."""
        if client.id in self._allowances:
            self._allowances[client.id].renew()

    def passed_through(self, client: Client) -> None:
        """What a client sends is not kept from here on, but passed through."""
        if client.id in self._allowances:
            self._allowances[client.id].lift()


class _Allowance:
    """Stands where mitmproxy reads from a client, and ends the connection when too much comes, or nothing.

    Args:
        reader: asyncio's.
    """

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._read = reader.read
        self._left: float = _FIRST
        self._end: float | None = asyncio.get_running_loop().time() + _PATIENCE
        reader.read = self.read  # type: ignore[method-assign,assignment]

    def renew(self) -> None:
        """A request has begun."""
        self._left, self._end = max(self._left, _AHEAD), None

    def lift(self) -> None:
        """There is no limit any more."""
        self._left, self._end = float("inf"), None

    async def read(self, size: int) -> bytes:
        """Read as asyncio does; b"", as at the end, when it is too much or too late."""
        try:
            async with asyncio.timeout_at(self._end):
                data: bytes = await self._read(size)
        except TimeoutError:
            return b""
        self._left -= len(data)
        return data if self._left >= 0 else b""


def host_of(address: tuple[object, ...] | None) -> str:
    """The host of a socket's address, "" if there is none."""
    return str(address[0]) if address else ""
