"""HTTP requests, their answers and WebSocket messages, as the dialects of JSON take them.

The gateways after v1, and the maker's cloud, speak HTTP and WebSocket. Where such a message was recorded is not their
business: in packets of the LAN, in flows of mitmproxy, in an HTTP archive or in a program's log. Whoever reads one of
these makes an `HttpRequest`, an `HttpResponse` or the bytes of a WebSocket message of it, with all encodings undone,
and hands it to the `WebConversation` of the dialect that serves the address.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from lmdecode.codec.record import Record, Sender

Headers = Sequence[tuple[str, str]]
"""Names, in any case, and values, in the order in which they were sent."""


class HttpRequest(NamedTuple):
    """What a client asked."""

    method: str
    host: str
    """Without the port, in lower case."""
    path: str
    """With the query, if there is one."""
    headers: Headers = ()
    body: bytes = b""
    """Neither chunked nor compressed any more."""
    problems: tuple[str, ...] = ()
    """What was wrong with its bytes: a body that was cut off, an encoding that could not be undone."""


class HttpResponse(NamedTuple):
    """What the machine or the cloud answered."""

    status: int
    headers: Headers = ()
    body: bytes | None = b""
    """Neither chunked nor compressed any more; None if whoever recorded it left it out."""
    problems: tuple[str, ...] = ()
    """What was wrong with its bytes."""


class WebConversation(Protocol):
    """One connection of HTTP, with the WebSocket that it may become. It never raises, whatever it is given.

    It is to the dialects of JSON what `Conversation` is to those of bytes: all of the state, and no socket or clock.
    """

    def request(self, time_ns: int, request: HttpRequest, number: int = 0) -> Sequence[Record]:
        """Take a request.

        Args:
            time_ns: When it was sent; nanoseconds since 1970, UTC.
            request: The request.
            number: Of the exchange, by which its answer is known; HTTP/2 answers in any order.
        """

    def response(self, time_ns: int, response: HttpResponse, number: int = 0) -> Sequence[Record]:
        """Take the answer to the request with the same number; the request may be missing."""

    def message(
        self, time_ns: int, sender: Sender, data: bytes, *, is_text: bool = True, problems: Sequence[str] = ()
    ) -> Sequence[Record]:
        """Take one whole message of the WebSocket, put together of its frames and decompressed.

        Args:
            time_ns: When its last byte was seen.
            sender: Whose it is.
            data: The bytes of the message; text is UTF-8, valid or not.
            is_text: Whether it was sent as text.
            problems: What was wrong with its frames.
        """

    def control(
        self, time_ns: int, sender: Sender, name: str, data: bytes, *, problems: Sequence[str] = ()
    ) -> Sequence[Record]:
        """Take a control frame of the WebSocket.

        Args:
            time_ns: When its last byte was seen.
            sender: Whose it is.
            name: What it is: "ping", "pong" or "close".
            data: What is in it; of a close a number of two bytes and a reason, if there is anything.
            problems: What was wrong with it.
        """

    def note(self, time_ns: int, sender: Sender, problem: str, raw: bytes = b"") -> Sequence[Record]:
        """Take what is no message: bytes that could not be read, or that are missing, with the reason."""

    def close(self, time_ns: int) -> Sequence[Record]:
        """The connection has ended: return what was held back."""

    @property
    def held(self) -> int:
        """About how many bytes of memory it holds."""

    def let_go(self, time_ns: int) -> Sequence[Record]:
        """Return what is held back, and forget what can be done without: memory has run short."""


def header(headers: Headers, name: str) -> str:
    """Return the first value of a header, "" if there is none.

    Args:
        headers: Those of a message.
        name: In lower case.

    >>> header([("Content-Type", "application/json")], "content-type")
    'application/json'
    """
    return next((value for each, value in headers if each.lower() == name), "")
