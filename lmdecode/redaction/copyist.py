"""Takes what the readers of formats understood, replaces the values in it, and hands it to whoever writes the copy."""

from __future__ import annotations

from collections import Counter
from typing import Literal, NamedTuple

from lmdecode.codec.bluetooth.characteristics import NAMES
from lmdecode.codec.dialect import Place
from lmdecode.codec.record import Kind as MessageKind
from lmdecode.codec.record import Record, Sender
from lmdecode.codec.stomp import Frame
from lmdecode.codec.v1.key import Key
from lmdecode.codec.v1.message import Message
from lmdecode.codec.web import HttpRequest, HttpResponse
from lmdecode.redaction.substitutions import Kind, Substitutions, is_ip, is_mac
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


class Radio(NamedTuple):
    """A Bluetooth connection, as the copy has it."""

    number: int
    app: str
    """The address of the app's side; "" if it is not known."""
    machine: str
    name: str
    """What the machine advertises; "" if it is not known."""


class Attribute(NamedTuple):
    """What was said of a characteristic."""

    what: Literal["asked", "answered", "wrote", "subscribed", "accepted", "refused", "notified"]
    name: str
    """Of the characteristic."""
    value: bytes = b""
    why: str = ""
    """The reason of a refusal."""
    wrote: bool = False
    """Whether a write was refused."""
    replay: bool = False
    """Whether a log says that a notification is a replay."""


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

    def attribute(self, radio: Radio, time_ns: int, said: Attribute) -> bool:  # noqa: ARG002
        """Write what was said of a characteristic of Bluetooth."""
        return False

    def said(self, time_ns: int, sender: Sender, message: Message, *, ok: bool | None) -> bool:  # noqa: ARG002
        """Write a message of v1 that a log has; `ok` says of the answer to a write whether the machine took it."""
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
        from lmdecode.redaction.attributes import Attributes  # noqa: PLC0415 -- it writes copies as well

        self._attributes = Attributes(self.values)
        self.has_radio = False
        """Whether there is Bluetooth in what was read."""
        self._copy = copy
        self.copied = 0
        """Messages that are in the copy."""
        self.left_out: Counter[str] = Counter()
        """What is not in the copy, in words."""

    def frame(self, place: Place, time_ns: int, sender: Sender, message: Message) -> None:
        """Take a message of v1 in a TCP stream."""
        data = self._memory.frame(place.machine, message)
        self._count(is_written=self._copy.frame(self._ends(place), time_ns, sender, data))

    def said(self, place: Place, record: Record) -> None:
        """Take a message of v1 that a log has."""
        if record.problems or record.kind is None or record.address is None:
            self.leave_out("damaged messages")
            return
        data = bytes.fromhex(record.data) if record.data else None
        if data is None and record.kind is not MessageKind.READ and record.sender == "app":
            self.leave_out("damaged messages")  # a write of what is no data
            return
        message = Message(record.kind, record.address, record.length or 0, data)
        changed = self._memory.message(place.machine, message)
        self._count(is_written=self._copy.said(record.time_ns, record.sender, changed, ok=record.ok))

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
        """Take a STOMP frame, which a message of a WebSocket is made of in the copy."""
        changed = self._web.stomp(frame)
        if changed is None:
            self.leave_out("STOMP frames that are not understood")
            return
        self._count(is_written=self._copy.message(self._ends(place), time_ns, sender, changed, is_text=True))

    def attribute(self, place: Place, time_ns: int, said: Attribute) -> None:
        """Take what was said of a characteristic of Bluetooth."""
        self.has_radio = True
        value = (
            self._attributes.value(said.name, said.value) if said.value and said.what != "subscribed" else said.value
        )
        if value is None or (said.name not in NAMES and said.what not in {"accepted", "subscribed"}):
            self.leave_out("values of characteristics that nobody knows")
            return
        name = self.values.name(place.name) if place.name else ""
        radio = Radio(place.stream, self._device(place.app), self._device(place.machine), name)
        self._count(is_written=self._copy.attribute(radio, time_ns, said._replace(value=value)))

    def _device(self, address: str) -> str:
        return self.table.of(Kind.MAC, address) if is_mac(address) else ""

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
