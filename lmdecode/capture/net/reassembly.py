"""One direction of one TCP connection: segments in any order in, the byte stream in order out.

Pure: knows nothing of packets, files or frames. Positions are sequence numbers that do not wrap: the one that a
32-bit sequence number stands for is always the nearest to the byte expected next.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from typing import Final, NamedTuple

# A hole is given up when the receiver has acknowledged what belongs in it, and after that so many packets of the
# connection or so much time has passed: captures show packets out of order, but not by that much.
_ACKED_PACKETS: Final = 8
_ACKED_NS: Final = 1_000_000_000
# When the other side is not in the capture nothing is ever acknowledged.
_SILENT_NS: Final = 30_000_000_000
_MAX_HELD_BYTES: Final = 1 << 20
_MAX_HELD_PIECES: Final = 1024

_MAX_RANGES: Final = 256  # that are remembered of each kind
_FAR: Final = 1 << 30  # TCP's largest window, in bytes: nothing of this connection is farther away
_FAR_ACK: Final = 1 << 24  # an acknowledgement alone is trusted less: it may be of an earlier connection


class Delivered(NamedTuple):
    """The next bytes of the stream."""

    time_ns: int
    """Of the packet that made them deliverable."""
    data: bytes


class Missing(NamedTuple):
    """The next bytes of the stream are not in the capture, and are not waited for any longer."""

    time_ns: int
    """Of the packet that showed that they exist."""
    size: int
    cut_short: bool
    """Whether their packet was captured, but not all of it."""


class Late(NamedTuple):
    """Bytes that belong before others already handed out, and that were not handed out before."""

    time_ns: int
    data: bytes


Event = Delivered | Missing | Late


class _Piece(NamedTuple):
    """Bytes that wait for those before them."""

    start: int
    data: bytes
    time_ns: int


class _Mark(NamedTuple):
    """When it was first seen that the hole in front will hardly be filled."""

    packet: int
    time_ns: int
    acked: int


class Direction:
    """Puts one direction's segments in order.

    Of bytes that come twice the first are taken, as most receivers do.
    """

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
        self._next: int | None = None  # position of the byte expected next; None until something tells it
        self._base = 0  # position of the first byte expected
        self._end = 0  # how far the stream is known to go; beyond `_next` means that there is a hole
        self._end_ns = 0  # when it was learned that it goes beyond what was captured
        self._acked = 0  # how far the other side has it
        self._fin: int | None = None  # where the stream ends
        self._held: list[_Piece] = []  # beyond a hole; sorted, never overlapping
        self._held_bytes = 0
        self._cut: list[tuple[int, int]] = []  # ranges that the snap length cut off, sorted
        self._lost: list[tuple[int, int]] = []  # ranges passed over without being handed out, sorted
        self._mark: _Mark | None = None
        self.closed = False
        """Whether the connection is over, so that little more can be hoped for."""

    @property
    def waiting(self) -> bool:
        """Whether there is a hole in front."""
        return self._next is not None and self._end > self._next

    @property
    def finished(self) -> bool:
        """Whether the sender has closed the stream, here or beyond a hole."""
        return self._fin is not None

    @property
    def has_sent(self) -> bool:
        """Whether any byte of the stream has come."""
        return self._next is not None and self._next > self._base

    def goes_on(self, other: Direction, seq: int, ack: int, size: int) -> bool:
        """Take the stream's next bytes, if that is what they are, and there is nothing else to think of.

        The fast path: most segments are such, and the bytes can be handed on as they are. False: no byte was taken.

        Args:
            other: The connection's other direction.
            seq: Of the first byte, 32 bits.
            ack: What is acknowledged of the other direction, 32 bits.
            size: How many bytes there are.
        """
        expected = other._next
        if expected is None or other._end != expected or ack != expected & 0xFFFFFFFF:
            return False
        other._acked = expected
        expected = self._next
        if expected is None or self._end != expected or seq != expected & 0xFFFFFFFF:
            return False
        self._next = self._end = expected + size
        return True

    def begins_at(self, isn: int) -> bool | None:
        """Whether a SYN with this sequence number is of this very connection; None if nothing is known yet."""
        if self._next is None:
            return None
        # Without a captured SYN the stream may seem to begin later than it did, if packets were captured out of order.
        behind = self._base - self._position(isn + 1)
        return 0 <= behind <= (0xFFFF if self._lost and self._lost[0][1] == self._base else 0)

    def synchronise(self, isn: int) -> None:
        """Take the SYN's sequence number: the stream begins after it."""
        if self._next is None:
            self._begin(isn + 1, in_the_middle=False)

    def receive(self, time_ns: int, seq: int, payload: bytes, missing: int = 0, *, pushed: bool = True) -> list[Event]:
        """Take one segment.

        Args:
            time_ns: The packet's time.
            seq: Of its first byte, 32 bits.
            payload: What was captured of its bytes.
            missing: How many more it had.
            pushed: Whether its PSH flag is set: keep-alives do without.
        """
        size = len(payload)
        expected = self._next
        if expected is None:
            if size == 1 and not pushed and not missing:
                seq += 1  # a keep-alive sends the byte before the next one
            self._begin(seq)
            expected = self._base
            if size == 1 and not pushed and not missing:
                return []
        position = self._position(seq)
        if position == expected and not missing and self._end <= expected:
            self._next = self._end = expected + size
            return [Delivered(time_ns, payload)]
        if position - expected > _FAR or expected - position > _FAR:
            return [Late(time_ns, payload)] if payload else []
        if size == 1 and not pushed and position in (expected - 1, self._base - 1):
            return []
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
            seq: Of the FIN itself, 32 bits: after the last byte.
        """
        if self._next is None:
            self._begin(seq)
        position = self._position(seq)
        if self._fin is not None or not 0 <= position - self._expected <= _FAR:
            return
        self._fin = position
        known = max(self._captured_end, *(end for _, end in self._cut), 0)
        if self._acked > position:  # that was the acknowledgement of the FIN, which is no byte of the stream
            self._acked = position
            self._end = min(self._end, max(known, position))
        self._extend(time_ns, position)

    def acknowledge(self, time_ns: int, ack: int) -> None:
        """Take an acknowledgement number that the other side sent: it has all bytes before it."""
        if self._next is None:
            self._begin(ack)
            return
        position = self._position(ack)
        if self._fin is not None and position > self._fin:
            position = self._fin
        # A FIN counts as a byte: if it was not captured, it is acknowledged as if there were one more.
        if self._acked < position <= self._expected + _FAR_ACK and position != self._end + 1:
            self._acked = position
            self._extend(time_ns, position)

    def overdue(self, time_ns: int, packet: int) -> list[Event]:
        """Give up the holes that were waited for long enough, and hand out what stands behind them.

        Args:
            time_ns: Capture time now.
            packet: Number of the connection's packet now.
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
                # The holes that were in the same case back then have been waited for as long.
                self._mark = mark if self.waiting and self._hole_end <= mark.acked else None
            else:
                self._mark = None
                since = self._held[0].time_ns if self._held else self._end_ns
                if abs(time_ns - since) < _SILENT_NS:
                    break
                events += self._give_up()
        return events

    def flush(self) -> list[Event]:
        """Nothing more will come: give up all holes and hand out all that is held."""
        events: list[Event] = []
        while self.waiting:
            events += self._give_up()
        return events

    @property
    def _expected(self) -> int:
        """The position of the byte expected next, once it is known."""
        return self._base if self._next is None else self._next

    @property
    def _captured_end(self) -> int:
        """How far the stream goes by what was captured of it."""
        return self._held[-1].start + len(self._held[-1].data) if self._held else self._expected

    @property
    def _hole_end(self) -> int:
        return self._held[0].start if self._held else self._end

    def _begin(self, seq: int, *, in_the_middle: bool = True) -> None:
        # Far from zero, so that no position that can come up is negative.
        self._next = self._base = self._end = self._acked = (seq & 0xFFFFFFFF) + (1 << 32)
        if in_the_middle:  # what comes before was sent too, only not captured up to now
            self._lost.append((self._base - _FAR, self._base))

    def _position(self, seq: int) -> int:
        expected = self._expected
        return expected + ((seq - expected + 0x80000000) & 0xFFFFFFFF) - 0x80000000

    def _extend(self, time_ns: int, end: int) -> None:
        if end > self._end:
            if self._end <= self._captured_end:
                self._end_ns = time_ns
            self._end = end

    def _hold(self, time_ns: int, start: int, data: bytes) -> None:
        """Keep those of the bytes that are not kept already."""
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
        """Hand out what is held and has nothing missing before it.

        Args:
            time_ns: Of the packet that filled the hole; None if the hole was given up.
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
        """Pass over the hole in front."""
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
        """Hand out those of the bytes that were passed over, and remember that they were handed out."""
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
