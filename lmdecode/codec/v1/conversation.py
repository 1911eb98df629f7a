"""One TCP connection between app and machine, as the protocol sees it: bytes with times in, Records out.

Or whatever else a `Maker` makes of the messages.

All of the protocol's state is here, and no socket, file or clock, so a frame means the same in a capture, in a proxy
and on a live connection.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from lmdecode.codec.record import Record, Role, Sender
from lmdecode.codec.v1._fast import HEADER, RECORDS, Faultless, Maker, window_of
from lmdecode.codec.v1.decoder import Decoder, withhold
from lmdecode.codec.v1.framing import Deframer, Frame, Skipped
from lmdecode.codec.v1.message import OK, Decoded, Kind
from lmdecode.codec.v1.redaction import touches_secret

T = TypeVar("T")

ANSWER_TIMEOUT_NS: Final = 10_000_000_000
"""An answer that comes later than this after its request is taken for a report. Our choice."""

_UNFINISHED: Final = "the connection ended inside this frame"
_MAX_WINDOWS: Final = 64  # of which it is kept what their messages have in common; apps use a dozen
_WITHOUT_DATA: Final = HEADER + 2  # characters
_MAX_PENDING: Final = 1024  # requests that are kept; a machine that answers none must not fill the memory


@dataclass(slots=True)
class Tally:
    """What was counted; one may serve many conversations."""

    frames: int = 0
    """Whole frames, `@` to `%`."""
    valid_frames: int = 0
    """Those that decrypt to a message with a right check byte."""
    messages: int = 0
    """Frames that could be read as a message, its check byte right or wrong."""
    problems: int = 0
    """Records that have any."""
    bytes_skipped: int = 0
    """Bytes that belong to no frame."""
    bytes_missing: int = 0
    """Bytes that were given up as not in the capture; some of them may have come after all, too late."""


class ConversationOf(Generic[T]):
    """Turns the bytes of one connection into what is wanted of its messages.

    Args:
        make: Makes it.
        decoder: With the machine's key, or several from which the connection's is found.
        stream: The connection's number.
        app: The app's host:port.
        machine: The machine's host:port.
        tally: Counts are added to it; its own if there is none.
    """

    def __init__(
        self,
        make: Maker[T],
        decoder: Decoder,
        *,
        stream: int = 0,
        app: str = "app",
        machine: str = "machine",
        tally: Tally | None = None,
    ) -> None:
        self._make = make
        self._decoder = decoder.for_connection()
        self._stream = stream
        self._ends: dict[Sender, tuple[str, str]] = {"app": (app, machine), "machine": (machine, app)}
        self._deframers: dict[Sender, Deframer] = {"app": Deframer(), "machine": Deframer()}
        self._same: dict[Role, dict[str, Any]] = {"request": {}, "response": {}, "report": {}}
        self._pending: deque[tuple[Kind, int, int, int]] = deque(maxlen=_MAX_PENDING)
        self.tally = Tally() if tally is None else tally

    def receive(self, time_ns: int, sender: Sender, data: bytes, foreseen: Faultless | None = None) -> list[T]:
        """Take the next bytes of one direction; hand out what is made of the messages that they complete.

        Args:
            time_ns: When they were captured.
            sender: Whose they are.
            data: The bytes.
            foreseen: What the decoder foresaw of just these bytes, if it did.
        """
        if foreseen is not None:
            made = self.receive_faultless(time_ns, sender, data, foreseen)
            if made is not None:
                return [made]
        return [self._made(time_ns, sender, event) for event in self._deframers[sender].feed(data)]

    def receive_faultless(self, time_ns: int, sender: Sender, data: bytes, foreseen: Faultless) -> T | None:
        """The same for bytes that are one frame with a faultless message, if nothing speaks against that; else None.

        The fast path: this runs for nearly every frame, and says what `receive` would say without having foreseen it.
        """
        text, fields, number = foreseen
        start = text[:HEADER]
        decoder = self._decoder
        kind, address, length = window_of(start)
        elapsed = None
        role: Role = "request"
        if sender == "app":
            if number != decoder.number or not self._deframers[sender].pass_over(len(data)):
                return None
            self._pending.append((kind, address, length, time_ns))
        else:
            # A write's answer says whether it was taken, and one without data is the request's echo.
            if kind is Kind.WRITE or len(text) == _WITHOUT_DATA:
                return None
            if number != decoder.number or not self._deframers[sender].pass_over(len(data)):
                return None
            role, elapsed = self._pair(time_ns, kind, address, length)
        same = self._same[role].get(start) or self._make_same(sender, role, start)
        tally = self.tally
        tally.frames += 1
        tally.messages += 1
        tally.valid_frames += 1
        return self._make.faultless(time_ns, same, text, fields, elapsed, decoder.machine)

    def receive_late(self, time_ns: int, sender: Sender, data: bytes, reason: str) -> list[T]:
        """Take bytes that belong before others already received: they are read apart, and marked with the reason."""
        deframer = Deframer()
        events = [*deframer.feed(data), *deframer.flush()]
        return [self._made(time_ns, sender, event, (reason,)) for event in events]

    def gap(self, time_ns: int, sender: Sender, size: int, reason: str) -> list[T]:
        """Note that `size` bytes of one direction will not come, and why."""
        deframer = self._deframers[sender]
        made = [self._made(time_ns, sender, event) for event in deframer.flush()]
        deframer.skip(size)
        self.tally.bytes_missing += size
        self.tally.problems += 1
        made.append(self._make.record(self._blank(time_ns, sender, (reason,))))
        return made

    def close(self, time_ns: int) -> list[T]:
        """The connection has ended: hand out what was held back for its frame to become whole."""
        return [
            self._made(time_ns, sender, event, (_UNFINISHED,) if event.raw.startswith(b"@") else ())
            for sender, deframer in self._deframers.items()
            for event in deframer.flush()
        ]

    def _make_same(self, sender: Sender, role: Role, start: str) -> Any:  # noqa: ANN401 -- whatever the maker likes
        """What all faultless messages have in common that begin so, in one role."""
        known = self._same[role]
        if len(known) >= _MAX_WINDOWS:
            known.clear()
        source, destination = self._ends[sender]
        known[start] = same = self._make.same(self._stream, sender, source, destination, window_of(start), role)
        return same

    def _made(self, time_ns: int, sender: Sender, event: Frame | Skipped, notes: tuple[str, ...] = ()) -> T:
        return self._make.record(self._record(time_ns, sender, event, notes))

    def _record(self, time_ns: int, sender: Sender, event: Frame | Skipped, notes: tuple[str, ...]) -> Record:
        if isinstance(event, Frame):
            return self._message(time_ns, sender, event.raw, self._decoder.decode(event.body), notes)
        size = len(event.raw)
        self.tally.bytes_skipped += size
        self.tally.problems += 1
        what = "1 byte that belongs" if size == 1 else f"{size} bytes that belong"
        return self._blank(time_ns, sender, (f"{what} to no whole frame", *notes))._replace(raw=event.raw)

    def _message(self, time_ns: int, sender: Sender, frame: bytes, decoded: Decoded, notes: tuple[str, ...]) -> Record:
        """The Record of a frame."""
        tally = self.tally
        tally.frames += 1
        if not decoded.valid and sender == "machine" and self._secret_may_answer():
            decoded = withhold(decoded)
        message, valid, data, plaintext, fields, problems = decoded
        if notes:
            problems += notes
        if message is None:
            tally.problems += 1
            return self._blank(time_ns, sender, problems)._replace(plaintext=plaintext, raw=frame)
        tally.messages += 1
        tally.valid_frames += valid
        kind, address, length, content, status = message
        ok = elapsed = None
        role: Role
        if sender == "app":
            role = "request"
            self._pending.append((kind, address, length, time_ns))
            if kind is Kind.WRITE and content is None and not problems:
                problems = ("a write request without data: it sets nothing",)
        else:
            role, elapsed = self._pair(time_ns, kind, address, length)
            if role == "response":
                if kind is Kind.WRITE:
                    ok = status == OK  # anything but the literal OK is a failure
                    fields = {}
                elif content is None and not problems:
                    problems = ("an answer without data: the machine echoed the request",)
        raw = None if valid and plaintext is not None else frame
        if problems:
            tally.problems += 1
        source, destination = self._ends[sender]
        values = (
            time_ns,
            self._stream,
            sender,
            source,
            destination,
            kind,
            role,
            address,
            length,
            data,
            plaintext,
            fields,
            ok,
            elapsed,
            raw,
            problems,
            self._decoder.machine,
        )
        return tuple.__new__(Record, values)  # a third of the time of calling it

    def _pair(self, time_ns: int, kind: Kind, address: int, length: int) -> tuple[Role, float | None]:
        """Whether the machine answers with a message or says it unasked; and after how many seconds it answers."""
        pending = self._pending
        while pending:
            # Nearly always it answers what was asked last, and nothing else is left to be answered.
            asked_kind, asked_address, asked_length, asked_ns = pending[0]
            if time_ns - asked_ns > ANSWER_TIMEOUT_NS:
                pending.popleft()
                continue
            if asked_address == address and asked_length == length and asked_kind is kind and asked_ns <= time_ns:
                pending.popleft()
                return "response", (time_ns - asked_ns) / 1e9
            break
        for index, (asked_kind, asked_address, asked_length, asked_ns) in enumerate(pending):
            # A request that was captured later was not the one, however late the answer came out of a gap.
            if asked_address == address and asked_length == length and asked_kind is kind and asked_ns <= time_ns:
                del pending[index]
                return "response", (time_ns - asked_ns) / 1e9
        return ("response" if kind is Kind.WRITE else "report"), None

    def _blank(self, time_ns: int, sender: Sender, problems: tuple[str, ...]) -> Record:
        return Record(
            time_ns, self._stream, sender, *self._ends[sender], problems=problems, machine=self._decoder.machine
        )

    def _secret_may_answer(self) -> bool:
        """Whether what the machine says may be a secret, because the app asked for one."""
        return not self._decoder.show_secrets and any(
            touches_secret(address, length) for _, address, length, _ in self._pending
        )


class Conversation(ConversationOf[Record]):
    """Turns the bytes of one connection into Records.

    Args:
        decoder: With the machine's key, or several from which the connection's is found.
        stream: The connection's number.
        app: The app's host:port.
        machine: The machine's host:port.
        tally: Counts are added to it; its own if there is none.
    """

    def __init__(
        self,
        decoder: Decoder,
        *,
        stream: int = 0,
        app: str = "app",
        machine: str = "machine",
        tally: Tally | None = None,
    ) -> None:
        super().__init__(RECORDS, decoder, stream=stream, app=app, machine=machine, tally=tally)
