"""A window's columns: what each of its fields is made of, for whoever takes many messages of it apart at once.

A table wants the values of a field one under the other, and a window's messages all have a field's bytes in the same
places. So the bytes of some hundred messages are put behind each other, and a slice with the window's length as its
step is all that one byte of it ever was. What a byte means is looked up in a table of 256 that the map's own `decode`
filled, so columns cannot say another thing than messages do; what more bytes mean is worked out once for each that
occurs. A test compares columns with `decode_window` for arbitrary windows and bytes.

This module knows no tables: `render.column_arrays` makes them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache, cached_property, lru_cache
from itertools import accumulate
from typing import Final, NamedTuple

from lmdecode.codec.record import JsonType, Value
from lmdecode.codec.v1._compiled import of_bytes, remembered
from lmdecode.codec.v1.values import FieldType, unpacking
from lmdecode.codec.v1.window import named_in

_REMEMBERED: Final = 4096  # meanings of one field


class Meaning:
    """What the bytes of a field mean. Equal fields of all windows share one.

    Args:
        size: Bytes.
        decode: Returns the value of bytes; if they have none, it returns None or raises `LookupError` or `ValueError`.
        json: The JSON type of the values.
        divisor: If all bytes have a value and it is a big-endian number: what that is to be divided by; 1 for whole
            numbers, which are not divided. None otherwise.
        table: The value of each byte, if one decides it and that is known.
    """

    def __init__(
        self,
        size: int,
        decode: Callable[[bytes], Value | None],
        json: JsonType,
        divisor: int | None = None,
        table: Sequence[Value | None] | None = None,
    ) -> None:
        self.size = size
        self.json = json
        self.divisor = divisor
        self._decode = decode
        self._table = table
        self._known: dict[bytes, Value | None] = {}

    def value(self, data: bytes) -> Value | None:
        """Returns the value of some bytes; None if they have none."""
        known = self._known
        try:
            return known[data]
        except KeyError:
            pass
        if len(known) >= _REMEMBERED:
            known.clear()
        known[data] = value = self._value(data)
        return value

    def values(self, of: Iterable[bytes]) -> list[Value | None]:
        """Returns the value of each."""
        return [*map(self.value, of)]

    @cached_property
    def table(self) -> list[Value | None]:
        """The value of each byte, if a byte decides it."""
        return self.values_behind(b"") if self._table is None else [*self._table]

    def values_behind(self, start: bytes) -> list[Value | None]:
        """Returns the values of all bytes that can follow a start, if one more byte decides."""
        return [self._value(start + bytes((code,))) for code in range(256)]

    def _value(self, data: bytes) -> Value | None:
        try:
            return self._decode(data)
        except (LookupError, ValueError):
            return None


class Column(NamedTuple):
    """A field of a window."""

    name: str
    places: tuple[int, ...]
    """The offsets of the bytes that decide it, in the order in which `meaning` takes them."""
    meaning: Meaning


@lru_cache(maxsize=4096)
def columns_of(address: int, length: int, written: bool) -> tuple[Column, ...] | None:  # noqa: FBT001 -- a cache key
    """Returns the fields that a window may have, in the order of a message's fields.

    Returns None if the window holds two copies of a register, which are to be compared message by message.

    Args:
        address: Of the window's first byte.
        length: In bytes.
        written: Whether the bytes are being written: only then do write-only registers have a value.
    """
    rows, derived = named_in(address, length, written=written)
    kinds = {row.name: row.type for row in rows}
    if len(kinds) < len(rows):
        return None
    places = {row.name: tuple(range(row.address - address, row.end - address)) for row in rows}
    return (
        *(Column(row.name or "", places[row.name], _of_register(row.type)) for row in rows),
        *(
            Column(
                each.name,
                sum((places[name] for name in each.inputs), ()),
                _of_derived(each.compute, tuple(kinds[name] for name in each.inputs), each.json),
            )
            for each in derived
        ),
    )


@cache
def _of_register(kind: FieldType) -> Meaning:
    code, convert = unpacking(kind)
    if code in {"B", "H", "I"} and convert is None:
        return Meaning(kind.size, kind.decode, kind.json, 1)
    if code == "B":
        return Meaning(1, kind.decode, kind.json, table=of_bytes(convert)[0])
    if code == "H":
        return Meaning(kind.size, kind.decode, kind.json, round(1 / (kind.step or 1)))
    if code.endswith("s") and convert is not None:
        meaning = remembered(convert)  # by those who looked for problems, a moment ago
        return Meaning(kind.size, lambda data: meaning(data)[0], kind.json)
    return Meaning(kind.size, kind.decode, kind.json)


@cache
def _of_derived(compute: Callable[..., Value], kinds: tuple[FieldType, ...], json: JsonType) -> Meaning:
    """What follows from registers whose bytes stand behind each other."""
    ends = [*accumulate(kind.size for kind in kinds)]
    if len(kinds) == 2:  # as of nearly all; a loop over them takes twice the time
        (first, second), middle = (kind.decode for kind in kinds), ends[0]
        return Meaning(ends[-1], lambda data: compute(first(data[:middle]), second(data[middle:])), json)
    if ends == [1]:
        convert = unpacking(kinds[0])[1]
        return Meaning(1, lambda data: compute(kinds[0].decode(data)), json, table=of_bytes(convert, compute)[0])
    parts = [(kind.decode, end - kind.size, end) for kind, end in zip(kinds, ends, strict=True)]

    def decode(data: bytes) -> Value:
        return compute(*[take(data[start:end]) for take, start, end in parts])

    return Meaning(ends[-1], decode, json)
