"""Messages as a long table: a row for each value, so that values of different fields stand one under the other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, TypeAlias

import pyarrow as pa

from lmdecode.analysis.units import unit_of
from lmdecode.codec.record import Value
from lmdecode.codec.v1.values import is_number
from lmdecode.render.columnar import Array, Group, whole_batch

_HEADS: Final = ("time", "stream", "sender", "kind", "role", "address", "machine")
_MOST: Final = 1 << 20  # values of a message, more than fit into one
_WORDS: Final = pa.dictionary(pa.int32(), pa.string())

Type: TypeAlias = Any  # pyarrow has no types


def long_schema() -> Any:  # noqa: ANN401 -- pyarrow has no types
    """Returns the columns: of the message, then the value's `name`, `value`, `text` and `unit`."""
    from lmdecode.render.table_schema import schema

    own = schema(())
    return pa.schema(
        [
            *(own.field(name) for name in _HEADS),
            *(("name", _WORDS), ("value", pa.float64()), ("text", pa.string()), ("unit", _WORDS)),
        ]
    )


def long_batch(group: Group, names: Sequence[str] | None) -> Any:  # noqa: ANN401 -- pyarrow has no types
    """Returns the values of a group's messages, in their order, as a `pyarrow.RecordBatch`.

    Args:
        group: The messages.
        names: The fields that are wanted; None for all.
    """
    values = _Values()
    chosen = None if names is None else frozenset(names)
    values.add_single(
        (row, index, name, value)
        for row, fields, _ in group.singles()
        for index, (name, value) in enumerate(fields.items())
        if chosen is None or name in chosen
    )
    for number, arrays in enumerate(group.windows()):
        rows = group.rows(number)
        for index, (name, column) in enumerate(arrays.items()):
            if name != "data" and (chosen is None or name in chosen):
                values.add(name, [row * _MOST + index for row in rows], column)
    return values.batch(group)


class _Values:
    """The values of a group, as they come."""

    def __init__(self) -> None:
        self._names: dict[str, int] = {}
        self._keys: list[Array] = []  # where each value belongs: its row, then its place in the message
        self._numbers: list[Array] = []  # of their names
        self._values: list[Array] = []
        self._texts: list[Array] = []

    def add_single(self, values: Iterable[tuple[int, int, str, Value]]) -> None:
        """Values of any kind: each one's row, its place in the message, its name."""
        rows = [
            (row * _MOST + index, self._number(name), *_number_or_text(value)) for row, index, name, value in values
        ]
        keys, numbers, found, texts = zip(*rows, strict=True) if rows else ((), (), (), ())
        self._append(pa.array(keys, pa.int64()), pa.array(numbers, pa.int32()), pa.array(found, pa.float64()), texts)

    def add(self, name: str, keys: Sequence[int], column: Array) -> None:
        """The values of a field, null where there is none."""
        places = pa.array(keys, pa.int64())
        if column.null_count:
            places, column = places.filter(column.is_valid()), column.drop_null()
        numbers = pa.repeat(pa.scalar(self._number(name), pa.int32()), len(column))
        if pa.types.is_list(column.type):
            import pyarrow.compute as pc

            column = pc.binary_join(column, ", ")
        if pa.types.is_string(column.type):
            self._append(places, numbers, pa.nulls(len(column), pa.float64()), column)
        else:
            self._append(places, numbers, column.cast(pa.float64()), None)

    def batch(self, group: Group) -> Any:  # noqa: ANN401 -- pyarrow has no types
        """All of them in their order."""
        columns = long_schema()
        keys = pa.concat_arrays(self._keys)
        import pyarrow.compute as pc

        order = pc.sort_indices(keys)
        rows = pc.divide(keys.take(order), _MOST)
        heads = {name: column.take(rows) for name, column in group.heads().items() if name in _HEADS}
        numbers = pa.concat_arrays(self._numbers).take(order)
        names = pa.array([*self._names], pa.string())
        units = pa.array([unit_of(name) for name in self._names], _WORDS)
        own = {
            "name": pa.DictionaryArray.from_arrays(numbers, names),
            "value": pa.concat_arrays(self._values).take(order),
            "text": pa.concat_arrays(self._texts).take(order),
            "unit": units.take(numbers),
        }
        return whole_batch(columns, heads | own, len(order))

    def _number(self, name: str) -> int:
        return self._names.setdefault(name, len(self._names))

    def _append(self, keys: Array, numbers: Array, values: Array, texts: Any) -> None:  # noqa: ANN401 -- or a sequence
        self._keys.append(keys)
        self._numbers.append(numbers)
        self._values.append(values)
        if texts is None:
            texts = pa.nulls(len(keys), pa.string())
        self._texts.append(texts if isinstance(texts, pa.Array) else pa.array(texts, pa.string()))


def _number_or_text(value: Value) -> tuple[float | None, str | None]:
    if isinstance(value, bool) or is_number(value):
        return float(value), None
    return None, ", ".join(value) if isinstance(value, list) else str(value)
