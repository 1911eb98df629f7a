"""Stands where the dialects stand while a capture is read, and hands a copyist what they would have decoded.

The readers of all formats give what they found to the dialects, through one seam: bytes of TCP streams, requests and
answers, texts of WebSockets, ATT PDUs, lines of logs. Whatever reads a capture for its Records therefore reads it
for a copy as well, also the formats that are yet to come.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, TypeVar

from lmdecode.codec.dialect import Conversation, Dialect, FieldsAs, LogConversation, OwnerAccess, Place, Sink, Tally
from lmdecode.codec.errors import CodecError, FrameError
from lmdecode.codec.record import Record, Sender
from lmdecode.codec.speakers import Speakers, dialects
from lmdecode.codec.stomp import Stomp
from lmdecode.codec.v1.framing import Deframer, Frame, unwrap
from lmdecode.codec.v1.key import decrypt
from lmdecode.codec.v1.message import Message, parse
from lmdecode.codec.web import HttpRequest, HttpResponse, WebConversation
from lmdecode.redaction.copyist import Copyist

if TYPE_CHECKING:
    from lmdecode.redaction.listening_radio import RadioListener

T = TypeVar("T")

DAMAGED: Final = "damaged frames of v1"
SKIPPED: Final = "bytes between frames of v1"


def listeners(access: OwnerAccess, copyist: Copyist, port: int | None = None, also: Iterable[int] = ()) -> Speakers:
    """Return what reads a capture for a copyist, on the ports on which the dialects would read it.

    Args:
        access: What the owner allows: v1 needs the machine's key.
        copyist: Takes what is understood.
        port: As of `Speakers.open`.
        also: As of `Speakers.open`.
    """
    known = dialects().values()
    of_ports = [dialect for dialect in known if dialect.ports]
    ports = (*(each for dialect in known for each in dialect.ports), *also) if port is None else (port,)
    opened = {dialect.name: (dialect, _Listener(dialect, access, copyist)) for dialect in known}
    spoken = {each: [dialect for dialect in known if each in dialect.ports] or of_ports for each in ports}
    return Speakers(
        {each: [opened[dialect.name] for dialect in there] for each, there in spoken.items()}, [*opened.values()]
    )


class _Listener:
    """A `Speaker` that makes no Records."""

    def __init__(self, dialect: Dialect, access: OwnerAccess, copyist: Copyist) -> None:
        self._dialect = dialect
        self._access = access
        self._copyist = copyist
        self._radio: RadioListener | None = None

    def conversation(self, sink: Sink[T], place: Place, tally: Tally) -> Conversation[T]:  # noqa: ARG002
        if self._dialect.name == "v1":
            return _V1(place, tally, self._access, self._copyist)
        if self._dialect.name == "v3":
            from lmdecode.codec.http_connection import HttpConnection  # noqa: PLC0415 -- it loads h11 and wsproto

            return _Silent(HttpConnection(_Web(place, tally, self._copyist), tally, "it is encrypted"))
        if self._dialect.name == "bluetooth":
            from lmdecode.redaction.listening_radio import RadioListener  # noqa: PLC0415 -- for few files

            self._radio = self._radio or RadioListener(self._access, self._copyist)
            return _Silent(self._radio.conversation(place, tally))
        return _Unheard(self._copyist)

    def predecode(self, payloads: Sequence[bytes], *, fields_as: FieldsAs) -> Sequence[Any]:  # noqa: ARG002
        return [None] * len(payloads)

    def verdict(self, tally: Tally, ports: Iterable[int]) -> str | None:  # noqa: ARG002
        return None

    def log(self, place: Place, tally: Tally) -> LogConversation | None:
        name = self._dialect.name
        if name == "v1":
            access = self._access._replace(missing=None) if self._access.keys else self._access
            inner = self._dialect.open(access).log(place, tally)
            return None if inner is None else _Read(inner, place, self._copyist)
        if name == "bluetooth":
            from lmdecode.redaction.listening_radio import listening_log  # noqa: PLC0415 -- for few files

            return listening_log(place, tally, self._copyist)
        if name not in _LOGS:
            return None
        module = import_module(_LOGS[name])  # each has a `Log`, and the clouds say which host it is about
        heard = self.web(place._replace(machine=getattr(module, "CLOUD", place.machine)), tally)
        log: LogConversation = module.Log(heard)
        return log

    def web(self, place: Place, tally: Tally) -> WebConversation | None:
        if self._dialect.name == "lion":
            return _Pushed(place, tally, self._copyist)
        return _Web(place, tally, self._copyist)


_LOGS: Final = {name: f"lmdecode.codec.{name}.log" for name in ("v3", "cloud1", "lion")}


class _Read:
    """A log of v1: what it says is handed on."""

    def __init__(self, inner: LogConversation, place: Place, copyist: Copyist) -> None:
        self._inner = inner
        self._place = place
        self._copyist = copyist
        self.nothing = inner.nothing

    def may_mention(self, text: bytes) -> bool:
        return self._inner.may_mention(text)

    def receive(self, line: bytes, number: int) -> Sequence[Record] | None:
        found = self._inner.receive(line, number)
        return None if found is None else self._hand_on(found)

    def close(self) -> Sequence[Record]:
        return self._hand_on(self._inner.close())

    def warnings(self) -> Sequence[str]:
        return self._inner.warnings()

    def notes(self) -> Sequence[str]:
        return self._inner.notes()

    def _hand_on(self, records: Sequence[Record]) -> Sequence[Record]:
        for each in records:
            self._copyist.said(self._place, each)
        return ()


class _V1:
    """A conversation of v1: its sound messages are handed on."""

    def __init__(self, place: Place, tally: Tally, access: OwnerAccess, copyist: Copyist) -> None:
        self._place = place
        self._tally = tally
        self._access = access
        self._copyist = copyist
        self._deframers = {"app": Deframer(), "machine": Deframer()}

    def receive(self, time_ns: int, sender: Sender, data: bytes, predecoded: object = None) -> Sequence[Any]:  # noqa: ARG002
        for event in self._deframers[sender].feed(data):
            if isinstance(event, Frame):
                self._frame(time_ns, sender, event)
            else:
                self._copyist.leave_out(SKIPPED, len(event.raw))
        return ()

    def receive_late(self, time_ns: int, sender: Sender, data: bytes, reason: str) -> Sequence[Any]:  # noqa: ARG002
        deframer = Deframer()
        for event in (*deframer.feed(data), *deframer.flush()):
            if isinstance(event, Frame):
                self._frame(time_ns, sender, event)
            else:
                self._copyist.leave_out(SKIPPED, len(event.raw))
        return ()

    def gap(self, time_ns: int, sender: Sender, size: int, reason: str) -> Sequence[Any]:  # noqa: ARG002
        self._flush(sender)
        return ()

    def close(self, time_ns: int) -> Sequence[Any]:  # noqa: ARG002
        self._flush("app")
        self._flush("machine")
        return ()

    @property
    def held(self) -> int:
        return sum(each.pending for each in self._deframers.values())

    def let_go(self, time_ns: int, reason: str) -> Sequence[Any]:  # noqa: ARG002
        return self.close(time_ns)

    def _flush(self, sender: Sender) -> None:
        for event in self._deframers[sender].flush():
            self._copyist.leave_out(SKIPPED, len(event.raw))

    def _frame(self, time_ns: int, sender: Sender, frame: Frame) -> None:
        if self._access.missing is not None:
            raise self._access.missing
        self._tally.frames += 1
        message = self._message(frame.body)
        if message is None:
            self._copyist.leave_out(DAMAGED)
            return
        self._tally.valid_frames += 1
        self._copyist.frame(self._place, time_ns, sender, message)

    def _message(self, body: bytes) -> Message | None:
        try:
            ciphertext = unwrap(body)
        except FrameError:
            return None
        for machine in self._access.keys:
            try:
                return parse(decrypt(machine.key, ciphertext))
            except CodecError:
                continue
        return None


class _Web:
    """A `WebConversation` that hands on requests, answers and messages."""

    def __init__(self, place: Place, tally: Tally, copyist: Copyist) -> None:
        self._place = place
        self._tally = tally
        self._copyist = copyist

    def request(self, time_ns: int, request: HttpRequest, number: int = 0) -> Sequence[Record]:
        self._count(request.problems)
        self._copyist.request(self._place, time_ns, number, request)
        return ()

    def response(self, time_ns: int, response: HttpResponse, number: int = 0) -> Sequence[Record]:
        self._count(response.problems)
        self._copyist.response(self._place, time_ns, number, response)
        return ()

    def message(
        self, time_ns: int, sender: Sender, data: bytes, *, is_text: bool = True, problems: Sequence[str] = ()
    ) -> Sequence[Record]:
        self._count(problems)
        self._copyist.message(self._place, time_ns, sender, data, is_text=is_text)
        return ()

    def note(self, time_ns: int, sender: Sender, problem: str, raw: bytes = b"") -> Sequence[Record]:  # noqa: ARG002
        self._copyist.leave_out("damaged parts of connections")
        return ()

    def control(
        self,
        time_ns: int,  # noqa: ARG002
        sender: Sender,  # noqa: ARG002
        name: str,  # noqa: ARG002
        data: bytes,  # noqa: ARG002
        *,
        problems: Sequence[str] = (),  # noqa: ARG002
    ) -> Sequence[Record]:
        self._copyist.leave_out("control frames of WebSockets")
        return ()

    def close(self, time_ns: int) -> Sequence[Record]:  # noqa: ARG002
        return ()

    @property
    def held(self) -> int:
        return 0

    def let_go(self, time_ns: int) -> Sequence[Record]:  # noqa: ARG002
        return ()

    def _count(self, problems: Sequence[str]) -> None:
        self._tally.frames += 1
        self._tally.valid_frames += 1
        self._tally.problems += bool(problems)


class _Pushed(_Web):
    """The same of a cloud that pushes STOMP frames, which may stand in several texts, or several in one."""

    def __init__(self, place: Place, tally: Tally, copyist: Copyist) -> None:
        super().__init__(place, tally, copyist)
        self._stomp = {"app": Stomp(), "machine": Stomp()}

    def message(
        self, time_ns: int, sender: Sender, data: bytes, *, is_text: bool = True, problems: Sequence[str] = ()
    ) -> Sequence[Record]:
        self._count(problems)
        if not data.strip(b"\r\n\0"):
            self._copyist.message(self._place, time_ns, sender, data, is_text=is_text)
            return ()
        for frame in self._stomp[sender].receive(data):
            self._copyist.stomp(self._place, time_ns, sender, frame)
        return ()


class _Silent:
    """A conversation of which no Record comes."""

    def __init__(self, inner: Conversation[Record]) -> None:
        self._inner = inner

    def receive(self, time_ns: int, sender: Sender, data: bytes, predecoded: object = None) -> Sequence[Any]:
        self._inner.receive(time_ns, sender, data, predecoded)
        return ()

    def receive_late(self, time_ns: int, sender: Sender, data: bytes, reason: str) -> Sequence[Any]:
        self._inner.receive_late(time_ns, sender, data, reason)
        return ()

    def gap(self, time_ns: int, sender: Sender, size: int, reason: str) -> Sequence[Any]:
        self._inner.gap(time_ns, sender, size, reason)
        return ()

    def close(self, time_ns: int) -> Sequence[Any]:
        self._inner.close(time_ns)
        return ()

    @property
    def held(self) -> int:
        return self._inner.held

    def let_go(self, time_ns: int, reason: str) -> Sequence[Any]:
        self._inner.let_go(time_ns, reason)
        return ()


class _Unheard:
    """A conversation of which nothing is copied."""

    held = 0

    def __init__(self, copyist: Copyist) -> None:
        self._copyist = copyist

    def receive(self, time_ns: int, sender: Sender, data: bytes, predecoded: object = None) -> Sequence[Any]:  # noqa: ARG002
        self._copyist.leave_out("bytes of connections that cannot be read", len(data))
        return ()

    def receive_late(self, time_ns: int, sender: Sender, data: bytes, reason: str) -> Sequence[Any]:  # noqa: ARG002
        return self.receive(time_ns, sender, data)

    def gap(self, time_ns: int, sender: Sender, size: int, reason: str) -> Sequence[Any]:  # noqa: ARG002
        return ()

    def close(self, time_ns: int) -> Sequence[Any]:  # noqa: ARG002
        return ()

    def let_go(self, time_ns: int, reason: str) -> Sequence[Any]:  # noqa: ARG002
        return ()
