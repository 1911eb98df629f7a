"""The rows of a group, put in order by the window that their messages are of, and back.

What the messages of a window have under each other is taken apart all at once. So rows are sorted by the part that they
belong to, a window or the rest; the plaintexts of a window are then one piece of memory, and where a row went is where
its values come from. All of that is done by Arrow: a step of Python for each row would take longer than the columns.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from itertools import accumulate
from typing import Any, TypeAlias

import pyarrow as pa

from lmdecode.codec.v1.message import HEADER
from lmdecode.render.array_making import array_of, integers
from lmdecode.render.kernels import added, cast, lowered, places_in_order, sliced, taken

Array: TypeAlias = Any  # pyarrow has no types


class RowOrder:
    """The rows of a group in the order of their parts; within a part they stay in theirs.

    Args:
        parts: The number of each row's part.
        count: How many parts there are.
        texts: The plaintext of each row.
    """

    def __init__(self, parts: Sequence[int], count: int, texts: Array) -> None:
        sizes = Counter(parts)
        self.sizes = [sizes[number] for number in range(count)]
        """How many rows each part has."""
        self._starts = [0, *accumulate(self.sizes)]
        self._part = integers(array("i", parts))
        self._order = places_in_order(self._part)
        self._sorted = taken(texts, self._order)

    def rows(self, part: int) -> list[int]:
        """Returns which rows a part has."""
        return self._order.slice(self._starts[part], self.sizes[part]).to_pylist()  # type: ignore[no-any-return]

    def characters(self, part: int) -> int:
        """Returns how long the plaintexts of a part are, all together."""
        first, end = self._ends(self._sorted, part)
        return end - first

    def digits(self, part: int) -> bytes:
        """Returns the data of a part's messages as they are in the plaintexts, one behind the other."""
        first, end = self._ends(self._digits, part)
        return self._digits.buffers()[2].slice(first, end - first).to_pybytes()  # type: ignore[no-any-return]

    def data(self, part: int) -> Array:
        """Returns the data of each of a part's messages, in lower case."""
        return self._data.slice(self._starts[part], self.sizes[part])

    def places(self, parts: Sequence[int]) -> Array:
        """Returns for each row where its value is if the columns of some parts are put behind each other; or null."""
        shifts: list[int | None] = [None] * len(self.sizes)
        start = 0
        for part in parts:
            shifts[part] = start - self._starts[part]
            start += self.sizes[part]
        return added(taken(array_of(shifts, pa.int32()), self._part), self._places)

    @cached_property
    def _places(self) -> Array:
        """Where each row went."""
        return cast(places_in_order(self._order), pa.int32())

    @cached_property
    def _digits(self) -> Array:
        return sliced(self._sorted, HEADER, -2)  # from behind what says the window to the check byte

    @cached_property
    def _data(self) -> Array:
        return lowered(self._digits)

    def _ends(self, texts: Array, part: int) -> tuple[int, int]:
        """Where the texts of a part begin and end in their memory."""
        offsets = memoryview(texts.buffers()[1]).cast("i")
        start = self._starts[part]
        return offsets[start], offsets[start + self.sizes[part]]
