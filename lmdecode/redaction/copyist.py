"""Takes what the readers of formats understood, replaces the values in it, and hands it to whoever writes the copy."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from lmdecode.codec.dialect import Place
from lmdecode.codec.record import Sender
from lmdecode.codec.stomp import Frame
from lmdecode.codec.v1.key import Key
from lmdecode.codec.v1.message import Message
from lmdecode.codec.web import HttpRequest, HttpResponse
from lmdecode.redaction.substitutions import Kind, Substitutions, is_ip
from lmdecode.redaction.v1 import Memory
from lmdecode.redaction.values import Values
from lmdecode.redaction.web import Web


class End(NamedTuple):
    """One end of a connection, as the copy has it."""

    host: str
    port: int


class Ends(NamedTuple):
    """A connection, as the copy has it."""

    number: int
    app: End
    machine: End


class Copy:
    """Writes a copy; this one writes none. Each format overrides what it has a form for.

    `taken` says in the end what the format had no form for, so that nothing is left out without a word.
    """

    def frame(self, ends: Ends, time_ns: int, sender: Sender, data: bytes) -> bool:  # noqa: ARG002
        """Write bytes of a TCP stream. Returns whether the format has a form for them, as the others do."""
        return False

    def request(self, ends: Ends, time_ns: int, number: int, request: HttpRequest) -> bool:  # noqa: ARG002
        """Write a request."""
        return False

    def response(self, ends: Ends, time_ns: int, number: int, response: HttpResponse) -> bool:  # noqa: ARG002
        """Write an answer to the request with the same number."""
        return False

    def message(self, ends: Ends, time_ns: int, sender: Sender, data: bytes, *, is_text: bool) -> bool:  # noqa: ARG002
        """Write a message of a WebSocket."""
        return False

    def pdu(self, ends: Ends, time_ns: int, sender: Sender, data: bytes) -> bool:  # noqa: ARG002
        """Write a PDU of ATT."""
        return False

    def line(self, text: str) -> bool:  # noqa: ARG002
        """Write a line of a log."""
        return False

    def close(self) -> None:
        """Write what is held back: nothing more comes."""


class Copyist:
    """Replaces the values of what was understood.

    Args:
        table: What stands for what; it grows.
        key: The published key, for the frames of v1.
        copy: Writes the copy.
    """

    def __init__(self, table: Substitutions, key: Key, copy: Copy) -> None:
        self.table = table
        self.values = Values(table)
        self._web = Web(self.values)
        self._memory = Memory(table, key)
        self._copy = copy
        self.copied = 0
        """Messages that are in the copy."""
        self.left_out: Counter[str] = Counter()
        """What is not in the copy, in words."""

    def frame(self, place: Place, time_ns: int, sender: Sender, message: Message) -> None:
        """Take a message of v1 in a TCP stream."""
        data = self._memory.frame(place.machine, message)
        self._count(is_written=self._copy.frame(self._ends(place), time_ns, sender, data))

    def request(self, place: Place, time_ns: int, number: int, request: HttpRequest) -> None:
        """Take a request."""
        self._count(is_written=self._copy.request(self._ends(place), time_ns, number, self._web.request(request)))

    def response(self, place: Place, time_ns: int, number: int, response: HttpResponse) -> None:
        """Take an answer."""
        self._count(is_written=self._copy.response(self._ends(place), time_ns, number, self._web.response(response)))

    def message(self, place: Place, time_ns: int, sender: Sender, data: bytes, *, is_text: bool) -> None:
        """Take a message of a WebSocket."""
        changed = self._web.message(data, is_text=is_text)
        if changed is None:
            self.leave_out("WebSocket messages that are not understood")
            return
        self._count(is_written=self._copy.message(self._ends(place), time_ns, sender, changed, is_text=is_text))

    def stomp(self, place: Place, time_ns: int, sender: Sender, frame: Frame) -> None:
        """Take a frame of STOMP, which a message of a WebSocket is made of in the copy."""
        changed = self._web.stomp(frame)
        if changed is None:
            self.leave_out("frames of STOMP that are not understood")
            return
        self._count(is_written=self._copy.message(self._ends(place), time_ns, sender, changed, is_text=True))

    def leave_out(self, what: str, times: int = 1) -> None:
        """Count what is not in the copy."""
        self.left_out[what] += times

    def close(self) -> None:
        """Nothing more comes."""
        if self.values.left_out:
            self.leave_out("ends of texts behind damage", self.values.left_out)
        if self._web.bodies_left_out:
            self.leave_out("bodies of requests and answers that are no JSON", self._web.bodies_left_out)
        self._copy.close()

    def _count(self, *, is_written: bool) -> None:
        if is_written:
            self.copied += 1
        else:
            self.leave_out("messages that a file of this kind has no form for")

    def _ends(self, place: Place) -> Ends:
        return Ends(place.stream, self._end(place.app), self._end(place.machine))

    def _end(self, text: str) -> End:
        host, colon, port = text.rpartition(":")
        if not (colon and port.isdigit()):
            host, port = text, "0"
        host = host.strip("[]")
        if is_ip(host):
            return End(self.table.of(Kind.IP, host), int(port))
        return End(self._web.host(host) if host not in {"app", "machine"} else host, int(port))
