"""Datasets of many captures, for programs."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lmdecode.api.arguments import Keys, PathLike, access_with, in_python_words
from lmdecode.app.asked import Asked
from lmdecode.app.dataset.places import shown
from lmdecode.app.dataset.unit import State
from lmdecode.app.export import ExportRequest
from lmdecode.app.export import export as run
from lmdecode.app.export_report import ExportReport
from lmdecode.app.query import query as ask


@dataclass(frozen=True, slots=True)
class Export:
    """What `export` has done."""

    captures: int = 0
    """Captures that were named, all together."""
    added: int = 0
    replaced: int = 0
    """Captures that have grown, and stand in place of what was there of them."""
    present: int = 0
    """Captures that were in the dataset already."""
    left: tuple[str, ...] = ()
    """Captures that are still being written and were left for the next export, one line each."""
    failed: tuple[str, ...] = ()
    """Captures that are not in the dataset, and why, one line each; and what was named and is not there."""
    rows: int = 0
    """Messages that came into the dataset."""
    problems: int = 0
    """Those of them that have any."""
    warnings: tuple[str, ...] = ()
    """What is wrong with captures that were added nevertheless (a cut file, gaps), one line each."""
    summary: str = ""
    """The counts in words, as the last line of `lmdecode export`."""

    def __str__(self) -> str:
        return "\n".join([self.summary, *self.left, *self.failed])


def export(
    *captures: PathLike,
    to: PathLike,
    key: Keys | None = None,
    config: PathLike | None = None,
    port: int | None = None,
    join: bool = False,
    scheduler: str | None = None,
    workers: int | None = None,
) -> Export:
    """Bring many captures into a dataset: Parquet files by generation, machine and day. Needs the extra `dataset`.

    Only captures that the dataset does not have are read; one that grew is replaced. What is wrong with a capture does
    not stop the others and does not raise, but is in what is returned.

    Args:
        captures: Files, folders, patterns ("captures/**/*.pcap") and URLs of these (`s3://`, `gs://`, `sftp://`,
            `https://`).
        to: The dataset: a folder or a URL. It is made if it is not there.
        key: As of `decode`.
        config: As of `decode`.
        port: As of `decode`.
        join: Whether files that one recording was cut into are one capture.
        scheduler: None: this process. "local": processes of this computer. `tcp://host:8786`: a scheduler of Dask.
        workers: How many processes "local" has; None means one for each core.

    Raises:
        KeyFormatError, MissingKeyError, ConfigError: As of `decode`.
        DatasetError: The dataset cannot be written, or another export writes it.
        MissingPackageError: A package is not installed.

    >>> import lmdecode, tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> done = lmdecode.export("captures/gs3av-settings.pcap", to=f"{folder.name}/years", config="captures/config.json")
    >>> done.added, done.rows, done.failed
    (1, 94, ())
    >>> lmdecode.query(f"{folder.name}/years", "select max(coffee_temp) as hottest from records").to_pylist()
    [{'hottest': 97.5}]
    >>> folder.cleanup()
    """
    given = None if key is None else access_with(key, config, show_secrets=False)
    request = ExportRequest([os.fspath(each) for each in captures], os.fspath(to), join, scheduler, workers)
    asked = Asked(config=None if config is None else Path(config), port=port, join=join)
    report = ExportReport()
    with in_python_words():
        run(request, asked, report, access=given)
    return _done(report, request.dataset)


def query(dataset: PathLike, sql: str) -> Any:  # noqa: ANN401 -- pyarrow has no types
    """Ask a dataset in SQL. Needs the extra `dataset`.

    Args:
        dataset: The dataset that `export` made: a folder or a URL.
        sql: One SELECT in DuckDB's SQL. The table `records` has a row for each message, `captures` one for each
            capture. Times and dates are UTC.

    Returns:
        A `pyarrow.Table`. polars and pandas take it: `polars.from_arrow(table)`, `table.to_pandas()`.

    Raises:
        QueryError: The SQL cannot be understood, does more than read, or fails.
        DatasetError: There is no dataset, or it cannot be read.
        MissingPackageError: A package is not installed.
    """
    with in_python_words():
        return ask(os.fspath(dataset), sql)


def _done(report: ExportReport, dataset: str) -> Export:
    counts = report.counts
    return Export(
        captures=report.total,
        added=counts[State.ADDED],
        replaced=counts[State.REPLACED],
        present=counts[State.PRESENT],
        left=tuple(each.line for each in report.left),
        failed=(*(each.line for each in report.failed), *(each.line for each in report.wrong)),
        rows=report.rows,
        problems=report.problems,
        warnings=tuple(report.complaints),
        summary=report.summary(shown(dataset)),
    )
