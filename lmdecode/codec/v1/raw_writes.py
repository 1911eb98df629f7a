"""Writes that are given as bytes: what the memory map says against them."""

from __future__ import annotations

from lmdecode.codec.errors import RegisterError
from lmdecode.codec.v1.message import ADDRESS_SPACE, Message
from lmdecode.codec.v1.redaction import ACCOUNT
from lmdecode.codec.v1.register import Register
from lmdecode.codec.v1.window import encode, registers_in

__all__ = ["check_raw_write"]


def check_raw_write(request: Message, *, model: str | None = None) -> list[str]:
    """What is to be said of a write before it is made, one line each.

    Args:
        request: The write.
        model: If it is known, the model that it is for.

    Raises:
        RegisterError: It sets a register to what it does not take, or a part of one, or the machine's cloud account;
            or it runs past the end of memory.

    >>> from lmdecode.codec.v1.message import Kind
    >>> check_raw_write(Message(Kind.WRITE, 0x5000, 1, bytes(1)))
    ['nobody knows what is at 0x5000']
    """
    data, start, end = request.data or b"", request.address, request.address + request.length
    if not data or len(data) != request.length:
        raise RegisterError("a write needs data")
    if end > ADDRESS_SPACE:
        raise RegisterError(f"{len(data)} bytes at 0x{start:04X} run past the end of memory (0xFFFF)")
    rows = [row for row in registers_in(start, len(data)) if row.name is not None or row.secret]
    # A part of a whole that is written is not looked at by itself: the hour of a clock.
    wholes = [row for row in rows if not any(_holds(other, row) for other in rows)]
    warnings: list[str] = []
    for row in wholes:
        if row.secret:
            raise RegisterError(f"{ACCOUNT} is not written")
        name = row.name or ""
        if not row.writable:
            warnings.append(f"{name} is not known to be writable")
        elif row.address < start or row.end > end:
            raise RegisterError(f"{name} has {row.size} bytes, from 0x{row.address:04X} on: write all of them")
        else:
            encode(name, row.type.decode(data[row.address - start : row.end - start]), model=model)
    unknown = [each for each in range(start, end) if not any(row.address <= each < row.end for row in wholes)]
    if unknown:
        what = f"0x{unknown[0]:04X}" + (f" and {len(unknown) - 1} more" if len(unknown) > 1 else "")
        warnings.append(f"nobody knows what is at {what}")
    return warnings


def _holds(whole: Register, part: Register) -> bool:
    return whole.size > part.size and whole.address <= part.address and part.end <= whole.end
