"""One flow of mitmproxy: with whom it is, and the request and the answer in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import NamedTuple, Protocol

from mitmproxy.flow import Flow
from mitmproxy.http import Headers, HTTPFlow
from mitmproxy.tcp import TCPFlow

from lmdecode.capture.http.exchange import Exchange, Request, Response, SocketMessage
from lmdecode.codec.record import Sender
from lmdecode.codec.speakers import is_cloud


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
    return None if host is None else _exchange(flow, host)


class MachineBytes(NamedTuple):
    """The bytes of a TCP connection with a machine."""

    connection: str
    ends: tuple[str, str]
    """The host:port of the app, and of the machine."""
    port: int
    """The machine's."""
    pieces: Sequence[tuple[int, Sender, bytes]]
    """Nanoseconds since 1970, senders and bytes, as they were received."""


def recorded(
    flow: Flow, ports: frozenset[int], is_wanted: Callable[[str, int, str], bool]
) -> Exchange | MachineBytes | None:
    """Return what a flow has for a decoder; None if it is of another protocol.

    Here nothing is believed because of who said it, so it is enough where a flow says that it goes.

    Args:
        flow: The flow.
        ports: The TCP ports of machines.
        is_wanted: Returns True for the host, port and path of a request that is to be read. Of others there is only
            the address.
    """
    if isinstance(flow, TCPFlow):
        address = flow.server_conn.address
        if address is None or address[1] not in ports:
            return None
        ends = host_port(flow.client_conn.peername, "app"), host_port(address, "machine")
        pieces = [(nanoseconds(each.timestamp), sender(each), each.content) for each in flow.messages]
        return MachineBytes(flow.client_conn.id, ends, address[1], pieces)
    if not isinstance(flow, HTTPFlow):
        return None
    host = flow.request.host
    if _is_address(host) and is_cloud(name := flow.server_conn.sni or flow.request.pretty_host):
        host = name
    if not is_wanted(host, flow.request.port, flow.request.path):
        return Exchange(Request(flow.request.method, host, flow.request.path, port=flow.request.port), None)
    return _exchange(flow, host)


def _exchange(flow: HTTPFlow, host: str) -> Exchange:
    asked, answer = flow.request, flow.response
    request = Request(asked.method, host, asked.path, _headers(asked.headers), asked.raw_content or b"", asked.port)
    response = None if answer is None else Response(answer.status_code, _headers(answer.headers), answer.raw_content)
    return Exchange(
        request,
        response,
        None if answer is None else _time(answer.timestamp_end or answer.timestamp_start),
        _time(asked.timestamp_start),
        [
            SocketMessage(_time(each.timestamp), sender(each), each.content, each.is_text)
            for each in (flow.websocket.messages if flow.websocket else ())
        ],
        flow.client_conn.id,
        host_port(flow.client_conn.peername, "app"),
    )


def _time(moment: object) -> datetime | None:
    """A time of mitmproxy's; None if there is none, or none that a clock can show, as damaged flows have it."""
    try:
        return datetime.fromtimestamp(moment, UTC) if moment and isinstance(moment, int | float) else None
    except (ValueError, OverflowError, OSError):
        return None


def _headers(headers: Headers) -> list[tuple[str, str]]:
    return [(name.decode("utf-8", "replace"), value.decode("utf-8", "replace")) for name, value in headers.fields]
