"""An HTTP request and its answer, whoever recorded them. They hold secrets, so neither shows what it holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from lmdecode.codec.record import Sender

Headers = Sequence[tuple[str, str]]
"""Names, in any case, and values, in the order in which they were sent."""


@dataclass(frozen=True, slots=True, repr=False)
class Request:
    """What a client sent."""

    method: str
    host: str
    """Without the port."""
    path: str
    """With the query, if there is one."""
    headers: Headers = ()
    body: bytes = b""
    """As it was sent: still compressed, if the headers say so."""
    port: int = 443

    def __repr__(self) -> str:
        return f"<{self.method} {self.host}{self.path.partition('?')[0]}>"


@dataclass(frozen=True, slots=True, repr=False)
class Response:
    """What the cloud answered."""

    status: int
    headers: Headers = ()
    body: bytes | None = b""
    """None if whoever recorded it left it out."""

    def __repr__(self) -> str:
        return f"<answer {self.status}>"

    @property
    def accepted(self) -> bool:
        """Whether the cloud did as it was asked."""
        return 200 <= self.status < 300


@dataclass(frozen=True, slots=True, repr=False)
class SocketMessage:
    """One whole message of a WebSocket."""

    time: datetime | None
    sender: Sender
    data: bytes
    is_text: bool = True

    def __repr__(self) -> str:
        return f"<{len(self.data)} bytes of the {self.sender}>"


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and its answer."""

    request: Request
    response: Response | None
    """None if there was none."""
    time: datetime | None = None
    """When it was answered."""
    begun: datetime | None = None
    """When it was asked."""
    messages: Sequence[SocketMessage] = ()
    """Those of the WebSocket that it became."""
    connection: str = ""
    """What tells the client's connections apart, in the recorder's way; "" if it does not."""
    client: str = ""
    """The client's host:port, if it is known."""


def header(headers: Headers, name: str) -> str:
    """A header's first value, or nothing."""
    return next((value for each, value in headers if each.lower() == name), "")


def plain_name(name: str) -> str:
    """A field's name without what writers differ in: `client_id`, `Client-Id` and `clientId` are one."""
    return name.strip().lower().replace("_", "").replace("-", "")


def within(value: object, *path: str) -> object:
    """Return what stands in a JSON value at a path of names; None if the path leads nowhere."""
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value
