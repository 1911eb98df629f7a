"""The app's side of a live connection, without a socket: requests go out, Records come in, and answers are matched.

One request waits for its answer before the next one is sent, as in the maker's app. The protocol has no request
numbers: an answer repeats the address and the length of its request, and so does a report that the machine sends by
itself. Two requests under way at once could therefore not be told apart.

All that a client must know of this protocol is here. The client gets a `RequesterFactory` and handles neither the key
nor any bytes. `Requester` is a `codec.requester.Requester` of `Message`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from lmdecode.codec.dialect import Place
from lmdecode.codec.errors import FrameError
from lmdecode.codec.record import Kind, Record
from lmdecode.codec.requester import ONE_AT_A_TIME, Failure, Fault, RequesterFactory
from lmdecode.codec.v1.conversation import Conversation
from lmdecode.codec.v1.decoder import FrameDecoder
from lmdecode.codec.v1.framing import unwrap, wrap
from lmdecode.codec.v1.key import BLOCK_SIZE, Key, encrypt
from lmdecode.codec.v1.message import Message, build, letter_of
from lmdecode.codec.v1.window import registers_in
from lmdecode.codec.v1.windows import ALIVE, REPORTS, window_name

_USUAL: Final = frozenset((window.address, window.length) for window in REPORTS)
_AROUND: Final = 26  # bytes of a frame that are not in its message, at least

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

    # ---- what a client asks of any protocol

    broken: Final[Failure | None] = None
    """Whatever comes, the next frame may be right."""
    probe: Final[Message | None] = PROBE

    def label(self, request: Message) -> str:
        """Return what messages call a request."""
        return label(request)

    def outgoing(self) -> bytes:
        """Return nothing: this protocol says nothing by itself."""
        return b""

    def knock(self, time_ns: int) -> bytes:  # noqa: ARG002
        """Return nothing: the machine is probed by a read."""
        return b""

    def farewell(self, time_ns: int) -> tuple[bytes, Sequence[Record]]:  # noqa: ARG002
        """Return nothing: neither side takes leave."""
        return b"", []

    def unasked(self, size: int, records: Sequence[Record]) -> int:
        """Return how many bytes came that answer nothing."""
        return max(size - sum(_frame_size(record) for record in records if record.role == "response"), 0)

    def missing(self, request: Message, machine: str, *, ended: bool) -> Failure | None:
        """Return why there is no answer; None if it is that the connection has ended.

        The order matters. A wrong key makes every other complaint meaningless, so it comes first, but only while not a
        single message has decrypted. Damage comes before a lost connection, because a machine that sends garbage often
        closes the connection too, and the garbage says more.
        """
        received, what = self.received, label(request)
        if received.undecryptable and not self.ever_valid:
            return Failure(
                Fault.WRONG_KEY,
                f"connected to {machine}, but nothing decrypts: the key is not this machine's, or this is not a "
                "machine; `lmdecode config check` looks at it, `lmdecode harvest` finds the right one",
            )
        if received.garbage or received.undecryptable:
            came = "a frame that does not decrypt"
            if received.garbage:
                came = f"{received.garbage} bytes that are no frame"
            return Failure(Fault.DAMAGED, f"the answer to {what} is damaged: {machine} sent {came}")
        if ended:
            return None
        if not self.ever_received:
            return Failure(Fault.BUSY, f"connected to {machine}, but it says nothing: {ONE_AT_A_TIME}")
        return self._instead(what, machine)

    def _instead(self, what: str, machine: str) -> Failure:
        """Return what the machine sent instead of an answer."""
        received = self.received
        if received.bytes and not received.valid:
            return Failure(
                Fault.DAMAGED, f"the answer to {what} is cut off: {machine} sent {received.bytes} bytes of a frame"
            )
        if received.stray:
            return Failure(Fault.DAMAGED, f"the answer to {what} belongs to another request: {received.stray}")
        return Failure(Fault.SILENT, f"{machine} did not answer {what} in time")

    def wrong(self, request: Message, answer: Record, machine: str) -> Failure | None:  # noqa: ARG002
        """Return what is wrong with an answer. An implausible value in a valid message is no damage."""
        if is_echo(request, answer):
            return Failure(
                Fault.ECHOED, f"the machine sent {label(request)} back instead of an answer: nothing can be read there"
            )
        if answer.raw is not None:
            return Failure(Fault.DAMAGED, f"the answer to {label(request)} is damaged: {answer.problems[0]}")
        return None

    def refusal(self, request: Message, answer: Record) -> Failure | None:
        """Return what a machine says against a write; None if it took the write."""
        said = refusal(answer)
        if said is None:
            return None
        return Failure(Fault.REFUSED, f"the machine did not take {label(request)}: it answered {said!r}, not 'OK'")

    def ended(self, machine: str, how: str) -> Failure:
        """Return what the end of the connection means."""
        if self.ever_received:
            return Failure(Fault.LOST, f"{machine} {how}")
        return Failure(Fault.BUSY, f"{machine} {how} before it said anything: {ONE_AT_A_TIME}")

    # ---- what has come

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


def _frame_size(record: Record) -> int:
    """Returns about how many bytes the frame of a valid message has."""
    return 0 if record.plaintext is None or record.raw is not None else len(record.plaintext) * 4 // 3 + _AROUND


def requesters(key: Key, *, show_secrets: bool = False) -> RequesterFactory[Message]:
    """Returns a factory of requesters that know a machine's key.

    Args:
        key: The machine's key.
        show_secrets: Whether the Records show the machine's cloud account.
    """

    def make(stream: int, app: str, machine: str) -> Requester:
        return Requester(key, stream=stream, app=app, machine=machine, show_secrets=show_secrets)

    return make
