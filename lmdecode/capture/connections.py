"""All TCP connections on the protocol's port: segments in, Records out."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import Final

from lmdecode.capture.packet import ACK, FIN, PSH, RST, SYN, Endpoint, Segment
from lmdecode.capture.reassembly import Delivered, Direction, Event, Missing
from lmdecode.codec.conversation import Conversation, Tally
from lmdecode.codec.decoded import Decoder
from lmdecode.codec.record import Record, Sender

__all__ = ["Connections"]

_TELLING: Final = ACK | SYN | FIN | RST  # of which an ordinary segment has ACK alone
_MAX_CONNECTIONS: Final = 4096
_LINGER_NS: Final = 60_000_000_000  # after its end a connection's retransmissions may still come
_LATE: Final = "out of order: these bytes belong before others that were decoded already"


class _Connection:
    """One connection: two directions and the Conversation that they make."""

    __slots__ = ("_app", "_conversation", "_directions", "_machine", "closed", "last_ns", "packets")

    def __init__(self, conversation: Conversation, app: Endpoint, machine: Endpoint) -> None:
        self._conversation = conversation
        self._app = app
        self._machine = machine
        self._directions = {app: Direction(), machine: Direction()}
        self.packets = 0
        self.last_ns = 0
        self.closed = False

    def begins_anew(self, segment: Segment) -> bool:
        """Whether a segment is the beginning of another connection between the same two ends."""
        if not segment.flags & SYN:
            return False
        direction = self._directions[segment.source]
        if self.closed and not segment.flags & ACK and direction.has_sent:
            return True  # by chance, or by a simple network stack, with the same number as the last one
        return direction.begins_at(segment.seq) is False

    def receive_ordinary(self, segments: Sequence[Segment], index: int, records: list[Record]) -> int:
        """Take the segments from an index on, as long as each only carries the next bytes of one of the streams.

        The fast path, for nearly all segments: what it takes, `receive` would take just so, in twice the time.

        Args:
            segments: Of whatever connections.
            index: Of the first to be looked at.
            records: What the segments complete is added to them.

        Returns:
            The index of the first segment to which there is more, or that is another connection's.
        """
        app, machine, receive = self._app, self._machine, self._conversation.receive
        from_app, from_machine = self._directions[app], self._directions[machine]
        sender: Sender
        for number in range(index, len(segments)):
            time_ns, source, destination, flags, seq, ack, payload, missing = segments[number]
            if flags & _TELLING != ACK or not payload or missing:
                return number
            # The ends of segments are the same objects again and again; if not, this is only slower.
            if source is app and destination is machine:
                if not from_app.goes_on(from_machine, seq, ack, len(payload)):
                    return number
                sender = "app"
            elif source is machine and destination is app:
                if not from_machine.goes_on(from_app, seq, ack, len(payload)):
                    return number
                sender = "machine"
            else:
                return number
            self.packets += 1
            self.last_ns = time_ns
            records += receive(time_ns, sender, payload)
        return len(segments)

    def receive(self, segment: Segment) -> list[Record]:
        """Take one of the connection's segments; hand out the Records that it completes."""
        time_ns, source, destination, flags, seq, ack, payload, missing = segment
        self.packets += 1
        self.last_ns = time_ns
        direction, other = self._directions[source], self._directions[destination]
        records: list[Record] = []
        if flags & SYN:
            direction.synchronise(seq)
            seq += 1
            self._close(closed=False)  # the same SYN again, after a reset: they are still trying
        if flags & RST:
            self._close(closed=True)  # what it carries is no part of the stream
        else:
            if payload or missing:
                records += self._hand_on(
                    source, direction.receive(time_ns, seq, payload, missing, pushed=bool(flags & PSH))
                )
            if flags & ACK:
                other.acknowledge(time_ns, ack)
            if flags & FIN:
                direction.finish(time_ns, seq + len(payload) + missing)
                self._close(closed=other.finished)
        if direction.waiting:
            records += self._hand_on(source, direction.overdue(time_ns, self.packets))
        if other.waiting:
            records += self._hand_on(destination, other.overdue(time_ns, self.packets))
        return records

    def end(self) -> list[Record]:
        """Nothing more will come: hand out what is held back."""
        records: list[Record] = []
        for sender, direction in self._directions.items():
            records += self._hand_on(sender, direction.flush())
        records += self._conversation.close(self.last_ns)
        return records

    def _close(self, *, closed: bool) -> None:
        self.closed = closed
        for direction in self._directions.values():
            direction.closed = closed

    def _hand_on(self, source: Endpoint, events: list[Event]) -> list[Record]:
        sender: Sender = "machine" if source == self._machine else "app"
        conversation = self._conversation
        records: list[Record] = []
        for event in events:
            if isinstance(event, Delivered):
                records += conversation.receive(event.time_ns, sender, event.data)
            elif isinstance(event, Missing):
                records += conversation.gap(event.time_ns, sender, event.size, _reason(event))
            else:
                records += conversation.receive_late(event.time_ns, sender, event.data, _LATE)
        return records


class Connections:
    """Tells connections apart and decodes each.

    Args:
        decoder: With the machine's key.
        port: The machine is the side on it.
        tally: Counts of all connections are added to it.
        first: The first connection's number.
    """

    def __init__(self, decoder: Decoder, port: int, tally: Tally, *, first: int = 0) -> None:
        self._decoder = decoder
        self._port = port
        self._tally = tally
        self._live: OrderedDict[tuple[Endpoint, Endpoint], _Connection] = OrderedDict()  # the longest idle first
        self._closed: OrderedDict[tuple[Endpoint, Endpoint], None] = OrderedDict()  # those of them that are over
        self._latest: _Connection | None = None  # the last of `_live`
        self.count = first
        """The next connection's number."""

    def receive_all(self, segments: Sequence[Segment]) -> list[Record]:
        """Take the next segments on the port; hand out the Records that they complete, of whatever connections."""
        records: list[Record] = []
        index = 0
        while index < len(segments):
            if self._latest is not None and not self._closed:
                index = self._latest.receive_ordinary(segments, index, records)
            if index < len(segments):
                records += self.receive(segments[index])
                index += 1
        return records

    def receive(self, segment: Segment) -> list[Record]:
        """Take the next segment on the port; hand out the Records that it completes, of whatever connection."""
        source, destination = segment.source, segment.destination
        ends = (source, destination) if source <= destination else (destination, source)
        connection = self._live.get(ends)
        records: list[Record] = []
        if connection is None or connection.begins_anew(segment):
            if connection is not None:
                records += self._end(ends)
            connection = self._live[ends] = self._open(segment)
            if len(self._live) > _MAX_CONNECTIONS:
                records += self._end(next(iter(self._live)))
        else:
            self._live.move_to_end(ends)
        self._latest = connection
        records += connection.receive(segment)
        if connection.closed:
            self._closed[ends] = None
            self._closed.move_to_end(ends)
        elif self._closed:
            self._closed.pop(ends, None)
        if self._closed:
            records += self._sweep(segment.time_ns)
        return records

    def close(self) -> Iterator[Record]:
        """The capture is over: hand out what is held back."""
        for connection in self._live.values():
            yield from connection.end()
        self._live.clear()
        self._closed.clear()

    def _open(self, segment: Segment) -> _Connection:
        source, destination = segment.source, segment.destination
        source_is_machine = source.port == self._port
        if source_is_machine and destination.port == self._port:
            source_is_machine = segment.flags & (SYN | ACK) == SYN | ACK  # it answers; else it is taken to ask
        app, machine = (destination, source) if source_is_machine else (source, destination)
        conversation = Conversation(
            self._decoder, stream=self.count, app=str(app), machine=str(machine), tally=self._tally
        )
        self.count += 1
        return _Connection(conversation, app, machine)

    def _end(self, ends: tuple[Endpoint, Endpoint]) -> list[Record]:
        self._closed.pop(ends, None)
        self._latest = None
        return self._live.pop(ends).end()

    def _sweep(self, now_ns: int) -> list[Record]:
        """Forget connections that ended long ago."""
        records: list[Record] = []
        while self._closed:
            ends = next(iter(self._closed))
            if now_ns - self._live[ends].last_ns <= _LINGER_NS:
                break
            records += self._end(ends)
        return records


def _reason(missing: Missing) -> str:
    what = "1 byte is" if missing.size == 1 else f"{missing.size} bytes are"
    if missing.cut_short:
        return f"packet cut short by the capture: {what} missing (capture with -s 0)"
    return f"gap: {what} not in the capture"
