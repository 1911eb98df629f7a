"""Reads one direction of a WebSocket that others speak: a bystander's view, by wsproto's decoder of frames.

wsproto is made for the two ends: at the first mistake it gives up, since an end must close the connection then. A
bystander goes on. So only its decoder of frames is used, which says what a frame is and where it ends, and what a
message is made of is put together here: invalid UTF-8 is for whoever reads the text, a compressed message that cannot
be unpacked is handed on as it is, and behind damage the next frame is looked for.

Compression (RFC 7692) needs no negotiation to be read. A message unpacks with what the messages before it left behind,
or by itself; whatever refers to something that is not there is refused by zlib, and never guessed.
"""

from __future__ import annotations

import re
import zlib
from collections import deque
from typing import Final, NamedTuple

from wsproto.extensions import Extension
from wsproto.frame_protocol import CloseReason, FrameDecoder, FrameProtocol, Opcode, ParseFailed, RsvBits

from lmdecode.codec.content_encoding import most_of
from lmdecode.codec.record import Sender

MAX_MESSAGE: Final = 1 << 20
"""Bytes of a message that are kept, unpacked: a hundred times what a machine sends."""
MAX_FRAME: Final = 1 << 24
"""Bytes that a frame may claim to have. One that claims more is damage, and is not waited for."""
_WHOLE_TEXT: Final = 0x81  # the first byte of a frame with a text that is whole and not compressed
_MOST_DROPPED: Final = 1 << 16  # bytes behind a gap that are collected before they are handed on
_TAIL: Final = b"\x00\x00\xff\xff"  # that a sender takes off each compressed message
_DECODER_SIZE: Final = 2000  # bytes of memory, about, of a decoder of frames
_WINDOW_SIZE: Final = 1 << 15  # bytes of memory that an unpacker keeps


class Message(NamedTuple):
    """One message, put together of its frames and unpacked."""

    data: bytes
    is_text: bool
    problems: tuple[str, ...] = ()


class Control(NamedTuple):
    """A control frame."""

    name: str
    """What it is: "ping", "pong" or "close"."""
    data: bytes


class Unread(NamedTuple):
    """Bytes of which nothing can be made, with the reason."""

    raw: bytes
    problem: str


Event = Message | Control | Unread


class _Watch(Extension):
    """Tells compressed messages from others, and refuses frames that claim to be too long."""

    name = "watch"

    def __init__(self) -> None:
        self.is_compressed = False
        """Whether the last frame that began is the first of a compressed message."""

    def enabled(self) -> bool:
        return True

    def frame_inbound_header(
        self,
        proto: FrameDecoder | FrameProtocol,  # noqa: ARG002
        opcode: Opcode,
        rsv: RsvBits,
        payload_length: int,
    ) -> CloseReason | RsvBits:
        if payload_length > MAX_FRAME:
            return CloseReason.MESSAGE_TOO_BIG
        starts_message = opcode is Opcode.TEXT or opcode is Opcode.BINARY
        if starts_message:
            self.is_compressed = rsv.rsv1
        return RsvBits(starts_message, False, False)


class _Unfinished:
    """A message of which not all frames are there."""

    def __init__(self, *, is_text: bool | None, is_compressed: bool) -> None:
        self.is_text = is_text
        """None if its first frame is missing."""
        self.is_compressed = is_compressed
        self.data = bytearray()
        self.left_out = 0
        """Bytes that are not kept, because there are too many."""

    def add(self, payload: bytes | bytearray) -> None:
        room = MAX_MESSAGE - len(self.data)
        self.left_out += max(0, len(payload) - room)
        self.data += payload[:room] if len(payload) > room else payload


class FrameReader:
    """Reads the frames of one direction.

    Args:
        sender: Whose they are: the app's are masked, the machine's are not.
        is_whole: Whether they are read from the first one on.
    """

    def __init__(self, sender: Sender, *, is_whole: bool = False) -> None:
        self._is_from_machine = sender == "machine"
        self._is_whole = is_whole  # whether each compressed message up to now was unpacked
        self._unpacker: zlib._Decompress | None = None  # with the messages that the next one may refer to
        self._message: _Unfinished | None = None
        self._ready: deque[Event] = deque()
        self._left = 0  # bytes of a frame that has a gap; they are handed on as they are
        self._dropped = bytearray()
        self.lost: str | None = None
        """Why nobody knows where the next frame begins, if that is so; `rest` then has what is not read."""
        self._begin()

    def _begin(self) -> None:
        self._watch = _Watch()
        self._decoder = FrameDecoder(self._is_from_machine, [self._watch])

    @property
    def rest(self) -> bytes:
        """The bytes that are not read."""
        return bytes(self._decoder.buffer.buffer)

    @property
    def held(self) -> int:
        """About how many bytes of memory it holds."""
        message = 0 if self._message is None else len(self._message.data)
        window = 0 if self._unpacker is None else _WINDOW_SIZE
        return len(self._decoder.buffer) + len(self._dropped) + message + window + _DECODER_SIZE

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        if self._left:
            piece = data[: self._left]
            data = data[self._left :]
            self._left -= len(piece)
            self._dropped += piece
            if not self._left or len(self._dropped) >= _MOST_DROPPED:
                self._hand_dropped()
        if not data:
            return
        text = self._whole_text(data)
        if text is None:
            self._decoder.receive_bytes(data)
        else:
            self._ready.append(Message(text, is_text=True))

    def _whole_text(self, data: bytes) -> bytes | None:
        """Return the text in bytes that are exactly one frame of the machine's, with a whole message in it.

        Nearly all segments are, and wsproto takes ten times as long to say the same.
        """
        decoder = self._decoder
        if data[0] != _WHOLE_TEXT or not self._is_from_machine or self._message is not None or self.lost is not None:
            return None
        if decoder.header is not None or len(decoder.buffer) or len(data) < 4:
            return None
        size = data[1]
        if size < 126:
            return data[2:] if len(data) == size + 2 else None
        if size > 126 or len(data) != (size := int.from_bytes(data[2:4], "big")) + 4 or size < 126:
            return None
        return data[4:]

    def next_event(self) -> Event | None:
        """Return what is whole now; None if there is nothing more, or if the frames are lost."""
        decoder = self._decoder
        while not self._ready:
            if self.lost is not None:
                return None
            try:
                frame = decoder.process_buffer()
            except ParseFailed as error:
                too_long = error.code is CloseReason.MESSAGE_TOO_BIG
                self.lost = f"a frame that claims more than {MAX_FRAME:,} bytes" if too_long else f"no frame: {error}"
                if self._message is not None:
                    self._cut(f"{self.lost} follows")
                return self._ready.popleft() if self._ready else None
            if frame is None:
                return None
            payload = frame.payload
            if isinstance(payload, bytes | bytearray):  # it is; only wsproto's decoder of messages makes texts
                self._take(frame.opcode, payload, ends=frame.frame_finished and frame.message_finished)
        return self._ready.popleft()

    def gap(self, size: int, reason: str) -> None:
        """Note that bytes are missing, and hand out what is not whole.

        Args:
            size: How many.
            reason: Why, for the problems.
        """
        left = self._left or self._left_of_frame()
        self._hand_dropped()
        self._cut(reason)
        self._give_up_rest(reason)
        if size <= left:
            self._left = left - size
        else:
            self._left = 0
            self.lost = reason

    def let_go(self, reason: str) -> None:
        """Hand out what is not whole; what comes of the same frame is handed on as it is."""
        self._hand_dropped()
        if self._message is not None:
            self._left = self._left or self._left_of_frame()
            self._cut(reason)
            self._give_up_rest(reason)

    def end(self, problem: str) -> None:
        """Hand out what is not whole: nothing more will come."""
        self._hand_dropped()
        self._cut(problem)
        self._give_up_rest(problem)

    def _left_of_frame(self) -> int:
        """Return how many bytes of the frame that has begun are still to come."""
        decoder = self._decoder
        if decoder.header is None:
            return 0
        return decoder.header.payload_len - decoder.payload_consumed - len(decoder.buffer)

    def _give_up_rest(self, problem: str) -> None:
        if rest := self.rest:
            self._ready.append(Unread(rest, f"{problem}: a frame is not whole"))
        self._begin()

    def _hand_dropped(self) -> None:
        if self._dropped:
            self._ready.append(Unread(bytes(self._dropped), "the rest of a message that is not whole"))
            self._dropped.clear()

    def _cut(self, problem: str) -> None:
        message, self._message = self._message, None
        if message is not None:
            self._hand_on(message, f"{problem}: the message is not whole")

    def _take(self, opcode: Opcode, payload: bytes | bytearray, *, ends: bool) -> None:
        if opcode.iscontrol():
            self._ready.append(Control(opcode.name.lower(), bytes(payload)))
            return
        message = self._message
        if opcode is not Opcode.CONTINUATION:
            if message is not None:
                self._cut("the next one begins before this one has ended")
            message = _Unfinished(is_text=opcode is Opcode.TEXT, is_compressed=self._watch.is_compressed)
        elif message is None:
            message = _Unfinished(is_text=None, is_compressed=False)
        message.add(payload)
        self._message = None if ends else message
        if ends:
            self._hand_on(message)

    def _hand_on(self, message: _Unfinished, problem: str = "") -> None:
        """Make an event of a message; `problem` says why it is not whole, if it is not."""
        data = bytes(message.data)
        problems = (problem,) if problem else ()
        if message.left_out:
            problems = (*problems, f"{message.left_out:,} bytes beyond {MAX_MESSAGE:,} are left out")
        if message.is_text is None:
            self._ready.append(Unread(data, "the rest of a message whose beginning is not there"))
            return
        if message.is_compressed:
            unpacked, failure = self._unpacked(data if problems else data + _TAIL, is_whole=not problems)
            if unpacked is None:
                self._ready.append(Unread(data, "; ".join((failure, *problems))))
                return
            data = unpacked
            problems = (*problems, failure) if failure else problems
        self._ready.append(Message(data, message.is_text, problems))

    def _unpacked(self, data: bytes, *, is_whole: bool) -> tuple[bytes | None, str]:
        """Return a message without its compression, and what is wrong with it; None if it cannot be unpacked."""
        unpacker = self._unpacker or zlib.decompressobj(-zlib.MAX_WBITS)
        self._unpacker = None  # unless all goes well: what refers to a lost message must fail
        was_whole = self._is_whole
        most = most_of(len(data), MAX_MESSAGE)
        try:
            found = unpacker.decompress(data, most + 1)
        except zlib.error:
            self._is_whole = False
            if was_whole:
                return None, "a compressed message is damaged, so it cannot be unpacked"
            return None, "a compressed message refers to what is not in the capture, so it cannot be unpacked"
        if len(found) > most:
            self._is_whole = False
            return found[:most], f"the message has more than {most:,} bytes: the rest is left out"
        if is_whole:
            self._unpacker = None if unpacker.eof else unpacker
        else:
            self._is_whole = False
        return found, ""


# ---- where frames begin

_MACHINE_START: Final = re.compile(
    rb"\x81(?:[\x02-\x7d]|\x7e..)[\[{]|\xc1(?:[\x02-\x7d]|\x7e..)", re.DOTALL
)  # text with JSON, or a compressed one
_APP_START: Final = re.compile(rb"[\x81\xc1\x88-\x8a][\x80-\xfd]")
_STARTS: Final = frozenset(b"\x01\x81\xc1\x88\x89\x8a")  # first bytes of frames that can follow a whole message
_CONTROLS: Final = frozenset(b"\x88\x89\x8a")
_JSON_ENDS: Final = frozenset(b"]} \r\n\t\0")
_UNSURE: Final = 4  # bytes at the end that may begin a frame's header


def looks_like_frame(data: bytes | bytearray, sender: Sender) -> bool | None:
    r"""Return whether bytes begin as a frame does that is not the rest of another; None if there are too few to say.

    >>> looks_like_frame(b'\x81\x02{}', "machine"), looks_like_frame(b"HTTP/1.1 200", "machine")
    (True, False)
    """
    if data[:1] and data[0] not in _STARTS:
        return False
    if len(data) < 2:
        return None
    size = data[1] & 0x7F
    if (data[1] >= 0x80) is (sender == "machine") or (size > 125 and data[0] in _CONTROLS):
        return False
    if sender == "app" or data[0] not in {0x81, 0x01} or not size:
        return True
    head = {126: 4, 127: 10}.get(size, 2)
    return data[head] in b'[{"' if len(data) > head else None


def find_frame(data: bytes | bytearray, at: int, sender: Sender, *, is_over: bool) -> tuple[int, bool]:
    """Look for a frame with which reading may resume: text with JSON, or one behind which another frame begins.

    Args:
        data: The bytes.
        at: Where to begin.
        sender: Whose they are.
        is_over: Whether nothing will come behind them.

    Returns:
        The frame's position and True; if no frame is found yet, the number of bytes that belong to no frame, and False.
    """
    pattern = _MACHINE_START if sender == "machine" else _APP_START
    while (found := pattern.search(data, at)) is not None:
        start = found.start()
        at = start + 1
        size, head = data[start + 1] & 0x7F, 2
        if size == 126:
            size, head = int.from_bytes(data[start + 2 : start + 4], "big"), 4
            if size < 126:
                continue
        end = start + head + size + (4 if sender == "app" else 0)
        is_json = sender == "machine" and data[start] == 0x81
        if end > len(data) or (end == len(data) and not is_json):
            if not is_over:
                return start, False
            if is_json or end == len(data):
                return start, True
        elif (data[end - 1] in _JSON_ENDS) if is_json else (data[end] in _STARTS):
            return start, True
    return max(at, len(data) if is_over else len(data) - _UNSURE), False
