"""A machine's memory over time, as Records tell it: what it was at any moment, and each change that was seen."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from lmdecode.analysis.changes import Change
from lmdecode.codec.record import MASK, Kind, Record
from lmdecode.codec.v1.memory import Memory
from lmdecode.codec.v1.memory_map import WATER_FLOW
from lmdecode.codec.v1.message import ADDRESS_SPACE
from lmdecode.codec.v1.window import Place, decode_window, places_of, registers_in

_MAX_PENDING: Final = 64  # writes to one window that are not answered yet


class Observation(NamedTuple):
    """Some bytes of the memory, as one message tells them."""

    address: int
    data: bytes
    """Empty where `masked` says that there is more than may be shown."""
    record: Record
    """The machine's message: an answer, a report, what it pushes, or that it took a write."""
    masked: int = 0
    """How many bytes are there but secret; `data` is empty then."""


class Observer:
    """Takes Records, one after the other, and says what each tells.

    A damaged record tells nothing, and a write only when the machine has taken it. A value that is none of its kind is
    no damage: the bytes are what the machine said. What is written to a register that cannot be read is not in memory.
    """

    def __init__(self) -> None:
        self._written: dict[tuple[int, int, int], deque[tuple[int, str]]] = {}

    def take(self, record: Record) -> list[Observation]:
        """What a record tells: one observation, unless some of its bytes are masked or cannot be read."""
        (time_ns, stream, sender, _, _, kind, _, address, length, data, *_) = record
        if address is None or length is None or (record.problems and _damaged(record)):
            return []
        if kind is Kind.WRITE:
            if sender == "app":
                if data is not None:
                    waiting = self._written.setdefault((stream, address, length), deque(maxlen=_MAX_PENDING))
                    waiting.append((time_ns, data))
                return []
            data = self._answered(record, (stream, address, length))
            return [] if data is None or not record.ok else list(_readable(address, data, record))
        if sender != "machine" or data is None:
            return []
        if MASK not in data and address + length <= ADDRESS_SPACE:  # as nearly always
            return [Observation(address, bytes.fromhex(data), record)]
        return list(_pieces(address, data, record))

    def _answered(self, answer: Record, window: tuple[int, int, int]) -> str | None:
        """The data of the write that a message answers; those before it are not answered any more."""
        waiting = self._written.get(window)
        if not waiting:
            return None
        if answer.elapsed is None:
            return waiting.popleft()[1]
        asked_ns = answer.time_ns - round(answer.elapsed * 1e9)
        while waiting:
            time_ns, data = waiting.popleft()
            if time_ns >= asked_ns or not waiting:
                return data
        return None


def observations(records: Iterable[Record]) -> Iterator[Observation]:
    """All that Records tell of the memory, in their order; see `Observer`."""
    observer = Observer()
    for record in records:
        yield from observer.take(record)


def memory_of(records: Iterable[Record]) -> Memory:
    """The memory as it was at the end: what the machine said of it, and what was written and taken.

    Damaged records, and bytes that are masked, tell nothing.
    """
    memory = Memory()
    for observation in observations(records):
        memory.write(observation.address, observation.data)
    return memory


def _damaged(record: Record) -> bool:
    """Whether a record with problems is not what the machine said, rather than something unusual that it did say."""
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
    """What was written, without what cannot be read again."""
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
    """The unbroken runs of bytes that are not masked, and of those that are, up to the end of memory."""
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


_REMEMBERED: Final = 3  # writes and requests that a change is told with
_LONGEST_AFTER: Final = 60_000_000_000  # ns after a write within which a change may still be its doing
_FLOW_LASTS: Final = 2_000_000_000  # ns; the machine says that water flows several times a second
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
        self.changes: list[Change] = []
        """All changes, in order."""
        self.first_ns: int | None = None
        """The time of the first record; None if there was none."""
        self.last_ns: int = 0
        """The time of the last record."""
        self.windows: dict[tuple[int, int], list[int]] = {}
        """By address and length, when a run of bytes was told, each time; nanoseconds since 1970."""
        self._observer = Observer()
        self._memory = Memory()
        self._seen = [_NEVER] * ADDRESS_SPACE  # when each byte was last told
        self._times: list[int] = []
        self._news: list[tuple[int, bytes]] = []  # at each of those times: bytes that were not known to be so
        self._masked: dict[int, int] = {}
        self._by_place: dict[tuple[int, int], list[Change]] = {}
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
        for observation in self._observer.take(record):
            self._note(time_ns, observation)

    @property
    def empty(self) -> bool:
        """Whether nothing of the memory was told."""
        return not self._times and not self._masked

    def at(self, time_ns: int | None = None) -> Memory:
        """The memory as it was known at a time, what came in at that very time included; None: at the end."""
        memory = Memory()
        end = len(self._times) if time_ns is None else bisect_right(self._times, time_ns)
        for address, data in self._news[:end]:
            memory.write(address, data)
        return memory

    def since(self, time_ns: int | None, until_ns: int | None = None) -> tuple[Memory, set[int]]:
        """The memory as it was at a time, with what was not known then as it was first told later.

        Args:
            time_ns: The time; None: before the first record.
            until_ns: What was first told after this stays unknown; None: nothing does.

        Returns:
            The memory, and the addresses of the bytes that were first told later.
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
        """The addresses of the bytes that were told, but secret, up to a time."""
        return frozenset(address for address, first in self._masked.items() if time_ns is None or first <= time_ns)

    def changes_at(self, place: Place) -> Sequence[Change]:
        """All changes of one place, in order."""
        return self._by_place.get(place[:2], ())

    def last_changes(self, time_ns: int | None = None) -> dict[int, int]:
        """By address, when a byte was last seen to change, up to a time; bytes that never did are not in it."""
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
        """Take over bytes of which at least one is not as it was, or was not known."""
        address, data, record, _ = observation
        memory = self._memory
        if before is None:
            changed = [
                each for each, byte in enumerate(data, address) if memory.read(each, 1) not in {None, bytes([byte])}
            ]
        else:
            changed = [address + offset for offset, byte in enumerate(data) if byte != before[offset]]
        old = [
            (place, memory.read(place.address, place.length)) for place in _whole(places_of(changed), changed, memory)
        ]
        memory.write(address, data)
        self._times.append(time_ns)
        self._news.append((address, data))
        for place, content in old:
            if content is not None:
                since_ns = min(self._seen[each] for each in changed if place.address <= each < place.end)
                new = memory.read(place.address, place.length) or b""
                change = self._told(Change(place, time_ns, since_ns, content, new, record))
                self.changes.append(change)
                self._by_place.setdefault(place[:2], []).append(change)

    def _told(self, change: Change) -> Change:
        """A change with what went on before it."""
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


def _whole(places: Iterable[Place], changed: list[int], memory: Memory) -> Iterator[Place]:
    """The places, but byte by byte where not all of a register has been seen."""
    for place in places:
        if memory.knows(place.address, place.length):
            yield place
        else:
            yield from (Place(each, 1, place.row) for each in changed if place.address <= each < place.end)


def _answers(answer: Record, request: Record) -> bool:
    window = answer.kind, answer.address, answer.length
    return (
        answer.kind is Kind.READ
        and answer.role == "response"
        and window == (request.kind, request.address, request.length)
    )
