"""From recorded exchanges to Records: connections told apart, bodies unpacked, and all in the order of time.

A recorder writes an exchange down when it is over, and a WebSocket when it is closed, hours after its first message.
What is made of a message depends on those before it on its connection, and who reads Records takes them in the order of
time; so what was recorded is held, up to a limit, and then told in the order in which it happened.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, TypeAlias

from lmdecode.capture.http.exchange import Exchange, Headers, Response, header
from lmdecode.capture.http.inflation import LARGEST, UnreadableError, bodies_within, inflate
from lmdecode.capture.source import MEMORY, CaptureStatistics
from lmdecode.codec.dialect import RECORDS, Conversation, Place
from lmdecode.codec.record import Record, Sender
from lmdecode.codec.speakers import Speakers
from lmdecode.codec.web import HttpRequest, HttpResponse, WebConversation

_MOST_CONNECTIONS: Final = 1000  # that are open at once; a browser has some ten
_EVENT_SIZE: Final = 1000  # bytes of memory, about, for an event without its body
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_BLANK: Final = b"\xef\xbb\xbf \t\r\n"

_Key: TypeAlias = tuple[str, ...]
_Ends: TypeAlias = tuple[str, str]
_Tell: TypeAlias = Callable[[int, "_Open"], Sequence[Record]]


@dataclass(slots=True)
class _Open:
    """A connection of which more may come."""

    web: WebConversation | None = None
    tcp: Conversation[Record] | None = None


@dataclass(slots=True)
class _Event:
    """Something that happened on a connection."""

    order_ns: int
    """The time by which it is put in order: never before what it answers."""
    time_ns: int
    key: _Key
    open: Callable[[Place], _Open]
    ends: _Ends
    tell: _Tell


@dataclass(slots=True)
class Recording:
    """Takes what was recorded in any order, and hands out Records.

    Args:
        speakers: The dialects.
        statistics: Takes the counts.
        capture: The capture's name, for the Records.
        memory: Bytes of memory that what is held may take.
    """

    speakers: Speakers
    statistics: CaptureStatistics
    capture: str | None = None
    memory: int = MEMORY // 4
    others: int = 0
    """Requests to other hosts."""
    allowed: list[int] = field(default_factory=lambda: [0])
    """How many more bytes the bodies may unpack to."""
    _events: list[_Event] = field(default_factory=list)
    _open: OrderedDict[_Key, _Open] = field(default_factory=OrderedDict)
    _held: int = 0
    _number: int = 0
    _last_ns: int = 0
    _timeless: int = 0
    _is_early: bool = False

    def is_wanted(self, host: str, port: int, path: str) -> bool:
        """Return whether a request to a host, port and path is of a machine or of the maker's cloud."""
        return self.speakers.serving(host.lower(), port, path) is not None

    def take(self, exchange: Exchange) -> Iterator[Record]:
        """Take an exchange. Yields Records only if too much is held."""
        asked, answer = exchange.request, exchange.response
        self.statistics.packets += 1
        host = asked.host.lower()
        dialect = self.speakers.serving(host, asked.port, asked.path)
        if dialect is None:
            self.others += 1
            return
        self.statistics.port_packets += 1
        self._number += 1
        number = self._number
        is_socket = bool(exchange.messages) or (answer is not None and answer.status == 101)
        key: _Key = (exchange.connection, host, str(asked.port), dialect, str(number) if is_socket else "")
        ends = exchange.client or "app", _host_port(host, asked.port)

        def opened(place: Place) -> _Open:
            return _Open(web=self.speakers.web(host, asked.port, asked.path, place, self.statistics.tallies))

        with bodies_within(self.allowed):
            body, wrong = unpacked(asked.body, asked.headers)
            if answer is None:
                wrong = (*wrong, "it has no answer in the recording")
            request = HttpRequest(asked.method, host, asked.path, asked.headers, body, wrong)
            response = None if answer is None else _unpacked_answer(answer)
        begun = self._time(exchange.begun or exchange.time)
        order = begun

        def add(time_ns: int, size: int, tell: _Tell) -> None:
            nonlocal order
            order = max(order, time_ns)
            self._add(_Event(order, time_ns, key, opened, ends, tell), size)

        add(begun, len(body), lambda at, there: there.web.request(at, request, number) if there.web else ())
        if response is not None:
            answered = begun if exchange.time is None else _nanoseconds(exchange.time)
            first = exchange.messages[0].time if exchange.messages else None
            if first is not None:  # some programs have the end of the WebSocket for the answer's time
                answered = max(begun, min(answered, _nanoseconds(first)))
            found = response
            size = len(found.body or b"")
            add(answered, size, lambda at, there: there.web.response(at, found, number) if there.web else ())
        for message in exchange.messages:
            time_ns = order if message.time is None else _nanoseconds(message.time)
            add(time_ns, len(message.data), _telling(message.sender, message.data, is_text=message.is_text))
        yield from self._relieved()

    def take_bytes(
        self, connection: str, ends: _Ends, port: int, pieces: Sequence[tuple[int, Sender, bytes]]
    ) -> Iterator[Record]:
        """Take the bytes of a TCP connection with a machine. Yields Records only if too much is held.

        Args:
            connection: What tells it apart.
            ends: The host:port of the app, and of the machine.
            port: The machine's.
            pieces: Times, senders and bytes, as they were received.
        """
        self._number += 1
        key: _Key = ("tcp", connection, str(self._number))
        self.statistics.packets += len(pieces)
        self.statistics.port_packets += len(pieces)

        def opened(place: Place) -> _Open:
            return _Open(tcp=self.speakers.conversation(port, RECORDS, place, self.statistics.tallies))

        order = 0
        for time_ns, sender, data in pieces:
            order = max(order, time_ns)
            self._add(_Event(order, time_ns, key, opened, ends, _receiving(sender, data)), len(data))
        yield from self._relieved()

    def told(self) -> Iterator[Record]:
        """Yield the Records of all that is held, in the order of time."""
        events, self._events, self._held = self._events, [], 0
        events.sort(key=lambda each: each.order_ns)
        events.reverse()
        while events:
            event = events.pop()  # so that what was told takes no memory any more
            there = self._open.get(event.key)
            if there is None:
                place = Place(self.statistics.connections, *event.ends, self.capture)
                self.statistics.connections += 1
                there = self._open[event.key] = event.open(place)
                if len(self._open) > _MOST_CONNECTIONS:
                    yield from self._close(self._open.popitem(last=False)[1])
            else:
                self._open.move_to_end(event.key)
            self._last_ns = max(self._last_ns, event.time_ns)
            yield from event.tell(event.time_ns, there)

    def ended(self) -> Iterator[Record]:
        """Yield all that is left: nothing more will come."""
        yield from self.told()
        while self._open:
            yield from self._close(self._open.popitem(last=False)[1])
        notes = self.statistics.notes
        if self.others:
            what = (
                "1 request to another host was" if self.others == 1 else f"{self.others:,} requests to other hosts were"
            )
            notes.append(f"{what} passed over")
        if self._timeless:
            what = "1 request has" if self._timeless == 1 else f"{self._timeless:,} requests have"
            notes.append(f"{what} no time: each is shown with the time of the request before it")
        if self._is_early:
            notes.append(f"more than {self.memory >> 20} MB: the messages are in order of time only within parts")

    def _relieved(self) -> Iterator[Record]:
        """Yield the Records of all that is held, if it is too much."""
        if self._held > self.memory:
            self._is_early = True
            yield from self.told()

    def _close(self, there: _Open) -> Sequence[Record]:
        found = there.web or there.tcp
        return () if found is None else found.close(self._last_ns)

    def _add(self, event: _Event, size: int) -> None:
        self._events.append(event)
        self._held += size + _EVENT_SIZE

    def _time(self, moment: datetime | None) -> int:
        if moment is None:
            self._timeless += 1
            return self._events[-1].order_ns if self._events else self._last_ns
        return _nanoseconds(moment)


def _telling(sender: Sender, data: bytes, *, is_text: bool) -> _Tell:
    def tell(at: int, there: _Open) -> Sequence[Record]:
        return there.web.message(at, sender, data, is_text=is_text) if there.web else ()

    return tell


def _receiving(sender: Sender, data: bytes) -> _Tell:
    return lambda at, there: there.tcp.receive(at, sender, data) if there.tcp else ()


def _nanoseconds(moment: datetime) -> int:
    """A time as nanoseconds since 1970: exact, which a float of seconds is not."""
    since = moment - _EPOCH
    return ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * 1000


def _host_port(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _unpacked_answer(answer: Response) -> HttpResponse:
    if answer.body is None:
        return HttpResponse(answer.status, answer.headers, None)
    body, wrong = unpacked(answer.body, answer.headers)
    return HttpResponse(answer.status, answer.headers, body, wrong)


def unpacked(body: bytes, headers: Headers) -> tuple[bytes, tuple[str, ...]]:
    """Return a body without its compression, as much of it as there is, and what was wrong with it.

    >>> unpacked(b'{"power": true}', [("Content-Encoding", "gzip")])  # as browsers store it
    (b'{"power": true}', ())
    >>> unpacked(bytes(3), [("Content-Encoding", "gzip")])
    (b'', ('the body claims to be gzip, but is not: 3 bytes of it were left out',))
    """
    try:
        return inflate(body, header(headers, "content-encoding")), ()
    except UnreadableError as error:
        if error.beginning:
            return error.beginning, (f"the body {error}",)
        if len(body) <= LARGEST and body.lstrip(_BLANK)[:1] in {b"{", b"[", b"<", b'"'}:
            return body, ()
        return b"", (f"the body {error}: {len(body):,} bytes of it were left out",)
