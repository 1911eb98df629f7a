"""What a write would set: checked register by register against the memory map."""

from __future__ import annotations

from dataclasses import dataclass

from lmdecode.codec.errors import RegisterError
from lmdecode.codec.v1.memory import Memory
from lmdecode.codec.v1.message import Message
from lmdecode.codec.v1.register import Register
from lmdecode.codec.v1.values import Value
from lmdecode.codec.v1.window import encode, registers_in

__all__ = ["Written", "check_write"]


@dataclass(frozen=True, slots=True)
class Written:
    """A register that is to be written."""

    name: str
    value: Value
    address: int
    data: bytes


def check_write(request: Message, model: str, memory: Memory) -> list[Written]:
    """The registers that a write sets, in order.

    Raises:
        RegisterError: It is not made of whole writable registers of this model, each in its range.
    """
    data = request.data
    if not data or len(data) != request.length:
        raise RegisterError(f"W{request.preamble} does not hold {request.length} bytes")
    written: list[Written] = []
    position = 0
    while position < len(data):
        address = request.address + position
        row = _writable(address, len(data) - position)
        if row is None or (row.readable and not memory.knows(row.address, row.size)):
            raise RegisterError(f"no register of this machine that may be written is whole at 0x{address:04X}")
        content = data[position : position + row.size]
        name = row.name or ""
        value = row.type.decode(content)
        encode(name, value, model=model)  # checks range and model
        written.append(Written(name, value, address, content))
        position += row.size
    return written


def _writable(address: int, size: int) -> Register | None:
    rows = (row for row in registers_in(address, 1) if row.address == address and row.writable and row.size <= size)
    return next(rows, None)
