"""A window's columns as Arrow arrays: the bytes of many messages go in, and an array a field comes out."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from threading import Lock
from typing import Any, Final, TypeAlias

import pyarrow as pa

from lmdecode.codec.v1._columns import Column, Meaning
from lmdecode.render.array_making import array_of, scalar_of
from lmdecode.render.kernels import cast, divided, encoded, taken

Array: TypeAlias = Any  # pyarrow has no types
Type: TypeAlias = Any

_UNSIGNED: Final = {1: pa.uint8(), 2: pa.uint16(), 4: pa.uint32()}


def window_arrays(columns: Collection[Column], types: Mapping[str, Type], data: bytes, rows: int) -> dict[str, Array]:
    """Returns the values of a window's fields, those that no message has a value of left out.

    Args:
        columns: The fields.
        types: The types of those that are wanted.
        data: The bytes of the messages, one behind the other.
        rows: How many messages.
    """
    arrays = {}
    for name, places, meaning in columns:
        kind = types.get(name)
        if kind is None:
            continue
        values = _values(meaning, _bytes_at(places, meaning, data, len(data) // rows), rows, kind)
        if values.null_count < rows:
            arrays[name] = values
    return arrays


def _bytes_at(places: tuple[int, ...], meaning: Meaning, data: bytes, length: int) -> bytes | bytearray:
    """The bytes at some places of each message, put together; numbers in the order of this computer's bytes."""
    if len(places) == 1:
        return data[places[0] :: length]
    size = len(places)
    found = bytearray(len(data) // length * size)
    if meaning.divisor is not None and sys.byteorder == "little":
        places = places[::-1]
    for index, place in enumerate(places):
        found[index::size] = data[place::length]
    return found


def _values(meaning: Meaning, data: bytes | bytearray, rows: int, kind: Type) -> Array:
    buffer = pa.py_buffer(data)
    if meaning.divisor is not None:
        numbers = cast(pa.Array.from_buffers(_UNSIGNED[meaning.size], rows, [None, buffer]), kind)
        return numbers if meaning.divisor == 1 else divided(numbers, scalar_of(float(meaning.divisor), pa.float64()))
    if meaning.size == 1:
        return taken(_table(meaning, kind), pa.Array.from_buffers(pa.uint8(), rows, [None, buffer]))
    if meaning.size == 2:
        return _pairs(meaning, kind).values(data, rows)
    found = encoded(pa.Array.from_buffers(pa.binary(meaning.size), rows, [None, buffer]))
    return taken(array_of(meaning.values(found.dictionary.to_pylist()), kind), found.indices)


@lru_cache(maxsize=1024)
def _table(meaning: Meaning, kind: Type) -> Array:
    """What each byte means, null if it has no value."""
    return array_of(meaning.table, kind)


class _Pairs:
    """What each two bytes mean.

    A schedule has fourteen times of day, each of two bytes, and all of the same meaning. So all that can follow a first
    byte is worked out when that comes up, and what is looked up after that is a number.
    """

    def __init__(self, meaning: Meaning, kind: Type) -> None:
        self._meaning = meaning
        self._kind = kind
        self._numbers = bytearray(256)  # of the first bytes that came up, in the order in which they did
        self._known: set[int] = set()
        self._meanings: list[Any] = []  # of all pairs with these first bytes
        self._table: Array = None
        self._lock = Lock()  # captures may be decoded in several threads

    def values(self, data: bytes | bytearray, rows: int) -> Array:
        """Returns the values of some pairs."""
        first, second = data[::2], data[1::2]
        with self._lock:
            new = set(first) - self._known
            if new:
                self._add(new)
            table, numbers = self._table, bytes(self._numbers)
        places = bytearray(2 * rows)
        low = 0 if sys.byteorder == "little" else 1
        places[low::2], places[1 - low :: 2] = second, first.translate(numbers)
        return taken(table, pa.Array.from_buffers(pa.uint16(), rows, [None, pa.py_buffer(places)]))

    def _add(self, new: Iterable[int]) -> None:
        for byte in new:
            self._numbers[byte] = len(self._known)
            self._known.add(byte)
            self._meanings += self._meaning.values_behind(bytes((byte,)))
        self._table = array_of(self._meanings, self._kind)


@lru_cache(maxsize=64)
def _pairs(meaning: Meaning, kind: Type) -> _Pairs:
    return _Pairs(meaning, kind)
