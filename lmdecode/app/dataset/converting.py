"""A unit becomes Parquet files and an entry, or a reason why it did not. Runs wherever there is time for it.

    copied      the unit's files are at hand, and their content is known     → perhaps the dataset has it already
    decoded     rows, a few thousand at a time                               → Parquet files beside the dataset
    put         all files are whole                                          → files of the dataset that nobody counts
    committed   one small file, in one step                                  → the capture is in the dataset

What is interrupted before the last step leaves files that no reader takes and the next export removes. What is done
twice, also at the same time, gives the same files twice.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from lmdecode import __version__
from lmdecode.app.dataset import layout, lock
from lmdecode.app.dataset.entries import Entry, Table, states
from lmdecode.app.dataset.errors import DatasetError
from lmdecode.app.dataset.identity import Copy, Unsettled, local_copy
from lmdecode.app.dataset.naming import Namer
from lmdecode.app.dataset.schema import record_schema
from lmdecode.app.dataset.store import Dataset, now, open_dataset
from lmdecode.app.dataset.tables import TableWriter, TooManyFilesError
from lmdecode.app.dataset.unit import Job, Result, State, Unit
from lmdecode.app.decode import Outcome, counted, joined_into, nothing_decoded, read_into
from lmdecode.codec.errors import LmdecodeError
from lmdecode.codec.speakers import Speakers
from lmdecode.render.columnar import ColumnSink


@dataclass(frozen=True, slots=True)
class Part:
    """What came of a unit, or of a share of it, that is not committed yet: small, whatever the unit's size."""

    entry: Entry
    """As it will be, with the tables of this part alone."""
    bytes_read: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class _Rows:
    """What was written of some messages."""

    tables: tuple[Table, ...] = ()
    rows: int = 0
    problems: int = 0
    general: int = 0


def convert(unit: Unit, job: Job) -> Result:
    """Decodes a unit into the dataset, all of it or nothing. What is wrong with a capture is in the result.

    Two processes may convert the same unit at the same time.

    Args:
        unit: The capture.
        job: What is the same for all units.

    Raises:
        DatasetError: The dataset cannot be written at all (no rights, no space, no network): no other unit can either.
    """
    started = time.perf_counter()
    dataset = open_dataset(job.dataset)
    reached = False
    try:
        with local_copy(unit, _lengths(unit)) as copy:
            reached = True
            before = dataset.entry(copy.content)
            if before is not None and (not before.unread or before.keys == dataset.tag(job)):
                return _present(dataset, before, unit, started)
            part = _part(unit, job, dataset, copy, before)
        return commit(unit, job, [replace(part, seconds=time.perf_counter() - started)])
    except DatasetError:
        raise
    except Unsettled as error:
        return Result(unit.name, State.LEFT, reason=str(error), seconds=time.perf_counter() - started)
    except Exception as error:  # noqa: BLE001 -- one capture must not end the export of thousands
        reason = _reason(unit, error)
        dataset.record_failure(unit, job, reason, passing=not reached)
        return Result(unit.name, State.FAILED, reason=reason, seconds=time.perf_counter() - started)


def commit(unit: Unit, job: Job, parts: Sequence[Part]) -> Result:
    """Makes what was written of a unit part of the dataset, in one step.

    Args:
        unit: The capture.
        job: What is the same for all units.
        parts: Those of all its shares.

    Raises:
        DatasetError: The entry cannot be written, or the export that this is part of has lost its lock.
    """
    started = time.perf_counter()
    dataset = open_dataset(job.dataset)
    first = parts[0].entry
    entry = replace(
        first,
        tables=tuple(table for part in parts for table in part.entry.tables),
        complaints=tuple(dict.fromkeys(each for part in parts for each in part.entry.complaints)),
        added=now(),
        **{
            name: sum(getattr(part.entry, name) for part in parts) for name in ("rows", "problems", "general", "unread")
        },
    )
    path = layout.entry(entry.content)
    _check_lock(dataset, job)
    dataset.storage.write(path, entry.to_json())
    try:
        _check_lock(dataset, job)
    except DatasetError:
        with suppress(DatasetError):  # its files may have been removed as leftovers
            dataset.storage.remove(path)
        raise
    dataset.forget_failure(unit.name)
    return Result(
        unit.name,
        State.REPLACED if entry.replaces or entry.edition > 1 else State.ADDED,
        complaints=entry.complaints,
        content=entry.content,
        rows=entry.rows,
        problems=entry.problems,
        general=entry.general,
        bytes_read=sum(part.bytes_read for part in parts),
        bytes_written=sum(table.bytes for table in entry.tables),
        files=len(entry.tables),
        seconds=sum(part.seconds for part in parts) + time.perf_counter() - started,
    )


def _part(unit: Unit, job: Job, dataset: Dataset, copy: Copy, before: Entry | None) -> Part:
    """Decodes a unit into files of the dataset that nobody counts yet.

    Raises:
        LmdecodeError: Nothing could be decoded, or it is still being written.
    """
    edition = 1 if before is None else before.edition + 1
    outcomes = [Outcome(path, capture=unit.name, memory=job.memory) for path in copy.paths]
    speakers = Speakers.open(job.access(), job.port, job.ports)
    columns = ColumnSink(record_schema())
    if len(outcomes) == 1:
        made = read_into(columns.sink, outcomes[0], speakers)
    else:
        made = joined_into(columns.sink, outcomes, speakers, capture=unit.name)
    writer = TableWriter(dataset.storage, layout.stem(copy.content, edition=edition))
    try:
        written = _written(columns.batches(made), Namer(job), writer)
        is_cut = any(outcome.error is not None or outcome.statistics.is_cut for outcome in outcomes)
        copy.check(cut=is_cut)
        complaints = [copy.told(each) for outcome in outcomes for each in outcome.complaints]
        nothing = nothing_decoded(outcomes, speakers)
        if nothing is not None:
            raise LmdecodeError(copy.told(nothing) or "; ".join(complaints))
        if not written.rows and complaints:
            raise LmdecodeError("; ".join(complaints))
        tables = writer.finish()
    finally:
        writer.clean_up()
    tally = counted(outcomes)
    entry = Entry(
        unit.name,
        states(unit),
        copy.content,
        copy.pieces,
        tables,
        edition=edition,
        replaces=_replaced(unit, dataset, copy),
        rows=written.rows,
        problems=written.problems,
        general=columns.counts.general,
        unread=tally.frames - tally.valid_frames,
        keys=dataset.tag(job),
        complaints=tuple(complaints),
        by=__version__,
    )
    return Part(entry, bytes_read=unit.size)


def _written(batches: Iterable[Any], namer: Namer, writer: TableWriter) -> _Rows:
    """Hands rows to a writer, and counts them."""
    import pyarrow.compute as pc

    counts = _Rows()
    for batch in batches:
        writer.add(batch, *namer.partitions(batch))
        counts.rows += batch.num_rows
        counts.problems += pc.sum(pc.greater(pc.list_value_length(batch["problems"]), 0)).as_py() or 0
    return counts


def _replaced(unit: Unit, dataset: Dataset, copy: Copy) -> tuple[str, ...]:
    """Returns the contents that a unit stands in the place of: what it has grown from, and its pieces."""
    grown = [each.content for each in unit.earlier if copy.begins_with(each.pieces)]
    alone = [each.content for each in copy.pieces if len(copy.pieces) > 1 and dataset.entry(each.content) is not None]
    return tuple(each for each in dict.fromkeys((*grown, *alone)) if each != copy.content)


def _lengths(unit: Unit) -> Iterator[int]:
    """Yields the lengths of earlier states' last pieces, in bytes."""
    for each in unit.earlier:
        if each.pieces:
            yield each.pieces[-1].length


def _present(dataset: Dataset, entry: Entry, unit: Unit, started: float) -> Result:
    """Returns that a content is there already, and has the dataset remember the files that have it now."""
    if not entry.seen_as(unit):
        dataset.storage.write(layout.entry(entry.content), replace(entry, copies=entry.copies_with(unit)).to_json())
    dataset.forget_failure(unit.name)
    seconds = time.perf_counter() - started
    return Result(
        unit.name, State.PRESENT, content=entry.content, rows=entry.rows, bytes_read=unit.size, seconds=seconds
    )


def _reason(unit: Unit, error: Exception) -> str:
    """Returns why a unit failed, in one line."""
    if isinstance(error, LmdecodeError):
        return " ".join(str(error).split())
    if isinstance(error, TooManyFilesError):
        return f"{unit.name}: its times are spread over too many days to be those of a recording"
    what = " ".join(f"{type(error).__name__}: {error}".split())
    return f"{unit.name}: lmdecode is at fault ({what[:200]}); please report it"


def _check_lock(dataset: Dataset, job: Job) -> None:
    if job.lock and not lock.has(dataset.storage, job.lock):
        raise DatasetError(f"{dataset.name}: the export that this capture is part of is over; it was not added")
