"""A machine's memory, 64 KiB of which each byte is known or not; and its values by name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Final

from lmdecode.codec.errors import RegisterError
from lmdecode.codec.record import Value
from lmdecode.codec.v1.memory_map import BIT_SETS, by_name
from lmdecode.codec.v1.message import ADDRESS_SPACE
from lmdecode.codec.v1.register import KEYS, MODELS, Register
from lmdecode.codec.v1.values import is_number
from lmdecode.codec.v1.window import registers_in

_RUNS: Final = re.compile(rb"\x01+").finditer


class Answer(StrEnum):
    """How the machine answers a read of a region that gives no bytes."""

    SILENT = "silent"
    """It does not answer."""
    ECHO = "echo"
    """It sends the request back."""


@dataclass(frozen=True, slots=True, order=True)
class Region:
    """Addresses that give no bytes when they are read."""

    address: int
    length: int
    answer: Answer

    @property
    def end(self) -> int:
        """The address after the last one."""
        return self.address + self.length


class Memory:
    r"""Bytes of the machine's memory.

    >>> memory = Memory()
    >>> memory.write(0x401C, b"\x03\xbc")
    >>> memory.read(0x401C, 2), memory.read(0x401C, 3)
    (b'\x03\xbc', None)
    """

    __slots__ = ("_bytes", "_known", "_regions")

    def __init__(self) -> None:
        self._bytes = bytearray(ADDRESS_SPACE)
        self._known = bytearray(ADDRESS_SPACE)  # 1 for each byte that is known
        self._regions: list[Region] = []

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Memory) and list(self.runs()) == list(other.runs()) and self._regions == other._regions

    __hash__ = None  # type: ignore[assignment]  # it changes

    def knows(self, address: int, length: int = 1) -> bool:
        """True if all bytes of a window are known. Bytes beyond the end of memory never are."""
        return 0 <= address <= ADDRESS_SPACE - length and self._known.count(1, address, address + length) == max(
            length, 0
        )

    def read(self, address: int, length: int) -> bytes | None:
        """The bytes of a window; None if any of them is not known."""
        return bytes(self._bytes[address : address + length]) if self.knows(address, length) else None

    def write(self, address: int, data: bytes) -> None:
        """Store some bytes. A region that they touch is forgotten, since it does give bytes.

        Raises:
            ValueError: They run past the end of memory.
        """
        end = address + len(data)
        if address < 0 or end > ADDRESS_SPACE:
            raise ValueError(f"{len(data)} bytes at 0x{address:04X} run past the end of memory (0xFFFF)")
        self._bytes[address:end] = data
        self._known[address:end] = b"\x01" * len(data)
        if data and self._regions:
            self._regions = [each for each in self._regions if each.end <= address or end <= each.address]

    def forget(self, address: int, length: int) -> None:
        """Make the bytes of a window unknown."""
        end = min(address + length, ADDRESS_SPACE)
        self._bytes[address:end] = bytes(end - address)
        self._known[address:end] = bytes(end - address)

    def runs(self) -> Iterator[tuple[int, bytes]]:
        """Each unbroken run of known bytes with its address, in the order of addresses."""
        for run in _RUNS(self._known):
            yield run.start(), bytes(self._bytes[run.start() : run.end()])

    @property
    def regions(self) -> tuple[Region, ...]:
        """The regions that give no bytes, in the order of addresses."""
        return tuple(self._regions)

    def mark(self, region: Region) -> None:
        """Note that a region gives no bytes. Known bytes in it, and regions that overlap it, are forgotten."""
        self.forget(region.address, region.length)
        self._regions = sorted([*(each for each in self._regions if not _overlap(each, region)), region])

    def answer_in(self, address: int, length: int) -> Answer | None:
        """How a read of a window is answered if a region in it gives no bytes; None if there is no such region."""
        for region in self._regions:
            if region.address < address + length and address < region.end:
                return region.answer
        return None

    def part(self, addresses: range) -> Memory:
        r"""The known bytes of some addresses, as a memory of its own. A region that reaches into them is kept whole.

        >>> memory = Memory()
        >>> memory.write(0x401C, b"\x03\xbc\x04\xd8")
        >>> [*memory.part(range(0x401D, 0x401F)).runs()]
        [(16413, b'\xbc\x04')]
        """
        memory = Memory()
        for start, data in self.runs():
            first, last = max(start, addresses.start), min(start + len(data), addresses.stop)
            if first < last:
                memory.write(first, data[first - start : last - start])
        for region in self._regions:
            if region.address < addresses.stop and addresses.start < region.end:
                memory.mark(region)
        return memory

    def overlay(self, other: Memory) -> None:
        """Take over all that another memory knows."""
        for address, data in other.runs():
            self.write(address, data)
        for region in other.regions:
            self.mark(region)


def _overlap(one: Region, other: Region) -> bool:
    return one.address < other.end and other.address < one.end


class NamedMemory:
    """The values in a memory by name: reads them, and sets them wherever the memory has them."""

    def __init__(self, memory: Memory) -> None:
        self.memory = memory

    def get(self, name: str) -> Value | None:
        """A value; None if its bytes are not known, or are no value of its type."""
        for row in _readable(name):
            data = self.memory.read(row.address, row.size)
            if data is not None:
                try:
                    return row.type.decode(data)
                except RegisterError:
                    return None
        return None

    def number(self, name: str, default: float) -> float:
        """A value that is a number; the default if it is not known."""
        value = self.get(name)
        return value if is_number(value) else default

    def put(self, name: str, value: Value) -> None:
        """Set a value, or one bit of a set, at each address where the memory has it.

        Raises:
            RegisterError: There is no such register, or this is no value of its type.
        """
        rows = _readable(name)
        if not rows and (bits := BIT_SETS.get(name)):
            if not isinstance(value, bool):
                raise RegisterError(f"{name}: {value!r} is neither true nor false")
            others = self.get(bits)
            kept = [bit for bit in others if bit != name] if isinstance(others, list) else []
            self.put(bits, [*kept, name] if value else kept)
            return
        if not rows:
            raise RegisterError(f"no register {name!r} that holds a value: `lmdecode registers` lists them")
        try:
            data = rows[0].type.encode(value)
        except RegisterError as error:
            raise RegisterError(f"{name}: {error}") from None
        for row in rows:
            self._store(row, data)

    def spread(self, address: int, data: bytes) -> None:
        """Store bytes that were written, and bring the copies of their registers up to date."""
        self.memory.write(address, data)
        for row in registers_in(address, len(data)):
            if row.name is not None and row.address >= address and row.end <= address + len(data):
                content = data[row.address - address : row.end - address]
                for copy in _readable(row.name):
                    if copy.address != row.address:
                        self._store(copy, content)

    def _store(self, row: Register, data: bytes) -> None:
        old = self.memory.read(row.address, row.size)
        if old is None:
            return  # this machine does not show it
        if row.type.name == "bit 0":  # the other bits mean something else
            data = bytes([old[0] & 0xFE | data[0]])
        self.memory.write(row.address, data)


@cache
def _readable(name: str) -> tuple[Register, ...]:
    return tuple(row for row in by_name(name) if row.readable)


def model_of(memory: Memory) -> str | None:
    """The name of the model that a memory is likely to be of; None if it does not show.

    The serial number says the model where only one has such numbers. Else the counts of coffees do: a model with one
    button counts all of them as button 1.
    """
    registers = NamedMemory(memory)
    serial = registers.get("machine_ser_num")
    fitting = [model for model in MODELS.values() if isinstance(serial, str) and serial.startswith(model.serial_prefix)]
    if len(fitting) == 1:
        return fitting[0].name
    counts = [registers.get(f"drinks_k{key}") for key in range(2, KEYS[-1])]
    if None in counts:
        return None
    has_several = any(counts)
    return next((model.name for model in fitting or MODELS.values() if (len(model.keys) > 1) is has_several), None)
