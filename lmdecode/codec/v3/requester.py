"""The app's side of a live connection to a gateway of v3, without a socket: the configuration, or the stream.

Two protocols are spoken, and both have libraries for their ends: h11 writes the requests, wsproto the frames. What the
machine says is read by `HttpConnection`, as in a capture, and so is what this side says; so the Records are those that
a capture of the same bytes gives, and there is one reader that damage can meet rather than two.

As an end, this side is stricter than a bystander. A bystander looks for the next frame behind damage; an end has a
connection that can be made anew, so it gives up what makes no sense. Compression of the stream is not offered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import h11
from wsproto.frame_protocol import CloseReason, FrameProtocol
from wsproto.utilities import generate_accept_token, generate_nonce

from lmdecode.codec.dialect import Place, Tally
from lmdecode.codec.errors import KeyFormatError
from lmdecode.codec.http_connection import HttpConnection
from lmdecode.codec.printable import printable
from lmdecode.codec.record import MASK, Record, Sender
from lmdecode.codec.requester import ONE_AT_A_TIME, Failure, Fault, RequesterFactory
from lmdecode.codec.secrets import masked_text
from lmdecode.codec.v1.key import Key
from lmdecode.codec.v3 import CONFIG, STREAMING
from lmdecode.codec.v3.conversation import ENCRYPTED, Web
from lmdecode.codec.web import HttpResponse, header

SPEAKS_TLS: Final = (
    "speaks TLS there, as commercial machines do, and lmdecode cannot talk to those; is it the machine's address?"
)
"""What is said of a machine whose port is encrypted: goes after its name."""
_IS_IT: Final = "is it the machine's address and port?"
_STREAMS_TO_ANOTHER: Final = (
    "another program has the stream, and the machine gives it to one at a time; close the app, or what else talks to "
    "it, and try again"
)
_BUSY: Final = frozenset((403, 409, 423, 429, 503))  # to a request for the stream; reads were answered
_LEAST: Final = 256  # bytes that a message of the stream counts at least
_LONGEST_REASON: Final = 60  # characters of what a machine says when it closes the stream


@dataclass(frozen=True, slots=True)
class Get:
    """A request. Nobody has found one that sets anything."""

    path: str
    listens: bool = False
    """Whether it asks for a WebSocket, on which the machine then pushes what happens."""


CONFIGURATION: Final = Get(CONFIG)
"""All that the machine reveals when it is asked."""
STREAM: Final = Get(STREAMING, listens=True)
"""All that the machine says by itself, from then on."""


def label(request: Get) -> str:
    """Returns what messages call a request.

    >>> label(CONFIGURATION)
    'GET /api/v1/config'
    """
    return f"GET {request.path}"


class _Heard(Web):
    """Makes the Records, and keeps what an end must know of them."""

    def __init__(self, place: Place, tally: Tally, *, show_secrets: bool) -> None:
        super().__init__(place, tally, show_secrets=show_secrets)
        self.response_to_last: HttpResponse | None = None
        self.is_document = False
        """Whether all of the body of the last answer could be read."""
        self.is_encrypted = False
        self.is_damaged = False
        self.texts = 0
        """How many texts of the stream have come."""
        self.controls: list[tuple[str, bytes]] = []
        """The control frames of the machine that nobody has reacted to."""

    def response(self, time_ns: int, response: HttpResponse, number: int = 0) -> Sequence[Record]:
        records = super().response(time_ns, response, number)
        self.response_to_last = response
        self.is_document = self.is_whole and not response.problems
        return records

    def message(
        self, time_ns: int, sender: Sender, data: bytes, *, is_text: bool = True, problems: Sequence[str] = ()
    ) -> Sequence[Record]:
        self.texts += sender == "machine"
        return super().message(time_ns, sender, data, is_text=is_text, problems=problems)

    def control(
        self, time_ns: int, sender: Sender, name: str, data: bytes, *, problems: Sequence[str] = ()
    ) -> Sequence[Record]:
        if sender == "machine":
            self.controls.append((name, data))
        return super().control(time_ns, sender, name, data, problems=problems)

    def note(self, time_ns: int, sender: Sender, problem: str, raw: bytes = b"") -> Sequence[Record]:
        self.is_encrypted |= problem == ENCRYPTED
        self.is_damaged |= sender == "machine"
        return super().note(time_ns, sender, problem, raw)


class Requester:
    """The requests and answers of one connection, seen from the app; a `codec.requester.Requester` of `Get`.

    Args:
        key: The machine's key, which is the token that it is shown.
        stream: The connection's number, for the Records.
        app: This side's host:port.
        machine: The machine's host:port.
        show_secrets: Whether the Records show what is secret in the machine's texts.

    >>> requester = Requester(Key.parse("12345678901234567890123456789012"), machine="192.168.1.215:8081")
    >>> data, records = requester.ask(0, CONFIGURATION)
    >>> data.splitlines()[:2], records[0].subject
    ([b'GET /api/v1/config HTTP/1.1', b'Host: 192.168.1.215:8081'], 'GET /api/v1/config')
    """

    probe: Final[Get | None] = None

    def __init__(
        self, key: Key, *, stream: int = 0, app: str = "app", machine: str = "machine", show_secrets: bool = False
    ) -> None:
        self._key = key
        self._masks = not show_secrets
        self._machine = machine
        tally = Tally()
        self._web = _Heard(Place(stream, app, machine), tally, show_secrets=show_secrets)
        self._connection = HttpConnection(self._web, tally, ENCRYPTED)
        self._asked: Record | None = None
        self._nonce = b""
        self._frames: FrameProtocol | None = None  # of this side, once both sides agreed on a WebSocket
        self._outgoing = bytearray()
        self._pings = 0  # that nobody has counted yet
        self._received = 0  # bytes since the last request
        self._has_taken_leave = False
        self.answer: Record | None = None
        """The answer to the last request; None until it has come."""
        self.broken: Failure | None = None
        """Why nothing more is to be expected of the connection; None if that is not so."""

    def label(self, request: Get) -> str:
        """Return what messages call a request."""
        return label(request)

    # ---- what goes out

    def ask(self, time_ns: int, request: Get) -> tuple[bytes, Sequence[Record]]:
        """Begin a request, and wait for its answer from now on.

        Returns:
            The bytes to send, and the Records of them.

        Raises:
            KeyFormatError: HTTP cannot carry the key.
        """
        self._nonce = generate_nonce() if request.listens else b""
        data = _request(request, self._key, self._machine, self._nonce)
        records = self._connection.receive(time_ns, "app", data)
        self._asked = next(iter(records), None)
        self.answer, self._web.response_to_last, self._received = None, None, 0
        return data, records

    def outgoing(self) -> bytes:
        """Take the answers to pings, and to a close."""
        data = bytes(self._outgoing)
        self._outgoing.clear()
        return data

    def knock(self, time_ns: int) -> bytes:
        """Return a ping."""
        data = b"" if self._frames is None or self._has_taken_leave else self._frames.ping()
        self._connection.receive(time_ns, "app", data)
        return data

    def farewell(self, time_ns: int) -> tuple[bytes, Sequence[Record]]:
        """Return a close, so that the machine knows at once that the next program may have the stream."""
        if self._frames is None or self._has_taken_leave:
            return b"", []
        self._has_taken_leave = True
        data = self._frames.close(CloseReason.NORMAL_CLOSURE)
        return data, self._connection.receive(time_ns, "app", data)

    # ---- what comes in

    def receive(self, time_ns: int, data: bytes) -> Sequence[Record]:
        """Take bytes from the machine; return their Records, and that of the close that answers a close."""
        self._received += len(data)
        if self._masks:  # a peer may say the key back in any of its texts; the lengths stay what they are
            data = data.replace(self._key.secret, b"*" * len(self._key.secret))
        records = self._noted([*self._connection.receive(time_ns, "machine", data)])
        controls, self._web.controls = self._web.controls, []
        self._pings += len(controls)
        for name, payload in controls:
            records += self._react(time_ns, name, payload)
        if self.broken is None and self._makes_no_sense(records):
            self.broken = self._nonsense()
        return records

    def _makes_no_sense(self, records: Sequence[Record]) -> bool:
        """Return whether something has come that no gateway says: no HTTP, no frame, or one where the other belongs."""
        if self._web.is_damaged or self._web.is_encrypted:
            return True
        state = self._connection.state("machine")
        if self._frames is not None:
            return state != "WebSocket" or any(_is_response(record) and record is not self.answer for record in records)
        return state in {"WebSocket", "seek"} or any(record.role == "report" for record in records)

    def close(self, time_ns: int) -> Sequence[Record]:
        """Note that the connection has ended; return the Records of what waited for the rest of its message."""
        return self._noted([*self._connection.close(time_ns)])

    def unasked(self, size: int, records: Sequence[Record]) -> int:
        """Return how many bytes came, or how many they count for the time that it takes to read them.

        Of a text that was compressed it counts how long it is unpacked. A text or a ping of two bytes takes as long as
        one of some hundred. Nothing is taken off for an answer: a configuration is small.
        """
        pings, self._pings = self._pings, 0
        texts = (len(record.plaintext or "") for record in records if record.role == "report")
        return max(size, pings * _LEAST + sum(max(text, _LEAST) for text in texts))

    def _noted(self, records: list[Record]) -> list[Record]:
        for record in records:
            if self.answer is None and record.request is not None and record.request is self._asked:
                self.answer = record
                response = self._web.response_to_last
                if self._nonce and response is not None and response.status == 101:
                    self._frames = FrameProtocol(client=True, extensions=[])
        return records

    def _react(self, time_ns: int, name: str, payload: bytes) -> Sequence[Record]:
        """Do what the protocol wants when a control frame has come."""
        frames = self._frames
        if name == "close" and frames is not None:
            self.broken = self._closed(payload)
        if frames is None or self._has_taken_leave or name == "pong":
            return []
        if name == "ping":
            data = frames.pong(payload)
        else:
            self._has_taken_leave = True
            data = frames.close(CloseReason.NORMAL_CLOSURE)
        self._outgoing += data
        return self._connection.receive(time_ns, "app", data)

    # ---- what went wrong

    def missing(self, request: Get, machine: str, *, ended: bool) -> Failure | None:
        """Return why there is no answer; None if it is that the connection has ended."""
        if self.broken is not None:
            return self.broken
        if ended:
            return None
        if not self._received:
            why = _STREAMS_TO_ANOTHER if request.listens else ONE_AT_A_TIME
            return Failure(Fault.BUSY, f"connected to {machine}, but it says nothing: {why}")
        return Failure(
            Fault.DAMAGED,
            f"the answer to {label(request)} has no end: {machine} sent {self._received:,} bytes of it in time",
        )

    def wrong(self, request: Get, answer: Record, machine: str) -> Failure | None:
        """Return what is wrong with an answer."""
        response, what = self._web.response_to_last, label(request)
        status = 0 if response is None else response.status
        if response is None or not (200 <= status < 300 or status == 101):
            return _refused(request, status, machine)
        if request.listens:
            if status == 101 and self._is_accepted(response):
                return None
            return Failure(Fault.NO_MACHINE, f"{machine} does not begin the stream that {what} asks for: {_IS_IT}")
        if not self._web.is_document:
            problem = next(iter(answer.problems), "it is not JSON")
            return Failure(Fault.DAMAGED, f"the answer to {what} is damaged: {problem}")
        if not answer.fields:
            return Failure(Fault.NO_MACHINE, f"what {machine} answers to {what} is no configuration: {_IS_IT}")
        return None

    def refusal(self, request: Get, answer: Record) -> Failure | None:  # noqa: ARG002
        """Return None: there are no writes."""
        return None

    def ended(self, machine: str, how: str) -> Failure:
        """Return what the end of the connection means."""
        if self._frames is not None and not self._web.texts:
            return Failure(Fault.BUSY, f"{machine} {how} as soon as the stream had begun: {_STREAMS_TO_ANOTHER}")
        if not self._received:
            why = _STREAMS_TO_ANOTHER if self._nonce else ONE_AT_A_TIME
            return Failure(Fault.BUSY, f"{machine} {how} before it said anything: {why}")
        return Failure(Fault.LOST, f"{machine} {how}" + ("" if self.answer else " in the middle of its answer"))

    def _nonsense(self) -> Failure:
        if self._web.is_encrypted:
            return Failure(Fault.NO_MACHINE, f"{self._machine} {SPEAKS_TLS}")
        if self._frames is not None:
            return Failure(Fault.LOST, f"{self._machine} sent what is no frame of a WebSocket: the stream was given up")
        return Failure(Fault.NO_MACHINE, f"what {self._machine} says is not HTTP: {_IS_IT}")

    def _closed(self, payload: bytes) -> Failure:
        code = int.from_bytes(payload[:2], "big") if len(payload) > 1 else 0
        text = payload[2:].decode("utf-8", "replace").replace(self._key.secret.decode("latin-1"), MASK)
        text = text.replace("*" * len(self._key.secret), MASK)
        reason = printable(masked_text(text))[:_LONGEST_REASON]
        said = " ".join(filter(None, (str(code or ""), reason)))
        how = "closed the stream" + (f" ({said})" if said else "")
        if not self._web.texts:
            return Failure(Fault.BUSY, f"{self._machine} {how} as soon as it had begun: {_STREAMS_TO_ANOTHER}")
        return Failure(Fault.LOST, f"{self._machine} {how}")

    def _is_accepted(self, response: HttpResponse) -> bool:
        return header(response.headers, "sec-websocket-accept").encode("latin-1") == generate_accept_token(self._nonce)


def _refused(request: Get, status: int, machine: str) -> Failure:
    """Returns what a status that is no success means."""
    what = label(request)
    if request.listens and status in _BUSY:
        return Failure(Fault.BUSY, f"{machine} refuses the stream with status {status}: {_STREAMS_TO_ANOTHER}")
    if status == 403:
        return Failure(
            Fault.NOT_READY,
            f"{machine} refuses {what} with status 403: it has no token yet, as after each power-up, or a token that "
            "is not this key; open the maker's app, which has the cloud load the token, wait a few seconds, and try "
            "again",
        )
    if status == 401:
        return Failure(
            Fault.WRONG_KEY,
            f"{machine} refuses the key with status 401: the key is not this machine's; `lmdecode config check` "
            "looks at it, `lmdecode harvest` finds the right one",
        )
    if 300 <= status < 400:
        return Failure(
            Fault.NO_MACHINE, f"{machine} sends {what} elsewhere (status {status}), as no machine does: {_IS_IT}"
        )
    if status in {404, 405, 410}:
        return Failure(
            Fault.NO_MACHINE, f"{machine} knows no {what} (status {status}), so it is no gateway of v3: {_IS_IT}"
        )
    return Failure(Fault.DAMAGED, f"{machine} answers {what} with status {status} rather than with values")


def _is_response(record: Record) -> bool:
    return record.role == "response"


def _request(request: Get, key: Key, machine: str, nonce: bytes) -> bytes:
    """Returns a request's bytes."""
    headers = [(b"Host", _host(machine)), (b"User-Agent", b"lmdecode"), (b"Authorization", b"Bearer " + key.secret)]
    if request.listens:
        headers += [(b"Connection", b"Upgrade"), (b"Upgrade", b"websocket")]
        headers += [(b"Sec-WebSocket-Version", b"13"), (b"Sec-WebSocket-Key", nonce)]
    else:
        headers += [(b"Accept", b"application/json"), (b"Connection", b"close")]
    connection = h11.Connection(h11.CLIENT)
    try:
        data = connection.send(h11.Request(method="GET", target=request.path, headers=headers))
    except h11.LocalProtocolError:
        raise KeyFormatError("HTTP cannot carry the bytes of the key, so it is not this machine's") from None
    return data or b""


def _host(machine: str) -> bytes:
    """Returns what goes into the header of that name: of an address in a link's own network, without the link."""
    address, percent, rest = machine.partition("%")
    return (f"{address}]{rest.partition(']')[2]}" if percent else machine).encode("ascii", "replace")


def requesters(key: Key, *, show_secrets: bool = False) -> RequesterFactory[Get]:
    """Returns a factory of requesters that know a machine's key.

    Args:
        key: The machine's key.
        show_secrets: Whether the Records show what is secret in the machine's texts.
    """

    def make(stream: int, app: str, machine: str) -> Requester:
        return Requester(key, stream=stream, app=app, machine=machine, show_secrets=show_secrets)

    return make
