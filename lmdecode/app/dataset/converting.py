"""A unit becomes Parquet files and an entry, or a reason why it did not. Runs wherever there is time for it."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from lmdecode.app.dataset.schema import file_schema, record_schema
from lmdecode.app.dataset.unit import Job, Result, State, Unit
from lmdecode.app.decode import Outcome, joined, read_into
from lmdecode.codec.speakers import Speakers
from lmdecode.render.columnar import ColumnSink

ENTRIES = "_lmdecode/captures"


def convert(unit: Unit, job: Job) -> Result:
    """Decodes a unit into the dataset, all of it or nothing. Never raises for what is wrong with a capture.

    Two processes may convert the same unit at the same time: both write the same files.

    Args:
        unit: The capture.
        job: What is the same for all units.

    Raises:
        DatasetError: The dataset cannot be written at all (no rights, no space, no network): no other unit can either.
    """
    started = time.perf_counter()
    folder = Path(job.dataset)
    digest = hashlib.sha256()
    for file in unit.files:
        digest.update(Path(file.url).read_bytes())
    content = digest.hexdigest()[:32]
    entry = folder / ENTRIES / f"{content}.json"
    if entry.exists():
        return Result(unit.name, State.PRESENT, content=content)
    outcomes = [Outcome(Path(file.url), capture=unit.name) for file in unit.files]
    speakers = Speakers.open(job.access(), job.port, job.ports)
    columns = ColumnSink(record_schema())
    made = joined(outcomes, speakers) if len(outcomes) > 1 else read_into(columns.sink, outcomes[0], speakers)
    import pyarrow.parquet as pq

    writers: dict[str, Any] = {}
    for batch in columns.batches(made):
        for place, rows in _by_partition(batch):
            if place not in writers:
                (folder / place).mkdir(parents=True, exist_ok=True)
                writers[place] = pq.ParquetWriter(
                    folder / place / f"{content}.parquet", file_schema(), compression="zstd"
                )
            writers[place].write_batch(rows)
    for writer in writers.values():
        writer.close()
    error = next((each.error for each in outcomes if each.error is not None), None)
    if error is not None and not columns.counts.rows:
        return Result(unit.name, State.FAILED, reason=str(error), content=content)
    files = [f"{place}/{content}.parquet" for place in writers]
    entry.parent.mkdir(parents=True, exist_ok=True)
    entry.write_text(json.dumps({"name": unit.name, "rows": columns.counts.rows, "files": files}))
    return Result(
        unit.name,
        State.ADDED,
        complaints=tuple(each for outcome in outcomes for each in outcome.complaints),
        content=content,
        rows=columns.counts.rows,
        general=columns.counts.general,
        bytes_read=unit.size,
        files=len(files),
        seconds=time.perf_counter() - started,
    )


def _by_partition(batch: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 -- pyarrow has no types
    """Yields the rows of each partition, with the partition's folder."""
    import pyarrow as pa

    places = [
        "/".join(
            f"{name}={'__HIVE_DEFAULT_PARTITION__' if value is None else quote(value, safe='')}"
            for name, value in (("generation", generation), ("machine", machine), ("date", _date(moment)))
        )
        for generation, machine, moment in zip(
            batch["generation"].to_pylist(),
            batch["machine"].to_pylist(),
            batch["time"].cast(pa.int64()).to_pylist(),
            strict=True,
        )
    ]
    kept = pa.RecordBatch.from_arrays([batch[each.name] for each in file_schema()], schema=file_schema())
    for place in dict.fromkeys(places):
        yield place, kept.take(pa.array([index for index, each in enumerate(places) if each == place]))


def _date(time_ns: int | None) -> str | None:
    return None if time_ns is None else datetime.fromtimestamp(time_ns // 1_000_000_000, UTC).date().isoformat()
