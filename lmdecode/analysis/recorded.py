"""What Records tell of the machine's memory."""

from __future__ import annotations

from collections.abc import Iterable

from lmdecode.codec.memory import Memory
from lmdecode.codec.message import ADDRESS_SPACE, Kind
from lmdecode.codec.record import MASK, Record

__all__ = ["memory_of"]


def memory_of(records: Iterable[Record]) -> Memory:
    """The memory as it was at the end: what the machine said of it, and what was written and taken.

    Records with problems, and bytes that are masked, tell nothing.
    """
    memory = Memory()
    written: dict[tuple[int, int, int], str] = {}
    for record in records:
        if record.problems or record.address is None or record.length is None:
            continue
        window = (record.stream, record.address, record.length)
        if record.kind is Kind.WRITE:
            if record.sender == "app" and record.data is not None:
                written[window] = record.data
            elif record.ok and window in written:
                _note(memory, record.address, written.pop(window))
        elif record.sender == "machine" and record.data is not None:
            _note(memory, record.address, record.data)
    return memory


def _note(memory: Memory, address: int, digits: str) -> None:
    for offset in range(len(digits) // 2):
        pair = digits[2 * offset : 2 * offset + 2]
        if pair != MASK and address + offset < ADDRESS_SPACE:
            memory.write(address + offset, bytes.fromhex(pair))
