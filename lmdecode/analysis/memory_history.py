"""A machine's memory over time: its bytes at any moment, and each change that was seen."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import tzinfo
from typing import Final, NamedTuple

from lmdecode.analysis.changes import ObservedChange
from lmdecode.analysis.typed_times import TimeError, moment
from lmdecode.codec.record import MASK, Kind, Record, Value
from lmdecode.codec.v1.memory import Memory
from lmdecode.codec.v1.message import ADDRESS_SPACE
from lmdecode.codec.v1.window import Span, decode_window, registers_in, spans_of
from lmdecode.codec.v1.windows import WATER_FLOW

# When a record says something about the machine
#
#  - A request is only a wish. What a write sets holds from the machine's answer on, and only if that is OK.
#  - A damaged record says nothing: nobody knows which of its bytes are wrong.
#  - A value that its register cannot have is no damage. The bytes arrived as the machine sent them.
#  - A write to a register that cannot be read, as a command, is not in memory afterwards.


_NOTHING: Final[Mapping[str, Value]] = {}


def machine_of(record: Record) -> str:
    """Return the machine that a record is about: its name if the key has one, otherwise its host:port.

    >>> machine_of(Record(0, 0, "app", "10.0.0.2:50000", "10.0.0.7:1774"))
    '10.0.0.7:1774'
    """
    if record.machine is not None:
        return record.machine
    return record.source if record.sender == "machine" else record.destination


def is_intact(record: Record) -> bool:
    """Return whether the bytes of a message arrived as they were sent, so that its fields can be believed."""
    return record.kind is not None and record.raw is None


_NO_SETTINGS: Final = ("0d0b", "090b", "0c0b")  # characteristics of Bluetooth that a token is written to


def sets_something(record: Record) -> bool:
    """Return whether a message writes what somebody wants of a machine.

    A token that is shown, and a subscription, are written by Bluetooth too.

    >>> sets_something(Record(0, 0, "app", "a", "m", Kind.WRITE, "request", subject="0d0b write token"))
    True
    >>> told = Record(0, 0, "app", "a", "m", Kind.WRITE, "request", subject="0d0b write token", generation="bluetooth")
    >>> sets_something(told)
    False
    """
    if record.kind is not Kind.WRITE:
        return False
    if record.generation != "bluetooth" or record.fields:
        return True
    subject = record.subject or ""
    return not subject.startswith(_NO_SETTINGS) and "subscribe" not in subject


def values_in(record: Record) -> Mapping[str, Value]:
    """Return the values that hold from a record on, changed or not: those that the machine says or that it took.

    >>> values_in(Record(0, 0, "machine", "m", "a", Kind.READ, "report", 0x401C, 4, fields={"coffee_temp": 95.6}))
    {'coffee_temp': 95.6}
    >>> asked = Record(0, 0, "app", "a", "m", Kind.WRITE, "request", 0x0016, 2, fields={"dose_k2": 121})
    >>> values_in(asked)
    {}
    >>> values_in(Record(1, 0, "machine", "m", "a", Kind.WRITE, "response", 0x0016, 2, ok=True, request=asked))
    {'dose_k2': 121}
    """
    if record.sender != "machine" or not is_intact(record):
        return _NOTHING
    if record.kind is not Kind.WRITE:
        return record.fields
    written = record.request
    return written.fields if record.ok and written is not None and is_intact(written) else _NOTHING


class Observation(NamedTuple):
    """Some bytes of the memory that one message shows."""

    address: int
    data: bytes
    """Empty if the bytes are masked."""
    record: Record
    """The machine's message: an answer, a report, a pushed message, or the answer to a write."""
    masked: int = 0
    """How many bytes there are that are secret; `data` is empty then."""


def observed(record: Record) -> list[Observation]:
    """Return the bytes that a record shows: one observation, unless some bytes are masked or cannot be read."""
    address, length, data = record.address, record.length, record.data
    if record.sender != "machine" or address is None or length is None or (record.problems and _damaged(record)):
        return []
    if record.kind is Kind.WRITE:
        written = record.request
        if not record.ok or written is None or written.data is None or (written.problems and _damaged(written)):
            return []
        return list(_readable(address, written.data, record))
    if data is None:
        return []
    if MASK not in data and address + length <= ADDRESS_SPACE:  # as nearly always
        return [Observation(address, bytes.fromhex(data), record)]
    return list(_pieces(address, data, record))


def observations(records: Iterable[Record]) -> Iterator[Observation]:
    """Yield all that some records show of the memory, in their order."""
    for record in records:
        yield from observed(record)


def memory_of(records: Iterable[Record]) -> Memory:
    """Return the memory after some records: the bytes that the machine sent, and those of the writes that it took.

    Bytes of damaged records, and masked ones, stay unknown.
    """
    memory = Memory()
    for observation in observations(records):
        memory.write(observation.address, observation.data)
    return memory


def _damaged(record: Record) -> bool:
    """Return whether the problems of a record are damage, and not only values that their registers cannot have."""
    if record.raw is not None or record.data is None or record.address is None:
        return True
    try:
        data = bytes.fromhex(record.data.replace(MASK, "00"))
    except ValueError:
        return True
    written = record.kind is Kind.WRITE
    of_values = decode_window(record.address, data, written=written)[1]
    return len(data) != record.length or any(problem not in of_values for problem in record.problems)


def _readable(address: int, data: str, record: Record) -> Iterator[Observation]:
    """Yield the bytes that were written, without those that cannot be read again."""
    for observation in _pieces(address, data, record):
        start = observation.address
        end = start + len(observation.data)
        for row in registers_in(start, end - start):
            if not row.readable:
                if row.address > start:
                    yield observation._replace(address=start, data=_cut(observation, start, row.address))
                start = max(start, row.end)
        if start < end or observation.masked:
            yield observation._replace(address=start, data=_cut(observation, start, end))


def _cut(observation: Observation, start: int, end: int) -> bytes:
    return observation.data[start - observation.address : end - observation.address]


def _pieces(address: int, data: str, record: Record) -> Iterator[Observation]:
    """Yield the unbroken runs of bytes that are masked or not masked, up to the end of memory."""
    pairs = [data[index : index + 2] for index in range(0, len(data) - 1, 2)][: ADDRESS_SPACE - address]
    start = 0
    for index in range(1, len(pairs) + 1):
        if index < len(pairs) and (pairs[index] == MASK) is (pairs[start] == MASK):
            continue
        if pairs[start] == MASK:
            yield Observation(address + start, b"", record, masked=index - start)
        else:
            yield Observation(address + start, bytes.fromhex("".join(pairs[start:index])), record)
        start = index


_REMEMBERED: Final = 3  # writes and requests that are kept with a change
_LONGEST_AFTER: Final = 60_000_000_000  # ns after a write in which a change may still be its effect
_FLOW_LASTS: Final = 2_000_000_000  # ns without a message of the flow, which comes about twice a second while it flows
_NEVER: Final = -(1 << 62)


_FLOW: Final = range(WATER_FLOW.address, WATER_FLOW.address + WATER_FLOW.length)


class History:
    r"""The memory over time. Feed it Records in the order in which they were captured.

    It keeps what changed, not each message, so a day of polling takes little room. A message that claims to be earlier
    than the one before it counts as of the same time.

    >>> from lmdecode.codec.record import Record
    >>> history = History()
    >>> for second, level in enumerate((0, 0, 1)):
    ...     said = Record(second * 10**9, 0, "machine", "m", "a", Kind.READ, "report", 0x4018, 1, f"{level:02x}")
    ...     history.add(said)
    >>> [(change.place.name, change.old.hex(), change.new.hex()) for change in history.changes]
    [('water_reservoir_contact', '00', '01')]
    >>> history.at(1_999_999_999).read(0x4018, 1)
    b'\x00'
    """

    def __init__(self) -> None:
        self.changes: list[ObservedChange] = []
        """All changes, in order."""
        self.first_ns: int | None = None
        """The time of the first record, or None if there was no record."""
        self.last_ns: int = 0
        """The time of the last record."""
        self.windows: dict[tuple[int, int], list[int]] = {}
        """By address and length: all times at which a message held these bytes; nanoseconds since 1970."""
        self._memory = Memory()
        self._seen = [_NEVER] * ADDRESS_SPACE  # when each byte was last seen
        self._times: list[int] = []
        self._news: list[tuple[int, bytes]] = []  # the bytes that were new at each of those times
        self._masked: dict[int, int] = {}
        self._by_place: dict[tuple[int, int], list[ObservedChange]] = {}
        self._writes: deque[Record] = deque(maxlen=_REMEMBERED)
        self._requests: deque[Record] = deque(maxlen=_REMEMBERED + 1)
        self._flow_ns = _NEVER

    def add(self, record: Record) -> None:
        """Take the next record of this machine."""
        time_ns = record.time_ns
        if self.first_ns is None:
            self.first_ns = self.last_ns = time_ns
        self.last_ns = time_ns = max(time_ns, self.last_ns)
        if record.sender == "app":
            if record.kind is not None:
                self._requests.append(record)
                if record.kind is Kind.WRITE:
                    self._writes.append(record)
        elif record.kind is Kind.STREAM and record.address is not None and record.address in _FLOW:
            self._flow_ns = time_ns
        for observation in observed(record):
            self._note(time_ns, observation)

    @property
    def empty(self) -> bool:
        """Whether no message held any bytes of the memory."""
        return not self._times and not self._masked

    def at(self, time: int | str | None = None, *, zone: tzinfo | None = None) -> Memory:
        """Return the memory as it was known at a time, including the messages of that very time.

        Args:
            time: Nanoseconds since 1970; a text as for `lmdecode memory --at`, which means the end of the minute or
                second that it names; None: at the end.
            zone: Of a text that names none; None: this computer's.

        Raises:
            TimeError: The text is not a time, or there are no records of that time.
        """
        memory = Memory()
        if isinstance(time, str):
            if self.first_ns is None:
                raise TimeError(f"{time!r} is not in the capture, which has no records")
            time = moment(time, self.first_ns, self.last_ns, zone).end - 1
        end = len(self._times) if time is None else bisect_right(self._times, time)
        for address, data in self._news[:end]:
            memory.write(address, data)
        return memory

    def since(self, time_ns: int | None, until_ns: int | None = None) -> tuple[Memory, set[int]]:
        """Return the memory as it was at a time; bytes that were not known then are as they were first seen later.

        Args:
            time_ns: The time; None: before the first record.
            until_ns: Bytes that were first seen after this time stay unknown; None: no limit.

        Returns:
            The memory, and the addresses of the bytes that were first seen later.
        """
        start = 0 if time_ns is None else bisect_right(self._times, time_ns)
        end = len(self._times) if until_ns is None else bisect_right(self._times, until_ns)
        memory = Memory() if time_ns is None else self.at(time_ns)
        later: set[int] = set()
        for address, data in self._news[start:end]:
            for offset, byte in enumerate(data, address):
                if not memory.knows(offset):
                    memory.write(offset, bytes([byte]))
                    later.add(offset)
        return memory, later

    def masked(self, time_ns: int | None = None) -> frozenset[int]:
        """Return the addresses of the bytes that were seen up to a time, but are secret."""
        return frozenset(address for address, first in self._masked.items() if time_ns is None or first <= time_ns)

    def changes_at(self, place: Span) -> Sequence[ObservedChange]:
        """Return all changes of one place, in order."""
        return self._by_place.get(place[:2], ())

    def last_changes(self, time_ns: int | None = None) -> dict[int, int]:
        """Return, by address, when each byte that ever changed last changed, up to a time."""
        found: dict[int, int] = {}
        for change in self.changes:
            if time_ns is not None and change.time_ns > time_ns:
                break
            for offset, (old, new) in enumerate(zip(change.old, change.new, strict=True)):
                if old != new:
                    found[change.place.address + offset] = change.time_ns
        return found

    def _note(self, time_ns: int, observation: Observation) -> None:
        address, data, _, masked = observation
        if masked:
            for each in range(address, address + masked):
                self._masked.setdefault(each, time_ns)
            return
        size = len(data)
        times = self.windows.get((address, size))
        if times is None:
            times = self.windows[address, size] = []
        times.append(time_ns)
        before = self._memory.read(address, size)
        if before != data:
            self._change(time_ns, observation, before)
        self._seen[address : address + size] = [time_ns] * size

    def _change(self, time_ns: int, observation: Observation, before: bytes | None) -> None:
        """Take bytes of which at least one has changed, or was not known."""
        address, data, record, _ = observation
        memory = self._memory
        if before is None:
            changed = [
                each for each, byte in enumerate(data, address) if memory.read(each, 1) not in {None, bytes([byte])}
            ]
        else:
            changed = [address + offset for offset, byte in enumerate(data) if byte != before[offset]]
        old = [
            (place, memory.read(place.address, place.length)) for place in _whole(spans_of(changed), changed, memory)
        ]
        memory.write(address, data)
        self._times.append(time_ns)
        self._news.append((address, data))
        for place, content in old:
            if content is not None:
                since_ns = min(self._seen[each] for each in changed if place.address <= each < place.end)
                new = memory.read(place.address, place.length) or b""
                change = self._with_context(ObservedChange(place, time_ns, since_ns, content, new, record))
                self.changes.append(change)
                self._by_place.setdefault(place[:2], []).append(change)

    def _with_context(self, change: ObservedChange) -> ObservedChange:
        """Return a change with the writes, requests and the water before it."""
        since_ns, time_ns, record = change.since_ns, change.time_ns, change.record
        writes = [each for each in self._writes if each.time_ns > since_ns]
        if not writes:
            writes = [each for each in list(self._writes)[-1:] if time_ns - each.time_ns <= _LONGEST_AFTER]
        asked = [each for each in self._requests if not _answers(record, each)]
        return change._replace(
            writes=tuple(writes),
            requests=tuple(asked[-_REMEMBERED:]),
            flowing=self._flow_ns > since_ns or time_ns - self._flow_ns <= _FLOW_LASTS,
        )


def _whole(places: Iterable[Span], changed: list[int], memory: Memory) -> Iterator[Span]:
    """Yield the places, or their changed bytes one by one if the whole register has not been seen."""
    for place in places:
        if memory.knows(place.address, place.length):
            yield place
        else:
            yield from (Span(each, 1, place.row) for each in changed if place.address <= each < place.end)


def _answers(answer: Record, request: Record) -> bool:
    window = answer.kind, answer.address, answer.length
    return (
        answer.kind is Kind.READ
        and answer.role == "response"
        and window == (request.kind, request.address, request.length)
    )
