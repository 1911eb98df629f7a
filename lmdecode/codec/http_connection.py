"""The bytes of one connection of HTTP/1.1, which may become a WebSocket, as requests, answers and messages.

A bystander's view: `http1` and `websocket` read one message and one direction each; what is between them is here. That
is which answer belongs to which request, when both directions become a WebSocket, and what to do where the capture
begins in the middle, has a gap, or holds something else. Each direction is always in one of these states:

- *start*: a message may begin here. What it is, the first bytes say.
- *HTTP*: in a message. Behind it is a *start*, or a WebSocket if both sides agreed on one.
- *WebSocket*: until the end, or until something is no frame.
- *seek*: whatever this is, it is no beginning. What is passed over is handed on, with the reason.
- *TLS*: encrypted. That is said once, and then only counted.

Answers come in the order of their requests, and nobody is known to ask again before he is answered. So where bytes of
the machine are missing, a new request means that the answers to earlier ones are lost.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from typing import Final, Literal

from lmdecode.codec.dialect import Tally
from lmdecode.codec.http1 import START_OF_REQUEST, START_OF_RESPONSE, MessageReader, wants_websocket
from lmdecode.codec.record import Record, Sender
from lmdecode.codec.web import HttpRequest, HttpResponse, WebConversation
from lmdecode.codec.websocket import Control, Event, FrameReader, Message, Unread, find_frame, looks_like_frame

State = Literal["start", "HTTP", "WebSocket", "seek", "TLS"]
"""What the bytes of one direction are being read as, see above."""

_MAX_OPEN: Final = 1024  # requests without an answer that are kept
_LONGEST_START: Final = 8300  # bytes of a start line
_MOST_PASSED: Final = 1 << 12  # bytes that are passed over before they are handed on
_MOST_HELD: Final = 1 << 16  # bytes behind a request for a WebSocket that wait for its answer
_METHODS: Final = (b"GET ", b"POST ", b"PUT ", b"HEAD ", b"DELETE ", b"OPTIONS ", b"PATCH ", b"CONNECT ", b"TRACE ")
_END_OF_HEAD: Final = re.compile(rb"\n\r?\n")
_ENDED: Final = "the connection ended"


class _Side:
    """One direction."""

    def __init__(self, sender: Sender) -> None:
        self.sender: Final[Sender] = sender
        self.buffer = bytearray()
        """What is not read yet, in *start* and *seek*."""
        self.passed = bytearray()
        """What was passed over and is not handed on yet."""
        self.reason = ""
        """Why it was passed over, where more is known."""
        self.http: MessageReader | None = None
        self.frames: FrameReader | None = None
        self.seeks = False
        self.searched = 0
        """How much of the buffer has no start line, unless one begins at its end."""
        self.is_tls = False
        self.waits = False
        """Whether a WebSocket was asked for, and the answer decides what comes."""

    @property
    def held(self) -> int:
        readers = (0 if each is None else each.held for each in (self.http, self.frames))
        return len(self.buffer) + len(self.passed) + sum(readers)

    def unread(self) -> bytes:
        """Take away what is not read yet."""
        rest = bytes(self.buffer)
        self.buffer.clear()
        self.searched = 0
        return rest


class HttpConnection:
    """A `Conversation` that hands what the bytes say to a `WebConversation`.

    Args:
        web: Makes Records of it.
        tally: Bytes that are passed over or missing are counted in it.
        tls: What to say of a connection that is encrypted.
    """

    def __init__(self, web: WebConversation, tally: Tally, tls: str) -> None:
        self._web = web
        self._tally = tally
        self._tls = tls
        self._sides: dict[Sender, _Side] = {"app": _Side("app"), "machine": _Side("machine")}
        self._open: deque[tuple[int, str]] = deque(maxlen=_MAX_OPEN)  # requests: number and method
        self._count = 0  # of requests
        self._has_lost_answers = False
        self._is_websocket = False
        self._made: list[Record] = []
        self._time_ns = 0

    # ---- the Conversation

    def receive(self, time_ns: int, sender: Sender, data: bytes, predecoded: object = None) -> Sequence[Record]:  # noqa: ARG002
        """Take the next bytes of one direction."""
        self._time_ns = time_ns
        side = self._sides[sender]
        if side.is_tls:
            self._tally.bytes_skipped += len(data)
            return []
        self._put(side, data)
        self._pull(side)
        return self._taken()

    def receive_late(self, time_ns: int, sender: Sender, data: bytes, reason: str) -> Sequence[Record]:
        """Take bytes that belong before others: what is a whole message is read, all else is handed on as it is."""
        self._time_ns = time_ns
        if self._sides[sender].is_tls:
            self._tally.bytes_skipped += len(data)
            return []
        starts = START_OF_REQUEST if sender == "app" else START_OF_RESPONSE
        if starts.match(data):
            reader = MessageReader(sender)
            if reader.feed(data) == b"" and reader.result is not None:
                self._hand_http(reader.result._replace(problems=(*reader.result.problems, reason)), is_late=True)
                return self._taken()
        elif looks_like_frame(data, sender):
            frames = FrameReader(sender)
            frames.feed(data)
            events: list[Event] = []
            while (event := frames.next_event()) is not None:
                events.append(event)
            if frames.lost is None and not frames.rest and events and not any(isinstance(e, Unread) for e in events):
                for event in events:
                    self._hand_frame(sender, event, (reason,))
                return self._taken()
        self._note(sender, reason, data)
        return self._taken()

    def gap(self, time_ns: int, sender: Sender, size: int, reason: str) -> Sequence[Record]:
        """Note that bytes of one direction will not come."""
        self._time_ns = time_ns
        side = self._sides[sender]
        self._tally.bytes_missing += size
        if side.is_tls:
            return []
        self._has_lost_answers |= sender == "machine"
        if side.http is not None:
            goes_on = side.http.gap(size, reason)
            if not goes_on or side.http.result is not None:
                self._end_http(side)
            if side.frames is not None:  # the answer was cut off that began the WebSocket
                side.frames.gap(size, reason)
                self._pull(side)
        elif side.frames is not None:
            side.frames.gap(size, reason)
            self._pull(side)
        self._give_up(side, reason)
        self._note(sender, reason)
        return self._taken()

    def close(self, time_ns: int) -> Sequence[Record]:
        """The connection has ended."""
        self._time_ns = time_ns
        for side in (self._sides["machine"], self._sides["app"]):
            self._end(side)
        self._made += self._web.close(time_ns)
        return self._taken()

    @property
    def held(self) -> int:
        """About how many bytes of memory it holds."""
        return sum(side.held for side in self._sides.values()) + self._web.held

    def state(self, sender: Sender) -> State:
        """Return what one side's bytes are being read as."""
        side = self._sides[sender]
        if side.is_tls:
            return "TLS"
        if side.http is not None:
            return "HTTP"
        if side.frames is not None:
            return "WebSocket"
        return "seek" if side.seeks else "start"

    def let_go(self, time_ns: int, reason: str) -> Sequence[Record]:
        """Hand out what is held back, and say why."""
        self._time_ns = time_ns
        for side in self._sides.values():
            if side.http is not None:
                side.http.end(reason)
                self._end_http(side)
                side.seeks = True
            elif side.frames is not None:
                side.frames.let_go(reason)
                self._pull(side)
            self._give_up(side, reason)
        self._made += self._web.let_go(time_ns)
        return self._taken()

    def _taken(self) -> list[Record]:
        made, self._made = self._made, []
        return made

    # ---- one direction

    def _put(self, side: _Side, data: bytes) -> None:
        """Give bytes to whoever reads now."""
        if side.http is not None:
            rest = side.http.feed(data)
            if rest is not None:
                self._end_http(side, rest)
        elif side.frames is not None:
            side.frames.feed(data)
        else:
            side.buffer += data
            if side.waits and len(side.buffer) > _MOST_HELD:
                side.waits = False

    def _pull(self, side: _Side) -> None:
        """Hand out all that is whole."""
        while True:
            if side.frames is not None:
                self._pull_frames(side, side.frames)
                if side.frames is not None:
                    return
            elif side.http is not None or side.is_tls or side.waits or not side.buffer:
                return
            elif side.seeks:
                if not self._seek(side):
                    return
            elif not self._start(side):
                return

    def _pull_frames(self, side: _Side, frames: FrameReader) -> None:
        while (event := frames.next_event()) is not None:
            self._hand_frame(side.sender, event)
        if frames.lost is not None:
            side.frames = None
            side.buffer += frames.rest
            side.seeks = True
            side.reason = frames.lost

    def _start(self, side: _Side, *, is_over: bool = False) -> bool:
        """Decide by the first bytes what begins here. Returns False if more are needed."""
        buffer = side.buffer
        while buffer and buffer[0] in b"\r\n":  # between HTTP messages; no frame begins so
            del buffer[0]
        if not buffer:
            return False
        known = (self._is_http(side), looks_like_frame(buffer, side.sender), _is_tls(buffer))
        if True not in known and None in known and not is_over:
            return False
        if known[0]:
            self._begin_http(side)
        elif known[1]:
            self._begin_frames()
        elif known[2]:
            self._begin_tls()
        else:
            side.seeks = True
            side.searched = 0
        return True

    @staticmethod
    def _is_http(side: _Side) -> bool | None:
        """Return whether an HTTP message begins here; None if there are too few bytes to say."""
        head = bytes(side.buffer[:_LONGEST_START])
        if side.sender == "app":
            if not head.startswith(_METHODS):
                return None if any(each.startswith(head) for each in _METHODS) else False
            if START_OF_REQUEST.match(head):
                return True
        else:
            if not head.startswith(b"HTTP/1."):
                return None if b"HTTP/1.".startswith(head) else False
            if START_OF_RESPONSE.match(head):
                return True
        return None if b"\n" not in head and len(head) < _LONGEST_START else False

    def _seek(self, side: _Side, *, is_over: bool = False) -> bool:
        """Look for a beginning, and pass over what is none. Returns False if there is none yet."""
        buffer = side.buffer
        starts = START_OF_REQUEST if side.sender == "app" else START_OF_RESPONSE
        end, is_sure = len(buffer), False
        if side.sender == "machine" or self._is_websocket:
            end, is_sure = find_frame(buffer, 0, side.sender, is_over=is_over)
        http = starts.search(buffer, max(0, side.searched - _LONGEST_START))
        if http is not None and (http.start() < end or not is_sure):
            # A frame that is not whole yet may be one by chance; a start line is none.
            end, is_sure = http.start(), True
        elif not is_sure and not is_over:
            end = min(end, self._unsure_from(side))
        side.passed += buffer[:end]
        del buffer[:end]
        side.searched = 0 if is_sure else len(buffer)
        if is_sure:
            side.seeks = False
            self._hand_passed(side)
            return True
        while len(side.passed) >= _MOST_PASSED:
            # Up to the end of a line, so that no header is parted from its name, by which it is known as secret.
            self._hand_passed(side, side.passed.rfind(b"\n", 0, _MOST_PASSED) + 1 or _MOST_PASSED)
        if is_over:
            self._hand_passed(side)
        return False

    @staticmethod
    def _unsure_from(side: _Side) -> int:
        """Return where a start line may begin that is not whole yet; the buffer's length if nowhere."""
        buffer = side.buffer
        tail = max(0, len(buffer) - _LONGEST_START)
        if side.sender == "machine":
            at = buffer.rfind(b"HTTP/1.", tail)
            if at >= 0 and b"\n" not in buffer[at:]:
                return at
            return max(0, len(buffer) - 6)
        at = max(buffer.rfind(each, tail) for each in _METHODS)
        if at >= 0 and b"\n" not in buffer[at:]:
            return at
        return max(0, len(buffer) - 8)

    def _end(self, side: _Side) -> None:
        """Nothing more will come of a direction."""
        side.waits = False
        self._pull(side)
        if side.http is not None:
            side.http.end(_ENDED)
            self._end_http(side)
        elif side.frames is not None:
            side.frames.end(_ENDED)
            self._pull(side)
        while side.buffer and not side.is_tls:
            if not (self._seek(side, is_over=True) if side.seeks else self._start(side, is_over=True)):
                break
            self._pull(side)
            if side.http is not None or side.frames is not None:
                self._end(side)
                return
        self._give_up(side)

    def _give_up(self, side: _Side, reason: str = "") -> None:
        """Hand on what is not read, and begin anew."""
        side.waits = False
        side.passed += side.unread()
        side.reason = side.reason or reason
        self._hand_passed(side)
        if side.frames is None and side.http is None:
            side.seeks = False

    def _hand_passed(self, side: _Side, size: int | None = None) -> None:
        raw = bytes(side.passed[:size])
        del side.passed[:size]
        if not raw:
            side.reason = ""
            return
        what = "1 byte that belongs" if len(raw) == 1 else f"{len(raw):,} bytes that belong"
        self._note(side.sender, f"{what} to no message" + (f": {side.reason}" if side.reason else ""), raw)
        side.reason = ""

    # ---- HTTP

    def _begin_http(self, side: _Side) -> None:
        method = self._open[0][1] if side.sender == "machine" and self._open else "GET"
        side.http = MessageReader(side.sender, method)
        rest = side.http.feed(side.unread())
        if rest is not None:
            self._end_http(side, rest)

    def _end_http(self, side: _Side, rest: bytes = b"") -> None:
        reader, side.http = side.http, None
        if reader is None:
            return
        if reader.result is None:
            end = _end_of_head(reader.raw, side.sender)
            side.passed += reader.raw[:end]
            side.reason = reader.problem
            side.buffer[:0] = reader.raw[end:] + rest
            self._hand_passed(side)
            return
        side.buffer[:0] = rest
        self._hand_http(reader.result)

    def _hand_http(self, message: HttpRequest | HttpResponse, *, is_late: bool = False) -> None:
        if isinstance(message, HttpRequest):
            if self._has_lost_answers and not is_late:
                self._open.clear()
                self._has_lost_answers = False
            self._made += self._web.request(self._time_ns, message, self._count)
            if not is_late:
                self._open.append((self._count, message.method))
                self._sides["app"].waits = wants_websocket(message)
            self._count += 1
            return
        number = self._open.popleft()[0] if self._open and not is_late else -1
        self._made += self._web.response(self._time_ns, message, number)
        if is_late:
            return
        app = self._sides["app"]
        was_waiting = app.waits
        app.waits = False
        if message.status == 101:
            self._begin_frames(is_whole=True)
        if was_waiting or message.status == 101:
            self._pull(app)

    # ---- WebSocket, TLS

    def _begin_frames(self, *, is_whole: bool = False) -> None:
        """Both directions are a WebSocket from here on, except where an HTTP message has begun."""
        self._is_websocket = True
        for side in self._sides.values():
            if side.http is None and side.frames is None and not (side.seeks and side.passed):
                side.frames = FrameReader(side.sender, is_whole=is_whole)
                side.frames.feed(side.unread())
                side.seeks = side.waits = False

    def _hand_frame(self, sender: Sender, event: Event, notes: tuple[str, ...] = ()) -> None:
        if isinstance(event, Message):
            self._made += self._web.message(
                self._time_ns, sender, event.data, is_text=event.is_text, problems=(*event.problems, *notes)
            )
        elif isinstance(event, Control):
            self._made += self._web.control(self._time_ns, sender, event.name, event.data, problems=notes)
        else:
            self._note(sender, event.problem, event.raw)

    def _begin_tls(self) -> None:
        for side in self._sides.values():
            side.is_tls = True
            self._tally.bytes_skipped += len(side.unread())
        self._made += self._web.note(self._time_ns, "app", self._tls)

    def _note(self, sender: Sender, problem: str, raw: bytes = b"") -> None:
        self._made += self._web.note(self._time_ns, sender, problem, raw)


def _end_of_head(raw: bytes, sender: Sender) -> int:
    """Return how many bytes of headers that make no sense to pass over: up to their end, or to the last start line.

    To the last, so that each start line is tried once, however many stand in a row.
    """
    found = _END_OF_HEAD.search(raw)
    end = len(raw) if found is None else found.end()
    starts = START_OF_REQUEST if sender == "app" else START_OF_RESPONSE
    last = end
    for start in starts.finditer(raw, 1, end):
        last = start.start()
    return last


def _is_tls(data: bytes | bytearray) -> bool | None:
    """Return whether bytes begin as TLS does; None if there are too few to say."""
    if not data or not 0x14 <= data[0] <= 0x17:
        return False
    return data[1] == 3 if len(data) > 1 else None
