"""Bytes of the machine's memory, a row for every sixteen."""

from __future__ import annotations

from typing import Final

from lmdecode.codec.record import MASK

__all__ = ["dump"]

_ROW: Final = 16


def dump(address: int, digits: str) -> str:
    """Some bytes as a hexdump.

    Args:
        address: Of the first.
        digits: As a Record's data: two digits a byte, `**` for a secret one.

    >>> print(dump(0x4003, "536e30"))
    0x4003  53 6e 30                                         Sn0
    """
    pairs = [digits[index : index + 2] for index in range(0, len(digits), 2)]
    rows = []
    for start in range(0, len(pairs), _ROW):
        row = pairs[start : start + _ROW]
        rows.append(f"0x{address + start:04X}  {' '.join(row):<{3 * _ROW}} {''.join(map(_character, row))}")
    return "\n".join(rows)


def _character(pair: str) -> str:
    if pair == MASK:
        return "*"
    byte = int(pair, 16)
    return chr(byte) if 0x20 <= byte < 0x7F else "."
