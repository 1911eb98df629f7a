"""A capture's rows as Parquet files, one or more for each partition, at a memory that does not grow with the capture.

What was measured, and decided by it (a capture of 94 messages, one of a day with 30,933; 287 columns, of which about
150 have any value):

| a file has | 94 messages | a day | its footer is read in |
| --- | --- | --- | --- |
| all columns, as pyarrow writes by itself | 83 KB | 574 KB | 1.4 ms |
| all columns, lean | 42 KB | 514 KB | 1.3 ms |
| only columns with a value, lean | 24 KB | 491 KB | 0.6 ms |

All columns stand in each file. To leave out the empty ones would make a small capture 1.7 times smaller and a day 4 %;
but pyarrow, pandas and Polars take the columns of a folder from its first file, so whoever reads the folder with one of
them would miss columns without a word, and DuckDB would refuse it without `union_by_name`. What is lean instead: there
is no copy of the schema in Arrow's form (the types of Parquet say all), ranges of values are only kept of columns by
which rows are chosen, and dictionaries only of words.

Rows wait in memory until there are enough of a partition for a group; columns that are empty do not wait with them.
"""

from __future__ import annotations

import contextlib
import secrets
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from lmdecode.app.dataset import layout
from lmdecode.app.dataset.entries import Table
from lmdecode.app.dataset.layout import Partition
from lmdecode.app.dataset.schema import file_schema
from lmdecode.app.dataset.storage import Storage, telling

GROUP: Final = 32_768
"""Rows of a group. What a footer says of a group is 18 KB, so these are half a byte a row; 8,192 were two."""
WAITING: Final = 65_536
"""Rows that may wait for their groups, of all partitions together: some 60 MB."""
OPEN: Final = 16
"""Files that may be open at once. A partition that comes back when its file was closed gets another one."""
_MOST: Final = 10_000
"""Files that one capture may have. Those of a machine have one for each day; random times would make millions."""

_RANGES: Final = ("time", "stream", "address", "capture")


class TooManyFilesError(Exception):
    """The times in a capture are spread over more days than any recording's are."""


@dataclass
class _Waiting:
    """Rows of a partition that wait for their group."""

    batches: list[Any] = field(default_factory=list)
    rows: int = 0


@dataclass
class _Open:
    """A file that is being written."""

    writer: Any
    file: Path
    path: str
    rows: int = 0


class TableWriter:
    """Writes a capture's rows into files beside the dataset, and makes them the dataset's when all are whole.

    Args:
        storage: Of the dataset.
        stem: What the names of the files begin with.
    """

    def __init__(self, storage: Storage, stem: str) -> None:
        from lmdecode.render.table_schema import repeating

        self._storage = storage
        self._stem = stem
        self._schema = file_schema()
        self._waiting: dict[Partition, _Waiting] = {}
        self._rows = 0
        self._open: dict[Partition, _Open] = {}
        self._numbers: dict[Partition, int] = {}
        self._whole: list[_Open] = []
        self._options = {
            "compression": "zstd",
            "store_schema": False,
            "write_statistics": [name for name in _RANGES if name in self._schema.names],
            "use_dictionary": repeating(self._schema),
        }
        with telling("written", storage.name):
            self._scratch = None if storage.local is not None else Path(tempfile.mkdtemp(prefix="lmdecode-"))
            self._folder = self._scratch or Path(storage.local or "") / layout.WRITING
            self._folder.mkdir(parents=True, exist_ok=True)

    def add(self, batch: Any, partitions: list[Partition], which: Any) -> None:  # noqa: ANN401 -- pyarrow has no types
        """Adds rows.

        Args:
            batch: A `pyarrow.RecordBatch` that has the columns of `schema.file_schema` among others.
            partitions: Those that occur in it.
            which: The number of each row's partition.

        Raises:
            DatasetError: They cannot be written.
            TooManyFilesError: There are too many partitions.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        from lmdecode.render.array_making import scalar_of

        rows = batch.num_rows
        used = [each.name for each in self._schema if batch[each.name].null_count < rows]
        lean = pa.RecordBatch.from_arrays([batch[name] for name in used], names=used)
        for number, partition in enumerate(partitions):
            alone = len(partitions) == 1
            some = lean if alone else lean.filter(pc.equal(which, scalar_of(number, pa.int32())))
            waiting = self._waiting.setdefault(partition, _Waiting())
            waiting.batches.append(some)
            waiting.rows += some.num_rows
            self._rows += some.num_rows
            if waiting.rows >= GROUP:
                self._write(partition)
        while self._rows >= WAITING:
            self._write(max(self._waiting, key=lambda each: self._waiting[each].rows))

    def finish(self) -> tuple[Table, ...]:
        """Writes what waits, and makes all files the dataset's.

        Raises:
            DatasetError: They cannot be written.
            TooManyFilesError: There are too many partitions.
        """
        for partition in [*self._waiting]:
            self._write(partition)
        for partition in [*self._open]:
            self._close(partition)
        made = []
        for each in self._whole:
            size = each.file.stat().st_size
            self._storage.put(each.file, each.path)
            made.append(Table(each.path, each.rows, size))
        self._whole = []
        return tuple(sorted(made, key=lambda table: table.path))

    def clean_up(self) -> None:
        """Removes what is not the dataset's."""
        for each in (*self._open.values(), *self._whole):
            with contextlib.suppress(Exception):
                each.writer.close()
            with contextlib.suppress(OSError):
                each.file.unlink()
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)

    def _write(self, partition: Partition) -> None:
        """Writes a group of the rows of a partition that wait."""
        waiting = self._waiting.pop(partition)
        self._rows -= waiting.rows
        table = self._filled(waiting.batches, waiting.rows)
        with self._telling():
            there = self._open.pop(partition, None) or self._begin(partition)
            self._open[partition] = there  # the last one is the one that was used last
            there.writer.write_table(table, row_group_size=GROUP * 2)
            there.rows += waiting.rows

    def _filled(self, batches: Iterable[Any], rows: int) -> Any:  # noqa: ANN401 -- pyarrow has no types
        """Returns batches as one table with all columns."""
        import pyarrow as pa

        found = pa.concat_tables([pa.Table.from_batches([each]) for each in batches], promote_options="default")
        empty: dict[Any, Any] = {}
        columns = []
        for each in self._schema:
            if each.name in found.schema.names:
                columns.append(found[each.name])
                continue
            if each.type not in empty:
                empty[each.type] = pa.nulls(rows, each.type)
            columns.append(empty[each.type])
        return pa.table(columns, schema=self._schema)

    def _begin(self, partition: Partition) -> _Open:
        import pyarrow.parquet as pq

        if len(self._open) >= OPEN:
            self._close(next(iter(self._open)))
        number = self._numbers[partition] = self._numbers.get(partition, 0) + 1
        if len(self._whole) >= _MOST:
            raise TooManyFilesError
        file = self._folder / secrets.token_hex(8)
        return _Open(
            pq.ParquetWriter(file, self._schema, **self._options), file, layout.table(partition, self._stem, number)
        )

    def _close(self, partition: Partition) -> None:
        there = self._open.pop(partition)
        self._whole.append(there)
        with self._telling():
            there.writer.close()

    def _telling(self) -> contextlib.AbstractContextManager[None]:
        name = self._storage.name if self._scratch is None else f"{self._scratch} (a copy for {self._storage.name})"
        return telling("written", name, OSError)
