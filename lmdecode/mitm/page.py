"""A message's pieces as text that a person reads and may edit, and the edited text as bytes again.

    # app write coffee_set_temp
    W0007000203A7
      coffee_set_temp: 93.5 °C

A line that begins with neither space, `#` nor `=` is a decrypted message without its check byte; those are what can be
edited. What is on a line with `=` has to stay: part of a frame, bytes of no frame, a message with secrets masked.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from lmdecode.capture.http.flow import Message, nanoseconds, sender
from lmdecode.codec.errors import LmdecodeError
from lmdecode.codec.printable import printable
from lmdecode.codec.record import MASK, Kind, Record, Sender
from lmdecode.codec.v1.conversation import Conversation
from lmdecode.codec.v1.decoder import Decoder
from lmdecode.codec.v1.framing import Deframer, Frame, Skipped, wrap
from lmdecode.codec.v1.key import Key, encrypt
from lmdecode.codec.v1.message import Message as MachineMessage
from lmdecode.codec.v1.message import build, check_byte, letter_of, parse_leniently
from lmdecode.render.sentence import summary, verb_and_object


@dataclass(slots=True)
class Piece:
    """Some bytes of one message, in the order of the message."""

    raw: bytes
    """Those that are in this message."""
    of_frame: bool
    """Whether they begin, or go on with, a frame; else they belong to none."""
    begins_here: bool
    """Whether the first byte of the frame is among them."""
    ends_here: bool
    """Whether the last one is."""
    record: Record | None = None
    """What the frame says; None as long as it is not whole."""


@dataclass(slots=True)
class _Direction:
    deframer: Deframer
    open: list[Piece]
    """The pieces of what is not whole yet, one a message."""
    received: int = 0


class Transcript:
    """Reads the messages of a flow as they are asked for, each once, unless one was changed since.

    Args:
        decoder: With the machine's key, or several from which the flow's is found.
    """

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder
        self._start()

    def _start(self) -> None:
        self.machine: str | None = None
        self._conversation = Conversation(self._decoder)
        self._directions: dict[Sender, _Direction] = {
            "app": _Direction(Deframer(), []),
            "machine": _Direction(Deframer(), []),
        }
        self._read: list[tuple[Message, bytes]] = []
        self._pages: dict[int, tuple[bytes, list[Piece]]] = {}  # by the message's identity; _read keeps them alive

    def page(self, messages: Sequence[Message], message: Message) -> list[Piece]:
        """The pieces of one of a flow's messages.

        Args:
            messages: All that the flow has so far.
            message: One of them; one that is not is read by itself.
        """
        known = self._pages.get(id(message))
        if not self._continues(messages) or (known is not None and known[0] != message.content):
            self._start()
        # All that there are: what a part of a frame says may be in a later one.
        for following in messages[len(self._read) :]:
            self._take(following)
        known = self._pages.get(id(message))
        if known is None:
            self._start()
            return self._take(message)
        return known[1]

    def _continues(self, messages: Sequence[Message]) -> bool:
        """Whether what was read is still what the flow begins with, as far as its end tells."""
        if not self._read:
            return True
        message, content = self._read[-1]
        last = len(self._read) - 1
        return last < len(messages) and messages[last] is message and message.content == content

    def _take(self, message: Message) -> list[Piece]:
        content = message.content
        who = sender(message)
        direction = self._directions[who]
        start = direction.received
        direction.received += len(content)
        page: list[Piece] = []
        records = self._conversation.receive(nanoseconds(message.timestamp), who, content)
        # The conversation has a deframer of its own, which is fed the same: one event, one record.
        for event, record in zip(direction.deframer.feed(content), records, strict=True):
            for piece in direction.open:
                piece.record = record
            raw = event.raw[max(0, start - event.position) :]
            if raw:
                page.append(_piece(event, raw, record, begins_here=event.position >= start))
            direction.open.clear()
            self.machine = record.machine or self.machine
        rest = content[len(content) - min(direction.deframer.pending, len(content)) :]
        if rest:
            begun = direction.open[0] if direction.open else None
            of_frame = begun.of_frame if begun else rest.startswith(b"@")
            piece = Piece(rest, of_frame, begins_here=begun is None, ends_here=False)
            direction.open.append(piece)
            page.append(piece)
        self._read.append((message, content))
        self._pages[id(message)] = (content, page)
        return page


def _piece(event: Frame | Skipped, raw: bytes, record: Record, *, begins_here: bool) -> Piece:
    if isinstance(event, Frame):
        return Piece(raw, of_frame=True, begins_here=begins_here, ends_here=True, record=record)
    return Piece(raw, of_frame=False, begins_here=begins_here, ends_here=True, record=record)


COMMENT: Final = "# "
FIXED: Final = "= "
INDENT: Final = "  "

_SHOWN: Final = 64  # characters of what is not decoded
_MASKED: Final = "it has secrets, which are masked: set lm_show_secrets"
_CHECK_DIGITS: Final = 2


@dataclass(frozen=True, slots=True)
class Block:
    """One piece as text."""

    raw: bytes
    heading: str
    line: str
    """What stands for the piece; with `= ` in front if it cannot be edited."""
    fixed: str | None
    """Why it cannot be edited; None if it can."""
    first: bool
    """Whether it must stay first, because what it belongs to began in an earlier message."""
    last: bool
    """Whether it must stay last, because what it belongs to goes on."""
    notes: tuple[str, ...] = ()
    """Values and problems."""


def blocks(pieces: Sequence[Piece]) -> list[Block]:
    """A message's pieces as blocks of text, in their order."""
    return [_block(piece) for piece in pieces]


def page_text(page: Sequence[Block]) -> str:
    """All blocks as one text."""
    return "\n".join(line for block in page for line in (f"{COMMENT}{block.heading}", block.line, *block.notes))


def _block(piece: Piece) -> Block:
    record = piece.record
    first, last = not piece.begins_here, not piece.ends_here
    if record is None or not piece.ends_here:
        why = "the rest of its frame is in another message" if piece.of_frame else "it is not a message"
        return Block(piece.raw, _unfinished(piece), FIXED + _shown(piece.raw), why, first, last)
    if not piece.of_frame:
        heading = f"{record.sender}: {_count(piece.raw)} of no whole frame"
        return Block(piece.raw, heading, FIXED + _shown(piece.raw), "it is not a message", first, last)
    heading = _heading(record)
    if first:
        heading += " (its frame began in an earlier message)"
    notes = tuple(_notes(record))
    if record.kind is None:
        return Block(piece.raw, heading, FIXED + _shown(piece.raw), "it does not decrypt", first, last, notes)
    text = _plaintext(record)
    fixed: str | None = "its frame began in an earlier message" if first else None
    if MASK in text:
        fixed = _MASKED
    return Block(piece.raw, heading, FIXED + text if fixed else text, fixed, first, last, notes)


def _unfinished(piece: Piece) -> str:
    record = piece.record
    if not piece.of_frame:
        return f"{_count(piece.raw)} of no frame"
    part = "the beginning" if piece.begins_here else "a part"
    if record is None:
        return f"{part} of a frame; the rest has not come yet"
    if record.kind is None and record.raw is not None and not record.raw.endswith(b"%"):
        return f"{part} of a frame that has no end"
    return f"{part} of a frame; the rest of it is in a later message: {_heading(record)}"


def _heading(record: Record) -> str:
    if record.kind is None:
        return f"{record.sender}: a frame that is not decoded"
    return f"{record.sender} {' '.join(verb_and_object(record))}"


def _plaintext(record: Record) -> str:
    """The decrypted message without its check byte, which is worked out from the rest."""
    if record.plaintext is None:  # all of it is withheld but where it is
        letter = "" if record.kind is None else letter_of(record.kind)
        return f"{letter}{record.address or 0:04X}{record.length or 0:04X}{MASK}"
    return record.plaintext[:-_CHECK_DIGITS].rstrip()  # editors take spaces at the end away


def _notes(record: Record) -> Iterator[str]:
    for name, text in summary(record.fields):
        yield f"{INDENT}{name}: {text}".rstrip()
    for problem in record.problems:
        yield f"{COMMENT}! {printable(problem)}"


def _shown(raw: bytes) -> str:
    text = raw[:_SHOWN].decode("latin-1")
    readable = text.isascii() and text == text.strip()  # editors take spaces at the end away
    text = printable(text) if readable else raw[: _SHOWN // 2].hex()
    return text if len(raw) <= _SHOWN // 2 else f"{text}… ({len(raw)} bytes)"


def _count(raw: bytes) -> str:
    return "1 byte" if len(raw) == 1 else f"{len(raw)} bytes"


class EditError(LmdecodeError, ValueError):
    """A text that cannot be sent; one line that says why."""


def reencoded(text: str, page: Sequence[Block], sender: Sender, key: Key) -> bytes:
    """The bytes of a page that was edited.

    What was not edited comes out as it came in, to the byte. Comments and blank lines do not matter.

    Args:
        text: The edited text.
        page: What it was before.
        sender: Whose message it is.
        key: The machine's.

    Raises:
        EditError: A line is no message, a line was changed that has to stay, or nothing is left.
    """
    originals: defaultdict[str, deque[bytes]] = defaultdict(deque)
    for block in page:
        originals[block.line].append(block.raw)
    lines = list(_content(text, page))
    if not lines:
        raise EditError("nothing is left: at least one message must stay")
    _check_fixed([line for _, line in lines], page)
    return b"".join(
        originals[line].popleft() if originals[line] else _frame(number, line, sender, key) for number, line in lines
    )


def _content(text: str, page: Sequence[Block]) -> Iterator[tuple[int, str]]:
    """The lines that stand for bytes, with their numbers."""
    notes = {note for block in page for note in block.notes}
    for number, written in enumerate(text.splitlines(), 1):
        line = written.rstrip()
        if not line or line.startswith(COMMENT[0]):
            continue
        if line.startswith(INDENT[0]):
            if line not in notes:
                raise EditError(f"line {number} only explains the message: edit the line of digits above it")
            continue
        yield number, line


def _check_fixed(lines: Sequence[str], page: Sequence[Block]) -> None:
    """Check that what cannot be edited is where it was."""
    fixed = [block for block in page if block.fixed is not None]
    left = [line for line in lines if line.startswith(FIXED[0])]
    for index, block in enumerate(fixed):
        if index >= len(left) or left[index] != block.line:
            raise EditError(f"the line {block.line!r} has to stay as it is: {block.fixed}")
        if block.first and lines[0] != block.line:
            raise EditError(f"the line {block.line!r} has to stay first: {block.fixed}")
        if block.last and lines[-1] != block.line:
            raise EditError(f"the line {block.line!r} has to stay last: {block.fixed}")
    if len(left) > len(fixed):
        raise EditError(f"{left[-1]!r} is not a message: a line with = cannot be added")


def _frame(number: int, line: str, sender: Sender, key: Key) -> bytes:
    message = _message(number, line)
    if sender == "app" and message.kind is Kind.WRITE and message.data is None:
        raise EditError(f"line {number} is not a message: the data are not {message.length} bytes in hexadecimal")
    return wrap(encrypt(key, build(message)))


def _message(number: int, line: str) -> MachineMessage:
    if MASK in line:
        raise EditError(f"line {number} is not a message: {MASK} stands for a secret that is masked")
    why = ""
    closed = "".join(line.split()).upper()
    for given in dict.fromkeys((line, closed)):
        body = given.encode("latin-1", "replace")
        # Without its check byte, as it is shown; or with it, as people write messages down elsewhere.
        for plaintext in (b"%b%02X" % (body, check_byte(body)), body):
            message, problems, _ = parse_leniently(plaintext)
            if message is not None and not problems:
                return message
            why = why or problems[0]
    raise EditError(f"line {number} is not a message: {why.removeprefix('not a message: ')}")
