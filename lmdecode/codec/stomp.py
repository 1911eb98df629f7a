"""STOMP, the text protocol of the cloud's pushes: pieces of text go in, whole frames come out.

A frame is a command, lines of headers, an empty line, a body and a NUL. The body has as many bytes as the header
`content-length` says; without one it ends at the first NUL. Nothing that was sent is lost: a frame that breaks these
rules comes out with what is wrong with it. The versions 1.0 to 1.2 are read alike: a line ends with LF or CR LF, and
the escapes of 1.2 are undone except in frames that begin a connection.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

COMMANDS: Final = frozenset(
    ("CONNECT", "STOMP", "CONNECTED", "SEND", "SUBSCRIBE", "UNSUBSCRIBE", "ACK", "NACK", "BEGIN", "COMMIT", "ABORT",
     "DISCONNECT", "MESSAGE", "RECEIPT", "ERROR")
)  # fmt: skip
LARGEST: Final = 4 << 20
"""Bytes that an unfinished frame may have; a push has 3,000 to 10,000."""
_UNESCAPED: Final = frozenset(("CONNECT", "CONNECTED", "STOMP"))
_HEAD_END: Final = re.compile(rb"\r?\n\r?\n")
_START: Final = re.compile(rb"(?:" + b"|".join(name.encode() for name in sorted(COMMANDS)) + rb")\r?\n")
_ESCAPE: Final = re.compile(r"\\(.?)", re.DOTALL)
_ESCAPES: Final = {"n": "\n", "r": "\r", "c": ":", "\\": "\\"}


class Frame(NamedTuple):
    """One frame."""

    command: str
    """"" if it is none that is known. Then all that came is in the body."""
    headers: tuple[tuple[str, str], ...]
    body: bytes
    problems: tuple[str, ...] = ()

    def header(self, name: str) -> str:
        """Return the value of a header, "" if there is none; of several the first counts.

        >>> Frame("MESSAGE", (("id", "1"), ("id", "2")), b"").header("id")
        '1'
        """
        return next((value for each, value in self.headers if each == name), "")


class Stomp:
    """One direction of a connection."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._seen = 0  # so much of what is held was searched for what it lacks
        self._head: int | None = None  # where the body of what is held begins, once that is known
        self._length: int | None = None  # of the body, as the head says

    @property
    def held(self) -> int:
        """How many bytes of an unfinished frame it holds."""
        return len(self._held)

    def receive(self, data: bytes) -> list[Frame]:
        r"""Take the next text; return the frames that are whole now. Line ends between frames are heart-beats.

        >>> [frame.command for frame in Stomp().receive(b"RECEIPT\nreceipt-id:1\n\n\0")]
        ['RECEIPT']
        """
        frames: list[Frame] = []
        if self._held and _START.match(data):
            frames += self.close("the frame has no NUL at its end")
        self._held += data
        at = 0
        while True:
            if self._head is None:
                at = _after_heartbeats(self._held, at)
                self._seen = max(self._seen, at)
            found = self._next(at)
            if found is None:
                break
            frame, at = found
            frames.append(frame)
            self._seen, self._head = at, None
        del self._held[:at]
        self._seen -= at
        if self._head is not None:
            self._head -= at
        if len(self._held) > LARGEST:
            frames += self.close(f"the frame is larger than {LARGEST >> 20} MB")
        return frames

    def close(self, reason: str = "the frame is cut off") -> list[Frame]:
        """Return the unfinished frame, if there is one, with the reason as its problem.

        Args:
            reason: Why no more of it comes.
        """
        held = bytes(self._held)
        self._held.clear()
        self._seen, self._head = 0, None
        held = held[_after_heartbeats(held, 0) :]
        if not held:
            return []
        head, _, body = _split(held)
        return [_frame(head, body, (reason,))]

    def _next(self, start: int) -> tuple[Frame, int] | None:  # noqa: PLR0911 -- one for each way to end
        """Return the frame that begins somewhere in what is held, and where it ends; None if more must come."""
        held = self._held
        if self._head is None:
            nul = held.find(0, max(start, self._seen))
            # No further than to the NUL: what is behind it is searched for its own frame, and once.
            end = _HEAD_END.search(held, max(start, self._seen - 3), nul if nul >= 0 else len(held))
            if end is None and nul >= 0:
                return _frame(bytes(held[start:nul]), b"", ("the frame has no empty line after its headers",)), nul + 1
            if end is None:
                self._seen = len(held)
                return None
            self._head = self._seen = end.end()
            self._length = _content_length(bytes(held[start : self._head]))
        body, said = self._head, self._length
        if said is None or said < 0:
            return self._to_nul(start, body, () if said is None else ("its content-length is no number",))
        if body + said < len(held):
            if held[body + said] == 0:
                return _frame(bytes(held[start:body]), bytes(held[body : body + said])), body + said + 1
            return self._to_nul(start, body, ("its content-length does not fit its body",))
        if body + said == len(held):
            problem = ("the frame has no NUL at its end",)
            return _frame(bytes(held[start:body]), bytes(held[body:]), problem), len(held)
        trimmed = len(bytes(held[max(body, len(held) - 64) :]).rstrip(b"\r\n"))
        last = max(body, len(held) - 64) + trimmed - 1
        if last >= body and held[last] == 0:  # the message ends as a frame does: no more of it comes
            return self._to_nul(start, body, ("its content-length does not fit its body",))
        return None

    def _to_nul(self, start: int, body: int, problems: tuple[str, ...]) -> tuple[Frame, int] | None:
        nul = self._held.find(0, max(body, self._seen))
        if nul < 0:
            self._seen = len(self._held)
            return None
        return _frame(bytes(self._held[start:body]), bytes(self._held[body:nul]), problems), nul + 1


def _after_heartbeats(held: bytes | bytearray, at: int) -> int:
    while at < len(held) and held[at] in b"\r\n\0":
        at += 1
    return at


def _split(held: bytes) -> tuple[bytes, bytes, bytes]:
    end = _HEAD_END.search(held)
    return (held, b"", b"") if end is None else (held[: end.end()], end[0], held[end.end() :])


def _content_length(head: bytes) -> int | None:
    """Return what a head says of the length of the body; None if nothing, -1 if nonsense."""
    for line in head.split(b"\n"):
        name, colon, value = line.partition(b":")
        if colon and name.strip().lower() == b"content-length":
            value = value.strip()
            return int(value) if value.isdigit() and len(value) < 10 else -1
    return None


def _frame(head: bytes, body: bytes, problems: tuple[str, ...] = ()) -> Frame:
    lines = [line.removesuffix("\r") for line in head.decode("utf-8", "replace").split("\n")]
    command = lines[0].strip("\ufeff")
    if command not in COMMANDS:  # so nothing of it can be told apart
        return Frame("", (), head + body, (*problems, "it begins with no command of STOMP"))
    headers: list[tuple[str, str]] = []
    found = [*problems]
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if colon:
            pair = (name, value) if command in _UNESCAPED else (_unescaped(name), _unescaped(value))
            headers.append(pair)
        elif name:
            headers.append((name, ""))
            found.append("a line of its headers has no colon")
    return Frame(command, tuple(headers), body, tuple(dict.fromkeys(found)))


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda found: _ESCAPES.get(found[1], found[0]), text) if "\\" in text else text
