"""One flow of mitmproxy: with whom it is, and the request and the answer in it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Protocol

from mitmproxy.http import Headers, HTTPFlow

from lmdecode.capture.http.exchange import Exchange, Request, Response
from lmdecode.codec.dialect import is_cloud
from lmdecode.codec.record import Sender


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


def claimed_host(flow: HTTPFlow) -> str | None:
    """Which of the maker's hosts a flow claims to be with, if it does. Looks at nothing but the names in it."""
    return next((name for name in (flow.request.host, flow.request.pretty_host) if is_cloud(name)), None)


def verified_host(flow: HTTPFlow) -> str | None:
    """Which of the maker's hosts a flow is with, if it is one: over TLS, and all names in it are the same.

    The name that counts is the one that mitmproxy has compared with the server's certificate, because a client can
    write anything into a request. A transparent proxy has an address where others have a name; an address is no name.

    Saved flows may be made of another format, which does not say with whom there was TLS. In these the name counts that
    was connected to, which no client can pretend; only where that is an address, the name of the certificate counts.
    """
    request, server = flow.request, flow.server_conn
    by_certificate = flow.live or _is_address(request.host)
    if by_certificate and request.scheme != "https":
        return None
    if flow.live and not (server.tls_established and flow.client_conn.tls_established):
        return None
    connected = (server.sni if by_certificate else request.host) or ""
    names = {_plain(name) for name in (connected, request.pretty_host, request.host)}
    name = _plain(connected)
    return name if is_cloud(name) and all(each == name or _is_address(each) for each in names) else None


def _plain(host: str) -> str:
    return host.lower().removesuffix(".")


def _is_address(host: str) -> bool:
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def exchange(flow: HTTPFlow) -> Exchange | None:
    """A flow with one of the maker's hosts; of others nothing is read."""
    host = verified_host(flow)
    if host is None:
        return None
    asked, answer = flow.request, flow.response
    request = Request(asked.method, host, asked.path, _headers(asked.headers), asked.raw_content or b"")
    if answer is None:
        return Exchange(request, None)
    moment = answer.timestamp_end or answer.timestamp_start
    response = Response(answer.status_code, _headers(answer.headers), answer.raw_content)
    return Exchange(request, response, _time(moment))


def _time(moment: object) -> datetime | None:
    """A time of mitmproxy's; None if there is none, or none that a clock can show, as damaged flows have it."""
    try:
        return datetime.fromtimestamp(moment, UTC) if moment and isinstance(moment, int | float) else None
    except (ValueError, OverflowError, OSError):
        return None


def _headers(headers: Headers) -> list[tuple[str, str]]:
    return [(name.decode("utf-8", "replace"), value.decode("utf-8", "replace")) for name, value in headers.fields]
