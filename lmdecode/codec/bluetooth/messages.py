"""What is read, written and notified of a machine's characteristics, as Records.

This is what is left of a machine's Bluetooth when ATT is taken away: a value was written to a characteristic, or read
from it, or notified. Whoever has that - the conversation of a recording, the log of a library - makes the same Records
of it here.

Two characteristics are used in two steps. A name is written to `0a0b`, and then `0a0b` is read: that is one question
and its answer. A command is written to `0b0b`, and then `0b0b` is read: what became of it. So the answer is paired with
what was written, and not with the request to read.

The first notification after a subscription repeats the last one, which may be hours old. It is marked, and its values
are no fields, so that nobody takes them for news.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from lmdecode.codec.bluetooth.characteristics import (
    COMMAND,
    DEVICE_NAME,
    NAMES,
    NOTIFIED,
    OLD_LOGIN,
    PAIRING,
    READ,
    SECRET,
    SERIAL_NUMBER,
    TOKEN,
    serial_in,
)
from lmdecode.codec.bluetooth.handles import Device
from lmdecode.codec.dialect import Place, Tally
from lmdecode.codec.json_message import Document, document
from lmdecode.codec.raw_bytes import WITHHELD, may_be_shown
from lmdecode.codec.record import MASK, NO_EXTRA, Kind, Record, Role, Sender, Value
from lmdecode.codec.secrets import masked_beginning, masked_bytes, masked_text
from lmdecode.codec.vocabulary import Reading, read

_IN_TWO_STEPS: Final = frozenset((READ, COMMAND, TOKEN, OLD_LOGIN))
"""What is answered to a write to these is read from them."""
_JSON: Final = frozenset((READ, COMMAND, NOTIFIED))
"""Those whose values are JSON."""
_ACCEPTED: Final = b"\x01"
_DEVICE_INFORMATION: Final = frozenset(name for name in NAMES if name.startswith("2a"))
_MOST_PENDING: Final = 64  # characteristics with a request that has no answer yet
_KEPT: Final = 2000  # bytes of memory, about, for a request that is kept
_LONGEST_SUBJECT: Final = 60


_HEAD_OF_PDU: Final = 3  # bytes: the opcode and the handle
_SHOWN_OF_NOTE: Final = 12  # bytes; the shortest secret, a token, has 32


class Messages:
    """Makes the Records of one connection.

    Args:
        place: Where the connection is; `Place.name` is the name that the machine advertises.
        tally: Counts are added to it.
        device: What is known of the machine from its other connections.
        show_secrets: Whether secrets stay readable.
    """

    def __init__(self, place: Place, tally: Tally, device: Device | None = None, *, show_secrets: bool = False) -> None:
        self._place = place
        self._device = device or Device()
        self._tally = tally
        self._show_secrets = show_secrets
        self._written: dict[str, Record] = {}  # what was written to a characteristic, until it is read
        self._asked: dict[str, Record] = {}
        self._live: set[str] = set()
        if place.name:
            self._device.serial = serial_in(place.name) or self._device.serial

    def rest(self, value: bytes) -> bytes:
        """Return a value whose beginning is missing, as it may be shown: it may begin within a secret."""
        return value if self._show_secrets else masked_beginning(value)

    @property
    def held(self) -> int:
        """About how many bytes of memory it holds."""
        return (len(self._written) + len(self._asked)) * _KEPT

    def wrote(
        self, time_ns: int, characteristic: str, value: bytes, *, secret: bool = False, problems: Sequence[str] = ()
    ) -> Record:
        """Return the Record of a value that the app wrote.

        Args:
            time_ns: When.
            characteristic: Its short name, or whatever it is called where that is not known.
            value: The whole value.
            secret: Whether it must not be shown, though the characteristic is not one of those with secrets.
            problems: What was wrong with it.
        """
        kind = Kind.WRITE
        text = _text(value)
        subject = f"{characteristic} write"
        fields: Mapping[str, Value] = {}
        extra: Mapping[str, object] = NO_EXTRA
        said = tuple(problems)
        hidden = (secret or characteristic in SECRET) and not self._show_secrets
        found = Document(None, _masked(value)) if hidden else None
        if characteristic in SECRET:
            subject = f"{characteristic} write {NAMES[characteristic]}"
            if characteristic == OLD_LOGIN:
                self._learn_login(text)
        elif characteristic == READ:
            kind, subject = Kind.READ, f"{characteristic} write {self._shown(text)[:_LONGEST_SUBJECT]}"
        elif found is None and text[:1] in {"{", "["}:
            found = document(text, show_secrets=self._show_secrets)
            said += found.problems
            name = found.value.get("name") if isinstance(found.value, dict) else None
            if characteristic == COMMAND and isinstance(found.value, dict) and isinstance(name, str):
                subject = f"{characteristic} write {name[:_LONGEST_SUBJECT]}"
                fields, extra, more = read("write", {name: [found.value.get("parameter")]})
                said += more
            elif found.value is not None:
                extra = found.value if isinstance(found.value, dict) else {"value": found.value}
        record = self._record(
            time_ns,
            "app",
            kind,
            "request",
            subject,
            value,
            found if found is not None else Document(None, self._shown(text)),
            Reading(dict(fields), dict(extra), said),
            hidden=hidden,
        )
        if characteristic in self._written or len(self._written) < _MOST_PENDING:
            self._written[characteristic] = record
        return record

    def subscribed(self, time_ns: int, characteristic: str, value: bytes) -> Record:
        """Return the Record of a subscription, or of its end. What is notified first after it is a replay.

        Args:
            time_ns: When.
            characteristic: The short name of what is subscribed to; "" if it is not known.
            value: What was written: 0100 to have notifications, 0000 to have none.
        """
        self._live.clear() if not characteristic else self._live.discard(characteristic)
        verb = "subscribe" if any(value) else "unsubscribe"
        return self._record(
            time_ns,
            "app",
            Kind.WRITE,
            "request",
            f"{characteristic} {verb}".strip(),
            value,
            Document(None, _text(value)),
            Reading({}, {}, ()),
        )._replace(plaintext=None)

    def accepted(self, time_ns: int, characteristic: str) -> Record | None:
        """Note that the machine took a write. Returns the Record of that, or None where the answer is still to be read.

        Args:
            time_ns: When.
            characteristic: What was written.
        """
        if characteristic in _IN_TWO_STEPS or (asked := self._written.pop(characteristic, None)) is None:
            return None
        reading = Reading({}, {}, ())
        record = self._record(time_ns, "machine", Kind.WRITE, "response", characteristic, None, None, reading)
        return _answering(record, asked)._replace(ok=True)

    def refused(self, time_ns: int, characteristic: str, why: str, *, wrote: bool) -> Record:
        """Return the Record of the machine's refusal.

        Args:
            time_ns: When.
            characteristic: What was to be read or written.
            why: The reason, in words.
            wrote: Whether a write was refused.
        """
        pending = self._written if wrote or characteristic in _IN_TWO_STEPS else self._asked
        asked = pending.pop(characteristic, None)
        record = self._record(
            time_ns,
            "machine",
            Kind.WRITE if wrote else Kind.READ,
            "response",
            characteristic if asked is None or asked.subject is None else asked.subject.replace(" write", "", 1),
            None,
            None,
            Reading({}, {}, (f"refused: {why}",)),
        )
        return _answering(record, asked)._replace(ok=False if wrote else None)

    def asked(self, time_ns: int, characteristic: str) -> Record | None:
        """Note that the app asks for a value. Returns the Record of that, or None where a write was the question."""
        if characteristic in self._written and characteristic in _IN_TWO_STEPS:
            return None
        record = self._record(
            time_ns, "app", Kind.READ, "request", f"{characteristic} read", None, None, Reading({}, {}, ())
        )
        if len(self._asked) < _MOST_PENDING:
            self._asked[characteristic] = record
        return record

    def answered(
        self, time_ns: int, characteristic: str, value: bytes, *, secret: bool = False, problems: Sequence[str] = ()
    ) -> Record:
        """Return the Record of a value that the app read.

        Args:
            time_ns: When its last byte came.
            characteristic: Whose value it is.
            value: The whole value.
            secret: As of `wrote`.
            problems: What was wrong with it.
        """
        asked = self._asked.pop(characteristic, None)
        question = self._written.get(characteristic)
        if question is not None and (characteristic in {READ, COMMAND}):
            if not _is_early(value, question):  # else it is read again
                del self._written[characteristic]
            asked = question
        elif question is not None and characteristic in {TOKEN, OLD_LOGIN}:
            asked = question  # it is asked again until it says yes
        if characteristic == PAIRING or secret or (characteristic in {TOKEN, OLD_LOGIN} and len(value) > 1):
            hidden = not self._show_secrets
            found = Document(None, _masked(value) if hidden else _text(value))
            reading = Reading({}, {}, tuple(problems))
            return self._answer(time_ns, asked, characteristic, value, found, reading, hidden=hidden)
        if characteristic in {TOKEN, OLD_LOGIN}:
            accepted = value == _ACCEPTED
            reading = Reading(read("write answer", {"accepted": accepted}).fields, {}, tuple(problems))
            record = self._answer(time_ns, asked, characteristic, value, Document(None, _text(value)), reading)
            if accepted:
                self._written.pop(characteristic, None)
            return record._replace(ok=True if accepted and record.kind is Kind.WRITE else None, plaintext=None)
        text = _text(value)
        if characteristic in _DEVICE_INFORMATION:
            text = self._shown(text)
            if characteristic in {SERIAL_NUMBER, DEVICE_NAME}:
                self._device.serial = serial_in(text) or (
                    text[:40] if characteristic == SERIAL_NUMBER else self._device.serial
                )
            reading = read("read", {characteristic: text})
            reading = Reading(reading.fields, reading.extra, (*problems, *reading.problems))
            return self._answer(time_ns, asked, characteristic, value, Document(None, text), reading)
        return self._answered_json(time_ns, asked, characteristic, value, text, tuple(problems))

    def _answered_json(  # noqa: PLR0917 -- what `answered` has
        self,
        time_ns: int,
        asked: Record | None,
        characteristic: str,
        value: bytes,
        text: str,
        problems: tuple[str, ...],
    ) -> Record:
        if not text or (asked is not None and _is_early(value, asked)):
            reading = Reading({}, {}, problems)
            return self._answer(time_ns, asked, characteristic, value, Document(None, self._shown(text)), reading)
        found = self._document(characteristic, text)
        problems += found.problems
        name = "" if asked is None or asked.subject is None else asked.subject.partition(" write ")[2]
        if found.value is None and not found.is_whole:
            reading = Reading({}, {}, problems)
        elif characteristic == READ and name:
            fields, extra, more = read("read", {name: found.value})
            reading = Reading(fields, extra, problems + more)
        elif characteristic == COMMAND and isinstance(found.value, dict):
            fields, extra, more = read("write answer", found.value)
            reading = Reading(fields, extra, problems + more)
        else:
            reading = Reading({}, _members(found.value), problems)
        record = self._answer(time_ns, asked, characteristic, value, found, reading)
        if characteristic == COMMAND and record.kind is Kind.WRITE and isinstance(found.value, dict):
            status = found.value.get("status")
            if isinstance(status, str):
                record = record._replace(ok=status.lower() == "success")
        return record

    def expect(self, characteristic: str, *, replay: bool) -> None:
        """Take whether the next notification is a replay, from one who knows: else the first is taken for it."""
        if replay:
            self._live.discard(characteristic)
        elif len(self._live) < _MOST_PENDING:
            self._live.add(characteristic)

    def notified(
        self, time_ns: int, characteristic: str, value: bytes, *, secret: bool = False, problems: Sequence[str] = ()
    ) -> Record:
        """Return the Record of a notification.

        Args:
            time_ns: When it came.
            characteristic: Whose value it is.
            value: The value.
            secret: As of `wrote`.
            problems: What was wrong with it: cut off by the MTU.
        """
        subject = f"{characteristic} notify"
        text = _text(value)
        is_replay = characteristic not in self._live
        if len(self._live) < _MOST_PENDING:
            self._live.add(characteristic)
        hidden = secret and not self._show_secrets
        if hidden:
            found, reading = Document(None, _masked(value)), Reading({}, {}, tuple(problems))
        else:
            found = self._document(characteristic, text)
            said = (*problems, *found.problems)
            fields, extra, more = _events(found.value) if characteristic == NOTIFIED else Reading({}, {}, ())
            reading = Reading(fields, extra, said + more)
            if characteristic != NOTIFIED:
                reading.extra.update(_members(found.value))
        if is_replay:
            reading = Reading({}, {"replay": True, **_members(found.value)}, (*problems, *found.problems))
        return self._record(time_ns, "machine", Kind.STREAM, "report", subject, value, found, reading, hidden=hidden)

    def _document(self, characteristic: str, text: str) -> Document:
        """Return the JSON in a value; of a characteristic that nobody knows, only if it looks like JSON."""
        if characteristic in _JSON or text[:1] in {"{", "["}:
            return document(text, show_secrets=self._show_secrets)
        return Document(None, self._shown(text))

    def _shown(self, text: str) -> str:
        """A text that is no JSON, as it may be shown: people give their devices names and addresses."""
        return text if self._show_secrets else masked_text(text)

    def note(self, time_ns: int, sender: Sender, problem: str, raw: bytes = b"") -> Record:
        """Return the Record of bytes that are no message, or of what is missing.

        Behind the opcode and a handle only what is known to be no secret is shown, unless there are few bytes.
        """
        self._tally.problems += 1
        self._tally.bytes_skipped += len(raw)
        ends = self._ends(sender)
        problems: tuple[str, ...] = (problem,)
        if len(raw) > _SHOWN_OF_NOTE and not self._show_secrets:
            head, rest = raw[:_HEAD_OF_PDU], raw[_HEAD_OF_PDU:]
            shown = head + (masked_bytes(rest) if rest[:1] in {b"{", b"["} else may_be_shown(rest) or MASK.encode())
            problems = problems if shown == raw else (problem, WITHHELD)
            raw = shown
        blank = Record(time_ns, self._place.stream, sender, *ends, problems=problems, machine=self._device.serial)
        return blank._replace(raw=raw or None, generation="bluetooth", capture=self._place.capture)

    def _learn_login(self, text: str) -> None:
        """Take the serial number out of the login of a gateway v3: base64 of user:serial, @, base64 of the key."""
        import binascii  # noqa: PLC0415 -- few connections have one

        try:
            said = binascii.a2b_base64(text.partition("@")[0]).decode()
        except (ValueError, binascii.Error):
            return
        self._device.serial = self._device.serial or serial_in(said.rpartition(":")[2])

    def _answer(  # noqa: PLR0917 -- what a Record has
        self,
        time_ns: int,
        asked: Record | None,
        characteristic: str,
        value: bytes,
        found: Document,
        reading: Reading,
        *,
        hidden: bool = False,
    ) -> Record:
        kind = Kind.READ if asked is None or asked.kind is None else asked.kind
        subject = characteristic
        if asked is not None and asked.subject is not None and " write " in asked.subject:
            subject = asked.subject.replace(" write ", " ", 1)
        record = self._record(time_ns, "machine", kind, "response", subject, value, found, reading, hidden=hidden)
        return _answering(record, asked)

    def _record(  # noqa: PLR0917 -- in the order of a Record
        self,
        time_ns: int,
        sender: Sender,
        kind: Kind,
        role: Role,
        subject: str,
        value: bytes | None,
        found: Document | None,
        reading: Reading,
        *,
        hidden: bool = False,
    ) -> Record:
        self._tally.frames += 1
        self._tally.messages += 1
        self._tally.valid_frames += 1
        self._tally.problems += bool(reading.problems)
        data = length = None
        if value is not None and found is not None:
            if hidden:
                data = MASK
            elif found.text == _text(value) and (self._show_secrets or not value.partition(b"\0")[2].strip(b"\0")):
                # Else a part of it is masked, or it has the rest of another value behind its NUL.
                data, length = value.hex(), len(value)
        return Record(
            time_ns,
            self._place.stream,
            sender,
            *self._ends(sender),
            kind,
            role,
            length=length,
            data=data,
            plaintext=None if found is None else found.text,
            fields=reading.fields,
            problems=reading.problems,
            machine=self._device.serial,
            generation="bluetooth",
            capture=self._place.capture,
            subject=subject,
            extra=reading.extra or NO_EXTRA,
        )

    def _ends(self, sender: Sender) -> tuple[str, str]:
        ends = self._place.app, self._place.machine
        return ends if sender == "app" else ends[::-1]


def _answering(record: Record, asked: Record | None) -> Record:
    if asked is None:
        return record
    elapsed = (record.time_ns - asked.time_ns) / 1e9 if record.time_ns >= asked.time_ns else None
    return record._replace(request=asked, elapsed=elapsed)


def _text(value: bytes) -> str:
    """A value as text: values end at their first NUL, since the gateways keep them in buffers."""
    return value.partition(b"\0")[0].decode("utf-8", "replace")


def _is_early(value: bytes, asked: Record) -> bool:
    """Whether a value is no answer yet: there is nothing, or still what was written."""
    return _text(value) in {"", asked.plaintext}


def _masked(value: bytes) -> str:
    """What is shown of a secret: nothing, but whether it has the shape of a login."""
    return f"{MASK}@{MASK}" if b"@" in value else MASK


def _events(value: object) -> Reading:
    """What a notification says: an object, or a list of them."""
    if isinstance(value, dict):
        return read("stream", value)
    if isinstance(value, list) and value and all(isinstance(each, dict) for each in value):
        joined: dict[str, object] = {}
        for each in value:
            joined.update(each)
        return read("stream", joined)
    return Reading({}, _members(value), ())


def _members(value: object) -> dict[str, object]:
    """A JSON value as what makes no field: the members of an object, anything else as `value`."""
    if isinstance(value, dict):
        return value
    return {} if value is None else {"value": value}
