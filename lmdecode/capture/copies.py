"""One conversation that a capture has twice: it is recognised, and its messages come out once.

A recorder that listens at several places sees each packet several times: `-i any` on a router before and after its
address translation, a mirror port that has both the access point's and the computer's own wire, two captures merged.
Where the addresses are the same, TCP's own numbers say that a segment is a repetition, and reassembly drops it. Where
one address was translated, the copy looks like a connection of its own, and every message would come out twice.

Address translation usually leaves alone both ports, the sequence numbers of both directions, and the bytes. So a
connection is taken for a copy of another one if all of this holds:

1. Its first segment has the same two ports and fits the other's numbers: the SYN's number is the same, or the segment
   lies where the other's stream is. Two random numbers of 32 bits seldom agree.
2. The bytes at the same numbers are equal, in both directions if both were captured. The numbers alone prove nothing:
   a simple network stack begins with the same number each time, and apps begin with the same request.
3. Both were captured at nearly the same time. If the same bytes come again later, or the times in the file go back, the
   file holds one capture twice, or a network stack repeats its numbers. Such a connection is decoded on its own, and a
   note says so.

Until it is decided, the suspect's segments are held back: few, and for a short time. If the bytes differ, or nothing
can be compared, it is a connection of its own, and nothing was lost. If it is a copy, all its segments go to the
original as if they were its own, so a packet that was captured at only one of the places still counts, and whatever
comes twice is dropped as a repetition.

A proxy, or a translation that changes ports or numbers, makes two connections that only say the same. Whether they are
one conversation cannot be settled here, because two apps that start together say the same as well. A note says so, and
what to do.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Sequence
from itertools import islice
from typing import Final, Generic, NamedTuple, Protocol, TypeVar

from lmdecode.capture.net.packet import SYN, Endpoint, Segment

Ends = tuple[Endpoint, Endpoint]
"""The two ends of a connection, the smaller first."""

_LEAST: Final = 8  # bytes; a keep-alive has one byte, which may be garbage
# Segments that are remembered from the beginning, for copies that come much later: so many of the app, so many of the
# machine, but of both together no more than the last number. An app asks for ten things before the first answer comes.
_ASKED: Final = 3
_ANSWERED: Final = 5
_FIRST: Final = 24
_PREFIX: Final = 64  # bytes of each of these: some bytes of a frame differ if any do, by its cipher
_RECENT: Final = 64  # segments of all connections that are remembered at least, for copies that follow at once
_HELD_SEGMENTS: Final = 16  # of a suspect, that are held back at most
# How long data are held back at most. A copy follows within milliseconds, and so does what it is compared with.
_HELD_NS: Final = 2_000_000_000
_MAX_SUSPECTS: Final = 64
_MAX_ORIGINALS: Final = 8  # connections of the same ports that a new one is compared with
_MAX_COPIES: Final = 1024  # pairs of ends that are known to be copies
_MAX_ENDED: Final = 256  # connections that are over and are still known, for copies that come later
# How far times may go back: the queues of a network card hand packets over in another order than they came.
_BACK_NS: Final = 5_000_000
# How much later a copy may be than its segment: more than the clocks of two recorders differ if the network sets them.
_LAG_NS: Final = 10_000_000_000
_ALIKE: Final = 6  # segments that two connections must have in common before anybody is told
_ALIKE_NS: Final = 2_000_000_000  # between the first segments of two such connections; a proxy takes milliseconds


class Evidence:
    """The first segments of a connection that have data."""

    __slots__ = ("_said", "_seen", "first_ns", "is_whole")

    def __init__(self) -> None:
        self._seen: dict[tuple[bool, int], Segment] = {}
        self._said: dict[bool, list[tuple[int, bytes]]] = {True: [], False: []}  # by the app or not
        self.first_ns = 0
        """When the first of them was captured."""
        self.is_whole = False
        """Whether there are enough of them."""

    def add(self, segment: Segment, *, is_from_app: bool) -> None:
        """Remember a segment that has data."""
        key, prefix = (is_from_app, segment.seq), segment.payload[:_PREFIX]
        if self.is_whole or key in self._seen:
            return
        self._seen[key] = segment._replace(payload=prefix)
        self._said[is_from_app].append((len(segment.payload), prefix))
        self.first_ns = self.first_ns or segment.time_ns
        asked, answered = (len(self._said[each]) for each in (True, False))
        self.is_whole = (asked >= _ASKED and answered >= _ANSWERED) or asked + answered >= _FIRST

    def at(self, seq: int, *, is_from_app: bool) -> Segment | None:
        """Return the segment with this sequence number and its first bytes. Returns None if none was remembered."""
        return self._seen.get((is_from_app, seq))

    @property
    def beginning(self) -> Hashable:
        """What each side said first, without the numbers. None if that is so little that it may be chance."""
        asked, answered = tuple(self._said[True][:_ASKED]), tuple(self._said[False][:_ANSWERED])
        return (asked, answered) if asked and answered and len(asked) + len(answered) >= _ALIKE else None


class _Recent:
    """The latest segments of all connections: some batches as they came, so that keeping them costs nothing."""

    def __init__(self) -> None:
        self._before: Sequence[Segment] = ()
        self._now: Sequence[Segment] = ()
        self._index: dict[tuple[Endpoint, Endpoint, int], Segment] = {}
        self._is_indexed = False

    def extend(self, segments: Sequence[Segment]) -> None:
        self._is_indexed = False
        if len(self._now) >= _RECENT:
            self._before, self._now = self._now, segments
        else:
            self._now = [*self._now, *segments] if self._now else segments

    def at(self, segment: Segment) -> Segment | None:
        """The segment with the same ends and number. Both batches are gone through once, when asked."""
        if not self._is_indexed:
            self._index = {
                (each.source, each.destination, each.seq): each
                for batch in (self._now, self._before)
                for each in reversed(batch)  # of several the first
                if each.payload
            }
            self._is_indexed = True
        return self._index.get((segment.source, segment.destination, segment.seq))


class _Held(NamedTuple):
    """A segment of a suspect."""

    segment: Segment
    predecoded: object
    is_from_app: bool


class Original(Hashable, Protocol):
    """A connection of which another one may be a copy."""

    app: Endpoint
    machine: Endpoint
    number: int
    begun_ns: int
    last_ns: int
    evidence: Evidence

    @property
    def ends(self) -> Ends:
        """Its two ends."""

    def fits(self, segment: Segment, *, is_from_app: bool) -> bool:
        """Return whether a segment's numbers are those of this connection."""

    def has_acknowledged(self, segment: Segment) -> bool:
        """Return whether the app acknowledged the data of a segment of the machine's."""

    def own(self, segment: Segment, *, is_from_app: bool) -> Segment:
        """Return a copy's segment as this connection would have it."""

    def begins_anew(self, segment: Segment) -> bool:
        """Return whether a segment is the beginning of another connection between the same two ends."""


C = TypeVar("C", bound=Original)


class _Suspect(Generic[C]):
    """What may be a copy of a connection: its segments, until that is decided."""

    __slots__ = ("_recent", "held", "is_apart", "original")

    def __init__(self, original: C, recent: _Recent) -> None:
        self.original = original
        self._recent = recent
        self.held: list[_Held] = []
        """Its segments up to now."""
        self.is_apart = False
        """Whether its bytes are the original's, but were captured at another time."""

    def verdict(self, now_ns: int | None) -> bool | None:
        """Return whether the suspect is a copy. Returns None while that is open.

        Args:
            now_ns: The time of the latest packet; None at the end of the capture, where it must be decided.
        """
        agreed: set[bool] = set()
        for segment, _, is_from_app in self.held:
            is_equal = self._compare(segment, is_from_app=is_from_app)
            if is_equal is False:
                return False
            if is_equal:
                agreed.add(is_from_app)
        if len(agreed) == 2:  # both sides
            return True
        if len(self.held) < _HELD_SEGMENTS and now_ns is not None:
            begun_ns = next((each.segment.time_ns for each in self.held if each.segment.payload), now_ns)
            if abs(now_ns - begun_ns) <= _HELD_NS:
                return None
        # It may have one side only, or nothing but its handshake. Where both sides have data and only one was compared,
        # the machine's must be the one: what it says shows what it was asked, while apps ask the same of any machine.
        # Or the original's app acknowledged just that much, so that only the machine's packets were not captured there.
        data = [(segment, is_from_app) for segment, _, is_from_app in self.held if segment.payload]
        if False in agreed or agreed == {is_from_app for _, is_from_app in data}:
            return True
        return bool(agreed) and any(
            self.original.has_acknowledged(each) for each, is_from_app in data if not is_from_app
        )

    def _compare(self, segment: Segment, *, is_from_app: bool) -> bool | None:
        """Return whether the original has the same bytes at a segment's number. Returns None if it has no bytes there.

        The lengths may differ: network cards put segments together and cut them up.
        """
        seen = self.original.evidence.at(segment.seq, is_from_app=is_from_app)
        if seen is None and segment.payload:
            seen = self._recent.at(self.original.own(segment, is_from_app=is_from_app))
        size = 0 if seen is None else min(len(seen.payload), len(segment.payload))
        if seen is None or size < _LEAST:
            return None
        is_equal = seen.payload[:size] == segment.payload[:size]
        self.is_apart = is_equal and not -_BACK_NS <= segment.time_ns - seen.time_ns <= _LAG_NS
        return is_equal and not self.is_apart


class Turn(NamedTuple, Generic[C]):
    """A segment whose turn it is."""

    segment: Segment
    """As the original has it, if there is one."""
    predecoded: object
    original: C | None
    """Of which it is a copy."""
    may_be_copy: bool
    """True if that was not looked at yet."""


class Copies(Generic[C]):
    """Which connections of a capture are copies of others, or may be."""

    def __init__(self) -> None:
        self.busy = False
        """Whether any segment may be one of a copy."""
        self._by_ports: dict[tuple[int, int], dict[C, None]] = {}  # of app and machine; those that ended, too
        self._ended: OrderedDict[C, None] = OrderedDict()
        self._suspects: dict[Ends, _Suspect[C]] = {}  # the oldest first
        self._recent = _Recent()
        self._copies: OrderedDict[Ends, C] = OrderedDict()
        self._beginnings: OrderedDict[object, C] = OrderedDict()
        self._alike: list[tuple[int, int, int, str]] = []  # their numbers, the machine's port, a filter for the first
        self._count = 0
        self._example = ""
        self._again = 0

    def passed(self, segments: Sequence[Segment]) -> None:
        """Note the next segments of the capture: what follows may be copies of them."""
        self._recent.extend(segments)

    def add(self, connection: C) -> None:
        """Note that a connection has begun, or goes on."""
        self._by_ports.setdefault((connection.app.port, connection.machine.port), {})[connection] = None
        self._ended.pop(connection, None)

    def ended(self, connection: C) -> None:
        """Note that a connection is over."""
        self._compare_beginning(connection)
        self._ended[connection] = None
        if len(self._ended) > _MAX_ENDED:
            forgotten, _ = self._ended.popitem(last=False)
            ports = forgotten.app.port, forgotten.machine.port
            self._by_ports[ports].pop(forgotten, None)
            if not self._by_ports[ports]:
                del self._by_ports[ports]

    def suspect(self, ends: Ends, segment: Segment, predecoded: object, *, is_from_app: bool) -> bool:
        """Take a segment that seems to begin a connection. Returns True if it is held back, since it may be a copy."""
        ports = segment.source.port, segment.destination.port
        known = self._by_ports.get(ports if is_from_app else ports[::-1])
        is_again = False
        for original in islice(reversed(known), _MAX_ORIGINALS) if known else ():
            if not original.fits(segment, is_from_app=is_from_app):
                continue
            begun_ns = original.begun_ns if segment.flags & SYN else original.last_ns
            if segment.time_ns < original.last_ns - _BACK_NS or segment.time_ns - begun_ns > _LAG_NS:
                is_again = True
                continue
            suspect = self._suspects[ends] = _Suspect(original, self._recent)
            suspect.held.append(_Held(segment, predecoded, is_from_app))
            self.busy = True
            return True
        self._again += is_again
        return False

    def take(self, ends: Ends, segment: Segment, predecoded: object, *, is_from_app: bool) -> list[Turn[C]] | None:
        """Take a segment while anything is a copy or may be one. Returns None if nothing came of it.

        Args:
            ends: The segment's two ends.
            segment: The segment.
            predecoded: What its dialect predecoded of its payload.
            is_from_app: Whether the app sent it.
        """
        suspect = self._suspects.get(ends)
        if suspect is not None:
            suspect.held.append(_Held(segment, predecoded, is_from_app))
            if not suspect.original.fits(segment, is_from_app=is_from_app):
                return self._separate(ends)
            return self._decide(ends, segment.time_ns)
        # The oldest suspect may have waited for long enough.
        turns = self._decide(next(iter(self._suspects)), segment.time_ns) if self._suspects else []
        copied = self._copies.get(ends)
        if copied is not None:
            own = copied.own(segment, is_from_app=is_from_app)
            if not copied.begins_anew(own):
                return [*turns, Turn(own, predecoded, copied, may_be_copy=False)]
            del self._copies[ends]
            self.busy = bool(self._suspects or self._copies)
        return [*turns, Turn(segment, predecoded, None, may_be_copy=True)] if turns else None

    def close(self) -> list[Turn[C]]:
        """Decide about all that is held back, since nothing more will come."""
        return [turn for ends in list(self._suspects) for turn in self._decide(ends, None)]

    def notes(self) -> list[str]:
        """Return what is good to know, one line each."""
        found = []
        if self._count:
            which = "1 connection was" if self._count == 1 else f"{self._count:,} connections were"
            others = "" if self._count == 1 else " and others"
            found.append(
                f"{which} captured twice, with the same ports, sequence numbers and bytes, and counted once "
                f"({self._example}{others}); to record it once, give tcpdump one interface: -i INTERFACE"
            )
        if self._again:
            which = "1 connection repeats" if self._again == 1 else f"{self._again:,} connections repeat"
            found.append(
                f"{which} the ports and sequence numbers of an earlier one at another time. Both were decoded: "
                "if the file holds one capture twice, decode that capture alone"
            )
        if self._alike:
            first, second, port, one = self._alike[0]
            others = "" if len(self._alike) == 1 else f" (and {len(self._alike) - 1:,} other pairs)"
            found.append(
                f"connections {first} and {second} began with the same data at the same time{others}: if that is one "
                "conversation, before and behind a proxy or a router, look at one of them: lmdecode decode --where "
                f"stream={first} FILE; for all commands, record with the filter 'tcp port {port} and {one}'"
            )
        return found

    def _decide(self, ends: Ends, now_ns: int | None) -> list[Turn[C]]:
        """Decide whether a suspect is a copy. Returns its segments, or nothing as long as that cannot be said."""
        suspect = self._suspects[ends]
        original = suspect.original
        is_copy = suspect.verdict(now_ns)
        if is_copy is None and len(self._suspects) <= _MAX_SUSPECTS:
            return []
        if not is_copy:
            return self._separate(ends)
        del self._suspects[ends]
        self._count += 1
        self._example = self._example or f"{' and '.join(map(str, ends))} as {original.app} and {original.machine}"
        if ends != original.ends:
            self._copies[ends] = original
            if len(self._copies) > _MAX_COPIES:
                self._copies.popitem(last=False)
        self.busy = bool(self._suspects or self._copies)
        return [
            Turn(original.own(segment, is_from_app=is_from_app), predecoded, original, may_be_copy=False)
            for segment, predecoded, is_from_app in suspect.held
        ]

    def _separate(self, ends: Ends) -> list[Turn[C]]:
        """A suspect is a connection of its own."""
        suspect = self._suspects.pop(ends)
        self._again += suspect.is_apart
        self.busy = bool(self._suspects or self._copies)
        return [Turn(segment, predecoded, None, may_be_copy=False) for segment, predecoded, _ in suspect.held]

    def _compare_beginning(self, connection: C) -> None:
        """Note if another connection began with the same segments at the same time."""
        beginning = connection.evidence.beginning
        if beginning is None:
            return
        other = self._beginnings.setdefault(beginning, connection)
        if len(self._beginnings) > _MAX_ENDED:
            self._beginnings.popitem(last=False)
        if other is not connection and abs(connection.evidence.first_ns - other.evidence.first_ns) <= _ALIKE_NS:
            first, second = sorted((other, connection), key=lambda each: each.number)
            one = f"host {first.app.host}" if first.app.host != second.app.host else f"port {first.app.port}"
            self._alike.append((first.number, second.number, first.machine.port, one))
