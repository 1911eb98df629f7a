"""One connection of v1: bytes with times go in; Records, or what a sink makes of them, come out.

Strategy
--------
All of the protocol's state is here, and no socket, file or clock, so a frame means the same in a capture, in a proxy
and on a live connection. The state is small: the unfinished frame of each direction (`Deframer`), and the requests that
are not answered yet.

What a conversation adds to single frames is *who answers whom*. The protocol has no transaction number: an answer
repeats the kind, address and length of its request, and a report looks exactly like the answer to a read. So:

- A message of the machine is an answer if a request with the same kind, address and length is open, and a report
  otherwise. A write is never reported, so its answer is an answer even when its request was not captured.
- The oldest matching request is the one, since machines answer in order. It need not be the oldest of all: machines
  leave some reads without an answer, and those must not block the rest.
- A request that was captured after the "answer" cannot be the one. That happens when a gap in the capture is filled
  late, and bytes of one direction overtake those of the other.
- Requests are forgotten after `ANSWER_TIMEOUT_NS`, or else a read that was never answered would make an answer of the
  next report of its window, minutes later. No machine was seen to take longer than a second.
- At most `_MAX_PENDING` requests are kept: a capture of a machine that answers none must not fill the memory.

Damage is handled where it arises. A gap ends the unfinished frame, which comes out as bytes that belong to no whole
frame, and reading resumes at the next `@`. Late bytes are read by a deframer of their own and marked, because the
stream has moved on. Of a damaged message that may hold the machine's cloud account nothing is shown but its header:
a wrong length or check byte would otherwise carry the secret past the masks.

A clean message, which nearly all are, takes a short cut in `receive_all`: everything that its first nine characters
imply was looked up, and the parts are never built. It must make exactly what the general path makes; tests compare the
two with arbitrary streams. `_fast` says what that is worth.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, cast

from lmdecode.codec.dialect import RECORDS, FieldsAs, Place, Sink, Tally
from lmdecode.codec.record import NO_EXTRA, Kind, Record, Role, Sender
from lmdecode.codec.v1 import GENERATION
from lmdecode.codec.v1._fast import CleanMessage, CleanSink, clean_sink
from lmdecode.codec.v1.decoder import Decoder, withhold
from lmdecode.codec.v1.framing import Deframer, Frame, Skipped
from lmdecode.codec.v1.message import HEADER, OK, Decoded, Header
from lmdecode.codec.v1.redaction import touches_secret

if TYPE_CHECKING:
    from lmdecode.codec.errors import LmdecodeError
    from lmdecode.codec.v1.log import LogConversation

T = TypeVar("T")

ANSWER_TIMEOUT_NS: Final = 10_000_000_000
"""An answer that comes later than this after its request is taken for a report. Our choice."""

Piece = tuple[int, Sender, bytes, CleanMessage | None]
"""A piece of a stream: when it was captured, whose it is, its bytes, what the decoder's `predecode` returned for it."""

_Pending = tuple[Header, int, Any]
"""A request that is not answered: its window, its time, and what the sink made of it."""

_UNFINISHED: Final = "the connection ended inside this frame"
_ANYWHERE: Final = Place()
_MAX_WINDOWS: Final = 64  # of which it is kept what their messages have in common; apps use a dozen
_WITHOUT_DATA: Final = HEADER + 2  # characters
_MAX_PENDING: Final = 1024  # requests that are kept; a machine that answers none must not fill the memory
_KEPT_SIZE: Final = 1000  # bytes of memory, about, for an open request, and for what a window's messages have in common


class ConversationInto(Generic[T]):
    """Decodes the bytes of one connection and hands each message to a sink.

    Args:
        sink: Decides what is made of them.
        decoder: With the machine's key, or several from which the connection's is found.
        place: Where the conversation is.
        tally: Counts are added to it; its own if there is none.
    """

    def __init__(
        self,
        sink: Sink[T],
        decoder: Decoder,
        place: Place = _ANYWHERE,
        *,
        tally: Tally | None = None,
    ) -> None:
        self._make = sink.record
        self._clean: CleanSink[T] | None = clean_sink(sink)
        self._decoder = decoder.for_connection()
        self._place = place
        self._ends: dict[Sender, tuple[str, str]] = {
            "app": (place.app, place.machine),
            "machine": (place.machine, place.app),
        }
        self._deframers: dict[Sender, Deframer] = {"app": Deframer(), "machine": Deframer()}
        self._prepared: dict[Role, dict[str, Any]] = {"request": {}, "response": {}, "report": {}}
        self._pending: deque[_Pending] = deque(maxlen=_MAX_PENDING)
        self._secret_known: tuple[int, _Pending | None, bool] = (0, None, False)
        self.tally = Tally() if tally is None else tally

    def receive(self, time_ns: int, sender: Sender, data: bytes, predecoded: CleanMessage | None = None) -> list[T]:
        """Take the next bytes of one direction; return what is made of the messages that they complete.

        Args:
            time_ns: When they were captured.
            sender: Whose they are.
            data: The bytes.
            predecoded: What the decoder's `predecode` returned for exactly these bytes.
        """
        made: list[T] = []
        self.receive_all(((time_ns, sender, data, predecoded),), made)
        return made

    def receive_all(self, pieces: Iterable[Piece], made: list[T]) -> None:
        """Take the next pieces of both directions, one after the other, each as `receive` takes it.

        This is one loop, since it runs for nearly every frame. Of a clean message it makes what the general path would
        make of its bytes.

        Args:
            pieces: In the order in which they were captured.
            made: What is made of the messages that they complete is added to it.
        """
        clean, decoder = self._clean, self._decoder
        deframers, prepared, pending = self._deframers, self._prepared, self._pending
        elapsed: float | None
        role: Role
        count = with_problems = 0
        try:
            for time_ns, sender, data, predecoded in pieces:
                deframer = deframers[sender]
                if predecoded is not None and clean is not None and not deframer.held:  # no rest of a frame is awaited
                    text, fields, problems, number, start, window = predecoded
                    # A write's answer says whether it was taken, and one without data is the request's echo.
                    is_usual = sender == "app" or (window.kind is not Kind.WRITE and len(text) != _WITHOUT_DATA)
                    if is_usual and number == decoder.number:  # and not of another machine's key
                        role, elapsed, asked = "request", None, None
                        if sender == "machine":
                            # Nearly always it answers what was asked last, as `_pair` would find.
                            if (
                                pending
                                and pending[0][0] == window
                                and 0 <= time_ns - pending[0][1] <= ANSWER_TIMEOUT_NS
                            ):
                                _, asked_ns, asked = pending.popleft()
                                role, elapsed = "response", (time_ns - asked_ns) / 1e9
                            else:
                                role, elapsed, asked = self._pair(time_ns, window)
                        deframer.position += len(data)
                        count += 1
                        if problems:
                            with_problems += 1
                        shared = prepared[role].get(start) or self._prepare(clean, sender, role, start, window)
                        one = clean.on_clean_message(
                            time_ns, shared, text, fields, problems, elapsed, decoder.machine, asked
                        )
                        made.append(one)
                        if role == "request":
                            pending.append((window, time_ns, one))
                        continue
                made += [self._made(time_ns, sender, event) for event in deframer.feed(data)]
        finally:
            tally = self.tally
            tally.frames += count
            tally.messages += count
            tally.valid_frames += count
            tally.problems += with_problems

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
        made.append(self._make(self._blank(time_ns, sender, (reason,))))
        return made

    def close(self, time_ns: int) -> list[T]:
        """The connection has ended: hand out what was held back for its frame to become whole."""
        made: list[T] = []
        for sender, deframer in self._deframers.items():
            events = deframer.flush()
            for event in events:
                is_unfinished = event is events[-1] and event.raw.startswith(b"@")
                made.append(self._made(time_ns, sender, event, (_UNFINISHED,) if is_unfinished else ()))
        return made

    @property
    def held(self) -> int:
        """About how many bytes of memory are held back: unfinished frames, and requests that are not answered."""
        kept = len(self._pending) + sum(map(len, self._prepared.values()))
        return sum(deframer.pending for deframer in self._deframers.values()) + kept * _KEPT_SIZE

    def let_go(self, time_ns: int, reason: str) -> list[T]:
        """Hand out what is held back and say why; forget the requests, whose answers will count as reports."""
        made = [
            self._made(time_ns, sender, event, (reason,))
            for sender, deframer in self._deframers.items()
            for event in deframer.flush()
        ]
        self._pending.clear()
        for prepared in self._prepared.values():
            prepared.clear()
        return made

    def _prepare(self, clean: CleanSink[T], sender: Sender, role: Role, start: str, window: Header) -> Any:  # noqa: ANN401 -- the sink's own
        """Return the part of what is made that all clean messages with this header and role share."""
        known = self._prepared[role]
        if len(known) >= _MAX_WINDOWS:
            known.clear()
        known[start] = prepared = clean.prepare_window(self._place, sender, window, role)
        return prepared

    def _made(self, time_ns: int, sender: Sender, event: Frame | Skipped, notes: tuple[str, ...] = ()) -> T:
        record = self._record(time_ns, sender, event, notes)
        made = self._make(record)
        if record.role == "request":
            kind, address, length = cast("tuple[Kind, int, int]", (record.kind, record.address, record.length))
            self._pending.append((Header(kind, address, length), time_ns, made))
        return made

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
        ok = elapsed = asked = None
        role: Role
        if sender == "app":
            role = "request"
            if kind is Kind.WRITE and content is None and not problems:
                problems = ("a write request without data: it sets nothing",)
        else:
            role, elapsed, asked = self._pair(time_ns, Header(kind, address, length))
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
            self._place.stream,
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
            GENERATION,
            self._place.capture,
            asked if isinstance(asked, Record) else None,
            None,
            NO_EXTRA,
        )
        return tuple.__new__(Record, values)  # a third of the time of calling it

    def _pair(self, time_ns: int, window: Header) -> tuple[Role, float | None, T | Record | None]:
        """Find the request that a message of the machine answers.

        Returns:
            Whether the message is an answer or a report; how many seconds after the request it came; and what the sink
            made of the request.
        """
        pending = self._pending
        while pending:
            # Nearly always it answers what was asked last, and nothing else is left to be answered.
            asked_window, asked_ns, asked = pending[0]
            waited = time_ns - asked_ns
            if waited > ANSWER_TIMEOUT_NS:
                pending.popleft()
                continue
            if asked_window == window and waited >= 0:
                pending.popleft()
                return "response", waited / 1e9, asked
            break
        for index, (asked_window, asked_ns, asked) in enumerate(pending):
            # A request that was captured later was not the one, however late the answer came out of a gap.
            if asked_window == window and asked_ns <= time_ns:
                del pending[index]
                return "response", (time_ns - asked_ns) / 1e9, asked
        return ("response" if window.kind is Kind.WRITE else "report"), None, None

    def _blank(self, time_ns: int, sender: Sender, problems: tuple[str, ...]) -> Record:
        return Record(
            time_ns,
            self._place.stream,
            sender,
            *self._ends[sender],
            problems=problems,
            machine=self._decoder.machine,
            generation=GENERATION,
            capture=self._place.capture,
        )

    def _secret_may_answer(self) -> bool:
        """Whether what the machine says may be a secret, because the app asked for one.

        It is asked for each damaged frame, of which a megabyte can have 40,000, and looks at a thousand requests. So
        the answer is kept while the requests are the same: as many, with the same one at the end.
        """
        if self._decoder.show_secrets or not self._pending:
            return False
        count, last, known = self._secret_known
        if count != len(self._pending) or last is not self._pending[-1]:
            known = any(touches_secret(window.address, window.length) for window, _, _ in self._pending)
            self._secret_known = len(self._pending), self._pending[-1], known
        return known


class Conversation(ConversationInto[Record]):
    """Turns the bytes of one connection into Records.

    Args:
        decoder: With the machine's key, or several from which the connection's is found.
        place: Where the conversation is.
        tally: Counts are added to it; its own if there is none.
    """

    def __init__(self, decoder: Decoder, place: Place = _ANYWHERE, *, tally: Tally | None = None) -> None:
        super().__init__(RECORDS, decoder, place, tally=tally)


class Speaker:
    """v1 with the owner's keys in it.

    Args:
        decoder: Reads the frames: with one key, with several, or with none.
        origin: Where the keys are from, for messages.
    """

    def __init__(self, decoder: Decoder, origin: str = "") -> None:
        self.decoder = decoder
        self._origin = origin

    def conversation(self, sink: Sink[T], place: Place, tally: Tally) -> ConversationInto[T]:
        """Return a new conversation."""
        return ConversationInto(sink, self.decoder, place, tally=tally)

    def predecode(self, payloads: Sequence[bytes], *, fields_as: FieldsAs) -> list[CleanMessage | None]:
        """Decrypt what looks like frames, all at once: that is several times as fast as one by one."""
        return self.decoder.predecode(payloads, fields_as=fields_as)

    def verdict(self, tally: Tally, ports: Iterable[int]) -> str | None:
        """Return why no message could be read: the wrong key, or bytes that are no frames."""
        if tally.frames and not tally.valid_frames:
            whose = f" (it is from {self._origin})" if self._origin else ""
            return f"0 of {tally.frames} frames have a valid check byte: wrong key?{whose}"
        if not tally.messages and (tally.bytes_skipped or tally.bytes_missing):
            return (
                f"no whole frame in what was said on TCP port {', '.join(map(str, sorted(ports)))}: capture with "
                "tcpdump -s 0, from before the app connects; a machine with a version 3 gateway does not speak this "
                "protocol"
            )
        return None

    def log(self, place: Place, tally: Tally) -> LogConversation:
        """Return what reads debug logs of lmdirect."""
        from lmdecode.codec.v1.log import LogConversation  # noqa: PLC0415 -- few captures are logs

        return LogConversation(place, tally, show_secrets=self.decoder.show_secrets)

    def web(self, place: Place, tally: Tally) -> None:  # noqa: ARG002
        """Return None: nothing of this protocol is HTTP."""
        return


class Locked(Speaker):
    """v1 without a key. It serves as long as nothing has to be decrypted.

    Args:
        decoder: Reads what needs no key: debug logs.
        missing: Why there is no key, and what to do.
    """

    def __init__(self, decoder: Decoder, missing: LmdecodeError) -> None:
        super().__init__(decoder)
        self._missing = missing

    def conversation(self, sink: Sink[T], place: Place, tally: Tally) -> ConversationInto[T]:  # noqa: ARG002
        """Raise the error that says why there is no key."""
        raise self._missing

    def predecode(self, payloads: Sequence[bytes], *, fields_as: FieldsAs) -> list[CleanMessage | None]:  # noqa: ARG002
        """Return None for each payload."""
        return [None] * len(payloads)
