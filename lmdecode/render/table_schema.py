"""The columns of tables of Records: their types, and which of them a file keeps as words of a dictionary."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

import pyarrow as pa

from lmdecode.analysis.columns import field_kinds, record_columns

Type: TypeAlias = Any  # pyarrow has no types

_WORDS: Final = pa.dictionary(pa.int32(), pa.string())
_COLUMN_TYPES: Final = {
    "time": pa.timestamp("ns", "UTC"),
    "stream": pa.int64(),
    "sender": _WORDS,
    "source": _WORDS,
    "destination": _WORDS,
    "kind": _WORDS,
    "role": _WORDS,
    "address": pa.int32(),
    "length": pa.int32(),
    "ok": pa.bool_(),
    "elapsed": pa.float64(),
    "raw": pa.binary(),
    "problems": pa.list_(pa.string()),
    "machine": _WORDS,
}
"""Of what every record has; the others are text."""
_FIELD_TYPES: Final = {
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "string": pa.string(),
    "array": pa.list_(pa.string()),
}
"""By the JSON type that the memory map gives."""


_UNIQUE: Final = frozenset(("data", "plaintext"))
"""Texts of which hardly any two are equal."""


def schema(fields: Sequence[str], *, several: bool = False) -> pa.Schema:
    """Return the columns of a table that has these fields, of one capture or of several."""
    kinds = field_kinds()
    return pa.schema(
        [
            *((name, _COLUMN_TYPES.get(name, pa.string())) for name in record_columns(several=several)),
            *((name, _FIELD_TYPES[kinds[name].type]) for name in fields),
        ]
    )


class AllTypes(Mapping[str, Type]):
    """The types of all columns of a table of one capture; that of a field when it is first asked for.

    To know the fields of all dialects takes as long as to decode some thousand messages.
    """

    def __init__(self) -> None:
        self._known = {each.name: each.type for each in schema(())}

    def __getitem__(self, name: str) -> Type:
        kind = self._known.get(name)
        if kind is None:
            kind = self._known[name] = _FIELD_TYPES[field_kinds()[name].type]
        return kind

    def __iter__(self) -> Iterator[str]:
        return iter(schema(tuple(field_kinds())).names)

    def __len__(self) -> int:
        return len(schema(tuple(field_kinds())))


def repeating(columns: pa.Schema) -> list[str]:
    """Return the Parquet columns whose values repeat, so that a dictionary in the file pays: words and lists of words.

    Numbers, data and plaintexts seldom repeat: without their dictionaries the files of a dataset are 12 % smaller, and
    are written in a fifth less of the time.
    """
    return [
        f"{each.name}.list.element" if pa.types.is_list(each.type) else each.name
        for each in columns
        if each.name not in _UNIQUE
        and (pa.types.is_dictionary(each.type) or pa.types.is_string(each.type) or pa.types.is_list(each.type))
    ]
