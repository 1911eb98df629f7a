"""One direction of one TCP connection: segments in any order in, the byte stream in order out.

Pure: it knows nothing of packets, files or frames.

Reassembly in a receiver is easy, since TCP retransmits until everything has arrived. We are no receiver: we stand
beside the wire, see what a capture happened to keep, and cannot ask for anything again. So the question is not how to
put bytes in order but how long to wait for those that are not there:

- Lost on the wire: the receiver does not acknowledge the bytes, and the sender repeats them. Waiting is right.
- Lost in the capture: the receiver has the bytes and acknowledges them. They will never come. Waiting is wrong, and
  everything behind the hole would be shown late or, when the capture is watched live, not at all.
- Out of order: several queues of a network card, or `-i any`, record packets in another order than they were sent,
  and an acknowledgement may then stand before the bytes that it is for. They come within a few packets.
- Cut by the snap length: the header says how many bytes there were. These will not come either, except if they are
  sent again and fit that time.

**The other side's acknowledgement decides.** A hole that it covers is given up soon, with a little patience for packets
out of order. A hole that it does not cover is waited for. If the capture has no other side at all, time decides. Each
hole that is given up is reported as `Missing`, and bytes that come after that as `Late`: nothing is dropped silently.

What else happens on a wire:

- Retransmissions may cut the stream elsewhere, so overlaps are settled byte by byte, not segment by segment. Of bytes
  that come twice the first are kept. RFC 9293 (section 3.10.7.4) has a receiver trim off what it already has; for
  bytes beyond a hole it leaves the choice open, and systems differ. An honest sender repeats the same bytes.
- Sequence numbers have 32 bits and wrap (section 3.4). Positions here do not: a number stands for the position nearest
  to the byte expected next. Everything else is then plain arithmetic, with no comparison modulo 2**32 to get wrong.
- SYN and FIN count as one byte each (section 3.4), which is not a byte of the stream. The SYN's is added by the caller,
  which hands over its data, if it has any, one later; the FIN's is recognised in acknowledgements.
- A capture often begins in the middle of a connection. The first number seen then says where the stream begins, and
  bytes that belong before it are handed out as `Late`.
- Two ends may use the same ports again (section 3.6.1). `begins_at` distinguishes such a SYN from a repeated one.
- A keep-alive may carry one byte of garbage (section 3.8.4), at the position before the one expected next. Taken for
  data, it spoils the stream, as was reported of tcpflow (its issue 253).

A hostile or damaged capture can claim anything, so all that is kept is bounded, and a number too far away is not
believed.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from typing import Final, NamedTuple

# Once a hole is acknowledged, only a packet recorded out of order can still fill it. Those come a handful of packets
# later at most. On a quiet connection (a machine reports twice a second) eight packets would take seconds, so a second
# of capture time is enough as well: it is longer than any queue holds a packet back.
_ACKED_PACKETS: Final = 8
_ACKED_NS: Final = 1_000_000_000
# A hole that nobody acknowledges is a loss on the wire, or the other side is not in the capture. A sender that follows
# RFC 6298 starts with a timeout of one second and doubles it, so it has repeated the bytes after 1, 3, 7 and 15 s.
_SILENT_NS: Final = 30_000_000_000
# Of bytes behind a hole. Machines speak in frames of a few hundred bytes, so a megabyte is more than can be on its way
# at once. Pieces are bounded too: a megabyte in single bytes would be slow to keep sorted.
_MAX_HELD_BYTES: Final = 1 << 20
_MAX_HELD_PIECES: Final = 1024

# Ranges that are remembered, of those that were given up and of those that were cut off. Lists of this length are
# searched from end to end; a capture that loses more packets than this in a row has other problems.
_MAX_RANGES: Final = 256
# A window without scaling: what a sender can be ahead of what was captured.
_NEAR: Final = 1 << 16
# Bytes of memory, about, that a piece takes beside its data, and that a remembered range takes.
_PIECE_SIZE: Final = 200
_RANGE_SIZE: Final = 140
# The largest window is 2**30 bytes (RFC 7323, section 2.3), so nothing of this connection is farther away. A segment
# that claims to be is damaged, or of another connection with the same ports.
_FAR: Final = 1 << 30
# An acknowledgement brings no bytes that would prove it, and one of an earlier connection between the same ports would
# open a hole of up to a gigabyte. So it is believed over a shorter distance, still days of a machine's traffic.
_FAR_ACK: Final = 1 << 24


class Delivered(NamedTuple):
    """The next bytes of the stream."""

    time_ns: int
    """Of the packet that made them deliverable."""
    data: bytes


class Missing(NamedTuple):
    """The next bytes of the stream are not in the capture, and were given up."""

    time_ns: int
    """Of the packet that showed that they exist."""
    size: int
    cut_short: bool
    """True if their packet was captured, but the snap length cut these bytes off."""


class Late(NamedTuple):
    """Bytes that belong before others that were already handed out, and that are handed out for the first time."""

    time_ns: int
    data: bytes


Event = Delivered | Missing | Late


class _Piece(NamedTuple):
    """Bytes beyond a hole."""

    start: int
    data: bytes
    time_ns: int


class _Mark(NamedTuple):
    """The moment from which the patience for the hole in front is counted."""

    packet: int
    time_ns: int
    acked: int


class Direction:
    """Puts the segments of one direction in order."""

    __slots__ = (
        "_acked",
        "_base",
        "_cut",
        "_end",
        "_end_ns",
        "_fin",
        "_held",
        "_held_bytes",
        "_lost",
        "_mark",
        "_next",
        "closed",
    )

    def __init__(self) -> None:
        self._next: int | None = None  # position of the byte expected next; None until any number is known
        self._base = 0  # position of the first byte of the stream, as far as the capture shows it
        self._end = 0  # how far the stream is known to go; if this is beyond `_next`, there is a hole
        self._end_ns = 0  # time of the packet that showed bytes beyond those captured
        self._acked = 0  # how far the other side has acknowledged the stream
        self._fin: int | None = None  # where the stream ends
        self._held: list[_Piece] = []  # bytes beyond a hole; sorted, never overlapping
        self._held_bytes = 0
        self._cut: list[tuple[int, int]] = []  # ranges that the snap length cut off, sorted
        self._lost: list[tuple[int, int]] = []  # ranges that were given up and have not come since, sorted
        self._mark: _Mark | None = None
        self.closed = False
        """True after the connection has ended: holes are then given up as if they were acknowledged."""

    @property
    def waiting(self) -> bool:
        """True if there is a hole in front."""
        return self._next is not None and self._end > self._next

    @property
    def held(self) -> int:
        """About how many bytes of memory it holds: bytes beyond a hole, ranges that are remembered."""
        ranges = len(self._cut) + len(self._lost)
        return self._held_bytes + len(self._held) * _PIECE_SIZE + ranges * _RANGE_SIZE

    @property
    def finished(self) -> bool:
        """True if the sender has closed the stream, even if bytes before its end are still missing."""
        return self._fin is not None

    @property
    def has_sent(self) -> bool:
        """True if any byte of the stream was handed out or given up."""
        return self._next is not None and self._next > self._base

    @property
    def goes_on_at(self) -> int | None:
        """The position of the next byte. None if bytes before it are missing, or if no position is known yet."""
        return None if self._end != self._next else self._next

    @property
    def acked(self) -> int:
        """How far the other side has acknowledged the stream."""
        return self._acked

    def go_on(self, until: int, acked: int) -> None:
        """Count bytes that directly continue the stream, and that the caller hands on as they are.

        The fast path, for nearly all segments. Neither direction has a hole (see `goes_on_at`), and each segment
        acknowledges all that its other side has sent.

        Args:
            until: The position behind them.
            acked: How far the stream was acknowledged meanwhile.
        """
        self._next = self._end = until
        self._acked = acked

    def begins_at(self, isn: int) -> bool | None:
        """Return True if a SYN with this sequence number began this connection, None if no number is known yet.

        False: the ports are used again. RFC 9293 (section 3.6.1) lets a SYN reopen a connection of the same ports with
        a higher number; a repeated SYN has the same number.
        """
        if self._next is None:
            return None
        # If the capture has data before the SYN, out of order, the stream seems to begin later than it did: by no more
        # than the first window, which a SYN cannot scale beyond 64 KiB (RFC 7323, section 2.2).
        behind = self._base - self._position(isn + 1)
        return 0 <= behind <= (0xFFFF if self._lost and self._lost[0][1] == self._base else 0)

    def is_near(self, number: int) -> bool | None:
        """Return True if a sequence number lies in the stream, or close behind it; None if no number is known yet."""
        if self._next is None:
            return None
        return self._base - 1 <= self._position(number) <= self._end + _NEAR

    def has_acknowledged(self, number: int) -> bool:
        """Return True if the other side acknowledged all bytes before a sequence number."""
        return self._next is not None and self._base < self._position(number) <= self._acked

    def synchronise(self, isn: int) -> None:
        """Take the sequence number of a SYN: the stream begins one after it."""
        if self._next is None:
            self._begin(isn + 1, in_the_middle=False)

    def receive(self, time_ns: int, seq: int, payload: bytes, missing: int = 0, *, pushed: bool = True) -> list[Event]:
        """Take one segment with data.

        Args:
            time_ns: The packet's time.
            seq: Sequence number of the first byte, 32 bits.
            payload: The bytes that were captured.
            missing: How many more the segment had, which the snap length cut off.
            pushed: True if the PSH flag is set. Data of one byte has it, a keep-alive has not.
        """
        size = len(payload)
        expected = self._next
        if expected is None:
            if size == 1 and not pushed and not missing:
                seq += 1  # a keep-alive: it repeats the byte before the one expected next
            self._begin(seq)
            expected = self._base
            if size == 1 and not pushed and not missing:
                return []
        position = self._position(seq)
        if position == expected and not missing and self._end <= expected:  # in order, and no hole: nothing to arrange
            self._next = self._end = expected + size
            return [Delivered(time_ns, payload)]
        if position - expected > _FAR or expected - position > _FAR:
            return [Late(time_ns, payload)] if payload else []  # it cannot be placed, but it is shown
        if size == 1 and not pushed and position in (expected - 1, self._base - 1):
            return []  # a keep-alive
        events: list[Event] = []
        end = position + size
        if position < expected and payload:
            events += self._late(time_ns, position, payload[: expected - position])
        if end > expected:
            self._hold(time_ns, max(position, expected), payload[max(expected - position, 0) :])
        self._extend(time_ns, end)
        if missing and end + missing > expected:
            self._cut = sorted({*self._cut, (max(end, expected), end + missing)})[:_MAX_RANGES]
            self._extend(time_ns, end + missing)
        events += self._release(time_ns)
        return events

    def finish(self, time_ns: int, seq: int) -> None:
        """Take a FIN.

        Args:
            time_ns: The packet's time.
            seq: Sequence number of the FIN itself, 32 bits: one after the last byte.
        """
        if self._next is None:
            self._begin(seq)
        position = self._position(seq)
        if self._fin is not None or not 0 <= position - self._expected <= _FAR:
            return
        self._fin = position
        known = max(self._captured_end, *(end for _, end in self._cut), 0)
        if self._acked > position:  # the FIN was acknowledged already, and is not a byte of the stream
            self._acked = position
            self._end = min(self._end, max(known, position))
        self._extend(time_ns, position)

    def acknowledge(self, time_ns: int, ack: int) -> None:
        """Take an acknowledgement number of the other side, which has all bytes before it."""
        if self._next is None:
            self._begin(ack)
            return
        position = self._position(ack)
        if self._fin is not None and position > self._fin:
            position = self._fin
        # A FIN counts as a byte. If the capture lacks it, its acknowledgement claims one byte more than the stream has,
        # so exactly one more is not believed: a gap of one byte is rarer than a FIN that was not captured.
        if self._acked < position <= self._expected + _FAR_ACK and position != self._end + 1:
            self._acked = position
            self._extend(time_ns, position)

    def overdue(self, time_ns: int, packet: int) -> list[Event]:
        """Give up the holes that were waited for long enough, and hand out the bytes behind them.

        Differences of times are taken without their sign: a recorder's clock that is set back must not make a hole
        wait for hours.

        Args:
            time_ns: Time of the connection's current packet.
            packet: Number of that packet in the connection.
        """
        events: list[Event] = []
        while self.waiting and (len(self._held) > _MAX_HELD_PIECES or self._held_bytes > _MAX_HELD_BYTES):
            events += self._give_up()
        while self.waiting:
            hole_end = self._hole_end
            if self.closed or self._acked >= hole_end:
                mark = self._mark
                if mark is None:
                    self._mark = _Mark(packet, time_ns, self._end if self.closed else self._acked)
                    break
                if packet - mark.packet < _ACKED_PACKETS and abs(time_ns - mark.time_ns) < _ACKED_NS:
                    break
                events += self._give_up()
                # Holes that were acknowledged before the mark have been waited for as long as this one.
                self._mark = mark if self.waiting and self._hole_end <= mark.acked else None
            else:
                self._mark = None
                since = self._held[0].time_ns if self._held else self._end_ns
                if abs(time_ns - since) < _SILENT_NS:
                    break
                events += self._give_up()
        return events

    def flush(self) -> list[Event]:
        """Give up all holes and hand out all bytes behind them, since nothing more will come."""
        events: list[Event] = []
        while self.waiting:
            events += self._give_up()
        return events

    def let_go(self) -> list[Event]:
        """Hand out all that is held, as `flush` does, and forget the ranges: bytes of them will count as repeated."""
        events = self.flush()
        self._cut, self._lost = [], []
        return events

    @property
    def _expected(self) -> int:
        """The position of the byte expected next; only of use once a number is known."""
        return self._base if self._next is None else self._next

    @property
    def _captured_end(self) -> int:
        """Where the last captured byte of the stream ends."""
        return self._held[-1].start + len(self._held[-1].data) if self._held else self._expected

    @property
    def _hole_end(self) -> int:
        return self._held[0].start if self._held else self._end

    def _begin(self, seq: int, *, in_the_middle: bool = True) -> None:
        # Far from zero, so that no position can be negative: the 2**31 numbers before this one stand for earlier bytes.
        self._next = self._base = self._end = self._acked = (seq & 0xFFFFFFFF) + (1 << 32)
        if in_the_middle:  # bytes before this one were sent, and may still come
            self._lost.append((self._base - _FAR, self._base))

    def _position(self, seq: int) -> int:
        """The position nearest to the byte expected next that a sequence number can stand for."""
        expected = self._expected
        return expected + ((seq - expected + 0x80000000) & 0xFFFFFFFF) - 0x80000000

    def _extend(self, time_ns: int, end: int) -> None:
        if end > self._end:
            if self._end <= self._captured_end:
                self._end_ns = time_ns
            self._end = end

    def _hold(self, time_ns: int, start: int, data: bytes) -> None:
        """Keep the bytes that are not kept already: each part that lies between two kept pieces."""
        held = self._held
        position, end = start, start + len(data)
        index = bisect_right(held, start, key=_start)
        if index and held[index - 1].start + len(held[index - 1].data) > start:
            index -= 1
        new: list[_Piece] = []
        while position < end:
            piece = held[index] if index < len(held) else None
            stop = end if piece is None else min(end, piece.start)
            if stop > position:
                new.append(_Piece(position, data[position - start : stop - start], time_ns))
            if piece is None or piece.start >= end:
                break
            position = piece.start + len(piece.data)
            index += 1
        for piece in new:
            insort(held, piece, key=_start)
            self._held_bytes += len(piece.data)

    def _release(self, time_ns: int | None) -> list[Event]:
        """Hand out the held bytes that directly continue the stream.

        Args:
            time_ns: Time of the packet that filled the hole. None if the hole was given up: each piece then has its
                own packet's time, or the latest before it, so that times do not go back.
        """
        held = self._held
        events: list[Event] = []
        expected = self._expected
        count = latest = 0
        for piece in held:
            if piece.start != expected:
                break
            expected += len(piece.data)
            latest = max(latest, piece.time_ns) if count else piece.time_ns
            events.append(Delivered(latest if time_ns is None else time_ns, piece.data))
            count += 1
        if count:
            del held[:count]
            self._held_bytes -= expected - self._expected
            self._advance(expected)
        return events

    def _advance(self, expected: int) -> None:
        self._next = expected
        self._mark = None
        if self._cut:
            self._cut = [cut for cut in self._cut if cut[1] > expected]

    def _give_up(self) -> list[Event]:
        """Report the hole in front as missing, piece by piece with its reason, and go to its end."""
        position, hole_end = self._expected, self._hole_end
        time_ns = self._held[0].time_ns if self._held else self._end_ns
        self._lost.append((position, hole_end))
        del self._lost[:-_MAX_RANGES]
        events: list[Event] = []
        for start, end in [*self._cut, (hole_end, hole_end)]:
            start, end = min(max(start, position), hole_end), min(end, hole_end)  # noqa: PLW2901
            if start > position:
                events.append(Missing(time_ns, start - position, cut_short=False))
                position = start
            if end > position:
                events.append(Missing(time_ns, end - position, cut_short=True))
                position = end
        self._advance(hole_end)
        events += self._release(None)
        return events

    def _late(self, time_ns: int, position: int, data: bytes) -> list[Event]:
        """Hand out the bytes that were given up before, each once; the others are retransmissions."""
        end = position + len(data)
        events: list[Event] = []
        kept: list[tuple[int, int]] = []
        for lost_start, lost_end in self._lost:
            start, stop = max(position, lost_start), min(end, lost_end)
            if start >= stop:
                kept.append((lost_start, lost_end))
                continue
            events.append(Late(time_ns, data[start - position : stop - position]))
            kept += [(left, right) for left, right in ((lost_start, start), (stop, lost_end)) if left < right]
        self._lost = kept
        return events


def _start(piece: _Piece) -> int:
    return piece.start
