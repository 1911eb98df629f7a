"""The app's side of a live connection, without a socket: requests out, Records in, and which of them is the answer.

One request is answered before the next is asked, as the maker's app does it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from lmdecode.codec.dialect import Place
from lmdecode.codec.errors import FrameError
from lmdecode.codec.record import Kind, Record
from lmdecode.codec.v1.conversation import Conversation
from lmdecode.codec.v1.decoder import FrameDecoder
from lmdecode.codec.v1.framing import unwrap, wrap
from lmdecode.codec.v1.key import BLOCK_SIZE, Key, encrypt
from lmdecode.codec.v1.message import Message, build
from lmdecode.codec.v1.windows import REPORTS

_USUAL: Final = frozenset((window.address, window.length) for window in REPORTS)


@dataclass(slots=True)
class Heard:
    """What the machine has said since something was asked, beside the answer: from it follows why there is none."""

    bytes: int = 0
    """All that came."""
    valid: int = 0
    """Messages with a right check byte."""
    undecryptable: int = 0
    """Frames that the key makes no message of."""
    garbage: int = 0
    """Bytes that belong to no frame, and frames that are none."""
    strange: Record | None = None
    """A message that nobody asked for, and that machines are not known to send unasked: an answer to something else."""


class Dialogue:
    r"""What is said on one connection, seen from the app.

    Args:
        key: The machine's.
        stream: The connection's number.
        app: This side's host:port.
        machine: The machine's host:port.
        show_secrets: Whether the machine's cloud account is left readable.

    >>> dialogue = Dialogue(Key.parse("12345678901234567890123456789012"))
    >>> frame, records = dialogue.ask(0, Message(Kind.READ, 0x4000, 0x23))
    >>> frame, records[0].plaintext
    (b'@/EvNHlfIE/xwlY2eKvFjXw==%', 'R40000023DB')
    """

    def __init__(
        self, key: Key, *, stream: int = 0, app: str = "app", machine: str = "machine", show_secrets: bool = False
    ) -> None:
        self._key = key
        decoder = FrameDecoder(key, show_secrets=show_secrets)
        self._conversation = Conversation(decoder, Place(stream, app, machine))
        self._asked: Message | None = None
        self.answer: Record | None = None
        """The answer to what was asked last; None as long as there is none."""
        self.heard = Heard()
        """Since something was asked last."""
        self.ever_valid = False
        """Whether any message was heard that the key decrypts."""
        self.ever_heard = False
        """Whether a single byte has come from the machine."""

    def ask(self, time_ns: int, request: Message) -> tuple[bytes, list[Record]]:
        """Begin to wait for an answer; the frame to send, and the Record of it.

        Raises:
            MessageError: There is no such message.
        """
        frame = wrap(encrypt(self._key, build(request)))
        self._asked, self.answer, self.heard = request, None, Heard()
        return frame, self._conversation.receive(time_ns, "app", frame)

    def receive(self, time_ns: int, data: bytes) -> list[Record]:
        """Take what has come from the machine."""
        self.ever_heard = self.ever_heard or bool(data)
        self.heard.bytes += len(data)
        return self._noted(self._conversation.receive(time_ns, "machine", data))

    def close(self, time_ns: int) -> list[Record]:
        """The connection has ended: what was held back for its frame to become whole."""
        return self._noted(self._conversation.close(time_ns))

    def _noted(self, records: list[Record]) -> list[Record]:
        for record in records:
            if record.kind is None:
                self._note_damage(record)
            elif self.answer is None and self._answers(record):
                self.answer = record
            else:
                self.heard.valid += 1
                self._note_strange(record)
            self.ever_valid = self.ever_valid or record.kind is not None
        return records

    def _answers(self, record: Record) -> bool:
        asked = self._asked
        return (
            asked is not None
            and record.role == "response"
            and (record.kind, record.address, record.length) == (asked.kind, asked.address, asked.length)
        )

    def _note_damage(self, record: Record) -> None:
        raw = record.raw or b""
        try:
            size = len(unwrap(raw[1:-1])) if raw[:1] == b"@" and raw[-1:] == b"%" else 0
            whole = size > 0 and not size % BLOCK_SIZE
        except FrameError:
            whole = False
        if whole:
            self.heard.undecryptable += 1
        else:
            self.heard.garbage += max(len(raw), 1)

    def _note_strange(self, record: Record) -> None:
        if record.kind is not Kind.STREAM and (record.address, record.length) not in _USUAL:
            self.heard.strange = record
