"""The interface between protocols and the rest of lmdecode: byte streams go in, Records come out.

Machines speak several protocols, and more will come. Whoever reads captures, talks to a machine or shows messages must
not know which, so each protocol is a *dialect*: a folder beside this file, whose package names one `DIALECT`. What
finds the dialects and chooses between them is in `speakers`. Three things cross the seam, and nothing else does:

- A `Dialect` says what a protocol is called, on which TCP ports it is spoken, how its first bytes look, and which
  fields its Records have. It is cheap to import, because every command that reads a capture imports all of them.
- A `Speaker` is a dialect with the owner's keys in it. It makes a conversation for each connection, and may look ahead
  at payloads (`predecode`), which is what v1 is fast by; a dialect that has nothing to gain leaves that out.
- A `Conversation` is to its protocol what h11's `Connection` is to HTTP: it has all of the state and no socket, file or
  clock. Bytes, gaps and late bytes go in, with their times, and Records come out; they come out for damaged input too,
  since nothing may be lost without a word.

A `Sink` decides what is made of a Record: itself, or a line of JSON. It is handed to the conversation rather than
applied afterwards so that a dialect can make the line without making the Record first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, NamedTuple, Protocol, TypeVar

from lmdecode.codec.errors import LmdecodeError
from lmdecode.codec.record import JsonType, Record, Sender

if TYPE_CHECKING:
    from lmdecode.codec.v1.key import Key
    from lmdecode.codec.web import WebConversation

FieldsAs = Literal["values", "json", "none"]
"""In what form a sink wants fields: as values; as JSON, if it only writes them down; not at all, if it takes the data
apart itself."""

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

MDNS_SERVICE: Final = "_marzocco._tcp.local."
"""The service under which machines of all generations announce themselves by mDNS."""


class MachineKey(NamedTuple):
    """A machine's name and the key that the maker's cloud gives for it.

    The key is the cloud's `communicationKey`: v1 encrypts with it, later generations send it as their bearer token.
    """

    name: str
    """The name that the user gave the machine."""
    key: Key


class OwnerAccess(NamedTuple):
    """What an owner allows a dialect: the keys of the machines, and whether secrets stay readable."""

    keys: Sequence[MachineKey] = ()
    show_secrets: bool = False
    origin: str = ""
    """Where the keys are from, for messages."""
    missing: LmdecodeError | None = None
    """Why there is no key; what needs one raises it. None if there is one, or if nobody looked for one."""
    handles: Mapping[int, str] = MappingProxyType({})
    """The Bluetooth handles that the owner knows, each with the short name of its characteristic."""


@dataclass(slots=True)
class Tally:
    """What was counted in one protocol; one tally may serve many conversations."""

    frames: int = 0
    """Whole frames, valid or not."""
    valid_frames: int = 0
    """Frames that could be read without doubt; of an encrypted protocol: with the right key."""
    messages: int = 0
    """Frames that could be read as a message, damaged or not."""
    problems: int = 0
    """Records that have any problem."""
    bytes_skipped: int = 0
    """Bytes that belong to no frame."""
    bytes_missing: int = 0
    """Bytes that were given up as not in the capture; some of them may have come after all, too late."""
    notes: dict[str, str] = field(default_factory=dict)
    """What is good to know of all that was counted, one line each, by what it is about."""

    def add(self, other: Tally) -> None:
        """Add the counts of another tally."""
        for column in fields(self):
            if column.name != "notes":
                setattr(self, column.name, getattr(self, column.name) + getattr(other, column.name))
        self.notes.update(other.notes)


class Tallies(dict[str, Tally]):
    """A tally for each dialect, by its name, made when it is first asked for."""

    def __missing__(self, name: str) -> Tally:
        """Return a new tally, and keep it."""
        tally = self[name] = Tally()
        return tally

    def total(self) -> Tally:
        """Return the counts of all dialects together."""
        total = Tally()
        for tally in self.values():
            total.add(tally)
        return total


class FieldKind(NamedTuple):
    """What is known of a field before the first Record has it."""

    type: JsonType
    words: tuple[str, ...] = ()
    """The words of an enumeration or a bit set."""
    formerly: str = ""
    """Its name in earlier versions, which users may still type; "" if it always had this name."""
    open: bool = False
    """Whether there may be other words than those that are known."""


class Sink(Protocol[T_co]):
    """Turns each Record into the form that the caller wants."""

    fields_as: FieldsAs
    """In what form it wants the fields of messages that it is given without a Record."""

    def record(self, record: Record) -> T_co:
        """Return the result for a Record."""


class Records:
    """The sink that keeps Records as they are."""

    fields_as: FieldsAs = "values"

    def record(self, record: Record) -> Record:
        """Return the Record itself."""
        return record


RECORDS: Final = Records()


class Conversation(Protocol[T_co]):
    """One connection between app and machine, as a protocol sees it. It never raises, whatever the bytes are.

    One that gains by it has a `receive_all` as well, which takes many pieces at once: an iterable of the arguments of
    `receive`, and a list to which what is made of them is added.
    """

    def receive(self, time_ns: int, sender: Sender, data: bytes, predecoded: Any = None) -> Sequence[T_co]:  # noqa: ANN401 -- the dialect's own
        """Take the next bytes of one direction; return what is made of the messages that they complete.

        Args:
            time_ns: When they were captured; nanoseconds since 1970, UTC.
            sender: Whose they are.
            data: The bytes.
            predecoded: What the dialect's `Speaker.predecode` returned for exactly these bytes.
        """

    def receive_late(self, time_ns: int, sender: Sender, data: bytes, reason: str) -> Sequence[T_co]:
        """Take bytes that belong before others already received, and say why they are late."""

    def gap(self, time_ns: int, sender: Sender, size: int, reason: str) -> Sequence[T_co]:
        """Note that `size` bytes of one direction will not come, and why."""

    def close(self, time_ns: int) -> Sequence[T_co]:
        """The connection has ended: return what was held back for its message to become whole."""

    @property
    def held(self) -> int:
        """About how many bytes of memory it holds: unfinished messages, requests without an answer."""

    def let_go(self, time_ns: int, reason: str) -> Sequence[T_co]:
        """Return what is held back, say why, and forget what can be done without: memory has run short."""


class Place(NamedTuple):
    """The place of a conversation: the values that all of its Records share."""

    stream: int = 0
    app: str = "app"
    """The app's host:port."""
    machine: str = "machine"
    """The machine's host:port."""
    capture: str | None = None
    """The capture's name, where there are several."""
    name: str = ""
    """What the machine calls itself before it speaks: in its advertisement."""


class Speaker(Protocol):
    """A dialect with an owner's keys: it makes the conversations of any number of captures."""

    def conversation(self, sink: Sink[T], place: Place, tally: Tally) -> Conversation[T]:
        """Return a new conversation, which adds its counts to `tally`."""

    def predecode(self, payloads: Sequence[bytes], *, fields_as: FieldsAs) -> Sequence[Any]:
        """Look at the payloads of segments that are about to come, in any order, of any connections.

        Returns:
            For each of them what `Conversation.receive` may be given with it, or None.
        """

    def verdict(self, tally: Tally, ports: Iterable[int]) -> str | None:
        """Return why nothing could be read of traffic that was counted, as one line; None if something was read."""

    def log(self, place: Place, tally: Tally) -> LogConversation | None:
        """Return what reads debug logs of programs that speak this protocol; None if there are no such logs."""

    def web(self, place: Place, tally: Tally) -> WebConversation | None:
        """Return what takes requests, answers and WebSocket messages; None if this protocol has none."""


class LogConversation(Protocol):
    """One connection, as a program's debug log has it: lines in, Records out."""

    nothing: str
    """Why a log yields no message, and what to do: goes after the name of the file."""

    def may_mention(self, text: bytes) -> bool:
        """Return False if nothing can come of any line of a text: such a text is passed over. This is to be fast."""

    def receive(self, line: bytes, number: int) -> Sequence[Record] | None:
        """Take a line. Returns the messages that are complete now, or None if the line is not about a message.

        Args:
            line: Without its end.
            number: Of the line in the log, for what is said about it.
        """

    def close(self) -> Sequence[Record]:
        """Return what was held back for a further line: the log is over, or nothing more has come for a moment."""

    def warnings(self) -> Sequence[str]:
        """Return what could not be read, one line each."""

    def notes(self) -> Sequence[str]:
        """Return what is good to know, one line each."""


class Simple:
    """A speaker for dialects whose conversations make Records and need no look ahead.

    Args:
        converse: Makes a conversation at a place, which adds its counts to a tally.
        web: Makes what takes requests, answers and WebSocket messages.
        log: Makes what reads debug logs.
    """

    def __init__(
        self,
        converse: Callable[[Place, Tally], Conversation[Record]],
        *,
        web: Callable[[Place, Tally], WebConversation] | None = None,
        log: Callable[[Place, Tally], LogConversation] | None = None,
    ) -> None:
        self._converse = converse
        self._web = web
        self._log = log

    def conversation(self, sink: Sink[T], place: Place, tally: Tally) -> Conversation[T]:
        """Return a conversation whose Records are handed to the sink."""
        return _Through(sink, self._converse(place, tally))

    def predecode(self, payloads: Sequence[bytes], *, fields_as: FieldsAs) -> Sequence[Any]:  # noqa: ARG002
        """Return None for each payload."""
        return [None] * len(payloads)

    def verdict(self, tally: Tally, ports: Iterable[int]) -> str | None:  # noqa: ARG002
        """Return None: what was counted speaks for itself."""
        return None

    def log(self, place: Place, tally: Tally) -> LogConversation | None:
        """Return what reads debug logs, if there is something that does."""
        return None if self._log is None else self._log(place, tally)

    def web(self, place: Place, tally: Tally) -> WebConversation | None:
        """Return what takes requests, answers and WebSocket messages, if there is something that does."""
        return None if self._web is None else self._web(place, tally)


class _Through(Generic[T]):
    """A conversation of Records, each of them handed to a sink."""

    def __init__(self, sink: Sink[T], inner: Conversation[Record]) -> None:
        self._make = sink.record
        self._inner = inner

    def receive(self, time_ns: int, sender: Sender, data: bytes, predecoded: object = None) -> list[T]:
        return list(map(self._make, self._inner.receive(time_ns, sender, data, predecoded)))

    def receive_late(self, time_ns: int, sender: Sender, data: bytes, reason: str) -> list[T]:
        return list(map(self._make, self._inner.receive_late(time_ns, sender, data, reason)))

    def gap(self, time_ns: int, sender: Sender, size: int, reason: str) -> list[T]:
        return list(map(self._make, self._inner.gap(time_ns, sender, size, reason)))

    def close(self, time_ns: int) -> list[T]:
        return list(map(self._make, self._inner.close(time_ns)))

    @property
    def held(self) -> int:
        return self._inner.held

    def let_go(self, time_ns: int, reason: str) -> list[T]:
        return list(map(self._make, self._inner.let_go(time_ns, reason)))


def _never(_text: bytes) -> bool:
    return False


def _serves_nothing(_host: str, _port: int, _path: str) -> bool:
    return False


class Dialect(NamedTuple):
    """A protocol that machines speak."""

    name: str
    """Stands in the Records as their `generation`."""
    title: str
    """What it is, in a few words, for messages and lists."""
    ports: tuple[int, ...]
    """The TCP ports on which machines speak it, in plain; none if it comes in another way: in TLS, by radio."""
    sniff: Callable[[bytes], bool]
    """Returns True if the payload of a TCP segment looks like this protocol."""
    open: Callable[[OwnerAccess], Speaker]
    """Makes the speaker. It may import what is heavy."""
    fields: Callable[[], Mapping[str, FieldKind]]
    """Returns the fields that its Records can have, in the order of columns."""
    sniff_log: Callable[[bytes], bool] = _never
    """Returns True if text has lines of a debug log that are about messages of this protocol."""
    serves: Callable[[str, int, str], bool] = _serves_nothing
    """Returns True if a request to a host, port and path is of this protocol. Hosts are in lower case."""
    hosts: tuple[str, ...] = ()
    """The maker's hosts that speak it; none if it is spoken at home. No other host on the internet is ever read."""
