"""What Records tell of the machine's memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from lmdecode.codec.record import MASK, Record
from lmdecode.codec.v1.memory import Memory
from lmdecode.codec.v1.message import ADDRESS_SPACE, Kind
from lmdecode.codec.v1.window import decode_window, registers_in

__all__ = ["Observation", "Observer", "memory_of", "observations"]

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
