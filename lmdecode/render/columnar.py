"""Messages as Arrow record batches, in order and a group of rows at a time, so that memory does not grow.

Strategy
--------
A Record of a clean message is made to be taken apart again. So `ColumnSink`'s sink keeps of a clean message only what
differs from one to the next: its time, its plaintext, its seconds since the request, its machine; and what it has in
common with the others of its window and connection, which is made once.

At the end of a group the columns are filled, each in the way that costs least:

- What is the same for a window of a connection (ends, kind, address …) is a column of a few rows, one for each of
  them, from which every row takes its own.
- Times, plaintexts and waits are as they came.
- Fields come from all bytes of a window at once; see `column_arrays`. They are then put behind each other, window after
  window, and one `take` puts them where the messages are, with nulls between.
- A Record (of a message with problems, of another dialect) is a row of its own in both; so is a message whose window
  comes up too seldom for all this to pay.

Columns that nothing is in cost nothing: they share one array of nulls. What comes out is what Records would make,
value by value; a test compares the two for arbitrary captures. `counts` says how many Records there were, so that it
is seen if clean messages take the long way.
"""

from __future__ import annotations

import json
from array import array
from binascii import unhexlify
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any, Final, NamedTuple, TypeAlias

import pyarrow as pa

from lmdecode._parts import is_off
from lmdecode.analysis.columns import field_kinds
from lmdecode.codec.dialect import FieldsAs, Place, Sink
from lmdecode.codec.record import Kind, Record, Role, Sender, Value
from lmdecode.codec.v1._columns import Column, columns_of
from lmdecode.codec.v1.message import HEADER, NO_FIELDS, Header
from lmdecode.codec.v1.window import decode_window
from lmdecode.render.array_making import array_of, integers
from lmdecode.render.clean_rows import CleanRows, head_of
from lmdecode.render.column_arrays import window_arrays
from lmdecode.render.kernels import cast, taken
from lmdecode.render.row_order import RowOrder
from lmdecode.render.table_schema import AllTypes

GROUP: Final = 8192
"""Rows of a batch."""

Array: TypeAlias = Any  # pyarrow has no types
Type: TypeAlias = Any

_FEW: Final = 16  # rows; to decode so few of a window one by one costs less than its columns do
_SMALL: Final = 512  # rows; for a smaller group it does not pay to load pyarrow's functions
_WITHOUT_DATA: Final = HEADER + 2  # characters
_LARGEST_TIME: Final = 1 << 63


@dataclass(slots=True)
class ColumnCounts:
    """How many rows were made, and how many of them of Records."""

    rows: int = 0
    general: int = 0
    """Rows of messages that were not clean, or that another dialect than v1 decoded."""


_Window: TypeAlias = tuple[int, int, bool]
Columns: TypeAlias = tuple[Column, ...]


class _Prepared(NamedTuple):
    """What the clean messages of a window in a connection have in common."""

    head: Record
    window: _Window
    """As `columns_of` takes it."""
    is_asked: bool
    """Whether they ask to read; such messages have no data as a rule."""


_Row: TypeAlias = tuple[int, _Prepared | Record, str | None, tuple[str, ...], float | None, str | None]
"""A message: its time, what else it says, its plaintext, its problems, its seconds since the request, its machine."""


class _RecordRows:
    """The sink that makes rows of Records only."""

    fields_as: FieldsAs = "values"

    def record(self, record: Record) -> _Row:
        """Returns the row of a Record."""
        return record.time_ns, record, record.plaintext, record.problems, record.elapsed, record.machine


class _Rows(CleanRows, _RecordRows):
    """The sink that makes rows of clean messages as well: a `CleanSink`."""

    def prepare_window(self, place: Place, sender: Sender, window: Header, role: Role) -> _Prepared:
        """Returns what the messages of a window have in common."""
        kind, address, length = window
        is_asked = kind is Kind.READ and role == "request"
        return _Prepared(head_of(place, sender, window, role), (address, length, kind is Kind.WRITE), is_asked)


class ColumnSink:
    """What batches are made of: the sink to decode with, and what makes batches of all that it made.

    Args:
        columns: A `pyarrow.Schema` as `render.table_schema.schema` or `app.dataset.schema` return it. None: all columns
            that the messages turn out to have, for `groups` only.
    """

    def __init__(self, columns: Any) -> None:  # noqa: ANN401 -- pyarrow has no types
        self._columns = columns
        self.types: Mapping[str, Type] = AllTypes() if columns is None else {each.name: each.type for each in columns}
        self.sink: Sink[Any] = _RecordRows() if is_off("columns") else _Rows()
        """To be handed to the decoder."""
        self.counts = ColumnCounts()

    def batches(self, made: Iterable[Any]) -> Iterator[Any]:
        """Returns `pyarrow.RecordBatch`es of `GROUP` rows, the last one shorter, in the order of the messages.

        Args:
            made: What the sink made of each message.
        """
        for group in self.groups(made):
            yield whole_batch(self._columns, group.arrays(), group.size)

    def groups(self, made: Iterable[Any], size: int | None = None) -> Iterator[Group]:
        """Returns the groups that batches are made of.

        Args:
            made: As of `batches`.
            size: Rows of a group; None for `GROUP`. Larger ones take less time and more memory.
        """
        all_rows = iter(made)
        while rows := list(islice(all_rows, size or GROUP)):
            group = Group(rows, self.types)
            self.counts.rows += group.size
            self.counts.general += group.general
            yield group


def whole_batch(columns: Any, arrays: Mapping[str, Array], rows: int) -> Any:  # noqa: ANN401 -- pyarrow has no types
    """Returns a `pyarrow.RecordBatch` with all columns of a schema, null where there are no arrays of them."""
    nulls: dict[Type, Array] = {}
    filled = []
    for each in columns:
        found = arrays.get(each.name)
        if found is None:
            found = nulls.get(each.type)
            if found is None:
                found = nulls[each.type] = pa.nulls(rows, each.type)
        filled.append(found)
    return pa.record_batch(filled, schema=columns)


class _Part(NamedTuple):
    """Some rows of a group, and the columns that they have."""

    number: int
    arrays: Mapping[str, Array]


class Single(NamedTuple):
    """A message that is taken by itself."""

    row: int
    fields: Mapping[str, Value]
    data: str | None


class Group:
    """A group of rows on its way to columns.

    Args:
        rows: What the sink made.
        types: The types of the columns that are wanted.
    """

    def __init__(self, rows: Sequence[_Row], types: Mapping[str, Type]) -> None:
        self.size = len(rows)
        self.types = types
        times, prepared, texts, problems, elapsed, machines = zip(*rows, strict=True)
        self._times: Sequence[int] = times
        self._texts: Sequence[str | None] = texts
        self._own: Mapping[str, Sequence[Any]] = {
            "plaintext": texts,
            "problems": problems,
            "elapsed": elapsed,
            "machine": machines,
        }
        ids = [*map(id, prepared)]
        distinct: dict[int, _Prepared | Record] = dict(zip(ids, prepared, strict=True))
        numbers = dict(zip(distinct, range(len(distinct)), strict=True))
        self._prepared = [*distinct.values()]
        self._which = [*map(numbers.__getitem__, ids)]
        are_records = [isinstance(each, Record) for each in self._prepared]
        self.general = sum(map(are_records.__getitem__, self._which)) if any(are_records) else 0
        """Rows that are Records."""

    def arrays(self) -> dict[str, Array]:
        """Returns the columns that have any value."""
        return {**self.heads(), **self._of_data()}

    def heads(self) -> dict[str, Array]:
        """Returns the columns of what every message has, but for its data."""
        arrays = self._in_common()
        for name, values in self._own.items():
            kind = self.types.get(name)
            if kind is None:
                continue
            if name == "problems" and not any(values):
                arrays[name] = _empty_lists(kind, self.size)
            elif values.count(None) < self.size:
                arrays[name] = self._plaintexts if name == "plaintext" else array_of(values, kind)
        kind = self.types.get("time")
        if kind is not None:
            arrays["time"] = self._time(kind)
        return arrays

    @cached_property
    def _plaintexts(self) -> Array:
        return array_of(self._texts, pa.string())

    def _time(self, kind: Type) -> Array:
        try:
            moments = array("q", self._times)
        except OverflowError:  # a capture can claim any number; what no timestamp can hold has none
            times = [moment if -_LARGEST_TIME <= moment < _LARGEST_TIME else None for moment in self._times]
            return cast(array_of(times, pa.int64()), kind)
        return pa.Array.from_buffers(kind, self.size, [None, pa.py_buffer(moments)])

    def _in_common(self) -> dict[str, Array]:
        """The columns that follow from what rows have in common."""
        heads = [each if isinstance(each, Record) else each.head for each in self._prepared]
        if len(heads) < self.size < _SMALL:
            heads = [*map(heads.__getitem__, self._which)]
        which = None if len(heads) == self.size else integers(array("i", self._which))
        arrays = {}
        for name, value in _IN_COMMON.items():
            kind = self.types.get(name)
            if kind is None:
                continue
            values = [*map(value, heads)]
            if values.count(None) < len(values):
                column = array_of(values, kind)
                arrays[name] = column if which is None else taken(column, which)
        return arrays

    def _of_data(self) -> dict[str, Array]:
        """The columns that follow from the data of messages, each value in its row."""
        single = self.singles()
        if self._order is None:
            return self._of_single(single)
        parts = [_Part(number, arrays) for number, arrays in enumerate(self.windows())]
        if single:
            parts.append(_Part(len(parts), self._of_single(single)))
        return _merged(parts, self._order, self.size)

    def windows(self) -> Iterator[dict[str, Array]]:
        """Returns the columns of each window that has many rows, for its rows only; see `rows`."""
        order = self._order
        if order is None:
            return
        for number, columns in enumerate(self._windows.values()):
            size = order.sizes[number]
            arrays = window_arrays(columns, self.types, unhexlify(order.digits(number)), size)
            if "data" in self.types:
                arrays["data"] = order.data(number)
            yield arrays

    def rows(self, number: int) -> list[int]:
        """Returns the rows of one of the `windows`, by its number among them."""
        return [] if self._order is None else self._order.rows(number)

    def singles(self) -> list[Single]:
        """Returns what is taken one by one."""
        rows: Sequence[int] = range(self.size) if self._order is None else self._order.rows(len(self._windows))
        return [self._single(row) for row in rows]

    def _single(self, row: int) -> Single:
        prepared = self._prepared[self._which[row]]
        if isinstance(prepared, Record):
            return Single(row, prepared.fields, prepared.data)
        digits = (self._texts[row] or "")[HEADER:-2]
        if not digits:
            return Single(row, NO_FIELDS, None)
        address, _, written = prepared.window
        fields, _ = decode_window(address, unhexlify(digits), written=written)
        return Single(row, fields, digits.lower())

    @cached_property
    def _windows(self) -> dict[_Window, Columns]:
        """The windows that have so many rows that their columns pay."""
        few = _FEW if self.size >= _SMALL else self.size
        rows: Counter[_Window] = Counter()
        for number, count in Counter(self._which).items():
            prepared = self._prepared[number]
            if isinstance(prepared, _Prepared) and not prepared.is_asked:
                rows[prepared.window] += count
        found = {window: columns_of(*window) for window, count in rows.items() if count > few}
        return {window: columns for window, columns in found.items() if columns is not None}

    @cached_property
    def _order(self) -> RowOrder | None:
        """The rows in the order of what they belong to: the windows, what is taken one by one, and what has no data.

        None if all are taken one by one.
        """
        if not self._windows:
            return None
        numbers = {window: number for number, window in enumerate(self._windows)}
        single = len(numbers)
        order = None
        for without_data in (single + 1, single):
            parts = [
                single
                if isinstance(each, Record)
                else without_data
                if each.is_asked
                else numbers.get(each.window, single)
                for each in self._prepared
            ]
            order = RowOrder([*map(parts.__getitem__, self._which)], single + 2, self._plaintexts)
            if order.characters(single + 1) == order.sizes[single + 1] * _WITHOUT_DATA:
                break  # as always: who asks to read says no data
        return order

    def _of_single(self, single: Sequence[Single]) -> dict[str, Array]:
        """The columns of messages that are taken one by one, for these only."""
        types, names = self.types, field_kinds()
        size = len(single)
        columns: dict[str, list[Value | None]] = {}
        for place, (_, fields, _) in enumerate(single):
            for name, value in fields.items():  # a message has few of all fields, so it is not asked for each
                column = columns.get(name)
                if column is None:
                    if name not in types or name not in names:
                        continue
                    column = columns[name] = [None] * size
                column[place] = value
        arrays = {name: array_of(values, types[name]) for name, values in columns.items()}
        if "data" in types:
            arrays["data"] = array_of([each.data for each in single], types["data"])
        return arrays


def _merged(parts: Sequence[_Part], order: RowOrder, size: int) -> dict[str, Array]:
    """Returns the columns of all parts, each value in its row."""
    if len(parts) == 1 and order.sizes[parts[0].number] == size:
        return dict(parts[0].arrays)
    having: dict[str, list[int]] = {}
    for part in parts:
        for name in part.arrays:
            having.setdefault(name, []).append(part.number)
    takes: dict[tuple[int, ...], Array] = {}
    merged = {}
    for name, numbers in having.items():
        key = tuple(numbers)
        where = takes.get(key)
        if where is None:
            where = takes[key] = order.places(key)
        chunks = [parts[number].arrays[name] for number in numbers]
        merged[name] = taken(chunks[0] if len(chunks) == 1 else pa.concat_arrays(chunks), where)
    return merged


def _empty_lists(kind: Type, size: int) -> Array:
    offsets = pa.py_buffer(bytes(4 * (size + 1)))
    return pa.ListArray.from_buffers(kind, size, [None, offsets], children=[array_of([], kind.value_type)])


def _extra(record: Record) -> str | None:
    return json.dumps(dict(record.extra), ensure_ascii=False) if record.extra else None


def _kind(record: Record) -> str | None:
    return None if record.kind is None else str(record.kind)


def _named(name: str) -> Callable[[Record], object]:
    return lambda record: getattr(record, name)


_IN_COMMON: Final[Mapping[str, Callable[[Record], Any]]] = {
    **{
        name: _named(name)
        for name in Record._fields
        if name not in {"time_ns", "data", "plaintext", "fields", "problems", "elapsed", "machine", "request"}
    },
    "kind": _kind,
    "extra": _extra,
}
"""The columns that all messages of a window in a connection have in common, or that only Records have."""
