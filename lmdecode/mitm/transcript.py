"""What the messages of one TCP flow say, each in its pieces: whole frames, parts of frames, and bytes of no frame.

Frames do not care where a TCP message ends. So a message is read together with those before it, and a piece that is
only part of a frame learns what the frame says when the rest has come.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lmdecode.codec.record import Record, Sender
from lmdecode.codec.v1.conversation import Conversation
from lmdecode.codec.v1.decoded import Decoder
from lmdecode.codec.v1.framing import Deframer, Frame, Skipped
from lmdecode.mitm.flows import Message, nanoseconds, sender

__all__ = ["Piece", "Transcript"]


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
