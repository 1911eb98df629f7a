"""The columns of a dataset: one schema for the messages of all generations.

`generation`, `machine` and `date` are the partitions, so they stand in the folders' names and not in the files. Texts
are plain strings: pandas, DuckDB and Polars read those alike, and Parquet keeps repeated ones once anyway.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from lmdecode.analysis.columns import field_kinds

PARTITIONS: Final = ("generation", "machine", "date")
"""The partitions, from the outermost: the protocol, the machine's name, and the day in UTC (`2026-11-21`)."""


@cache
def record_schema() -> Any:  # noqa: ANN401 -- pyarrow has no types
    """Returns the columns that rows are made with, `generation` and `machine` among them: a `pyarrow.Schema`."""
    import pyarrow as pa

    from lmdecode.render.table_schema import schema

    words = schema(tuple(field_kinds()), several=True)
    plain = [
        pa.field(each.name, pa.string() if pa.types.is_dictionary(each.type) else each.type, each.nullable)
        for each in words
    ]
    return pa.schema(plain)


@cache
def file_schema() -> Any:  # noqa: ANN401 -- pyarrow has no types
    """Returns the columns of a file in the dataset: those of `record_schema` without the partitions."""
    import pyarrow as pa

    return pa.schema([each for each in record_schema() if each.name not in PARTITIONS])


@cache
def dataset_schema() -> Any:  # noqa: ANN401 -- pyarrow has no types
    """Returns the columns that a reader of a dataset sees: those of its files, then the partitions, all three texts."""
    import pyarrow as pa

    return pa.schema([*file_schema(), *(pa.field(name, pa.string()) for name in PARTITIONS)])
