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
from dataclasses import dataclass, field, replace
from typing import Any

from lmdecode import __version__
from lmdecode._collecting import seldom_collected
from lmdecode.app.dataset import layout, lock
from lmdecode.app.dataset.decoding import Decode
from lmdecode.app.dataset.entries import Entry, states
from lmdecode.app.dataset.errors import DatasetError
from lmdecode.app.dataset.identity import Copy, Unsettled, local_copy
from lmdecode.app.dataset.naming import Namer
from lmdecode.app.dataset.overlap import Overlap, overlap_of
from lmdecode.app.dataset.shares import Share
from lmdecode.app.dataset.store import Dataset, now, open_dataset
from lmdecode.app.dataset.tables import TableWriter, TooManyFilesError
from lmdecode.app.dataset.unit import Job, Result, State, Unit
from lmdecode.codec.dialect import Tallies
from lmdecode.codec.errors import LmdecodeError
from lmdecode.codec.speakers import Speakers


@dataclass(frozen=True, slots=True)
class Part:
    """What came of a unit, or of a share of it, that is not committed yet: small, whatever the unit's size."""

    entry: Entry
    """As it will be, with the tables and rows of this part alone."""
    nothing: str | None = None
    """Why no message could be decoded. None: one was decoded, or nothing is wrong. Other shares may have messages."""
    tallies: Tallies = field(default_factory=Tallies)
    """What was counted, in each protocol."""
    seconds: float = 0.0


def convert(unit: Unit, job: Job) -> Result:
    """Decodes a unit into the dataset, all of it or nothing. What is wrong with a capture is in the result.

    Two processes may convert the same unit at the same time.

    Args:
        unit: The capture.
        job: What is the same for all units.

    Raises:
        DatasetError: The dataset cannot be written at all (no rights, no space, no network): no other unit can either.
    """
    made = convert_share(unit, job, Share())
    return made if isinstance(made, Result) else commit(unit, job, [made])


def convert_share(unit: Unit, job: Job, share: Share) -> Part | Result:
    """Decodes some connections of a huge capture into files that nobody counts yet.

    Args:
        unit: The capture.
        job: What is the same for all units.
        share: Which of its connections.

    Returns:
        What `commit` takes when all shares are there, or what came of the unit, if that is known already: it is
        present, left, or has failed. Then the other shares do not matter.

    Raises:
        DatasetError: The dataset cannot be written at all.
    """
    started = time.perf_counter()
    dataset = open_dataset(job.dataset)
    reached = False
    try:
        with seldom_collected(), local_copy(unit, _lengths(unit)) as copy:
            reached = True
            before = dataset.entry(copy.content)
            if before is not None and (not before.unread or before.keys == dataset.tag(job)):
                return _present(dataset, before, unit, started)
            overlap = overlap_of(copy, unit.earlier)
            if len(overlap.held) == len(copy.pieces) and not overlap.replaces:
                dataset.forget_failure(unit.name)
                seconds = time.perf_counter() - started
                return Result(unit.name, State.PRESENT, content=overlap.by, bytes_read=unit.size, seconds=seconds)
            part = _part(unit, job, dataset, copy, before, share, overlap)
        return replace(part, seconds=time.perf_counter() - started)
    except DatasetError:
        raise
    except Unsettled as error:
        return Result(unit.name, State.LEFT, reason=str(error), seconds=time.perf_counter() - started)
    except Exception as error:  # noqa: BLE001 -- one capture must not end the export of thousands
        return _failed(dataset, unit, job, _reason(unit, error), started, passing=not reached)


def commit(unit: Unit, job: Job, parts: Sequence[Part]) -> Result:
    """Makes what was written of a unit part of the dataset, in one step.

    Args:
        unit: The capture.
        job: What is the same for all units.
        parts: Those of all its shares, in their order.

    Raises:
        DatasetError: The entry cannot be written, or the export that this is part of has lost its lock.
    """
    started = time.perf_counter()
    dataset = open_dataset(job.dataset)
    reasons = [part.nothing for part in parts if part.nothing is not None]
    if reasons and not any(part.nothing is None and part.entry.rows for part in parts):
        said = _verdict(job, parts) or reasons[0] or f"{unit.name}: nothing is in it"
        return _failed(dataset, unit, job, said, started)
    whole = [part.entry for part in parts]
    if any(each.content != whole[0].content for each in whole):
        return Result(unit.name, State.LEFT, reason="it is still being written: it changed between two shares of it")
    entry = replace(
        whole[0],
        tables=tuple(table for each in whole for table in each.tables),
        rows=sum(each.rows for each in whole),
        problems=sum(each.problems for each in whole),
        general=sum(each.general for each in whole),
        unread=sum(each.unread for each in whole),
        latest=max((each.latest for each in whole if each.latest is not None), default=None),
        added=now(),
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
        bytes_read=unit.size,
        bytes_written=sum(table.bytes for table in entry.tables),
        files=len(entry.tables),
        seconds=sum(part.seconds for part in parts) + time.perf_counter() - started,
    )


def _verdict(job: Job, parts: Sequence[Part]) -> str | None:
    """Returns what the dialects say of all that was counted in several shares, of which none had anything."""
    if len(parts) < 2:  # it was asked already
        return None
    total = Tallies()
    for part in parts:
        for name, tally in part.tallies.items():
            total[name].add(tally)
    return Speakers.open(job.access(), job.port, job.ports).verdict(total)


def _failed(dataset: Dataset, unit: Unit, job: Job, reason: str, started: float, *, passing: bool = False) -> Result:
    """Writes down why a unit is not in the dataset, and returns it."""
    dataset.record_failure(unit, job, reason, passing=passing)
    return Result(unit.name, State.FAILED, reason=reason, seconds=time.perf_counter() - started)


def _part(  # noqa: PLR0917 -- all that is known
    unit: Unit, job: Job, dataset: Dataset, copy: Copy, before: Entry | None, share: Share, overlap: Overlap
) -> Part:
    """Decodes a unit into files of the dataset that nobody counts yet.

    Raises:
        Unsettled: It is still being written.
        LmdecodeError: It needs a key that is not there.
    """
    edition = 1 if before is None else before.edition + 1
    number = None if share.count == 1 else share.index
    decode = Decode(unit, job, copy, share, overlap)
    writer = TableWriter(dataset.storage, layout.stem(copy.content, edition=edition, share=number))
    try:
        problems, latest = _written(decode.batches(), Namer(job), writer)
        decode.check()
        nothing = decode.nothing
        tables = () if nothing is not None and number is None else writer.finish()
    finally:
        writer.clean_up()
    tally = decode.tallies.total()
    entry = Entry(
        unit.name,
        states(unit),
        copy.content,
        copy.pieces,
        tables,
        edition=edition,
        replaces=_replaced(dataset, copy, overlap),
        rows=decode.rows,
        problems=problems,
        general=decode.general,
        unread=tally.frames - tally.valid_frames,
        keys=dataset.tag(job),
        complaints=decode.complaints,
        elsewhere=tuple(copy.pieces[number].content for number in sorted({*overlap.held, *overlap.after})),
        latest=latest,
        by=__version__,
    )
    return Part(entry, nothing, decode.tallies)


def _written(batches: Iterable[Any], namer: Namer, writer: TableWriter) -> tuple[int, int | None]:
    """Hands rows to a writer. Returns how many have problems, and when the last one was."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from lmdecode.render.array_making import scalar_of

    none = scalar_of(0, pa.int32())
    problems, latest = 0, None
    for batch in batches:
        writer.add(batch, *namer.partitions(batch))
        problems += pc.sum(pc.greater(pc.list_value_length(batch["problems"]), none)).as_py() or 0
        last = pc.max(batch["time"]).value
        latest = last if latest is None or (last is not None and last > latest) else latest
    return problems, latest


def _replaced(dataset: Dataset, copy: Copy, overlap: Overlap) -> tuple[str, ...]:
    """Returns the contents that a unit stands in the place of: what it has grown from, and its pieces."""
    alone = [each.content for each in copy.pieces if len(copy.pieces) > 1 and dataset.entry(each.content) is not None]
    return tuple(each for each in dict.fromkeys((*overlap.replaces, *alone)) if each != copy.content)


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
