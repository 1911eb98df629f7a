"""The app's side of a live connection, without a socket: requests go out, Records come in, and answers are matched.

One request waits for its answer before the next one is sent, as in the maker's app. The protocol has no request
numbers: an answer repeats the address and the length of its request, and so does a report that the machine sends by
itself. Two requests under way at once could therefore not be told apart.

All that a client must know of this protocol is here. The client gets a `RequesterFactory` and handles neither the key
nor any bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from lmdecode.codec.dialect import Place
from lmdecode.codec.errors import FrameError
from lmdecode.codec.record import Kind, Record
from lmdecode.codec.v1.conversation import Conversation
from lmdecode.codec.v1.decoder import FrameDecoder
from lmdecode.codec.v1.framing import unwrap, wrap
from lmdecode.codec.v1.key import BLOCK_SIZE, Key, encrypt
from lmdecode.codec.v1.message import Message, build, letter_of
from lmdecode.codec.v1.window import registers_in
from lmdecode.codec.v1.windows import ALIVE, REPORTS, window_name

_USUAL: Final = frozenset((window.address, window.length) for window in REPORTS)


PROBE: Final = Message(Kind.READ, ALIVE.address, ALIVE.length)
"""A read that every machine answers. It shows that the machine is there and that the key is right."""


def label(request: Message) -> str:
    """Returns what messages call a request: its letter, its preamble, and in words what is there.

    >>> label(PROBE), label(Message(Kind.READ, 0x5000, 1))
    ('R40220001 (steam boiler)', 'R50000001')
    """
    what = what_is_at(request.address, request.length)
    return f"{letter_of(request.kind)}{request.preamble}" + (f" ({what})" if what else "")


def what_is_at(address: int, length: int) -> str:
    """Returns the name of a window, or the registers that are whole in it; "" if nobody has a name for what is there.

    >>> what_is_at(0x0100, 0x11), what_is_at(0x0014, 2), what_is_at(0x0311, 14)
    ('serial number', 'dose_k1', 'mon_on_hour to sun_off_hour')
    """
    if known := window_name(address, length):
        return known
    names = [
        row.name
        for row in registers_in(address, length)
        if row.name and row.address >= address and row.end <= address + length
    ]
    return f"{names[0]} to {names[-1]}" if len(names) > 1 else "".join(names)


def frame_of(request: Message, key: Key) -> bytes:
    """Returns the frame of a request, as it goes over the wire.

    Raises:
        MessageError: The request cannot be built.
    """
    return wrap(encrypt(key, build(request)))


def is_echo(request: Message, answer: Record) -> bool:
    """Whether the machine sent a read back instead of an answer.

    An echo is a message without damage. A damaged answer has no data either, because none of it may be shown; its bytes
    are in `raw`.
    """
    return request.kind is Kind.READ and answer.data is None and answer.raw is None


def refusal(answer: Record) -> str | None:
    """Returns what a machine answered to a write instead of OK; None if it took the write."""
    return None if answer.ok else (answer.plaintext or "")[9:-2][:16]


@dataclass(slots=True)
class Received:
    """What the machine has sent since the last request, apart from the answer. It explains why there is no answer."""

    bytes: int = 0
    """All bytes that came."""
    valid: int = 0
    """Messages with a valid check byte."""
    undecryptable: int = 0
    """Frames that the key does not turn into a message."""
    garbage: int = 0
    """Bytes outside any frame, and frames that are not base64."""
    stray: str = ""
    """The label of a message that nobody asked for and that machines do not send by themselves: an answer to another
    request."""


class Requester:
    r"""The requests and answers of one connection, seen from the app.

    Args:
        key: The machine's key.
        stream: The connection's number, for the Records.
        app: This side's host:port.
        machine: The machine's host:port.
        show_secrets: Whether the Records show the machine's cloud account.

    >>> requester = Requester(Key.parse("12345678901234567890123456789012"))
    >>> frame, records = requester.ask(0, Message(Kind.READ, 0x4000, 0x23))
    >>> frame, records[0].plaintext
    (b'@/EvNHlfIE/xwlY2eKvFjXw==%', 'R40000023DB')
    """

    def __init__(
        self, key: Key, *, stream: int = 0, app: str = "app", machine: str = "machine", show_secrets: bool = False
    ) -> None:
        self._key = key
        decoder = FrameDecoder(key, show_secrets=show_secrets)
        self._conversation = Conversation(decoder, Place(stream, app, machine))
        self._request: Record | None = None
        self.answer: Record | None = None
        """The answer to the last request; None until it has come."""
        self.received = Received()
        """What else has come since the last request."""
        self.ever_valid = False
        """Whether any message has come that the key decrypts."""
        self.ever_received = False
        """Whether any byte has come from the machine."""

    def ask(self, time_ns: int, request: Message) -> tuple[bytes, list[Record]]:
        """Begin a request and wait for its answer from now on.

        Returns:
            The frame to send, and the Records of it.

        Raises:
            MessageError: The request cannot be built.
        """
        frame = frame_of(request, self._key)
        records = self._conversation.receive(time_ns, "app", frame)
        self._request, self.answer, self.received = records[0], None, Received()
        return frame, records

    def receive(self, time_ns: int, data: bytes) -> list[Record]:
        """Take bytes from the machine; returns their Records."""
        self.ever_received = self.ever_received or bool(data)
        self.received.bytes += len(data)
        return self._noted(self._conversation.receive(time_ns, "machine", data))

    def close(self, time_ns: int) -> list[Record]:
        """End the connection; returns the Records of bytes that waited for the rest of their frame."""
        return self._noted(self._conversation.close(time_ns))

    def _noted(self, records: list[Record]) -> list[Record]:
        for record in records:
            if record.kind is None:
                self._note_damage(record)
            elif self.answer is None and self._answers(record):
                self.answer = record
            else:
                self.received.valid += 1
                self._note_stray(record)
            self.ever_valid = self.ever_valid or record.kind is not None
        return records

    def _answers(self, record: Record) -> bool:
        """Return True if a message answers the last request, as the conversation has found out."""
        if record.request is not None:
            return record.request is self._request
        # A write's answer that comes after the conversation has given up its request is still the answer.
        asked = self._request
        return asked is not None and record.role == "response" and record.address == asked.address

    def _note_damage(self, record: Record) -> None:
        raw = record.raw or b""
        try:
            size = len(unwrap(raw[1:-1])) if raw[:1] == b"@" and raw[-1:] == b"%" else 0
            whole = size > 0 and not size % BLOCK_SIZE
        except FrameError:
            whole = False
        if whole:
            self.received.undecryptable += 1
        else:
            self.received.garbage += max(len(raw), 1)

    def _note_stray(self, record: Record) -> None:
        if record.kind is not Kind.STREAM and (record.address, record.length) not in _USUAL:
            self.received.stray = (record.plaintext or "")[:9]


RequesterFactory = Callable[[int, str, str], Requester]
"""Makes the requester of a new connection from the connection's number, this side's host:port and the machine's."""


def requesters(key: Key, *, show_secrets: bool = False) -> RequesterFactory:
    """Returns a factory of requesters that know a machine's key.

    Args:
        key: The machine's key.
        show_secrets: Whether the Records show the machine's cloud account.
    """

    def make(stream: int, app: str, machine: str) -> Requester:
        return Requester(key, stream=stream, app=app, machine=machine, show_secrets=show_secrets)

    return make
