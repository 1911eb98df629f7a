"""One connection to a machine's Bluetooth: ATT PDUs in, Records out.

ATT is a protocol of questions and answers: a client has one request open at a time, so an answer belongs to the last
request. Only what a machine serves is looked at; what the machine may ask of a telephone is not.

A value that is longer than a PDU is read in pieces (Read Blob) and written in pieces (Prepare Write); one Record comes
of all of them. Whether a value goes on is not in its PDU. So a value that fills its PDU is held back until the next
request of the app shows whether it reads on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from json import loads
from typing import Final, NamedTuple

from lmdecode.codec.bluetooth.characteristics import short_name
from lmdecode.codec.bluetooth.handles import Device
from lmdecode.codec.bluetooth.log import Log
from lmdecode.codec.bluetooth.messages import Messages
from lmdecode.codec.dialect import OwnerAccess, Place, Simple, Speaker, Tally
from lmdecode.codec.record import Record, Sender

_ERROR, _MTU_ASKED, _MTU = 0x01, 0x02, 0x03
_INFORMATION_ASKED, _INFORMATION = 0x04, 0x05
_BY_TYPE_ASKED, _BY_TYPE = 0x08, 0x09
_READ_ASKED, _READ, _BLOB_ASKED, _BLOB = 0x0A, 0x0B, 0x0C, 0x0D
_MULTIPLE_ASKED, _MULTIPLE = 0x0E, 0x0F
_WRITE_ASKED, _WRITTEN, _WRITE_COMMAND, _SIGNED_WRITE = 0x12, 0x13, 0x52, 0xD2
_PREPARE, _EXECUTE, _EXECUTED = 0x16, 0x18, 0x19
_NOTIFIED, _INDICATED, _CONFIRMED, _SEVERAL_NOTIFIED = 0x1B, 0x1D, 0x1E, 0x23
_QUIET: Final = frozenset((0x06, 0x07, 0x10, 0x11, 0x17, 0x20, 0x21, _CONFIRMED))
"""What tells nothing here: searches for services, the echo of a piece, the receipt of an indication."""
_DECLARATION: Final = b"\x03\x28"
_OLD_MTU: Final = 23
"""Bytes of a PDU, where nothing else was agreed on."""
_LONGEST: Final = 1 << 13
"""Bytes of a value, as far as it is put together; the standard allows 512."""
_MOST_PREPARED: Final = 8  # handles with pieces that were written and not yet put together
_LONGEST_PREPARED: Final = 4096  # bytes of such a value
_NO_MORE: Final = frozenset((0x07, 0x0B))
"""The errors that say that a value is over: invalid offset, not long."""
_NOT_FOUND: Final = 0x0A

ERRORS: Final[Mapping[int, str]] = {
    0x01: "invalid handle",
    0x02: "reading is not allowed",
    0x03: "writing is not allowed",
    0x04: "invalid PDU",
    0x05: "the app is not authenticated",
    0x06: "not supported",
    0x07: "invalid offset",
    0x08: "the app is not authorised",
    0x09: "too many pieces",
    0x0A: "no such attribute",
    0x0B: "the value is not long",
    0x0C: "the key is too short",
    0x0D: "the value has a wrong length",
    0x0E: "unlikely error",
    0x0F: "the connection is not encrypted",
    0x10: "unsupported group",
    0x11: "out of resources",
}


class _Asked(NamedTuple):
    """A request that the machine has not answered."""

    opcode: int
    handle: int
    time_ns: int
    uuid: bytes = b""


class _Held(NamedTuple):
    """A value that may go on."""

    handle: int
    time_ns: int
    value: bytes


class AttConversation:
    """A `Conversation` of one connection.

    Args:
        place: Where it is.
        tally: Counts are added to it.
        device: What is known of the machine from its other connections.
        show_secrets: Whether secrets stay readable.
        messages: Makes the Records; None for the usual.
    """

    def __init__(
        self,
        place: Place,
        tally: Tally,
        device: Device | None = None,
        *,
        show_secrets: bool = False,
        messages: Messages | None = None,
    ) -> None:
        device = device or Device()
        self._tally = tally
        self._messages = messages or Messages(place, tally, device, show_secrets=show_secrets)
        self._handles = device.handles
        self._mtu: int | None = None
        self._wanted_mtu = _OLD_MTU
        self._open: _Asked | None = None
        self._held: _Held | None = None
        self._prepared: dict[int, bytearray] = {}
        self._noted: set[int] = set()
        self._take: dict[int, Callable[[int, bytes], Sequence[Record]]] = {
            _ERROR: self._error,
            _MTU_ASKED: self._agree_on_mtu,
            _MTU: self._agree_on_mtu,
            _INFORMATION_ASKED: self._ask_quietly,
            _INFORMATION: self._learn_information,
            _BY_TYPE_ASKED: self._ask_by_type,
            _BY_TYPE: self._answer_by_type,
            _READ_ASKED: self._ask,
            _READ: self._answer,
            _BLOB_ASKED: self._ask_more,
            _BLOB: self._answer,
            _MULTIPLE_ASKED: self._ask_quietly,
            _MULTIPLE: self._answer_multiple,
            _WRITE_ASKED: self._write,
            _WRITTEN: self._accept,
            _WRITE_COMMAND: self._write,
            _SIGNED_WRITE: self._write_signed,
            _PREPARE: self._prepare,
            _EXECUTE: self._execute,
            _EXECUTED: self._accept,
            _NOTIFIED: self._notify,
            _INDICATED: self._notify,
            _SEVERAL_NOTIFIED: self._notify_several,
        }

    def receive(self, time_ns: int, sender: Sender, data: bytes, predecoded: object = None) -> Sequence[Record]:  # noqa: ARG002
        """Take one whole PDU."""
        if not data:
            return []
        opcode = data[0]
        is_of_client = opcode in _OF_CLIENT
        take = self._take.get(opcode)
        if opcode in _QUIET or (
            take is not None and is_of_client != (sender == "app") and opcode not in {_MTU, _MTU_ASKED}
        ):
            return []  # the machine as a client of the telephone, and the answers to that
        made: list[Record] = []
        if sender == "app" and opcode != _BLOB_ASKED:
            made += self._finish()
        if take is None:
            made.append(self._messages.note(time_ns, sender, f"an unknown ATT PDU (0x{opcode:02x})", data))
            return made
        try:
            made += take(time_ns, data)
        except IndexError:
            made.append(self._messages.note(time_ns, sender, f"an ATT PDU (0x{opcode:02x}) is cut off", data))
        return made

    def receive_late(self, time_ns: int, sender: Sender, data: bytes, reason: str) -> Sequence[Record]:
        """Take a PDU that belongs before others."""
        return [each._replace(problems=(*each.problems, reason)) for each in self.receive(time_ns, sender, data)]

    def gap(self, time_ns: int, sender: Sender, size: int, reason: str) -> Sequence[Record]:
        """Note that a PDU is missing, or a part of it."""
        self._tally.bytes_missing += size
        made = self._finish()
        self._open = None
        return [*made, self._messages.note(time_ns, sender, reason)]

    def close(self, time_ns: int) -> Sequence[Record]:
        """The connection has ended."""
        made = self._finish()
        for handle, value in self._prepared.items():
            said = "written in pieces, which were never put together"
            made += self._wrote(time_ns, handle, bytes(value), (said,))
        self._prepared.clear()
        return made

    @property
    def held(self) -> int:
        """About how many bytes of memory it holds."""
        pieces = sum(map(len, self._prepared.values()))
        return self._messages.held + pieces + (0 if self._held is None else len(self._held.value))

    def let_go(self, time_ns: int, reason: str) -> Sequence[Record]:  # noqa: ARG002
        """Return what is held back."""
        return self.close(time_ns)

    # Each of these takes a PDU of one kind. A byte that is not there is an IndexError.

    def _error(self, time_ns: int, data: bytes) -> Sequence[Record]:
        opcode, handle, code = data[1], _number(data, 2), data[4]
        asked, self._open = self._open, None
        if opcode == _BLOB_ASKED and self._held is not None and code in _NO_MORE:
            return self._finish()
        if opcode not in _SAID or (asked is not None and asked.opcode != opcode):
            return []
        if opcode == _EXECUTE and asked is not None:
            handle = asked.handle
        why = ERRORS.get(code, f"error 0x{code:02x}")
        wrote = opcode not in {_READ_ASKED, _BLOB_ASKED}
        return [*self._finish(), self._messages.refused(time_ns, self._name(handle), why, wrote=wrote)]

    def _agree_on_mtu(self, _time_ns: int, data: bytes) -> Sequence[Record]:
        size = max(_OLD_MTU, _number(data, 1))
        if data[0] == _MTU_ASKED:
            self._wanted_mtu = size
        else:
            self._mtu = min(size, self._wanted_mtu)
        return []

    def _ask_quietly(self, time_ns: int, data: bytes) -> Sequence[Record]:
        self._open = _Asked(data[0], _number(data, 1), time_ns)
        return []

    def _learn_information(self, _time_ns: int, data: bytes) -> Sequence[Record]:
        self._open = None
        self._handles.learn_information(data[1], data[2:])
        return []

    def _ask_by_type(self, time_ns: int, data: bytes) -> Sequence[Record]:
        self._open = _Asked(data[0], _number(data, 1), time_ns, data[5:])
        return []

    def _answer_by_type(self, time_ns: int, data: bytes) -> Sequence[Record]:
        asked, self._open = self._open, None
        size = data[1]
        if asked is None or asked.opcode != _BY_TYPE_ASKED:
            # Declarations are 7 or 21 bytes long, and hardly anything else is asked for by its type.
            if size in {7, 21}:
                self._handles.learn_declarations(size, data[2:])
            return []
        if asked.uuid == _DECLARATION:
            self._handles.learn_declarations(size, data[2:])
            return []
        name = short_name(asked.uuid) if len(asked.uuid) in {2, 16} else ""
        if name in {"2800", "2801", "2802", "2803"} or not name or size <= 2:
            return []
        return [self._messages.answered(time_ns, name, data[4 : 2 + size], secret=False)]

    def _ask(self, time_ns: int, data: bytes) -> Sequence[Record]:
        handle = _number(data, 1)
        self._open = _Asked(data[0], handle, time_ns)
        record = self._messages.asked(time_ns, self._name(handle))
        return [] if record is None else [record]

    def _ask_more(self, time_ns: int, data: bytes) -> Sequence[Record]:
        handle, offset = _number(data, 1), _number(data, 3)
        held = self._held
        made: list[Record] = []
        if held is not None and (held.handle != handle or offset > len(held.value)):
            made += self._finish()
            held = None
        if held is not None:
            self._held = held._replace(value=held.value[:offset])
        elif not offset:
            record = self._messages.asked(time_ns, self._name(handle))
            made += [] if record is None else [record]
        self._open = _Asked(data[0], handle, time_ns, data[3:5])
        return made

    def _answer(self, time_ns: int, data: bytes) -> Sequence[Record]:
        asked, self._open = self._open, None
        if asked is None or asked.opcode not in {_READ_ASKED, _BLOB_ASKED}:
            what = "an answer without its request, so its meaning is unknown"
            return self._unasked(time_ns, data[1:], what)
        value, held = data[1:], self._held
        self._held = None
        problems: tuple[str, ...] = ()
        if asked.opcode == _BLOB_ASKED:
            offset = int.from_bytes(asked.uuid, "little")
            if held is not None and held.handle == asked.handle:
                value = held.value + value
            elif offset:
                problems = (f"the first {offset} bytes of the value were not read here",)
                value = self._messages.rest(value)
        if len(value) >= _LONGEST or not self._may_go_on(data, value):
            return self._answered(time_ns, asked.handle, value, problems)
        if problems:
            return self._answered(time_ns, asked.handle, value, problems)
        self._held = _Held(asked.handle, time_ns, value)
        return []

    def _may_go_on(self, pdu: bytes, value: bytes) -> bool:
        """Return True if a value may go on behind a PDU: it fills it, and is not plainly whole."""
        full = len(pdu) >= _OLD_MTU if self._mtu is None else len(pdu) >= self._mtu
        if not full or b"\0" in value:
            return False
        if value[:1] not in b'{["':
            return True
        try:
            loads(value)
        except (ValueError, RecursionError):
            return True
        return False

    def _answer_multiple(self, time_ns: int, data: bytes) -> Sequence[Record]:
        self._open = None
        return self._unasked(time_ns, data[1:], "several values in one answer, which cannot be told apart")

    def _write(self, time_ns: int, data: bytes) -> Sequence[Record]:
        handle = _number(data, 1)
        if data[0] == _WRITE_ASKED:
            self._open = _Asked(data[0], handle, time_ns)
        return self._wrote(time_ns, handle, data[3:])

    def _write_signed(self, time_ns: int, data: bytes) -> Sequence[Record]:
        return self._wrote(time_ns, _number(data, 1), data[3:-12])

    def _accept(self, time_ns: int, data: bytes) -> Sequence[Record]:  # noqa: ARG002 -- as the others
        asked, self._open = self._open, None
        if asked is None or asked.opcode not in {_WRITE_ASKED, _EXECUTE}:
            return []
        record = self._messages.accepted(time_ns, self._name(asked.handle))
        return [] if record is None else [record]

    def _prepare(self, time_ns: int, data: bytes) -> Sequence[Record]:
        handle, offset = _number(data, 1), _number(data, 3)
        self._open = _Asked(data[0], handle, time_ns)
        if handle not in self._prepared and len(self._prepared) >= _MOST_PREPARED:
            return [self._messages.note(time_ns, "app", "too many values are written in pieces at once", data)]
        if offset + len(data) > _LONGEST_PREPARED:
            said = f"a piece of a value is written at {offset}, beyond any value"
            return [self._messages.note(time_ns, "app", said, data)]
        value = self._prepared.setdefault(handle, bytearray())
        value[offset:] = bytes(max(0, offset - len(value))) + data[5:]
        return []

    def _execute(self, time_ns: int, data: bytes) -> Sequence[Record]:
        is_meant = bool(data[1])
        prepared, self._prepared = self._prepared, {}
        made: list[Record] = []
        for handle, value in prepared.items() if is_meant else ():
            made += self._wrote(time_ns, handle, bytes(value))
        self._open = _Asked(data[0], next(iter(prepared), 0), time_ns)
        return made

    def _notify(self, time_ns: int, data: bytes) -> Sequence[Record]:
        handle = _number(data, 1)
        return self._notified(time_ns, handle, data[3:], is_full=len(data) == self._mtu)

    def _notify_several(self, time_ns: int, data: bytes) -> Sequence[Record]:
        made: list[Record] = []
        at = 1
        while at < len(data):
            if at + 4 > len(data):
                said = f"a PDU of ATT (0x{data[0]:02x}) is cut off"
                return [*made, self._messages.note(time_ns, "machine", said, data[at:])]
            handle, size = _number(data, at), _number(data, at + 2)
            value = data[at + 4 : at + 4 + size]
            made += self._notified(time_ns, handle, value, is_full=len(value) < size)
            at += 4 + size
        return made

    # What these have in common: handles become names, and what nobody knows is guessed.

    def _wrote(self, time_ns: int, handle: int, value: bytes, problems: Sequence[str] = ()) -> list[Record]:
        subscribed = self._handles.subscribes(handle)
        name = self._handles.name(handle)
        if subscribed is not None or (name is None and value in _SUBSCRIPTIONS):
            return [self._messages.subscribed(time_ns, subscribed or "", value)]
        if name is None:
            name = self._handles.guess_written(handle, value)
            self._note_guess(name)
        secret = name is None and not _is_harmless(value)
        name = name or self._name(handle)
        return [self._messages.wrote(time_ns, name, value, secret=secret, problems=problems)]

    def _notified(self, time_ns: int, handle: int, value: bytes, *, is_full: bool) -> list[Record]:
        name = self._handles.name(handle)
        if name is None:
            name = self._handles.guess_notified(handle, value)
            self._note_guess(name)
        secret = name is None and not _is_harmless(value)
        record = self._messages.notified(time_ns, name or self._name(handle), value, secret=secret)
        if is_full and record.problems:
            said = f"the notification is cut off at {len(value)} bytes, the most that the connection allows (MTU)"
            record = record._replace(problems=(said, *record.problems))
        return [record]

    def _answered(self, time_ns: int, handle: int, value: bytes, problems: Sequence[str] = ()) -> list[Record]:
        name = self._handles.name(handle)
        secret = name is None and not _is_harmless(value)
        return [self._messages.answered(time_ns, name or self._name(handle), value, secret=secret, problems=problems)]

    def _unasked(self, time_ns: int, value: bytes, why: str) -> list[Record]:
        secret = not _is_harmless(value)
        return [self._messages.answered(time_ns, "read", value, secret=secret, problems=(why,))]

    def _finish(self) -> list[Record]:
        """Return the Record of the value that was held back, if any."""
        held, self._held = self._held, None
        return [] if held is None else self._answered(held.time_ns, held.handle, held.value)

    def _name(self, handle: int) -> str:
        return self._handles.name(handle) or f"handle 0x{handle:04x}"

    def _note_guess(self, name: str | None) -> None:
        if name is not None:
            listed = ",".join(f"{each}=0x{handle:02x}" for handle, each in sorted(self._handles.guessed.items()))
            self._tally.notes[_GUESSED] = (
                "the capture does not name the Bluetooth handles, so lmdecode guessed them from the values: "
                f"--handles {listed} (record from before the app connects, or give the handles)"
            )


_GUESSED: Final = "guessed handles"
_SAID: Final = frozenset((_READ_ASKED, _BLOB_ASKED, _WRITE_ASKED, _PREPARE, _EXECUTE))
"""The requests whose refusal is worth a Record; searches end with one."""
_OF_CLIENT: Final = frozenset(
    (
        *(_MTU_ASKED, _INFORMATION_ASKED, 0x06, _BY_TYPE_ASKED, _READ_ASKED, _BLOB_ASKED, _MULTIPLE_ASKED, 0x10),
        *(_WRITE_ASKED, _WRITE_COMMAND, _SIGNED_WRITE, _PREPARE, _EXECUTE, _CONFIRMED, 0x20),
    )
)
_SUBSCRIPTIONS: Final = frozenset((b"\0\0", b"\1\0", b"\2\0"))


def _number(data: bytes, at: int) -> int:
    """The little-endian number of two bytes. Raises IndexError if they are not there."""
    return data[at] | data[at + 1] << 8


def _is_harmless(value: bytes) -> bool:
    """Return True if a value of an unknown handle holds no secret: JSON, whose names would say so, or a few bytes."""
    return len(value) <= _FEW or value.lstrip()[:1] in (b"{", b"[", b'"')


_FEW: Final = 8


def speaker(access: OwnerAccess) -> Speaker:
    """Return the dialect with an owner's access in it.

    An app asks a machine for its handles once, and uses them in all later connections; so what one connection told is
    kept for the others with the same address in a capture.
    """
    devices: dict[tuple[str | None, str], Device] = {}

    def converse(place: Place, tally: Tally) -> AttConversation:
        device = devices.get((place.capture, place.machine)) or Device(access.handles)
        if ":" in place.machine and len(devices) < _MOST_DEVICES:
            devices[place.capture, place.machine] = device
        return AttConversation(place, tally, device, show_secrets=access.show_secrets)

    def log(place: Place, tally: Tally) -> Log:
        return Log(Messages(place, tally, show_secrets=access.show_secrets))

    return Simple(converse, log=log)


_MOST_DEVICES: Final = 1000
"""Machines of which it is kept what is known."""
