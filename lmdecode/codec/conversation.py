"""One TCP connection between app and machine, as the protocol sees it: bytes with times in, Records out.

All of the protocol's state is here, and no socket, file or clock, so a frame means the same in a capture, in a proxy
and on a live connection.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

from lmdecode.codec.decoding import FrameDecoder, withhold
from lmdecode.codec.framing import Deframer, Frame, Skipped
from lmdecode.codec.message import Kind, Message
from lmdecode.codec.record import Record, Role, Sender
from lmdecode.codec.secrecy import touches_secret

__all__ = ["ANSWER_TIMEOUT_NS", "Conversation", "Tally"]

ANSWER_TIMEOUT_NS: Final = 10_000_000_000
"""An answer that comes later than this after its request is taken for a report. Our choice."""

_UNFINISHED: Final = "the connection ended inside this frame"
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
    """Bytes that are not in the capture, as far as their number is known."""


class Conversation:
    """Turns the bytes of one connection into Records.

    Args:
        decoder: With the machine's key.
        stream: The connection's number.
        app: The app's host:port.
        machine: The machine's host:port.
        tally: Counts are added to it; its own if there is none.
    """

    def __init__(
        self,
        decoder: FrameDecoder,
        *,
        stream: int = 0,
        app: str = "app",
        machine: str = "machine",
        tally: Tally | None = None,
    ) -> None:
        self._decoder = decoder
        self._stream = stream
        self._hosts: dict[Sender, str] = {"app": app, "machine": machine}
        self._deframers: dict[Sender, Deframer] = {"app": Deframer(), "machine": Deframer()}
        self._pending: deque[tuple[Kind, int, int, int]] = deque(maxlen=_MAX_PENDING)
        self.tally = Tally() if tally is None else tally

    def receive(self, time_ns: int, sender: Sender, data: bytes) -> list[Record]:
        """Take the next bytes of one direction; hand out the Records that they complete."""
        events = self._deframers[sender].feed(data)
        return [self._record(time_ns, sender, event) for event in events]

    def receive_late(self, time_ns: int, sender: Sender, data: bytes, reason: str) -> list[Record]:
        """Take bytes that belong before others already received: they are read apart, and marked with the reason."""
        deframer = Deframer()
        events = [*deframer.feed(data), *deframer.flush()]
        return [self._record(time_ns, sender, event, (reason,)) for event in events]

    def gap(self, time_ns: int, sender: Sender, size: int, reason: str) -> list[Record]:
        """Note that `size` bytes of one direction will not come, and why."""
        deframer = self._deframers[sender]
        records = [self._record(time_ns, sender, event) for event in deframer.flush()]
        deframer.skip(size)
        self.tally.bytes_missing += size
        self.tally.problems += 1
        records.append(self._blank(time_ns, sender, (reason,)))
        return records

    def close(self, time_ns: int) -> list[Record]:
        """The connection has ended: hand out what was held back for its frame to become whole."""
        return [
            self._record(time_ns, sender, event, (_UNFINISHED,) if event.raw.startswith(b"@") else ())
            for sender, deframer in self._deframers.items()
            for event in deframer.flush()
        ]

    def _record(self, time_ns: int, sender: Sender, event: Frame | Skipped, notes: tuple[str, ...] = ()) -> Record:
        tally = self.tally
        if isinstance(event, Skipped):
            size = len(event.raw)
            tally.bytes_skipped += size
            tally.problems += 1
            what = "1 byte that belongs" if size == 1 else f"{size} bytes that belong"
            record = self._blank(time_ns, sender, (f"{what} to no whole frame", *notes))
            return record._replace(raw=event.raw)
        tally.frames += 1
        decoded = self._decoder.decode(event.body)
        if not decoded.valid and sender == "machine" and self._secret_may_answer():
            decoded = withhold(decoded)
        message = decoded.message
        problems = decoded.problems + notes
        if message is None:
            tally.problems += 1
            record = self._blank(time_ns, sender, problems)
            return record._replace(plaintext=decoded.plaintext, raw=event.raw)
        tally.messages += 1
        tally.valid_frames += decoded.valid
        role, elapsed = self._pair(time_ns, sender, message)
        fields = decoded.fields
        ok = None
        if role == "response":
            if message.kind is Kind.WRITE:
                ok = message.ok is True  # anything but the literal OK is a failure
                fields = {}
            elif message.data is None and not problems:
                problems = ("an answer without data: the machine echoed the request",)
        elif role == "request" and message.kind is Kind.WRITE and message.data is None and not problems:
            problems = ("a write request without data: it sets nothing",)
        if problems:
            tally.problems += 1
        hosts = self._hosts
        return Record(
            time_ns,
            self._stream,
            sender,
            hosts[sender],
            hosts["machine" if sender == "app" else "app"],
            message.kind,
            role,
            message.address,
            message.length,
            decoded.data,
            decoded.plaintext,
            fields,
            ok,
            elapsed,
            None if decoded.valid else event.raw,
            problems,
        )

    def _pair(self, time_ns: int, sender: Sender, message: Message) -> tuple[Role, float | None]:
        """Whether a message asks, answers, or comes unasked; and how long an answer took, in seconds."""
        pending = self._pending
        window = (message.kind, message.address, message.length)
        if sender == "app":
            pending.append((*window, time_ns))
            return "request", None
        while pending and time_ns - pending[0][3] > ANSWER_TIMEOUT_NS:
            pending.popleft()
        for index, (*asked, asked_ns) in enumerate(pending):
            if tuple(asked) == window:
                del pending[index]
                return "response", (time_ns - asked_ns) / 1e9
        return ("response" if message.kind is Kind.WRITE else "report"), None

    def _blank(self, time_ns: int, sender: Sender, problems: tuple[str, ...]) -> Record:
        receiver: Sender = "machine" if sender == "app" else "app"
        return Record(
            time_ns,
            self._stream,
            sender,
            self._hosts[sender],
            self._hosts[receiver],
            problems=problems,
        )

    def _secret_may_answer(self) -> bool:
        """Whether what the machine says may be a secret, because the app asked for one."""
        return not self._decoder.show_secrets and any(
            touches_secret(address, length) for _, address, length, _ in self._pending
        )
