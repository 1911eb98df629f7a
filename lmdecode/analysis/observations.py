"""What one record says about a machine: its name, the values that hold from then on, the bytes of its memory."""

# When a record says something about the machine
#
#  - A request is only a wish. What a write sets holds from the machine's answer on, and only if that is OK.
#  - A damaged record says nothing: nobody knows which of its bytes are wrong.
#  - A value that its register cannot have is no damage. The bytes arrived as the machine sent them.
#  - A write to a register that cannot be read, as a command, is not in memory afterwards.

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from lmdecode.codec.record import MASK, Kind, Record, Value
from lmdecode.codec.v1.memory import Memory
from lmdecode.codec.v1.message import ADDRESS_SPACE
from lmdecode.codec.v1.window import decode_window, registers_in

_NOTHING: Final[Mapping[str, Value]] = {}


def machine_of(record: Record) -> str:
    """Return which machine a record is about: its name if the key has one, otherwise its host:port.

    >>> machine_of(Record(0, 0, "app", "10.0.0.2:50000", "10.0.0.7:1774"))
    '10.0.0.7:1774'
    """
    if record.machine is not None:
        return record.machine
    return record.source if record.sender == "machine" else record.destination


def is_intact(record: Record) -> bool:
    """Return whether the bytes of a message arrived as they were sent, so that its fields can be believed."""
    return record.kind is not None and record.raw is None


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
    """Return the memory as some records leave it: the bytes that the machine said, and those that it took.

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
