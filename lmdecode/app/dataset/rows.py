"""Rows as tables in memory: those of a capture, as a dataset would have them, and those of a file of a dataset."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

from lmdecode.app.dataset.decoding import Decode
from lmdecode.app.dataset.identity import local_copy
from lmdecode.app.dataset.naming import Namer
from lmdecode.app.dataset.places import file_system, is_url, shown
from lmdecode.app.dataset.schema import PARTITIONS, dataset_schema, file_schema
from lmdecode.app.dataset.shares import Share
from lmdecode.app.dataset.storage import telling
from lmdecode.app.dataset.store import DataFile
from lmdecode.app.dataset.unit import Job, Unit
from lmdecode.codec.errors import LmdecodeError


def rows_of(unit: Unit, job: Job, tell: Callable[[str], None], share: Share = Share()) -> Any:  # noqa: ANN401, B008 -- pyarrow has no types; it does not change
    """Returns the rows of a capture, or of a share of it.

    Args:
        unit: The capture.
        job: What it is decoded with; its dataset is not looked at.
        tell: Is called with what is wrong with a capture that has rows all the same (a cut file, gaps): one line each.
        share: Which of its connections; without it all.

    Returns:
        A `pyarrow.Table` with the columns of `schema.dataset_schema`, in the order of the messages.

    Raises:
        LmdecodeError: It cannot be read, nothing in it could be decoded, or it is still being written.
    """
    import pyarrow as pa

    with local_copy(unit) as copy:
        decode, namer = Decode(unit, job, copy, share), Namer(job)
        batches = [_with_partitions(batch, namer) for batch in decode.batches()]
        decode.check()
        nothing = decode.nothing
        if nothing is not None and share.count > 1:
            nothing = _nothing_in(Decode(unit, job, copy))
        if nothing is not None:
            raise LmdecodeError(nothing)
    for each in decode.complaints:
        tell(each)
    return pa.Table.from_batches(batches, dataset_schema())


def table_of(file: DataFile, columns: Sequence[str] | None = None) -> Any:  # noqa: ANN401 -- pyarrow has no types
    """Returns the rows of a file of a dataset.

    Args:
        file: The file.
        columns: The columns to read; None: all of `schema.dataset_schema`.

    Returns:
        A `pyarrow.Table` with these columns, whose types are those of `schema.dataset_schema`.

    Raises:
        DatasetError: It cannot be read, or is not there any more: a later state of its capture took its place.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = dataset_schema()
    wanted = pa.schema([schema.field(name) for name in columns or schema.names])
    with ExitStack() as stack:
        source: Any = file.path
        stack.enter_context(telling("read", shown(file.path)))
        if is_url(file.path):
            storage, path = file_system(file.path)
            source = stack.enter_context(storage.open(path, "rb"))
        read = stack.enter_context(pq.ParquetFile(source)).read(
            [each for each in wanted.names if each not in PARTITIONS]
        )
    found = [
        pa.repeat(pa.scalar(getattr(file, each.name), pa.string()), file.rows)
        if each.name in PARTITIONS
        else read[each.name].cast(each.type)
        for each in wanted
    ]
    return pa.table(found, schema=wanted)


def _nothing_in(whole: Decode) -> str | None:
    """Returns why nothing in a capture could be decoded; None if something can, perhaps in another share."""
    for _ in whole.batches():
        pass
    return whole.nothing


def _with_partitions(batch: Any, namer: Namer) -> Any:  # noqa: ANN401 -- pyarrow has no types
    """Returns a batch as a dataset has it: with the names of machines, and the date of each row."""
    import pyarrow as pa

    found, which = namer.partitions(batch)
    partitions = [pa.array([getattr(each, name) for each in found], pa.string()).take(which) for name in PARTITIONS]
    return pa.RecordBatch.from_arrays(
        [*(batch[each.name] for each in file_schema()), *partitions], schema=dataset_schema()
    )
