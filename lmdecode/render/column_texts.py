"""A window's columns as texts: the bytes of many messages go in, and the ends of their lines of CSV come out.

What a byte means is looked up in a table of 256 cells, and what two bytes mean in one of 65,536, which is filled by and
by. The cells are those that `csv` writes for the values, with the comma before them, so that a line is only joined.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache, lru_cache
from itertools import chain, repeat
from struct import iter_unpack, unpack
from typing import Final, TypeAlias

from lmdecode.codec.record import Value
from lmdecode.codec.v1._columns import Column, Meaning, columns_of
from lmdecode.codec.v1.window import decode_window
from lmdecode.render.csv_line import CsvLines, field_cell

Ends: TypeAlias = Callable[[bytes], Iterable[str]]
"""Makes the ends of lines: takes the bytes of some messages of a window, one behind the other."""
_Cells: TypeAlias = Callable[[bytes | bytearray], Iterable[str]]
"""Makes the cells of a field: takes its bytes in some messages, one behind the other."""

_WINDOWS: Final = 1024  # of which it is kept how their lines end
_REMEMBERED: Final = 4096  # cells of one field


class ColumnTexts:
    """Makes the ends of lines, which begin with the comma before the first field.

    Args:
        lines: Says which fields have a column, and how a value is written.
    """

    def __init__(self, lines: CsvLines) -> None:
        self._lines = lines
        self._fields = {name: place for place, name in enumerate(lines.names)}
        self.ends = lru_cache(maxsize=_WINDOWS)(self._ends)
        """Returns how the lines of a window end. Takes the arguments of `columns_of`."""
        self._cells = cache(self._make_cells)

    def _ends(self, address: int, length: int, written: bool) -> Ends:  # noqa: FBT001 -- a cache key
        columns = columns_of(address, length, written)
        if columns is not None:
            return self._joined(columns, length)
        lines = self._lines

        def decoded(data: bytes) -> Iterator[str]:
            for start in range(0, len(data), length):
                fields, _ = decode_window(address, data[start : start + length], written=written)
                yield lines.end(fields)

        return decoded

    def _joined(self, columns: Iterable[Column], length: int) -> Ends:
        places = self._fields
        wanted = {places[each.name]: each for each in columns if each.name in places}
        gaps = "".join(" " if place in wanted else "," for place in range(len(self._lines.names))).split(" ")
        gaps[-1] += "\n"
        takes = [
            (each.places, self._cells(each.meaning), gap)
            for (_, each), gap in zip(sorted(wanted.items()), gaps[1:], strict=True)
        ]

        def joined(data: bytes) -> Iterator[str]:
            pieces: list[Iterable[str]] = [repeat(gaps[0], len(data) // length)]
            for places, cells, gap in takes:
                pieces.append(cells(_bytes_at(places, data, length)))
                if gap:
                    pieces.append(repeat(gap))
            return map("".join, zip(*pieces, strict=False))

        return joined

    def _make_cells(self, meaning: Meaning) -> _Cells:
        size = meaning.size
        if size == 1:
            table = [_cell_of(value, self._lines) for value in meaning.table]
            return lambda data: map(table.__getitem__, data)
        if size == 2:
            return _Pairs(meaning, self._lines).cells
        if size == 4 and meaning.divisor == 1:
            return lambda data: [f",{number}" for number in unpack(f">{len(data) // 4}I", data)]
        known = _Known(meaning, self._lines)
        return lambda data: map(known.__getitem__, chain.from_iterable(iter_unpack(f"{size}s", data)))


def _bytes_at(places: Sequence[int], data: bytes, length: int) -> bytes | bytearray:
    """The bytes at some places of each message, put together."""
    if len(places) == 1:
        return data[places[0] :: length]
    size = len(places)
    found = bytearray(len(data) // length * size)
    for index, place in enumerate(places):
        found[index::size] = data[place::length]
    return found


class _Pairs:
    """The cell of each two bytes that came up, by the number that they are."""

    def __init__(self, meaning: Meaning, lines: CsvLines) -> None:
        self._known: list[str | None] = [None] * (1 << 16)
        self._meaning = meaning
        self._lines = lines

    def cells(self, data: bytes | bytearray) -> list[str]:
        """Returns the cells of some pairs."""
        numbers = unpack(f">{len(data) // 2}H", data)
        known = self._known
        found = [*map(known.__getitem__, numbers)]
        if None in found:
            for first in {number >> 8 for number in numbers}:
                if known[first << 8] is None:
                    known[first << 8 : first + 1 << 8] = self._behind(first)
            found = [*map(known.__getitem__, numbers)]
        return found  # type: ignore[return-value]  # none is None any more

    def _behind(self, first: int) -> list[str]:
        """The cells of all pairs with a first byte."""
        divisor = self._meaning.divisor
        if divisor is None:
            return [_cell_of(value, self._lines) for value in self._meaning.values_behind(bytes((first,)))]
        numbers = range(first << 8, first + 1 << 8)
        return [f",{number}" for number in numbers] if divisor == 1 else [f",{number / divisor}" for number in numbers]


class _Known(dict[bytes, str]):
    """The cell of each value of some bytes that came up."""

    def __init__(self, meaning: Meaning, lines: CsvLines) -> None:
        super().__init__()
        self._value = meaning.value
        self._lines = lines

    def __missing__(self, data: bytes) -> str:
        if len(self) >= _REMEMBERED:
            self.clear()
        self[data] = text = _cell_of(self._value(data), self._lines)
        return text


def _cell_of(value: Value | None, lines: CsvLines) -> str:
    """The cell of a field's value, or of none, with the comma before it."""
    if value is None:
        return ","
    return f",{value}" if type(value) in {int, float} else f",{lines.cell(field_cell(value))}"
