"""An HTTP request and its answer, whoever recorded them. They hold secrets, so neither shows what it holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

__all__ = ["Exchange", "Headers", "Request", "Response"]

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


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and its answer."""

    request: Request
    response: Response | None
    """None if there was none."""
    time: datetime | None = None
    """When it was answered."""
