"""Frames: `@`, base64, `%`. Wrapping one, and finding them in a byte stream that may hold anything."""

# What comes in is one direction of a TCP connection, in whatever pieces the network made of it: a frame may be cut
# anywhere, and one segment may hold several. A capture adds its own trouble. It may begin in the middle of a frame,
# lack bytes, or hold something else on the machine's port. The rule of the house is that nothing is lost, so `Deframer`
# gives every byte back exactly once, in order: in a `Frame`, or in a `Skipped`, which becomes a problem that the user
# sees.
#
# `@` and `%` are not base64 digits, which makes resynchronising simple. Outside a frame everything up to the next `@`
# is junk; a lone `%` is junk as well. Inside a frame the next delimiter decides: `%` ends it, and `@` means that it was
# never finished, so what came before is skipped and a new frame begins here. The bytes between are not looked at. A
# body that is not base64 still is a frame, and whoever decodes it says what is wrong: to a user "this frame is damaged"
# is worth more than "so many bytes that belong to no frame". A test finds the same frames with a regular expression.
#
# Two properties took care. The events must not depend on how the stream was cut, which holds because no decision is
# made before its delimiter is there, and because the limits count bytes of the stream and not of a piece. And time must
# be linear: the first version looked through its whole buffer again with every piece, which makes a stream that comes
# byte by byte quadratic. `_scanned` notes how far the buffer is known to have no delimiter, so no byte is scanned
# twice.
#
# Memory is bounded from both sides. A frame that reaches `MAX_FRAME_SIZE` without an end cannot be a message, and is
# handed out as skipped; junk is handed out in pieces of 64 KiB. A stream of gigabytes on the port costs no more.
#
# So is what comes out: each event becomes a Record of some hundred bytes, so a stream of `@`, or of `@%`, would grow to
# a hundred times its size. A run of `@` is therefore one event. And of events that are shorter than any frame, only
# the first `_SHORT_EVENTS` in a row come out each for itself, which is more than damage makes. From there on all bytes
# are joined, up to the next `@` that has room for a frame behind it.

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Final

from lmdecode.codec.errors import FrameError

START: Final = 0x40  # @
END: Final = 0x25  # %

MAX_FRAME_SIZE: Final = 1 << 18
"""Bytes. No frame is longer: the longest message, with 65,535 bytes of data, makes a frame of 174,786."""

SHORTEST_FRAME: Final = 26
"""Bytes. No message is shorter: one block of the cipher is 16 bytes, and 24 in base64."""

_DELIMITER: Final = re.compile(rb"[@%]").search
_STARTS: Final = re.compile(rb"@*").match
_ROOM: Final = SHORTEST_FRAME - 2
_ROOMY_START: Final = re.compile(rb"@[^@%%]{%d}" % _ROOM).search
_SKIP_CHUNK: Final = 1 << 16  # junk is handed on in pieces of this size, so memory stays bounded
_JOINED_CHUNK: Final = 1 << 20  # the same for runs of `@` and for what is joined
_SHORT_EVENTS: Final = 16  # in a row; what follows them is joined


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame as it was in the stream. `body` is the part between `@` and `%`."""

    position: int
    """Offset of the `@` in the stream, in bytes from 0."""
    body: bytes

    @property
    def raw(self) -> bytes:
        """The whole frame, with its `@` and `%`."""
        return b"@%b%%" % self.body


@dataclass(frozen=True, slots=True)
class Skipped:
    """Bytes of the stream that belong to no frame."""

    position: int
    """Offset of the first of them in the stream."""
    raw: bytes


def wrap(ciphertext: bytes) -> bytes:
    """The frame of a ciphertext.

    >>> wrap(b"0123456789abcdef")
    b'@MDEyMzQ1Njc4OWFiY2RlZg==%'
    """
    return b"@%b%%" % base64.b64encode(ciphertext)


def unwrap(body: bytes) -> bytes:
    """The ciphertext of a frame's body.

    Raises:
        FrameError: The body is not base64.
    """
    try:
        return binascii.a2b_base64(body, strict_mode=True)
    except (binascii.Error, ValueError):
        raise FrameError("the frame's body is not base64") from None


class Deframer:
    """Finds the frames of one direction of a connection, however the bytes come in.

    Every byte fed comes out exactly once, in order, in a `Frame` or in a `Skipped`. The events do not depend on how the
    stream was cut into pieces. At most a megabyte is joined, and `MAX_FRAME_SIZE` bytes behind it are held.

    >>> deframer = Deframer()
    >>> deframer.feed(b"junk@MDEy")
    [Skipped(position=0, raw=b'junk')]
    >>> deframer.feed(b"MzQ1%")
    [Frame(position=4, body=b'MDEyMzQ1')]
    """

    __slots__ = ("_in_frame", "_joining", "_run", "_scanned", "_short", "held", "position")

    def __init__(self, position: int = 0) -> None:
        self.held = bytearray()
        """Bytes not handed on yet; they start with `@` when in a frame."""
        self.position = position
        """The position in the stream of the first byte that is held.

        A whole frame that was read elsewhere is accepted by counting it here, which is right only if nothing is held.
        """
        self._scanned = 0  # bytes of the buffer in which the next delimiter is known not to be
        self._in_frame = False
        self._run = 0  # how many `@` stand in a row at the frame's beginning, as long as nothing else followed
        self._short = 0  # events in a row that were shorter than any frame
        self._joining = False

    @property
    def pending(self) -> int:
        """The number of bytes held back because their frame is not whole yet."""
        return len(self.held)

    def feed(self, data: bytes) -> list[Frame | Skipped]:
        """Take the next bytes of the stream. Returns the events that they complete."""
        self.held += data
        events: list[Frame | Skipped] = []
        while self._next(events):
            pass
        return events

    def flush(self) -> list[Skipped]:
        """End what is being read: the stream has ended, or bytes are missing from here on. Returns the bytes held."""
        held = [self._take(len(self.held))] if self.held else []
        self._in_frame = self._joining = False
        self._run = self._short = 0
        return held

    def skip(self, size: int) -> None:
        """Count `size` bytes of the stream that are missing here. Call `flush` first."""
        self.position += size

    def _next(self, events: list[Frame | Skipped]) -> bool:
        """Append one event if the buffer holds a whole one. Returns True if there may be another."""
        buffer = self.held
        if not self._in_frame:
            return self._next_joined(events) if self._joining else self._next_outside(events)
        if self._run:
            return self._next_of_run(events)
        delimiter = _DELIMITER(buffer, self._scanned, MAX_FRAME_SIZE)
        if delimiter is None:
            self._scanned = min(len(buffer), MAX_FRAME_SIZE)
            if len(buffer) < MAX_FRAME_SIZE:
                return False
            self._skip(events, MAX_FRAME_SIZE)
            self._in_frame = False
        elif buffer[delimiter.start()] == START:  # the frame was never finished, and another one begins
            if self._skip(events, delimiter.start()):
                self._begin_frame()
        else:
            self._end_frame(events, delimiter.start())
        return bool(buffer)

    def _next_outside(self, events: list[Frame | Skipped]) -> bool:
        """As `_next`, outside of a frame: up to the next `@`, or as many bytes as are handed on at once."""
        start = self.held.find(b"@", self._scanned, _SKIP_CHUNK)
        if start < 0:
            self._scanned = len(self.held)
            if len(self.held) < _SKIP_CHUNK:
                return False
            self._skip(events, _SKIP_CHUNK)
        elif not start or self._skip(events, start):
            self._begin_frame()
        return bool(self.held)

    def _begin_frame(self) -> None:
        self._in_frame, self._run, self._scanned = True, 1, 1

    def _next_of_run(self, events: list[Frame | Skipped]) -> bool:
        """As `_next`, while nothing but `@` came of the frame: the last one of them begins it."""
        buffer = self.held
        end = _STARTS(buffer, self._scanned, _JOINED_CHUNK).end()  # type: ignore[union-attr]  # it always matches
        self._run = self._scanned = end
        if end == _JOINED_CHUNK:
            self._skip(events, end)
            self._in_frame, self._run = False, 0
            return bool(buffer)
        if end == len(buffer):
            return False
        if end == 1 or self._skip(events, end - 1):
            self._run, self._scanned = 0, 1
        return True

    def _end_frame(self, events: list[Frame | Skipped], end: int) -> None:
        """Hand out the frame whose `%` stands at an index."""
        if not self._count(end + 1):
            return
        events.append(Frame(self.position, bytes(self.held[1:end])))
        del self.held[: end + 1]
        self.position += end + 1
        self._in_frame = False
        self._scanned = 0

    def _skip(self, events: list[Frame | Skipped], size: int) -> bool:
        """Hand out bytes of no frame. Returns False if they are joined with what follows, and nothing is done."""
        if self._count(size):
            events.append(self._take(size))
            return True
        return False

    def _count(self, size: int) -> bool:
        """Count an event of some bytes. Returns False if they, and what follows, are joined."""
        if size >= SHORTEST_FRAME:
            self._short = 0
        elif self._short < _SHORT_EVENTS:
            self._short += 1
        else:
            self._joining = True
            self._scanned = self._run = 0
            self._in_frame = False
        return not self._joining

    def _next_joined(self, events: list[Frame | Skipped]) -> bool:
        """As `_next`, while bytes are joined: up to an `@` with room for a frame behind it."""
        found = _ROOMY_START(self.held, self._scanned)
        end = max(len(self.held) - _ROOM, 0) if found is None else found.start()
        while end >= _JOINED_CHUNK:
            events.append(self._take(_JOINED_CHUNK))
            end -= _JOINED_CHUNK
        if found is None:
            self._scanned = end
            return False
        if end:
            events.append(self._take(end))
        self._joining = False
        self._short = 0
        self._begin_frame()
        return True

    def _take(self, size: int) -> Skipped:
        skipped = Skipped(self.position, bytes(self.held[:size]))
        del self.held[:size]
        self.position += size
        self._scanned = 0
        return skipped
