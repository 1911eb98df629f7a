"""What the addon needs to know of mitmproxy's flows, however mitmproxy 11 and 12 differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, TypeGuard

from lmdecode.codec.record import Sender

if TYPE_CHECKING:
    from mitmproxy.flow import Flow
    from mitmproxy.tcp import TCPFlow

__all__ = ["Message", "host_port", "is_machine", "nanoseconds", "sender"]


class Message(Protocol):
    """A TCP message, as mitmproxy calls what was read from a socket at once."""

    @property
    def from_client(self) -> bool:
        """Whether the app sent it."""

    @property
    def content(self) -> bytes:
        """Its bytes."""

    @property
    def timestamp(self) -> float:
        """When it was received, in seconds since 1970."""


def is_machine(flow: Flow | None, port: int) -> TypeGuard[TCPFlow]:
    """Whether a flow goes to a machine. Looks at where it goes only, at nothing that is in it."""
    if flow is None or flow.type != "tcp":
        return False
    address = flow.server_conn.address
    return address is not None and address[1] == port


def host_port(address: Sequence[object] | None, otherwise: str) -> str:
    """A socket's address as Records have it.

    >>> host_port(("::1", 1774, 0, 0), "machine"), host_port(None, "machine")
    ('[::1]:1774', 'machine')
    """
    if not address:
        return otherwise
    host = str(address[0])
    return f"[{host}]:{address[1]}" if ":" in host else f"{host}:{address[1]}"


def nanoseconds(timestamp: float) -> int:
    """A time of mitmproxy's; a float of today's seconds is good for microseconds, and no more.

    >>> nanoseconds(1795229755.174158)
    1795229755174158000
    """
    return round(timestamp * 1e6) * 1000


def sender(message: Message) -> Sender:
    """Who sent a message."""
    return "app" if message.from_client else "machine"
