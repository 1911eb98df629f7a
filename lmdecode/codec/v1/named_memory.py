"""A machine's memory by the names of its registers, all copies of a value kept alike."""

from __future__ import annotations

from functools import cache

from lmdecode.codec.errors import RegisterError
from lmdecode.codec.v1.memory import Memory
from lmdecode.codec.v1.memory_map import BIT_SETS, by_name
from lmdecode.codec.v1.register import Register
from lmdecode.codec.v1.values import Value, is_number
from lmdecode.codec.v1.window import registers_in

__all__ = ["Registers"]


class Registers:
    """Reads and sets values in a memory."""

    def __init__(self, memory: Memory) -> None:
        self.memory = memory

    def get(self, name: str) -> Value | None:
        """A value; None if its bytes are not known, or are no value of its kind."""
        for row in _readable(name):
            data = self.memory.read(row.address, row.size)
            if data is not None:
                try:
                    return row.type.decode(data)
                except RegisterError:
                    return None
        return None

    def number(self, name: str, default: float) -> float:
        """A value that is a number; the default if there is none."""
        value = self.get(name)
        return value if is_number(value) else default

    def put(self, name: str, value: Value) -> None:
        """Set a value, or one bit of a set, wherever the memory has it.

        Raises:
            RegisterError: No such register, or no value of its kind.
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
        """Store bytes that were written, and have the copies of what they hold follow."""
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
