"""Reads one HTTP/1.1 message that somebody else sent: a bystander's view, by h11.

h11 is made for the two ends of a connection. A bystander sees both directions, in pieces, with holes, and perhaps not
from the beginning. So each message of each direction has an h11 connection of its own, as the end that receives it; a
response gets a request made up beforehand, of which only the method matters. Where a message ends, h11 knows; the bytes
behind it are handed back, and whoever asks decides what they are: the next message, a WebSocket, or garbage.

What h11 refuses is kept as bytes, with the reason. What it cannot know is decided here: what becomes of a body with a
hole in it, or one whose length is not what its header says.
"""

from __future__ import annotations

import re
from typing import Final

import h11

from lmdecode.codec.content_encoding import MAX_BODY, decoded
from lmdecode.codec.record import Sender
from lmdecode.codec.web import Headers, HttpRequest, HttpResponse, header

MAX_HEAD: Final = 1 << 16
"""Bytes of a start line and headers that are waited for; h11's own limit is a quarter of it."""
_SLICE: Final = 1 << 12  # bytes that h11 is given at once: it hands back copies of what is left

START_OF_REQUEST: Final = re.compile(
    rb"(?:GET|POST|PUT|HEAD|DELETE|OPTIONS|PATCH|CONNECT|TRACE) [!-~]{1,8000} HTTP/1\.[01]\r?\n"
)
START_OF_RESPONSE: Final = re.compile(rb"HTTP/1\.[01] [1-9][0-9]{2}(?: [^\r\n]{0,200})?\r?\n")
_RESPONSE_WITHIN: Final = re.compile(rb"HTTP/1\.[01] [1-9][0-9]{2}(?: [^\r\n]{0,200})?\r?\n[A-Za-z-]{1,60}:")
_LONGEST_WITHIN: Final = 300  # bytes of what the pattern above finds, at most

HOLE: Final = b"\0"
"""Stands in a body for bytes that are not in the capture: no JSON may have it, so none is read across a hole."""


class MessageReader:
    """Reads one message, request or response.

    Args:
        sender: Whose it is: a request of the app, or a response of the machine.
        method: Of the request that a response answers: the answer to HEAD has no body.
    """

    def __init__(self, sender: Sender, method: str = "GET") -> None:
        self._is_request = sender == "app"
        self._connection = h11.Connection(h11.SERVER if self._is_request else h11.CLIENT, MAX_HEAD)
        if not self._is_request:
            asked = [("Host", "machine"), ("Connection", "Upgrade"), ("Upgrade", "websocket")]
            self._connection.send(h11.Request(method=method, target="/", headers=asked))
            self._connection.send(h11.EndOfMessage())
        self._head: h11.Request | h11.Response | h11.InformationalResponse | None = None
        self._headers: Headers = ()
        self._length: int | None = None  # of the body, if its header says so
        self._received = 0  # bytes of the body, those in holes and those left out too
        self._by_hand = False  # whether h11 has lost count, because of a hole
        self._body = bytearray()
        self._raw = bytearray()  # what was received, until the headers are whole
        self._problems: list[str] = []
        self.result: HttpRequest | HttpResponse | None = None
        """The message, once it is over. None if its headers make no sense; then `raw` and `problem` say more."""
        self.problem = ""

    @property
    def raw(self) -> bytes:
        """What was received of headers that are not whole, or make no sense."""
        return bytes(self._raw)

    @property
    def held(self) -> int:
        """About how many bytes of memory it holds."""
        return len(self._raw) + len(self._body) + _CONNECTION_SIZE

    def feed(self, data: bytes) -> bytes | None:
        """Take the next bytes. Returns those behind the message if it is over, None if it goes on."""
        at = 0
        while at < len(data):
            if self._by_hand:
                return self._feed_by_hand(data[at:])
            piece = data[at : at + _SLICE]
            at += len(piece)
            if self._head is None:
                self._raw += piece
            self._connection.receive_data(piece)
            rest = self._advance()
            if rest is not None:
                return rest + data[at:]
        return None

    def _advance(self) -> bytes | None:
        """Let h11 read. Returns what is left behind the message, None if it goes on."""
        while True:
            try:
                event = self._connection.next_event()
            except h11.RemoteProtocolError as error:
                return self._fail(str(error).partition(": ")[0])  # behind the colon, h11 quotes what it read
            if event is h11.NEED_DATA:
                return None
            if isinstance(event, h11.Data):
                rest = self._keep(bytes(event.data))
                if rest is not None:
                    return rest + self._connection.trailing_data[0]
            elif isinstance(event, h11.Request | h11.Response):
                self._begin(event)
            elif isinstance(event, h11.InformationalResponse):
                if event.status_code == 101:
                    self._begin(event)
                    return self._finish()
                # 100 Continue and the like: the answer is still to come.
                self._raw[: len(self._raw) - len(self._connection.trailing_data[0])] = b""
            else:  # the end of the message, or of the connection
                return self._finish()

    def _begin(self, head: h11.Request | h11.Response | h11.InformationalResponse) -> None:
        self._head = head
        self._headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in head.headers.raw_items()]
        self._raw.clear()
        length = header(self._headers, "content-length")
        if length.isdecimal() and not header(self._headers, "transfer-encoding"):
            self._length = int(length)

    def _keep(self, data: bytes) -> bytes | None:
        """Add to the body. Returns what belongs to another message, if the body has run into one."""
        known = len(self._body)
        self._received += len(data)
        if known < MAX_BODY:
            self._body += data[: MAX_BODY - known]
        if self._is_request or self._length is None or "json" not in header(self._headers, "content-type").lower():
            return None
        found = _RESPONSE_WITHIN.search(self._body, max(0, known - _LONGEST_WITHIN))
        if found is None:  # JSON has no line ends within its texts, so this cannot be a part of the body
            return None
        rest = bytes(self._body[found.start() :])
        del self._body[found.start() :]
        self._problems.append(
            f"the body has {len(self._body):,} bytes, though its header says {self._length:,}: the next answer follows"
        )
        self._make()
        return rest

    def _finish(self) -> bytes:
        rest: bytes = self._connection.trailing_data[0]
        self._make()
        return rest

    def _fail(self, reason: str) -> bytes:
        rest: bytes = self._connection.trailing_data[0]
        if self._head is None:
            self.problem = f"not an HTTP message: {reason}"
            return b""
        self._problems.append(f"the body is damaged: {reason}")
        self._make()
        return rest

    def _feed_by_hand(self, data: bytes) -> bytes | None:
        """Count the bytes of a body of known length, since h11 cannot leave out those in a hole."""
        missing = (self._length or 0) - self._received
        rest = self._keep(data[:missing])
        if rest is not None:
            return rest + data[missing:]
        if len(data) < missing:
            return None
        self._make()
        return data[missing:]

    def gap(self, size: int, reason: str) -> bool:
        """Note that bytes are missing. Returns whether the message goes on behind them.

        Args:
            size: How many.
            reason: Why, for the message's problems.
        """
        if self._head is None:
            self._make_of_start(f"{reason}: the headers are not whole")
            return False
        where = f"{reason}, after byte {self._received:,} of the body"
        self._problems.append(where)
        left = None if self._length is None else self._length - self._received
        if header(self._headers, "transfer-encoding") or (left is not None and left < size):
            self._make()
            return False
        self._body += HOLE
        self._received += size
        if left is not None:
            self._by_hand = True
            if left == size:
                self._make()
        return True

    def end(self, problem: str) -> None:
        """Make what there is: nothing more will come.

        Args:
            problem: What to say if the message is not whole.
        """
        if self._head is None:
            self._make_of_start(f"{problem} inside the headers")
            return
        is_whole = self._length is None and not header(self._headers, "transfer-encoding") and not self._is_request
        if not is_whole:
            of = "" if self._length is None else f" of {self._length:,}"
            self._problems.append(f"{problem} inside the body: {self._received:,}{of} bytes are there")
        self._make()

    def _make_of_start(self, problem: str) -> None:
        """Make what there is of a message whose headers are cut off: what is asked or answered is in the first line."""
        raw = bytes(self._raw)
        first, *lines = raw.decode("latin-1").split("\n")[:-1] or [""]
        headers = [(name, value.strip()) for name, colon, value in (line.partition(":") for line in lines) if colon]
        if self._is_request and START_OF_REQUEST.match(raw):
            method, path, _ = first.split(" ")
            self.result = HttpRequest(method, _host_of(headers), path, headers, b"", (problem,))
        elif not self._is_request and START_OF_RESPONSE.match(raw):
            self.result = HttpResponse(int(first[9:12]), headers, None, (problem,))
        else:
            self.problem = f"{problem} of an HTTP message"

    def _make(self) -> None:
        if self._head is None:
            return
        if self._received > len(self._body) and len(self._body) >= MAX_BODY:
            self._problems.append(f"the body is longer than {MAX_BODY:,} bytes: what follows is left out")
        encodings = [value for name, value in self._headers if name.lower() == "content-encoding"]
        body, problems = decoded(bytes(self._body), encodings)
        said = (*self._problems, *problems)
        if isinstance(self._head, h11.Request):
            method, path = self._head.method.decode("latin-1"), self._head.target.decode("latin-1")
            self.result = HttpRequest(method, _host_of(self._headers), path, self._headers, body, said)
        else:
            self.result = HttpResponse(self._head.status_code, self._headers, body, said)


_CONNECTION_SIZE: Final = 4000  # bytes of memory, about, of an h11 connection


def _host_of(headers: Headers) -> str:
    host = header(headers, "host").rpartition("@")[2].lower()
    return host.partition("]")[0] + "]" if host.startswith("[") else host.partition(":")[0]


def wants_websocket(request: HttpRequest) -> bool:
    """Return whether a request asks for a WebSocket.

    >>> wants_websocket(HttpRequest("GET", "machine", "/", [("Upgrade", "WebSocket")]))
    True
    """
    return header(request.headers, "upgrade").lower() == "websocket"
