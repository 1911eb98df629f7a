"""Debug logs, made anew: each message in the line in which its library writes it, and no other line.

A line of a log may hold anything, and was often changed on its way: wrapped, escaped, put into a table. What was
understood of it is a message and its time, and the copy has these in the plainest form, as the library wrote it. Times
are in UTC, since that is how a log without a zone is read.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import parse_qsl

from lmdecode.codec.bluetooth.characteristics import SUFFIX
from lmdecode.codec.cloud1.log import PATHS
from lmdecode.codec.record import Kind, Sender
from lmdecode.codec.speakers import dialects
from lmdecode.codec.v1.message import OK, Message, build
from lmdecode.codec.web import HttpRequest, HttpResponse
from lmdecode.redaction.copyist import Attribute, Copy, Ends, Radio

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LION: Final = "pylamarzocco.clients._cloud"
_CLOUD: Final = "pylamarzocco.clients.cloud"
_RADIO: Final = "pylamarzocco.clients._bluetooth"
_LOCAL: Final = "pylamarzocco.clients.local"
_DIRECT: Final = "lmdirect.connection"
_COMMANDS: Final = {path: name for name, path in PATHS.items()}


class LogCopy(Copy):
    """Writes messages as lines of a log.

    Args:
        write: Takes the bytes of a line with its end.
    """

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self._write = write
        self._asked: dict[tuple[int, int], HttpRequest] = {}

    def said(self, time_ns: int, sender: Sender, message: Message, *, ok: bool | None) -> bool:
        """Write a message of v1, as lmdirect does."""
        data = (message.data or b"").hex().upper()
        if sender == "app":
            self._line(time_ns, _DIRECT, f"Sending {message.preamble} with {data or None} None")
        elif message.kind is Kind.WRITE:
            status = OK if ok else message.status or "EE"
            self._line(time_ns, _DIRECT, f"Message={message.preamble}, Data={status}")
            result = "Succeeded" if ok else "Failed"
            self._line(time_ns, _DIRECT, f"Command {result}: {message.preamble}: {status}")
        else:
            self._line(time_ns, _DIRECT, f"Unexpected response: {build(message).decode()}")
        return True

    def request(self, ends: Ends, time_ns: int, number: int, request: HttpRequest) -> bool:
        """Keep a request: the libraries write it when its answer has come."""
        self._asked[ends.number, number] = request
        if _is_lion(request.host):
            return True
        if request.path == "/oauth/v2/token":
            said = dict(parse_qsl(request.body.decode(), keep_blank_values=True))
            self._line(time_ns, _CLOUD, f"Getting new access token, data: {said!r}")
        elif "/commands/" in request.path:
            self._line(time_ns, _CLOUD, f"Checking status of command {request.path.rpartition('/')[2]}")
        elif request.method == "POST":
            path = request.path.partition("/machines/")[2].partition("/")[2]
            self._line(time_ns, _CLOUD, f"Sending command {_COMMANDS.get(path, path)} over cloud with params {{}}")
        return True

    def response(self, ends: Ends, time_ns: int, number: int, response: HttpResponse) -> bool:
        """Write an answer, and what it is to."""
        asked = self._asked.pop((ends.number, number), None)
        body = (response.body or b"").decode()
        try:
            said = repr(json.loads(body)) if body else "None"
        except (ValueError, RecursionError):
            return False
        url = "" if asked is None else f"https://{asked.host}{asked.path}"
        is_lion = _is_lion(ends.machine.host if asked is None else asked.host)
        logger = _LION if is_lion else _CLOUD
        if response.status != 200:
            self._line(time_ns, logger, f"Request to endpoint {url} failed with status code {response.status}")
        elif is_lion:
            if url:
                self._line(time_ns, logger, f"Request to {url} successful")
            self._line(time_ns, logger, f"Response: {said}")
        elif asked is not None and asked.path == "/oauth/v2/token":
            self._line(time_ns, logger, f"Got new access token: {said}")
        else:
            self._line(time_ns, logger, f"Request to {said} successful")
        return True

    def message(self, ends: Ends, time_ns: int, sender: Sender, data: bytes, *, is_text: bool) -> bool:  # noqa: ARG002
        """Write a message of a WebSocket."""
        said = f"WSMessage(type=<WSMsgType.TEXT: 1>, data={data.decode()!r}, extra='')"
        logger = _LION if _is_lion(ends.machine.host) else _LOCAL
        self._line(time_ns, logger, f"Received websocket message: {said}")
        return True

    def attribute(self, radio: Radio, time_ns: int, said: Attribute) -> bool:  # noqa: ARG002
        """Write what was written to a machine by Bluetooth, and what it notified; a log has no more."""
        if said.what == "wrote":
            text = f"Sending bluetooth message: {said.value!r} to {said.name}{SUFFIX}"
        elif said.what == "subscribed":
            text = "Subscribed to shot counter on 02:00:00:00:00:00"
        elif said.what == "notified":
            how = "Ignoring the replayed shot counter notification" if said.replay else "Shot counter received data"
            text = f"{how}: {bytearray(said.value)!r}"
        else:
            return False
        self._line(time_ns, _RADIO, text)
        return True

    def _line(self, time_ns: int, logger: str, text: str) -> None:
        moment = _EPOCH + timedelta(microseconds=time_ns // 1000)
        time = moment.replace(tzinfo=None).isoformat(" ", "microseconds")
        self._write(f"{time} DEBUG (MainThread) [{logger}] {text}\n".encode())


def _is_lion(host: str) -> bool:
    return host in dialects()["lion"].hosts
