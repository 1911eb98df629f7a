"""The TCP connections on the ports of machines: segments go in, and what a sink makes of their messages comes out.

Bluetooth packets come among the segments, and are handed on to `bluetooth`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from lmdecode._parts import is_off
from lmdecode.capture.copies import Copies, Ends, Evidence, Turn
from lmdecode.capture.net.bluetooth import FIRST_NO_PORT
from lmdecode.capture.net.packet import ACK, FIN, PSH, RST, SYN, Endpoint, Segment
from lmdecode.capture.net.reassembly import Delivered, Direction, Event, Missing
from lmdecode.capture.source import MEMORY, CaptureStatistics
from lmdecode.codec.dialect import Conversation, Place, Sink, Tallies
from lmdecode.codec.record import Sender
from lmdecode.codec.speakers import Speakers

if TYPE_CHECKING:
    from lmdecode.capture.bluetooth import Bluetooth

T = TypeVar("T")

_ALL_FLAGS: Final = ACK | SYN | FIN | RST  # of which an ordinary segment has ACK alone
_MAX_CONNECTIONS: Final = 4096
_LINGER_NS: Final = 60_000_000_000  # after its end a connection's retransmissions may still come
_ACCOUNT_EVERY: Final = 64  # segments, so that it costs nothing; each can bring 64 KiB
_LET_GO: Final = "memory ran short: what was held back is given out"
_LATE: Final = "out of order: these bytes belong before others that were decoded already"


class _Connection(Generic[T]):
    """One connection: two directions and the Conversation that they make."""

    __slots__ = (
        "_conversation",
        "_directions",
        "_receive_all",
        "accounted",
        "app",
        "begun_ns",
        "closed",
        "evidence",
        "last_ns",
        "machine",
        "number",
        "packets",
    )

    def __init__(
        self, conversation: Conversation[T], app: Endpoint, machine: Endpoint, number: int, begun_ns: int
    ) -> None:
        self._conversation = conversation
        self._receive_all = getattr(conversation, "receive_all", None) or partial(_receive_each, conversation)
        self.app = app
        self.machine = machine
        self.number = number
        self.begun_ns = begun_ns
        self.evidence = Evidence()
        self._directions = {app: Direction(), machine: Direction()}
        self.packets = 0
        self.last_ns = 0
        self.closed = False
        self.accounted = 0
        """What it held when that was last counted, in bytes of memory."""

    @property
    def ends(self) -> Ends:
        """Its two ends, the smaller first."""
        return (self.app, self.machine) if self.app <= self.machine else (self.machine, self.app)

    def fits(self, segment: Segment, *, is_from_app: bool) -> bool:
        """Whether a segment's numbers are those of this connection, so that it may be a copy of one of its own."""
        app, machine = self._directions[self.app], self._directions[self.machine]
        direction, other = (app, machine) if is_from_app else (machine, app)
        known = [(direction.begins_at if segment.flags & SYN else direction.is_near)(segment.seq)]
        if segment.flags & ACK:
            known.append(other.is_near(segment.ack))
        return True in known and False not in known

    def has_acknowledged(self, segment: Segment) -> bool:
        """Whether the app acknowledged the data of a segment of the machine's, whatever they are."""
        return self._directions[self.machine].has_acknowledged(segment.seq + len(segment.payload))

    def own(self, segment: Segment, *, is_from_app: bool) -> Segment:
        """A copy's segment as this connection would have it."""
        ends = (self.app, self.machine) if is_from_app else (self.machine, self.app)
        return segment._replace(source=ends[0], destination=ends[1])

    def remember(self, segments: Sequence[Segment]) -> None:
        """Keep the first segments: copies are recognised by them."""
        for segment in segments:
            if segment.payload:
                self.evidence.add(segment, is_from_app=segment.source != self.machine)
                if self.evidence.is_whole:
                    break

    @property
    def held(self) -> int:
        """About how many bytes of memory it holds."""
        # A packet may say that it is from where it goes to; both directions are one then.
        return sum(direction.held for direction in self._directions.values()) + self._conversation.held

    def let_go(self) -> list[T]:
        """Memory runs short: hand out what is held back, and forget what can be done without."""
        made: list[T] = []
        for sender, direction in self._directions.items():
            made += self._hand_on(sender, direction.let_go())
        made += self._conversation.let_go(self.last_ns, _LET_GO)
        return made

    def begins_anew(self, segment: Segment) -> bool:
        """Whether a segment is the beginning of another connection between the same two ends."""
        if not segment.flags & SYN:
            return False
        direction = self._directions[segment.source]
        if self.closed and not segment.flags & ACK and direction.has_sent:
            return True  # by chance, or by a simple network stack, with the same number as the last one
        return direction.begins_at(segment.seq) is False

    def receive_in_order(
        self, segments: Sequence[Segment], predecoded: Sequence[object], index: int, made: list[T]
    ) -> int:
        """Take the segments from an index on, as long as each only carries the next bytes of one of the streams.

        The fast path, for nearly all segments: what it takes, `receive` would take just so, in twice the time.

        Args:
            segments: Of whatever connections.
            predecoded: For each of them what its dialect predecoded of its payload, or None.
            index: Of the first to be looked at.
            made: What is made of the messages that the segments complete is added to it.

        Returns:
            The index of the first segment to which there is more, or that is another connection's.
        """
        app, machine = self.app, self.machine
        from_app, from_machine = self._directions[app], self._directions[machine]
        next_app, next_machine = from_app.goes_on_at, from_machine.goes_on_at
        if next_app is None or next_machine is None or from_app is from_machine:
            return index
        acked_app, acked_machine = from_app.acked, from_machine.acked
        run: list[tuple[int, Sender, bytes, object]] = []
        end = index
        for end in range(index, len(segments)):
            time_ns, source, destination, flags, seq, ack, payload, missing = segments[end]
            if flags & _ALL_FLAGS != ACK or not payload or missing:
                break
            # The ends of segments are the same objects again and again; if not, this is only slower.
            if source is app and destination is machine:
                if seq != next_app & 0xFFFFFFFF or ack != next_machine & 0xFFFFFFFF:
                    break
                acked_machine = next_machine
                next_app += len(payload)
                run.append((time_ns, "app", payload, predecoded[end]))
            elif source is machine and destination is app:
                if seq != next_machine & 0xFFFFFFFF or ack != next_app & 0xFFFFFFFF:
                    break
                acked_app = next_app
                next_machine += len(payload)
                run.append((time_ns, "machine", payload, predecoded[end]))
            else:
                break
        else:
            end = len(segments)
        if run:
            from_app.go_on(next_app, acked_app)
            from_machine.go_on(next_machine, acked_machine)
            self.packets += len(run)
            self.last_ns = run[-1][0]
            self._receive_all(run, made)
        return end

    def receive(self, segment: Segment, predecoded: object = None) -> list[T]:
        """Take one of the connection's segments; hand out what is made of the messages that it completes."""
        time_ns, source, destination, flags, seq, ack, payload, missing = segment
        self.packets += 1
        self.last_ns = time_ns
        direction, other = self._directions[source], self._directions[destination]
        made: list[T] = []
        if flags & SYN:
            direction.synchronise(seq)
            seq += 1
            self._close(closed=False)  # the same SYN again, after a reset: they are still trying
        if flags & RST:
            self._close(closed=True)  # what it carries is no part of the stream
        else:
            if payload or missing:
                events = direction.receive(time_ns, seq, payload, missing, pushed=bool(flags & PSH))
                made += self._hand_on(source, events, payload, predecoded)
            if flags & ACK:
                other.acknowledge(time_ns, ack)
            if flags & FIN:
                direction.finish(time_ns, seq + len(payload) + missing)
                self._close(closed=other.finished)
        if direction.waiting:
            made += self._hand_on(source, direction.overdue(time_ns, self.packets))
        if other.waiting:
            made += self._hand_on(destination, other.overdue(time_ns, self.packets))
        return made

    def end(self) -> list[T]:
        """Nothing more will come: hand out what is held back."""
        made: list[T] = []
        for sender, direction in self._directions.items():
            made += self._hand_on(sender, direction.flush())
        made += self._conversation.close(self.last_ns)
        return made

    def _close(self, *, closed: bool) -> None:
        self.closed = closed
        for direction in self._directions.values():
            direction.closed = closed

    def _hand_on(
        self, source: Endpoint, events: list[Event], payload: bytes = b"", predecoded: object = None
    ) -> list[T]:
        """Give what became of the streams to the conversation.

        Args:
            source: Whose stream it is.
            events: What became of it.
            payload: The segment's that was received.
            predecoded: What its dialect predecoded of that.
        """
        sender: Sender = "machine" if source == self.machine else "app"
        conversation = self._conversation
        made: list[T] = []
        for event in events:
            if isinstance(event, Delivered):
                found = predecoded if event.data is payload else None
                made += conversation.receive(event.time_ns, sender, event.data, found)
            elif isinstance(event, Missing):
                made += conversation.gap(event.time_ns, sender, event.size, _reason(event))
            else:
                made += conversation.receive_late(event.time_ns, sender, event.data, _LATE)
        return made


def _receive_each(
    conversation: Conversation[T], pieces: Iterable[tuple[int, Sender, bytes, object]], made: list[T]
) -> None:
    """Give a conversation pieces of its streams one by one: most have no way of their own for several."""
    receive = conversation.receive
    for time_ns, sender, data, predecoded in pieces:
        made += receive(time_ns, sender, data, predecoded)


class Connections(Generic[T]):
    """Tells connections apart and decodes each.

    Args:
        sink: Decides what is made of each message.
        speakers: The dialects, by the ports on which machines speak them.
        tallies: The messages are counted in them, by dialect.
        capture: The capture's name, for the Records.
        first: The first connection's number.
        memory: Bytes that all connections together may hold back, about; a day of a machine holds some hundred. Of
            what they hold beyond that, half is given out, that of the connections that have been idle the longest
            first.
    """

    def __init__(
        self,
        sink: Sink[T],
        speakers: Speakers,
        tallies: Tallies,
        *,
        capture: str | None = None,
        first: int = 0,
        memory: int = MEMORY // 4,
    ) -> None:
        self._sink = sink
        self._speakers = speakers
        self._tallies = tallies
        self._capture = capture
        self._live: OrderedDict[tuple[Endpoint, Endpoint], _Connection[T]] = OrderedDict()  # the longest idle first
        self._closed: OrderedDict[tuple[Endpoint, Endpoint], None] = OrderedDict()  # those of them that are over
        self._latest: _Connection[T] | None = None  # the last of `_live`
        self._shortly = not is_off("order")
        self._copies: Copies[_Connection[T]] = Copies()
        self._memory = memory
        self._touched: dict[_Connection[T], None] = {}  # since it was last counted what they hold
        self._until_account = _ACCOUNT_EVERY
        self._held = 0  # bytes of memory, in all of them together, when it was last counted
        self._let_go = 0  # bytes of memory that were given out early
        self._bluetooth: Bluetooth[T] | None = None
        self.count = first
        """The next connection's number."""

    def receive_all(
        self, segments: Sequence[Segment], predecoded: Sequence[object], made: list[T] | None = None
    ) -> list[T]:
        """Take the next segments on the port, of whatever connections; hand out what is made of their messages.

        Args:
            segments: The segments.
            predecoded: For each of them what its dialect predecoded of its payload, or None.
            made: Takes what is handed out, so that the caller has it also where a dialect fails.
        """
        made = [] if made is None else made
        index = 0
        self._copies.passed(segments)
        while index < len(segments):
            if self._latest is not None and not self._closed and self._shortly:
                end = self._latest.receive_in_order(segments, predecoded, index, made)
                if not self._latest.evidence.is_whole:
                    self._latest.remember(segments[index:end])
                self._touched[self._latest] = None
                index = end
                if index < len(segments) and not self._copies.busy:
                    index = self._receive_other_in_order(segments, predecoded, index, made)
                    if index > end:
                        continue
            if index < len(segments):
                made += self._take(segments[index], predecoded[index])
                index += 1
        return made

    def _receive_other_in_order(
        self, segments: Sequence[Segment], predecoded: Sequence[object], index: int, made: list[T]
    ) -> int:
        """Go on with a connection that is not the latest, if a segment only carries its next bytes.

        Connections that talk at the same time take turns with every segment. The arguments and what is returned are
        those of `_Connection.receive_in_order`.
        """
        ends = _ends_of(segments[index])
        connection = self._live.get(ends)
        if connection is None:
            return index
        end = connection.receive_in_order(segments, predecoded, index, made)
        if end > index:
            self._live.move_to_end(ends)
            self._latest = connection
            if not connection.evidence.is_whole:
                connection.remember(segments[index:end])
            self._touched[connection] = None
            self._until_account -= 1
            if not self._until_account:
                made += self._account_all()
        return end

    def receive(self, segment: Segment, predecoded: object = None) -> list[T]:
        """Take the next segment on the port, of whatever connection; hand out what is made of its messages."""
        self._copies.passed((segment,))
        return self._take(segment, predecoded)

    def _take(self, segment: Segment, predecoded: object) -> list[T]:
        """As `receive`, once the segment is noted."""
        if segment.source.port >= FIRST_NO_PORT:
            return self._receive_radio(segment)
        copies = self._copies
        if copies.busy:
            turns = copies.take(_ends_of(segment), segment, predecoded, is_from_app=self._is_from_app(segment))
            if turns is not None:
                return self._receive_turns(turns)
        return self._receive(segment, predecoded)

    def _receive(self, segment: Segment, predecoded: object, *, may_be_copy: bool = True) -> list[T]:
        """As `receive`, for a segment that is not known to be a copy."""
        ends = _ends_of(segment)
        connection = self._live.get(ends)
        made: list[T] = []
        if connection is None or connection.begins_anew(segment):
            if may_be_copy and self._copies.suspect(ends, segment, predecoded, is_from_app=self._is_from_app(segment)):
                return made
            if connection is not None:
                made += self._end(ends)
            connection = self._live[ends] = self._open(segment)
            if len(self._live) > _MAX_CONNECTIONS:
                made += self._end(next(iter(self._live)))
        else:
            self._live.move_to_end(ends)
        self._latest = connection
        made += connection.receive(segment, predecoded)
        if not connection.evidence.is_whole:
            connection.remember((segment,))
        made += self._sweep(ends, segment.time_ns, closed=connection.closed)
        self._touched[connection] = None
        self._until_account -= 1
        if not self._until_account:
            made += self._account_all()
        return made

    def _receive_radio(self, segment: Segment) -> list[T]:
        """Take a Bluetooth packet."""
        if self._bluetooth is None:
            from lmdecode.capture.bluetooth import Bluetooth  # noqa: PLC0415 -- most captures have none

            self._bluetooth = Bluetooth(self._converse_by_radio, self._begin, self._capture, self._memory // 4)
        return self._bluetooth.receive(segment)

    def _begin(self) -> int:
        """Return the number of a new connection."""
        number = self.count
        self.count += 1
        return number

    def _converse_by_radio(self, place: Place) -> Conversation[T]:
        return self._speakers["bluetooth"].conversation(self._sink, place, self._tallies["bluetooth"])

    def count_radio(self, statistics: CaptureStatistics) -> None:
        """Count in the statistics the Bluetooth packets that came since the last call."""
        if self._bluetooth is not None:
            self._bluetooth.count(statistics)

    def warnings(self) -> list[str]:
        """What the user should know, one line each."""
        return self._memory_warnings() + ([] if self._bluetooth is None else self._bluetooth.warnings())

    def _memory_warnings(self) -> list[str]:
        if not self._let_go:
            return []
        limit, size = self._memory >> 20, self._let_go >> 20
        what = "given out before their messages, or the bytes before them, were there (--memory gives them more)"
        return [f"the connections held back more than {limit:,} MB: {size:,} MB were {what}"]

    def notes(self) -> list[str]:
        """What is good to know when the capture is over, one line each."""
        radio = [] if self._bluetooth is None else self._bluetooth.notes()
        return self._copies.notes() + radio + list(self._tallies.total().notes.values())

    def close(self) -> Iterator[T]:
        """The capture is over: hand out what is held back."""
        yield from self._receive_turns(self._copies.close())
        for connection in self._live.values():
            self._copies.ended(connection)
            yield from connection.end()
        self._live.clear()
        self._closed.clear()
        if self._bluetooth is not None:
            yield from self._bluetooth.close()

    def _is_from_app(self, segment: Segment) -> bool:
        if segment.source.port not in self._speakers.ports:
            return True
        if segment.destination.port not in self._speakers.ports:
            return False
        return segment.flags & (SYN | ACK) != SYN | ACK  # this one answers; any other is taken to ask

    def _open(self, segment: Segment) -> _Connection[T]:
        app, machine = segment.source, segment.destination
        if not self._is_from_app(segment):
            app, machine = machine, app
        place = Place(self.count, str(app), str(machine), self._capture)
        conversation = self._speakers.conversation(machine.port, self._sink, place, self._tallies)
        connection = _Connection(conversation, app, machine, self.count, segment.time_ns)
        self._copies.add(connection)
        self.count += 1
        return connection

    def _receive_turns(self, turns: Iterable[Turn[_Connection[T]]]) -> list[T]:
        """Take segments of which it was decided whether they are copies."""
        made: list[T] = []
        for segment, predecoded, original, may_be_copy in turns:
            if original is None:
                made += self._receive(segment, predecoded, may_be_copy=may_be_copy)
                continue
            ends = original.ends
            if self._live.setdefault(ends, original) is not original:
                made += original.receive(segment, predecoded) + original.end()  # its ends are a later one's now
            elif segment.flags & SYN:
                self._copies.add(original)  # the same SYN again: it must not begin a closed connection anew
            else:
                made += self._receive(segment, predecoded)
        return made

    def _end(self, ends: tuple[Endpoint, Endpoint]) -> list[T]:
        self._closed.pop(ends, None)
        self._latest = None
        connection = self._live.pop(ends)
        self._touched.pop(connection, None)
        self._held -= connection.accounted
        connection.accounted = 0
        self._copies.ended(connection)
        return connection.end()

    def _account_all(self) -> list[T]:
        """Count what the connections hold, and have some of it handed out if it is too much."""
        for connection in self._touched:
            self._account(connection)
        self._touched.clear()
        self._until_account = _ACCOUNT_EVERY
        return self._relieve() if self._held > self._memory else []

    def _account(self, connection: _Connection[T]) -> None:
        """Count what a connection holds now."""
        held = connection.held
        self._held += held - connection.accounted
        connection.accounted = held

    def _relieve(self) -> list[T]:
        """Have connections let go of what they hold, the longest idle first, until half of the memory is free.

        Half, so that the many that hold nothing are not gone through for every segment.
        """
        made: list[T] = []
        for connection in self._live.values():
            if connection.accounted:
                made += connection.let_go()
                before = connection.accounted
                self._account(connection)
                self._let_go += before - connection.accounted
                if self._held <= self._memory // 2:
                    break
        return made

    def _sweep(self, ends: Ends, now_ns: int, *, closed: bool) -> list[T]:
        """Note whether a connection is over, and forget those that have been for long."""
        made: list[T] = []
        if closed:
            self._closed[ends] = None
            self._closed.move_to_end(ends)
        elif self._closed:
            self._closed.pop(ends, None)
        while self._closed:
            ends = next(iter(self._closed))
            if now_ns - self._live[ends].last_ns <= _LINGER_NS:
                break
            made += self._end(ends)
        return made


def _ends_of(segment: Segment) -> Ends:
    source, destination = segment.source, segment.destination
    return (source, destination) if source <= destination else (destination, source)


def _reason(missing: Missing) -> str:
    what = "1 byte is" if missing.size == 1 else f"{missing.size} bytes are"
    if missing.cut_short:
        return f"packet cut short by the capture: {what} missing (capture with -s 0)"
    return f"gap: {what} not in the capture"
