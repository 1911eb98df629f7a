"""HTTP archives and mitmproxy's flows, made anew of requests, answers and messages of WebSockets.

A recorder writes an exchange when it is over, so all is kept until the end, and then written in the order in which it
began. Certificates, timings, names of clients and everything else that a recorder knows of a computer is nobody's here.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple
from urllib.parse import parse_qsl

from lmdecode.codec.record import Sender
from lmdecode.codec.web import Headers, HttpRequest, HttpResponse, header
from lmdecode.redaction.copyist import Copy, Ends

if TYPE_CHECKING:
    from mitmproxy.connection import Client, Server
    from mitmproxy.flow import Flow
    from mitmproxy.http import HTTPFlow

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_HTTPS: Final = 443
_APP: Final = ("192.168.0.1", 50_000)


class SocketText(NamedTuple):
    """A message of a WebSocket."""

    time_ns: int
    sender: Sender
    data: bytes
    is_text: bool


@dataclass(slots=True)
class Recorded:
    """An exchange."""

    ends: Ends
    begun_ns: int
    request: HttpRequest
    answered_ns: int = 0
    response: HttpResponse | None = None
    messages: list[SocketText] = field(default_factory=list)

    @property
    def url(self) -> str:
        """The address that was asked."""
        port = self.ends.machine.port
        scheme = "https" if port in {0, _HTTPS} else "http"
        return f"{scheme}://{self.request.host}{'' if port in {0, _HTTPS} else f':{port}'}{self.request.path}"


class ArchiveCopy(Copy):
    """Keeps exchanges, and hands them to a writer in the end.

    Args:
        write: Takes all exchanges, and the bytes of TCP connections with machines.
    """

    def __init__(self, write: Callable[[list[Recorded], dict[Ends, list[SocketText]]], None]) -> None:
        self._write = write
        self._exchanges: dict[tuple[int, int], Recorded] = {}
        self._last: dict[int, Recorded] = {}
        self._streams: dict[Ends, list[SocketText]] = {}

    def frame(self, ends: Ends, time_ns: int, sender: Sender, data: bytes) -> bool:
        """Keep bytes of a TCP stream."""
        self._streams.setdefault(ends, []).append(SocketText(time_ns, sender, data, is_text=False))
        return True

    def request(self, ends: Ends, time_ns: int, number: int, request: HttpRequest) -> bool:
        """Keep a request."""
        self._exchanges[ends.number, number] = self._last[ends.number] = Recorded(ends, time_ns, request)
        return True

    def response(self, ends: Ends, time_ns: int, number: int, response: HttpResponse) -> bool:
        """Keep an answer."""
        asked = self._exchanges.get((ends.number, number))
        if asked is None:
            return False
        asked.answered_ns, asked.response = time_ns, response
        return True

    def message(self, ends: Ends, time_ns: int, sender: Sender, data: bytes, *, is_text: bool) -> bool:
        """Keep a message of a WebSocket."""
        asked = self._last.get(ends.number)
        if asked is None:
            return False
        asked.messages.append(SocketText(time_ns, sender, data, is_text))
        return True

    def close(self) -> None:
        """Write all."""
        found = sorted(self._exchanges.values(), key=lambda each: each.begun_ns)
        self._write(found, self._streams)


def har(file: BinaryIO) -> Copy:
    """Return what writes an HTTP archive (HAR 1.2)."""

    def write(found: list[Recorded], _streams: dict[Ends, list[SocketText]]) -> None:
        entries = [_entry(each) for each in found]
        log = {"version": "1.2", "creator": {"name": "lmdecode redact", "version": "1"}, "entries": entries}
        file.write(json.dumps({"log": log}, ensure_ascii=False, separators=(",", ":")).encode())

    return ArchiveCopy(write)


def _entry(each: Recorded) -> dict[str, object]:
    request, response = each.request, each.response
    asked: dict[str, object] = {
        "method": request.method,
        "url": each.url,
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": _pairs(request.headers),
        "queryString": _pairs(parse_qsl(request.path.partition("?")[2])),
        "headersSize": -1,
        "bodySize": len(request.body),
    }
    if request.body:
        kind = header(request.headers, "content-type") or "application/json"
        asked["postData"] = {"mimeType": kind, "text": request.body.decode()}
    body = b"" if response is None else response.body or b""
    answer: dict[str, object] = {
        "status": 0 if response is None else response.status,
        "statusText": "",
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": [] if response is None else _pairs(response.headers),
        "content": {"size": len(body), "mimeType": _kind_of(response), "text": body.decode()},
        "redirectURL": "",
        "headersSize": -1,
        "bodySize": len(body),
    }
    lasted = (each.answered_ns - each.begun_ns) / 1e6 if response is not None else 0
    entry: dict[str, object] = {
        "startedDateTime": _moment(each.begun_ns).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "time": round(lasted, 3),
        "connection": str(each.ends.number),
        "request": asked,
        "response": answer,
        "cache": {},
        "timings": {"send": 0, "wait": round(lasted, 3), "receive": 0},
    }
    if each.messages:
        entry["_webSocketMessages"] = [
            {
                "type": "send" if message.sender == "app" else "receive",
                "time": round(message.time_ns / 1e9, 6),
                "opcode": 1 if message.is_text else 2,
                "data": message.data.decode(),
            }
            for message in each.messages
        ]
    return entry


def _pairs(headers: Headers) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in headers]


def _kind_of(response: HttpResponse | None) -> str:
    return "" if response is None else header(response.headers, "content-type") or "application/json"


def _moment(time_ns: int) -> datetime:
    return _EPOCH + timedelta(microseconds=time_ns // 1000)


def flows(file: BinaryIO) -> Copy:
    """Return what writes flows as mitmproxy saves them."""

    def write(found: list[Recorded], streams: dict[Ends, list[SocketText]]) -> None:
        from mitmproxy.io import FlowWriter  # noqa: PLC0415 -- an extra, which whoever read flows has

        writer = FlowWriter(file)  # type: ignore[no-untyped-call]  # mitmproxy's
        made: list[tuple[int, Flow]] = [(each.begun_ns, _http_flow(each)) for each in found]
        made += [(pieces[0].time_ns, _tcp_flow(ends, pieces)) for ends, pieces in streams.items()]
        for number, (_, flow) in enumerate(sorted(made, key=lambda each: each[0]), 1):
            flow.id = f"00000000-0000-4000-8000-{number:012x}"
            writer.add(flow)

    return ArchiveCopy(write)


def _http_flow(each: Recorded) -> HTTPFlow:
    from mitmproxy.http import HTTPFlow, Request, Response  # noqa: PLC0415 -- as above
    from mitmproxy.websocket import WebSocketData, WebSocketMessage  # noqa: PLC0415 -- as above
    from wsproto.frame_protocol import Opcode  # noqa: PLC0415 -- as above

    request, response = each.request, each.response
    begun = each.begun_ns / 1e9
    is_tls = each.url.startswith("https:")
    port = each.ends.machine.port or _HTTPS
    flow = HTTPFlow(*_connections(each.ends, each.request.host, begun, is_tls=is_tls))
    flow.timestamp_created = begun
    flow.request = Request(
        request.host, port, request.method.encode(), b"https" if is_tls else b"http", b"", request.path.encode(),
        b"HTTP/1.1", _fields(request.headers), request.body, None, begun, begun,
    )  # fmt: skip
    if response is not None:
        answered = each.answered_ns / 1e9
        flow.response = Response(
            b"HTTP/1.1", response.status, b"", _fields(response.headers), response.body or b"", None, answered, answered
        )
    if each.messages:
        flow.websocket = WebSocketData(
            messages=[
                WebSocketMessage(
                    Opcode.TEXT if said.is_text else Opcode.BINARY,
                    said.sender == "app",
                    said.data,
                    said.time_ns / 1e9,
                )
                for said in each.messages
            ]
        )
    return flow


def _tcp_flow(ends: Ends, pieces: list[SocketText]) -> Flow:
    from mitmproxy.tcp import TCPFlow, TCPMessage  # noqa: PLC0415 -- as above

    flow = TCPFlow(*_connections(ends, ends.machine.host, pieces[0].time_ns / 1e9, is_tls=False))
    flow.messages = [
        TCPMessage(each.sender == "app", each.data, each.time_ns / 1e9)  # type: ignore[no-untyped-call]  # mitmproxy's
        for each in pieces
    ]
    return flow


def _connections(ends: Ends, host: str, begun: float, *, is_tls: bool) -> tuple[Client, Server]:
    from mitmproxy.connection import Client, ConnectionState, Server  # noqa: PLC0415 -- as above

    app = (ends.app.host, ends.app.port) if ends.app.port else _APP
    port = ends.machine.port or _HTTPS
    client = Client(peername=app, sockname=("192.168.0.254", 8080), timestamp_start=begun)
    client.id = f"00000000-0000-4000-8000-1{ends.number:011x}"
    server = Server(address=(host, port), timestamp_start=begun)
    server.id = f"00000000-0000-4000-8000-2{ends.number:011x}"
    client.state = server.state = ConnectionState.CLOSED
    if is_tls:
        client.tls = server.tls = True
        client.timestamp_tls_setup = server.timestamp_tls_setup = begun
        client.sni = server.sni = host
    return client, server


def _fields(headers: Headers) -> tuple[tuple[bytes, bytes], ...]:
    return tuple((name.encode(), value.encode()) for name, value in headers)
